//! Where the running controller is reached: commands beside it print links that lead there.

use std::fs::{File, TryLockError};
use std::io::{self, Write as _};
use std::path::Path;

use url::Url;

/// The file in the data folder. The controller holds its lock while it runs, so that what a crash
/// leaves behind misleads nobody.
const FILE: &str = "running";

/// Tells the address until the file that is returned is dropped; `None` when another controller
/// runs on this folder.
pub(super) fn publish(data: &Path, public_url: &Url) -> io::Result<Option<File>> {
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(data.join(FILE))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    file.set_len(0)?;
    file.write_all(public_url.as_str().as_bytes())?;
    Ok(Some(file))
}

/// The public address of the controller that runs on this data folder, if one does.
#[must_use]
pub fn public_url(data: &Path) -> Option<Url> {
    let path = data.join(FILE);
    match File::open(&path).ok()?.try_lock_shared() {
        Err(TryLockError::WouldBlock) => std::fs::read_to_string(path).ok()?.parse().ok(),
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_told_while_its_controller_runs() {
        let folder = tempfile::tempdir().unwrap();
        let told = || public_url(folder.path()).map(String::from);
        let url = |port: u16| Url::parse(&format!("http://127.0.0.1:{port}/")).unwrap();
        assert_eq!(told(), None);
        let first = publish(folder.path(), &url(18420)).unwrap();
        assert_eq!(told().as_deref(), Some("http://127.0.0.1:18420/"));
        let second = publish(folder.path(), &url(8421)).unwrap();
        assert!(second.is_none());
        assert_eq!(told().as_deref(), Some("http://127.0.0.1:18420/"));
        drop(first);
        assert_eq!(told(), None, "also when nobody cleaned up");
        let _third = publish(folder.path(), &url(84)).unwrap();
        assert_eq!(told().as_deref(), Some("http://127.0.0.1:84/"));
    }
}
