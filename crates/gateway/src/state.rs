//! What a gateway keeps between its runs: who it is, and whom it trusts.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use hourkey_pki::Key;
use hourkey_protocol::gateway::{Certificate, Enrolment};
use serde::{Deserialize, Serialize};
use url::Url;

/// The enrolment's file in the state folder.
const FILE: &str = "enrolment.json";

/// A gateway's enrolment. Holds secrets: its file is for its owner's eyes only.
#[derive(Clone, Serialize, Deserialize)]
pub struct State {
    /// The controller's address.
    pub(crate) controller: Url,
    /// The authorities that alone are trusted for the controller, PEM; the system's when `None`.
    pub(crate) controller_authority: Option<String>,
    /// What the controller answered.
    pub(crate) enrolment: Enrolment,
    /// The key, PEM.
    pub(crate) key: String,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("controller", &self.controller.as_str())
            .field("enrolment", &self.enrolment)
            .finish_non_exhaustive()
    }
}

impl State {
    /// Reads the enrolment.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn load(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(FILE);
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .with_context(|| format!("{} is damaged: enrol the gateway anew", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => bail!(
                "this gateway has not enrolled: run `hourkey-gateway --state {} enrol CONTROLLER`",
                folder.display()
            ),
            Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
        }
    }

    /// Keeps the enrolment, whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn save(&self, folder: &Path) -> anyhow::Result<()> {
        let path = folder.join(FILE);
        write(&path, &serde_json::to_vec_pretty(self)?)
            .with_context(|| format!("{} cannot be written", path.display()))
    }

    /// The enrolment with a renewed certificate.
    pub(crate) fn renewed(&self, certificate: Certificate) -> Self {
        let mut renewed = self.clone();
        renewed.enrolment.certificate = certificate;
        renewed
    }

    /// The key.
    pub(crate) fn key(&self) -> anyhow::Result<Key> {
        Ok(Key::from_pem(&self.key)?)
    }
}

/// Makes the state folder, for its owner's eyes only.
pub(crate) fn make_folder(folder: &Path) -> anyhow::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(folder)
        .with_context(|| format!("{} cannot be made", folder.display()))
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let fresh: PathBuf = path.with_extension("new");
    let mut options = fs::File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(fresh, path)
}
