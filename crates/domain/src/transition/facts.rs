//! What bears on one user and one resource.

use super::kinds::{TooLate, Transition};
use crate::Time;
use crate::cause::Cause;
use crate::change::{GrantContext, Outcome, Subject, consequence};
use crate::grant::{Grant, Live, State as GrantState};
use crate::ids::{AssignmentId, GrantId, RequestId, ResourceId, UserId};
use crate::lock::{Facts, lock_state};
use crate::request::{Pending, Purpose, Request, State as RequestState};
use crate::review::Decider;
use crate::settings::{EffectiveAssignment, most_permissive};

/// Everything that bears on one user and one resource at one moment.
#[derive(Clone, Debug)]
pub struct AccessFacts {
    /// Whose access.
    pub user: UserId,
    /// To what.
    pub resource: ResourceId,
    /// The user exists and is not disabled.
    pub user_enabled: bool,
    /// The resource exists.
    pub resource_exists: bool,
    /// It is not disabled.
    pub resource_enabled: bool,
    /// The user's assignments to it, also past their end date; none when the user is disabled.
    pub assignments: Vec<EffectiveAssignment>,
    /// The assignment that the pending request or the grant rests on, where it exists and the user
    /// is not in its group any more.
    pub former: Option<EffectiveAssignment>,
    /// The pending request.
    pub pending: Option<Request>,
    /// The scheduled or active grant.
    pub grant: Option<Granted>,
    /// Under auto-lock: when it was last used, unlocked, or first assigned, the latest of them.
    pub last_used: Option<Time>,
    /// When a person last revoked a grant here (rule 11).
    pub revoked_at: Option<Time>,
    /// The deputy who approved the scheduled grant reviews nothing any more (rule 7).
    pub deputy_left: bool,
}

/// A grant with the request that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// The grant.
    pub grant: Grant,
    /// Its request.
    pub request: Request,
}

impl AccessFacts {
    /// As [`lock_state`] takes them.
    #[must_use]
    pub fn view(&self) -> Facts<'_> {
        Facts {
            resource_enabled: self.resource_enabled,
            assignments: &self.assignments,
            grant: self.grant.as_ref().map(|granted| &granted.grant),
            pending: self.pending.as_ref(),
            last_used: self.last_used,
            revoked_at: self.revoked_at,
        }
    }

    /// The assignment, where it still exists, whether the user is in its group or not.
    pub(super) fn assignment(&self, id: AssignmentId) -> Option<&EffectiveAssignment> {
        let mut all = self.assignments.iter().chain(&self.former);
        all.find(|assignment| assignment.assignment == id)
    }

    /// True from the assignment's own end date on.
    pub(super) fn has_ended(&self, id: AssignmentId, now: Time) -> bool {
        let assignment = self.assignment(id);
        assignment.is_some_and(|assignment| !assignment.is_valid(now))
    }

    /// The request, if it is the one that waits.
    pub(super) fn waiting(&self, id: RequestId, now: Time) -> Result<Pending, TooLate> {
        let request = self.pending.clone().filter(|request| request.id == id);
        request
            .and_then(|request| request.pending(now).ok())
            .ok_or(TooLate)
    }

    /// What becomes of the pending extension where its grant ends (rule 7).
    pub(super) fn with_extension(
        &self,
        end: Transition,
        cause: Cause,
        now: Time,
    ) -> Vec<Transition> {
        let extension = self
            .pending
            .as_ref()
            .filter(|request| request.terms.purpose.extends().is_some());
        let superseded = extension.map(|request| Transition::Superseded {
            request: request.clone().ended_with_its_grant(cause, now),
        });
        [end].into_iter().chain(superseded).collect()
    }

    /// The grant before and as it can still end, if it is the one that is scheduled or runs.
    pub(super) fn live(&self, id: GrantId, now: Time) -> Result<(Grant, Live), TooLate> {
        let granted = self.grant.as_ref().filter(|granted| granted.grant.id == id);
        let before = granted.ok_or(TooLate)?.grant.clone();
        let live = before.clone().live(now).map_err(|_| TooLate)?;
        Ok((before, live))
    }

    /// Why the pending request ends, if it does (rule 7). `moved` when address, ports or network of
    /// the resource changed.
    pub(super) fn request_ends(&self, request: &Request, moved: bool, now: Time) -> Option<Cause> {
        let subject = match request.terms.purpose {
            Purpose::Grant => Subject::PendingRequest,
            Purpose::Extension(_) => Subject::PendingExtension,
            Purpose::Unlock => Subject::PendingUnlock,
        };
        self.ends(subject, request.terms.assignment, moved, now)
    }

    /// Why a scheduled or active grant ends, if it does (rule 7).
    pub(super) fn grant_ends(&self, grant: &Grant, moved: bool, now: Time) -> Option<Cause> {
        let subject = match grant.state {
            GrantState::Scheduled => Subject::ScheduledGrant,
            GrantState::Active => Subject::ActiveGrant,
            GrantState::Expired { .. }
            | GrantState::Released { .. }
            | GrantState::Revoked { .. } => return None,
        };
        self.ends(subject, grant.assignment, moved, now)
    }

    fn ends(
        &self,
        subject: Subject,
        assignment: AssignmentId,
        moved: bool,
        now: Time,
    ) -> Option<Cause> {
        let mut own = self.assignments.iter();
        let best = most_permissive(&self.assignments, now);
        let context = GrantContext {
            user_enabled: self.user_enabled,
            resource_exists: self.resource_exists,
            resource_enabled: self.resource_enabled,
            same_destination: !moved,
            is_member: own.any(|own| own.assignment == assignment),
            assignment: self.assignment(assignment),
            best_mode: best.map(|best| best.settings.mode),
            open: lock_state(&self.view(), now).is_some_and(|lock| lock.is_open()),
        };
        match consequence(subject, &context, now) {
            Outcome::Stays => None,
            Outcome::Ends(cause) => Some(cause),
        }
    }
}

impl Granted {
    /// Who approved it; `None` when it was automatic.
    #[must_use]
    pub fn approved_by(&self) -> Option<Decider> {
        match self.request.state {
            RequestState::Approved {
                by, on_behalf_of, ..
            } => by.map(|user| Decider { user, on_behalf_of }),
            RequestState::Pending
            | RequestState::Denied { .. }
            | RequestState::Cancelled { .. }
            | RequestState::Lapsed { .. } => None,
        }
    }
}
