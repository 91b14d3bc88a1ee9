//! Small files that are either the old or the new version, whatever happens while they are saved, and
//! files whose locks only their owner can hold.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Replaces the file at `path` with `content`: a temporary file beside it, synced to disk, renamed
/// over it. Makes the folders that lead there. On Unix only the owner may read and write it.
///
/// # Errors
/// When it cannot be written; the old version stays.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = folder_of(path)?;
    let temporary = temporary(path);
    let written = write_new(&temporary, content).and_then(|()| std::fs::rename(&temporary, path));
    if written.is_err() {
        // The error that counts is the first one.
        let _ = std::fs::remove_file(&temporary);
    }
    written?;
    sync_folder(folder)
}

/// Whether the file at `path` can be replaced: writes a temporary file beside it, and removes that.
///
/// # Errors
/// When it cannot.
pub fn check(path: &Path) -> io::Result<()> {
    folder_of(path)?;
    let temporary = temporary(path);
    let written = write_new(&temporary, b"x");
    // The error that counts is the first one.
    let removed = std::fs::remove_file(&temporary);
    written.and(removed)
}

/// Opens the file at `path` for locking, and makes it and the folders that lead there where they are
/// missing. On Unix only the owner can open it: whoever can open a file can hold its lock.
///
/// # Errors
/// When it can be neither opened nor made.
pub fn for_locking(path: &Path) -> io::Result<File> {
    folder_of(path)?;
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    // One that an earlier version made may be open to others. Not every file system knows that.
    #[cfg(unix)]
    let _ = file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600));
    Ok(file)
}

/// The folder of a file, made where it is missing. On Unix only the owner may look into a new one.
fn folder_of(path: &Path) -> io::Result<&Path> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    Ok(folder)
}

fn temporary(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{:016x}", rand::random::<u64>()))
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Makes the rename itself survive a power loss.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_and_leaves_nothing_else_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/file");
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(
            std::fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1
        );
    }

    #[test]
    fn a_check_leaves_all_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/file");
        check(&path).unwrap();
        replace(&path, b"one").unwrap();
        check(&path).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        let beside = std::fs::read_dir(path.parent().unwrap()).unwrap();
        assert_eq!(beside.count(), 1);
        check(&path.join("below a file")).unwrap_err();
    }

    #[test]
    fn a_failed_save_keeps_the_old_version_and_no_leftovers() {
        let folder = tempfile::tempdir().unwrap();
        // A folder in the way: the rename fails.
        let path = folder.path().join("file");
        std::fs::create_dir_all(path.join("full")).unwrap();
        replace(&path, b"new").unwrap_err();
        assert!(path.join("full").is_dir());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        replace(&path, b"x").unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);

        let lock = folder.path().join("new/lock");
        for_locking(&lock).unwrap();
        assert_eq!((mode(lock.parent().unwrap()), mode(&lock)), (0o700, 0o600));
        std::fs::set_permissions(&lock, PermissionsExt::from_mode(0o644)).unwrap();
        for_locking(&lock).unwrap();
        assert_eq!(mode(&lock), 0o600);
    }
}
