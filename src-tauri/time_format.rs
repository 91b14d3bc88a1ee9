//! Moments in the tray and in notifications: in this machine's time zone, or in one that tests set.
//! Their words are those of [`hourkey_domain::format`].

use chrono::{DateTime, FixedOffset, Local, Offset, TimeZone, Utc};
use hourkey_domain::format;

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

/// The time of day, as [`format::time_of_day`].
#[must_use]
pub fn time_of_day(at: DateTime<Utc>, zone: Zone) -> String {
    format::time_of_day(at, zone.offset(at))
}

/// A moment near now, as [`format::moment`].
#[must_use]
pub fn moment(at: DateTime<Utc>, now: DateTime<Utc>, zone: Zone) -> String {
    format::moment(at, now, zone.offset(at))
}
