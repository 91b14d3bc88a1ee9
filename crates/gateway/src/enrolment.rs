//! The state folder: the gateway's key, and the enrolment that the controller answered.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use hourkey_domain::ids::GatewayId;
use hourkey_pki::{Holder, Key};
use hourkey_protocol::gateway::Certificate;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde::{Deserialize, Serialize};
use url::Url;

const KEY: &str = "key.pem";
const ENROLMENT: &str = "enrolment.json";

/// The state folder. Only its owner may read it.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

/// The enrolment, as the controller answered it. Holds a secret.
#[derive(Clone, Serialize, Deserialize)]
pub struct Enrolled {
    /// The gateway.
    pub gateway: GatewayId,
    /// Its name.
    pub name: String,
    /// The network that it serves.
    pub network: String,
    /// The controller's address.
    pub controller: Url,
    /// The one authority that is trusted for the controller, PEM; `None` for the system's.
    pub authority: Option<String>,
    /// Secret: for the `Authorization` header.
    pub credential: String,
    /// The gateway's certificate, and the authority of devices' certificates.
    pub certificate: Certificate,
}

impl std::fmt::Debug for Enrolled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Enrolled")
            .field("gateway", &self.gateway)
            .field("network", &self.network)
            .field("controller", &self.controller.as_str())
            .finish_non_exhaustive()
    }
}

impl Folder {
    /// The folder at `path`, whether or not it is there.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// The folder at `path`, which is made where it is missing.
    ///
    /// # Errors
    /// When it cannot be made or used.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder
            .create(path)
            .with_context(|| format!("the folder {} cannot be made", path.display()))?;
        Ok(Self(path.to_owned()))
    }

    /// A file in it.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Returns true when the gateway is enrolled.
    #[must_use]
    pub fn is_enrolled(&self) -> bool {
        self.file(ENROLMENT).exists()
    }

    /// Returns the key to enrol with: the stored one, or a new one.
    ///
    /// # Errors
    /// When it can be neither read nor made.
    pub fn key(&self) -> anyhow::Result<Key> {
        if self.file(KEY).exists() {
            return self.stored_key();
        }
        let key = Key::generate()?;
        self.replace(KEY, key.to_pem().as_bytes())?;
        Ok(key)
    }

    fn stored_key(&self) -> anyhow::Result<Key> {
        let path = self.file(KEY);
        Key::from_pem(&read(&path)?).with_context(|| self.damaged(&path))
    }

    /// Returns the enrolment, and the key of its certificate.
    ///
    /// # Errors
    /// When the gateway is not enrolled, a file cannot be read, or they do not belong together.
    pub fn identity(&self) -> anyhow::Result<(Enrolled, Key)> {
        let enrolled = self.enrolled()?;
        let key = self.file(KEY);
        if !key.exists() {
            anyhow::bail!("{} is missing; {}", key.display(), self.way_out());
        }
        let key = self.stored_key()?;
        let shown = CertificateDer::from_pem_slice(enrolled.certificate.certificate.as_bytes());
        let holder = shown.map(|it| Holder::of(&it));
        let Ok(Ok(holder)) = holder else {
            anyhow::bail!(self.damaged(&self.file(ENROLMENT)));
        };
        if holder.key != key.fingerprint() {
            anyhow::bail!(
                "{KEY} and {ENROLMENT} in {} do not belong together: the certificate is for \
                 another key; {}",
                self.0.display(),
                self.way_out()
            );
        }
        Ok((enrolled, key))
    }

    /// Returns the enrolment.
    ///
    /// # Errors
    /// When the gateway is not enrolled, or the file cannot be read.
    pub fn enrolled(&self) -> anyhow::Result<Enrolled> {
        let path = self.file(ENROLMENT);
        if !path.exists() {
            anyhow::bail!(
                "this gateway is not enrolled: run `hourkey-gateway --state {} enrol CONTROLLER_URL` first",
                self.0.display()
            );
        }
        serde_json::from_str(&read(&path)?).with_context(|| self.damaged(&path))
    }

    fn damaged(&self, path: &Path) -> String {
        format!("{} is damaged; {}", path.display(), self.way_out())
    }

    fn way_out(&self) -> String {
        format!(
            "bring back what was there, or remove {KEY} and {ENROLMENT} from {}, and enrol the \
             gateway anew with a token from `hourkey-controller gateway add`",
            self.0.display()
        )
    }

    /// Stores the enrolment.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn keep(&self, enrolled: &Enrolled) -> anyhow::Result<()> {
        self.replace(ENROLMENT, &serde_json::to_vec_pretty(enrolled)?)
    }

    /// Replaces a file atomically. Only the owner may read it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn replace(&self, name: &str, content: &[u8]) -> anyhow::Result<()> {
        let path = self.file(name);
        let write = || -> std::io::Result<()> {
            let mut file = tempfile::NamedTempFile::new_in(&self.0)?;
            file.write_all(content)?;
            file.as_file().sync_all()?;
            file.persist(&path)?;
            #[cfg(unix)]
            std::fs::File::open(&self.0)?.sync_all()?;
            Ok(())
        };
        write().with_context(|| format!("{} cannot be written", path.display()))
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a gateway of version 0.1.0 wrote them, of a controller that is gone.
    const FILES: [(&str, &str); 2] = [
        (KEY, include_str!("fixtures/key.pem")),
        (ENROLMENT, include_str!("fixtures/enrolment.json")),
    ];

    #[test]
    fn what_an_earlier_version_left_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let state = Folder::open(folder.path()).unwrap();
        for (name, text) in FILES {
            state.replace(name, text.as_bytes()).unwrap();
        }
        let (enrolled, _) = state.identity().unwrap();
        assert_eq!((enrolled.gateway, &*enrolled.name), (GatewayId(1), "gw-1"));
        assert_eq!(enrolled.controller.as_str(), "http://127.0.0.1:18999/");
    }

    #[test]
    fn a_key_that_is_gone_or_anothers_is_said_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let state = Folder::open(folder.path()).unwrap();
        state.replace(ENROLMENT, FILES[1].1.as_bytes()).unwrap();
        let said = || format!("{:#}", state.identity().err().unwrap());
        assert!(said().contains("key.pem is missing"), "{}", said());
        assert!(!state.file(KEY).exists(), "no new key stands in for it");
        let other = Key::generate().unwrap().to_pem();
        state.replace(KEY, other.as_bytes()).unwrap();
        assert!(said().contains("do not belong together"), "{}", said());
        assert_eq!(std::fs::read_to_string(state.file(KEY)).unwrap(), other);
    }

    #[test]
    fn a_file_that_was_cut_off_is_said_with_the_way_out_and_nothing_is_lost() {
        for (name, text) in FILES {
            let folder = tempfile::tempdir().unwrap();
            let state = Folder::open(folder.path()).unwrap();
            let half = &text[..text.len() / 2];
            state.replace(name, half.as_bytes()).unwrap();
            let said = match name {
                KEY => state.key().err(),
                _ => state.enrolled().err(),
            };
            let said = format!("{:#}", said.unwrap());
            assert!(said.contains(name), "{said}");
            assert!(said.contains("enrol the gateway anew"), "{said}");
            let left = std::fs::read_to_string(state.file(name)).unwrap();
            assert_eq!(left, half);
        }
    }
}
