//! The window's view models as pure functions of the state.

use chrono::{DateTime, Utc};
use hourkey_client::delivery::PendingNotification;
use hourkey_client::dial::Destination;
use hourkey_domain::length::Length;
use hourkey_domain::lock::{LockState, Why};
use hourkey_domain::text::one_line;
use hourkey_domain::visibility::Visibility;
use hourkey_protocol::access;
use hourkey_protocol::account::Me;
use hourkey_protocol::notice::What;

use crate::intent::Intent;
use crate::message::Message;
use crate::notify::text;
use crate::state::{AppState, Phase, SignIn};
use crate::view::{
    Account, Decided, Decision, InboxItem, InboxKind, LocalProxy, Lock, Resource, Review, Session,
    SessionState, Settings, ViewUpdate, Warning,
};

/// The most characters of a person's name.
const MAX_NAME_CHARS: usize = 60;

/// The most characters of what was decided: a comment has up to 2,000.
const MAX_SENTENCE_CHARS: usize = 2_200;

/// Returns every view model of the window, in the order in which it draws them: what a session shows
/// comes before the session, and goes after it.
#[must_use]
pub fn view_models(state: &AppState, now: DateTime<Utc>) -> [ViewUpdate; 6] {
    let session = session(state, now);
    let shows_rows = matches!(
        session.state,
        SessionState::Live { .. } | SessionState::Offline { .. }
    );
    let mut all = [
        ViewUpdate::Resources(resources(state, now)),
        ViewUpdate::Inbox(inbox(state, now)),
        ViewUpdate::Decided(decided(state)),
        ViewUpdate::Reviews(reviews(state)),
        ViewUpdate::Settings(settings(state)),
        ViewUpdate::Session(session),
    ];
    if !shows_rows {
        all.rotate_right(1);
    }
    all
}

/// True when the window need not hear the second after the first; that time goes on is no news.
#[must_use]
pub fn same(before: &ViewUpdate, after: &ViewUpdate) -> bool {
    match (before, after) {
        (ViewUpdate::Session(before), ViewUpdate::Session(after)) => {
            before.state == after.state && before.warnings == after.warnings
        }
        (before, after) => before == after,
    }
}

fn session(state: &AppState, now: DateTime<Utc>) -> Session {
    let controller = state.controller().map_or("", |url| url.as_str());
    let controller = || controller.trim_end_matches('/').to_owned();
    let account = |me: &Me| Account {
        name: me.name.clone(),
        login: me.login.clone(),
        organisation: me.organisation.clone(),
        controller: controller(),
    };
    let mut warnings: Vec<_> = state.warnings.values().cloned().collect();
    let state_now = match &state.sign_in {
        SignIn::SignedOut { error, .. } => SessionState::SignedOut {
            controller: controller(),
            error: error.clone(),
        },
        SignIn::SigningIn { .. } => SessionState::SigningIn {
            controller: controller(),
        },
        SignIn::Resuming { .. } => SessionState::Loading {
            controller: controller(),
        },
        SignIn::SignedIn(session) => match session.phase() {
            Phase::Loading(offline) => {
                warnings.extend(offline.map(|offline| Warning {
                    id: "controller".to_owned(),
                    text: offline.why.to_owned(),
                    remedy: "Hourkey keeps trying.".to_owned(),
                    details: None,
                }));
                SessionState::Loading {
                    controller: controller(),
                }
            }
            Phase::Live(me) => SessionState::Live {
                account: account(me),
            },
            Phase::Offline(me, offline) => SessionState::Offline {
                account: account(me),
                since: millis(offline.since.unwrap_or(now)),
                why: offline.why.to_owned(),
            },
        },
    };
    Session {
        state: state_now,
        now: millis(now),
        warnings,
    }
}

/// In display order: open (soonest end first), waiting, locked, disabled; each by name where nothing else
/// decides, shortcuts first. What is hidden is left out.
fn resources(state: &AppState, now: DateTime<Utc>) -> Vec<Resource> {
    let mut rows: Vec<_> = state
        .locks(now)
        .filter(|(resource, lock)| resource.visibility.is_listed(*lock))
        .map(|(resource, lock)| {
            let order = match lock {
                LockState::Granted { expires_at, .. } => (0, Some(expires_at)),
                LockState::Open { locks_at: Some(at) } => (0, Some(at)),
                LockState::Open { locks_at: None } => (1, None),
                LockState::Pending { since, .. } => (2, Some(since)),
                LockState::Scheduled { starts_at, .. } => (3, Some(starts_at)),
                LockState::Locked { why: Why::Disabled } => (5, None),
                LockState::Locked { .. } => (4, None),
            };
            let is_shortcut = resource.visibility == Visibility::Shortcut;
            (
                (order, !is_shortcut),
                resource.name.to_lowercase(),
                row(state, resource, lock),
            )
        })
        .collect();
    rows.sort_by(|a, b| (a.0, &a.1, a.2.id).cmp(&(b.0, &b.1, b.2.id)));
    rows.into_iter().map(|(_, _, row)| row).collect()
}

fn row(state: &AppState, resource: &access::Resource, lock: LockState) -> Resource {
    let mut keywords = resource.network.clone();
    for tag in &resource.tags {
        keywords.push(' ');
        keywords.push_str(tag);
    }
    Resource {
        id: resource.id.0,
        name: resource.name.clone(),
        address: resource.endpoint(),
        alias: resource.alias.clone(),
        keywords,
        description: Some(&resource.description)
            .filter(|text| !text.is_empty())
            .cloned(),
        how_to_use: resource
            .how_to_use
            .clone()
            .filter(|_| matches!(lock, LockState::Open { .. } | LockState::Granted { .. })),
        lock: match lock {
            LockState::Open { locks_at } => Lock::Open {
                locks_at: locks_at.map(millis),
            },
            LockState::Granted {
                grant,
                started_at,
                expires_at,
                extension,
            } => Lock::Granted {
                grant: grant.0,
                started_at: millis(started_at),
                expires_at: millis(expires_at),
                approved: approved(resource),
                extension: extension.map(|waits| waits.request.0),
            },
            LockState::Scheduled {
                grant, starts_at, ..
            } => Lock::Scheduled {
                grant: grant.0,
                starts_at: millis(starts_at),
                approved: approved(resource),
            },
            LockState::Pending {
                request,
                since,
                lapses_at,
            } => Lock::Pending {
                request: request.0,
                since: millis(since),
                lapses_at: millis(lapses_at),
            },
            LockState::Locked { why } => Lock::Locked {
                automatic: why == Why::NeedsReason,
                unused: why == Why::Unused,
                disabled: why == Why::Disabled,
                denied_at: resource.denied_at.map(millis),
                decision: resource.last_decision.as_ref().map(decision),
            },
        },
        opens: resource.url.is_some(),
        forwards: forwards(resource),
        forwarded: state
            .forward(resource.id)
            .map(|forwarded| forwarded.address.clone()),
    }
}

fn approved(resource: &access::Resource) -> Option<String> {
    let approved = resource.approved.as_ref()?;
    Some(one_line(&approved.sentence(), MAX_SENTENCE_CHARS))
}

fn decision(decision: &access::LastDecision) -> Decision {
    Decision {
        revoked: decision.kind == access::Decision::Revoked,
        at: millis(decision.at),
        sentence: one_line(&decision.sentence(), MAX_SENTENCE_CHARS),
        automatic_at: decision.automatic_at.map(millis),
    }
}

fn inbox(state: &AppState, now: DateTime<Utc>) -> Vec<InboxItem> {
    let notices = state.model().notices.iter();
    let notices = notices.map(|notice| {
        let (_, message) = text::notice(state, notice, now);
        let key = format!("notice-{}", notice.id);
        item(state, key, kind(&notice.what), message, notice.at)
    });
    let endings = state
        .endings()
        .iter()
        .enumerate()
        .map(|(number, (at, ending))| {
            let (_, message) = text::pending(state, ending, now);
            let kind = match ending {
                PendingNotification::Notice(notice) => kind(&notice.what),
                PendingNotification::EndingSoon { .. } => InboxKind::Ending,
                PendingNotification::Ended(_) => InboxKind::Ended,
            };
            item(state, format!("ending-{number}"), kind, message, *at)
        });
    let mut items: Vec<InboxItem> = notices.chain(endings).collect();
    items.sort_by_key(|item| std::cmp::Reverse(item.at));
    items
}

fn kind(what: &What) -> InboxKind {
    match what {
        What::Approved { .. } | What::Unlocked { .. } | What::Started { .. } => InboxKind::Approved,
        What::Denied { .. } => InboxKind::Denied,
        What::Cancelled { .. } | What::Lapsed { .. } | What::Unknown => InboxKind::Cancelled,
        What::Revoked { .. } => InboxKind::Revoked,
        What::PleaseReview { .. } => InboxKind::Review,
    }
}

fn item(
    state: &AppState,
    key: String,
    kind: InboxKind,
    message: Message,
    at: DateTime<Utc>,
) -> InboxItem {
    let (action, action_label) = match message.buttons.into_iter().next() {
        // The window shows itself.
        Some(button) if matches!(button.action, Intent::Show { .. }) => (None, None),
        Some(button) => (Some(button.action), Some(button.label.to_owned())),
        None => (None, None),
    };
    InboxItem {
        key,
        kind,
        title: message.title,
        body: message.body,
        at: millis(at),
        action,
        action_label,
        unread: state.is_unread(at),
    }
}

/// True where a port of this computer can lead to a resource, and a browser is of no use.
#[must_use]
pub fn forwards(resource: &access::Resource) -> bool {
    resource.url.is_none() && Destination::of(resource).is_some()
}

fn decided(state: &AppState) -> Vec<Decided> {
    let decided = state.model().decided.iter().map(|request| Decided {
        id: request.id.0,
        sentence: request.told(|person| one_line(&person.said(), 2 * MAX_NAME_CHARS)),
    });
    decided.collect()
}

fn reviews(state: &AppState) -> Option<Vec<Review>> {
    let reviews = state.model().reviews.iter().map(|review| {
        let request = &review.request;
        let extends = extended(request);
        Review {
            id: request.id.0,
            requester: request.requester.name.clone(),
            resource: request.resource_name.clone(),
            group: request.group_name.clone(),
            reason: request.reason.clone(),
            seconds: request.asked.map(Length::seconds),
            extends: extends.map(|grant| millis(grant.expires_at)),
            extended_until: extends.and(request.ends_at).map(millis),
            starts_at: request.starts_at.map(millis),
            ends_by: review.ends_by().map(millis),
            on_behalf_of: { review.on_behalf_of.as_ref() }.map(|principal| principal.name.clone()),
            asked_reviewers: review.asked_reviewers.clone(),
            since: millis(request.created_at),
            lapses_at: millis(request.lapses_at),
            recent_grants: review.recent_grants,
            may_decide: review.may_decide,
        }
    });
    state.is_reviewer().then(|| reviews.collect())
}

/// The running grant for which more time is asked.
fn extended(request: &access::Request) -> Option<&access::Grant> {
    request.purpose.extends()?;
    request.grant.as_ref()
}

fn settings(state: &AppState) -> Settings {
    Settings {
        start_at_login: state.start_at_login,
        notifications: state.config.notifications,
        secret_store: state.secret_store.clone(),
        browsers: state.has_browsers.then_some(state.config.browsers),
        local_proxy: state.local_proxy().map(|proxy| LocalProxy {
            proxy: proxy.proxy.clone(),
            pac: proxy.pac.clone(),
        }),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        log_folder: state.logs.display().to_string(),
    }
}

fn millis(at: DateTime<Utc>) -> i64 {
    at.timestamp_millis()
}

#[cfg(test)]
mod tests;
