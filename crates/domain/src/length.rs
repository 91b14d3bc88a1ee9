//! Lengths of access (rule 5).

use serde::{Deserialize, Serialize};

use crate::{Time, later};

/// How long access lasts: 1 minute to 365 days, in whole seconds (rule 5). An organisation allows 7 days
/// unless it sets more ([`crate::periods::Periods::longest`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(minimum = 60, maximum = 31_536_000))]
#[serde(try_from = "u64", into = "u64")]
pub struct Length(u32);

/// Why a number of seconds is no [`Length`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutOfRange {
    /// Below 1 minute.
    #[error("access lasts 1 minute at least")]
    TooShort,
    /// Above 365 days.
    #[error("access lasts 365 days at most")]
    TooLong,
}

impl Length {
    /// The shortest access: 1 minute.
    pub const MIN: Self = Self(60);
    /// 1 hour.
    pub const HOUR: Self = Self(60 * 60);
    /// 7 days.
    pub const WEEK: Self = Self(7 * 24 * 60 * 60);
    /// The longest access that any organisation can allow: 365 days.
    pub const MAX: Self = Self(365 * 24 * 60 * 60);

    /// A length of whole seconds.
    ///
    /// # Errors
    /// [`OutOfRange`] below 1 minute or above 365 days.
    pub fn from_seconds(seconds: u64) -> Result<Self, OutOfRange> {
        let length = Self(u32::try_from(seconds).map_err(|_| OutOfRange::TooLong)?);
        match length {
            short if short < Self::MIN => Err(OutOfRange::TooShort),
            long if long > Self::MAX => Err(OutOfRange::TooLong),
            length => Ok(length),
        }
    }

    /// In seconds.
    #[must_use]
    pub fn seconds(self) -> u32 {
        self.0
    }

    /// The whole seconds from `start` to `end`.
    ///
    /// # Errors
    /// [`OutOfRange`] below 1 minute, above 365 days, or when `end` comes first.
    pub fn between(start: Time, end: Time) -> Result<Self, OutOfRange> {
        let seconds = u64::try_from((end - start).num_seconds());
        let seconds = seconds.map_err(|_| OutOfRange::TooShort)?;
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

/// As people type it ([`typed_seconds`]). All that the program prints as a length or as time left is
/// read back.
impl std::str::FromStr for Length {
    type Err = BadLength;

    fn from_str(text: &str) -> Result<Self, BadLength> {
        Ok(Self::from_seconds(typed_seconds(text)?)?)
    }
}

/// The whole seconds that a person means, in any case: `45m`, `2 hours`, `1.5h`, `1 h 30 min`,
/// `1 day and 4 hours`.
///
/// # Errors
/// [`BadLength::Unreadable`], [`BadLength::NoUnit`]; [`BadLength::OutOfRange`] beyond all years.
pub fn typed_seconds(text: &str) -> Result<u64, BadLength> {
    let mut seconds = 0.0;
    let mut units = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (number, after) = split_at(rest, |c| c.is_ascii_digit() || matches!(c, '.' | ','));
        let (unit, after) = split_at(after.trim_start(), char::is_alphabetic);
        let number: f64 = number
            .replace(',', ".")
            .parse()
            .map_err(|_| BadLength::Unreadable)?;
        if unit.is_empty() {
            return Err(if after.is_empty() {
                BadLength::NoUnit
            } else {
                BadLength::Unreadable
            });
        }
        let unit = unit_seconds(unit).ok_or(BadLength::Unreadable)?;
        if units.contains(&unit) {
            return Err(BadLength::Unreadable);
        }
        units.push(unit);
        seconds += number * f64::from(unit);
        rest = after_separator(after)?;
    }
    if units.is_empty() {
        return Err(BadLength::Unreadable);
    }
    if seconds > f64::from(u32::MAX) {
        return Err(OutOfRange::TooLong.into());
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "neither negative nor large"
    )]
    Ok(seconds.round() as u64)
}

/// The first characters that fit, and the rest.
fn split_at(text: &str, fits: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !fits(c)).unwrap_or(text.len()))
}

/// What follows a part and what may stand between two of them: nothing, blanks, a comma, `and`.
fn after_separator(text: &str) -> Result<&str, BadLength> {
    let rest = text.trim_start();
    let next = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    let next = next.strip_prefix("and ").unwrap_or(next).trim_start();
    if next.is_empty() && !rest.is_empty() {
        return Err(BadLength::Unreadable);
    }
    Ok(next)
}

/// How many seconds a unit is, by its name or a usual short form.
fn unit_seconds(unit: &str) -> Option<u32> {
    Some(match unit.to_ascii_lowercase().as_str() {
        "s" | "sec" | "secs" | "second" | "seconds" => 1,
        "m" | "min" | "mins" | "minute" | "minutes" => 60,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3_600,
        "d" | "day" | "days" => 86_400,
        _ => return None,
    })
}

/// Why a text is no [`Length`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLength {
    /// Not of the form `2h` or `1 hour 30 minutes`.
    #[error("write a length as 45m, 2h, 1h 30m or 3 days")]
    Unreadable,
    /// A number alone.
    #[error("say the unit, too: 90 minutes, 2 hours or 3 days")]
    NoUnit,
    /// Below 1 minute or above 365 days.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the window's field (`ui/src/review/lengths.ts`) reads in the same way.
    #[test]
    fn a_typed_length_is_read_as_people_mean_it() {
        let cases = include_str!("../../../ui/src/length-cases.json");
        let cases: serde_json::Value = serde_json::from_str(cases).unwrap();
        for (text, expected) in cases.as_object().unwrap() {
            let read = match text.parse::<Length>() {
                Ok(length) => serde_json::json!(length.seconds()),
                Err(BadLength::Unreadable) => "unreadable".into(),
                Err(BadLength::NoUnit) => "no unit".into(),
                Err(BadLength::OutOfRange(_)) => "out of range".into(),
            };
            assert_eq!(&read, expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_printed_is_read_back(seconds in 60_u32..=31_536_000) {
            let length = Length(seconds);
            prop_assert_eq!(length.to_string().parse(), Ok(length));
        }

        #[test]
        fn whatever_is_typed_is_read_or_refused(text in "[ 0-9.,smhdaywinute-]{0,24}|\\PC{0,12}") {
            if let Ok(length) = text.parse::<Length>() {
                prop_assert!((Length::MIN..=Length::MAX).contains(&length));
            }
        }
    }
}
