//! Lets one process at a time refresh.

use std::fs::File;
use std::path::PathBuf;

/// Waits for the lock on the file at `path`, made if it is not there; held until dropped. `None`,
/// with a warning, where files cannot be locked: then two processes that refresh in the same
/// instant may end the session, which is better than never to work.
pub(super) async fn exclusive(path: PathBuf) -> Option<File> {
    let shown = path.display().to_string();
    let locked = tokio::task::spawn_blocking(move || {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)?;
        file.lock()?;
        Ok::<_, std::io::Error>(file)
    })
    .await;
    match locked {
        Ok(Ok(file)) => Some(file),
        Ok(Err(error)) => {
            tracing::warn!(%error, file.path = shown, "The lock file cannot be locked.");
            None
        }
        Err(_) => None,
    }
}
