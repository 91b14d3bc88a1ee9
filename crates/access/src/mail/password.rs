//! The mail server's password, sealed: whoever has a copy of the store alone cannot read it, and whoever
//! can write the store cannot have it sent to another server.

use std::path::Path;

use hourkey_store::mail::MailSettings;

use crate::identity::seal::{self, SealKey};

/// Seals a password for the server, the login and the protection of these settings.
///
/// # Errors
/// When the key cannot be read or made.
pub(super) fn sealed(
    data: &Path,
    settings: &MailSettings,
    password: &str,
) -> anyhow::Result<Vec<u8>> {
    seal::seal(
        data,
        SealKey::Mail,
        &bound_to(settings),
        password.as_bytes(),
    )
}

/// The password of these settings, where they have one.
///
/// # Errors
/// When it was sealed by another key, or for another server or login.
pub(super) fn opened(data: &Path, settings: &MailSettings) -> anyhow::Result<Option<String>> {
    let Some(sealed) = &settings.password else {
        return Ok(None);
    };
    let password = seal::open(data, SealKey::Mail, &bound_to(settings), sealed)?;
    Ok(Some(String::from_utf8(password)?))
}

/// What a sealed password is good for, and nothing else: whoever could have it sent less protected, or to
/// who shows another certificate, could read it.
fn bound_to(settings: &MailSettings) -> String {
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
    format!("mail password\n{host}\n{port}\n{login}\n{security}\n{authorities}")
}

#[cfg(test)]
mod tests {
    use hourkey_store::mail::MailSecurity;

    use super::*;

    #[test]
    fn a_password_is_opened_for_its_server_alone() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("authorities")).unwrap();
        let data = folder.path();
        let mut meant = MailSettings {
            host: "mail.corp.example".to_owned(),
            port: 587,
            security: MailSecurity::StartTls,
            login: Some("hourkey".to_owned()),
            password: None,
            sender: "hourkey@corp.example".to_owned(),
            sender_name: String::new(),
            authorities: String::new(),
        };
        meant.password = Some(sealed(data, &meant, "correct horse").unwrap());
        assert_eq!(opened(data, &meant).unwrap().unwrap(), "correct horse");
        // Somebody changed the row.
        let mut others = [(); 3].map(|()| meant.clone());
        others[0].host = "evil.example".to_owned();
        others[1].security = MailSecurity::Clear;
        others[2].authorities = "another".to_owned();
        for other in others {
            assert!(opened(data, &other).is_err(), "{other:?}");
        }
    }
}
