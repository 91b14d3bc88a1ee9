//! The ports at which this person's own local proxies listen: what reaches the controller must not go
//! through them.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::file;

/// A locked file per port at which a local proxy of this person listens. The kernel unlocks it when
/// the process ends, however it ends.
#[derive(Clone, Debug)]
pub(crate) struct Ports {
    folder: PathBuf,
}

impl Ports {
    pub(crate) fn of(folder: &Path) -> Self {
        Self {
            folder: folder.join("local-proxies"),
        }
    }

    /// Marks a port as ours for as long as the file is held.
    pub(crate) fn mark(&self, port: u16) -> io::Result<File> {
        let file = file::for_locking(&self.file(port))?;
        // Waits for at most a reader that looks just now.
        file.lock()?;
        Ok(file)
    }

    /// True when a local proxy of this person listens at this port of 127.0.0.1.
    pub(crate) fn has(&self, port: u16) -> bool {
        let Ok(file) = File::open(self.file(port)) else {
            return false;
        };
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }

    fn file(&self, port: u16) -> PathBuf {
        self.folder.join(port.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_ours_for_as_long_as_it_is_marked() {
        let folder = tempfile::tempdir().unwrap();
        let ports = Ports::of(folder.path());
        assert!(!ports.has(8421));
        let mark = ports.mark(8421).unwrap();
        assert!(ports.has(8421) && !ports.has(8422));
        drop(mark);
        assert!(!ports.has(8421));
    }
}
