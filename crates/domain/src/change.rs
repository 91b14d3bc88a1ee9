//! What becomes of requests and grants when something around them changes (rule 7).

use crate::Time;
use crate::cause::Cause;
use crate::grant::{Grant, State as GrantState};
use crate::reason::Text;
use crate::request::{Request, State as RequestState};
use crate::settings::{EffectiveAssignment, Mode};

/// What waits or runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A pending request for a grant.
    PendingRequest,
    /// A pending request for an unlock.
    PendingUnlock,
    /// A pending request for more time, beside its grant.
    PendingExtension,
    /// A grant whose start lies ahead.
    ScheduledGrant,
    /// A running grant.
    ActiveGrant,
}

/// What is true now of the things that a request or grant rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantContext<'a> {
    /// The user exists and is not disabled.
    pub user_enabled: bool,
    /// The resource exists.
    pub resource_exists: bool,
    /// It is not disabled.
    pub resource_enabled: bool,
    /// Address, ports and network are what they were.
    pub same_destination: bool,
    /// The user is in the assignment's group.
    pub is_member: bool,
    /// The assignment, with its live settings, if it exists.
    pub assignment: Option<&'a EffectiveAssignment>,
    /// The most permissive mode of all of the user's assignments to the resource.
    pub best_mode: Option<Mode>,
    /// The resource is open to the user without a grant.
    pub open: bool,
}

/// What must happen to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing.
    Stays,
    /// The system cancels the request, or revokes the grant, with this cause.
    Ends(Cause),
}

/// Rule 7's table: what becomes of `subject` on today's `context`.
///
/// Settings that became stricter end nothing here: a pending request's terms are clamped when it
/// is approved, a scheduled grant is rechecked at its start ([`crate::grant::Due::start`]), and a
/// running one keeps its deadline. Only a request for an unlock has nothing to wait for once its
/// assignment does not auto-lock any more.
#[must_use]
pub fn consequence(subject: Subject, context: &GrantContext<'_>, now: Time) -> Outcome {
    let gone = if !context.user_enabled {
        Some(Cause::UserDisabled)
    } else if !context.resource_exists {
        Some(Cause::ResourceRemoved)
    } else if !context.resource_enabled {
        Some(Cause::ResourceDisabled)
    } else if !context.same_destination {
        Some(Cause::ResourceChanged)
    } else if context.assignment.is_none() {
        Some(Cause::AssignmentRemoved)
    } else if !context.is_member {
        Some(Cause::MembershipRemoved)
    } else if context
        .assignment
        .is_some_and(|assignment| !assignment.is_valid(now))
    {
        Some(Cause::AssignmentEnded)
    } else if context.best_mode == Some(Mode::Standing) {
        Some(Cause::NoLongerNeeded)
    } else {
        None
    };
    let auto_locks = context
        .assignment
        .is_some_and(|assignment| assignment.settings.mode == Mode::AutoLock);
    let cause = match subject {
        Subject::PendingRequest
        | Subject::PendingExtension
        | Subject::ScheduledGrant
        | Subject::ActiveGrant => gone,
        Subject::PendingUnlock if gone.is_some() => gone,
        Subject::PendingUnlock if context.open => Some(Cause::NoLongerNeeded),
        Subject::PendingUnlock if !auto_locks => Some(Cause::TermsTightened),
        Subject::PendingUnlock => None,
    };
    cause.map_or(Outcome::Stays, Outcome::Ends)
}

/// Rule 7's last row: what becomes of a grant and its request when the reviewer who approved it
/// loses that role, or their account.
///
/// While the start lies ahead, the grant is revoked and the request is pending again, up to that
/// start. Everything else comes back as it was: a running grant stays.
#[must_use]
pub fn approver_lost_role(grant: Grant, request: Request, now: Time) -> (Grant, Request) {
    let by_reviewer = matches!(request.state, RequestState::Approved { by: Some(_), .. });
    let starts_at = grant.window.starts_at;
    if !by_reviewer || grant.state != GrantState::Scheduled || now >= starts_at {
        return (grant, request);
    }
    let state = GrantState::Revoked {
        at: now,
        by: None,
        on_behalf_of: None,
        cause: Cause::ApproverLostRole,
        comment: Text::default(),
    };
    let request = Request {
        state: RequestState::Pending,
        lapses_at: starts_at,
        ..request
    };
    (Grant { state, ..grant }, request)
}
