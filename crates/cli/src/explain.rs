//! `hourkey explain`: why a resource can or cannot be reached.

use hourkey_domain::Time;
use hourkey_domain::organisation::explain::sentences;

use crate::account::session;
use crate::exit::CommandError;
use crate::print;
use crate::resources::find;
use crate::text::{offset, zone};

/// `hourkey explain`: an `Explanation` as JSON.
pub(crate) async fn explain(
    wanted: &str,
    at: Option<Time>,
    json: bool,
) -> Result<(), CommandError> {
    let session = session().await?;
    let snapshot = session.snapshot().await?;
    let resource = find(&snapshot.resources, wanted)?;
    let explanation = session.explain(resource.id, at).await?;
    if json {
        return print::json(&explanation);
    }
    let asked_at = snapshot.server_time;
    let now = match at {
        Some(at) if at > asked_at => asked_at,
        // The moment at which the controller answered.
        Some(_) | None => explanation.at,
    };
    for sentence in sentences(&explanation, now, offset(now)) {
        print::line(sentence)?;
    }
    print::line(format_args!("Times are {}.", zone(now)))
}
