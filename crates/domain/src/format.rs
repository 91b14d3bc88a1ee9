//! How addresses and times are said, the same in tray, window, notifications, pages and commands.

mod time;

use chrono::DateTime;

pub use self::time::{
    ago, ago_changes_at, dated, elapsed, moment, remaining, remaining_by_minute,
    remaining_by_minute_changes_at, time_of_day, zone,
};
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
    fn a_typed_moment_names_its_zone() {
        let at = |text: &str| typed_moment(text).map(|at| at.to_rfc3339()).ok();
        let noon = Some("2026-12-24T12:00:00+00:00".to_owned());
        assert_eq!(at("2026-12-24T12:00:00Z"), noon);
        assert_eq!(at(" 2026-12-24T13:00:00+01:00"), noon);
        for text in ["", "now", "12:00", "2026-12-24", "2026-12-24T12:00:00"] {
            assert_eq!(at(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_address_is_longer_than_its_place(text in "\\PC{0,80}", width in 1usize..60) {
            prop_assert!(shortened(&text, width).chars().count() <= width);
        }
    }
}
