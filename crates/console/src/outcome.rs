//! What became of a request, in a sentence, for requesters and reviewers alike: the domain's words,
//! with people and times as pages draw them.

use hourkey_domain::Time;
use hourkey_domain::ids::UserId;
use hourkey_domain::outcome::{Approval, By, Outcome};
use hourkey_domain::text::several_lines;
use hourkey_protocol::access::{Approvers, Person, Request};
use maud::{Markup, PreEscaped, html};

use super::layout::plain;
use super::time::{ago, left, moment};

/// The tone of `pages.css` that goes with an outcome.
pub(super) fn tone(outcome: &Outcome<'_, Person>) -> &'static str {
    match outcome {
        Outcome::Waiting { .. } | Outcome::Scheduled { .. } => "wait",
        Outcome::Open { .. } | Outcome::Unlocked { .. } => "open",
        Outcome::Denied { .. } | Outcome::Revoked { .. } => "stop",
        Outcome::Unused
        | Outcome::Ended { .. }
        | Outcome::GivenBack { .. }
        | Outcome::Cancelled { .. }
        | Outcome::Expired { .. }
        | Outcome::Unknown => "muted",
    }
}

/// What happened last, when and by whom.
pub(super) fn sentence(outcome: &Outcome<'_, Person>, now: Time) -> Markup {
    let word = outcome.word();
    match outcome {
        Outcome::Waiting { .. } => html! { "Waiting for a reviewer" },
        Outcome::Scheduled { starts_at } => html! { (word) ", starts " (moment(*starts_at, now)) },
        Outcome::Open { until } => html! { (word) ", " (left(*until, now)) " left" },
        Outcome::Unlocked { at, by } => html! {
            (word) @if let Some(by) = by { " by " (person(by)) } " " (ago(*at, now))
        },
        Outcome::Unused => html! { "Locked because it wasn’t used" },
        Outcome::Ended { at } | Outcome::GivenBack { at } => html! { (word) " " (ago(*at, now)) },
        Outcome::Revoked { at, by, .. }
        | Outcome::Denied { at, by, .. }
        | Outcome::Cancelled { at, by } => match by {
            By::Person(by) => html! { (word) " by " (person(by)) " " (ago(*at, now)) },
            By::System(cause) => html! { (word) " " (ago(*at, now)) " because " (cause) },
        },
        Outcome::Expired { at } => html! { (word) " " (ago(*at, now)) ": nobody answered" },
        Outcome::Unknown => html! { (word) },
    }
}

/// Who approved, and for how long.
pub(super) fn approval(approval: &Approval<'_, Person>) -> Markup {
    html! {
        (approval.word()) @if let Some(by) = approval.by { " by " (person(by)) } (approval.span())
    }
}

/// What was decided, for a reviewer who had the request before them.
pub(super) fn told(request: &Request, viewer: UserId) -> String {
    request.told(|by| match by.id == viewer {
        true => "You".to_owned(),
        false => plain(&by.said()),
    })
}

/// The decision in a few words, and for whom a deputy took it: `Approved for 4 hours, for Rosa Ott`.
pub(super) fn verdict(request: &Request) -> String {
    let principal = request.decided_by().and_then(|by| by.on_behalf_of.as_ref());
    let principal = principal.map(|principal| format!(", for {}", plain(&principal.name)));
    format!("{}{}", request.verdict(), principal.unwrap_or_default())
}

/// What was asked for.
pub(super) fn asked(request: &Request) -> String {
    match (request.asked, request.purpose.extends()) {
        (Some(length), Some(_)) => format!("More time, {length} from approval"),
        (Some(length), None) => length.to_string(),
        (None, _) => "An unlock".to_owned(),
    }
}

/// The words of the people who decided, latest last.
pub(super) fn comments(request: &Request) -> Markup {
    let approved = request
        .approval()
        .and_then(|approval| Some((approval.by?, approval.comment)));
    let ended = match request.outcome() {
        Outcome::Denied { by, comment, .. } | Outcome::Revoked { by, comment, .. } => match by {
            By::Person(by) => Some((by, comment)),
            By::System(_) => None,
        },
        _ => None,
    };
    html! {
        @for (by, comment) in approved.into_iter().chain(ended) {
            @if !comment.trim().is_empty() {
                figure.said {
                    (quote(comment))
                    figcaption { (person(by)) }
                }
            }
        }
    }
}

/// Text of a person as typed: its lines kept, its writing direction its own, never a link.
pub(super) fn quote(text: &str) -> Markup {
    html! { p.quote dir="auto" { (several_lines(text)) } }
}

/// Who can approve: each name is cut and isolated for itself.
pub(super) fn approvers(approvers: &Approvers) -> Markup {
    let name = |name: &str| html! { bdi { (plain(name)) } }.into_string();
    PreEscaped(approvers.said(name))
}

/// A person's name, and for whom they decided.
pub(super) fn person(person: &Person) -> Markup {
    html! {
        bdi title=(plain(&person.login)) { (plain(&person.name)) }
        @if let Some(principal) = &person.on_behalf_of { " for " bdi { (plain(&principal.name)) } }
    }
}
