//! Requests and grants: kept as given, at most one open of each.

use std::sync::Arc;

use hourkey_domain::cause::Cause;
use hourkey_domain::grant::{Grant, State as GrantState, Window};
use hourkey_domain::ids::{GrantId, RequestId};
use hourkey_domain::request::{NewRequest, Purpose, Request, State as RequestState};

use super::sample::{at, length, sample};
use super::{refuse, write};
use crate::access::OpenFilter;
use crate::{Store, StoreError};

/// A request comes back as it was made, and with whatever became of it.
pub async fn requests_come_back_in_every_state(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let new = NewRequest {
        starts_at: Some(at(30)),
        ..sample.request()
    };
    let expected = |id, state| Request {
        id,
        user: new.user,
        resource: new.resource,
        terms: new.terms,
        reason: new.reason.clone(),
        asked: new.asked,
        starts_at: new.starts_at,
        created_at: new.created_at,
        lapses_at: new.lapses_at,
        state,
    };
    let by_system = RequestState::Cancelled {
        at: at(3),
        by: None,
        cause: Cause::UserDisabled,
    };
    let automatic = RequestState::Approved {
        on_behalf_of: None,
        at: at(2),
        by: None,
        length: length(1),
        comment: String::new().try_into().unwrap(),
    };
    for state in [
        RequestState::Pending,
        sample.approval(at(1)),
        automatic,
        sample.denial(at(4)),
        RequestState::Cancelled {
            at: at(5),
            by: Some(sample.member),
            cause: Cause::Person,
        },
        RequestState::Lapsed { at: at(60) },
        by_system,
    ] {
        let (new, kept) = (new.clone(), state.clone());
        let id = write!(store, |tx| {
            let id = tx.insert_request(new).await?;
            tx.set_request_state(id, kept).await?;
            Ok(id)
        });
        let found = store.read().await.unwrap().request(id).await.unwrap();
        assert_eq!(found, Some(expected(id, state)));
        write!(store, |tx| tx
            .set_request_state(id, RequestState::Lapsed { at: at(60) })
            .await);
    }
    assert_eq!(
        store
            .read()
            .await
            .unwrap()
            .request(RequestId(99))
            .await
            .unwrap(),
        None
    );
    let unknown = RequestState::Lapsed { at: at(0) };
    let error = refuse!(store, |tx| tx
        .set_request_state(RequestId(99), unknown)
        .await);
    assert!(matches!(error, StoreError::Refused(_)), "{error}");
}

/// A grant comes back as it was made, and with whatever became of it; it is also found by its
/// request.
pub async fn grants_come_back_in_every_state(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let comment = "audit".to_owned().try_into().unwrap();
    for state in [
        GrantState::Scheduled,
        GrantState::Active,
        GrantState::Expired { at: at(40) },
        GrantState::Released { at: at(20) },
        GrantState::Revoked {
            on_behalf_of: None,
            at: at(15),
            by: Some(sample.reviewer),
            cause: Cause::Person,
            comment,
        },
        GrantState::Revoked {
            on_behalf_of: None,
            at: at(15),
            by: None,
            cause: Cause::MembershipRemoved,
            comment: String::new().try_into().unwrap(),
        },
    ] {
        let (request, id) = sample.approved(&store, 10..40, GrantState::Scheduled).await;
        let kept = state.clone();
        write!(store, |tx| tx.set_grant_state(id, kept).await);
        let expected = Grant {
            id,
            request,
            user: sample.member,
            resource: sample.resource,
            assignment: sample.assignment,
            window: Window {
                starts_at: at(10),
                expires_at: at(40),
            },
            state,
        };
        let mut read = store.read().await.unwrap();
        assert_eq!(read.grant(id).await.unwrap().as_ref(), Some(&expected));
        assert_eq!(read.grant_of(request).await.unwrap(), Some(expected));
        drop(read);
        write!(store, |tx| tx
            .set_grant_state(id, GrantState::Released { at: at(39) })
            .await);
    }
    let mut read = store.read().await.unwrap();
    assert_eq!(read.grant(GrantId(99)).await.unwrap(), None);
    assert_eq!(read.grant_of(RequestId(99)).await.unwrap(), None);
    let error = refuse!(store, |tx| tx
        .set_grant_state(GrantId(99), GrantState::Active)
        .await);
    assert!(matches!(error, StoreError::Refused(_)), "{error}");
}

/// A request that goes back to review may make another grant; the newest is the one it has.
pub async fn a_request_may_make_another_grant(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let (request, first) = sample.approved(&store, 10..40, GrantState::Scheduled).await;
    let second = write!(store, |tx| {
        let ended = GrantState::Released { at: at(5) };
        tx.set_grant_state(first, ended).await?;
        tx.insert_grant(sample.grant(request, 10..30, GrantState::Scheduled))
            .await
    });
    let mut read = store.read().await.unwrap();
    let newest = read.grant_of(request).await.unwrap();
    assert_eq!(newest.map(|grant| grant.id), Some(second));
    assert!(read.grant(first).await.unwrap().is_some());
}

/// Rule 4, in the last line of defence: a second pending request of the same user for the same
/// resource is a duplicate, until the first is decided.
pub async fn one_request_waits_for_a_user_and_resource(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let first = write!(store, |tx| {
        tx.insert_request(sample.other_request()).await?;
        tx.insert_request(NewRequest {
            user: sample.reviewer,
            ..sample.request()
        })
        .await?;
        tx.insert_request(sample.request()).await
    });
    let error = refuse!(store, |tx| tx.insert_request(sample.request()).await);
    assert!(
        matches!(&error, StoreError::Duplicate(rule) if rule == "request.pending"),
        "{error}"
    );
    write!(store, |tx| {
        tx.set_request_state(first, sample.denial(at(1))).await?;
        tx.insert_request(sample.request()).await
    });
}

/// Rule 4 again: a second scheduled or active grant is a duplicate, until the first has ended.
pub async fn one_grant_lives_for_a_user_and_resource(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let (_, first) = sample.approved(&store, 0..30, GrantState::Active).await;
    for state in [GrantState::Scheduled, GrantState::Active] {
        let error = refuse!(store, |tx| {
            let request = tx.insert_request(sample.request()).await?;
            tx.insert_grant(sample.grant(request, 40..50, state)).await
        });
        assert!(
            matches!(&error, StoreError::Duplicate(rule) if rule == "grant.live"),
            "{error}"
        );
    }
    write!(store, |tx| tx
        .set_grant_state(first, GrantState::Expired { at: at(30) })
        .await);
    sample.approved(&store, 40..50, GrantState::Scheduled).await;
}

/// A start under stricter settings shortens a grant (rule 7), and its deadline with it.
pub async fn a_window_can_be_shortened(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let (_, grant) = sample.approved(&store, 10..40, GrantState::Scheduled).await;
    let window = Window {
        starts_at: at(10),
        expires_at: at(20),
    };
    write!(store, |tx| {
        tx.set_grant_window(grant, window).await?;
        tx.set_grant_state(grant, GrantState::Active).await
    });
    let mut read = store.read().await.unwrap();
    assert_eq!(read.grant(grant).await.unwrap().unwrap().window, window);
    assert_eq!(read.next_deadline().await.unwrap(), Some(at(20)));
    let error = refuse!(store, |tx| tx.set_grant_window(GrantId(99), window).await);
    assert!(matches!(error, StoreError::Refused(_)), "{error}");
}

/// An extension comes back with the grant that it would extend, waits beside it, and is the one request
/// that does; its grant's end moves with the grant's state as it is, and its denial is no denial of
/// access.
pub async fn an_extension_stands_beside_its_grant(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let (request, grant) = sample.approved(&store, 0..30, GrantState::Active).await;
    let mut new = sample.request();
    new.terms.purpose = Purpose::Extension(grant);
    new.created_at = at(10);
    new.lapses_at = at(30);
    let (asked, second) = (new.clone(), new.clone());
    let extension = write!(store, |tx| tx.insert_request(asked).await);
    let error = refuse!(store, |tx| tx.insert_request(second).await);
    assert!(
        matches!(&error, StoreError::Duplicate(rule) if rule == "request.pending"),
        "{error}"
    );
    let mut read = store.read().await.unwrap();
    let found = read.request(extension).await.unwrap().unwrap();
    assert_eq!(found, new.clone().numbered(extension));
    assert_eq!(read.grant_of(request).await.unwrap().unwrap().id, grant);
    assert_eq!(read.grant_of(extension).await.unwrap(), None);
    assert_eq!(read.next_deadline().await.unwrap(), Some(at(30)));
    let of = OpenFilter::between(sample.member, sample.resource);
    let open = read.open(of).await.unwrap();
    assert_eq!((open.requests.len(), open.grants.len()), (1, 1));
    drop(read);

    let window = Window {
        starts_at: at(0),
        expires_at: at(50),
    };
    write!(store, |tx| {
        tx.set_request_state(extension, sample.denial(at(20)))
            .await?;
        tx.set_grant_window(grant, window).await
    });
    let mut read = store.read().await.unwrap();
    let kept = read.grant(grant).await.unwrap().unwrap();
    assert_eq!((kept.window, kept.state), (window, GrantState::Active));
    assert_eq!(read.next_deadline().await.unwrap(), Some(at(50)));
    let history = read
        .access_history(sample.member, Some(sample.resource))
        .await
        .unwrap();
    let (_, history) = history.first().unwrap();
    assert_eq!((history.denied_at, history.denied), (None, None));
    assert_eq!(history.asked_at, Some(at(10)));
    drop(read);

    // There is nothing to extend where there is no such grant.
    new.terms.purpose = Purpose::Extension(GrantId(99));
    let error = refuse!(store, |tx| tx.insert_request(new).await);
    assert!(matches!(error, StoreError::Refused(_)), "{error}");
}
