//! Devices and their sessions.

use std::sync::Arc;

use hourkey_domain::ids::{DeviceId, SessionId, UserId};
use hourkey_protocol::account::SessionKind;

use super::sample::{at, sample};
use super::{refuse, write};
use crate::account::NewSession;
use crate::device::{Device, NewDevice};
use crate::{Store, StoreError};

async fn session(store: &Arc<dyn Store>, user: UserId) -> SessionId {
    let new = NewSession {
        user,
        kind: SessionKind::Desktop,
        label: "Hourkey on a laptop".to_owned(),
        created_at: at(0),
        ends_at: at(60),
        cookie: None,
    };
    write!(store, |tx| tx.insert_session(new).await)
}

fn new(session: SessionId) -> NewDevice {
    NewDevice {
        session,
        name: "laptop".to_owned(),
        key: "ab".repeat(32),
        created_at: at(1),
    }
}

/// A device is found by id, session and user until it, or its session, ends.
pub async fn a_device_lives_as_long_as_its_session(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let first = session(&store, sample.member).await;
    let second = session(&store, sample.member).await;
    let mut ids = Vec::new();
    for session in [first, second] {
        ids.push(write!(store, |tx| tx.insert_device(new(session)).await));
    }
    let older = ids[0];
    write!(store, |tx| tx.renew_device(older, at(5)).await);
    let expected = |id, session, renewed| Device {
        id,
        user: sample.member,
        session,
        kind: SessionKind::Desktop,
        name: "laptop".to_owned(),
        key: "ab".repeat(32),
        created_at: at(1),
        renewed_at: at(renewed),
    };
    let (one, two) = (expected(ids[0], first, 5), expected(ids[1], second, 1));
    let mut read = store.read().await.unwrap();
    assert_eq!(read.device(ids[0]).await.unwrap().as_ref(), Some(&one));
    assert_eq!(read.device_of(second).await.unwrap().as_ref(), Some(&two));
    let newest_first = [two, one.clone()];
    assert_eq!(
        read.devices(Some(sample.member)).await.unwrap(),
        newest_first
    );
    assert_eq!(read.devices(None).await.unwrap(), newest_first);
    assert_eq!(read.devices(Some(sample.reviewer)).await.unwrap(), []);
    drop(read);

    let newer = ids[1];
    write!(store, |tx| {
        tx.end_session(second).await?;
        tx.end_device(newer).await?;
        tx.end_device(DeviceId(99)).await
    });
    let mut read = store.read().await.unwrap();
    assert_eq!(read.device(newer).await.unwrap(), None);
    assert_eq!(read.devices(None).await.unwrap(), [one]);
    drop(read);
    let error = refuse!(store, |tx| tx.renew_device(newer, at(9)).await);
    assert!(matches!(error, StoreError::Refused(_)), "{error}");

    write!(store, |tx| tx.end_device(older).await);
    assert_eq!(
        store.read().await.unwrap().device_of(first).await.unwrap(),
        None
    );
}

/// A session has one device at a time, and an ended one has none.
pub async fn a_session_has_one_device(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let session = session(&store, sample.member).await;
    let first = write!(store, |tx| tx.insert_device(new(session)).await);
    let error = refuse!(store, |tx| tx.insert_device(new(session)).await);
    assert!(
        matches!(&error, StoreError::Duplicate(rule) if rule == "device.session"),
        "{error}"
    );
    let second = write!(store, |tx| {
        tx.end_device(first).await?;
        tx.insert_device(new(session)).await
    });
    assert!(second > first, "ids are never used again");
    write!(store, |tx| tx.end_session(session).await);
    let error = refuse!(store, |tx| tx.insert_device(new(session)).await);
    assert!(matches!(error, StoreError::Refused(_)), "{error}");
}
