//! Transactions: alone, in one order, and kept once answered.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::sample::{at, entry, group, user};
use super::{together, write};
use crate::{Room, Store, StoreError, Work, transact};

/// Of works that run and commit together, only the one that fails is undone.
pub async fn a_failing_work_rolls_back_alone(store: Arc<dyn Store>) {
    let good = |login: &'static str| -> Work {
        Box::new(move |tx| {
            Box::pin(async move {
                tx.insert_user(user(login)).await?;
                tx.record(entry("user.added", at(0))).await?;
                Ok(())
            })
        })
    };
    let bad: Work = Box::new(|tx| {
        Box::pin(async move {
            tx.insert_user(user("undone")).await?;
            tx.record(entry("user.added", at(0))).await?;
            Err(StoreError::RolledBack)
        })
    });
    let taken: Work = Box::new(|tx| {
        Box::pin(async move {
            tx.insert_group(group("undone too", [])).await?;
            tx.insert_user(user("before")).await?;
            Ok(())
        })
    });
    let answers = together(&store, vec![good("before"), bad, taken, good("after")]).await;
    let [before, bad, taken, after] = answers.try_into().unwrap();
    assert!(before.is_ok() && after.is_ok(), "good works are kept");
    assert!(
        matches!(bad, Err(StoreError::RolledBack)),
        "a failing work says so: {bad:?}"
    );
    assert!(
        matches!(&taken, Err(StoreError::Duplicate(rule)) if rule == "user.login"),
        "a refused work says why: {taken:?}"
    );
    let mut read = store.read().await.unwrap();
    let organisation = read.organisation().await.unwrap();
    let logins: Vec<_> = organisation
        .users
        .iter()
        .map(|user| user.login.as_str())
        .collect();
    assert_eq!(logins, ["before", "after"]);
    assert_eq!(organisation.groups, [], "a work is undone as a whole");
    assert_eq!(
        read.audit(0, 10).await.unwrap().len(),
        2,
        "its entries are undone too"
    );
}

/// A panic undoes its work, is an error for its caller, and disturbs nobody else.
pub async fn a_panicking_work_is_undone_and_the_next_goes_on(store: Arc<dyn Store>) {
    let panicked = store
        .write(
            Room::Usual,
            Box::new(|tx| {
                Box::pin(async move {
                    tx.insert_user(user("undone")).await?;
                    panic!("a panic made on purpose");
                })
            }),
        )
        .await;
    assert!(panicked.is_err(), "a panicking work is not kept");
    let early = store
        .write(
            Room::Usual,
            Box::new(|_| panic!("another panic made on purpose")),
        )
        .await;
    assert!(early.is_err(), "also before its first step");
    write!(store, |tx| tx.insert_user(user("kept")).await);
    let organisation = store.read().await.unwrap().organisation().await.unwrap();
    assert_eq!(organisation.users.len(), 1);
    assert_eq!(organisation.users[0].login, "kept");
}

/// A work reads its own changes and those of all works before it.
pub async fn a_work_sees_what_was_done_before_it(store: Arc<dyn Store>) {
    let first = write!(store, |tx| tx.insert_user(user("first")).await);
    let seen = write!(store, |tx| {
        let second = tx.insert_user(user("second")).await?;
        Ok((
            tx.user(first).await?.is_some(),
            tx.user(second).await?.is_some(),
        ))
    });
    assert_eq!(seen, (true, true));
}

/// What a work refuses with is what the caller of [`transact`] gets, and nothing is kept.
pub async fn a_refusal_reaches_the_caller_as_it_is(store: Arc<dyn Store>) {
    #[derive(Debug, PartialEq)]
    enum Refusal {
        NotToday,
        Store(String),
    }
    impl From<StoreError> for Refusal {
        fn from(error: StoreError) -> Self {
            Self::Store(error.to_string())
        }
    }
    let answer: Result<(), Refusal> = transact(&store, Room::Usual, |tx| {
        Box::pin(async move {
            tx.insert_user(user("undone")).await?;
            Err(Refusal::NotToday)
        })
    })
    .await;
    assert_eq!(answer, Err(Refusal::NotToday));
    let found = store
        .read()
        .await
        .unwrap()
        .user_by_login("undone")
        .await
        .unwrap();
    assert_eq!(found, None);
}

/// As soon as a write is answered, every read sees it.
pub async fn what_was_answered_is_in_the_next_read(store: Arc<dyn Store>) {
    for number in 0..20 {
        let login = format!("user{number}");
        let id = write!(store, |tx| tx.insert_user(user(&login)).await);
        let readers = (0..3).map(|_| async { store.read().await.unwrap().user(id).await.unwrap() });
        for found in join_all(readers).await {
            assert!(
                found.is_some(),
                "write {number} was answered and is not read"
            );
        }
    }
}

/// A read sees one state from its beginning to its end, whatever is written meanwhile.
pub async fn a_read_is_one_state(store: Arc<dyn Store>) {
    write!(store, |tx| tx.insert_user(user("before")).await);
    let mut read = store.read().await.unwrap();
    write!(store, |tx| {
        tx.insert_user(user("during")).await?;
        tx.record(entry("user.added", at(0))).await
    });
    assert_eq!(
        read.organisation().await.unwrap().users.len(),
        1,
        "a read begins when it is handed out, not when it is first used"
    );
    assert_eq!(read.seq().await.unwrap(), 0, "and all its parts agree");
    write!(store, |tx| tx.insert_user(user("later")).await);
    assert_eq!(read.organisation().await.unwrap().users.len(), 1);
    drop(read);
    let organisation = store.read().await.unwrap().organisation().await.unwrap();
    assert_eq!(organisation.users.len(), 3);
}

/// 200 writers at once, each adding to what the one before left: all are there, in one order.
pub async fn two_hundred_writers_lose_nothing(store: Arc<dyn Store>) {
    let crowd = write!(store, |tx| tx.insert_group(group("crowd", [])).await);
    let writers = (0..200).map(|number| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let login = format!("user{number}");
            write!(store, |tx| {
                let id = tx.insert_user(user(&login)).await?;
                let mut crowd_now = tx.organisation().await?.groups.remove(0);
                crowd_now.members.push(id);
                assert_eq!(crowd_now.id, crowd);
                tx.update_group(crowd_now).await?;
                tx.record(entry("group.joined", at(0))).await
            })
        })
    });
    let seqs: BTreeSet<i64> = join_all(writers)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert_eq!(seqs.len(), 200, "every change has a number of its own");
    let mut read = store.read().await.unwrap();
    let organisation = read.organisation().await.unwrap();
    assert_eq!(organisation.users.len(), 200);
    assert_eq!(
        organisation.groups[0].members.len(),
        200,
        "a read-then-write lost a member"
    );
    assert_eq!(read.audit(0, 1_000).await.unwrap().len(), 200);
    assert_eq!(read.seq().await.unwrap(), *seqs.last().unwrap());
}

/// Of two works that both look whether something is there before they make it, one makes it: the
/// other one finds it, in however many runs.
pub async fn of_two_works_that_look_first_one_makes_it(store: Arc<dyn Store>) {
    for round in 0..20 {
        let login = format!("user{round}");
        let both = (0..2).map(|_| {
            let (store, login) = (Arc::clone(&store), login.clone());
            tokio::spawn(async move {
                write!(store, |tx| {
                    if tx.user_by_login(&login).await?.is_some() {
                        return Ok(false);
                    }
                    // Time for the other one to look, where works run side by side.
                    tokio::task::yield_now().await;
                    tx.insert_user(user(&login)).await?;
                    Ok(true)
                })
            })
        });
        let made: Vec<bool> = join_all(both)
            .await
            .into_iter()
            .map(Result::unwrap)
            .collect();
        let made = made.iter().filter(|made| **made).count();
        assert_eq!(made, 1, "in round {round}, {made} works made {login}");
    }
    let organisation = store.read().await.unwrap().organisation().await.unwrap();
    assert_eq!(organisation.users.len(), 20);
}

/// A caller that stops waiting undoes nothing.
pub async fn a_work_runs_to_its_end_without_its_caller(store: Arc<dyn Store>) {
    let started = Arc::new(Notify::new());
    let running = Arc::clone(&started);
    let mut left = store.write(
        Room::Usual,
        Box::new(move |tx| {
            let started = Arc::clone(&started);
            Box::pin(async move {
                started.notify_one();
                tx.insert_user(user("orphan")).await?;
                Ok(())
            })
        }),
    );
    tokio::select! {
        biased;
        () = running.notified() => {}
        _ = &mut left => {}
    }
    drop(left);
    // Works run one after another: when this one is through, so is the one before.
    let seen = write!(store, |tx| tx.user_by_login("orphan").await);
    assert!(seen.is_some());
}

/// The doorbell starts at the newest change, rings once a change can be read, and is silent about
/// what was undone.
pub async fn the_doorbell_rings_for_what_can_be_read(store: Arc<dyn Store>) {
    let mut doorbell = store.changed();
    assert_eq!(*doorbell.borrow_and_update(), 0);
    let undone = store.write(
        Room::Usual,
        Box::new(|tx| {
            Box::pin(async move {
                tx.record(entry("undone", at(0))).await?;
                Err(StoreError::RolledBack)
            })
        }),
    );
    assert!(undone.await.is_err());
    let seq = write!(store, |tx| {
        tx.record(entry("one", at(0))).await?;
        tx.record(entry("two", at(0))).await
    });
    let heard = tokio::time::timeout(Duration::from_secs(30), doorbell.wait_for(|now| *now > 0));
    let heard = *heard.await.expect("the doorbell rings").unwrap();
    assert_eq!(heard, seq);
    let changes = store
        .read()
        .await
        .unwrap()
        .changes_since(0, 10)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(changes.last().map(|change| change.seq), Some(heard));
    assert_eq!(
        *store.changed().borrow(),
        seq,
        "a doorbell taken later starts there"
    );
}

/// However many read, the reserved lane answers, with what was written last.
pub async fn the_reserved_lane_is_free_while_others_read(store: Arc<dyn Store>) {
    let mut reading = Vec::new();
    while let Ok(read) = timeout(Duration::from_millis(300), store.read()).await {
        reading.push(read.unwrap());
        assert!(reading.len() < 1_000, "this store bounds its readers");
    }
    let id = write!(store, |tx| tx.insert_user(user("late")).await);
    let reserved = timeout(Duration::from_secs(10), store.read_reserved()).await;
    let found = reserved.expect("a free lane").unwrap().user(id).await;
    assert!(found.unwrap().is_some());
}

/// Work that ends access runs in line with the rest: all of it is kept, or nothing.
pub async fn what_ends_access_is_kept_or_undone_as_all_else(store: Arc<dyn Store>) {
    let id: Result<_, StoreError> = transact(&store, Room::Kept, |tx| {
        Box::pin(async move { tx.insert_user(user("kept")).await })
    })
    .await;
    let id = id.unwrap();
    let undone: Result<(), StoreError> = transact(&store, Room::Kept, |tx| {
        Box::pin(async move {
            tx.insert_user(user("undone")).await?;
            Err(StoreError::Refused("not today".to_owned()))
        })
    })
    .await;
    assert!(matches!(undone, Err(StoreError::Refused(_))));
    let mut read = store.read().await.unwrap();
    assert!(read.user(id).await.unwrap().is_some());
    assert_eq!(read.user_by_login("undone").await.unwrap(), None);
}
