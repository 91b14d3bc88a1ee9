//! Sessions, and what opens them.

use std::sync::Arc;

use hourkey_domain::ids::SessionId;
use hourkey_protocol::account::SessionKind;

use super::sample::{at, sample};
use super::{refuse, write};
use crate::account::{Code, Consent, DeviceCode, Digest, NewSession, Refresh, Session};
use crate::{Store, StoreError};

/// A session is found by id, user and cookie until it ends; ending it twice does no harm.
pub async fn sessions_are_found_and_ended(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let mut kept = Vec::new();
    for (kind, cookie) in [
        (SessionKind::Browser, Some([1; 32])),
        (SessionKind::Desktop, None),
        (SessionKind::Cli, None),
        (SessionKind::Headless, None),
    ] {
        let new = NewSession {
            user: sample.member,
            kind,
            label: "Hourkey on <host>".to_owned(),
            created_at: at(0),
            ends_at: at(60),
            cookie,
        };
        let expected = new.clone();
        let id = write!(store, |tx| tx.insert_session(new).await);
        kept.push(Session {
            id,
            user: expected.user,
            kind,
            label: expected.label,
            created_at: at(0),
            last_seen: at(0),
            ends_at: at(60),
            proved_at: at(0),
        });
    }
    let ids: Vec<SessionId> = kept.iter().map(|session| session.id).collect();
    let newest_first: Vec<Session> = kept.iter().rev().cloned().collect();
    let mut read = store.read().await.unwrap();
    assert_eq!(read.sessions_of(sample.member).await.unwrap(), newest_first);
    assert_eq!(read.sessions_of(sample.reviewer).await.unwrap(), []);
    assert_eq!(
        read.session_by_cookie([1; 32]).await.unwrap().as_ref(),
        Some(&kept[0])
    );
    assert_eq!(read.session_by_cookie([2; 32]).await.unwrap(), None);
    assert_eq!(read.session(ids[1]).await.unwrap().as_ref(), Some(&kept[1]));
    drop(read);

    let (first, second) = (ids[0], ids[1]);
    write!(store, |tx| {
        tx.touch_session(second, at(9), at(69)).await?;
        tx.touch_session(second, at(8), at(68)).await?;
        tx.prove_session(second, at(7)).await?;
        tx.prove_session(second, at(6)).await?;
        tx.prove_session(SessionId(99), at(6)).await?;
        tx.end_session(first).await?;
        tx.end_session(first).await?;
        tx.end_session(SessionId(99)).await
    });
    let mut read = store.read().await.unwrap();
    assert_eq!(read.session(first).await.unwrap(), None);
    assert_eq!(read.session_by_cookie([1; 32]).await.unwrap(), None);
    assert_eq!(read.sessions_of(sample.member).await.unwrap().len(), 3);
    let touched = read.session(second).await.unwrap().unwrap();
    let seen = [(sample.member, at(9))];
    for of in [None, Some(&[sample.member, sample.reviewer][..])] {
        assert_eq!(read.last_seen(of).await.unwrap(), seen, "{of:?}");
    }
    let others = read.last_seen(Some(&[sample.reviewer])).await.unwrap();
    assert_eq!(others, []);
    assert_eq!(
        (touched.last_seen, touched.ends_at),
        (at(9), at(69)),
        "a session is never unseen"
    );
    assert_eq!(
        touched.proved_at,
        at(6),
        "as the clock says, also when it went back"
    );
    let same_cookie = NewSession {
        user: sample.member,
        kind: SessionKind::Browser,
        label: String::new(),
        created_at: at(0),
        ends_at: at(60),
        cookie: Some([3; 32]),
    };
    let twice = refuse!(store, |tx| {
        tx.insert_session(same_cookie.clone()).await?;
        tx.insert_session(same_cookie).await
    });
    assert!(
        matches!(&twice, StoreError::Duplicate(rule) if rule == "secret"),
        "{twice}"
    );
}

/// Sessions whose end has come are found, the earliest first, so many at a time.
pub async fn sessions_that_are_due_are_found(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let mut ids = Vec::new();
    for end in [30, 10, 20] {
        let new = NewSession {
            user: sample.member,
            kind: SessionKind::Cli,
            label: "Hourkey on host".to_owned(),
            created_at: at(0),
            ends_at: at(end),
            cookie: None,
        };
        ids.push(write!(store, |tx| tx.insert_session(new).await));
    }
    let due = async |minute, limit| {
        let mut read = store.read().await.unwrap();
        let due = read.sessions_due(at(minute), limit).await.unwrap();
        due.iter().map(|session| session.id).collect::<Vec<_>>()
    };
    assert_eq!(due(9, 9).await, []);
    assert_eq!(
        due(10, 9).await,
        [ids[1]],
        "at equal instants the ending wins"
    );
    assert_eq!(due(99, 2).await, [ids[1], ids[2]]);
    assert_eq!(due(99, 9).await, [ids[1], ids[2], ids[0]]);
}

/// An access token opens its session until its end (which wins at equal instants), or the
/// session's.
pub async fn access_tokens_expire(store: Arc<dyn Store>) {
    let session = session(&store).await;
    write!(store, |tx| {
        tx.insert_access_token([1; 32], session, at(10)).await?;
        tx.insert_access_token([2; 32], session, at(20)).await
    });
    let opens = |token: Digest, minute| {
        let store = Arc::clone(&store);
        async move {
            let mut read = store.read().await.unwrap();
            let found = read
                .session_by_access_token(token, at(minute))
                .await
                .unwrap();
            found.map(|session| session.id)
        }
    };
    assert_eq!(opens([1; 32], 9).await, Some(session));
    assert_eq!(opens([1; 32], 10).await, None);
    assert_eq!(opens([2; 32], 19).await, Some(session));
    assert_eq!(opens([3; 32], 0).await, None);
    write!(store, |tx| tx.end_session(session).await);
    assert_eq!(opens([2; 32], 0).await, None);
}

/// Refresh tokens of a family are told apart by generation and use; the newest is known; all end
/// with the session.
pub async fn refresh_tokens_go_by_generation(store: Arc<dyn Store>) {
    let session = session(&store).await;
    let find = |token: Digest| {
        let store = Arc::clone(&store);
        async move {
            store
                .read()
                .await
                .unwrap()
                .refresh_token(token)
                .await
                .unwrap()
        }
    };
    let newest = || {
        let store = Arc::clone(&store);
        async move {
            store
                .read()
                .await
                .unwrap()
                .newest_refresh_token(session)
                .await
                .unwrap()
        }
    };
    assert_eq!(newest().await, None);
    write!(store, |tx| tx
        .insert_refresh_token([1; 32], session, 1)
        .await);
    let first = Refresh {
        session,
        generation: 1,
        used: false,
    };
    assert_eq!(find([1; 32]).await, Some(first));
    assert_eq!(newest().await, Some(first));

    // Exchanged, and exchanged once more because the answer was lost: both successors are known.
    write!(store, |tx| {
        tx.use_refresh_token([1; 32]).await?;
        tx.insert_refresh_token([2; 32], session, 2).await?;
        tx.insert_refresh_token([3; 32], session, 2).await
    });
    assert_eq!(
        find([1; 32]).await,
        Some(Refresh {
            used: true,
            ..first
        })
    );
    let second = Refresh {
        session,
        generation: 2,
        used: false,
    };
    assert_eq!(find([2; 32]).await, Some(second));
    assert_eq!(find([3; 32]).await, Some(second));
    assert_eq!(newest().await, Some(second));

    write!(store, |tx| tx.use_refresh_token([3; 32]).await);
    assert_eq!(find([2; 32]).await, Some(second), "its twin was not used");
    assert_eq!(
        newest().await,
        Some(Refresh {
            used: true,
            ..second
        }),
        "the later of the two"
    );
    let unknown = refuse!(store, |tx| tx.use_refresh_token([9; 32]).await);
    assert!(matches!(unknown, StoreError::Refused(_)), "{unknown}");
    let twice = refuse!(store, |tx| tx
        .insert_refresh_token([1; 32], session, 3)
        .await);
    assert!(
        matches!(&twice, StoreError::Duplicate(rule) if rule == "secret"),
        "{twice}"
    );

    write!(store, |tx| tx.end_session(session).await);
    for token in [[1; 32], [2; 32], [3; 32]] {
        assert_eq!(find(token).await, None, "tokens end with their session");
    }
    assert_eq!(newest().await, None);
    let ended = refuse!(store, |tx| tx
        .insert_refresh_token([4; 32], session, 3)
        .await);
    assert!(matches!(ended, StoreError::Refused(_)), "{ended}");
}

/// A code stays known after its exchange, with the session it became, even when that has ended: a
/// second exchange must be recognised (RFC 6749, 4.1.2).
pub async fn a_code_tells_what_became_of_it(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let browser = session(&store).await;
    let consent = Consent {
        user: sample.member,
        session: browser,
    };
    let code = Code {
        consent,
        client_id: "hourkey-desktop".to_owned(),
        redirect_uri: "http://127.0.0.1:1/callback".to_owned(),
        challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".to_owned(),
        label: "Hourkey on host".to_owned(),
        expires_at: at(1),
        session: None,
    };
    let kept = code.clone();
    write!(store, |tx| tx.put_code([1; 32], kept).await);
    let find = || {
        let store = Arc::clone(&store);
        async move { store.read().await.unwrap().code([1; 32]).await.unwrap() }
    };
    assert_eq!(find().await.as_ref(), Some(&code));
    let session = session(&store).await;
    let exchanged = Code {
        session: Some(session),
        ..code
    };
    let kept = exchanged.clone();
    write!(store, |tx| tx.put_code([1; 32], kept).await);
    assert_eq!(find().await.as_ref(), Some(&exchanged));
    write!(store, |tx| {
        tx.end_session(session).await?;
        tx.end_session(browser).await
    });
    assert_eq!(find().await, Some(exchanged));
    assert_eq!(
        store.read().await.unwrap().code([2; 32]).await.unwrap(),
        None
    );
}

/// A device authorization is found by both of its codes, decided by the typed one, and forgotten.
pub async fn a_device_is_decided_once_typed(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let waiting = DeviceCode {
        user_code: "WDJBMJHT".to_owned(),
        client_id: "hourkey-cli".to_owned(),
        label: "hourkey on host".to_owned(),
        expires_at: at(10),
        polled_at: None,
        consent: None,
        denied: false,
    };
    let find = || {
        let store = Arc::clone(&store);
        async move {
            let mut read = store.read().await.unwrap();
            let by_secret = read.device_code([1; 32]).await.unwrap();
            let typed = read.device_code_by_user_code("WDJBMJHT").await.unwrap();
            assert_eq!(by_secret, typed, "both codes find the same");
            typed
        }
    };
    assert_eq!(find().await, None);
    let kept = waiting.clone();
    write!(store, |tx| tx.put_device_code([1; 32], kept).await);
    assert_eq!(find().await.as_ref(), Some(&waiting));

    let polled = DeviceCode {
        polled_at: Some(at(1)),
        ..waiting.clone()
    };
    let kept = polled.clone();
    write!(store, |tx| tx.put_device_code([1; 32], kept).await);
    assert_eq!(find().await.as_ref(), Some(&polled));
    let same_code = waiting.clone();
    let twice = refuse!(store, |tx| tx.put_device_code([2; 32], same_code).await);
    assert!(
        matches!(&twice, StoreError::Duplicate(rule) if rule == "device_code.user_code"),
        "{twice}"
    );

    let consent = Some(Consent {
        user: sample.member,
        session: session(&store).await,
    });
    write!(store, |tx| tx.decide_device_code("WDJBMJHT", consent).await);
    assert_eq!(
        find().await,
        Some(DeviceCode {
            consent,
            ..polled.clone()
        })
    );
    write!(store, |tx| tx.decide_device_code("WDJBMJHT", None).await);
    assert_eq!(
        find().await,
        Some(DeviceCode {
            denied: true,
            ..polled
        })
    );
    let unknown = refuse!(store, |tx| tx.decide_device_code("XXXXXXXX", None).await);
    assert!(matches!(unknown, StoreError::Refused(_)), "{unknown}");
    write!(store, |tx| {
        tx.remove_device_code([1; 32]).await?;
        tx.remove_device_code([1; 32]).await
    });
    assert_eq!(find().await, None);
}

/// Keeps a client's session of the sample's member (the first user there is).
pub(super) async fn session(store: &Arc<dyn Store>) -> SessionId {
    let user = match store
        .read()
        .await
        .unwrap()
        .user_by_login("member")
        .await
        .unwrap()
    {
        Some(user) => user.id,
        None => sample(store).await.member,
    };
    write!(*store, |tx| {
        tx.insert_session(NewSession {
            user,
            kind: SessionKind::Desktop,
            label: "Hourkey on host".to_owned(),
            created_at: at(0),
            ends_at: at(60),
            cookie: None,
        })
        .await
    })
}
