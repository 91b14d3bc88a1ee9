//! Access settings, overrides, and which of several assignments comes first (rules 2 and 3).

use std::cmp::Reverse;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::{AssignmentId, GroupId};
use crate::length::Length;
use crate::{Time, later};

/// How a resource is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Mode {
    /// No request needed.
    Standing,
    /// Open while used; locks after `lock_after` unused days.
    AutoLock,
    /// Just in time: a request, an approval, a grant.
    AccessRequest,
}

/// The longest that a requester may choose, however long the organisation's presets are (rule 5).
pub const MAX_CUSTOM: Length = Length::WEEK;

/// How long a grant lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// Always this long.
    Preset(Length),
    /// The requester says how long, up to this.
    Custom {
        /// The longest that may be asked, at most [`MAX_CUSTOM`].
        up_to: Length,
        /// What is preselected.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        recommended: Option<Length>,
    },
}

impl Period {
    /// The longest grant that this period allows.
    #[must_use]
    pub fn longest(self) -> Length {
        match self {
            Self::Preset(length) | Self::Custom { up_to: length, .. } => length,
        }
    }

    /// How long access is asked for where the requester does not say: the preset or recommended
    /// length, else an hour, and no longer than allowed.
    #[must_use]
    pub fn usual(self) -> Length {
        match self {
            Self::Preset(length) => length,
            Self::Custom { up_to, recommended } => recommended.unwrap_or(Length::HOUR).min(up_to),
        }
    }
}

/// Who opens the lock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Approval {
    /// A reviewer decides.
    #[default]
    Manual,
    /// The requester, at once, with a reason.
    Automatic,
}

/// After a revocation by a person, automatic approval is off for that user and resource for this
/// long (rule 11).
pub const AUTOMATIC_OFF_AFTER_REVOCATION: TimeDelta = TimeDelta::hours(24);

/// The complete access settings of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Settings {
    /// How it is locked.
    pub mode: Mode,
    /// How long a grant lasts.
    pub period: Period,
    /// Who opens the lock.
    pub approval: Approval,
    /// Under [`Mode::AutoLock`]: locks after this many unused days, at least 1.
    pub lock_after: u16,
}

/// An assignment's own settings, field by field; what is `None` comes from the resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Override {
    /// Instead of the resource's mode.
    pub mode: Option<Mode>,
    /// Instead of the resource's period.
    pub period: Option<Period>,
    /// Instead of the resource's approval.
    pub approval: Option<Approval>,
    /// Instead of the resource's unused days.
    pub lock_after: Option<u16>,
}

impl Settings {
    /// The effective settings of an assignment (rule 2).
    #[must_use]
    pub fn with(self, own: Override) -> Self {
        Self {
            mode: own.mode.unwrap_or(self.mode),
            period: own.period.unwrap_or(self.period),
            approval: own.approval.unwrap_or(self.approval),
            lock_after: own.lock_after.unwrap_or(self.lock_after),
        }
    }

    /// The order of rule 3: of two settings, the more permissive is the greater.
    #[must_use]
    pub fn permissiveness(&self) -> impl Ord + Copy + use<> {
        let approval = match self.approval {
            Approval::Automatic => 1,
            Approval::Manual => 0,
        };
        match self.mode {
            Mode::Standing => (2, 0, 0),
            Mode::AutoLock => (1, approval, u32::from(self.lock_after)),
            Mode::AccessRequest => (0, approval, self.period.longest().seconds()),
        }
    }
}

/// An assignment of one of a user's groups to a resource, with its settings resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EffectiveAssignment {
    /// The assignment.
    pub assignment: AssignmentId,
    /// The group it was made for.
    pub group: GroupId,
    /// Effective settings.
    pub settings: Settings,
    /// The longest that a grant may last from its start to its end, extensions included (rule 5).
    pub total: Length,
    /// When the assignment itself ends.
    pub until: Option<DateTime<Utc>>,
    /// Where the count of unused days starts for its user, if it was not used or unlocked later.
    #[serde(skip)]
    pub counts_from: Option<DateTime<Utc>>,
}

impl EffectiveAssignment {
    /// False from the assignment's end on (at equal instants the ending wins, rule 7).
    #[must_use]
    pub fn is_valid(&self, now: Time) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// When it locks, if it auto-locks: `lock_after` days (at least one) after it was last used,
    /// unlocked or first assigned. `None` when it never was: it is locked.
    #[must_use]
    pub fn locks_at(&self, last_used: Option<Time>) -> Option<Time> {
        let days = i64::from(self.settings.lock_after.max(1));
        let counts_from = last_used.max(self.counts_from)?;
        Some(later(counts_from, TimeDelta::days(days)))
    }
}

/// The approval that holds on this assignment now: rule 11 switches automatic approval off for a while.
#[must_use]
pub fn approval_in_force(
    assignment: &EffectiveAssignment,
    revoked_at: Option<Time>,
    now: Time,
) -> Approval {
    let off = revoked_at.is_some_and(|at| now < later(at, AUTOMATIC_OFF_AFTER_REVOCATION));
    if off {
        Approval::Manual
    } else {
        assignment.settings.approval
    }
}

/// The assignments that are valid, with the approval that holds now (rule 11).
#[must_use]
pub fn in_force(
    assignments: &[EffectiveAssignment],
    revoked_at: Option<Time>,
    now: Time,
) -> Vec<EffectiveAssignment> {
    let valid = assignments.iter().filter(|own| own.is_valid(now)).copied();
    valid
        .map(|mut own| {
            own.settings.approval = approval_in_force(&own, revoked_at, now);
            own
        })
        .collect()
}

/// The most permissive of several assignments (rule 3): the one that counts, and is preselected when
/// asking. `None` when none is valid any more: the resource is invisible.
#[must_use]
pub fn most_permissive(
    assignments: &[EffectiveAssignment],
    now: Time,
) -> Option<&EffectiveAssignment> {
    let valid = assignments
        .iter()
        .filter(|assignment| assignment.is_valid(now));
    valid.max_by_key(|own| (own.settings.permissiveness(), Reverse(own.assignment)))
}
