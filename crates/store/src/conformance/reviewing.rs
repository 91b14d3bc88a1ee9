//! Deputies, and who was asked to decide a request.

use std::sync::Arc;

use hourkey_domain::deputy::Deputyship;
use hourkey_domain::ids::{RequestId, UserId};

use super::sample::{at, sample};
use super::write;
use crate::Store;

/// A reviewer has one deputy at a time, who is found from both sides.
pub async fn a_reviewer_has_one_deputy(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let (principal, deputy) = (sample.reviewer, sample.member);
    let first = Deputyship {
        principal,
        deputy,
        from: at(10),
        until: at(20),
        named_by: principal,
    };
    write!(store, |tx| tx.put_deputy(first).await);
    let mut read = store.read().await.unwrap();
    assert_eq!(read.deputies().await.unwrap(), [first]);
    assert_eq!(read.deputy_of(principal).await.unwrap(), Some(first));
    assert_eq!(read.deputyships_of(deputy).await.unwrap(), [first]);
    assert_eq!(read.deputy_of(deputy).await.unwrap(), None);
    assert_eq!(read.deputyships_of(principal).await.unwrap(), []);
    drop(read);

    let second = Deputyship {
        until: at(30),
        named_by: deputy,
        ..first
    };
    write!(store, |tx| tx.put_deputy(second).await);
    let mut read = store.read().await.unwrap();
    assert_eq!(read.deputies().await.unwrap(), [second]);
    drop(read);

    write!(store, |tx| tx.remove_deputy(principal).await);
    let mut read = store.read().await.unwrap();
    assert_eq!(read.deputies().await.unwrap(), []);
}

/// The beginning of a deputy's time is due until it was recorded, its end until it is forgotten; both are
/// deadlines.
pub async fn a_deputy_s_time_is_due(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let principal = sample.reviewer;
    let named = Deputyship {
        principal,
        deputy: sample.member,
        from: at(10),
        until: at(20),
        named_by: principal,
    };
    write!(store, |tx| tx.put_deputy(named).await);
    let due = async |seconds| {
        let mut read = store.read().await.unwrap();
        read.deputies_due(at(seconds)).await.unwrap()
    };
    let deadline = async || {
        let mut read = store.read().await.unwrap();
        read.next_deadline().await.unwrap()
    };
    assert_eq!(due(9).await, []);
    assert_eq!(due(10).await, [named]);
    assert_eq!(deadline().await, Some(at(10)));
    write!(store, |tx| tx.start_deputy(principal).await);
    assert_eq!(due(19).await, []);
    assert_eq!(due(20).await, [named]);
    assert_eq!(deadline().await, Some(at(20)));
}

/// People who were asked to decide are kept, each once.
pub async fn asked_reviewers_are_kept(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let request = write!(store, |tx| tx.insert_request(sample.request()).await);
    let (one, other): (UserId, UserId) = (sample.member, sample.reviewer);
    write!(store, |tx| tx.ask_reviewers(request, vec![other]).await);
    write!(store, |tx| tx
        .ask_reviewers(request, vec![one, other])
        .await);
    let mut read = store.read().await.unwrap();
    let mut expected = vec![one, other];
    expected.sort_unstable();
    assert_eq!(read.asked_reviewers(request).await.unwrap(), expected);
    assert_eq!(read.asked_reviewers(RequestId(99)).await.unwrap(), []);
}
