//! What happens to one user's access to one resource: from the facts of a moment to the transitions
//! that follow from them (rules 3 to 7, 10, 11 and 14).
//!
//! The functions are pure. Whoever keeps access loads the facts in a transaction, has time do its
//! part ([`settle`]), asks one of the others what follows, and records each transition with its
//! audit entry and its notices.

use chrono::TimeDelta;

use crate::Time;
use crate::audit::AuditAction;
use crate::change::{Cause, GrantContext, Outcome, Subject, approver_lost_role, consequence};
use crate::grant::{Grant, Live, State as GrantState, Window};
use crate::ids::{AssignmentId, GrantId, RequestId, ResourceId, UserId};
use crate::length::Length;
use crate::lock::{Facts, LockState, lock_state};
use crate::reason::Text;
use crate::request::{
    self, Ask, CannotApprove, CannotAsk, NewRequest, Pending, Purpose, Request,
    State as RequestState, in_force,
};
use crate::review::{Eligible, MayNot, Reviewer};
use crate::settings::{Approval, EffectiveAssignment, most_permissive};
use crate::unlock::{Unlock, locks_at};

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
}

/// A grant with the request that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// The grant.
    pub grant: Grant,
    /// Its request.
    pub request: Request,
}

/// Who reviews a resource, as rule 14 needs to know it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reviewers {
    /// The enabled people who review it by their role or as its approvers, each once.
    pub regular: Vec<UserId>,
    /// The organisation's fallback reviewers.
    pub fallback: Vec<UserId>,
}

impl Reviewers {
    /// Who can approve what `requester` asks for (rule 14).
    #[must_use]
    pub fn eligible(&self, requester: UserId) -> Eligible {
        Eligible::to_decide(requester, &self.regular, &self.fallback)
    }

    /// True when this person's approval still counts. Whoever approved as a fallback reviewer does
    /// not lose that by regular ones having come.
    fn include(&self, reviewer: UserId) -> bool {
        self.regular.contains(&reviewer) || self.fallback.contains(&reviewer)
    }
}

/// One change of a request or a grant.
#[derive(Clone, Debug, PartialEq)]
pub enum Transition {
    /// Somebody asks.
    Requested {
        /// The request.
        request: NewRequest,
        /// Those who are asked to review it.
        reviewers: Vec<UserId>,
    },
    /// A reviewer, or nobody under automatic approval, approves a request.
    Approved {
        /// The request, approved.
        request: Request,
        /// What the approval gives.
        gives: Gives,
    },
    /// A reviewer denies a request.
    Denied {
        /// The request, denied.
        request: Request,
    },
    /// Its requester, or the system, cancels a request.
    Cancelled {
        /// The request, cancelled.
        request: Request,
    },
    /// A pending request for an unlock is cancelled, since an administrator unlocks.
    Superseded {
        /// The request, cancelled.
        request: Request,
    },
    /// Nobody decided a request in time.
    Lapsed {
        /// The request, lapsed.
        request: Request,
    },
    /// An approved request is pending again: its reviewer lost that role before the start.
    Reopened {
        /// What had become of it.
        before: RequestState,
        /// The request, pending.
        request: Request,
        /// Those who are asked to review it.
        reviewers: Vec<UserId>,
    },
    /// A pending request goes to the fallback reviewers: nobody else is left to approve it.
    SentToFallback {
        /// The request.
        request: Request,
        /// Those people.
        people: Vec<UserId>,
    },
    /// A scheduled grant starts.
    Started(GrantChange),
    /// A grant comes to its end.
    Expired(GrantChange),
    /// Its user gives a grant back.
    Released(GrantChange),
    /// A person, or the system, takes a grant away.
    Revoked(GrantChange),
    /// An administrator unlocks without a request.
    Unlocked {
        /// The unlock.
        unlock: Unlock,
        /// What the unused days were counted from before.
        last_used: Option<Time>,
        /// When it locks again if it stays unused.
        locks_at: Time,
        /// The administrator's word, possibly empty.
        comment: Text,
    },
}

impl Transition {
    /// The person whose decision it is, where a person decides; `actor` is who acts.
    #[must_use]
    pub fn decided_by(&self, actor: Option<UserId>) -> Option<UserId> {
        match self {
            Self::Approved { request, .. } | Self::Denied { request } => match request.state {
                RequestState::Approved { by, .. } => by,
                RequestState::Denied { by, .. } => Some(by),
                RequestState::Pending
                | RequestState::Cancelled { .. }
                | RequestState::Lapsed { .. } => None,
            },
            Self::Revoked(change) => match change.after.state {
                GrantState::Revoked { by, .. } => by,
                GrantState::Scheduled
                | GrantState::Active
                | GrantState::Expired { .. }
                | GrantState::Released { .. } => None,
            },
            Self::Unlocked { .. } => actor,
            Self::Requested { .. }
            | Self::Cancelled { .. }
            | Self::Superseded { .. }
            | Self::Lapsed { .. }
            | Self::Reopened { .. }
            | Self::SentToFallback { .. }
            | Self::Started(_)
            | Self::Expired(_)
            | Self::Released(_) => None,
        }
    }

    /// Its name in the audit log.
    #[must_use]
    pub fn action(&self) -> AuditAction {
        match self {
            Self::Requested { .. } => AuditAction::RequestMade,
            Self::Approved { .. } => AuditAction::RequestApproved,
            Self::Denied { .. } => AuditAction::RequestDenied,
            Self::Cancelled { .. } | Self::Superseded { .. } => AuditAction::RequestCancelled,
            Self::Lapsed { .. } => AuditAction::RequestLapsed,
            Self::Reopened { .. } => AuditAction::RequestReopened,
            Self::SentToFallback { .. } => AuditAction::RequestSentToFallback,
            Self::Started(_) => AuditAction::GrantStarted,
            Self::Expired(_) => AuditAction::GrantExpired,
            Self::Released(_) => AuditAction::GrantReleased,
            Self::Revoked(_) => AuditAction::GrantRevoked,
            Self::Unlocked { .. } => AuditAction::ResourceUnlocked,
        }
    }
}

/// What an approval gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gives {
    /// A grant that runs from now on, or later.
    Grant {
        /// When it runs.
        window: Window,
        /// `Scheduled` when its start lies ahead.
        scheduled: bool,
    },
    /// An unlock.
    Unlock {
        /// The unlock.
        unlock: Unlock,
        /// When it locks again if it stays unused.
        locks_at: Time,
    },
}

/// A grant before and after a transition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantChange {
    /// Before.
    pub before: Grant,
    /// After.
    pub after: Grant,
}

/// What comes of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Nothing new: this request waits, or its grant is scheduled or runs (rule 4).
    AlreadyThere(RequestId),
    /// A request, and what comes next.
    New(NewRequest, Next),
}

/// What comes after a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// They review it.
    Review(Eligible),
    /// It is approved immediately.
    Approval,
}

impl Next {
    /// Those who are asked to review it as the resource's own reviewers.
    #[must_use]
    pub fn reviewers(&self) -> Vec<UserId> {
        match self {
            Self::Review(eligible) => eligible.clone().regulars(),
            Self::Approval => Vec::new(),
        }
    }
}

/// Why a request or grant cannot be changed: it was decided, or ended, before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it was decided, or ended, before")]
pub struct TooLate;

/// Why an administrator cannot unlock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotUnlock {
    /// The user does not see the resource (rule 1).
    #[error("no such resource for this user")]
    NotVisible,
    /// It is open already.
    #[error("it is open")]
    Open,
    /// It does not lock by its disuse.
    #[error("it does not lock by disuse")]
    NotAutoLocked,
    /// Not by this person (rule 6).
    #[error(transparent)]
    MayNot(#[from] MayNot),
}

impl From<TooLate> for CannotApprove {
    fn from(_: TooLate) -> Self {
        Self::TooLate
    }
}

impl AccessFacts {
    /// As [`lock_state`] takes them.
    #[must_use]
    pub fn view(&self) -> Facts<'_> {
        Facts {
            assignments: &self.assignments,
            grant: self.grant.as_ref().map(|granted| &granted.grant),
            pending: self.pending.as_ref(),
            last_used: self.last_used,
            revoked_at: self.revoked_at,
        }
    }

    /// The assignment, where it still exists, whether the user is in its group or not.
    fn assignment(&self, id: AssignmentId) -> Option<&EffectiveAssignment> {
        let mut all = self.assignments.iter().chain(&self.former);
        all.find(|assignment| assignment.assignment == id)
    }

    /// True from the assignment's own end date on.
    fn has_ended(&self, id: AssignmentId, now: Time) -> bool {
        let assignment = self.assignment(id);
        assignment.is_some_and(|assignment| !assignment.is_valid(now))
    }

    /// The request, if it is the one that waits.
    fn waiting(&self, id: RequestId, now: Time) -> Result<Pending, TooLate> {
        let request = self.pending.clone().filter(|request| request.id == id);
        request
            .and_then(|request| request.pending(now).ok())
            .ok_or(TooLate)
    }

    /// The grant before and as it can still end, if it is the one that is scheduled or runs.
    fn live(&self, id: GrantId, now: Time) -> Result<(Grant, Live), TooLate> {
        let granted = self.grant.as_ref().filter(|granted| granted.grant.id == id);
        let before = granted.ok_or(TooLate)?.grant.clone();
        let live = before.clone().live(now).map_err(|_| TooLate)?;
        Ok((before, live))
    }

    /// Why the pending request ends, if it does (rule 7). `moved` when address, ports or network of
    /// the resource changed.
    fn request_ends(&self, request: &Request, moved: bool, now: Time) -> Option<Cause> {
        let subject = match request.terms.purpose {
            Purpose::Grant => Subject::PendingRequest,
            Purpose::Unlock => Subject::PendingUnlock,
        };
        self.ends(subject, request.terms.assignment, moved, now)
    }

    /// Why a scheduled or active grant ends, if it does (rule 7).
    fn grant_ends(&self, grant: &Grant, moved: bool, now: Time) -> Option<Cause> {
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
    fn approved_by(&self) -> Option<UserId> {
        match self.request.state {
            RequestState::Approved { by, .. } => by,
            RequestState::Pending
            | RequestState::Denied { .. }
            | RequestState::Cancelled { .. }
            | RequestState::Lapsed { .. } => None,
        }
    }
}

/// What time alone has done: the facts afterwards, and the transitions.
#[must_use]
pub fn settle(mut facts: AccessFacts, now: Time) -> (AccessFacts, Vec<Transition>) {
    let mut done = Vec::new();
    if let Some(request) = facts.pending.take() {
        match request.pending(now) {
            Err(request) => done.push(Transition::Lapsed { request }),
            Ok(pending) => {
                let request = pending.request();
                let ended = facts.has_ended(request.terms.assignment, now);
                let cause = ended.then(|| facts.request_ends(request, false, now));
                match cause.flatten() {
                    Some(cause) => done.push(Transition::Cancelled {
                        request: pending.cancel(None, cause, now),
                    }),
                    None => facts.pending = Some(pending.into_request()),
                }
            }
        }
    }
    if let Some(granted) = facts.grant.take() {
        let transition = settle_grant(&facts, &granted, now);
        facts.grant = match &transition {
            None => Some(granted),
            Some(Transition::Started(change)) => Some(Granted {
                grant: change.after.clone(),
                ..granted
            }),
            Some(_) => None,
        };
        done.extend(transition);
    }
    (facts, done)
}

/// What time has done to a grant; a scheduled one is rechecked at its start (rule 7).
fn settle_grant(facts: &AccessFacts, granted: &Granted, now: Time) -> Option<Transition> {
    let before = granted.grant.clone();
    let change = |after| GrantChange {
        before: before.clone(),
        after,
    };
    let grant = before.clone().at(now);
    if let GrantState::Expired { .. } = grant.state {
        return Some(Transition::Expired(change(grant)));
    }
    let due = grant.clone().due(now).ok();
    if due.is_some() || facts.has_ended(grant.assignment, now) {
        let live = grant.clone().live(now).ok();
        if let (Some(cause), Some(live)) = (facts.grant_ends(&grant, false, now), live) {
            let after = live.revoke(None, cause, Text::default(), now);
            return Some(Transition::Revoked(change(after)));
        }
    }
    let live = facts.assignment(grant.assignment)?;
    let after = due?.start(granted.approved_by(), live, now);
    match after.state {
        GrantState::Active => Some(Transition::Started(change(after))),
        GrantState::Revoked { .. } => Some(Transition::Revoked(change(after))),
        GrantState::Expired { .. } => Some(Transition::Expired(change(after))),
        GrantState::Scheduled | GrantState::Released { .. } => None,
    }
}

/// Asks for access (rules 3, 4, 5, 10, 11 and 14), by the assignment chosen or else by the one that
/// is preselected.
///
/// # Errors
/// [`CannotAsk`], naming what is in the way.
pub fn ask(
    facts: &AccessFacts,
    ask: Ask,
    chosen: Option<AssignmentId>,
    reviewers: &Reviewers,
    lapse: TimeDelta,
    now: Time,
) -> Result<Asked, CannotAsk> {
    let there = match lock_state(&facts.view(), now).ok_or(CannotAsk::NotVisible)? {
        LockState::Open { .. } => return Err(CannotAsk::NotNeeded),
        LockState::Granted { .. } | LockState::Scheduled { .. } => {
            let granted = facts.grant.as_ref();
            granted.map(|granted| granted.request.id)
        }
        LockState::Pending { request, .. } => Some(request),
        LockState::Locked { .. } => None,
    };
    if let Some(request) = there {
        return Ok(Asked::AlreadyThere(request));
    }
    let AccessFacts {
        user,
        resource,
        revoked_at,
        ..
    } = *facts;
    let in_force = in_force(&facts.assignments, revoked_at, now);
    let assignment = match chosen {
        None => most_permissive(&in_force, now),
        Some(id) => in_force.iter().find(|it| it.assignment == id),
    };
    let assignment = assignment.ok_or(CannotAsk::NotVisible)?;
    let request = match assignment.auto_locked(facts.last_used, now) {
        None => request::ask(user, resource, assignment, ask, revoked_at, lapse, now),
        Some(_) if ask.length.is_some() || ask.starts_at.is_some() => {
            return Err(CannotAsk::UnlockHasNoLength);
        }
        Some(locked) => locked.ask(user, resource, ask.reason, revoked_at, lapse, now),
    }?;
    match request.terms.approval {
        Approval::Automatic => Ok(Asked::New(request, Next::Approval)),
        Approval::Manual => match reviewers.eligible(user) {
            Eligible::Nobody => {
                let own = facts.assignment(assignment.assignment);
                let opens_again =
                    own.is_some_and(|own| own.settings.approval == Approval::Automatic);
                Err(CannotAsk::NobodyCanApprove { opens_again })
            }
            eligible @ (Eligible::Regulars(_) | Eligible::Fallback(_)) => {
                Ok(Asked::New(request, Next::Review(eligible)))
            }
        },
    }
}

/// Approves a request, for less time if the reviewer says so (rules 5, 6 and 7); `by` is `None` for
/// automatic approval. A request for the unlock of what is open by now is cancelled instead: there
/// is nothing to unlock.
///
/// # Errors
/// [`CannotApprove`], naming what is in the way.
pub fn approve(
    facts: &AccessFacts,
    request: RequestId,
    by: Option<UserId>,
    allowed: Option<Length>,
    comment: Text,
    now: Time,
) -> Result<Transition, CannotApprove> {
    let pending = facts.waiting(request, now)?;
    let terms = pending.request().terms;
    let live = facts.assignment(terms.assignment).ok_or(TooLate)?;
    match terms.purpose {
        Purpose::Grant => {
            let (request, window) = pending.approve(by, allowed, comment, live, now)?;
            let scheduled = window.starts_at > now;
            let gives = Gives::Grant { window, scheduled };
            Ok(Transition::Approved { request, gives })
        }
        Purpose::Unlock if allowed.is_some() => Err(CannotApprove::UnlockHasNoLength),
        Purpose::Unlock => match live.auto_locked(facts.last_used, now) {
            None => Ok(Transition::Cancelled {
                request: pending.cancel(None, Cause::NoLongerNeeded, now),
            }),
            Some(locked) => {
                let (request, unlock) = locked.approve(pending, by, comment, now)?;
                let locks_at = locks_at(live, Some(unlock.at)).unwrap_or(now);
                let gives = Gives::Unlock { unlock, locks_at };
                Ok(Transition::Approved { request, gives })
            }
        },
    }
}

/// Denies a request (rule 6).
///
/// # Errors
/// [`TooLate`].
pub fn deny(
    facts: &AccessFacts,
    request: RequestId,
    by: UserId,
    comment: Text,
    now: Time,
) -> Result<Transition, TooLate> {
    let pending = facts.waiting(request, now)?;
    let request = pending.deny(by, comment, now);
    Ok(Transition::Denied { request })
}

/// Cancels a request, as its requester.
///
/// # Errors
/// [`TooLate`].
pub fn cancel(facts: &AccessFacts, request: RequestId, now: Time) -> Result<Transition, TooLate> {
    let pending = facts.waiting(request, now)?;
    let request = pending.cancel(Some(facts.user), Cause::Person, now);
    Ok(Transition::Cancelled { request })
}

/// Gives a grant back, as its user.
///
/// # Errors
/// [`TooLate`].
pub fn release(facts: &AccessFacts, grant: GrantId, now: Time) -> Result<Transition, TooLate> {
    let (before, live) = facts.live(grant, now)?;
    let after = live.release(now);
    Ok(Transition::Released(GrantChange { before, after }))
}

/// Takes a grant away, as a person who may approve it (rule 6).
///
/// # Errors
/// [`TooLate`].
pub fn revoke(
    facts: &AccessFacts,
    grant: GrantId,
    by: UserId,
    comment: Text,
    now: Time,
) -> Result<Transition, TooLate> {
    let (before, live) = facts.live(grant, now)?;
    let after = live.revoke(Some(by), Cause::Person, comment, now);
    Ok(Transition::Revoked(GrantChange { before, after }))
}

/// Unlocks what locked by its disuse, without a request, as an administrator (rule 6). A pending
/// request for it has nothing to wait for any more.
///
/// # Errors
/// [`CannotUnlock`], naming what is in the way.
pub fn unlock(
    facts: &AccessFacts,
    admin: &Reviewer<'_>,
    comment: Text,
    now: Time,
) -> Result<Vec<Transition>, CannotUnlock> {
    let best = most_permissive(&facts.assignments, now).ok_or(CannotUnlock::NotVisible)?;
    let Some(locked) = best.auto_locked(facts.last_used, now) else {
        let open = lock_state(&facts.view(), now).is_some_and(|lock| lock.is_open());
        return Err(match open {
            true => CannotUnlock::Open,
            false => CannotUnlock::NotAutoLocked,
        });
    };
    let unlock = locked.unlock(facts.user, facts.resource, admin, now)?;
    let pending = facts.pending.clone();
    let superseded = pending
        .and_then(|request| request.pending(now).ok())
        .map(|pending| Transition::Superseded {
            request: pending.cancel(None, Cause::NoLongerNeeded, now),
        });
    let unlocked = Transition::Unlocked {
        unlock,
        last_used: facts.last_used,
        locks_at: locks_at(best, Some(unlock.at)).unwrap_or(now),
        comment,
    };
    Ok(superseded.into_iter().chain([unlocked]).collect())
}

/// What a change of the organisation, or a use that is reported late, does to what waits or runs
/// (rules 7 and 14). `moved` when address, ports or network of the resource changed.
#[must_use]
pub fn reconcile(
    facts: &AccessFacts,
    moved: bool,
    reviewers: &Reviewers,
    now: Time,
) -> Vec<Transition> {
    let mut done = Vec::new();
    if let Some(request) = &facts.pending {
        match facts.request_ends(request, moved, now) {
            Some(cause) => done.extend(cancelled(request, cause, now)),
            None => done.extend(find_reviewers(
                request,
                &reviewers.eligible(facts.user),
                now,
            )),
        }
    }
    if let Some(granted) = &facts.grant {
        match facts.grant_ends(&granted.grant, moved, now) {
            Some(cause) => done.extend(revoked(&granted.grant, cause, now)),
            None => done.extend(review_again(granted, reviewers, now)),
        }
    }
    done
}

fn cancelled(request: &Request, cause: Cause, now: Time) -> Option<Transition> {
    let pending = request.clone().pending(now).ok()?;
    let request = pending.cancel(None, cause, now);
    Some(Transition::Cancelled { request })
}

fn revoked(grant: &Grant, cause: Cause, now: Time) -> Option<Transition> {
    let (before, live) = (grant.clone(), grant.clone().live(now).ok()?);
    let after = live.revoke(None, cause, Text::default(), now);
    Some(Transition::Revoked(GrantChange { before, after }))
}

/// What becomes of a pending request whose regular reviewers may be gone (rule 14).
fn find_reviewers(request: &Request, eligible: &Eligible, now: Time) -> Option<Transition> {
    match eligible {
        Eligible::Regulars(_) => None,
        Eligible::Fallback(people) => Some(Transition::SentToFallback {
            request: request.clone(),
            people: people.clone(),
        }),
        Eligible::Nobody => cancelled(request, Cause::NobodyCanApprove, now),
    }
}

/// A scheduled grant goes back to review when the reviewer who approved it lost that role.
fn review_again(granted: &Granted, reviewers: &Reviewers, now: Time) -> Vec<Transition> {
    let lost = granted
        .approved_by()
        .is_some_and(|by| !reviewers.include(by));
    if !lost {
        return Vec::new();
    }
    let (before, asked) = (granted.grant.clone(), granted.request.clone());
    let (after, request) = approver_lost_role(before.clone(), asked.clone(), now);
    if after == before {
        return Vec::new();
    }
    let eligible = reviewers.eligible(request.user);
    let others = find_reviewers(&request, &eligible, now);
    let reopened = Transition::Reopened {
        before: asked.state,
        request,
        reviewers: eligible.regulars(),
    };
    let revoked = Transition::Revoked(GrantChange { before, after });
    [revoked, reopened].into_iter().chain(others).collect()
}
