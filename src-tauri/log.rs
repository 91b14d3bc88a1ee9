//! Logs: to a bounded file in the state folder, and to stderr as `RUST_LOG` says.
//!
//! Never logged: tokens, passwords, reasons and comments, addresses with a query (docs/LOGGING.md).

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tracing_subscriber::filter::{EnvFilter, LevelFilter, Targets};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

/// The log file in the folder of logs.
pub(crate) const FILE: &str = "hourkey-desktop.log";

/// The file before, kept when a new one begins.
const PREVIOUS_FILE: &str = "hourkey-desktop.1.log";

/// A file is followed by a new one at this size.
const MAX_FILE_BYTES: u64 = 2 * 1024 * 1024;

/// Starts logging. Without a file to write to, stderr alone is used, and says so.
pub(crate) fn start(folder: &Path) {
    let level = EnvFilter::builder()
        .with_default_directive(LevelFilter::WARN.into())
        .from_env_lossy();
    let stderr = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(hourkey_terminal::has_colours())
        .log_internal_errors(false)
        .with_filter(level);
    let (file, failed) = match Bounded::open(folder, MAX_FILE_BYTES) {
        Ok(file) => (Some(file), None),
        Err(error) => (None, Some(error)),
    };
    let file = file.map(|file| {
        tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(Mutex::new(file))
            .log_internal_errors(false)
            .with_filter(
                Targets::new()
                    .with_default(LevelFilter::WARN)
                    .with_target("hourkey", LevelFilter::INFO),
            )
    });
    // Fails when there is a subscriber already, which is as good.
    let _ = tracing_subscriber::registry()
        .with(stderr)
        .with(file)
        .try_init();
    if let Some(error) = failed {
        tracing::warn!(%error, folder = %folder.display(), "cannot write a log file");
    }
}

/// A file that is put aside when it is full, so that two files are all there ever is.
struct Bounded {
    folder: PathBuf,
    file: File,
    size: u64,
    largest: u64,
}

impl Bounded {
    fn open(folder: &Path, largest: u64) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        // What a person uses, and when, is theirs to know.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(folder.join(FILE))?;
        Ok(Self {
            folder: folder.to_owned(),
            size: file.metadata()?.len(),
            file,
            largest,
        })
    }
}

impl Write for Bounded {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.size > 0 && self.size + line.len() as u64 > self.largest {
            std::fs::rename(self.folder.join(FILE), self.folder.join(PREVIOUS_FILE))?;
            *self = Self::open(&self.folder, self.largest)?;
        }
        let written = self.file.write(line)?;
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_files_hold_the_latest_lines_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        for run in 0..3 {
            let mut log = Bounded::open(&folder.path().join("logs"), 100).unwrap();
            for line in 0..10 {
                writeln!(log, "run {run} line {line}").unwrap();
            }
        }
        let read = |name| std::fs::read_to_string(folder.path().join("logs").join(name)).unwrap();
        let (now, before) = (read(FILE), read(PREVIOUS_FILE));
        assert!(now.len() <= 100 && before.len() <= 100);
        assert!(now.ends_with("run 2 line 9\n"), "{now}");
        assert_eq!(
            std::fs::read_dir(folder.path().join("logs"))
                .unwrap()
                .count(),
            2
        );
    }
}
