//! What is open and what is due.

use std::sync::Arc;

use hourkey_domain::grant::State as GrantState;
use hourkey_domain::ids::{GrantId, RequestId};
use hourkey_domain::request::NewRequest;

use super::sample::{assignment, at, sample};
use super::session::session;
use super::write;
use crate::Store;
use crate::access::OpenFilter;
use crate::organisation::Assignment;

/// Open are pending requests and live grants, narrowed by user and resource, in order of id.
pub async fn open_things_are_filtered(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let (_, active) = sample.approved(&store, 0..30, GrantState::Active).await;
    let (ended, requests) = write!(store, |tx| {
        let ended = tx.insert_request(sample.other_request()).await?;
        tx.set_request_state(ended, sample.denial(at(2))).await?;
        let theirs = NewRequest {
            user: sample.reviewer,
            ..sample.request()
        };
        let requests = [
            tx.insert_request(theirs).await?,
            tx.insert_request(sample.other_request()).await?,
            tx.insert_request(sample.request()).await?,
        ];
        Ok((ended, requests))
    });
    let [theirs, other, own] = requests;
    let (user, resource) = (Some(sample.member), Some(sample.resource));
    for (filter, expected, grants) in [
        (OpenFilter::default(), vec![theirs, other, own], 1),
        (
            OpenFilter {
                user,
                ..Default::default()
            },
            vec![other, own],
            1,
        ),
        (
            OpenFilter {
                resource,
                ..Default::default()
            },
            vec![theirs, own],
            1,
        ),
        (
            OpenFilter {
                user,
                resource,
                ..Default::default()
            },
            vec![own],
            1,
        ),
        (
            OpenFilter {
                user: Some(sample.reviewer),
                ..Default::default()
            },
            vec![theirs],
            0,
        ),
        (
            OpenFilter {
                user,
                resource: Some(sample.other_resource),
                ..Default::default()
            },
            vec![other],
            0,
        ),
    ] {
        let open = store.read().await.unwrap().open(filter).await.unwrap();
        let ids: Vec<RequestId> = open.requests.iter().map(|request| request.id).collect();
        assert_eq!(ids, expected, "{filter:?}");
        assert!(!ids.contains(&ended));
        assert_eq!(open.grants.len(), grants, "{filter:?}");
    }
    write!(store, |tx| tx
        .set_grant_state(active, GrantState::Released { at: at(3) })
        .await);
    let open = store
        .read()
        .await
        .unwrap()
        .open(OpenFilter::default())
        .await
        .unwrap();
    assert_eq!(open.grants, [], "what has ended is not open");
}

/// Due is what lapses, starts, expires, or loses its assignment's time, from that very moment on.
pub async fn what_is_due_is_found(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    // The request lapses at 60; the grant starts at 10 and expires at 40.
    let (request, grant) = write!(store, |tx| {
        let approved = tx.insert_request(sample.request()).await?;
        tx.set_request_state(approved, sample.approval(at(1)))
            .await?;
        let grant = tx
            .insert_grant(sample.grant(approved, 10..40, GrantState::Scheduled))
            .await?;
        Ok((tx.insert_request(sample.other_request()).await?, grant))
    });
    let due = |minute| {
        let store = Arc::clone(&store);
        async move {
            let due_at = Some(at(minute));
            let filter = OpenFilter {
                due_at,
                ..Default::default()
            };
            let open = store.read().await.unwrap().open(filter).await.unwrap();
            let requests: Vec<RequestId> = open.requests.iter().map(|each| each.id).collect();
            let grants: Vec<GrantId> = open.grants.iter().map(|each| each.id).collect();
            (requests, grants)
        }
    };
    assert_eq!(due(9).await, (vec![], vec![]));
    assert_eq!(due(10).await, (vec![], vec![grant]), "its start");
    assert_eq!(due(60).await, (vec![request], vec![grant]), "the lapse");

    write!(store, |tx| tx
        .set_grant_state(grant, GrantState::Active)
        .await);
    assert_eq!(due(39).await, (vec![], vec![]), "a start is due once");
    assert_eq!(due(40).await, (vec![], vec![grant]), "its expiry");

    // Both assignments end before everything else.
    write!(store, |tx| {
        for (id, resource) in [
            (sample.assignment, sample.resource),
            (sample.other_assignment, sample.other_resource),
        ] {
            let until = Some(at(20));
            let ending = Assignment {
                id,
                until,
                ..assignment(sample.group, resource)
            };
            tx.update_assignment(ending).await?;
        }
        Ok(())
    });
    assert_eq!(due(19).await, (vec![], vec![]));
    assert_eq!(
        due(20).await,
        (vec![request], vec![grant]),
        "the end of the assignment"
    );
    let user = Some(sample.reviewer);
    let filter = OpenFilter {
        user,
        due_at: Some(at(99)),
        ..Default::default()
    };
    let open = store.read().await.unwrap().open(filter).await.unwrap();
    assert_eq!(
        (open.requests, open.grants),
        (vec![], vec![]),
        "all fields of a filter must hold"
    );
}

/// The next deadline is the earliest lapse, start, expiry or assignment's end of what is open, or
/// the end of a session.
pub async fn the_next_deadline_is_the_earliest(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let next = || {
        let store = Arc::clone(&store);
        async move { store.read().await.unwrap().next_deadline().await.unwrap() }
    };
    write!(store, |tx| {
        let until = Some(at(5));
        let own = assignment(sample.group, sample.resource);
        tx.update_assignment(Assignment {
            id: sample.assignment,
            until,
            ..own
        })
        .await
    });
    assert_eq!(
        next().await,
        None,
        "an assignment on which nothing is open ends silently"
    );

    let waiting = write!(store, |tx| tx.insert_request(sample.other_request()).await);
    assert_eq!(next().await, Some(at(60)), "the lapse");
    write!(store, |tx| {
        let own = assignment(sample.group, sample.resource);
        tx.update_assignment(Assignment {
            id: sample.assignment,
            ..own
        })
        .await
    });
    let (_, grant) = sample.approved(&store, 10..40, GrantState::Scheduled).await;
    assert_eq!(next().await, Some(at(10)), "the start");
    write!(store, |tx| tx
        .set_grant_state(grant, GrantState::Active)
        .await);
    assert_eq!(next().await, Some(at(40)), "the expiry");
    for (id, resource, minute) in [
        (sample.other_assignment, sample.other_resource, 35),
        (sample.assignment, sample.resource, 30),
    ] {
        write!(store, |tx| {
            let own = assignment(sample.group, resource);
            tx.update_assignment(Assignment {
                id,
                until: Some(at(minute)),
                ..own
            })
            .await
        });
        assert_eq!(next().await, Some(at(minute)), "the end of an assignment");
    }
    write!(store, |tx| tx
        .set_grant_state(grant, GrantState::Released { at: at(11) })
        .await);
    assert_eq!(next().await, Some(at(35)), "what has ended has no deadline");
    write!(store, |tx| tx
        .set_request_state(waiting, sample.denial(at(12)))
        .await);
    assert_eq!(next().await, None);
    let session = session(&store).await;
    assert_eq!(next().await, Some(at(60)), "the end of a session");
    write!(store, |tx| tx.end_session(session).await);
    assert_eq!(next().await, None);
}
