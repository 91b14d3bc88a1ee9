//! The access periods that an organisation offers (rule 5).

use serde::{Deserialize, Serialize};

use crate::length::Length;
use crate::settings::{MAX_CUSTOM, Period, Settings};

/// At most so many are offered.
pub const MAX_PRESETS: usize = 20;

/// The access periods to choose from, and the longest that any may be.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct Periods {
    presets: Vec<Length>,
    longest: Length,
}

#[derive(Serialize, Deserialize)]
struct Parts {
    presets: Vec<Length>,
    longest: Length,
}

/// Why these are no [`Periods`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPeriods {
    /// Nothing is offered.
    #[error("offer one access period at least")]
    Empty,
    /// More than [`MAX_PRESETS`].
    #[error("offer {MAX_PRESETS} access periods at most")]
    TooMany,
    /// One is longer than the longest.
    #[error("{0} is longer than the longest access period, {1}")]
    Longer(Length, Length),
}

impl Periods {
    /// Those, in any order.
    ///
    /// # Errors
    /// [`BadPeriods`].
    pub fn new(mut presets: Vec<Length>, longest: Length) -> Result<Self, BadPeriods> {
        presets.sort_unstable();
        presets.dedup();
        match presets.last() {
            None => Err(BadPeriods::Empty),
            Some(_) if presets.len() > MAX_PRESETS => Err(BadPeriods::TooMany),
            Some(last) if *last > longest => Err(BadPeriods::Longer(*last, longest)),
            Some(_) => Ok(Self { presets, longest }),
        }
    }

    /// The periods to choose from, the shortest first.
    #[must_use]
    pub fn presets(&self) -> &[Length] {
        &self.presets
    }

    /// Those of the presets that are no longer than this, or this alone.
    #[must_use]
    pub fn up_to(&self, longest: Length) -> Vec<Length> {
        let shorter = self.presets.iter().filter(|length| **length <= longest);
        match shorter.copied().collect::<Vec<_>>() {
            none if none.is_empty() => vec![longest],
            some => some,
        }
    }

    /// The longest that any access period may be: what is longer counts as this long.
    #[must_use]
    pub fn longest(&self) -> Length {
        self.longest
    }
}

/// 1, 4, 8 and 12 hours, 1, 3 and 7 days.
impl Default for Periods {
    fn default() -> Self {
        let hours = [1, 4, 8, 12, 24, 72, 168].into_iter();
        let presets = hours.filter_map(|hours| Length::from_seconds(hours * 3_600).ok());
        Self {
            presets: presets.collect(),
            longest: Length::WEEK,
        }
    }
}

impl TryFrom<Parts> for Periods {
    type Error = BadPeriods;

    fn try_from(parts: Parts) -> Result<Self, BadPeriods> {
        Self::new(parts.presets, parts.longest)
    }
}

impl From<Periods> for Parts {
    fn from(periods: Periods) -> Self {
        Self {
            presets: periods.presets,
            longest: periods.longest,
        }
    }
}

impl Period {
    /// The same, no longer than this.
    #[must_use]
    pub fn within(self, longest: Length) -> Self {
        match self {
            Self::Preset(length) => Self::Preset(length.min(longest)),
            Self::Custom { up_to, recommended } => {
                let longest = longest.min(MAX_CUSTOM);
                Self::Custom {
                    up_to: up_to.min(longest),
                    recommended: recommended.map(|length| length.min(longest)),
                }
            }
        }
    }

    /// How long it is set to be and how long it counts, where it is longer than this.
    #[must_use]
    pub fn beyond(self, longest: Length) -> Option<(Length, Length)> {
        let (set, counts) = (self.longest(), self.within(longest).longest());
        (counts < set).then_some((set, counts))
    }

    /// The longest that a grant may last from its start to its end, extensions included (rule 5), where
    /// this is the organisation's longest access period.
    #[must_use]
    pub fn total(self, longest: Length) -> Length {
        match self {
            Self::Preset(_) => longest,
            Self::Custom { .. } => longest.min(MAX_CUSTOM),
        }
    }
}

impl Settings {
    /// The same with a period no longer than this.
    #[must_use]
    pub fn within(self, longest: Length) -> Self {
        Self {
            period: self.period.within(longest),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn length(text: &str) -> Length {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_offered_is_in_order_and_no_longer_than_the_longest() {
        let offered = Periods::new(vec![length("8h"), length("1h"), length("8h")], length("1d"));
        assert_eq!(offered.unwrap().presets(), [length("1h"), length("8h")]);
        let empty = Periods::new(Vec::new(), length("1d"));
        assert_eq!(empty, Err(BadPeriods::Empty));
        let longer = Periods::new(vec![length("1h"), length("2d")], length("1d"));
        assert_eq!(longer, Err(BadPeriods::Longer(length("2d"), length("1d"))));
        let many = (1..=21).map(|hours| length(&format!("{hours}h")));
        let many = Periods::new(many.collect(), length("1d"));
        assert_eq!(many, Err(BadPeriods::TooMany));
        let usual = Periods::default();
        assert_eq!(
            Periods::new(usual.presets.clone(), usual.longest),
            Ok(usual)
        );
    }
}
