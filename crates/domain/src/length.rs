//! Lengths of access (rule 5).

use serde::{Deserialize, Serialize};

use crate::{Time, later};

/// How long access lasts: 1 minute to 7 days, in whole seconds (rule 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(minimum = 60, maximum = 604_800))]
#[serde(try_from = "u64", into = "u64")]
pub struct Length(u32);

/// Why a number of seconds is no [`Length`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("access lasts from 1 minute to 7 days")]
pub struct OutOfRange;

impl Length {
    /// The shortest access: 1 minute.
    pub const MIN: Self = Self(60);
    /// The longest access: 7 days.
    pub const MAX: Self = Self(7 * 24 * 60 * 60);

    /// A length of whole seconds.
    ///
    /// # Errors
    /// [`OutOfRange`] below 1 minute or above 7 days.
    pub fn from_seconds(seconds: u64) -> Result<Self, OutOfRange> {
        let length = Self(u32::try_from(seconds).map_err(|_| OutOfRange)?);
        (Self::MIN..=Self::MAX)
            .contains(&length)
            .then_some(length)
            .ok_or(OutOfRange)
    }

    /// In seconds.
    #[must_use]
    pub fn seconds(self) -> u32 {
        self.0
    }

    /// The whole seconds from `start` to `end`.
    ///
    /// # Errors
    /// [`OutOfRange`] below 1 minute, above 7 days, or when `end` comes first.
    pub fn between(start: Time, end: Time) -> Result<Self, OutOfRange> {
        let seconds = u64::try_from((end - start).num_seconds()).map_err(|_| OutOfRange)?;
        Self::from_seconds(seconds)
    }

    /// `start` plus this length; the last moment there is when that lies beyond it.
    #[must_use]
    pub fn after(self, start: Time) -> Time {
        later(start, chrono::TimeDelta::seconds(i64::from(self.0)))
    }
}

impl TryFrom<u64> for Length {
    type Error = OutOfRange;

    fn try_from(seconds: u64) -> Result<Self, OutOfRange> {
        Self::from_seconds(seconds)
    }
}

impl From<Length> for u64 {
    fn from(length: Length) -> Self {
        length.0.into()
    }
}

/// In words: `45 minutes`, `1 hour 30 minutes`, `2 days`.
impl std::fmt::Display for Length {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let units = [
            (86_400, "day"),
            (3_600, "hour"),
            (60, "minute"),
            (1, "second"),
        ];
        let mut rest = self.0;
        let mut separator = "";
        for (size, name) in units {
            let count = rest / size;
            rest %= size;
            if count > 0 {
                let plural = if count == 1 { "" } else { "s" };
                write!(f, "{separator}{count} {name}{plural}")?;
                separator = " ";
            }
        }
        Ok(())
    }
}

/// As people type it: `90s`, `45m`, `2h`, `1h30m`, `3d`, or several of them one after another.
impl std::str::FromStr for Length {
    type Err = BadLength;

    fn from_str(text: &str) -> Result<Self, BadLength> {
        let mut total: u64 = 0;
        let mut digits = String::new();
        let mut counted = false;
        for c in text.chars().filter(|c| !c.is_whitespace()) {
            if c.is_ascii_digit() {
                digits.push(c);
                continue;
            }
            let unit = match c.to_ascii_lowercase() {
                's' => 1,
                'm' => 60,
                'h' => 3_600,
                'd' => 86_400,
                _ => return Err(BadLength::Unreadable),
            };
            if digits.is_empty() {
                return Err(BadLength::Unreadable);
            }
            let count: u64 = digits.parse().map_err(|_| BadLength::OutOfRange)?;
            digits.clear();
            counted = true;
            total = count
                .checked_mul(unit)
                .and_then(|part| total.checked_add(part))
                .ok_or(BadLength::OutOfRange)?;
        }
        if !counted || !digits.is_empty() {
            return Err(BadLength::Unreadable);
        }
        Self::from_seconds(total).map_err(|_| BadLength::OutOfRange)
    }
}

/// Why a text is no [`Length`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLength {
    /// Not of the form `2h` or `1h30m`.
    #[error("write a length as 45m, 2h, 1h30m or 3d")]
    Unreadable,
    /// Below 1 minute or above 7 days.
    #[error("access lasts from 1 minute to 7 days")]
    OutOfRange,
}
