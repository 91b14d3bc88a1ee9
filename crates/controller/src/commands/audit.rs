//! `audit`: who did what, when.

use chrono::SecondsFormat;
use hourkey_domain::ids::UserId;
use hourkey_domain::text::{for_terminal, json_for_terminal};
use hourkey_store::log::{Audited, Subject};
use hourkey_store::{Read, StoreError};
use hourkey_terminal as terminal;

use super::opened::Opened;

/// Entries read at once.
const BATCH: u32 = 1_000;

/// Which entries, in which form.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only entries after this number.
    #[arg(long, default_value_t = 0)]
    after: i64,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

/// Prints the log, oldest first.
pub(crate) async fn run(opened: &Opened, arguments: Arguments) -> anyhow::Result<()> {
    let mut read = opened.store.read().await?;
    let mut after = arguments.after;
    loop {
        let entries = read.audit(after, BATCH).await?;
        let Some(last) = entries.last() else {
            return Ok(());
        };
        after = last.seq;
        for entry in &entries {
            let actor = match entry.actor {
                Some(id) => Some(login(&mut *read, id).await?),
                None => None,
            };
            if arguments.json {
                let json = as_json(entry, actor.as_deref()).to_string();
                terminal::line(json_for_terminal(&json))?;
            } else {
                let at = entry.at.to_rfc3339_opts(SecondsFormat::Millis, true);
                let actor = actor.as_deref().unwrap_or("-");
                let subject = subject(&mut *read, &entry.subject).await?;
                let line = format!(
                    "{:>8}  {at}  {actor:<12}  {:<20}  {subject}  {}",
                    entry.seq, entry.action, entry.detail
                );
                terminal::line(for_terminal(&line))?;
            }
        }
    }
}

/// What it was done to, with names: whose access to what, by which request and grant.
async fn subject(read: &mut dyn Read, subject: &Subject) -> Result<String, StoreError> {
    Ok(match *subject {
        Subject::Access {
            user,
            resource,
            request,
            grant,
        } => {
            let found = read.resource(resource).await?;
            let name = found.map_or_else(String::new, |(resource, _)| resource.name);
            let grant = grant.map_or_else(String::new, |grant| format!(", grant {grant}"));
            let user = login(read, user).await?;
            format!("{user} → {name} (request {request}{grant})")
        }
        Subject::Organisation { .. } => "organisation".to_owned(),
        Subject::Mail => "mail".to_owned(),
        Subject::Download => "download".to_owned(),
        Subject::Unknown => "something of a later version".to_owned(),
        Subject::Account { user } => login(read, user).await?,
        Subject::Use { user, resource, .. } => {
            let found = read.resource(resource).await?;
            let name = found.map_or_else(String::new, |(resource, _)| resource.name);
            format!("{} → {name}", login(read, user).await?)
        }
        Subject::Gateway { gateway } | Subject::GatewayAsked { gateway } => {
            format!("gateway {gateway}")
        }
    })
}

async fn login(read: &mut dyn Read, user: UserId) -> Result<String, StoreError> {
    let names = read.user_name(user).await?;
    Ok(names.map_or_else(|| user.to_string(), |(login, _)| login))
}

fn as_json(entry: &Audited, actor: Option<&str>) -> serde_json::Value {
    serde_json::json!({
        "seq": entry.seq,
        "at": entry.at,
        "actor": actor,
        "actor_id": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "detail": entry.detail,
    })
}
