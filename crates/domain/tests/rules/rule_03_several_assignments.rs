use hourkey_domain::ids::{AssignmentId, GroupId};
use hourkey_domain::length::Length;
use hourkey_domain::request::{DEFAULT_LAPSE, ask};
use hourkey_domain::settings::{
    Approval, EffectiveAssignment, Mode, Period, Settings, most_permissive,
};
use proptest::prelude::*;

use crate::strategies::*;

/// Rule 3 in words: whether `first` comes before `second`.
fn comes_before(first: &EffectiveAssignment, second: &EffectiveAssignment) -> bool {
    let (a, b) = (first.settings, second.settings);
    let lower_id = first.assignment < second.assignment;
    match (a.mode, b.mode) {
        (Mode::Standing, Mode::AutoLock | Mode::AccessRequest)
        | (Mode::AutoLock, Mode::AccessRequest) => true,
        (Mode::AutoLock | Mode::AccessRequest, Mode::Standing)
        | (Mode::AccessRequest, Mode::AutoLock) => false,
        (Mode::Standing, Mode::Standing) => lower_id,
        (Mode::AutoLock, Mode::AutoLock) | (Mode::AccessRequest, Mode::AccessRequest) => {
            match (a.approval, b.approval) {
                (Approval::Automatic, Approval::Manual) => return true,
                (Approval::Manual, Approval::Automatic) => return false,
                (Approval::Automatic, Approval::Automatic)
                | (Approval::Manual, Approval::Manual) => {}
            }
            let (more, less) = match a.mode {
                Mode::AutoLock => (a.lock_after > b.lock_after, a.lock_after < b.lock_after),
                Mode::AccessRequest | Mode::Standing => (
                    a.period.longest() > b.period.longest(),
                    a.period.longest() < b.period.longest(),
                ),
            };
            more || (!less && lower_id)
        }
    }
}

proptest! {
    /// Rule 3: the assignment that counts comes before every other valid one.
    #[test]
    fn the_first_comes_before_all_others(assignments in assignments(), now in moment()) {
        let valid: Vec<&EffectiveAssignment> = assignments.iter().filter(|assignment| assignment.is_valid(now)).collect();
        let Some(best) = most_permissive(&assignments, now) else {
            prop_assert!(valid.is_empty());
            return Ok(());
        };
        prop_assert!(valid.contains(&best));
        for other in valid.into_iter().filter(|other| other.assignment != best.assignment) {
            prop_assert!(comes_before(best, other), "{best:?} over {other:?}");
        }
    }

    /// Rule 3: the order in which assignments are listed decides nothing.
    #[test]
    fn the_order_of_listing_decides_nothing(assignments in assignments(), now in moment()) {
        let mut reversed = assignments.clone();
        reversed.reverse();
        prop_assert_eq!(most_permissive(&assignments, now), most_permissive(&reversed, now));
    }

    /// Rule 3: any of one's assignments that take requests may be chosen, and the request keeps
    /// the terms it was made under, whatever they become before it is approved.
    #[test]
    fn the_request_keeps_its_terms(assignment in endless_request_assignment(), later in request_assignment(), now in moment()) {
        let request = pending_request(&assignment, plain_ask(), now);
        prop_assert_eq!(request.terms.assignment, assignment.assignment);
        prop_assert_eq!(request.terms.group, assignment.group);
        prop_assert_eq!(request.terms.period, assignment.settings.period);
        prop_assert_eq!(request.terms.approval, assignment.settings.approval);
        let terms = request.terms;
        let later = EffectiveAssignment { assignment: assignment.assignment, until: None, ..later };
        let pending = request.pending(now).unwrap();
        let (approved, _) = pending.approve(Some(REVIEWER.into()), None, text(""), &later, now).unwrap();
        prop_assert_eq!(approved.terms, terms);
    }

    /// Rule 3: what is open without a request takes none.
    #[test]
    fn standing_takes_no_request(mut assignment in assignment(), now in moment()) {
        assignment.settings.mode = Mode::Standing;
        assignment.until = None;
        let asked = ask(USER, RESOURCE, &assignment, plain_ask(), None, DEFAULT_LAPSE, now);
        prop_assert_eq!(asked, Err(hourkey_domain::request::CannotAsk::NotNeeded));
    }
}

/// Rule 3: automatic for one hour comes before manual for seven days; of two alike the lower id.
#[test]
fn automatic_before_longer() {
    let assignment = |id, approval, period| EffectiveAssignment {
        counts_from: None,
        assignment: AssignmentId(id),
        group: GroupId(id),
        settings: Settings {
            mode: Mode::AccessRequest,
            period: Period::Preset(period),
            approval,
            lock_after: 1,
        },
        total: Length::WEEK,
        until: None,
    };
    let assignments = [
        assignment(1, Approval::Manual, hours(168)),
        assignment(3, Approval::Automatic, hours(1)),
        assignment(2, Approval::Automatic, hours(1)),
    ];
    let best = most_permissive(&assignments, noon()).unwrap();
    assert_eq!(best.assignment, AssignmentId(2));
}
