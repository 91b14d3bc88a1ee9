//! `hourkey list`, `open` and `copy`, and finding the resource that somebody means.

use chrono::{DateTime, Utc};
use hourkey_client::model::lock_now;
use hourkey_client::pages;
use hourkey_domain::format::{ago, remaining};
use hourkey_domain::lock::{LockState, Why};
use hourkey_domain::naming::{Called, meant};
use hourkey_domain::visibility::Visibility;
use hourkey_protocol::access::Resource;
use hourkey_protocol::event::Snapshot;
use serde::Serialize;
use url::Url;

use crate::account::session;
use crate::exit::{CommandError, Exit};
use crate::sentence::note;
use crate::table::table;
use crate::text::{moment, visible};
use crate::{clipboard, print};

/// `hourkey list`: `[Resource]` as JSON.
pub(crate) async fn list(all: bool, json: bool) -> Result<(), CommandError> {
    let snapshot = session().await?.snapshot().await?;
    let resources = in_order(&snapshot, all);
    if json {
        return print::json(&resources);
    }
    if resources.is_empty() {
        print::note(
            "There is nothing here for you yet. Ask an administrator to add you to a group.",
        );
        return Ok(());
    }
    let now = snapshot.server_time;
    print::line(rows(&resources, now))?;
    let approved = resources.iter().filter(|it| it.approved.is_some());
    for (number, resource) in approved.enumerate() {
        let apart = if number == 0 { "\n" } else { "" };
        if let Some(note) = note(resource, now) {
            print::line(format_args!("{apart}{}: {note}", visible(&resource.name)))?;
        }
    }
    Ok(())
}

/// `hourkey open`: what was opened, as JSON.
pub(crate) async fn open(wanted: &str, json: bool) -> Result<(), CommandError> {
    let session = session().await?;
    let snapshot = session.snapshot().await?;
    let resource = find(&snapshot.resources, wanted)?;
    let (controller, login) = (session.controller(), &snapshot.me.login);
    let name = visible(&resource.name);
    let page = match lock_now(resource, snapshot.server_time) {
        LockState::Open { .. } | LockState::Granted { .. } => match web_address(resource) {
            Some(url) => url.into(),
            None => {
                let message = format!(
                    "{name} has no web address to open. Its address is {}",
                    visible(&resource.endpoint())
                );
                return Err(CommandError::new(Exit::Conflict, message));
            }
        },
        LockState::Pending { request, .. } => {
            print::note(format_args!("{name} is locked; here is your request."));
            pages::request(controller, request, login).into()
        }
        LockState::Locked { why: Why::Disabled } => {
            let message = format!("{name} is disabled: nobody can use or request it.");
            return Err(CommandError::new(Exit::Conflict, message));
        }
        LockState::Locked { .. } | LockState::Scheduled { .. } => {
            print::note(format_args!(
                "{name} is locked; ask for access in the browser."
            ));
            pages::ask(controller, resource.id, login).into()
        }
    };
    let opened = open::that_detached(&page).is_ok();
    if !opened {
        print::note("No browser can be opened here. Open this address yourself:");
    }
    if json {
        return print::json(&Opened { url: page, opened });
    }
    if opened {
        return Ok(());
    }
    print::line(visible(&page))
}

/// None but http and https are handed to the system.
fn web_address(resource: &Resource) -> Option<Url> {
    let url: Url = resource.url.as_ref()?.parse().ok()?;
    matches!(url.scheme(), "http" | "https").then_some(url)
}

#[derive(Serialize)]
struct Opened {
    url: String,
    opened: bool,
}

/// `hourkey copy`: what was copied, as JSON.
pub(crate) async fn copy(wanted: &str, json: bool) -> Result<(), CommandError> {
    let snapshot = session().await?.snapshot().await?;
    let address = find(&snapshot.resources, wanted)?.copied_address();
    let copied = match clipboard::put(&address) {
        Ok(()) => true,
        Err(why) => {
            print::note(format_args!("Nothing was copied: {why}. The address is:"));
            false
        }
    };
    if json {
        return print::json(&Copied { address, copied });
    }
    if copied {
        print::note(format_args!("Copied {}", visible(&address)));
        return Ok(());
    }
    print::line(visible(&address))
}

#[derive(Serialize)]
struct Copied {
    address: String,
    copied: bool,
}

/// The one resource that `wanted` means ([`meant`]).
pub(crate) fn find<'a>(
    resources: &'a [Resource],
    wanted: &str,
) -> Result<&'a Resource, CommandError> {
    let wanted = wanted.trim();
    let all: Vec<_> = resources.iter().collect();
    let found = meant(&all, wanted, |resource| Called {
        id: resource.id.0,
        name: &resource.name,
        alias: resource.alias.as_deref(),
        address: &resource.address,
        ports: &resource.ports,
    });
    match found.as_slice() {
        [one] => Ok(one),
        [] => Err(nothing(resources, wanted)),
        several => Err(CommandError::new(
            Exit::Usage,
            format!(
                "{} may mean any of these; give the id: {}",
                visible(wanted),
                names(several)
            ),
        )),
    }
}

fn nothing(resources: &[Resource], wanted: &str) -> CommandError {
    let lower = wanted.to_lowercase();
    let similar: Vec<&Resource> = resources
        .iter()
        .filter(|it| it.name.to_lowercase().contains(&lower) || it.address.contains(&lower))
        .take(5)
        .collect();
    let hint = if similar.is_empty() {
        "Run hourkey list to see what there is.".to_owned()
    } else {
        format!("Did you mean: {}?", names(&similar))
    };
    let wanted = visible(wanted);
    CommandError::new(
        Exit::NotFound,
        format!("There is no resource {wanted}, or you don’t have access. {hint}"),
    )
}

fn names(resources: &[&Resource]) -> String {
    let names: Vec<String> = resources
        .iter()
        .map(|it| format!("{} ({}, id {})", it.name, it.endpoint(), it.id))
        .collect();
    names.join(", ")
}

/// A table of resources.
pub(crate) fn rows(resources: &[&Resource], now: DateTime<Utc>) -> String {
    table(
        ["RESOURCE", "ADDRESS", "STATE", "TIME"],
        resources.iter().map(|resource| {
            let (state, time) = state(resource, now);
            [
                resource.name.clone(),
                resource.endpoint(),
                state.to_lowercase(),
                time,
            ]
        }),
    )
}

/// A lock in one word, and its time.
fn state(resource: &Resource, now: DateTime<Utc>) -> (&'static str, String) {
    match lock_now(resource, now) {
        LockState::Open { locks_at: None } => ("open", String::new()),
        LockState::Open { locks_at: Some(at) } => ("open", remaining(at - now)),
        LockState::Granted {
            expires_at,
            extension: Some(_),
            ..
        } => (
            "granted",
            format!("{}, more requested", remaining(expires_at - now)),
        ),
        LockState::Granted { expires_at, .. } => ("granted", remaining(expires_at - now)),
        LockState::Scheduled { starts_at, .. } => {
            ("scheduled", format!("starts {}", moment(starts_at, now)))
        }
        LockState::Pending { since, .. } => ("pending", format!("asked {}", ago(now - since))),
        LockState::Locked { why: Why::Disabled } => ("disabled", String::new()),
        LockState::Locked { .. } => match &resource.last_decision {
            Some(decision) => (decision.word(), ago(now - decision.at)),
            None => ("locked", String::new()),
        },
    }
}

/// Open ones first, the soonest to end on top; then those that wait; then the locked ones; then what is
/// disabled. Shortcuts come before others of their kind.
/// Hidden ones only with `all`, or while something of one's own runs or waits there.
fn in_order(snapshot: &Snapshot, all: bool) -> Vec<&Resource> {
    let mut resources: Vec<&Resource> = snapshot.resources.iter().collect();
    let lock = |resource: &Resource| lock_now(resource, snapshot.server_time);
    resources.retain(|resource| all || resource.visibility.is_listed(lock(resource)));
    resources.sort_by_cached_key(|resource| {
        let lock = lock_now(resource, snapshot.server_time);
        let (rank, end) = match lock {
            LockState::Granted { expires_at, .. } => (0, Some(expires_at)),
            LockState::Open { .. } => (1, None),
            LockState::Scheduled { starts_at, .. } => (2, Some(starts_at)),
            LockState::Pending { .. } => (3, None),
            LockState::Locked { why: Why::Disabled } => (5, None),
            LockState::Locked { .. } => (4, None),
        };
        let is_shortcut = resource.visibility == Visibility::Shortcut;
        (
            rank,
            end,
            !is_shortcut,
            resource.name.to_lowercase(),
            resource.id,
        )
    });
    resources
}

#[cfg(test)]
mod tests {
    use hourkey_domain::ids::ResourceId;

    use super::*;

    fn resource(id: i64, name: &str, address: &str, ports: &str, alias: Option<&str>) -> Resource {
        Resource {
            id: ResourceId(id),
            name: name.to_owned(),
            address: address.to_owned(),
            ports: ports.parse().unwrap(),
            alias: alias.map(ToOwned::to_owned),
            network: "Office".to_owned(),
            tags: Vec::new(),
            url: None,
            lock: LockState::Locked {
                why: Why::NeedsApproval,
            },
            visibility: Visibility::default(),
            description: String::new(),
            how_to_use: None,
            denied_at: None,
            last_decision: None,
            approved: None,
            last_touched: None,
        }
    }

    fn some() -> Vec<Resource> {
        vec![
            resource(1, "Payroll database", "payroll.corp", "5432", Some("pay")),
            resource(2, "Grafana", "grafana.corp", "443", None),
            resource(3, "grafana", "10.1.0.0/16", "", None),
            resource(4, "Six", "fd00::1", "22", None),
            resource(5, "Printers", "10.1.40.0/24", "631,9100", None),
        ]
    }

    #[test]
    fn a_resource_is_found_by_id_name_alias_or_address() {
        let resources = some();
        for (wanted, id) in [
            ("1", 1),
            ("payroll DATABASE", 1),
            ("PAY", 1),
            ("Payroll.corp.", 1),
            ("payroll.corp:5432", 1),
            ("10.1.0.0/16", 3),
            ("[fd00::1]:22", 4),
            ("FD00:0::1", 4),
            ("[FD00::1]:22", 4),
            ("10.1.40.0/24:631,9100", 5),
        ] {
            assert_eq!(find(&resources, wanted).unwrap().id.0, id, "{wanted}");
        }
    }

    #[test]
    fn only_web_addresses_are_handed_to_the_system() {
        let mut resource = resource(1, "Sly", "sly.corp", "443", None);
        for (url, opens) in [
            (None, false),
            (Some("https://sly.corp/"), true),
            (Some("file:///etc/passwd"), false),
            (Some("-n"), false),
        ] {
            resource.url = url.map(ToOwned::to_owned);
            assert_eq!(web_address(&resource).is_some(), opens, "{url:?}");
        }
    }

    #[test]
    fn lists_leave_out_what_is_hidden_and_end_with_what_is_disabled() {
        let of = |id, name: &str, visibility, lock| Resource {
            visibility,
            lock,
            ..resource(id, name, "any.corp", "443", None)
        };
        let locked = |why| LockState::Locked { why };
        let open = LockState::Open { locks_at: None };
        let all = vec![
            of(1, "Off", Visibility::Shortcut, locked(Why::Disabled)),
            of(2, "Hidden", Visibility::Hidden, open),
            of(3, "Apple", Visibility::Shown, open),
            of(4, "Zebra", Visibility::Shortcut, open),
            of(5, "Vault", Visibility::Shown, locked(Why::NeedsApproval)),
        ];
        let snapshot = hourkey_testkit::fake::snapshot(1, 0, all);
        let ids = |all| {
            in_order(&snapshot, all)
                .iter()
                .map(|it| it.id.0)
                .collect::<Vec<_>>()
        };
        assert_eq!(ids(false), [4, 3, 5, 1]);
        assert_eq!(ids(true), [4, 3, 2, 5, 1]);
        let said = rows(&in_order(&snapshot, false), snapshot.server_time);
        assert!(said.contains("disabled"), "{said}");
    }

    #[test]
    fn several_are_listed_and_none_is_said() {
        let resources = some();
        assert_eq!(find(&resources, "grafana").unwrap().id.0, 3, "as written");
        let failure = find(&resources, "GRAFANA").unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.message.contains("id 2") && failure.message.contains("id 3"));
        let failure = find(&resources, "payrol").unwrap_err();
        assert_eq!(failure.exit, Exit::NotFound);
        assert!(failure.message.contains("Payroll database"));
    }
}
