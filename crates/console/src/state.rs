//! How a lock state is shown: icon, word and colour, never colour alone.

use hourkey_domain::Time;
use hourkey_domain::lock::{LockState, Why};
use hourkey_protocol::access::{LastDecision, Resource};
use maud::{Markup, html};

use super::icon::Icon;
use super::layout::plain;
use super::time::{ago, left, moment, stamp};

/// Access that ends within this many minutes is marked as ending soon.
const SOON_MINUTES: i64 = 10;

/// The icon of a resource's state: a ring of the time left, or a symbol in a circle.
pub(super) fn mark(resource: &Resource, now: Time) -> Markup {
    match resource.lock {
        LockState::Open { .. } => dot(Icon::Check, "open"),
        LockState::Granted {
            started_at,
            expires_at,
            ..
        } => ring(started_at, expires_at, now),
        LockState::Scheduled { .. } | LockState::Pending { .. } => dot(Icon::Clock, "wait"),
        LockState::Locked { .. } if resource.last_decision.is_some() => dot(Icon::Lock, "stop"),
        LockState::Locked { .. } => dot(Icon::Lock, "muted"),
    }
}

/// The state in words.
pub(super) fn words(resource: &Resource, now: Time) -> Markup {
    match (resource.lock, &resource.last_decision) {
        (lock, Some(_)) if resource.is_disabled() => of_lock(lock, now),
        (LockState::Locked { .. }, Some(decision)) => self::decision(decision, now),
        (lock, _) => of_lock(lock, now),
    }
}

/// A lock in words, whatever was decided before.
pub(super) fn of_lock(lock: LockState, now: Time) -> Markup {
    match lock {
        LockState::Open { locks_at: None } => html! { span.state.open { "Always open" } },
        LockState::Open { locks_at: Some(at) } => html! {
            span.state.open { "Open, locks in " (left(at, now)) }
        },
        LockState::Granted {
            expires_at,
            extension,
            ..
        } => html! {
            span.state.open data-tone=(stamp(expires_at)) .soon[is_soon(expires_at, now)] {
                (left(expires_at, now)) " left"
            }
            @if let Some(waits) = extension {
                " " span.state.wait { "More time requested " (ago(waits.since, now)) }
            }
        },
        LockState::Scheduled { starts_at, .. } => html! {
            span.state.wait { "Starts " (moment(starts_at, now)) }
        },
        LockState::Pending { since, .. } => html! {
            span.state.wait { "Requested " (ago(since, now)) }
        },
        LockState::Locked { why } => match why {
            Why::NeedsApproval | Why::Unknown => html! { span.state { "Needs approval" } },
            Why::NeedsReason => html! { span.state { "Opens with a reason" } },
            Why::Disabled => html! { span.state.stop { "Disabled" } },
            Why::Unused => html! { span.state { "Locked because it wasn’t used" } },
        },
    }
}

/// What was last decided against the person: who, why, when, and from when a reason opens it again.
pub(super) fn decision(decision: &LastDecision, now: Time) -> Markup {
    html! {
        span.state.stop dir="auto" { (plain(&decision.sentence())) }
        " "
        span.state {
            (ago(decision.at, now))
            @if let Some(at) = decision.automatic_at.filter(|at| *at > now) {
                " · opens with a reason again " (moment(at, now))
            }
        }
    }
}

/// A symbol in a circle, in a tone of `pages.css`.
pub(super) fn dot(icon: Icon, tone: &str) -> Markup {
    html! { span.dot.(tone) { (icon) } }
}

/// The share of the time that is left, as a ring that the script shrinks.
pub(super) fn ring(started_at: Time, expires_at: Time, now: Time) -> Markup {
    let whole = (expires_at - started_at).num_milliseconds().max(1);
    let left = (expires_at - now).num_milliseconds().clamp(0, whole);
    let thousandths = left * 1_000 / whole;
    html! {
        span.ring.open.soon[is_soon(expires_at, now)] data-tone=(stamp(expires_at)) {
            svg viewBox="0 0 36 36" aria-hidden="true" {
                circle.track cx="18" cy="18" r="16" {}
                circle.rest cx="18" cy="18" r="16" pathLength="1000"
                    stroke-dasharray={ (thousandths) " 1000" }
                    data-from=(stamp(started_at)) data-until=(stamp(expires_at)) {}
            }
            (Icon::Clock)
        }
    }
}

fn is_soon(expires_at: Time, now: Time) -> bool {
    (expires_at - now).num_minutes() < SOON_MINUTES
}

/// Where Open goes. Nothing but the web: an address is an administrator's text.
pub(super) fn link(resource: &Resource) -> Option<&str> {
    let web = |url: &&str| url.starts_with("https://") || url.starts_with("http://");
    resource.url.as_deref().filter(web)
}
