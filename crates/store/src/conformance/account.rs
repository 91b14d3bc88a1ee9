//! Passwords, links, and calls that must not happen twice.

use std::sync::Arc;

use chrono::TimeDelta;
use hourkey_domain::ids::UserId;

use super::sample::{at, sample};
use super::session::session;
use super::{refuse, write};
use crate::account::{
    BROWSER_KNOWN_FOR, Code, Consent, DeviceCode, Digest, ShownLink, StoredResponse,
};
use crate::{Store, StoreError};

/// A password hash is unknown at first, then kept, then replaced.
pub async fn a_password_is_kept_and_replaced(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let hash = || {
        let store = Arc::clone(&store);
        async move {
            store
                .read()
                .await
                .unwrap()
                .password_hash(sample.member)
                .await
                .unwrap()
        }
    };
    assert_eq!(hash().await, None);
    for text in ["$argon2id$v=19$m=1$one", "$argon2id$v=19$m=1$two"] {
        write!(store, |tx| tx.set_password_hash(sample.member, text).await);
        assert_eq!(hash().await.as_deref(), Some(text));
    }
    let mut read = store.read().await.unwrap();
    assert_eq!(
        read.password_hash(sample.reviewer).await.unwrap(),
        None,
        "nobody else has it"
    );
    assert_eq!(read.password_hash(UserId(99)).await.unwrap(), None);
}

/// Of each account and administrator the latest moment is kept at which a link was shown.
pub async fn shown_links_are_kept(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let (user, shown_to) = (sample.member, sample.reviewer);
    let noted = move |minute, is_shown| ShownLink {
        user,
        shown_to,
        is_shown,
        at: at(minute),
    };
    let shown = |minute| noted(minute, true);
    write!(store, |tx| tx.note_shown_link(noted(0, false)).await);
    let kept = store.read().await.unwrap().shown_links(None).await.unwrap();
    assert_eq!(kept, [noted(0, false)]);
    write!(store, |tx| {
        tx.note_shown_link(noted(1, true)).await?;
        tx.note_shown_link(noted(5, false)).await
    });
    for by in [vec![user, shown_to], vec![shown_to], vec![]] {
        let choosers = by.clone();
        write!(store, |tx| tx.set_address_choosers(user, &choosers).await);
        let mut read = store.read().await.unwrap();
        assert_eq!(read.address_choosers(user).await.unwrap(), by);
        assert_eq!(read.address_choosers(shown_to).await.unwrap(), []);
    }
    write!(store, |tx| {
        tx.note_server_choosers(&[user, shown_to], at(1)).await?;
        tx.note_server_choosers(&[user], at(3)).await
    });
    for (since, choosers) in [(0, vec![user, shown_to]), (1, vec![user]), (3, vec![])] {
        let mut read = store.read().await.unwrap();
        let mut found = read.server_choosers(at(since)).await.unwrap();
        found.sort_by_key(|it| *it != user);
        assert_eq!(found, choosers, "{since}");
    }
    let mut read = store.read().await.unwrap();
    assert_eq!(read.shown_links(None).await.unwrap(), [shown(5)]);
    assert_eq!(read.shown_links(Some(user)).await.unwrap(), [shown(5)]);
    assert_eq!(read.shown_links(Some(shown_to)).await.unwrap(), []);
    drop(read);
    write!(store, |tx| tx.forget_shown_links(at(4)).await);
    let kept = store.read().await.unwrap().shown_links(None).await.unwrap();
    assert_eq!(kept, [shown(5)]);
    write!(store, |tx| tx.forget_shown_links(at(5)).await);
    let kept = store.read().await.unwrap().shown_links(None).await.unwrap();
    assert_eq!(kept, []);
}

/// A user has one reset link at a time, until it expires or is used.
pub async fn a_reset_link_replaces_the_one_before(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let whose = |link: Digest, minute| {
        let store = Arc::clone(&store);
        async move {
            store
                .read()
                .await
                .unwrap()
                .reset_link(link, at(minute))
                .await
                .unwrap()
        }
    };
    write!(store, |tx| {
        tx.put_reset_link([1; 32], sample.member, at(10)).await?;
        tx.put_reset_link([2; 32], sample.reviewer, at(10)).await?;
        tx.put_reset_link([3; 32], sample.member, at(10)).await
    });
    assert_eq!(whose([1; 32], 0).await, None, "replaced");
    assert_eq!(whose([2; 32], 0).await, Some(sample.reviewer));
    assert_eq!(whose([3; 32], 9).await, Some(sample.member));
    assert_eq!(whose([3; 32], 10).await, None, "expired");
    write!(store, |tx| tx.remove_reset_links(sample.member).await);
    assert_eq!(whose([3; 32], 0).await, None);
    assert_eq!(
        whose([2; 32], 0).await,
        Some(sample.reviewer),
        "nobody else's"
    );
}

/// There is one setup code, or none.
pub async fn the_setup_code_is_kept_and_forgotten(store: Arc<dyn Store>) {
    for code in [Some([1; 32]), Some([2; 32]), None] {
        write!(store, |tx| tx.set_setup_code(code).await);
        assert_eq!(
            store.read().await.unwrap().setup_code().await.unwrap(),
            code
        );
    }
    assert_eq!(
        store
            .read()
            .await
            .unwrap()
            .organisation_name()
            .await
            .unwrap(),
        ""
    );
}

/// The answer for a key is kept once for each user; a second one is a call that happened twice.
pub async fn an_answer_is_remembered_once(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let answer = StoredResponse {
        call: [1; 32],
        status: 201,
        body: "{\"id\":7}\0".to_owned(),
    };
    let kept = answer.clone();
    write!(store, |tx| tx
        .store_response(sample.member, "key-1", kept, at(0))
        .await);
    let mut read = store.read().await.unwrap();
    assert_eq!(
        read.stored_response(sample.member, "key-1")
            .await
            .unwrap()
            .as_ref(),
        Some(&answer)
    );
    assert_eq!(
        read.stored_response(sample.member, "key-2").await.unwrap(),
        None
    );
    assert_eq!(
        read.stored_response(sample.reviewer, "key-1")
            .await
            .unwrap(),
        None
    );
    let again = answer.clone();
    let twice = refuse!(store, |tx| tx
        .store_response(sample.member, "key-1", again, at(1))
        .await);
    assert!(
        matches!(&twice, StoreError::Duplicate(rule) if rule == "idempotency-key"),
        "{twice}"
    );
    write!(store, |tx| tx
        .store_response(sample.reviewer, "key-1", answer, at(0))
        .await);
}

/// Who signed in in a browser is known there, for a year.
pub async fn a_browser_is_known_by_who_signed_in_there(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let (browser, other): (Digest, Digest) = ([1; 32], [2; 32]);
    let (member, reviewer) = (sample.member, sample.reviewer);
    let known = async |browser| {
        let mut read = store.read().await.unwrap();
        read.known_users(browser).await.unwrap()
    };
    assert_eq!(known(browser).await, []);
    write!(store, |tx| {
        tx.remember_browser(browser, member, at(1)).await?;
        tx.remember_browser(browser, reviewer, at(2)).await?;
        tx.remember_browser(other, reviewer, at(2)).await
    });
    assert_eq!(known(browser).await, [reviewer, member]);
    write!(store, |tx| tx
        .remember_browser(browser, member, at(3))
        .await);
    assert_eq!(known(browser).await, [member, reviewer]);
    write!(store, |tx| tx
        .forget_expired(at(2) + BROWSER_KNOWN_FOR)
        .await);
    assert_eq!(known(browser).await, [member]);
    assert_eq!(known(other).await, []);
    write!(store, |tx| tx.remove_user(member).await);
    assert_eq!(known(browser).await, []);
}

/// What has expired goes, what has not stays.
pub async fn what_expired_is_forgotten(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let session = session(&store).await;
    for (secret, end) in [([1; 32], at(10)), ([2; 32], at(11))] {
        let user = sample.member;
        let user_code = format!("CODE{}", secret[0]);
        let whose = if secret[0] == 1 {
            sample.member
        } else {
            sample.reviewer
        };
        write!(store, |tx| {
            tx.insert_access_token(secret, session, end).await?;
            tx.put_reset_link(secret, whose, end).await?;
            let text = String::new;
            let (client_id, label, expires_at) = (text(), text(), end);
            let device = DeviceCode {
                user_code,
                client_id,
                label,
                expires_at,
                polled_at: None,
                consent: None,
                denied: false,
            };
            tx.put_device_code(secret, device).await?;
            let (client_id, redirect_uri, challenge, label) = (text(), text(), text(), text());
            let consent = Consent { user, session };
            let code = Code {
                consent,
                client_id,
                redirect_uri,
                challenge,
                label,
                expires_at,
                session: None,
            };
            tx.put_code(secret, code).await?;
            let answer = StoredResponse {
                call: secret,
                status: 200,
                body: text(),
            };
            let key = secret[0].to_string();
            tx.store_response(user, &key, answer, end - TimeDelta::hours(24))
                .await
        });
    }
    write!(store, |tx| tx.forget_expired(at(10)).await);
    let mut read = store.read().await.unwrap();
    // Reading as of earlier: what is still kept would be found.
    let (gone, kept) = ([1; 32], [2; 32]);
    assert_eq!(
        read.session_by_access_token(gone, at(0)).await.unwrap(),
        None
    );
    assert_eq!(read.reset_link(gone, at(0)).await.unwrap(), None);
    assert_eq!(read.device_code(gone).await.unwrap(), None);
    assert_eq!(read.code(gone).await.unwrap(), None);
    assert_eq!(
        read.stored_response(sample.member, "1").await.unwrap(),
        None
    );
    assert!(
        read.session_by_access_token(kept, at(0))
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(
        read.reset_link(kept, at(0)).await.unwrap(),
        Some(sample.reviewer)
    );
    assert!(read.device_code(kept).await.unwrap().is_some());
    assert!(read.code(kept).await.unwrap().is_some());
    assert!(
        read.stored_response(sample.member, "2")
            .await
            .unwrap()
            .is_some()
    );
    assert!(
        read.session(session).await.unwrap().is_some(),
        "the end of a session is recorded, so it is not forgotten here"
    );
}
