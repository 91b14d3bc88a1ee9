//! What is read of everything at once, and of one thing by its id: they agree, so that a value that
//! follows the change log is the one that is loaded afresh.

use std::sync::Arc;

use hourkey_domain::grant::State as GrantState;
use hourkey_domain::ids::{AssignmentId, GrantId, GroupId, NetworkId, RequestId};
use hourkey_protocol::account::SessionKind;

use super::sample::{at, sample};
use super::write;
use crate::Store;
use crate::access::{Replaced, Undoable};
use crate::account::NewSession;

/// Groups, networks and assignments by id are those of the whole organisation.
pub async fn things_by_id_are_those_of_the_whole(store: Arc<dyn Store>) {
    sample(&store).await;
    let mut read = store.read().await.unwrap();
    let all = read.organisation().await.unwrap();
    for group in &all.groups {
        assert_eq!(read.group(group.id).await.unwrap().as_ref(), Some(group));
    }
    for network in &all.networks {
        let found = read.network(network.id).await.unwrap();
        assert_eq!(found.as_ref(), Some(network));
    }
    for assignment in &all.assignments {
        let found = read.assignment(assignment.id).await.unwrap();
        assert_eq!(found.as_ref(), Some(assignment));
    }
    assert_eq!(read.group(GroupId(99)).await.unwrap(), None);
    assert_eq!(read.network(NetworkId(99)).await.unwrap(), None);
    assert_eq!(read.assignment(AssignmentId(99)).await.unwrap(), None);
    assert_eq!(read.removed_users().await.unwrap(), []);
    assert_eq!(read.removed_resources().await.unwrap(), []);
}

/// Removed people keep their names, and removed resources their ids; what was removed is found by no
/// id.
pub async fn what_was_removed_is_listed_apart(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    write!(store, |tx| {
        tx.remove_user(sample.member).await?;
        tx.remove_resource(sample.resource).await?;
        tx.remove_resource(sample.other_resource).await?;
        tx.remove_group(sample.group).await?;
        tx.remove_network(sample.network).await
    });
    let mut read = store.read().await.unwrap();
    let (login, name) = read.user_name(sample.member).await.unwrap().unwrap();
    let removed = read.removed_users().await.unwrap();
    assert_eq!(removed, [(sample.member, login, name)]);
    assert_eq!(
        read.removed_resources().await.unwrap(),
        [sample.resource, sample.other_resource]
    );
    assert_eq!(read.group(sample.group).await.unwrap(), None);
    assert_eq!(read.network(sample.network).await.unwrap(), None);
    assert_eq!(read.assignment(sample.assignment).await.unwrap(), None);
}

/// The history of everybody is that of each person, and requests and grants are found by many ids.
pub async fn the_history_of_all_is_that_of_each(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let (request, grant) = sample.approved(&store, 1..31, GrantState::Active).await;
    let denied = write!(store, |tx| {
        let denied = tx.insert_request(sample.other_request()).await?;
        tx.set_request_state(denied, sample.denial(at(3))).await?;
        tx.restart_count(sample.reviewer, sample.resource, Some(at(4)))
            .await?;
        Ok(denied)
    });
    let mut read = store.read().await.unwrap();
    let mut each = Vec::new();
    for user in [sample.member, sample.reviewer] {
        let theirs = read.access_history(user, None).await.unwrap();
        let theirs = theirs.into_iter();
        each.extend(theirs.map(|(resource, history)| ((user, resource), history)));
    }
    assert_eq!(each.len(), 3);
    assert_eq!(read.all_access_history().await.unwrap(), each);

    let found = read.requests(&[denied, RequestId(99), request]).await;
    let found: Vec<_> = found.unwrap().iter().map(|it| it.id).collect();
    assert_eq!(found, [request, denied]);
    assert_eq!(read.requests(&[]).await.unwrap(), []);
    let one = read.request(denied).await.unwrap();
    assert_eq!(
        read.requests(&[denied]).await.unwrap().first(),
        one.as_ref()
    );
    let found = read.grants(&[GrantId(99), grant]).await.unwrap();
    assert_eq!(found.first(), read.grant(grant).await.unwrap().as_ref());
    assert_eq!(found.len(), 1);
}

/// Everybody's sessions are those of each person that have not ended.
pub async fn the_sessions_of_all_are_those_of_each(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let [first, second, third] = write!(store, |tx| {
        let mut ids = Vec::new();
        for user in [sample.member, sample.reviewer, sample.member] {
            let new = NewSession {
                user,
                kind: SessionKind::Desktop,
                label: "a desktop".to_owned(),
                created_at: at(0),
                ends_at: at(60),
                cookie: None,
            };
            ids.push(tx.insert_session(new).await?);
        }
        tx.end_session(ids[1]).await?;
        Ok([ids[0], ids[1], ids[2]])
    });
    let mut read = store.read().await.unwrap();
    let all = read.sessions().await.unwrap();
    let ids: Vec<_> = all.iter().map(|session| session.id).collect();
    assert_eq!(ids, [first, third]);
    assert!(!ids.contains(&second));
    let mut theirs = read.sessions_of(sample.member).await.unwrap();
    theirs.reverse();
    assert_eq!(all, theirs);
}

/// What a decision replaced is kept with its request until it is forgotten, or old.
pub async fn what_a_decision_replaced_is_kept_for_a_moment(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let (first, grant) = sample.approved(&store, 1..31, GrantState::Active).await;
    let kept = |replaced| Undoable {
        request: first,
        by: sample.reviewer,
        at: at(5),
        replaced,
    };
    let all = [
        Replaced::Waiting,
        Replaced::Count {
            before: None,
            used_at: None,
        },
        Replaced::Count {
            before: Some(at(1)),
            used_at: Some(at(2)),
        },
        Replaced::NoGrant { grant },
    ];
    for replaced in all {
        let decision = kept(replaced);
        write!(store, |tx| tx.put_undoable(decision).await);
        let mut read = store.read().await.unwrap();
        assert_eq!(read.undoable(first).await.unwrap(), Some(kept(replaced)));
        assert_eq!(read.undoable(RequestId(99)).await.unwrap(), None);
    }
    write!(store, |tx| tx.remove_undoable(first).await);
    let mut read = store.read().await.unwrap();
    assert_eq!(read.undoable(first).await.unwrap(), None);
    drop(read);
    let decision = kept(Replaced::Waiting);
    write!(store, |tx| tx.put_undoable(decision).await);
    write!(store, |tx| tx.forget_expired(at(5)).await);
    let mut read = store.read().await.unwrap();
    assert!(read.undoable(first).await.unwrap().is_some());
    drop(read);
    write!(store, |tx| tx.forget_expired(at(6)).await);
    let mut read = store.read().await.unwrap();
    assert_eq!(read.undoable(first).await.unwrap(), None);
}

/// The count of unused days starts anew, and is forgotten.
pub async fn a_count_starts_anew_and_is_forgotten(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let (user, resource) = (sample.member, sample.resource);
    let counted = async || {
        let mut read = store.read().await.unwrap();
        let history = read.access_history(user, Some(resource)).await.unwrap();
        history.first().and_then(|(_, it)| it.counted_from)
    };
    write!(store, |tx| tx
        .restart_count(user, resource, Some(at(3)))
        .await);
    assert_eq!(counted().await, Some(at(3)));
    write!(store, |tx| tx.restart_count(user, resource, None).await);
    assert_eq!(counted().await, None);
}
