//! What goes with what is removed, and what stays of it.

use std::sync::Arc;

use hourkey_domain::ids::{AssignmentId, GroupId, NetworkId, ResourceId, SessionId, UserId};
use hourkey_protocol::account::SessionKind;

use super::sample::{assignment, at, group, resource, sample, user};
use super::{refuse, write};
use crate::account::NewSession;
use crate::organisation::{Assignment, Group, Resource, User};
use crate::second_factor::SecondFactor;
use crate::{Store, StoreError};

/// A removed user is in no group, signed in nowhere, and reviews nothing.
pub async fn a_removed_user_leaves_their_groups_and_sessions(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let session = write!(store, |tx| {
        tx.set_password_hash(sample.reviewer, "$argon2id$…").await?;
        let members = group("operators", [sample.member, sample.reviewer]);
        tx.update_group(Group {
            id: sample.group,
            ..members
        })
        .await?;
        let session = tx.insert_session(NewSession {
            user: sample.reviewer,
            kind: SessionKind::Browser,
            label: "a browser".to_owned(),
            created_at: at(0),
            ends_at: at(60),
            cookie: Some([7; 32]),
        });
        let session = session.await?;
        tx.insert_access_token([8; 32], session, at(60)).await?;
        tx.insert_refresh_token([9; 32], session, 1).await?;
        tx.put_reset_link([10; 32], sample.reviewer, at(60)).await?;
        let factor = SecondFactor {
            user: sample.reviewer,
            secret: vec![1],
            since: at(0),
            last_step: 1,
        };
        tx.put_second_factor(factor).await?;
        tx.set_recovery_codes(sample.reviewer, vec![[11; 32]])
            .await?;
        tx.remove_user(sample.reviewer).await?;
        Ok(session)
    });
    let mut read = store.read().await.unwrap();
    assert_eq!(read.user(sample.reviewer).await.unwrap(), None);
    assert_eq!(read.user_by_login("reviewer").await.unwrap(), None);
    assert_eq!(read.password_hash(sample.reviewer).await.unwrap(), None);
    assert_eq!(read.second_factor(sample.reviewer).await.unwrap(), None);
    assert_eq!(read.recovery_codes(sample.reviewer).await.unwrap(), 0);
    assert_eq!(read.reachable(sample.reviewer, None).await.unwrap(), []);
    assert_eq!(read.reviewers_of(sample.resource).await.unwrap(), []);
    assert_eq!(read.session(session).await.unwrap(), None);
    assert_eq!(read.session_by_cookie([7; 32]).await.unwrap(), None);
    assert_eq!(
        read.session_by_access_token([8; 32], at(1)).await.unwrap(),
        None
    );
    assert_eq!(read.refresh_token([9; 32]).await.unwrap(), None);
    assert_eq!(read.reset_link([10; 32], at(1)).await.unwrap(), None);
    let organisation = read.organisation().await.unwrap();
    assert_eq!(organisation.groups[0].members, [sample.member]);
}

/// With a group go its memberships, its assignments, and what it approves.
pub async fn a_removed_group_takes_its_assignments(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    write!(store, |tx| {
        let approvers = vec![sample.group];
        let own = Resource {
            approvers,
            ..resource("db", sample.network)
        };
        tx.update_resource(Resource {
            id: sample.resource,
            ..own
        })
        .await?;
        tx.remove_group(sample.group).await
    });
    let mut read = store.read().await.unwrap();
    let organisation = read.organisation().await.unwrap();
    assert_eq!(organisation.groups, []);
    assert_eq!(organisation.assignments, []);
    assert_eq!(organisation.resources[0].approvers, []);
    assert_eq!(read.reachable(sample.member, None).await.unwrap(), []);
    assert_eq!(
        read.effective_assignment(sample.assignment).await.unwrap(),
        None
    );
    assert_eq!(read.approves(sample.member).await.unwrap(), []);
}

/// With a resource go its assignments; nobody reaches or approves it any more.
pub async fn a_removed_resource_takes_its_assignments(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    write!(store, |tx| {
        let approvers = vec![sample.group];
        let own = Resource {
            approvers,
            ..resource("db", sample.network)
        };
        tx.update_resource(Resource {
            id: sample.resource,
            ..own
        })
        .await?;
        tx.remove_resource(sample.resource).await
    });
    let mut read = store.read().await.unwrap();
    let organisation = read.organisation().await.unwrap();
    assert_eq!(organisation.resources.len(), 1);
    assert_eq!(organisation.resources[0].id, sample.other_resource);
    assert_eq!(organisation.assignments.len(), 1);
    assert_eq!(
        read.effective_assignment(sample.assignment).await.unwrap(),
        None
    );
    assert_eq!(
        read.reachable(sample.member, Some(sample.resource))
            .await
            .unwrap(),
        []
    );
    assert_eq!(read.reachable(sample.member, None).await.unwrap().len(), 1);
    assert_eq!(read.approves(sample.member).await.unwrap(), []);
    assert!(
        !read
            .reviewers_of(sample.resource)
            .await
            .unwrap()
            .contains(&sample.member)
    );
}

/// A network goes only when no resource is in it.
pub async fn a_network_in_use_stays(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let error = refuse!(store, |tx| tx.remove_network(sample.network).await);
    assert!(matches!(error, StoreError::Refused(_)), "{error}");
    write!(store, |tx| {
        tx.remove_resource(sample.resource).await?;
        tx.remove_resource(sample.other_resource).await?;
        tx.remove_network(sample.network).await
    });
    let organisation = store.read().await.unwrap().organisation().await.unwrap();
    assert_eq!(organisation.networks, []);
}

/// History can still be told: what was removed keeps its name.
pub async fn the_removed_keep_their_names(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let kept = store
        .read()
        .await
        .unwrap()
        .resource(sample.resource)
        .await
        .unwrap()
        .unwrap()
        .0;
    write!(store, |tx| {
        tx.remove_user(sample.member).await?;
        tx.remove_group(sample.group).await?;
        tx.remove_resource(sample.resource).await
    });
    let mut read = store.read().await.unwrap();
    let names = read.user_name(sample.member).await.unwrap();
    assert_eq!(
        names,
        Some(("member".to_owned(), "member by name".to_owned()))
    );
    assert_eq!(
        read.group_name(sample.group).await.unwrap().as_deref(),
        Some("operators")
    );
    assert_eq!(
        read.network_name(sample.network).await.unwrap().as_deref(),
        Some("home")
    );
    assert_eq!(
        read.resource(sample.resource).await.unwrap(),
        Some((kept, false))
    );

    assert_eq!(read.user_name(UserId(99)).await.unwrap(), None);
    assert_eq!(read.group_name(GroupId(99)).await.unwrap(), None);
    assert_eq!(read.network_name(NetworkId(99)).await.unwrap(), None);
    assert_eq!(read.resource(ResourceId(99)).await.unwrap(), None);
    assert_eq!(read.session(SessionId(99)).await.unwrap(), None);
}

/// What refers to something unknown or removed is refused, and nothing is kept of it.
pub async fn unknown_ids_are_refused(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    write!(store, |tx| {
        tx.remove_user(sample.member).await?;
        tx.remove_group(sample.group).await?;
        tx.remove_resource(sample.resource).await
    });
    let living = write!(store, |tx| tx.insert_group(group("living", [])).await);
    let before = store.read().await.unwrap().organisation().await.unwrap();
    let network = sample.network;
    for (what, error) in [
        (
            "user",
            refuse!(store, |tx| tx
                .update_user(User {
                    id: sample.member,
                    ..user("x")
                })
                .await),
        ),
        (
            "user",
            refuse!(store, |tx| tx.remove_user(UserId(99)).await),
        ),
        (
            "user",
            refuse!(store, |tx| tx.remove_user(sample.member).await),
        ),
        (
            "password",
            refuse!(store, |tx| tx
                .set_password_hash(sample.member, "hash")
                .await),
        ),
        (
            "group",
            refuse!(store, |tx| tx.remove_group(sample.group).await),
        ),
        (
            "group",
            refuse!(store, |tx| {
                tx.update_group(Group {
                    id: sample.group,
                    ..group("x", [])
                })
                .await
            }),
        ),
        (
            "member",
            refuse!(store, |tx| tx
                .insert_group(group("x", [sample.member]))
                .await),
        ),
        (
            "member",
            refuse!(store, |tx| tx.insert_group(group("x", [UserId(99)])).await),
        ),
        (
            "network",
            refuse!(store, |tx| tx.remove_network(NetworkId(99)).await),
        ),
        (
            "network",
            refuse!(store, |tx| tx
                .insert_resource(resource("x", NetworkId(99)))
                .await),
        ),
        (
            "approver",
            refuse!(store, |tx| {
                let approvers = vec![sample.group];
                tx.insert_resource(Resource {
                    approvers,
                    ..resource("x", network)
                })
                .await
            }),
        ),
        (
            "resource",
            refuse!(store, |tx| {
                tx.update_resource(Resource {
                    id: sample.resource,
                    ..resource("x", network)
                })
                .await
            }),
        ),
        (
            "resource",
            refuse!(store, |tx| tx.remove_resource(sample.resource).await),
        ),
        (
            "assignment",
            refuse!(store, |tx| {
                tx.insert_assignment(assignment(sample.group, sample.other_resource))
                    .await
            }),
        ),
        (
            "assignment",
            refuse!(store, |tx| {
                tx.insert_assignment(assignment(living, sample.resource))
                    .await
            }),
        ),
        (
            "assignment",
            refuse!(store, |tx| tx.remove_assignment(sample.assignment).await),
        ),
        (
            "assignment",
            refuse!(store, |tx| {
                let gone = assignment(sample.group, sample.resource);
                tx.update_assignment(Assignment {
                    id: AssignmentId(99),
                    ..gone
                })
                .await
            }),
        ),
    ] {
        assert!(matches!(error, StoreError::Refused(_)), "{what}: {error}");
    }
    assert_eq!(
        store.read().await.unwrap().organisation().await.unwrap(),
        before
    );
}
