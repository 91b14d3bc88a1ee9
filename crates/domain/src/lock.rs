//! Lock state and permits: what one user sees of one resource, and what lets traffic pass.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::Time;
use crate::grant::{Grant, State as GrantState, Window};
use crate::ids::{AssignmentId, GrantId, RequestId, ResourceId, UserId};
use crate::request::{Request, State as RequestState};
use crate::settings::{Approval, EffectiveAssignment, Mode, approval_in_force, most_permissive};

/// What one user sees of one resource: the first that holds, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum LockState {
    /// Open without a grant.
    Open {
        /// When it locks: under auto-lock if it stays unused, and at an assignment's end date.
        locks_at: Option<DateTime<Utc>>,
    },
    /// A grant runs.
    Granted {
        /// The grant.
        grant: GrantId,
        /// When it started.
        started_at: DateTime<Utc>,
        /// When it ends.
        expires_at: DateTime<Utc>,
        /// The request for more time that waits.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        extension: Option<PendingExtension>,
    },
    /// A grant starts later.
    Scheduled {
        /// The grant.
        grant: GrantId,
        /// When it starts.
        starts_at: DateTime<Utc>,
        /// When it ends.
        expires_at: DateTime<Utc>,
    },
    /// A request waits.
    Pending {
        /// The request.
        request: RequestId,
        /// When it was made.
        since: DateTime<Utc>,
        /// When it lapses.
        lapses_at: DateTime<Utc>,
    },
    /// Locked.
    Locked {
        /// What opens it.
        why: Why,
    },
}

/// A request for more time, while its grant runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PendingExtension {
    /// The request.
    pub request: RequestId,
    /// When it was made.
    pub since: DateTime<Utc>,
    /// When it lapses: with its grant, or before.
    pub lapses_at: DateTime<Utc>,
}

impl LockState {
    /// The request for more time that waits beside a running grant.
    #[must_use]
    pub fn extension(&self) -> Option<PendingExtension> {
        match self {
            Self::Granted { extension, .. } => *extension,
            Self::Open { .. }
            | Self::Scheduled { .. }
            | Self::Pending { .. }
            | Self::Locked { .. } => None,
        }
    }

    /// True while traffic passes without a grant.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Open { .. })
    }

    /// When what is open without a grant locks by itself.
    #[must_use]
    pub fn locks_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Open { locks_at } => *locks_at,
            Self::Granted { .. }
            | Self::Scheduled { .. }
            | Self::Pending { .. }
            | Self::Locked { .. } => None,
        }
    }
}

/// Why a resource is locked, that is, what opens it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// A reviewer decides.
    NeedsApproval,
    /// It opens at once with a reason.
    NeedsReason,
    /// Auto-lock: it was not used for too long.
    Unused,
    /// Nothing: the resource is disabled.
    Disabled,
    /// Something that a client does not know yet: its controller is newer.
    #[serde(other)]
    Unknown,
}

/// Everything that bears on one user and one resource.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The resource is not disabled: nothing opens what is.
    pub resource_enabled: bool,
    /// All the user's assignments to the resource; none when the user is disabled.
    pub assignments: &'a [EffectiveAssignment],
    /// The scheduled or active grant, if there is one (rule 4: at most one).
    pub grant: Option<&'a Grant>,
    /// The pending request, if there is one.
    pub pending: Option<&'a Request>,
    /// Under auto-lock: when it was last used, unlocked, or first assigned, the latest of them.
    pub last_used: Option<DateTime<Utc>>,
    /// When a person last revoked a grant here (rule 11).
    pub revoked_at: Option<DateTime<Utc>>,
}

/// What the user sees, or `None` when the resource is not visible to them (rule 1).
///
/// Grants and requests count only as long as their own assignment is valid, even before the store has
/// ended them. A scheduled grant stays scheduled until its start is committed
/// ([`crate::grant::Due::start`]).
#[must_use]
pub fn lock_state(facts: &Facts<'_>, now: Time) -> Option<LockState> {
    if !facts.resource_enabled {
        let why = Why::Disabled;
        return most_permissive(facts.assignments, now).map(|_| LockState::Locked { why });
    }
    if let Some((_, locks_at)) = open(facts, now) {
        return Some(LockState::Open { locks_at });
    }
    if let Some(grant) = live_grant(facts, now) {
        let Window {
            starts_at,
            expires_at,
        } = grant.window;
        let grant_id = grant.id;
        match grant.state {
            GrantState::Active => {
                return Some(LockState::Granted {
                    grant: grant_id,
                    started_at: starts_at,
                    expires_at,
                    extension: live_request(facts, now)
                        .filter(|request| request.terms.purpose.extends() == Some(grant_id))
                        .map(|request| PendingExtension {
                            request: request.id,
                            since: request.created_at,
                            lapses_at: request.lapses_at.min(expires_at),
                        }),
                });
            }
            GrantState::Scheduled => {
                return Some(LockState::Scheduled {
                    grant: grant_id,
                    starts_at,
                    expires_at,
                });
            }
            GrantState::Expired { .. }
            | GrantState::Released { .. }
            | GrantState::Revoked { .. } => {}
        }
    }
    // An extension goes with its grant, even before the store has ended it.
    let own = live_request(facts, now).filter(|it| it.terms.purpose.extends().is_none());
    if let Some(request) = own {
        return Some(LockState::Pending {
            request: request.id,
            since: request.created_at,
            lapses_at: request.lapses_at,
        });
    }
    let best = most_permissive(facts.assignments, now)?;
    let approval = approval_in_force(best, facts.revoked_at, now);
    let why = match (best.settings.mode, approval) {
        (Mode::AutoLock, Approval::Automatic | Approval::Manual) => Why::Unused,
        (Mode::Standing | Mode::AccessRequest, Approval::Automatic) => Why::NeedsReason,
        (Mode::Standing | Mode::AccessRequest, Approval::Manual) => Why::NeedsApproval,
    };
    Some(LockState::Locked { why })
}

/// What lets traffic of a user to a resource pass. Gateways are fed permits, and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permit {
    /// Whose.
    pub user: UserId,
    /// To what.
    pub resource: ResourceId,
    /// Why.
    pub cause: PermitCause,
    /// Up to, and not including, this moment; `None` without an end of its own.
    pub until: Option<DateTime<Utc>>,
}

/// What a permit rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PermitCause {
    /// A standing assignment.
    Standing,
    /// An auto-locked assignment that is in use.
    AutoLock,
    /// A grant.
    Grant(GrantId),
}

/// The permit that follows from the facts at `now`, if there is one (rule 8).
///
/// When several things let the user pass, it is the one that lasts longest: a connection must not
/// be cut at the end of one while another remains.
#[must_use]
pub fn permit(user: UserId, resource: ResourceId, facts: &Facts<'_>, now: Time) -> Option<Permit> {
    if !facts.resource_enabled {
        return None;
    }
    let granted = live_grant(facts, now)
        .filter(|grant| grant.state == GrantState::Active)
        .map(|grant| (PermitCause::Grant(grant.id), Some(grant.window.expires_at)));
    let (cause, until) = longest(granted.into_iter().chain(open(facts, now)))?;
    Some(Permit {
        user,
        resource,
        cause,
        until,
    })
}

/// What opens the resource without a grant, and when that ends.
fn open(facts: &Facts<'_>, now: Time) -> Option<(PermitCause, Option<Time>)> {
    let valid = facts
        .assignments
        .iter()
        .filter(|assignment| assignment.is_valid(now));
    longest(
        valid.filter_map(|assignment| match assignment.settings.mode {
            Mode::Standing => Some((PermitCause::Standing, assignment.until)),
            Mode::AutoLock => {
                let locks_at = assignment.locks_at(facts.last_used)?;
                let ends_at = assignment
                    .until
                    .map_or(locks_at, |until| until.min(locks_at));
                (now < ends_at).then_some((PermitCause::AutoLock, Some(ends_at)))
            }
            Mode::AccessRequest => None,
        }),
    )
}

/// The one that ends last (`None` is no end at all); of equals, the one that needs least.
fn longest(
    permits: impl Iterator<Item = (PermitCause, Option<Time>)>,
) -> Option<(PermitCause, Option<Time>)> {
    permits.max_by_key(|(cause, until)| (until.is_none(), *until, Reverse(*cause)))
}

/// The grant, if it still counts; a running one ends no later than its own assignment.
fn live_grant(facts: &Facts<'_>, now: Time) -> Option<Grant> {
    let mut grant = facts.grant?.clone().live(now).ok()?.into_grant();
    let assignment = own_assignment(facts, grant.assignment, now)?;
    grant.window.expires_at = grant.ends_at(assignment.until);
    Some(grant)
}

/// The pending request, if it still counts.
fn live_request<'a>(facts: &Facts<'a>, now: Time) -> Option<&'a Request> {
    let request = facts.pending?;
    let counts = request.state == RequestState::Pending && now < request.lapses_at;
    (counts && own_assignment(facts, request.terms.assignment, now).is_some()).then_some(request)
}

/// The user's assignment with this id, while it is valid.
fn own_assignment<'a>(
    facts: &Facts<'a>,
    assignment: AssignmentId,
    now: Time,
) -> Option<&'a EffectiveAssignment> {
    let mut assignments = facts.assignments.iter();
    assignments.find(|own| own.assignment == assignment && own.is_valid(now))
}
