//! Deputies: who decides on somebody else's behalf while they are away (rule 6).

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::Time;
use crate::ids::UserId;

/// A deputy is named for this long at most.
pub const MAX_SPAN: TimeDelta = TimeDelta::days(30);

/// A deputy's time begins within this.
pub const AHEAD: TimeDelta = TimeDelta::days(365);

/// A reviewer's deputy. A reviewer has one at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deputyship {
    /// On whose behalf.
    pub principal: UserId,
    /// Who decides for them.
    pub deputy: UserId,
    /// From here on.
    pub from: Time,
    /// Up to, and not including, this moment.
    pub until: Time,
    /// Who named the deputy: the principal, or an administrator.
    pub named_by: UserId,
}

/// Why a deputy cannot be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotName {
    /// The principal reviews nothing that a deputy could decide.
    #[error("only who reviews requests has a deputy")]
    PrincipalReviewsNothing,
    /// The deputy is no reviewer.
    #[error("a deputy is a reviewer already")]
    DeputyReviewsNothing,
    /// Nobody is their own deputy.
    #[error("nobody is their own deputy")]
    Themselves,
    /// An administrator would name themselves for somebody else.
    #[error("an administrator names somebody else than themselves")]
    NamedByDeputy,
    /// It would end before it begins, or has ended.
    #[error("a deputy's time ends after it begins, and after now")]
    EndsTooSoon,
    /// It would be too long.
    #[error("a deputy is named for 30 days at most")]
    TooLong,
    /// It begins too late.
    #[error("a deputy's time begins within a year")]
    TooFarAhead,
}

/// Why a deputyship ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeputyEnd {
    /// Its time is over.
    Time,
    /// The principal or an administrator ended it.
    Person,
    /// Another deputy was named, or the same for another time.
    Replaced,
    /// The principal reviews nothing any more.
    PrincipalLostRole,
    /// The deputy reviews nothing any more.
    DeputyLostRole,
}

impl Deputyship {
    /// Checks that this may be so: `principal_reviews` and `deputy_reviews` say whether they are enabled
    /// and review anything in their own right.
    ///
    /// # Errors
    /// [`CannotName`], naming what is in the way.
    pub fn check(
        &self,
        principal_reviews: bool,
        deputy_reviews: bool,
        now: Time,
    ) -> Result<(), CannotName> {
        let for_another = self.named_by != self.principal;
        if self.principal == self.deputy {
            return Err(CannotName::Themselves);
        }
        if for_another && self.named_by == self.deputy {
            return Err(CannotName::NamedByDeputy);
        }
        if !principal_reviews {
            return Err(CannotName::PrincipalReviewsNothing);
        }
        if !deputy_reviews {
            return Err(CannotName::DeputyReviewsNothing);
        }
        if self.until <= self.from || self.until <= now {
            return Err(CannotName::EndsTooSoon);
        }
        if self.until - self.from > MAX_SPAN {
            return Err(CannotName::TooLong);
        }
        if self.from - now > AHEAD {
            return Err(CannotName::TooFarAhead);
        }
        Ok(())
    }

    /// True while the deputy decides for the principal.
    #[must_use]
    pub fn holds(&self, now: Time) -> bool {
        self.from <= now && now < self.until
    }

    /// True when the deputy may decide what this person asks for, as far as persons go: neither who acts,
    /// nor on whose behalf, nor the administrator who named the deputy may be the requester.
    #[must_use]
    pub fn serves(&self, requester: UserId) -> bool {
        ![self.principal, self.deputy, self.named_by].contains(&requester)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: i64) -> Time {
        Time::UNIX_EPOCH + TimeDelta::days(day)
    }

    fn named(from: i64, until: i64, named_by: i64) -> Result<(), CannotName> {
        let deputyship = Deputyship {
            principal: UserId(1),
            deputy: UserId(2),
            from: day(from),
            until: day(until),
            named_by: UserId(named_by),
        };
        deputyship.check(true, true, day(10))
    }

    #[test]
    fn a_deputy_s_time_has_bounds() {
        assert_eq!(named(10, 40, 1), Ok(()));
        assert_eq!(named(10, 41, 1), Err(CannotName::TooLong));
        assert_eq!(named(11, 11, 1), Err(CannotName::EndsTooSoon));
        assert_eq!(named(5, 10, 1), Err(CannotName::EndsTooSoon));
        assert_eq!(named(375, 376, 1), Ok(()));
        assert_eq!(named(376, 377, 1), Err(CannotName::TooFarAhead));
    }

    #[test]
    fn an_administrator_names_no_deputy_who_is_themselves() {
        assert_eq!(named(10, 12, 3), Ok(()));
        assert_eq!(named(10, 12, 2), Err(CannotName::NamedByDeputy));
    }
}
