use chrono::TimeDelta;
use hourkey_domain::lock::{Facts, LockState, PermitCause, Why, lock_state, permit};
use hourkey_domain::settings::{EffectiveAssignment, Mode};
use hourkey_domain::unlock::Unlocker;
use proptest::prelude::*;

use crate::strategies::*;

/// One millisecond, the shortest span that is drawn.
const TICK: TimeDelta = TimeDelta::milliseconds(1);

/// The facts of one assignment alone.
fn alone(
    assignments: &[EffectiveAssignment],
    last_used: Option<hourkey_domain::Time>,
) -> Facts<'_> {
    Facts {
        resource_enabled: true,
        assignments,
        grant: None,
        pending: None,
        last_used,
        revoked_at: None,
    }
}

proptest! {
    /// Rule 8: a disabled resource gives no permit, and whoever saw it sees that it is disabled.
    #[test]
    fn a_disabled_resource_opens_for_nobody(situation in situation(), now in moment()) {
        let facts = Facts { resource_enabled: false, ..situation.facts() };
        prop_assert_eq!(permit(USER, RESOURCE, &facts, now), None);
        let sees = lock_state(&situation.facts(), now).is_some();
        let why = Why::Disabled;
        prop_assert_eq!(lock_state(&facts, now), sees.then_some(LockState::Locked { why }));
    }

    /// Rule 8: there is a permit exactly while the user sees the resource open or granted.
    #[test]
    fn a_permit_while_open_or_granted(situation in situation(), now in moment()) {
        let facts = situation.facts();
        let sees = matches!(
            lock_state(&facts, now),
            Some(LockState::Open { .. } | LockState::Granted { .. })
        );
        prop_assert_eq!(permit(USER, RESOURCE, &facts, now).is_some(), sees);
    }

    /// Rule 8: a permit holds up to its end, not an instant longer, as long as nothing changes.
    #[test]
    fn a_permit_holds_to_its_end(situation in situation(), now in moment(), hours in 0i64..=300) {
        let facts = situation.facts();
        let Some(before) = permit(USER, RESOURCE, &facts, now) else {
            return Ok(());
        };
        let later = now + TimeDelta::hours(hours);
        let Some(until) = before.until else {
            prop_assert_eq!(permit(USER, RESOURCE, &facts, later), Some(before));
            return Ok(());
        };
        prop_assert!(now < until);
        let last = until - TICK;
        prop_assert_eq!(permit(USER, RESOURCE, &facts, last.max(now)), Some(before));
        if later < until {
            prop_assert_eq!(permit(USER, RESOURCE, &facts, later), Some(before));
        }
        prop_assert_eq!(permit(USER, RESOURCE, &facts, until), None);
    }

    /// Rule 8: as long as any one assignment or the grant alone lets the user pass, the permit
    /// lasts: the connection is cut at the last end, not at the first.
    #[test]
    fn the_last_end_cuts(situation in situation(), now in moment()) {
        let all = permit(USER, RESOURCE, &situation.facts(), now);
        let mut single: Vec<_> = situation
            .assignments
            .iter()
            .map(|assignment| permit(USER, RESOURCE, &alone(std::slice::from_ref(assignment), situation.last_used), now))
            .collect();
        let mut grant_only = situation.clone();
        for assignment in &mut grant_only.assignments {
            assignment.settings.mode = Mode::AccessRequest;
        }
        single.push(permit(USER, RESOURCE, &grant_only.facts(), now));
        let ends = single.into_iter().flatten().map(|permit| permit.until);
        let last = ends.max_by_key(|until| (until.is_none(), *until));
        prop_assert_eq!(all.map(|permit| permit.until), last);
    }

    /// Rule 8: the permit's end is what the user is shown.
    #[test]
    fn what_is_shown_is_true(situation in situation(), now in moment()) {
        let facts = situation.facts();
        let until = permit(USER, RESOURCE, &facts, now).map(|permit| permit.until);
        match lock_state(&facts, now) {
            Some(LockState::Granted { expires_at, .. }) => {
                prop_assert_eq!(until, Some(Some(expires_at)));
            }
            Some(LockState::Open { locks_at }) => {
                let until = until.unwrap();
                prop_assert!(until.is_none() || (locks_at.is_some() && locks_at <= until));
            }
            Some(LockState::Scheduled { .. } | LockState::Pending { .. } | LockState::Locked { .. })
            | None => prop_assert_eq!(until, None),
        }
    }

    /// Rule 8: an auto-locked resource is open for its unused days, at least one, and then locked;
    /// an unlock restarts that count, and never shortens it.
    #[test]
    fn an_unlock_restarts_the_count(
        assignment in endless_request_assignment(),
        last_used in prop::option::of(moment()),
        days in 0u16..=90,
        now in moment(),
    ) {
        let mut assignment = assignment;
        assignment.settings.mode = Mode::AutoLock;
        assignment.settings.lock_after = days;
        let unused = TimeDelta::days(i64::from(days.max(1)));
        let assignments = [assignment];
        let open_before = last_used.is_some_and(|used| now < used + unused);
        let before = permit(USER, RESOURCE, &alone(&assignments, last_used), now);
        prop_assert_eq!(before.is_some(), open_before);

        let Some(locked) = assignment.auto_locked(last_used, now) else {
            prop_assert!(open_before);
            return Ok(());
        };
        prop_assert!(!open_before);
        let new = locked
            .ask(USER, RESOURCE, text("needed again"), None, TimeDelta::days(1), now)
            .unwrap();
        let pending = stored(new).pending(now).unwrap();
        let (request, unlock) = locked.approve(pending, Some(REVIEWER.into()), text(""), now).unwrap();
        let reviewer = Some(REVIEWER);
        prop_assert_eq!(unlock.by, Unlocker::Approval { request: request.id, reviewer });
        let restarted = unlock.restarts(last_used);
        prop_assert!(restarted >= now);
        let facts = alone(&assignments, Some(restarted));
        let end = restarted + unused;
        let open = permit(USER, RESOURCE, &facts, now).unwrap();
        prop_assert_eq!((open.cause, open.until), (PermitCause::AutoLock, Some(end)));
        prop_assert_eq!(permit(USER, RESOURCE, &facts, end), None);
    }

    /// Rule 8: only an auto-locked, valid, unused assignment can be unlocked.
    #[test]
    fn only_the_locked_is_unlocked(assignment in assignment(), last_used in prop::option::of(moment()), now in moment()) {
        let assignments = [assignment];
        let open = permit(USER, RESOURCE, &alone(&assignments, last_used), now).is_some();
        let expected = assignment.settings.mode == Mode::AutoLock && assignment.is_valid(now) && !open;
        prop_assert_eq!(assignment.auto_locked(last_used, now).is_some(), expected);
    }

    /// Rule 8: a scheduled grant lets nothing pass, not even after its start, until that start is
    /// committed.
    #[test]
    fn a_scheduled_grant_lets_nothing_pass(assignment in endless_request_assignment(), grant in grant(), now in moment()) {
        let mut grant = grant;
        grant.state = hourkey_domain::grant::State::Scheduled;
        grant.assignment = assignment.assignment;
        let assignments = [assignment];
        let facts = Facts { grant: Some(&grant), ..alone(&assignments, None) };
        prop_assert_eq!(permit(USER, RESOURCE, &facts, now), None);
    }
}
