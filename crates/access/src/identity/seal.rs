//! Seals what must not be read from a copy of the store: the mail server's password, the secrets of
//! second factors, and what a browser keeps between two steps of signing in. The keys are files in the
//! data folder, beside the authorities' keys.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, anyhow, bail};
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};

use super::authorities;

/// The key's length in bytes.
const KEY_LEN: usize = 32;

/// One makes a key at a time: of two, the one that is written last would be the only one that opens.
static MAKING: Mutex<()> = Mutex::new(());

/// Which key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SealKey {
    /// For the mail server's password.
    Mail,
    /// For what belongs to signing in.
    SignIn,
}

impl SealKey {
    fn file(self) -> &'static str {
        match self {
            Self::Mail => "mail.key",
            Self::SignIn => "sign-in.key",
        }
    }
}

/// Seals a secret. It opens again for whoever names the same `bound_to`, and for nobody else.
///
/// # Errors
/// When the key cannot be read or made.
pub(crate) fn seal(
    data: &Path,
    key: SealKey,
    bound_to: &str,
    secret: &[u8],
) -> anyhow::Result<Vec<u8>> {
    let key = load(data, key, true)?;
    let mut sealed = secret.to_vec();
    let nonce = key
        .seal_in_place_append_tag(Aad::from(bound_to.as_bytes()), &mut sealed)
        .map_err(|_| anyhow!("it cannot be sealed"))?;
    Ok([nonce.as_ref().as_slice(), &sealed].concat())
}

/// What was sealed.
///
/// # Errors
/// When it was sealed by another key, or bound to something else.
pub(crate) fn open(
    data: &Path,
    key: SealKey,
    bound_to: &str,
    sealed: &[u8],
) -> anyhow::Result<Vec<u8>> {
    let (nonce, sealed) = sealed
        .split_at_checked(NONCE_LEN)
        .context("what was sealed is cut off")?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| anyhow!("no nonce"))?;
    let mut sealed = sealed.to_vec();
    let secret = load(data, key, false)?
        .open_in_place(nonce, Aad::from(bound_to.as_bytes()), &mut sealed)
        .map_err(|_| anyhow!("it was sealed by another key, or for something else"))?;
    Ok(secret.to_vec())
}

/// The key in the data folder, a file for nobody else's eyes.
fn load(data: &Path, key: SealKey, make: bool) -> anyhow::Result<RandomizedNonceKey> {
    let path = data.join("authorities").join(key.file());
    let _turn = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
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
    use super::*;

    #[test]
    fn a_secret_is_opened_by_its_key_for_what_it_is_bound_to() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("authorities")).unwrap();
        let data = folder.path();
        let sealed = seal(data, SealKey::SignIn, "ada", b"correct horse").unwrap();
        let again = seal(data, SealKey::SignIn, "ada", b"correct horse").unwrap();
        assert_ne!(sealed, again);
        assert!(!sealed.windows(5).any(|part| part == b"horse"));
        let opened = open(data, SealKey::SignIn, "ada", &sealed).unwrap();
        assert_eq!(opened, b"correct horse");
        assert!(open(data, SealKey::SignIn, "ben", &sealed).is_err());
        assert!(open(data, SealKey::SignIn, "ada", &sealed[..5]).is_err());
        seal(data, SealKey::Mail, "ada", b"x").unwrap();
        assert!(open(data, SealKey::Mail, "ada", &sealed).is_err());
        let path = data.join("authorities/sign-in.key");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(
                fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                0o600
            );
        }
        fs::remove_file(path).unwrap();
        let error = open(data, SealKey::SignIn, "ada", &sealed).unwrap_err();
        assert!(format!("{error:#}").contains("cannot be read"));
    }
}
