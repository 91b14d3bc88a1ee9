//! The two authorities that issue certificates: one for devices, one for gateways.
//!
//! Their keys are files in the data folder, not rows of the store: whoever can only read or write
//! the store cannot make a device. (And a gateway takes a certificate only with the key that the
//! store knows for that device, so whoever has only the authority's key cannot either.)

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use hourkey_domain::Time;
use hourkey_pki::{Authority, Key};

/// The authorities of a controller.
#[derive(Debug)]
pub struct Authorities {
    /// Issues devices' certificates.
    pub devices: Authority,
    /// Issues gateways' certificates.
    pub gateways: Authority,
}

impl Authorities {
    /// Those of a data folder; made there at the first start.
    ///
    /// # Errors
    /// When a file cannot be read or written, or does not hold what it should.
    pub fn open(data: &Path, now: Time) -> anyhow::Result<Self> {
        let folder = data.join("authorities");
        fs::create_dir_all(&folder)
            .with_context(|| format!("{} cannot be made", folder.display()))?;
        Ok(Self {
            devices: open(&folder, "devices", "Hourkey devices", now)?,
            gateways: open(&folder, "gateways", "Hourkey gateways", now)?,
        })
    }
}

fn open(folder: &Path, file: &str, name: &str, now: Time) -> anyhow::Result<Authority> {
    let path = folder.join(format!("{file}.pem"));
    match fs::read_to_string(&path) {
        Ok(text) => read(&text).with_context(|| {
            format!(
                "{} is damaged: restore it from a backup; without it every device and gateway has \
                 to enrol again",
                path.display()
            )
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let (authority, key) = Authority::new(name, now)?;
            let text = format!("{}{}", key.to_pem(), authority.certificate());
            write(&path, text.as_bytes())
                .with_context(|| format!("{} cannot be written", path.display()))?;
            Ok(authority)
        }
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
    }
}

/// The key, then the certificate, in one file: both or neither.
fn read(text: &str) -> anyhow::Result<Authority> {
    let start = text
        .find("-----BEGIN CERTIFICATE-----")
        .context("there is no certificate in it")?;
    let (key, certificate) = text.split_at(start);
    Ok(Authority::load(certificate, Key::from_pem(key)?)?)
}

/// Whole or not at all, for nobody else's eyes.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let fresh = path.with_extension("new");
    let mut options = fs::File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(fresh, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_authorities_come_back_and_their_keys_are_nobody_elses() {
        let folder = tempfile::tempdir().unwrap();
        let now = Time::from_timestamp_millis(1_900_000_000_000).unwrap();
        let first = Authorities::open(folder.path(), now).unwrap();
        let again = Authorities::open(folder.path(), now).unwrap();
        assert_eq!(first.devices.certificate(), again.devices.certificate());
        assert_eq!(first.gateways.certificate(), again.gateways.certificate());
        assert_ne!(first.devices.certificate(), first.gateways.certificate());
        let path = folder.path().join("authorities/devices.pem");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        fs::write(&path, "nothing").unwrap();
        let error = Authorities::open(folder.path(), now).unwrap_err();
        assert!(format!("{error:#}").contains("restore it from a backup"));
    }
}
