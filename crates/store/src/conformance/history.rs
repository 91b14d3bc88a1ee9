//! What was: requests page by page, what happened before, notices.

use std::sync::Arc;

use hourkey_domain::cause::Cause;
use hourkey_domain::grant::State as GrantState;
use hourkey_domain::ids::{NoticeId, RequestId, ResourceId, UserId};
use hourkey_domain::reason::Text;
use hourkey_domain::request::{NewRequest, Purpose, State as RequestState};
use hourkey_protocol::notice::{Notice, What};

use super::sample::{Sample, at, entry, sample};
use super::{together, write};
use crate::access::{
    AccessHistory, DecidedFilter, NewGrant, NewNotice, RequestFilter, RequestOutcome,
    RequestSearch, ReviewOf,
};
use crate::organisation::Assignment;
use crate::{Store, StoreError, Work};

/// A user's own requests, newest first, page by page.
pub async fn requests_are_read_in_pages(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let ids = decided(&store, sample, 7).await;
    write!(store, |tx| {
        tx.insert_request(NewRequest {
            user: sample.reviewer,
            ..sample.request()
        })
        .await
    });
    let mut read = store.read().await.unwrap();
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let page = read
            .newest_requests(&RequestFilter::of(sample.member).into(), before, 3)
            .await
            .unwrap();
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 3);
        before = Some(last.id);
        seen.extend(page.iter().map(|request| request.id));
    }
    let newest_first: Vec<RequestId> = ids.into_iter().rev().collect();
    assert_eq!(seen, newest_first);
}

/// Everybody's requests, those for one resource, and those of one person for it; newest first.
pub async fn requests_are_found_by_person_and_resource(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let own = decided(&store, sample, 2).await;
    let theirs = write!(store, |tx| {
        let theirs = NewRequest {
            user: sample.reviewer,
            ..sample.request()
        };
        tx.insert_request(theirs).await
    });
    let mut read = store.read().await.unwrap();
    let (user, resource) = (Some(sample.member), Some(sample.request().resource));
    for (filter, expected) in [
        ((None, None), vec![theirs, own[1], own[0]]),
        ((None, resource), vec![theirs, own[1], own[0]]),
        ((user, resource), vec![own[1], own[0]]),
        ((None, Some(ResourceId(4_711))), vec![]),
        ((Some(UserId(4_711)), resource), vec![]),
    ] {
        let (user, resource) = filter;
        let filter = RequestFilter { user, resource }.into();
        let found = read.newest_requests(&filter, None, 10).await.unwrap();
        let found: Vec<RequestId> = found.iter().map(|request| request.id).collect();
        assert_eq!(found, expected, "{filter:?}");
        let older = read
            .newest_requests(&filter, Some(own[1]), 1)
            .await
            .unwrap();
        let older: Vec<RequestId> = older.iter().map(|request| request.id).collect();
        let next = expected.iter().copied().find(|id| *id < own[1]);
        assert_eq!(older, Vec::from_iter(next), "{filter:?}");
    }
}

/// Requests are searched by what became of them and of their newest grant, and by words.
pub async fn requests_are_found_by_what_became_of_them(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let (approved, extension, denied, pending) = write!(store, |tx| {
        let approved = tx.insert_request(sample.request()).await?;
        tx.set_request_state(approved, sample.approval(at(1)))
            .await?;
        let grant = tx
            .insert_grant(sample.grant(approved, 1..60, GrantState::Active))
            .await?;
        let mut more = sample.request();
        more.terms.purpose = Purpose::Extension(grant);
        more.reason = Text::new("Ünrelated 100 %".to_owned()).unwrap();
        let extension = tx.insert_request(more).await?;
        tx.set_request_state(extension, sample.approval(at(2)))
            .await?;
        let denied = tx.insert_request(sample.other_request()).await?;
        tx.set_request_state(denied, sample.denial(at(7))).await?;
        Ok((
            approved,
            extension,
            denied,
            tx.insert_request(sample.other_request()).await?,
        ))
    });
    let mut read = store.read().await.unwrap();
    let with = |outcome| RequestSearch {
        outcome: Some(outcome),
        ..RequestSearch::default()
    };
    let words = |words: &[&str]| RequestSearch {
        words: words.iter().map(|word| (*word).to_owned()).collect(),
        ..RequestSearch::default()
    };
    let ends_before = |at| RequestSearch {
        ends_before: Some(at),
        ..RequestSearch::default()
    };
    for (search, expected) in [
        (with(RequestOutcome::Waiting), vec![pending]),
        (with(RequestOutcome::Granted), vec![approved]),
        (with(RequestOutcome::Extended), vec![extension]),
        (with(RequestOutcome::Denied), vec![denied]),
        (with(RequestOutcome::Ended), vec![]),
        (with(RequestOutcome::Unlocked), vec![]),
        (words(&["Ünrel", "MEMBER"]), vec![extension]),
        (words(&["ünrel"]), vec![extension]),
        (words(&["ÜNREL"]), vec![extension]),
        (words(&["Ünrel", "reviewer"]), vec![]),
        (words(&["wiki"]), vec![pending, denied]),
        (words(&["_"]), vec![]),
        (ends_before(at(60)), vec![]),
        (ends_before(at(61)), vec![approved]),
    ] {
        let found = read.newest_requests(&search, None, 10).await.unwrap();
        let found: Vec<RequestId> = found.iter().map(|request| request.id).collect();
        assert_eq!(found, expected, "{search:?}");
    }
    // A running grant ends with its assignment at the latest.
    let assignment = sample.request().terms.assignment;
    write!(store, |tx| {
        let own = tx.assignment(assignment).await?.unwrap();
        let until = Some(at(30));
        tx.update_assignment(Assignment { until, ..own }).await
    });
    let mut later = store.read().await.unwrap();
    for (before, expected) in [(30, vec![]), (31, vec![approved])] {
        let search = ends_before(at(before));
        let found = later.newest_requests(&search, None, 10).await.unwrap();
        let found: Vec<RequestId> = found.iter().map(|request| request.id).collect();
        assert_eq!(found, expected, "ends before {before}");
    }
    let extensions = read
        .live_extensions(RequestFilter::of(sample.member))
        .await
        .unwrap();
    let extensions: Vec<RequestId> = extensions.iter().map(|request| request.id).collect();
    assert_eq!(extensions, [extension]);
    let others = RequestFilter::of(sample.reviewer);
    assert_eq!(read.live_extensions(others).await.unwrap(), []);
}

/// All users' decided or ended requests, newest first, page by page; never a pending one.
pub async fn decided_requests_are_read_in_pages(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let ids = decided(&store, sample, 4).await;
    let (theirs, pending) = write!(store, |tx| {
        let theirs = NewRequest {
            user: sample.reviewer,
            ..sample.request()
        };
        let theirs = tx.insert_request(theirs).await?;
        tx.set_request_state(theirs, RequestState::Lapsed { at: at(60) })
            .await?;
        Ok((theirs, tx.insert_request(sample.request()).await?))
    });
    let every = DecidedFilter::default();
    let mut read = store.read().await.unwrap();
    let all = read.decided_requests(&every, None, 10).await.unwrap();
    let all: Vec<RequestId> = all.iter().map(|request| request.id).collect();
    assert_eq!(all, [theirs, ids[3], ids[2], ids[1], ids[0]]);
    assert!(!all.contains(&pending));
    let page = read
        .decided_requests(&every, Some(ids[3]), 2)
        .await
        .unwrap();
    let page: Vec<RequestId> = page.iter().map(|request| request.id).collect();
    assert_eq!(page, [ids[2], ids[1]]);
}

/// Decided requests are found by when they were decided, and by words of their person, resource and reason.
pub async fn decided_requests_are_searched(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let (early, late) = write!(store, |tx| {
        let mut all = Vec::new();
        for (reason, at_minute) in [("To mend 100 % of it", 10), ("Ünrelated", 20)] {
            let request = NewRequest {
                reason: Text::new(reason.to_owned()).unwrap(),
                ..sample.request()
            };
            let id = tx.insert_request(request).await?;
            let at = at(at_minute);
            tx.set_request_state(id, RequestState::Lapsed { at })
                .await?;
            all.push(id);
        }
        Ok((all[0], all[1]))
    });
    let mut read = store.read().await.unwrap();
    let name = read.user_name(sample.member).await.unwrap().unwrap().1;
    let (resource, _) = read.resource(sample.resource).await.unwrap().unwrap();
    for (since, search, expected) in [
        (Some(at(20)), None, vec![late]),
        (Some(at(21)), None, vec![]),
        (None, Some("MEND 100 %"), vec![early]),
        (None, Some("Ünrel"), vec![late]),
        (None, Some("_"), vec![]),
        (None, Some(name.to_uppercase().as_str()), vec![late, early]),
        (None, Some(resource.name.as_str()), vec![late, early]),
        (Some(at(20)), Some(resource.name.as_str()), vec![late]),
    ] {
        let filter = DecidedFilter {
            since,
            search: search.map(str::to_owned),
        };
        let found = read.decided_requests(&filter, None, 10).await.unwrap();
        let found: Vec<RequestId> = found.iter().map(|request| request.id).collect();
        assert_eq!(found, expected, "{filter:?}");
    }
}

/// Per resource: when the user last asked, whether that was denied, and when a person last took a
/// grant away (rule 11).
pub async fn lately_tells_of_the_last_request_and_revocation(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let history = |resource| {
        let store = Arc::clone(&store);
        async move {
            store
                .read()
                .await
                .unwrap()
                .access_history(sample.member, resource)
                .await
                .unwrap()
        }
    };
    assert_eq!(history(None).await, []);
    let denied_request = write!(store, |tx| {
        let denied = tx.insert_request(sample.other_request()).await?;
        tx.set_request_state(denied, sample.denial(at(7))).await?;
        let theirs = NewRequest {
            user: sample.reviewer,
            created_at: at(50),
            ..sample.request()
        };
        tx.insert_request(theirs).await?;
        Ok(denied)
    });
    let (_, grant) = sample.approved(&store, 2..40, GrantState::Active).await;
    write!(store, |tx| {
        let comment = String::new().try_into().unwrap();
        let (by, cause) = (Some(sample.reviewer), Cause::Person);
        tx.set_grant_state(
            grant,
            GrantState::Revoked {
                on_behalf_of: None,
                at: at(9),
                by,
                cause,
                comment,
            },
        )
        .await
    });
    let revoked = AccessHistory {
        revoked_at: Some(at(9)),
        taken_at: Some(at(9)),
        taken: Some(grant),
        asked_at: Some(at(0)),
        ..AccessHistory::default()
    };
    let denied = AccessHistory {
        denied_at: Some(at(7)),
        denied: Some(denied_request),
        asked_at: Some(at(0)),
        ..AccessHistory::default()
    };
    let both = [(sample.resource, revoked), (sample.other_resource, denied)];
    assert_eq!(history(None).await, both);
    assert_eq!(history(Some(sample.other_resource)).await, both[1..]);

    // A revocation by the system is none by a person, and a newer request outdates a denial.
    let (_, grant) = sample.approved(&store, 12..40, GrantState::Active).await;
    write!(store, |tx| {
        let comment = String::new().try_into().unwrap();
        let cause = Cause::ResourceChanged;
        let revoked = GrantState::Revoked {
            on_behalf_of: None,
            at: at(13),
            by: None,
            cause,
            comment,
        };
        tx.set_grant_state(grant, revoked).await?;
        let again = NewRequest {
            created_at: at(20),
            ..sample.other_request()
        };
        tx.insert_request(again).await
    });
    let revoked = AccessHistory {
        taken_at: Some(at(13)),
        taken: Some(grant),
        ..revoked
    };
    let asked = AccessHistory {
        asked_at: Some(at(20)),
        ..AccessHistory::default()
    };
    assert_eq!(
        history(None).await,
        [(sample.resource, revoked), (sample.other_resource, asked)]
    );
}

/// Counted are grants that did start, at the given moment or later.
pub async fn grants_are_counted_by_their_start(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let end = |id, state: GrantState| {
        let store = Arc::clone(&store);
        async move { write!(store, |tx| tx.set_grant_state(id, state).await) }
    };
    let (_, first) = sample.approved(&store, 0..10, GrantState::Active).await;
    end(first, GrantState::Expired { at: at(10) }).await;
    let (_, second) = sample.approved(&store, 20..30, GrantState::Active).await;
    end(second, GrantState::Released { at: at(21) }).await;
    let (_, never) = sample.approved(&store, 40..50, GrantState::Scheduled).await;
    end(never, GrantState::Released { at: at(35) }).await;
    sample.approved(&store, 60..70, GrantState::Scheduled).await;
    let mut read = store.read().await.unwrap();
    for (since, expected) in [(0, 2), (1, 1), (20, 1), (21, 0)] {
        let (user, resource) = (sample.member, sample.resource);
        let count = read.grants_since(user, resource, at(since)).await.unwrap();
        assert_eq!(count, expected, "since minute {since}");
    }
    let other = read
        .grants_since(sample.member, sample.other_resource, at(0))
        .await
        .unwrap();
    assert_eq!(other, 0);
}

/// A person's notices, newest first, above a number, at most so many; nobody else's.
pub async fn notices_are_read_newest_first(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let mut kept = Vec::new();
    for minute in 0..5 {
        let lapsed = What::Lapsed {
            request: RequestId(minute + 1),
            extends: None,
        };
        let denied = What::Denied {
            request: RequestId(minute + 1),
            by: "reviewer".to_owned(),
            comment: "<b>no</b>\0".to_owned(),
            extends: None,
        };
        let whats = [lapsed, denied];
        kept.push(write!(store, |tx| {
            let seq = tx.record(entry("thing.done", at(minute))).await?;
            let mut notices = Vec::new();
            for what in whats {
                let (user, resource) = (sample.member, sample.resource);
                let resource_name = "db".to_owned();
                let new = NewNotice {
                    user,
                    resource,
                    resource_name,
                    what: what.clone(),
                };
                let id = tx.insert_notice(new, at(minute)).await?;
                let (at, resource_name) = (at(minute), "db".to_owned());
                notices.push(Notice {
                    id,
                    at,
                    resource,
                    resource_name,
                    what,
                });
            }
            Ok((seq, notices))
        }));
    }
    let ids: Vec<NoticeId> = kept
        .iter()
        .flat_map(|(_, two)| two)
        .map(|each| each.id)
        .collect();
    assert!(
        ids.is_sorted_by(|a, b| a < b),
        "ids grow in the order of commits: {ids:?}"
    );
    let newest_first = |from: usize| -> Vec<Notice> {
        kept[from..]
            .iter()
            .flat_map(|(_, two)| two.clone())
            .rev()
            .collect()
    };
    let mut read = store.read().await.unwrap();
    assert_eq!(
        read.notices(sample.member, 0, 99).await.unwrap(),
        newest_first(0)
    );
    assert_eq!(
        read.notices(sample.member, kept[2].0, 99).await.unwrap(),
        newest_first(3)
    );
    assert_eq!(
        read.notices(sample.member, kept[4].0, 99).await.unwrap(),
        []
    );
    assert_eq!(
        read.notices(sample.member, 0, 3).await.unwrap(),
        newest_first(0)[..3]
    );
    assert_eq!(read.notices(sample.reviewer, 0, 99).await.unwrap(), []);
}

/// A notice belongs to a change that the same work recorded before; another's does not count.
pub async fn a_notice_needs_its_change(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let other: Work = Box::new(|tx| {
        Box::pin(async move {
            tx.record(entry("another.thing", at(0))).await?;
            Ok(())
        })
    });
    let early: Work = Box::new(move |tx| {
        Box::pin(async move {
            let new = NewNotice {
                user: sample.member,
                resource: sample.resource,
                resource_name: "db".to_owned(),
                what: What::Lapsed {
                    request: RequestId(1),
                    extends: None,
                },
            };
            tx.insert_notice(new, at(0)).await?;
            Ok(())
        })
    });
    let answers = together(&store, vec![other, early]).await;
    assert!(answers[0].is_ok());
    assert!(
        matches!(answers[1], Err(StoreError::Refused(_))),
        "{:?}",
        answers[1]
    );
}

/// Of the notices that ask one person to review what another wants there is one: the last, or the
/// first with what it was made to say, due when it was first to be told anew.
pub async fn one_notice_asks_for_a_review(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let (reviewer, requester, resource) = (sample.reviewer, sample.member, sample.resource);
    let of = ReviewOf {
        reviewer,
        requester,
        resource,
    };
    let please = |request: i64| What::PleaseReview {
        starts_at: None,
        on_behalf_of: None,
        request: RequestId(request),
        requester: "Member".to_owned(),
        reason: String::new(),
        asked: None,
        extends: None,
    };
    let new = move |what| NewNotice {
        user: reviewer,
        resource,
        resource_name: "db".to_owned(),
        what,
    };
    let ids = write!(store, |tx| {
        let mut ids = Vec::new();
        tx.record(entry("request.made", at(0))).await?;
        let lapsed = What::Lapsed {
            request: RequestId(9),
            extends: None,
        };
        tx.insert_notice(new(lapsed), at(0)).await?;
        tx.replace_review_notice(reviewer, new(please(8)), at(0))
            .await?;
        for number in 1..4 {
            let notice = new(please(number));
            ids.push(tx.replace_review_notice(requester, notice, at(1)).await?);
        }
        Ok(ids)
    });
    assert!(ids.is_sorted_by(|a, b| a < b), "clients hear of each");
    let mut read = store.read().await.unwrap();
    let kept = read.review_notice(of).await.unwrap().unwrap();
    assert_eq!((kept.id, kept.at, &kept.what), (ids[2], at(1), &please(3)));
    let all = read.notices(reviewer, 0, 99).await.unwrap();
    assert_eq!(all.len(), 3, "what is told otherwise, or of others, stays");
    assert_eq!(read.review_notices_due(at(9)).await.unwrap(), []);
    drop(read);

    write!(store, |tx| {
        tx.postpone_review_notice(ids[2], please(4), at(2)).await?;
        tx.postpone_review_notice(ids[2], please(5), at(3)).await
    });
    let mut read = store.read().await.unwrap();
    assert_eq!(read.next_deadline().await.unwrap(), Some(at(2)));
    assert_eq!(read.review_notices_due(at(1)).await.unwrap(), []);
    let due = read.review_notices_due(at(2)).await.unwrap();
    assert_eq!(due.len(), 1);
    assert_eq!((due[0].0, &due[0].1.what), (of, &please(5)));
    drop(read);

    write!(store, |tx| tx.remove_review_notices(of).await);
    let mut read = store.read().await.unwrap();
    assert_eq!(read.review_notice(of).await.unwrap(), None);
    assert_eq!(read.notices(reviewer, 0, 99).await.unwrap().len(), 2);
}

/// Keeps so many requests of the member, one after another, each denied or granted and released.
async fn decided(store: &Arc<dyn Store>, sample: Sample, count: usize) -> Vec<RequestId> {
    write!(*store, |tx| {
        let mut ids = Vec::new();
        for number in 0..count {
            let id = tx.insert_request(sample.request()).await?;
            if number % 2 == 0 {
                tx.set_request_state(id, sample.denial(at(1))).await?;
            } else {
                tx.set_request_state(id, sample.approval(at(1))).await?;
                let state = GrantState::Released { at: at(2) };
                let grant = NewGrant {
                    ..sample.grant(id, 1..31, state)
                };
                tx.insert_grant(grant).await?;
            }
            ids.push(id);
        }
        Ok(ids)
    })
}

/// A request knows what its resource was called when it was made.
pub async fn a_request_keeps_the_name_of_its_resource(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let request = write!(store, |tx| tx.insert_request(sample.request()).await);
    let mut renamed = None;
    for resource in store
        .read()
        .await
        .unwrap()
        .organisation()
        .await
        .unwrap()
        .resources
    {
        if resource.id == sample.resource {
            renamed = Some(resource);
        }
    }
    let mut renamed = renamed.unwrap();
    let before = std::mem::replace(&mut renamed.name, "another".to_owned());
    write!(store, |tx| tx.update_resource(renamed).await);
    let mut read = store.read().await.unwrap();
    assert_eq!(read.name_when_asked(request).await.unwrap(), Some(before));
    assert_eq!(
        read.name_when_asked(RequestId(i64::MAX)).await.unwrap(),
        None
    );
}
