//! Times and lengths in words. The script says the same words again as time passes, in the
//! person's zone; without it they stand as of the page's making, in UTC.

use hourkey_domain::Time;
use maud::{Markup, html};

/// What is left until a moment, counted down by the script: `42 min`, in the last minute `45 s`.
pub(super) fn left(until: Time, now: Time) -> Markup {
    html! {
        // A timer's ticks are not read out.
        time role="timer" datetime=(stamp(until)) title=(utc(until)) data-left {
            (left_words(until, now))
        }
    }
}

/// How long ago a moment was: `3 min ago`.
pub(super) fn ago(at: Time, now: Time) -> Markup {
    html! { time datetime=(stamp(at)) title=(utc(at)) data-ago { (ago_words(at, now)) } }
}

/// A moment, `14:05` on the same day, else with its date.
pub(super) fn moment(at: Time) -> Markup {
    html! {
        time datetime=(stamp(at)) title=(utc(at)) data-moment { (at.format("%-d %b %H:%M UTC")) }
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

/// At most two units, from a week on one, rounded up, so that 45 minutes read as 45 until the first has passed.
pub(super) fn left_words(until: Time, now: Time) -> String {
    let left = (until - now).num_milliseconds().max(0);
    if left <= 60_000 {
        return format!("{} s", (left + 999) / 1000);
    }
    let minutes = (left + 59_999) / 60_000;
    match (minutes / 1_440, minutes / 60 % 24, minutes % 60) {
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, 0) => format!("{hours} h"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days @ 7.., _, _) => format!("{days} days"),
        (days, 0, _) => format!("{days} d"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

fn ago_words(at: Time, now: Time) -> String {
    match (now - at).num_minutes() {
        ..1 => "just now".to_owned(),
        minutes @ 1..60 => format!("{minutes} min ago"),
        minutes @ 60..1_440 => format!("{} h ago", minutes / 60),
        minutes @ 1_440.. => format!("{} d ago", minutes / 1_440),
    }
}

fn utc(at: Time) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    #[test]
    fn words() {
        let now = Time::from_timestamp_millis(1_700_000_000_000).unwrap();
        let left = |ms: i64| left_words(now + TimeDelta::milliseconds(ms), now);
        assert_eq!(left(-5), "0 s");
        assert_eq!(left(1), "1 s");
        assert_eq!(left(60_000), "60 s");
        assert_eq!(left(60_001), "2 min");
        assert_eq!(left(45 * 60_000), "45 min");
        assert_eq!(left(60 * 60_000), "1 h");
        assert_eq!(left(80 * 60_000), "1 h 20 min");
        assert_eq!(left(52 * 3_600_000), "2 d 4 h");
        assert_eq!(left((7 * 24 + 5) * 3_600_000), "7 days");
        assert_eq!(left((30 * 24 - 1) * 3_600_000), "29 days");
        let ago = |seconds: i64| ago_words(now - TimeDelta::seconds(seconds), now);
        assert_eq!(ago(-100), "just now");
        assert_eq!(ago(59), "just now");
        assert_eq!(ago(61), "1 min ago");
        assert_eq!(ago(7_300), "2 h ago");
        assert_eq!(ago(200_000), "2 d ago");
    }
}
