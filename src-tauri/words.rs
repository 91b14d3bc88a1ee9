//! How times, lengths and names are said, in the tray, in notifications and in tooltips.
//!
//! The window has its own twin of the time wordings (`ui/src/wording.ts`): both say the same.

use std::time::Duration;

use chrono::{DateTime, Datelike, FixedOffset, Local, Offset, TimeDelta, TimeZone, Utc};

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
    fn local(self, at: DateTime<Utc>) -> DateTime<FixedOffset> {
        let offset = match self {
            Self::Local => Local.offset_from_utc_datetime(&at.naive_utc()).fix(),
            Self::Fixed(offset) => offset,
        };
        at.with_timezone(&offset)
    }
}

/// What is left until `at`, by the minute: `2 d 4 h`, `1 h 20 min`, `42 min`, and in the last
/// minute `under 1 min`. Rounded up, so that 45 minutes read as 45 until the first has passed.
#[must_use]
pub fn left(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let left = (at - now).num_milliseconds().max(0).unsigned_abs();
    if left <= MINUTE {
        return "under 1 min".to_owned();
    }
    let minutes = left.div_ceil(MINUTE);
    let (days, hours, minutes) = (minutes / 1_440, minutes / 60 % 24, minutes % 60);
    match (days, hours, minutes) {
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, 0) => format!("{hours} h"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, 0, _) => format!("{days} d"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
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

/// How long something has gone on: nothing in the first minute, then `3 min`, `2 h`, `5 d`.
#[must_use]
pub fn for_how_long(since: DateTime<Utc>, now: DateTime<Utc>) -> Option<String> {
    let minutes = (now - since).num_minutes();
    match minutes {
        ..1 => None,
        1..60 => Some(format!("{minutes} min")),
        60..1_440 => Some(format!("{} h", minutes / 60)),
        1_440.. => Some(format!("{} d", minutes / 1_440)),
    }
}

/// When the words of [`for_how_long`] next change.
#[must_use]
pub fn for_how_long_changes_at(since: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
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
    zone.local(at).format("%H:%M").to_string()
}

/// A moment near now: `14:05` today, `Tue 14:05` within a week, `3 Mar 14:05` else.
#[must_use]
pub fn moment(at: DateTime<Utc>, now: DateTime<Utc>, zone: Zone) -> String {
    let (at, now) = (zone.local(at), zone.local(now));
    let same_day = (at.year(), at.ordinal()) == (now.year(), now.ordinal());
    let format = if same_day {
        "%H:%M"
    } else if (at - now).abs() < TimeDelta::days(6) {
        "%a %H:%M"
    } else {
        "%-d %b %H:%M"
    };
    at.format(format).to_string()
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
            let next = for_how_long_changes_at(since, now);
            assert_ne!(for_how_long(since, next), for_how_long(since, now));
            let before = next - TimeDelta::milliseconds(1);
            assert_eq!(for_how_long(since, before), for_how_long(since, now));
        }
    }

    #[test]
    fn moments_say_the_day_only_where_it_is_needed() {
        let zone = Zone::Fixed(FixedOffset::east_opt(2 * 3_600).expect("in range"));
        // 2027-01-15 08:00 UTC, a Friday.
        assert_eq!(moment(at(0), at(-3_600), zone), "10:00");
        assert_eq!(moment(at(86_400), at(0), zone), "Sat 10:00");
        assert_eq!(moment(at(30 * 86_400), at(0), zone), "14 Feb 10:00");
    }
}
