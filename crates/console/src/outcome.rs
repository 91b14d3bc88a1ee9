//! What became of a request, in a sentence, for requesters and reviewers alike.

use hourkey_domain::Time;
use hourkey_domain::ids::UserId;
use hourkey_domain::request::Purpose;
use hourkey_protocol::access::{Grant, GrantStatus, Person, Request, RequestStatus};
use maud::{Markup, html};

use super::layout::plain;
use super::time::{ago, left, moment};

/// Where a request, or the grant that it made, stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Waiting,
    Scheduled,
    Running,
    /// An unlock, which has no end of its own.
    Unlocked,
    /// The grant came to its end, or was given back.
    Over,
    /// A reviewer denied the request.
    Denied,
    /// The grant was taken away, by a person or by the system.
    Revoked,
    Cancelled,
    /// Nobody answered in time.
    Lapsed,
}

impl Stage {
    pub(super) fn of(request: &Request) -> Self {
        match (
            &request.status,
            request.grant.as_ref().map(|grant| &grant.status),
        ) {
            (RequestStatus::Approved { .. }, None) if request.purpose == Purpose::Unlock => {
                Self::Unlocked
            }
            (RequestStatus::Pending, _) => Self::Waiting,
            (RequestStatus::Denied { .. }, _) => Self::Denied,
            (RequestStatus::Cancelled { .. }, _) => Self::Cancelled,
            (RequestStatus::Lapsed { .. } | RequestStatus::Unknown, _) => Self::Lapsed,
            (RequestStatus::Approved { .. }, Some(GrantStatus::Scheduled)) => Self::Scheduled,
            (RequestStatus::Approved { .. }, Some(GrantStatus::Active)) => Self::Running,
            (RequestStatus::Approved { .. }, Some(GrantStatus::Revoked { .. })) => Self::Revoked,
            (
                RequestStatus::Approved { .. },
                Some(
                    GrantStatus::Expired { .. }
                    | GrantStatus::Released { .. }
                    | GrantStatus::Unknown,
                )
                | None,
            ) => Self::Over,
        }
    }

    /// The tone of `pages.css` that goes with it.
    pub(super) fn tone(self) -> &'static str {
        match self {
            Self::Waiting | Self::Scheduled => "wait",
            Self::Running | Self::Unlocked => "open",
            Self::Denied | Self::Revoked => "stop",
            Self::Over | Self::Cancelled | Self::Lapsed => "muted",
        }
    }
}

/// What happened last, when and by whom.
pub(super) fn sentence(request: &Request, now: Time) -> Markup {
    match &request.grant {
        Some(grant) => grant_sentence(grant, now),
        None => request_sentence(request, now),
    }
}

fn grant_sentence(grant: &Grant, now: Time) -> Markup {
    match &grant.status {
        GrantStatus::Active => html! { "Open, " (left(grant.expires_at, now)) " left" },
        GrantStatus::Scheduled => html! { "Approved, starts " (moment(grant.starts_at)) },
        GrantStatus::Expired { at } => html! { "Ended " (ago(*at, now)) },
        GrantStatus::Released { at } => html! { "Given back " (ago(*at, now)) },
        GrantStatus::Revoked {
            at, by: Some(by), ..
        } => {
            html! { "Revoked by " (person(by)) " " (ago(*at, now)) }
        }
        GrantStatus::Revoked {
            at,
            by: None,
            cause,
            ..
        } => {
            html! { "Revoked " (ago(*at, now)) ": " (cause) }
        }
        GrantStatus::Unknown => html! { "Over" },
    }
}

fn request_sentence(request: &Request, now: Time) -> Markup {
    let (by_whom, at_once) = match request.purpose {
        Purpose::Grant => ("Approved by ", "Opened with a reason "),
        Purpose::Unlock => ("Unlocked by ", "Unlocked with a reason "),
    };
    match &request.status {
        RequestStatus::Pending => html! { "Waiting for a reviewer" },
        RequestStatus::Approved {
            at, by: Some(by), ..
        } => {
            html! { (by_whom) (person(by)) " " (ago(*at, now)) }
        }
        RequestStatus::Approved { at, by: None, .. } => {
            html! { (at_once) (ago(*at, now)) }
        }
        RequestStatus::Denied { at, by, .. } => {
            html! { "Denied by " (person(by)) " " (ago(*at, now)) }
        }
        RequestStatus::Cancelled {
            at, by: Some(_), ..
        } => {
            html! { "Cancelled " (ago(*at, now)) }
        }
        RequestStatus::Cancelled {
            at,
            by: None,
            cause,
        } => {
            html! { "Cancelled " (ago(*at, now)) ": " (cause) }
        }
        RequestStatus::Lapsed { at } => {
            html! { "Expired " (ago(*at, now)) ": nobody answered" }
        }
        RequestStatus::Unknown => html! { "Over" },
    }
}

/// Who approved, and for how long, where that was a person.
pub(super) fn approval(request: &Request) -> Option<Markup> {
    match &request.status {
        RequestStatus::Approved {
            by: Some(by),
            length,
            ..
        } => Some(html! {
            "Approved by " (person(by)) @if let Some(length) = length { " for " (length) }
        }),
        RequestStatus::Approved {
            by: None, length, ..
        } => Some(html! {
            @match length {
                Some(length) => { "Opened for " (length) },
                None => "Unlocked with a reason",
            }
        }),
        RequestStatus::Pending
        | RequestStatus::Denied { .. }
        | RequestStatus::Cancelled { .. }
        | RequestStatus::Lapsed { .. }
        | RequestStatus::Unknown => None,
    }
}

/// The decision in a few words, for the reviewer who has just made it.
pub(super) fn verdict(request: &Request) -> String {
    match &request.status {
        RequestStatus::Pending => "Waiting".to_owned(),
        RequestStatus::Approved {
            length: Some(length),
            ..
        } => format!("Approved for {length}"),
        RequestStatus::Approved { length: None, .. } => "Unlocked".to_owned(),
        RequestStatus::Denied { .. } => "Denied".to_owned(),
        RequestStatus::Cancelled { .. } => "Cancelled".to_owned(),
        RequestStatus::Lapsed { .. } => "Expired".to_owned(),
        RequestStatus::Unknown => "Decided".to_owned(),
    }
}

/// Who has decided, for a reviewer who had the request before them.
pub(super) fn who_decided(request: &Request, viewer: UserId) -> String {
    let name = |by: &Person| match by.id == viewer {
        true => "You have".to_owned(),
        false => format!("{} has", plain(&by.name)),
    };
    match &request.status {
        RequestStatus::Approved { by: Some(by), .. } => {
            format!("{} just approved this.", name(by))
        }
        RequestStatus::Denied { by, .. } => format!("{} just denied this.", name(by)),
        RequestStatus::Cancelled { by: Some(by), .. } => {
            format!("{} just cancelled this.", name(by))
        }
        RequestStatus::Cancelled {
            by: None, cause, ..
        } => {
            format!("This was cancelled: {cause}.")
        }
        RequestStatus::Lapsed { .. } => "This has expired: nobody answered.".to_owned(),
        RequestStatus::Approved { by: None, .. }
        | RequestStatus::Pending
        | RequestStatus::Unknown => "This is no longer waiting.".to_owned(),
    }
}

/// What was asked for.
pub(super) fn asked(request: &Request) -> String {
    let length = request.asked.map(|length| length.to_string());
    length.unwrap_or_else(|| "An unlock".to_owned())
}

/// The words of the people who decided, latest last.
pub(super) fn comments(request: &Request) -> Markup {
    let decided = match &request.status {
        RequestStatus::Approved {
            by: Some(by),
            comment,
            ..
        }
        | RequestStatus::Denied { by, comment, .. } => Some((by, comment)),
        RequestStatus::Approved { by: None, .. }
        | RequestStatus::Pending
        | RequestStatus::Cancelled { .. }
        | RequestStatus::Lapsed { .. }
        | RequestStatus::Unknown => None,
    };
    let revoked = request
        .grant
        .as_ref()
        .and_then(|grant| match &grant.status {
            GrantStatus::Revoked {
                by: Some(by),
                comment,
                ..
            } => Some((by, comment)),
            GrantStatus::Revoked { by: None, .. }
            | GrantStatus::Scheduled
            | GrantStatus::Active
            | GrantStatus::Expired { .. }
            | GrantStatus::Released { .. }
            | GrantStatus::Unknown => None,
        });
    html! {
        @for (by, comment) in decided.into_iter().chain(revoked) {
            @if !comment.trim().is_empty() {
                figure.said {
                    (quote(comment))
                    figcaption { (person(by)) }
                }
            }
        }
    }
}

/// Text of a person as typed: its lines kept, its writing direction its own, never a link. What
/// would turn the direction around inside of it is left out, since it makes words read as others.
pub(super) fn quote(text: &str) -> Markup {
    let kept = |c: &char| match c {
        '\n' | '\t' => true,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => false,
        c => !c.is_control(),
    };
    let shown: String = text.chars().filter(kept).collect();
    html! { p.quote dir="auto" { (shown) } }
}

/// A person's name.
pub(super) fn person(person: &Person) -> Markup {
    html! { bdi title=(plain(&person.login)) { (plain(&person.name)) } }
}
