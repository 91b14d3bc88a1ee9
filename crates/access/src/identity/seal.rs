//! Seals the mail server's password: whoever has a copy of the store alone cannot read it, and whoever
//! can write the store cannot have it sent to another server.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use hourkey_store::mail::MailSettings;

use crate::identity::authorities;

/// The key's length in bytes.
const KEY_LEN: usize = 32;

/// Seals a password for the server, the login and the protection of these settings.
///
/// # Errors
/// When the key cannot be read or made.
pub(super) fn seal(
    data: &Path,
    settings: &MailSettings,
    password: &str,
) -> anyhow::Result<Vec<u8>> {
    let key = key(data, true)?;
    let mut sealed = password.as_bytes().to_vec();
    let nonce = key
        .seal_in_place_append_tag(Aad::from(bound_to(settings)), &mut sealed)
        .map_err(|_| anyhow!("the password cannot be sealed"))?;
    Ok([nonce.as_ref().as_slice(), &sealed].concat())
}

/// The password of these settings, where they have one.
///
/// # Errors
/// When it was sealed by another key, or for another server or login.
pub(super) fn open(data: &Path, settings: &MailSettings) -> anyhow::Result<Option<String>> {
    let Some(sealed) = &settings.password else {
        return Ok(None);
    };
    let (nonce, sealed) = sealed
        .split_at_checked(NONCE_LEN)
        .context("the sealed password is cut off")?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| anyhow!("no nonce"))?;
    let mut sealed = sealed.to_vec();
    let password = key(data, false)?
        .open_in_place(nonce, Aad::from(bound_to(settings)), &mut sealed)
        .map_err(|_| anyhow!("the password was sealed by another key, or for another server"))?;
    Ok(Some(String::from_utf8(password.to_vec())?))
}

/// What a sealed password is good for, and nothing else: whoever could have it sent less protected, or to
/// who shows another certificate, could read it.
fn bound_to(settings: &MailSettings) -> Vec<u8> {
    let login = settings.login.as_deref().unwrap_or_default();
    let MailSettings {
        host,
        port,
        security,
        authorities,
        ..
    } = settings;
    let security = security.as_str();
    // Last, since it has lines.
    format!("mail password\n{host}\n{port}\n{login}\n{security}\n{authorities}").into_bytes()
}

/// The key in the data folder, a file for nobody else's eyes beside the authorities' keys.
fn key(data: &Path, make: bool) -> anyhow::Result<RandomizedNonceKey> {
    let path: PathBuf = data.join("authorities").join("mail.key");
    let bytes = match fs::read(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound && make => {
            let mut fresh = [0_u8; KEY_LEN];
            rand::fill(&mut fresh);
            authorities::write(&path, &fresh)
                .with_context(|| format!("{} cannot be written", path.display()))?;
            fresh.to_vec()
        }
        other => other.with_context(|| format!("{} cannot be read", path.display()))?,
    };
    if bytes.len() != KEY_LEN {
        bail!("{} is damaged: restore it from a backup", path.display());
    }
    RandomizedNonceKey::new(&AES_256_GCM, &bytes).map_err(|_| anyhow!("no key of AES-256-GCM"))
}

#[cfg(test)]
mod tests {
    use hourkey_store::mail::MailSecurity;

    use super::*;

    fn settings(host: &str) -> MailSettings {
        MailSettings {
            host: host.to_owned(),
            port: 587,
            security: MailSecurity::StartTls,
            login: Some("hourkey".to_owned()),
            password: None,
            sender: "hourkey@corp.example".to_owned(),
            sender_name: String::new(),
            authorities: String::new(),
        }
    }

    #[test]
    fn a_password_is_opened_by_its_key_for_its_server_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("authorities")).unwrap();
        let data = folder.path();
        let mut meant = settings("mail.corp.example");
        let sealed = seal(data, &meant, "correct horse").unwrap();
        assert_ne!(sealed, seal(data, &meant, "correct horse").unwrap());
        assert!(!sealed.windows(5).any(|part| part == b"horse"));
        meant.password = Some(sealed);
        assert_eq!(open(data, &meant).unwrap().unwrap(), "correct horse");
        // Somebody changed the row.
        let mut others = [(); 3].map(|()| meant.clone());
        others[0].host = "evil.example".to_owned();
        others[1].security = MailSecurity::Clear;
        others[2].authorities = "another".to_owned();
        for other in others {
            assert!(open(data, &other).is_err(), "{other:?}");
        }
        let path = data.join("authorities/mail.key");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(
                fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                0o600
            );
        }
        fs::remove_file(path).unwrap();
        let error = open(data, &meant).unwrap_err();
        assert!(format!("{error:#}").contains("cannot be read"));
    }
}
