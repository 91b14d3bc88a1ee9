//! The tray menu as a pure function of the state. Backends only render it.

use chrono::{DateTime, TimeDelta, Utc};
use hourkey_domain::format;
use hourkey_domain::ids::ResourceId;
use hourkey_domain::lock::{LockState, Why};
use hourkey_domain::text::one_line;
use hourkey_domain::visibility::Visibility;
use hourkey_protocol::access::{Decision, Resource};

use crate::intent::{Intent, Tab};
use crate::state::{AppState, Phase, Session, SignIn};
use crate::{time_format, view_models};

/// The menu, from top to bottom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Menu(pub Vec<MenuEntry>);

/// One entry of the menu. Labels are plain text: a backend escapes what it must.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MenuEntry {
    /// A line between groups.
    Separator,
    /// A text that cannot be clicked.
    Text(String),
    /// Something to click.
    Item(Item),
    /// A resource with what can be done with it.
    Row {
        /// Which.
        resource: ResourceId,
        /// Its name, and how it stands.
        label: String,
        /// On top of its submenu: who approved what the person holds, or what was last decided
        /// against them.
        note: Option<String>,
        /// Its submenu.
        items: Vec<Item>,
    },
}

/// Something to click.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it says.
    pub label: String,
    /// What it asks for.
    pub intent: Intent,
}

/// The most rows of resources that the menu shows; the rest is one click away in the window.
pub const MAX_ROWS: usize = 15;

/// Rows reserved for what waits, and for what is locked, when what is open would fill the menu.
const RESERVED_ROWS: usize = 5;

/// The most shortcuts above the rows.
const MAX_SHORTCUTS: usize = 5;

/// What locks for lack of use counts as ending only this long before: until then it is simply open.
const LOCKS_SOON: TimeDelta = TimeDelta::days(3);

/// The most characters of what was decided.
const MAX_NOTE_CHARS: usize = 120;

/// The most characters of a resource's name.
const MAX_NAME_CHARS: usize = 48;

/// The menu for this state. Its structure changes with the state only; the passing of time
/// changes labels.
#[must_use]
pub fn menu(state: &AppState, now: DateTime<Utc>) -> Menu {
    let mut groups: Vec<Vec<MenuEntry>> = Vec::new();
    match &state.sign_in {
        SignIn::SignedOut { .. } => {
            groups.push(vec![item("Sign in…", Intent::SignInAgain)]);
            groups.push(vec![
                item("Show Hourkey", Intent::Show { tab: None }),
                quit(),
            ]);
            return joined(groups);
        }
        SignIn::SigningIn { .. } => {
            groups.push(vec![
                MenuEntry::Text("Signing in through the browser…".to_owned()),
                item("Cancel sign-in", Intent::CancelSignIn),
            ]);
            groups.push(vec![
                item("Show Hourkey", Intent::Show { tab: None }),
                quit(),
            ]);
            return joined(groups);
        }
        SignIn::Resuming { .. } | SignIn::SignedIn(_) => {}
    }
    groups.push(connection(state));
    groups.push(shortcuts(state, now));
    let rows = Rows::of(state, now);
    groups.push(
        rows.first
            .iter()
            .map(|row| entry(state, row, now))
            .collect(),
    );
    let mut rest: Vec<MenuEntry> = rows.rest.iter().map(|row| entry(state, row, now)).collect();
    if rows.hidden > 0 {
        rest.push(item(
            &format!("More resources ({})…", rows.hidden),
            show(Tab::Resources),
        ));
    }
    groups.push(rest);
    let mut last = Vec::new();
    if state.is_reviewer() {
        let label = match state.reviews_to_decide() {
            0 => "Review requests…".to_owned(),
            count => format!("Review requests ({count})…"),
        };
        last.push(item(&label, show(Tab::Review)));
    }
    let inbox = match state.unread() {
        0 => "Inbox…".to_owned(),
        count => format!("Inbox ({count} new)…"),
    };
    last.push(item(&inbox, show(Tab::Inbox)));
    last.push(item("Show Hourkey", Intent::Show { tab: None }));
    last.push(item("Settings…", show(Tab::Settings)));
    last.push(quit());
    groups.push(last);
    joined(groups)
}

/// Shortcuts to web pages that are open now, by name: one click opens them.
fn shortcuts(state: &AppState, now: DateTime<Utc>) -> Vec<MenuEntry> {
    let open = state.locks(now).filter(|(resource, lock)| {
        let is_open = matches!(lock, LockState::Open { .. } | LockState::Granted { .. });
        let leads_to_a_page = resource.url.is_some();
        is_open && leads_to_a_page && resource.visibility == Visibility::Shortcut
    });
    let mut open: Vec<_> = open.map(|(resource, _)| resource).collect();
    open.sort_by_cached_key(|resource| (resource.name.to_lowercase(), resource.id));
    let first = open.into_iter().take(MAX_SHORTCUTS);
    let entries = first.map(|resource| {
        let name = one_line(&resource.name, MAX_NAME_CHARS);
        let resource = resource.id;
        item(&format!("Open {name}"), Intent::Open { resource })
    });
    entries.collect()
}

/// When the menu's labels next change because time passes; `None` when they do not.
#[must_use]
pub fn changes_at(state: &AppState, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let rows = Rows::of(state, now);
    let changes = rows.first.iter().filter_map(|(_, lock)| match lock {
        LockState::Granted { expires_at: at, .. } => {
            format::remaining_by_minute_changes_at(*at, now)
        }
        LockState::Open { locks_at: Some(at) } if *at - now <= LOCKS_SOON => {
            format::remaining_by_minute_changes_at(*at, now)
        }
        LockState::Open { locks_at: Some(at) } => Some(*at - LOCKS_SOON),
        LockState::Pending { since, .. } => Some(format::ago_changes_at(*since, now)),
        LockState::Open { locks_at: None }
        | LockState::Scheduled { .. }
        | LockState::Locked { .. } => None,
    });
    changes.min()
}

/// The resources that the menu shows.
struct Rows<'a> {
    /// Open, then waiting.
    first: Vec<Row<'a>>,
    /// Locked: recently used, then by name.
    rest: Vec<Row<'a>>,
    /// How many are not shown.
    hidden: usize,
}

type Row<'a> = (&'a Resource, LockState);

impl<'a> Rows<'a> {
    fn of(state: &'a AppState, now: DateTime<Utc>) -> Self {
        let (mut timed, mut standing, mut waiting, mut locked) = (vec![], vec![], vec![], vec![]);
        let listed = |(resource, lock): &Row<'_>| resource.visibility.is_listed(*lock);
        for row in state.locks(now).filter(listed) {
            match row.1 {
                // Nothing can be done with it: the window and the pages say that it is disabled.
                LockState::Locked { why: Why::Disabled } => {}
                LockState::Granted { expires_at: at, .. } => timed.push((at, row)),
                LockState::Open { locks_at: Some(at) } if at - now <= LOCKS_SOON => {
                    timed.push((at, row));
                }
                LockState::Open { .. } => standing.push(row),
                LockState::Pending { since: at, .. }
                | LockState::Scheduled { starts_at: at, .. } => waiting.push((at, row)),
                LockState::Locked { .. } => locked.push(row),
            }
        }
        let all = timed.len() + standing.len() + waiting.len() + locked.len();
        timed.sort_by_key(|(at, (resource, _))| (*at, resource.id));
        waiting.sort_by_key(|(at, (resource, _))| (*at, resource.id));
        standing.sort_by_cached_key(recent_first);
        locked.sort_by_cached_key(recent_first);

        // What is open must push out neither what waits nor all that is locked.
        let locked_rows = locked.len().min(RESERVED_ROWS);
        let waiting_rows = waiting.len().min(RESERVED_ROWS);
        timed.truncate(MAX_ROWS - waiting_rows - locked_rows);
        waiting.truncate(MAX_ROWS - timed.len() - locked_rows);
        standing.truncate(MAX_ROWS - timed.len() - waiting.len() - locked_rows);
        let mut first: Vec<Row<'_>> = timed.into_iter().map(|(_, row)| row).collect();
        first.extend(standing);
        first.extend(waiting.into_iter().map(|(_, row)| row));
        locked.truncate(MAX_ROWS - first.len());
        Self {
            hidden: all - first.len() - locked.len(),
            first,
            rest: locked,
        }
    }
}

/// Shortcuts first, then recently used ones, then by name.
fn recent_first((resource, _): &Row<'_>) -> impl Ord + use<> {
    let touched = resource.last_touched.map(std::cmp::Reverse);
    (
        resource.visibility != Visibility::Shortcut,
        touched.is_none(),
        touched,
        resource.name.to_lowercase(),
        resource.id,
    )
}

fn entry(state: &AppState, (resource, lock): &Row<'_>, now: DateTime<Utc>) -> MenuEntry {
    let name = one_line(&resource.name, MAX_NAME_CHARS);
    let label = format!(
        "{name} · {}",
        how_it_stands(resource, lock, now, state.zone)
    );
    let click = |label: &str, intent| Item {
        label: label.to_owned(),
        intent,
    };
    let id = resource.id;
    let open = resource
        .url
        .as_ref()
        .map(|_| click("Open in browser", Intent::Open { resource: id }));
    let copy = click("Copy address", Intent::Copy { resource: id });
    let forward = view_models::forwards(resource).then(|| {
        let label = match state.forward(id) {
            Some(forwarded) => format!("Copy {}", forwarded.address),
            None => "Forward to this computer".to_owned(),
        };
        click(&label, Intent::Forward { resource: id })
    });
    // The page says it in full.
    let how = resource.how_to_use.is_some();
    let how = how.then(|| click("How to use it…", Intent::Authenticate { resource: id }));
    let use_it = open.into_iter().chain([copy.clone()]).chain(forward);
    let use_it = use_it.chain(how);
    let items = match *lock {
        LockState::Open { .. } => use_it.collect(),
        LockState::Granted {
            grant, extension, ..
        } => {
            let more_time = match extension {
                Some(waits) => {
                    let request = waits.request;
                    click("View request to extend", Intent::ViewRequest { request })
                }
                None => click("Extend…", Intent::Extend { resource: id }),
            };
            let give_back = click("Give back", Intent::Release { grant });
            use_it.chain([more_time, give_back]).collect()
        }
        LockState::Scheduled { grant, .. } => {
            vec![copy, click("Give back", Intent::Release { grant })]
        }
        LockState::Pending { request, .. } => vec![
            click("View request", Intent::ViewRequest { request }),
            click("Cancel request", Intent::Cancel { request }),
        ],
        LockState::Locked { .. } => {
            let label = match &resource.last_decision {
                Some(decision) if decision.kind == Decision::Denied => "Request again…",
                Some(_) | None => "Authenticate…",
            };
            vec![click(label, Intent::Authenticate { resource: id }), copy]
        }
    };
    MenuEntry::Row {
        resource: resource.id,
        label,
        note: note(resource, lock, now, state.zone),
        items,
    }
}

/// Who approved what the person holds, or that more time is asked for, or, while the resource is locked, what was last decided
/// against them.
fn note(
    resource: &Resource,
    lock: &LockState,
    now: DateTime<Utc>,
    zone: time_format::Zone,
) -> Option<String> {
    match lock {
        LockState::Granted {
            extension: Some(_), ..
        } => return Some("Waiting for a reviewer to extend it.".to_owned()),
        LockState::Granted { .. } | LockState::Scheduled { .. } => {
            let approved = resource.approved.as_ref();
            return approved.map(|it| one_line(&it.sentence(), MAX_NOTE_CHARS));
        }
        LockState::Locked { .. } => {}
        LockState::Open { .. } | LockState::Pending { .. } => return None,
    }
    let decision = resource.last_decision.as_ref()?;
    let sentence = one_line(&decision.sentence(), MAX_NOTE_CHARS);
    Some(match decision.automatic_at.filter(|at| *at > now) {
        Some(at) => {
            let at = time_format::moment(at, now, zone);
            format!("{sentence} Opens with a reason again from {at}.")
        }
        None => sentence,
    })
}

/// The part of a label behind the name.
fn how_it_stands(
    resource: &Resource,
    lock: &LockState,
    now: DateTime<Utc>,
    zone: time_format::Zone,
) -> String {
    match *lock {
        LockState::Granted { expires_at, .. } => {
            format!("{} left", format::remaining_by_minute(expires_at - now))
        }
        LockState::Open { locks_at: Some(at) } if at - now <= LOCKS_SOON => {
            format!("locks in {}", format::remaining_by_minute(at - now))
        }
        LockState::Open { .. } => "open".to_owned(),
        LockState::Scheduled { starts_at, .. } => {
            format!("starts {}", time_format::moment(starts_at, now, zone))
        }
        LockState::Pending { since, .. } => match format::elapsed(now - since) {
            Some(long) => format!("waiting {long}"),
            None => "waiting".to_owned(),
        },
        LockState::Locked { .. } => match &resource.last_decision {
            Some(decision) => decision.word().to_lowercase(),
            None => "locked".to_owned(),
        },
    }
}

fn connection(state: &AppState) -> Vec<MenuEntry> {
    let words = match state.session().map(Session::phase) {
        Some(Phase::Live(_)) => return vec![],
        None | Some(Phase::Loading(None)) => "Loading…".to_owned(),
        Some(Phase::Loading(Some(offline)) | Phase::Offline(_, offline)) => match offline.since {
            Some(since) => format!(
                "Offline since {}",
                time_format::time_of_day(since, state.zone)
            ),
            None => "Offline: the controller was not reached yet".to_owned(),
        },
    };
    vec![MenuEntry::Text(words)]
}

fn item(label: &str, intent: Intent) -> MenuEntry {
    MenuEntry::Item(Item {
        label: label.to_owned(),
        intent,
    })
}

fn show(tab: Tab) -> Intent {
    Intent::Show { tab: Some(tab) }
}

fn quit() -> MenuEntry {
    item("Quit", Intent::Quit)
}

/// The groups with lines between them.
fn joined(groups: Vec<Vec<MenuEntry>>) -> Menu {
    let mut entries = Vec::new();
    for group in groups.into_iter().filter(|group| !group.is_empty()) {
        if !entries.is_empty() {
            entries.push(MenuEntry::Separator);
        }
        entries.extend(group);
    }
    Menu(entries)
}

#[cfg(test)]
mod tests;
