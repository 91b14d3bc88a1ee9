//! Texts of others shown harmlessly, and moments in this machine's time zone.

use chrono::{DateTime, FixedOffset, Local, Offset, Utc};
use hourkey_domain::format;
pub(crate) use hourkey_domain::text::for_terminal as visible;

/// The offset of this machine's time zone from UTC at a moment.
pub(crate) fn offset(at: DateTime<Utc>) -> FixedOffset {
    at.with_timezone(&Local).offset().fix()
}

/// A moment near now in this machine's time zone: `14:30`, with its day when it is another one.
pub(crate) fn moment(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    format::moment(at, now, offset(at))
}

/// A moment in this machine's time zone, with its date: `2026-03-01 14:30`.
pub(crate) fn date(at: DateTime<Utc>) -> String {
    format::dated(at, offset(at))
}

/// The zone that moments near `now` are said in: `UTC+01:00`.
pub(crate) fn zone(now: DateTime<Utc>) -> String {
    format::zone(offset(now))
}
