//! Times in words. The window and the script of the pages count on by themselves; their copies of
//! these functions are tested against a table made from this module (`ui/src/wording-cases.json`).

use chrono::{Datelike, FixedOffset, TimeDelta};

use crate::{Time, later};

const MINUTE_MS: i64 = 60_000;
const HOUR: i64 = 60;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;

/// What is left of a time: `29 days`, `2 d 4 h`, `1 h 20 min`, `42 min`, and in the last minute
/// `45 s`. Minutes and seconds are rounded up, so that 45 minutes read as 45 until the first has
/// passed: what is said is never a whole minute more than what is left, and in the last minute never
/// a whole second. Nothing is left of a time that has passed.
#[must_use]
pub fn remaining(left: TimeDelta) -> String {
    let left = left.num_milliseconds().max(0);
    if left <= MINUTE_MS {
        return format!("{} s", rounded_up(left, 1_000));
    }
    let minutes = rounded_up(left, MINUTE_MS);
    match (minutes / DAY, minutes / HOUR % 24, minutes % HOUR) {
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, 0) => format!("{hours} h"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        // From a week on hours say nothing.
        (days @ 7.., _, _) => format!("{days} days"),
        (days, 0, _) => format!("{days} d"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

/// As [`remaining`], and in the last minute `under 1 min`.
///
/// For texts that do not count seconds: a notification stays as it was shown, and each new label of
/// the tray wakes the app, the bus and the desktop's panel, which for seconds would be 60 times a
/// minute with no window open. The window and the pages count seconds, since they are looked at.
#[must_use]
pub fn remaining_by_minute(left: TimeDelta) -> String {
    if left.num_milliseconds() <= MINUTE_MS {
        return "under 1 min".to_owned();
    }
    remaining(left)
}

/// When the words of [`remaining_by_minute`] until `at` next change; `None` once `at` has passed.
/// The end itself counts as a change.
#[must_use]
pub fn remaining_by_minute_changes_at(at: Time, now: Time) -> Option<Time> {
    let left = (at - now).num_milliseconds();
    let minutes = rounded_up(left, MINUTE_MS);
    let unit = match minutes {
        ..1 => return None,
        1 => return Some(at),
        WEEK.. => DAY,
        DAY.. => HOUR,
        _ => 1,
    };
    // The words stay the same down to the last minute of the smallest unit that they name.
    let next = minutes / unit * unit - 1;
    Some(now + TimeDelta::milliseconds(left - next * MINUTE_MS))
}

/// How long something has gone on: nothing in the first minute, then `3 min`, `2 h`, `5 d`. Rounded
/// down.
#[must_use]
pub fn elapsed(gone: TimeDelta) -> Option<String> {
    match gone.num_minutes() {
        ..1 => None,
        minutes @ 1..HOUR => Some(format!("{minutes} min")),
        minutes @ HOUR..DAY => Some(format!("{} h", minutes / HOUR)),
        minutes @ DAY.. => Some(format!("{} d", minutes / DAY)),
    }
}

/// How long ago something was: `just now`, `3 min ago`, `2 h ago`, `5 d ago`.
#[must_use]
pub fn ago(gone: TimeDelta) -> String {
    elapsed(gone).map_or_else(|| "just now".to_owned(), |gone| format!("{gone} ago"))
}

/// When the words of [`ago`] and [`elapsed`] about `since` next change.
#[must_use]
pub fn ago_changes_at(since: Time, now: Time) -> Time {
    let gone = (now - since).num_milliseconds().max(0);
    let step = match gone / MINUTE_MS {
        ..HOUR => 1,
        HOUR..DAY => HOUR,
        DAY.. => DAY,
    };
    let step = step * MINUTE_MS;
    later(now, TimeDelta::milliseconds(step - gone % step))
}

/// The time of day in a zone: `14:05`.
#[must_use]
pub fn time_of_day(at: Time, zone: FixedOffset) -> String {
    at.with_timezone(&zone).format("%H:%M").to_string()
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

/// A moment with its date, for columns and lists that are read later: `2026-03-01 14:30`.
#[must_use]
pub fn dated(at: Time, zone: FixedOffset) -> String {
    at.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string()
}

/// A zone that moments are said in: `UTC+01:00`, or `UTC`.
#[must_use]
pub fn zone(zone: FixedOffset) -> String {
    match zone.local_minus_utc() {
        0 => "UTC".to_owned(),
        _ => format!("UTC{zone}"),
    }
}

/// How many units a span has, the last one begun: 0 for none, and below it.
fn rounded_up(span: i64, unit: i64) -> i64 {
    if span <= 0 { 0 } else { (span - 1) / unit + 1 }
}

#[cfg(test)]
mod tests;
