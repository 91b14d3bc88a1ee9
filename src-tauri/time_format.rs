//! How times are said in the tray and in notifications, and when the words next change.

use std::time::Duration;

use chrono::{DateTime, FixedOffset, Local, Offset, TimeDelta, TimeZone, Utc};
use hourkey_domain::format;

const MINUTE: u64 = 60_000;

/// The time zone that times of day are said in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    /// This machine's.
    Local,
    /// A given one.
    Fixed(FixedOffset),
}

impl Zone {
    fn offset(self, at: DateTime<Utc>) -> FixedOffset {
        match self {
            Self::Local => Local.offset_from_utc_datetime(&at.naive_utc()).fix(),
            Self::Fixed(offset) => offset,
        }
    }
}

/// What is left until `at`, by the minute: as [`format::remaining`], and in the last minute
/// `under 1 min`.
#[must_use]
pub fn left(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let left = at - now;
    if left <= TimeDelta::minutes(1) {
        return "under 1 min".to_owned();
    }
    format::remaining(left)
}

/// When the words of [`left`] next change; `None` once `at` has passed.
#[must_use]
pub fn left_changes_at(at: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let left = u64::try_from((at - now).num_milliseconds()).ok()?;
    let step = match (left, left % MINUTE) {
        (0, _) => return None,
        (_, 0) => MINUTE,
        (_, part) => part,
    };
    Some(now + Duration::from_millis(step))
}

/// When the words of [`format::ago`] next change.
#[must_use]
pub fn ago_changes_at(since: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
    let gone = (now - since).num_milliseconds().max(0);
    let step = match gone {
        ..3_600_000 => 60_000,
        3_600_000..86_400_000 => 3_600_000,
        86_400_000.. => 86_400_000,
    };
    now + TimeDelta::milliseconds(step - gone % step)
}

/// The time of day, for example `14:05`.
#[must_use]
pub fn time_of_day(at: DateTime<Utc>, zone: Zone) -> String {
    at.with_timezone(&zone.offset(at))
        .format("%H:%M")
        .to_string()
}

/// A moment near now, as [`format::moment`].
#[must_use]
pub fn moment(at: DateTime<Utc>, now: DateTime<Utc>, zone: Zone) -> String {
    format::moment(at, now, zone.offset(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).expect("in range")
    }

    #[test]
    fn what_is_left_is_said_by_the_minute_and_rounded_up() {
        let cases = [
            (-5, "under 1 min"),
            (60, "under 1 min"),
            (61, "2 min"),
            (45 * 60, "45 min"),
            (45 * 60 - 1, "45 min"),
            (44 * 60, "44 min"),
            (3_600, "1 h"),
            (3_601, "1 h 1 min"),
            (7_200 + 20 * 60, "2 h 20 min"),
            (86_400, "1 d"),
            (86_400 + 4 * 3_600 + 120, "1 d 4 h"),
        ];
        for (seconds, words) in cases {
            assert_eq!(left(at(seconds), at(0)), words, "{seconds} s");
        }
    }

    #[test]
    fn words_change_when_they_say_they_do_and_not_before() {
        for seconds in [1, 59, 60, 61, 90, 120, 3_599, 3_600, 86_400] {
            let end = at(seconds);
            let mut now = at(0);
            while let Some(next) = left_changes_at(end, now) {
                let before = next - TimeDelta::milliseconds(1);
                assert_eq!(left(end, before), left(end, now), "{seconds} s");
                now = next;
            }
            assert_eq!(now, end, "the end itself is a change");
        }
        let since = at(0);
        for seconds in [0, 30, 60, 3_599, 3_600, 90_000] {
            let now = at(seconds);
            let ago = |now| format::ago(now - since);
            let next = ago_changes_at(since, now);
            assert_ne!(ago(next), ago(now));
            let before = next - TimeDelta::milliseconds(1);
            assert_eq!(ago(before), ago(now));
        }
    }
}
