//! The audit log and the change log.

use std::sync::Arc;

use chrono::TimeDelta;
use hourkey_domain::audit::AuditAction;
use hourkey_domain::ids::{GrantId, RequestId};

use super::sample::{at, entry, sample, user};
use super::write;
use crate::log::{Change, Entity, Entry, KEEP_CHANGES, KEEP_CHANGES_FOR, Subject};
use crate::organisation::Organisation;
use crate::{Room, Store, StoreError};

/// Nothing is there at first, and asking for it is no error.
pub async fn a_fresh_store_is_empty(store: Arc<dyn Store>) {
    let mut read = store.read().await.unwrap();
    assert_eq!(read.seq().await.unwrap(), 0);
    assert_eq!(read.last_change_at().await.unwrap(), None);
    assert_eq!(read.changes_since(0, 10).await.unwrap(), Some(Vec::new()));
    assert_eq!(read.audit(0, 10).await.unwrap(), []);
    assert_eq!(read.organisation().await.unwrap(), Organisation::default());
    assert_eq!(read.setup_code().await.unwrap(), None);
    assert_eq!(read.next_deadline().await.unwrap(), None);
}

/// An entry goes into both logs under one number, and comes back from each as it was.
pub async fn one_number_counts_both_logs(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let access = Subject::Access {
        user: sample.member,
        resource: sample.resource,
        request: RequestId(7),
        grant: Some(GrantId(9)),
    };
    let account = Subject::Account {
        user: sample.member,
    };
    let subjects = [
        access,
        account,
        Subject::Organisation {
            entity: Entity::Any,
        },
    ];
    let entries: Vec<Entry> = subjects
        .into_iter()
        .enumerate()
        .map(|(minute, subject)| Entry {
            at: at(minute as i64),
            actor: (minute > 0).then_some(sample.reviewer),
            action: AuditAction::GroupChanged,
            subject,
            detail: serde_json::json!({ "before": null, "after": ["a", 1.5, { "b": true }] }),
        })
        .collect();
    let kept = entries.clone();
    let seqs = write!(store, |tx| {
        let mut seqs = Vec::new();
        for entry in kept {
            seqs.push(tx.record(entry).await?);
        }
        Ok(seqs)
    });
    assert!(seqs.is_sorted_by(|a, b| a < b), "numbers grow: {seqs:?}");

    let mut read = store.read().await.unwrap();
    assert_eq!(read.seq().await.unwrap(), seqs[2]);
    assert_eq!(read.last_change_at().await.unwrap(), Some(at(2)));
    let changes = read.changes_since(0, 10).await.unwrap().unwrap();
    let audited = read.audit(0, 10).await.unwrap();
    assert_eq!((changes.len(), audited.len()), (3, 3));
    for (index, entry) in entries.into_iter().enumerate() {
        let (seq, at, subject) = (seqs[index], entry.at, entry.subject);
        assert_eq!(changes[index], Change { seq, at, subject });
        assert_eq!((audited[index].seq, audited[index].at), (seq, at));
        assert_eq!(audited[index].actor, entry.actor);
        assert_eq!(audited[index].action, entry.action.as_str());
        assert_eq!(audited[index].subject, subject);
        assert_eq!(audited[index].detail, entry.detail);
    }
}

/// Both logs go on where a reader stopped, as far as it wants.
pub async fn changes_are_replayed_from_any_point(store: Arc<dyn Store>) {
    let seqs = record(&store, 10).await;
    let mut read = store.read().await.unwrap();
    for from in 0..10 {
        let after = if from == 0 { 0 } else { seqs[from - 1] };
        let to = 10.min(from + 4);
        let changes = read.changes_since(after, 4).await.unwrap().unwrap();
        let changes: Vec<i64> = changes.iter().map(|change| change.seq).collect();
        assert_eq!(changes, seqs[from..to], "after {after}");
        let audited = read.audit(after, 4).await.unwrap();
        let audited: Vec<i64> = audited.iter().map(|entry| entry.seq).collect();
        assert_eq!(audited, seqs[from..to], "after {after}");
    }
}

/// Who has seen the newest change gets nothing; who claims to have seen more, or less than
/// nothing, is told to take a snapshot.
pub async fn the_future_wants_a_snapshot(store: Arc<dyn Store>) {
    let newest = *record(&store, 3).await.last().unwrap();
    let mut read = store.read().await.unwrap();
    assert_eq!(
        read.changes_since(newest, 10).await.unwrap(),
        Some(Vec::new())
    );
    for unknown in [newest + 1, i64::MAX, -1, i64::MIN] {
        assert_eq!(
            read.changes_since(unknown, 10).await.unwrap(),
            None,
            "after {unknown}"
        );
    }
}

/// The number of a change that was committed never comes again; undone ones leave no hole that a
/// reader could mistake for a missing change.
pub async fn a_number_is_given_once(store: Arc<dyn Store>) {
    let first = record(&store, 1).await[0];
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
    let second = record(&store, 1).await[0];
    assert!(second > first);
    let changes = store
        .read()
        .await
        .unwrap()
        .changes_since(first, 10)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].seq, second);
}

/// What is both older and further back than the log promises is dropped, and only that; who would
/// need it is told to take a snapshot. The audit log keeps everything.
pub async fn old_changes_are_dropped_and_the_audit_log_is_kept(store: Arc<dyn Store>) {
    let count = KEEP_CHANGES + 10;
    let newest = write!(store, |tx| {
        tx.insert_user(user("member")).await?;
        for _ in 0..count {
            tx.record(entry("thing.done", at(0))).await?;
        }
        tx.seq().await
    });
    let reach = |seq: i64| {
        let store = Arc::clone(&store);
        async move {
            store
                .read()
                .await
                .unwrap()
                .changes_since(seq, 1)
                .await
                .unwrap()
                .is_some()
        }
    };
    let forget = |now| write_forget(&store, now);

    forget(at(0) + KEEP_CHANGES_FOR - TimeDelta::minutes(1)).await;
    assert!(reach(0).await, "what is young stays, however many they are");

    forget(at(0) + KEEP_CHANGES_FOR + TimeDelta::minutes(1)).await;
    assert!(!reach(0).await, "what is old and far back is dropped");
    assert!(
        reach(newest - KEEP_CHANGES).await,
        "the last ones stay, however old they are"
    );

    let audited = store.read().await.unwrap().audit(0, 1).await.unwrap();
    assert_eq!(audited[0].action, "group.changed");
    assert_eq!(
        audited[0].seq,
        newest - count + 1,
        "the audit log starts where it started"
    );
}

async fn write_forget(store: &Arc<dyn Store>, now: chrono::DateTime<chrono::Utc>) {
    write!(*store, |tx| tx.forget_expired(now).await);
}

/// Records so many entries, and answers their numbers.
async fn record(store: &Arc<dyn Store>, count: usize) -> Vec<i64> {
    write!(*store, |tx| {
        let mut seqs = Vec::new();
        for _ in 0..count {
            seqs.push(tx.record(entry("thing.done", at(0))).await?);
        }
        Ok(seqs)
    })
}
