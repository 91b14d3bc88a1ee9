use chrono::TimeDelta;
use hourkey_domain::ids::{GrantId, RequestId};
use proptest::prelude::*;

use super::*;
use crate::testing::{LOCKED, at, changes, granted, notice, resource, snapshot};
use hourkey_protocol::notice::What;

const BOOT: Duration = Duration::from_secs(500);

fn model(resources: Vec<Resource>) -> Model {
    let mut model = Model::default();
    let snapshot = snapshot(1, 0, resources);
    model.apply(Update::Snapshot(Box::new(snapshot)), BOOT);
    model
}

#[test]
fn the_state_is_kept_while_the_controller_is_away() {
    let mut model = model(vec![resource(1, LOCKED)]);
    let before = model.clone();
    model.apply(
        Update::Lost {
            why: "It rained.".to_owned(),
            heard: Some(BOOT + Duration::from_secs(5)),
        },
        BOOT + Duration::from_secs(60),
    );
    let lost = Connection::Lost {
        since: Some(at(5)),
        why: "It rained.".to_owned(),
    };
    assert_eq!(model.connection, lost);
    model.apply(Update::Live, BOOT + Duration::from_secs(61));
    assert_eq!(model, before);
}

#[test]
fn a_copy_shares_the_rows_that_do_not_change() {
    let before = model(vec![resource(1, LOCKED), resource(2, LOCKED)]);
    let mut after = before.clone();
    let mut news = changes(2, 1, Vec::new());
    news.notices = vec![notice(
        1,
        1,
        What::Lapsed {
            request: RequestId(1),
            extends: None,
        },
    )];
    after.apply(Update::Changes(Box::new(news)), BOOT);
    assert!(Arc::ptr_eq(&before.resources, &after.resources), "no row");

    let row = vec![resource(1, granted(1, 0, 600))];
    after.apply(Update::Changes(Box::new(changes(3, 2, row))), BOOT);
    let is_shared = |id| {
        let rows = (
            &before.resources[&ResourceId(id)],
            &after.resources[&ResourceId(id)],
        );
        Arc::ptr_eq(rows.0, rows.1)
    };
    assert_eq!((is_shared(1), is_shared(2)), (false, true));
    assert_eq!(before.row(ResourceId(1)).unwrap().lock, LOCKED);
}

#[test]
fn a_snapshot_replaces_everything() {
    let mut model = model(vec![resource(1, LOCKED), resource(2, LOCKED)]);
    let fresh = snapshot(9, 60, vec![resource(2, granted(4, 0, 600))]);
    model.apply(Update::Snapshot(Box::new(fresh)), BOOT);
    assert_eq!(model.seq, 9);
    assert_eq!(model.resources.len(), 1);
    assert_eq!(model.resources[&ResourceId(2)].lock, granted(4, 0, 600));
}

#[test]
fn notices_are_newest_first_and_bounded() {
    let mut model = model(Vec::new());
    for id in 1..=300 {
        let mut some = changes(id, id, Vec::new());
        let lapsed = What::Lapsed {
            request: RequestId(id),
            extends: None,
        };
        some.notices = vec![notice(id, id, lapsed)];
        model.apply(Update::Changes(Box::new(some)), BOOT);
    }
    let ids: Vec<i64> = model.notices.iter().map(|notice| notice.id.0).collect();
    assert_eq!(ids, (101..=300).rev().collect::<Vec<_>>());
}

fn lock() -> impl Strategy<Value = LockState> {
    let moment = || (0_i64..100).prop_map(at);
    prop_oneof![
        prop::option::of(moment()).prop_map(|locks_at| LockState::Open { locks_at }),
        (moment(), 1_i64..50).prop_map(|(started_at, length)| LockState::Granted {
            grant: GrantId(1),
            started_at,
            expires_at: started_at + TimeDelta::seconds(length),
            extension: None,
        }),
        (moment(), 1_i64..50).prop_map(|(starts_at, length)| LockState::Scheduled {
            grant: GrantId(1),
            starts_at,
            expires_at: starts_at + TimeDelta::seconds(length),
        }),
        moment().prop_map(|lapses_at| LockState::Pending {
            request: RequestId(1),
            since: at(0),
            lapses_at,
        }),
        Just(LOCKED),
    ]
}

proptest! {
    /// Whatever was heard last, nothing is shown past its end, and each end is announced.
    #[test]
    fn nothing_is_shown_past_its_end(lock in lock(), seconds in 0_i64..200) {
        let now = at(seconds);
        let shown = lock_now(&resource(1, lock), now);
        prop_assert!(changes_at(shown).is_none_or(|at| now < at), "{shown:?}");
        if let LockState::Granted { started_at, .. } = shown
            && matches!(lock, LockState::Scheduled { .. })
        {
            prop_assert!(started_at <= now);
        }
    }

    /// Waking at each announced change shows the same as looking at every second.
    #[test]
    fn every_change_of_a_lock_is_announced(locks in prop::collection::vec(lock(), 1..5)) {
        let model = model((1..).zip(locks).map(|(id, lock)| resource(id, lock)).collect());
        let shown = |now| -> Vec<LockState> {
            model.resources.values().map(|it| lock_now(it, now)).collect()
        };
        let mut announced = model.next_change(at(-1));
        for second in 0..200 {
            let (before, now) = (at(second - 1), at(second));
            if announced.is_some_and(|at| at <= now) {
                announced = model.next_change(now);
            } else {
                prop_assert_eq!(shown(before), shown(now));
            }
        }
    }

    /// Rows come whole: being sent the same changes again does no harm.
    #[test]
    fn changes_twice_are_changes_once(
        locks in prop::collection::vec((1_i64..5, lock()), 0..6),
        removed in prop::collection::vec((1_i64..5).prop_map(ResourceId), 0..3),
    ) {
        let mut model = model((1..4).map(|id| resource(id, LOCKED)).collect());
        let mut some = changes(2, 1, locks.into_iter().map(|(id, lock)| resource(id, lock)).collect());
        some.removed_resources = removed;
        some.notices = vec![notice(1, 1, What::Lapsed { request: RequestId(1), extends: None,
})];
        model.apply(Update::Changes(Box::new(some.clone())), BOOT);
        let once = model.clone();
        model.apply(Update::Changes(Box::new(some)), BOOT);
        prop_assert_eq!(model, once);
    }
}
