//! Lets one process at a time refresh.

use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use crate::file;

/// How long to wait for another process before logging it.
const NOTE_AFTER: Duration = Duration::from_secs(5);

/// Waits for the lock on the file at `path`, made if it is not there; held until dropped. `None`,
/// with a warning, where files cannot be locked: then two processes that refresh in the same
/// instant may end the session, which is better than never to work.
pub(super) async fn exclusive(path: PathBuf) -> Option<File> {
    let shown = path.display().to_string();
    let mut locking = tokio::task::spawn_blocking(move || {
        let file = file::for_locking(&path)?;
        file.lock()?;
        Ok::<_, std::io::Error>(file)
    });
    let locked = match tokio::time::timeout(NOTE_AFTER, &mut locking).await {
        Ok(locked) => locked,
        Err(_) => {
            tracing::warn!(
                file.path = shown,
                "waiting for the lock file that another process holds"
            );
            locking.await
        }
    };
    match locked {
        Ok(Ok(file)) => Some(file),
        Ok(Err(error)) => {
            tracing::warn!(%error, file.path = shown, "The lock file cannot be locked.");
            None
        }
        Err(_) => None,
    }
}
