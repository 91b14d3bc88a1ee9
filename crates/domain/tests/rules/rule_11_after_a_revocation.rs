use chrono::TimeDelta;
use hourkey_domain::cause::Cause;
use hourkey_domain::grant::State as GrantState;
use hourkey_domain::length::Length;
use hourkey_domain::lock::{Facts, LockState, Why, lock_state};
use hourkey_domain::request::{CannotApprove, DEFAULT_LAPSE, ask};
use hourkey_domain::settings::{Approval, Period, approval_in_force};
use hourkey_domain::transition;
use proptest::prelude::*;

use crate::strategies::*;

proptest! {
    /// Rule 11: for 24 hours after a person revoked, automatic approval is off: the user is shown
    /// that a reviewer decides, and a request needs one. From then on it is on again.
    #[test]
    fn off_for_a_day(
        mut assignment in endless_request_assignment(),
        now in moment(),
        ago in prop_oneof![0i64..=172_800, 86_398i64..=86_402],
    ) {
        assignment.settings.approval = Approval::Automatic;
        let revoked_at = Some(now - TimeDelta::seconds(ago));
        let off = ago < 24 * 60 * 60;
        let in_force = if off { Approval::Manual } else { Approval::Automatic };
        prop_assert_eq!(approval_in_force(&assignment, revoked_at, now), in_force);

        let assignments = [assignment];
        let facts =
            Facts { resource_enabled: true, assignments: &assignments, grant: None, pending: None, last_used: None, revoked_at };
        let why = if off { Why::NeedsApproval } else { Why::NeedsReason };
        prop_assert_eq!(lock_state(&facts, now), Some(LockState::Locked { why }));

        let new = ask(USER, RESOURCE, &assignment, plain_ask(), revoked_at, DEFAULT_LAPSE, now).unwrap();
        prop_assert_eq!(new.terms.approval, in_force);
        let pending = stored(new).pending(now).unwrap();
        let alone = pending.clone().approve(None, None, text(""), &assignment, now);
        prop_assert_eq!(alone == Err(CannotApprove::NeedsReviewer), off);
        prop_assert!(pending.approve(Some(REVIEWER.into()), None, text(""), &assignment, now).is_ok());
    }

    /// Rule 11: more time needs a reviewer, too, while automatic approval is off.
    #[test]
    fn an_extension_needs_a_reviewer_for_a_day(
        mut assignment in endless_request_assignment(),
        ago in prop_oneof![0i64..=172_800, 86_398i64..=86_402],
    ) {
        assignment.settings.approval = Approval::Automatic;
        assignment.settings.period = Period::Preset(hours(8));
        assignment.total = Length::WEEK;
        let now = hour(1);
        let mut facts = running(&assignment, noon(), hours(4));
        facts.revoked_at = Some(now - TimeDelta::seconds(ago));
        let facts = with_extension(&facts, plain_ask(), now).unwrap();
        let off = ago < 24 * 60 * 60;
        let alone = transition::approve(&facts, EXTENSION, None, None, text(""), now);
        prop_assert_eq!(alone == Err(CannotApprove::NeedsReviewer), off);
        prop_assert!(transition::approve(&facts, EXTENSION, Some(REVIEWER.into()), None, text(""), now).is_ok());
    }

    /// Rule 11: only a person's revocation counts: not the system's, nor giving back, nor the end.
    #[test]
    fn only_a_person_counts(grant in grant(), cause in cause(), now in moment()) {
        let Ok(live) = grant.live(now) else {
            return Ok(());
        };
        let revoked = live.clone().revoke(Some(REVIEWER.into()), Cause::Person, text("stop"), now);
        prop_assert_eq!(revoked.revoked_by_person(), Some(now));
        let by_system = live.clone().revoke(None, cause, text(""), now);
        prop_assert_eq!(by_system.revoked_by_person(), None);
        prop_assert_eq!(live.clone().release(now).revoked_by_person(), None);
        let mut expired = live.into_grant();
        expired.state = GrantState::Expired { at: now };
        prop_assert_eq!(expired.revoked_by_person(), None);
    }
}
