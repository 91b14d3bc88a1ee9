//! `hourkey unlock`.

use chrono::{DateTime, Utc};
use hourkey_client::session::Session;
use hourkey_protocol::access::{AutoLocked, NewUnlock};

use crate::account::session;
use crate::exit::{CommandError, Exit};
use crate::print;
use crate::table::table;
use crate::text::{date, moment, visible, zone};

/// `hourkey unlock LOGIN`: `[AutoLocked]` as JSON.
pub(crate) async fn list(login: &str, json: bool) -> Result<(), CommandError> {
    let session = session().await?;
    let found = session.auto_locked(login).await?;
    if json {
        return print::json(&found);
    }
    if found.is_empty() {
        print::note("Nothing that they have access to locks by disuse.");
        return Ok(());
    }
    let now = now(&session).await?;
    let rows = found.iter().map(|found| {
        [
            found.resource.to_string(),
            found.resource_name.clone(),
            found.last_used.map_or_else(|| "never".to_owned(), date),
            found
                .locks_at
                .map_or_else(|| "locked".to_owned(), |at| moment(at, now)),
        ]
    });
    let used = format!("LAST USED ({})", zone(now));
    print::line(table(["ID", "RESOURCE", &used, "LOCKS"], rows))
}

/// `hourkey unlock LOGIN RESOURCE`: an `AutoLocked` as JSON.
pub(crate) async fn unlock(
    login: String,
    resource: &str,
    comment: String,
    json: bool,
) -> Result<(), CommandError> {
    let session = session().await?;
    let locks = session.auto_locked(&login).await?;
    let wanted = resource.trim();
    let is_meant = |found: &&AutoLocked| {
        found.resource_name.to_lowercase() == wanted.to_lowercase()
            || found.resource.to_string() == wanted
    };
    let Some(found) = locks.iter().find(is_meant) else {
        return Err(CommandError::new(
            Exit::NotFound,
            format!(
                "Nothing of this name locks by disuse for {}. List what does: hourkey unlock {}",
                visible(&login),
                visible(&login)
            ),
        ));
    };
    let new = NewUnlock {
        login,
        resource: found.resource,
        comment,
    };
    let unlocked = session.unlock(&new).await?;
    if json {
        return print::json(&unlocked);
    }
    let name = visible(&unlocked.resource_name);
    match unlocked.locks_at {
        Some(at) => {
            let at = moment(at, now(&session).await?);
            print::line(format_args!(
                "{name} is open to them. It locks {at} if unused."
            ))
        }
        None => print::line(format_args!("{name} is open to them.")),
    }
}

/// The controller's time.
async fn now(session: &Session) -> Result<DateTime<Utc>, CommandError> {
    Ok(session.snapshot().await?.server_time)
}
