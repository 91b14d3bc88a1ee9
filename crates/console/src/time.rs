//! Times and lengths in words. The script says the same words again as time passes, in the
//! person's zone; without it they stand as of the page's making, in UTC.

use chrono::{Offset as _, Utc};
use hourkey_domain::{Time, format};
use maud::{Markup, html};

/// What is left until a moment, counted down by the script: `42 min`, in the last minute `45 s`.
pub(super) fn left(until: Time, now: Time) -> Markup {
    html! {
        // A timer's ticks are not read out.
        time role="timer" datetime=(stamp(until)) title=(utc(until)) data-left {
            (format::remaining(until - now))
        }
    }
}

/// How long ago a moment was: `3 min ago`.
pub(super) fn ago(at: Time, now: Time) -> Markup {
    html! { time datetime=(stamp(at)) title=(utc(at)) data-ago { (format::ago(now - at)) } }
}

/// A moment, `14:05` on the same day, else with its date.
pub(super) fn moment(at: Time, now: Time) -> Markup {
    let zone = Utc.fix();
    html! {
        time datetime=(stamp(at)) title=(utc(at)) data-moment {
            (format::moment(at, now, zone)) " " (format::zone(zone))
        }
    }
}

/// When something would end if it began now: as long as the page is open, the script asks for it anew each
/// minute.
pub(super) fn reckoned(at: Time, now: Time) -> Markup {
    let zone = Utc.fix();
    html! {
        time datetime=(stamp(at)) title=(utc(at)) data-moment data-reckoned {
            (format::moment(at, now, zone)) " " (format::zone(zone))
        }
    }
}

/// A moment in a column whose head names the zone ([`moment`]).
pub(super) fn clock(at: Time, now: Time) -> Markup {
    html! {
        time datetime=(stamp(at)) title=(utc(at)) data-moment { (format::moment(at, now, Utc.fix())) }
    }
}

/// A moment to the millisecond, for telling what came first: `12:03:04.221`.
pub(super) fn instant(at: Time) -> Markup {
    html! {
        time datetime=(stamp(at)) title=(utc(at)) data-instant { (at.format("%H:%M:%S%.3f UTC")) }
    }
}

/// For `datetime` and `data-…` attributes (RFC 3339).
pub(super) fn stamp(at: Time) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

fn utc(at: Time) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}
