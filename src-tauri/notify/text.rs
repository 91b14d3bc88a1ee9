//! The words of notifications; the inbox uses the same.

use chrono::{DateTime, Utc};
use hourkey_client::delivery::{Ending, PendingNotification};
use hourkey_client::dial::BlockedConnection;
use hourkey_domain::cause::Cause;
use hourkey_domain::format::remaining_by_minute;
use hourkey_domain::ids::{GrantId, RequestId, ResourceId};
use hourkey_domain::length::Length;
use hourkey_domain::lock::LockState;
use hourkey_domain::outcome::{Outcome, with_comment};
use hourkey_domain::text::one_line;
use hourkey_protocol::access::Resource;
use hourkey_protocol::notice::{Notice, What};

use crate::intent::{Intent, Tab};
use crate::message::{Button, Message, Topic};
use crate::state::AppState;
use crate::time_format::{self, Zone};

/// The most characters of a name in a headline.
const MAX_NAME_CHARS: usize = 60;
/// The most characters of a reason or comment.
const MAX_TEXT_CHARS: usize = 200;

/// What it is about, and what it says.
#[must_use]
pub fn pending(
    state: &AppState,
    pending: &PendingNotification,
    now: DateTime<Utc>,
) -> (Topic, Message) {
    match pending {
        PendingNotification::Notice(it) => notice(state, it, now),
        PendingNotification::EndingSoon {
            minutes_left,
            ending,
            ..
        } => ending_soon(ending, *minutes_left, state.zone),
        PendingNotification::Ended(ending) => ended(ending, now, state.zone),
    }
}

/// What a kept notice is about, and what it says.
#[must_use]
pub fn notice(state: &AppState, notice: &Notice, now: DateTime<Utc>) -> (Topic, Message) {
    let zone = state.zone;
    let known = state.model().row(notice.resource);
    let opens = known.is_some_and(|resource| resource.url.is_some());
    let name = one_line(&notice.resource_name, MAX_NAME_CHARS);
    let resource = notice.resource;
    // Another request may have extended it since.
    let ran_until = notice.what.extends().filter(|ends_at| *ends_at > notice.at);
    let goes_on_until = ran_until.and_then(|said| match known.map(|row| row.lock) {
        Some(LockState::Granted {
            started_at,
            expires_at,
            ..
        }) => (started_at <= notice.at).then_some(expires_at),
        Some(_) => None,
        None => Some(said),
    });
    match &notice.what {
        What::Approved {
            request,
            grant,
            starts_at,
            expires_at,
            comment,
            extends,
            ..
        } => {
            let by = approval(&notice.what);
            let is_taken_back = || was_taken_back(state, *request);
            let ends_at = match runs_until(known, *grant) {
                // The row that an extension changes may come after the news of it.
                Some(until) if Some(until) == *extends && !is_taken_back() => *expires_at,
                Some(until) => until,
                None => *expires_at,
            };
            let message = if ends_at <= now {
                Message {
                    title: match extends {
                        Some(_) => format!("{name} was extended"),
                        None => format!("{name} was approved"),
                    },
                    body: format!("{by}; that time is over."),
                    click: show(Tab::Inbox),
                    buttons: vec![again(resource)],
                }
            } else if *starts_at > now {
                let starts = time_format::moment(*starts_at, now, zone);
                Message {
                    title: format!("{name} is approved"),
                    body: with_quote(&format!("{by}, from {starts}"), comment),
                    click: show(Tab::Resources),
                    buttons: vec![],
                }
            } else {
                Message {
                    title: match extends.is_some() || ends_at != *expires_at {
                        true => {
                            let until = time_format::moment(ends_at, now, zone);
                            format!("{name} is open until {until}")
                        }
                        false => format!("{name} is open"),
                    },
                    body: with_quote(&by, comment),
                    click: open(resource, opens),
                    buttons: open_and_copy(resource, opens),
                }
            };
            (Topic::Request(*request), message)
        }
        What::Denied {
            request, comment, ..
        } => {
            let (title, body) = became(notice, &name, comment);
            let message = Message {
                title,
                body: goes_on(body, goes_on_until, now, zone),
                click: Intent::ViewRequest { request: *request },
                buttons: vec![again_or_extend(resource, goes_on_until, now)],
            };
            (Topic::Request(*request), message)
        }
        What::Cancelled { request, cause, .. } => {
            let (title, body) = became(notice, &name, "");
            let message = Message {
                title: no_longer_needed(*cause, &name).unwrap_or(title),
                body: goes_on(body, goes_on_until, now, zone),
                click: show(Tab::Inbox),
                buttons: vec![],
            };
            (Topic::Request(*request), message)
        }
        What::Lapsed { request, .. } => {
            let (title, body) = became(notice, &name, "");
            let message = Message {
                title,
                body: goes_on(body, goes_on_until, now, zone),
                click: Intent::ViewRequest { request: *request },
                buttons: vec![again_or_extend(resource, goes_on_until, now)],
            };
            (Topic::Request(*request), message)
        }
        What::Revoked {
            grant,
            cause,
            comment,
            ..
        } => {
            let (_, body) = became(notice, &name, comment);
            let message = Message {
                // Nobody waits for this one: unlike a page, which says below that it was revoked,
                // the title tells it from access that came to its end.
                title: no_longer_needed(*cause, &name)
                    .unwrap_or_else(|| format!("Access to {name} was revoked")),
                body,
                click: show(Tab::Inbox),
                buttons: vec![],
            };
            (Topic::Grant(*grant), message)
        }
        What::Unlocked {
            request,
            locks_at,
            comment,
            ..
        } => {
            let by = approval(&notice.what);
            let rest = if *locks_at <= now {
                "it was not used, and locked again".to_owned()
            } else {
                format!(
                    "it locks in {} if you do not use it",
                    remaining_by_minute(*locks_at - now)
                )
            };
            let message = Message {
                title: format!("{name} is open"),
                body: with_quote(&format!("{by}; {rest}"), comment),
                click: open(resource, opens),
                buttons: open_and_copy(resource, opens),
            };
            let topic = request.map_or(Topic::AccessPrompt(resource), Topic::Request);
            (topic, message)
        }
        What::Started { grant, expires_at } => (
            Topic::Grant(*grant),
            Message {
                title: format!("{name} is open"),
                body: {
                    let until = runs_until(known, *grant).unwrap_or(*expires_at);
                    format!("Until {}.", time_format::moment(until, now, zone))
                },
                click: open(resource, opens),
                buttons: open_and_copy(resource, opens),
            },
        ),
        What::PleaseReview {
            request,
            requester,
            reason,
            asked,
            extends,
            starts_at,
            on_behalf_of,
        } => (
            Topic::Review(*request),
            Message {
                title: match (asked, extends) {
                    (_, Some(_)) => format!("{} asks to extend {name}", person(requester)),
                    (Some(_), None) => format!("{} asks for {name}", person(requester)),
                    (None, None) => format!("{} asks to unlock {name}", person(requester)),
                },
                body: for_whom(on_behalf_of.as_deref())
                    + &match (asked, extends) {
                        (Some(asked), Some(ends_at)) => {
                            let ends_at = time_format::moment(*ends_at, now, zone);
                            let what = format!("{asked} from approval; access ends at {ends_at}");
                            with_quote(&what, reason)
                        }
                        (Some(asked), None) => {
                            let starts = starts_at.map(|at| time_format::moment(at, now, zone));
                            let from = starts.map(|at| format!(", from {at}")).unwrap_or_default();
                            let ends = ends_early(state, *request, *asked, now);
                            let until = ends.map(|at| {
                                let at = time_format::moment(at, now, zone);
                                format!(", until {at} at the latest")
                            });
                            let what = format!("For {asked}{from}{}", until.unwrap_or_default());
                            with_quote(&what, reason)
                        }
                        (None, _) => with_quote("It was not used for a while", reason),
                    },
                click: show(Tab::Review),
                buttons: vec![Button {
                    label: "Review",
                    action: Intent::ReviewPage { request: *request },
                }],
            },
        ),
        What::Unknown => (
            Topic::AccessPrompt(resource),
            Message {
                title: format!("News about {name}"),
                body: "Update Hourkey to read it: this version does not know what it says."
                    .to_owned(),
                click: Intent::OpenPages,
                buttons: vec![],
            },
        ),
    }
}

/// When access ends that does not last as long as it is asked for.
fn ends_early(
    state: &AppState,
    request: RequestId,
    asked: Length,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let reviews = &state.model().reviews;
    let review = reviews.iter().find(|it| it.request.id == request)?;
    let starts = review.request.starts_at.unwrap_or(now);
    review.ends_by().filter(|at| *at < asked.after(starts))
}

/// On whose behalf a deputy is asked to decide.
fn for_whom(principal: Option<&str>) -> String {
    let said = principal.map(|principal| format!("You decide for {}. ", person(principal)));
    said.unwrap_or_default()
}

/// When the resource's access ends by this grant, while it runs: earlier or later than was told.
fn runs_until(known: Option<&Resource>, grant: GrantId) -> Option<DateTime<Utc>> {
    match known?.lock {
        LockState::Granted {
            grant: runs,
            expires_at,
            ..
        } if runs == grant => Some(expires_at),
        _ => None,
    }
}

/// A later notice tells that the approval of this request was taken back.
fn was_taken_back(state: &AppState, approved: RequestId) -> bool {
    let mut notices = state.model().notices.iter();
    notices.any(|it| {
        matches!(it.what, What::Cancelled { request, cause: Cause::Undone, .. }
            if request == approved)
    })
}

/// Says that the sign-in will not outlast this run, and why.
#[must_use]
pub fn not_kept(sentence: String) -> Message {
    Message {
        title: "You’ll need to sign in again after a restart".to_owned(),
        body: sentence,
        click: show(Tab::Settings),
        buttons: vec![],
    }
}

/// Says where programs of this computer reach a resource.
#[must_use]
pub fn forwards(name: &str, address: &str) -> Message {
    Message {
        title: format!("{} at {address}", one_line(name, MAX_NAME_CHARS)),
        body: "Programs of this computer reach it there. The address is copied.".to_owned(),
        click: show(Tab::Resources),
        buttons: vec![],
    }
}

/// Says that access ended while programs of this computer could reach a resource.
#[must_use]
pub fn forward_ended(name: &str, address: &str) -> Message {
    Message {
        title: format!(
            "Your access to {} has ended",
            one_line(name, MAX_NAME_CHARS)
        ),
        body: format!("Connections through {address} are closed. The next one asks for access."),
        click: show(Tab::Resources),
        buttons: vec![],
    }
}

/// Says that a program wants to use a locked resource.
#[must_use]
pub fn access_prompt(name: &str, resource: ResourceId) -> Message {
    let name = one_line(name, MAX_NAME_CHARS);
    let ask = Intent::Authenticate { resource };
    Message {
        title: format!("{name} is locked"),
        body: "A program on this computer wants to use it.".to_owned(),
        click: ask.clone(),
        buttons: vec![
            Button {
                label: "Authenticate…",
                action: ask,
            },
            Button {
                label: "Remind me in an hour",
                action: Intent::Snooze { resource },
            },
        ],
    }
}

/// Says that a gateway cut a connection for what went through it.
#[must_use]
pub fn blocked(blocked: &BlockedConnection) -> Message {
    Message {
        title: "A connection was blocked".to_owned(),
        body: blocked.to_string(),
        click: show(Tab::Resources),
        buttons: vec![],
    }
}

/// Says that nobody is signed in any more, and why.
#[must_use]
pub fn signed_out(sentence: String, controller: String) -> Message {
    let sign_in = Intent::SignIn { controller };
    Message {
        title: "You are signed out".to_owned(),
        body: sentence,
        click: sign_in.clone(),
        buttons: vec![Button {
            label: "Sign in",
            action: sign_in,
        }],
    }
}

fn ending_soon(ending: &Ending, minutes_left: i64, zone: Zone) -> (Topic, Message) {
    let name = one_line(&ending.resource_name, MAX_NAME_CHARS);
    let minutes = Length::from_seconds(minutes_left.unsigned_abs() * 60).unwrap_or(Length::MIN);
    let at = time_format::time_of_day(ending.expires_at, zone);
    let message = Message {
        title: format!("{minutes} left on {name}"),
        body: format!("Access ends at {at}."),
        click: show(Tab::Resources),
        buttons: vec![Button {
            label: "Extend",
            action: Intent::Extend {
                resource: ending.resource,
            },
        }],
    };
    (Topic::Grant(ending.grant), message)
}

fn ended(ending: &Ending, now: DateTime<Utc>, zone: Zone) -> (Topic, Message) {
    let name = one_line(&ending.resource_name, MAX_NAME_CHARS);
    let at = time_format::moment(ending.expires_at, now, zone);
    let message = Message {
        title: format!("{name} is locked again"),
        body: format!("Access ended at {at}."),
        click: show(Tab::Resources),
        buttons: vec![again(ending.resource)],
    };
    (Topic::Grant(ending.grant), message)
}

/// Says that something the person clicked did not work.
#[must_use]
pub fn failure(sentence: String) -> Message {
    Message {
        title: "That did not work".to_owned(),
        body: sentence,
        click: show(Tab::Resources),
        buttons: vec![],
    }
}

fn again(resource: ResourceId) -> Button {
    Button {
        label: "Request again",
        action: Intent::Authenticate { resource },
    }
}

/// What comes after the end of a request: of one for more time, another while access runs.
fn again_or_extend(
    resource: ResourceId,
    extends: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Button {
    match extends {
        Some(ends_at) if ends_at > now => Button {
            label: "Request again",
            action: Intent::Extend { resource },
        },
        Some(_) | None => again(resource),
    }
}

/// Adds until when access goes on that was not extended.
fn goes_on(body: String, extends: Option<DateTime<Utc>>, now: DateTime<Utc>, zone: Zone) -> String {
    match extends.filter(|ends_at| *ends_at > now) {
        Some(ends_at) => {
            let until = time_format::moment(ends_at, now, zone);
            format!("{body} Access goes on until {until}.")
        }
        None => body,
    }
}

fn show(tab: Tab) -> Intent {
    Intent::Show { tab: Some(tab) }
}

fn open(resource: ResourceId, opens: bool) -> Intent {
    if opens {
        Intent::Open { resource }
    } else {
        show(Tab::Resources)
    }
}

fn open_and_copy(resource: ResourceId, opens: bool) -> Vec<Button> {
    let copy = Button {
        label: "Copy address",
        action: Intent::Copy { resource },
    };
    let open = opens.then(|| Button {
        label: "Open",
        action: open(resource, opens),
    });
    open.into_iter().chain([copy]).collect()
}

fn no_longer_needed(cause: Cause, name: &str) -> Option<String> {
    (cause == Cause::NoLongerNeeded).then(|| format!("{name} needs no request any more"))
}

fn person(name: &str) -> String {
    one_line(name, MAX_NAME_CHARS)
}

/// Title and body about a request or grant of which `notice` tells that it is over.
fn became(notice: &Notice, name: &str, comment: &str) -> (String, String) {
    let outcome = notice.what.outcome(notice.at).unwrap_or(Outcome::Unknown);
    let body = with_quote(&outcome.headline(person), comment);
    let title = match notice.what.extends() {
        Some(_) => outcome.extension_title(name),
        None => outcome.title(name),
    };
    (title, body)
}

/// Who approved what `what` tells of, and for how long.
fn approval(what: &What) -> String {
    let approval = what.approval();
    approval.map_or_else(String::new, |approval| approval.headline(person))
}

/// `Approved by Marta for 45 minutes: “Only the read replica, please.”`
fn with_quote(sentence: &str, text: &str) -> String {
    with_comment(sentence, &one_line(text, MAX_TEXT_CHARS))
}
