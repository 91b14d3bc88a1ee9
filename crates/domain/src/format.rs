//! How addresses and times are said, the same in tray, window, pages and commands.
//!
//! The window and the pages' script count on by themselves; they are tested against the same tables
//! as this module (`ui/src/time-cases.json`).

use chrono::{DateTime, Datelike, FixedOffset, TimeDelta};

use crate::Time;
use crate::address::Ports;

/// An address with its ports, as a person would type it: `db.corp:5432`, `[fd00::1]:22`,
/// `10.1.40.0/24:631,9100`, or the address alone for all ports.
#[must_use]
pub fn endpoint(address: &str, ports: &Ports) -> String {
    if ports.ranges().is_empty() {
        return address.to_owned();
    }
    if address.contains(':') {
        format!("[{address}]:{ports}")
    } else {
        format!("{address}:{ports}")
    }
}

/// An address of at most `width` characters: what is too much is left out of its middle, so that its
/// first label and its port are still read.
#[must_use]
pub fn shortened(endpoint: &str, width: usize) -> String {
    let count = endpoint.chars().count();
    if count <= width {
        return endpoint.to_owned();
    }
    let kept = width.saturating_sub(1);
    let end = kept.div_ceil(2);
    let start: String = endpoint.chars().take(kept - end).collect();
    let end: String = endpoint.chars().skip(count - end).collect();
    format!("{start}…{end}")
}

/// What is left of a time: `29 days`, `2 d 4 h`, `1 h 20 min`, `42 min`, `45 s`. Rounded up, so that
/// 45 minutes read as 45 until the first has passed.
#[must_use]
pub fn remaining(left: TimeDelta) -> String {
    let left = left.num_milliseconds().max(0);
    if left <= 60_000 {
        return format!("{} s", (left + 999) / 1_000);
    }
    let minutes = (left + 59_999) / 60_000;
    match (minutes / 1_440, minutes / 60 % 24, minutes % 60) {
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, 0) => format!("{hours} h"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        // From a week on hours say nothing.
        (days @ 7.., _, _) => format!("{days} days"),
        (days, 0, _) => format!("{days} d"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

/// How long something has gone on: nothing in the first minute, then `3 min`, `2 h`, `5 d`. Rounded
/// down.
#[must_use]
pub fn elapsed(gone: TimeDelta) -> Option<String> {
    match gone.num_minutes() {
        ..1 => None,
        minutes @ 1..60 => Some(format!("{minutes} min")),
        minutes @ 60..1_440 => Some(format!("{} h", minutes / 60)),
        minutes @ 1_440.. => Some(format!("{} d", minutes / 1_440)),
    }
}

/// How long ago something was: `just now`, `3 min ago`, `2 h ago`, `5 d ago`.
#[must_use]
pub fn ago(gone: TimeDelta) -> String {
    elapsed(gone).map_or_else(|| "just now".to_owned(), |gone| format!("{gone} ago"))
}

/// A moment near now in a time zone: `14:05` today, `tomorrow 14:05`, `Tue 14:05` within a week,
/// `3 Mar 14:05` else, and `3 Mar 2027 14:05` in another year.
#[must_use]
pub fn moment(at: Time, now: Time, zone: FixedOffset) -> String {
    let (at, now) = (at.with_timezone(&zone), now.with_timezone(&zone));
    let format = if at.date_naive() == now.date_naive() {
        "%H:%M"
    } else if now.date_naive().succ_opt() == Some(at.date_naive()) {
        "tomorrow %H:%M"
    } else if (at - now).abs() < TimeDelta::days(6) {
        "%a %H:%M"
    } else if at.year() == now.year() {
        "%-d %b %H:%M"
    } else {
        "%-d %b %Y %H:%M"
    };
    at.format(format).to_string()
}

/// A zone that moments are said in: `UTC+01:00`, or `UTC`.
#[must_use]
pub fn zone(zone: FixedOffset) -> String {
    match zone.local_minus_utc() {
        0 => "UTC".to_owned(),
        _ => format!("UTC{zone}"),
    }
}

/// A text is no moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write a time as 2026-12-24T18:00:00Z, or with its zone as 2026-12-24T18:00:00+01:00")]
pub struct BadMoment;

/// Reads a moment that a person or a script wrote (RFC 3339).
///
/// # Errors
/// [`BadMoment`].
pub fn typed_moment(text: &str) -> Result<Time, BadMoment> {
    let read = DateTime::parse_from_rfc3339(text.trim());
    read.map(Time::from).map_err(|_| BadMoment)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_are_as_people_type_them() {
        for (address, ports, typed) in [
            ("db.corp", "5432", "db.corp:5432"),
            ("db.corp", "80, 443", "db.corp:80,443"),
            ("db.corp", "8000-8010", "db.corp:8000-8010"),
            ("db.corp", "", "db.corp"),
            ("*.db.corp", "22", "*.db.corp:22"),
            ("10.0.0.1", "22", "10.0.0.1:22"),
            ("fd00::1", "22", "[fd00::1]:22"),
            ("fd00::1", "", "fd00::1"),
            ("10.1.40.0/24", "631,9100", "10.1.40.0/24:631,9100"),
            ("fd00::/64", "22", "[fd00::/64]:22"),
        ] {
            assert_eq!(endpoint(address, &ports.parse().unwrap()), typed);
        }
    }

    #[test]
    fn what_is_too_long_keeps_its_start_and_its_port() {
        let long = "reporting-replica.eu-central-1.db.corp.example:5432";
        assert_eq!(shortened(long, 60), long);
        assert_eq!(shortened(long, 25), "reporting-re…example:5432");
        assert_eq!(shortened("äöüßäöüß:1", 5), "äö…:1");
    }

    #[test]
    fn times_are_said_as_the_window_says_them() {
        let cases = include_str!("../../../ui/src/time-cases.json");
        let cases: serde_json::Value = serde_json::from_str(cases).unwrap();
        let of = |kind: &str| -> Vec<(TimeDelta, String)> {
            let cases = cases[kind].as_object().unwrap();
            let read = |(ms, words): (&String, &serde_json::Value)| {
                let ms = TimeDelta::milliseconds(ms.parse().unwrap());
                (ms, words.as_str().unwrap().to_owned())
            };
            cases.iter().map(read).collect()
        };
        for (left, words) in of("remaining") {
            assert_eq!(remaining(left), words, "{left}");
        }
        for (gone, words) in of("ago") {
            assert_eq!(ago(gone), words, "{gone}");
        }
    }

    #[test]
    fn a_zone_is_said_by_its_offset() {
        let said = |seconds| zone(FixedOffset::east_opt(seconds).unwrap());
        assert_eq!(said(0), "UTC");
        assert_eq!(said(5_400), "UTC+01:30");
        assert_eq!(said(-3_600), "UTC-01:00");
    }

    #[test]
    fn a_typed_moment_names_its_zone() {
        let at = |text: &str| typed_moment(text).map(|at| at.to_rfc3339()).ok();
        let noon = Some("2026-12-24T12:00:00+00:00".to_owned());
        assert_eq!(at("2026-12-24T12:00:00Z"), noon);
        assert_eq!(at(" 2026-12-24T13:00:00+01:00"), noon);
        for text in ["", "now", "12:00", "2026-12-24", "2026-12-24T12:00:00"] {
            assert_eq!(at(text), None, "{text}");
        }
    }

    #[test]
    fn moments_say_the_day_only_where_it_is_needed() {
        let zone = FixedOffset::east_opt(2 * 3_600).unwrap();
        // 2027-01-15 08:00 UTC, a Friday.
        let at = |seconds: i64| Time::from_timestamp(1_800_000_000 + seconds, 0).unwrap();
        assert_eq!(moment(at(0), at(-3_600), zone), "10:00");
        assert_eq!(moment(at(86_400), at(0), zone), "tomorrow 10:00");
        assert_eq!(moment(at(2 * 86_400), at(0), zone), "Sun 10:00");
        assert_eq!(moment(at(30 * 86_400), at(0), zone), "14 Feb 10:00");
        assert_eq!(moment(at(-30 * 86_400), at(0), zone), "16 Dec 2026 10:00");
    }

    proptest! {
        #[test]
        fn a_time_left_of_a_length_is_read_back_as_a_length(minutes in 1i64..=10_080) {
            let left = TimeDelta::minutes(minutes);
            let read: crate::length::Length = remaining(left).parse().unwrap();
            let seconds = i64::from(read.seconds());
            // Two units are shown: of a day and more, minutes are left out.
            prop_assert!((0..3_600).contains(&(left.num_seconds() - seconds)));
        }

        #[test]
        fn no_address_is_longer_than_its_place(text in "\\PC{0,80}", width in 1usize..60) {
            prop_assert!(shortened(&text, width).chars().count() <= width);
        }
    }
}
