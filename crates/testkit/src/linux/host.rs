//! The controller's host: a data folder, and the commands that administrators run on it.
//!
//! No controller runs on it: see [`crate::controller`]. What goes wrong here panics: it is the
//! test's own fault, or the end of the test.
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::binaries;
use crate::process;
use crate::terminal::CommandOutput;

/// A host, with a folder of its own.
#[derive(Debug)]
pub struct Host(TempDir);

impl Host {
    /// A host without a data folder.
    #[must_use]
    pub fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A host with this organisation (the text of an `ORG.toml`).
    #[must_use]
    pub fn of(organisation: &str) -> Self {
        let host = Self::empty();
        let _ = host.apply(organisation, &["--yes"]).ended(0);
        host
    }

    /// The data folder.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    /// Runs `hourkey-controller apply` with these flags.
    #[must_use]
    pub fn apply(&self, organisation: &str, flags: &[&str]) -> CommandOutput {
        let file = self.0.path().join("org.toml");
        fs::write(&file, organisation).unwrap();
        self.run(&[&["apply", file.to_str().unwrap()], flags].concat())
    }

    /// Runs a command of `hourkey-controller`, in UTC.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> CommandOutput {
        let program = binaries::path("hourkey-controller").unwrap();
        let mut command = process::command(program);
        command.arg("--data").arg(self.data());
        let output = command.env("TZ", "UTC").args(arguments).output();
        CommandOutput::of(output.unwrap())
    }
}
