//! Room on the disk that is kept for what ends access.
//!
//! A file holds the room. While the disk has less than that left, only works that end access are
//! run, and when they have used up what is left, the file makes way for them. It is made again, and
//! everything runs again, when the disk has room for both.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The room, in bytes: some thousand endings, with what SQLite needs to write them.
const ROOM: u64 = 16 * 1024 * 1024;

/// With less than this left, in bytes, the file makes way: what one group of works may need.
const LEAST: u64 = 4 * 1024 * 1024;

/// After SQLite found no room, the file is made again at the earliest after this.
const AFTER_REFUSAL: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(crate) struct Reserve {
    folder: PathBuf,
    /// The file, beside the database.
    path: PathBuf,
    /// What was found last, so that a change is logged once.
    is_full: bool,
    /// When SQLite said that the disk is full although the file system does not (a quota).
    refused_at: Option<Instant>,
}

impl Reserve {
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            path: folder.join("hourkey.reserve"),
            is_full: false,
            refused_at: None,
        }
    }

    /// Whether works other than those that end access may be run now. Call it before each group.
    pub(crate) fn has_room_for_all(&mut self) -> bool {
        let left = free(&self.folder);
        let needed = match self.is_whole() {
            true => ROOM,
            // Room for the file, and as much again, lest it come and go.
            false => 2 * ROOM,
        };
        let was_refused = self
            .refused_at
            .is_some_and(|at| at.elapsed() < AFTER_REFUSAL);
        let has_room = !was_refused && left.is_none_or(|left| left >= needed) && self.is_made();
        if left.is_some_and(|left| left < LEAST) {
            self.give_way();
        }
        if has_room == self.is_full {
            self.is_full = !has_room;
            let folder = self.folder.display();
            if has_room {
                tracing::info!(%folder, "the disk has room again: everything is kept again");
            } else {
                tracing::error!(
                    %folder,
                    "the disk is full: only what ends access is kept until there is room"
                );
            }
        }
        has_room
    }

    /// SQLite found no room: what ends access has it from now on.
    pub(crate) fn refused(&mut self) {
        self.refused_at = Some(Instant::now());
        self.give_way();
    }

    /// Makes room for what ends access, at the cost of the file.
    fn give_way(&self) {
        if let Err(error) = std::fs::remove_file(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::error!(%error, "the room kept for what ends access cannot be used");
        }
    }

    /// Whether the file holds the room. Another process, or an administrator, may have removed it.
    fn is_whole(&self) -> bool {
        std::fs::metadata(&self.path).is_ok_and(|file| file.len() == ROOM)
    }

    /// Makes the file, where it is missing, and says whether it holds the room.
    fn is_made(&self) -> bool {
        if self.is_whole() {
            return true;
        }
        let made = allocate(&self.path);
        if made.is_err() {
            // Half a file would only take room.
            let _ = std::fs::remove_file(&self.path);
        }
        made.is_ok()
    }
}

/// Makes the file and has the file system give it its blocks.
fn allocate(path: &Path) -> io::Result<()> {
    let mut file = crate::open::private(path)?;
    file.set_len(0)?;
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{FallocateFlags, fallocate};
        match fallocate(&file, FallocateFlags::empty(), 0, ROOM) {
            Ok(()) => return Ok(()),
            // Not every file system can.
            Err(rustix::io::Errno::OPNOTSUPP) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let zeros = vec![0; 64 * 1024];
    for _ in 0..ROOM / 65_536 {
        file.write_all(&zeros)?;
    }
    file.sync_all()
}

/// The bytes that are left on the disk of a folder; `None` where that cannot be told.
#[cfg(unix)]
fn free(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(not(unix))]
fn free(_: &Path) -> Option<u64> {
    None
}
