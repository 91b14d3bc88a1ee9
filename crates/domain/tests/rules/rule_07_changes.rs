use chrono::TimeDelta;
use hourkey_domain::Time;
use hourkey_domain::cause::Cause;
use hourkey_domain::change::{GrantContext, Outcome, Subject, approver_lost_role, consequence};
use hourkey_domain::grant::{Grant, State as GrantState, Window};
use hourkey_domain::length::Length;
use hourkey_domain::lock::{Facts, LockState, lock_state, permit};
use hourkey_domain::request::{Ask, CannotApprove, Request, State as RequestState};
use hourkey_domain::settings::{Approval, EffectiveAssignment, Mode, Period, Settings};
use hourkey_domain::transition::{self, AccessFacts, Transition, reconcile, settle};
use proptest::option;
use proptest::prelude::*;

use crate::strategies::*;

const SUBJECTS: [Subject; 4] = [
    Subject::PendingRequest,
    Subject::PendingExtension,
    Subject::ScheduledGrant,
    Subject::ActiveGrant,
];

/// The facts of one assignment, and of a grant through it.
fn facts<'a>(assignments: &'a [EffectiveAssignment], grant: Option<&'a Grant>) -> Facts<'a> {
    Facts {
        resource_enabled: true,
        assignments,
        grant,
        pending: None,
        last_used: None,
        revoked_at: None,
    }
}

/// A grant that a reviewer approved at `now` for as long as `assignment` allows, from `starts_in` on.
fn approved(
    assignment: &EffectiveAssignment,
    starts_in: Option<TimeDelta>,
    now: Time,
) -> (Request, Grant) {
    let asking = Ask {
        starts_at: starts_in.map(|span| now + span),
        ..plain_ask()
    };
    let pending = pending_request(assignment, asking, now)
        .pending(now)
        .unwrap();
    let (request, window) = pending
        .approve(Some(REVIEWER.into()), None, text(""), assignment, now)
        .unwrap();
    let grant = granted(&request, window);
    (request, grant)
}

proptest! {
    /// Rule 7: user, resource, destination, assignment or membership gone ends everything that
    /// rests on it, with a cause that is true; nothing gone ends nothing.
    #[test]
    fn what_is_gone_ends_all_that_rests_on_it(
        user_enabled: bool,
        resource_exists: bool,
        resource_enabled: bool,
        same_destination: bool,
        is_member: bool,
        assignment in option::of(assignment()),
        best_mode in option::of(mode()),
        open: bool,
        now in moment(),
    ) {
        let context = GrantContext {
            user_enabled,
            resource_exists,
            resource_enabled,
            same_destination,
            is_member,
            assignment: assignment.as_ref(),
            best_mode,
            open,
        };
        let true_causes = [
            (!user_enabled, Cause::UserDisabled),
            (!resource_exists, Cause::ResourceRemoved),
            (!resource_enabled, Cause::ResourceDisabled),
            (!same_destination, Cause::ResourceChanged),
            (!is_member, Cause::MembershipRemoved),
            (assignment.is_none(), Cause::AssignmentRemoved),
            (assignment.and_then(|assignment| assignment.until).is_some_and(|end| end <= now), Cause::AssignmentEnded),
            (best_mode == Some(Mode::Standing), Cause::NoLongerNeeded),
        ];
        for subject in SUBJECTS {
            match consequence(subject, &context, now) {
                Outcome::Stays => prop_assert!(true_causes.iter().all(|(gone, _)| !gone)),
                Outcome::Ends(cause) => prop_assert!(true_causes.contains(&(true, cause))),
            }
        }
        // A request for an unlock waits only while there is something to unlock.
        let locked = assignment.is_some_and(|assignment| assignment.settings.mode == Mode::AutoLock) && !open;
        match consequence(Subject::PendingUnlock, &context, now) {
            Outcome::Stays => {
                prop_assert!(locked && true_causes.iter().all(|(gone, _)| !gone));
            }
            Outcome::Ends(Cause::NoLongerNeeded) => {
                prop_assert!(open || best_mode == Some(Mode::Standing));
            }
            Outcome::Ends(Cause::TermsTightened) => prop_assert!(!locked && !open),
            Outcome::Ends(cause) => prop_assert!(true_causes.contains(&(true, cause))),
        }
    }

    /// Rule 7: when the mode becomes standing, what waits or runs ends as no longer needed, and no
    /// moment is left without a permit.
    #[test]
    fn standing_cuts_nothing(assignment in endless_request_assignment(), standing in assignment(), now in moment()) {
        let (_, grant) = approved(&assignment, None, now);
        let mut standing = standing;
        standing.settings.mode = Mode::Standing;
        standing.until = None;
        let context = GrantContext {
            user_enabled: true,
            resource_exists: true,
            resource_enabled: true,
            same_destination: true,
            is_member: true,
            assignment: Some(&assignment),
            best_mode: Some(Mode::Standing),
            open: true,
        };
        for subject in SUBJECTS {
            let ended = Outcome::Ends(Cause::NoLongerNeeded);
            prop_assert_eq!(consequence(subject, &context, now), ended);
        }
        let assignments = [assignment, standing];
        for grant in [Some(&grant), None] {
            let facts = facts(&assignments, grant);
            prop_assert_eq!(lock_state(&facts, now), Some(LockState::Open { locks_at: None }));
            prop_assert_eq!(permit(USER, RESOURCE, &facts, now).unwrap().until, None);
        }
    }

    /// Rule 7: a pending request is approved on the stricter of its snapshot and the live terms.
    #[test]
    fn pending_terms_are_clamped(
        assignment in endless_request_assignment(),
        live in endless_request_assignment(),
        now in moment(),
    ) {
        let asking = Ask { length: Some(assignment.settings.period.longest()), ..plain_ask() };
        let pending = pending_request(&assignment, asking, now).pending(now).unwrap();
        let (_, window) = pending.approve(Some(REVIEWER.into()), None, text(""), &live, now).unwrap();
        let stricter = assignment.settings.period.longest().min(live.settings.period.longest());
        prop_assert_eq!(window.expires_at, stricter.after(now));
    }

    /// Rule 7: manual that became automatic leaves the request pending, for a reviewer to decide.
    #[test]
    fn manual_made_automatic_stays_pending(assignment in endless_request_assignment(), now in moment()) {
        let mut assignment = assignment;
        assignment.settings.approval = Approval::Manual;
        let pending = pending_request(&assignment, plain_ask(), now).pending(now).unwrap();
        assignment.settings.approval = Approval::Automatic;
        let context = GrantContext {
            user_enabled: true,
            resource_exists: true,
            resource_enabled: true,
            same_destination: true,
            is_member: true,
            assignment: Some(&assignment),
            best_mode: Some(Mode::AccessRequest),
            open: false,
        };
        let stays = consequence(Subject::PendingRequest, &context, now);
        prop_assert_eq!(stays, Outcome::Stays);
        let alone = pending.clone().approve(None, None, text(""), &assignment, now);
        prop_assert_eq!(alone, Err(CannotApprove::NeedsReviewer));
        prop_assert!(pending.approve(Some(REVIEWER.into()), None, text(""), &assignment, now).is_ok());
    }

    /// Rule 7: a scheduled grant is rechecked at its start: today's period and end shorten it, and
    /// what opened automatically does not start once a reviewer would be needed.
    #[test]
    fn scheduled_grants_are_rechecked(
        assignment in endless_request_assignment(),
        live in request_assignment(),
        by in option::of(Just(REVIEWER)),
        starts_in in 1i64..=100,
        late in 0i64..=3,
        now in moment(),
    ) {
        let (_, grant) = approved(&assignment, Some(TimeDelta::hours(starts_in)), now);
        let window = grant.window;
        prop_assert!(grant.clone().due(window.starts_at - TimeDelta::milliseconds(1)).is_err());
        let now = window.starts_at + TimeDelta::minutes(late);
        let Ok(due) = grant.due(now) else {
            prop_assert!(now >= window.expires_at);
            return Ok(());
        };
        let longest = live.settings.period.longest().after(window.starts_at);
        let ends = [Some(window.expires_at), Some(longest), live.until];
        let expires_at = ends.into_iter().flatten().min().unwrap();
        let too_short = expires_at - window.starts_at < TimeDelta::minutes(1);
        let unreviewed = by.is_none() && live.settings.approval == Approval::Manual;
        let started = due.start(by.map(Into::into), &live, now);
        match started.state {
            GrantState::Active => {
                prop_assert!(!unreviewed && !too_short && now < expires_at);
                let starts_at = window.starts_at;
                prop_assert_eq!(started.window, Window { starts_at, expires_at });
            }
            GrantState::Expired { at } => {
                prop_assert!(!unreviewed && !too_short && now >= expires_at);
                prop_assert_eq!(at, expires_at);
            }
            GrantState::Revoked { by, cause, .. } => {
                prop_assert_eq!(by, None);
                let expected =
                    if unreviewed { Cause::TermsTightened } else { Cause::AssignmentEnded };
                prop_assert_eq!(cause, expected);
                prop_assert!(unreviewed || too_short);
            }
            GrantState::Scheduled | GrantState::Released { .. } => {
                prop_assert!(false, "{:?}", started.state);
            }
        }
    }

    /// Rule 7: a running grant keeps its deadline, however its settings are tightened.
    #[test]
    fn active_grants_keep_their_deadline(
        assignment in endless_request_assignment(),
        tightened in endless_request_assignment(),
        now in moment(),
    ) {
        let (_, grant) = approved(&assignment, None, now);
        let tightened = EffectiveAssignment { assignment: assignment.assignment, ..tightened };
        let (before, after) = ([assignment], [tightened]);
        let before = lock_state(&facts(&before, Some(&grant)), now);
        let after = lock_state(&facts(&after, Some(&grant)), now);
        prop_assert_eq!(before, after);
        let granted =
            matches!(after, Some(LockState::Granted { expires_at, .. }) if expires_at == grant.window.expires_at);
        prop_assert!(granted);
    }

    /// Rule 7: nothing revives: what has ended or was decided stays so, at any later time.
    #[test]
    fn nothing_revives(grant in grant(), request in request(), now in any_moment()) {
        let grant_ended = !matches!(grant.state, GrantState::Scheduled | GrantState::Active);
        if grant_ended {
            prop_assert_eq!(grant.clone().at(now), grant.clone());
            prop_assert_eq!(grant.clone().live(now), Err(grant.clone()));
            prop_assert_eq!(grant.clone().due(now), Err(grant.clone()));
        }
        if request.state != RequestState::Pending {
            prop_assert_eq!(request.clone().pending(now), Err(request.clone()));
        }
    }

    /// Rule 7: at equal instants the ending wins: of a request, a grant, an assignment.
    #[test]
    fn at_equal_instants_the_ending_wins(assignment in endless_request_assignment(), now in moment()) {
        let request = pending_request(&assignment, plain_ask(), now);
        let lapses_at = request.lapses_at;
        prop_assert!(request.pending(lapses_at).is_err());

        let (_, grant) = approved(&assignment, None, now);
        let expires_at = grant.window.expires_at;
        let assignments = [assignment];
        prop_assert_eq!(permit(USER, RESOURCE, &facts(&assignments, Some(&grant)), expires_at), None);
        prop_assert!(grant.clone().live(expires_at).is_err());

        let assignments = [EffectiveAssignment { until: Some(now), ..assignment }];
        prop_assert_eq!(lock_state(&facts(&assignments, Some(&grant)), now), None);
    }

    /// Rule 7: whatever ends a grant ends the pending extension with it, with a cause, and at equal
    /// instants the ending wins: giving back, revoking, its end, and every change that ends a grant.
    /// Otherwise it goes on waiting.
    #[test]
    fn a_pending_extension_goes_with_its_grant(
        assignment in endless_request_assignment(),
        end in 0usize..8,
        passed in prop_oneof![0i64..=40_000, Just(36_000i64)],
    ) {
        let mut assignment = assignment;
        assignment.settings.period = Period::Preset(hours(20));
        assignment.total = Length::WEEK;
        assignment.settings.approval = Approval::Manual;
        let facts = running(&assignment, noon(), hours(10));
        let facts = with_extension(&facts, plain_ask(), noon()).unwrap();
        let grant = facts.grant.as_ref().unwrap().grant.id;
        let now = noon() + TimeDelta::seconds(passed);
        let (mut facts, mut done) = settle(facts, now);
        if passed >= 36_000 {
            prop_assert!(facts.pending.is_none() && facts.grant.is_none());
            prop_assert_eq!(done.len(), 2);
        } else {
            prop_assert!(facts.pending.is_some() && done.is_empty());
            let reconciled = |facts: &AccessFacts, moved| reconcile(facts, moved, &reviewers(), &[], now);
            done = match end {
                0 => transition::release(&facts, grant, now).unwrap(),
                1 => transition::revoke(&facts, grant, REVIEWER, text(""), now).unwrap(),
                2 => reconciled(&facts, true),
                3 => {
                    facts.user_enabled = false;
                    reconciled(&facts, false)
                }
                4 => {
                    facts.former = facts.assignments.pop();
                    reconciled(&facts, false)
                }
                5 => {
                    facts.assignments.clear();
                    reconciled(&facts, false)
                }
                6 => {
                    facts.assignments[0].settings.mode = Mode::Standing;
                    reconciled(&facts, false)
                }
                _ => {
                    facts.assignments[0].until = Some(now);
                    settle(facts, now).1
                }
            };
        }
        let [ended, extension] = done.as_slice() else {
            panic!("{done:?}");
        };
        let ended = match ended {
            Transition::Released(change) | Transition::Revoked(change) | Transition::Expired(change) => &change.after,
            other => panic!("{other:?}"),
        };
        let request = match extension {
            Transition::Cancelled { request } | Transition::Superseded { request } => request,
            other => panic!("{other:?}"),
        };
        prop_assert_eq!(request.id, EXTENSION);
        let RequestState::Cancelled { by: None, cause, .. } = request.state else {
            panic!("{:?}", request.state);
        };
        match ended.state {
            // A person's act, and time, end an extension because access ended.
            GrantState::Revoked { by: None, cause: why, .. } => prop_assert_eq!(cause, why),
            _ => prop_assert_eq!(cause, Cause::GrantEnded),
        }
    }

    /// Rule 7: an extension that nobody answers lapses by itself, and its grant goes on.
    #[test]
    fn a_lapsed_extension_leaves_its_grant(assignment in endless_request_assignment(), late in 0i64..=3_600) {
        let mut assignment = assignment;
        assignment.settings.period = Period::Preset(hours(100));
        assignment.total = Length::WEEK;
        assignment.settings.approval = Approval::Manual;
        let facts = running(&assignment, noon(), hours(48));
        let facts = with_extension(&facts, plain_ask(), noon()).unwrap();
        let (facts, done) = settle(facts, hour(24) + TimeDelta::seconds(late));
        let lapsed = matches!(done.as_slice(), [Transition::Lapsed { request }] if request.id == EXTENSION);
        prop_assert!(lapsed, "{done:?}");
        prop_assert!(facts.grant.is_some() && facts.pending.is_none());
        // Swept late, after the grant's end too, it lapsed when it did.
        let facts = with_extension(&running(&assignment, noon(), hours(48)), plain_ask(), noon()).unwrap();
        let (_, done) = settle(facts, hour(48) + TimeDelta::seconds(late));
        let lapsed = |it: &Transition| matches!(
            it,
            Transition::Lapsed { request } if request.state == RequestState::Lapsed { at: hour(24) }
        );
        prop_assert!(done.iter().any(lapsed), "{done:?}");
    }

    /// Rule 7: when the approving reviewer loses the role, a grant whose start lies ahead goes
    /// back to review, up to that start; one that has started or ended, or opened automatically,
    /// stays.
    #[test]
    fn a_lost_reviewer_means_review_anew(
        assignment in endless_request_assignment(),
        starts_in in option::of((1i64..=100).prop_map(TimeDelta::hours)),
        automatic: bool,
        given_back: bool,
        passed in (0i64..=120).prop_map(TimeDelta::hours),
        now in moment(),
    ) {
        let (mut request, mut grant) = approved(&assignment, starts_in, now);
        if given_back {
            grant = grant.live(now).unwrap().release(now);
        }
        if let RequestState::Approved { by, .. } = &mut request.state
            && automatic
        {
            *by = None;
        }
        let later = now + passed;
        let (after_grant, after_request) =
            approver_lost_role(grant.clone(), request.clone(), later);
        let ahead = starts_in.is_some() && later < grant.window.starts_at;
        if automatic || given_back || !ahead {
            prop_assert_eq!((after_grant, after_request), (grant, request));
            return Ok(());
        }
        let revoked = matches!(
            after_grant.state,
            GrantState::Revoked { by: None, cause: Cause::ApproverLostRole, .. }
        );
        prop_assert!(revoked, "{:?}", after_grant.state);
        prop_assert_eq!(after_request.lapses_at, grant.window.starts_at);
        prop_assert_eq!(after_request.terms, request.terms);
        prop_assert!(after_request.pending(later).is_ok());
    }

    /// Rule 7: an assignment's end date that moved closer ends a running grant when it comes, also
    /// before anybody has swept it, and even if another assignment still makes it visible.
    #[test]
    fn an_earlier_end_of_the_assignment_holds(
        assignment in endless_request_assignment(),
        other in endless_request_assignment(),
        minutes in 1i64..=20_000,
        now in moment(),
    ) {
        let (_, grant) = approved(&assignment, None, now);
        let until = now + TimeDelta::minutes(minutes);
        let other = EffectiveAssignment { assignment: hourkey_domain::ids::AssignmentId(9), ..other };
        let assignments = [EffectiveAssignment { until: Some(until), ..assignment }, other];
        let facts = facts(&assignments, Some(&grant));
        let end = until.min(grant.window.expires_at);
        prop_assert_eq!(permit(USER, RESOURCE, &facts, now).and_then(|p| p.until), Some(end));
        prop_assert_eq!(permit(USER, RESOURCE, &facts, end), None);
        prop_assert!(lock_state(&facts, end).is_some());
    }
}

/// Rule 7: switching to manual for an hour and back does not give a reviewer's word to anybody:
/// the request made while it was manual still needs one.
#[test]
fn switching_back_revives_nothing() {
    let mut assignment = EffectiveAssignment {
        counts_from: None,
        assignment: hourkey_domain::ids::AssignmentId(1),
        group: hourkey_domain::ids::GroupId(1),
        settings: Settings {
            mode: Mode::AccessRequest,
            period: Period::Preset(hours(8)),
            approval: Approval::Automatic,
            lock_after: 1,
        },
        total: Length::WEEK,
        until: None,
    };
    assignment.settings.approval = Approval::Manual;
    let request = pending_request(&assignment, plain_ask(), noon());
    assignment.settings.approval = Approval::Automatic;
    let pending = request.pending(hour(1)).unwrap();
    let opened = pending.approve(None, None, text(""), &assignment, hour(1));
    assert_eq!(opened, Err(CannotApprove::NeedsReviewer));
}
