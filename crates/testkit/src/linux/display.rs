//! A display without a screen.

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::process::{self, Process};

/// An X server (Xvfb) on a free display.
#[derive(Debug)]
pub struct Display {
    name: String,
    size: (u32, u32),
    _server: Process,
    _logs: TempDir,
}

impl Display {
    /// Starts a display of 1280 × 900 pixels.
    ///
    /// # Errors
    /// When Xvfb does not start.
    pub async fn start() -> Result<Self> {
        Self::start_sized(1280, 900).await
    }

    /// Starts a display of this size in pixels.
    ///
    /// # Errors
    /// When Xvfb does not start.
    pub async fn start_sized(width: u32, height: u32) -> Result<Self> {
        let logs = tempfile::Builder::new().prefix("hourkey-").tempdir()?;
        let mut command = process::command("/usr/bin/Xvfb");
        // With -displayfd the server picks a free number, and says so once it is ready.
        command
            .args(["-displayfd", "1", "-nolisten", "tcp", "-noreset"])
            .args(["-screen", "0", &format!("{width}x{height}x24")])
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", logs.path());
        let server = Process::start("Xvfb", command, logs.path())?;
        let number = server
            .ready("its display number", async || {
                let log = server.log();
                log.lines()
                    .find_map(|line| line.trim().parse::<u32>().ok())
                    .with_context(|| format!("only {log:?}"))
            })
            .await?;
        Ok(Self {
            name: format!(":{number}"),
            size: (width, height),
            _server: server,
            _logs: logs,
        })
    }

    /// Width and height in pixels.
    #[must_use]
    pub fn size(&self) -> (u32, u32) {
        self.size
    }

    /// The value for `DISPLAY`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}
