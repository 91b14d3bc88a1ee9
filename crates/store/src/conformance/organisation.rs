//! The organisation: kept as given, unique among the living.

use std::sync::Arc;

use hourkey_domain::ids::{GroupId, ResourceId, UserId};
use hourkey_domain::periods::Periods;
use hourkey_domain::review::Role;
use hourkey_domain::settings::{Approval, Mode, Override, Period, Settings};
use hourkey_domain::visibility::Visibility;
use hourkey_protocol::account::SessionKind;

use super::sample::{assignment, at, group, length, resource, sample, user};
use super::{refuse, write};
use crate::account::NewSession;
use crate::organisation::{About, Assignment, Group, Network, Organisation, Resource, User};
use crate::{Store, StoreError};

/// Every field of everything comes back as it was given, in order of id.
pub async fn everything_comes_back_as_it_was_kept(store: Arc<dyn Store>) {
    assert!(!store.read().await.unwrap().has_users().await.unwrap());
    let kept = write!(store, |tx| {
        tx.set_organisation_name("Harbour").await?;
        let periods = Periods::new(vec![length(3), length(90)], length(100)).unwrap();
        tx.set_periods(periods.clone()).await?;
        let mut organisation = Organisation {
            name: "Harbour".to_owned(),
            periods,
            ..Default::default()
        };
        for (login, email, roles, disabled) in [
            ("plain", None, vec![Role::Member], false),
            (
                "all",
                Some("all@corp"),
                vec![Role::Member, Role::AccessReviewer, Role::Admin],
                false,
            ),
            ("none", Some("none@corp"), vec![], true),
        ] {
            let email = email.map(str::to_owned);
            let mut user = User {
                email,
                roles,
                disabled,
                since: None,
                ..user(login)
            };
            user.id = tx.insert_user(user.clone()).await?;
            organisation.users.push(user);
        }
        let ids: Vec<UserId> = organisation.users.iter().map(|user| user.id).collect();
        for (name, members) in [
            ("empty", vec![]),
            ("full", ids.clone()),
            ("one", vec![ids[1]]),
        ] {
            let mut group = group(name, members);
            group.id = tx.insert_group(group.clone()).await?;
            organisation.groups.push(group);
        }
        for name in ["north", "south"] {
            let id = tx.insert_network(name).await?;
            organisation.networks.push(Network {
                id,
                name: name.to_owned(),
            });
        }
        let network = organisation.networks[1].id;
        let groups: Vec<GroupId> = organisation.groups.iter().map(|group| group.id).collect();
        let rich = Resource {
            address: "*.db.corp".parse().unwrap(),
            ports: "22,8000-8010".parse().unwrap(),
            alias: Some("db".to_owned()),
            tags: vec!["zeta".to_owned(), "alpha".to_owned()],
            url: Some("https://db.corp/console".to_owned()),
            keep_alive_offline: true,
            settings: Settings {
                mode: Mode::AutoLock,
                period: Period::Preset(length(60)),
                approval: Approval::Automatic,
                lock_after: u16::MAX,
            },
            approvers: groups.clone(),
            about: About {
                enabled: false,
                visibility: Visibility::Hidden,
                description: "What is left of the old one".to_owned(),
                how_to_use: "psql -h db\n\n\tor ask".to_owned(),
                owner: Some(ids[1]),
            },
            ..resource("rich", network)
        };
        let prefix = Resource {
            address: "10.1.0.0/16".parse().unwrap(),
            ports: "".parse().unwrap(),
            settings: Settings {
                mode: Mode::Standing,
                ..rich.settings
            },
            ..resource("prefix", organisation.networks[0].id)
        };
        for mut resource in [rich, prefix, resource("plain", network)] {
            resource.id = tx.insert_resource(resource.clone()).await?;
            organisation.resources.push(resource);
        }
        let own = Override {
            mode: Some(Mode::AccessRequest),
            period: Some(Period::Custom {
                up_to: length(7 * 24 * 60),
                recommended: Some(length(90)),
            }),
            approval: Some(Approval::Manual),
            lock_after: Some(1),
        };
        let ids: Vec<ResourceId> = organisation.resources.iter().map(|each| each.id).collect();
        for mut assignment in [
            Assignment {
                until: Some(at(5)),
                own,
                ..assignment(groups[1], ids[0])
            },
            Assignment {
                own: Override {
                    lock_after: None,
                    ..own
                },
                ..assignment(groups[0], ids[0])
            },
            assignment(groups[1], ids[2]),
        ] {
            assignment.id = tx.insert_assignment(assignment.clone()).await?;
            organisation.assignments.push(assignment);
        }
        Ok(organisation)
    });
    let mut read = store.read().await.unwrap();
    assert_eq!(read.organisation().await.unwrap(), kept);
    assert_eq!(read.organisation_name().await.unwrap(), "Harbour");
    assert!(read.has_users().await.unwrap());
    for user in kept.users {
        assert_eq!(
            read.user_by_login(&user.login).await.unwrap().as_ref(),
            Some(&user)
        );
        assert_eq!(read.user(user.id).await.unwrap(), Some(user));
    }
    for resource in kept.resources {
        let found = read.resource(resource.id).await.unwrap();
        assert_eq!(found, Some((resource, true)));
    }
}

/// An update replaces every field, and leaves everything else as it was.
pub async fn fields_are_replaced(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let before = store.read().await.unwrap().organisation().await.unwrap();
    let changed = write!(store, |tx| {
        let network = tx.insert_network("away").await?;
        let user = User {
            id: sample.member,
            email: Some("renamed@corp".to_owned()),
            roles: vec![Role::Admin],
            disabled: true,
            ..user("renamed")
        };
        tx.update_user(user.clone()).await?;
        let group = Group {
            id: sample.group,
            ..group("renamed", [sample.member, sample.reviewer])
        };
        tx.update_group(group.clone()).await?;
        let resource = Resource {
            id: sample.resource,
            approvers: vec![sample.group],
            tags: vec!["new".to_owned()],
            about: About {
                visibility: Visibility::Shortcut,
                owner: Some(sample.member),
                ..About::default()
            },
            ..resource("renamed", network)
        };
        tx.update_resource(resource.clone()).await?;
        let own = Override {
            mode: Some(Mode::Standing),
            ..Override::default()
        };
        let assignment = Assignment {
            id: sample.assignment,
            until: Some(at(1)),
            own,
            ..assignment(sample.group, sample.resource)
        };
        tx.update_assignment(assignment.clone()).await?;
        Ok((user, group, resource, assignment))
    });
    let after = store.read().await.unwrap().organisation().await.unwrap();
    assert_eq!(after.users, [changed.0, before.users[1].clone()]);
    assert_eq!(after.groups, [changed.1]);
    assert_eq!(after.resources, [changed.2, before.resources[1].clone()]);
    assert_eq!(
        after.assignments,
        [changed.3, before.assignments[1].clone()]
    );

    write!(store, |tx| {
        let cleared = Assignment {
            id: sample.assignment,
            ..assignment(sample.group, sample.resource)
        };
        tx.update_assignment(cleared).await?;
        let emptied = Group {
            id: sample.group,
            ..group("renamed", [])
        };
        tx.update_group(emptied).await
    });
    let emptied = store.read().await.unwrap().organisation().await.unwrap();
    assert_eq!(
        emptied.assignments[0].until, None,
        "an end can be taken away again"
    );
    assert_eq!(
        emptied.assignments[0].own,
        Override::default(),
        "and settings"
    );
    assert_eq!(emptied.groups[0].members, []);
}

/// Two living things of a kind never share a name; the name of a removed one is free.
pub async fn names_are_unique_among_the_living(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let rule = |error: StoreError| match error {
        StoreError::Duplicate(rule) => rule,
        other => panic!("expected a duplicate, got: {other}"),
    };
    let again = refuse!(store, |tx| tx.insert_user(user("member")).await);
    assert_eq!(rule(again), "user.login");
    let cased = refuse!(store, |tx| tx.insert_user(user("Member")).await);
    assert_eq!(
        rule(cased),
        "user.login",
        "logins are compared in lower case"
    );
    let renamed = refuse!(store, |tx| {
        tx.update_user(User {
            id: sample.reviewer,
            ..user("member")
        })
        .await
    });
    assert_eq!(rule(renamed), "user.login");
    let again = refuse!(store, |tx| tx.insert_group(group("operators", [])).await);
    assert_eq!(rule(again), "group.name");
    let again = refuse!(store, |tx| tx.insert_network("home").await);
    assert_eq!(rule(again), "network.name");
    let again = refuse!(store, |tx| tx
        .insert_resource(resource("db", sample.network))
        .await);
    assert_eq!(rule(again), "resource.name");
    let again = refuse!(store, |tx| {
        tx.insert_assignment(assignment(sample.group, sample.resource))
            .await
    });
    assert_eq!(rule(again), "assignment");
    let found = store
        .read()
        .await
        .unwrap()
        .user_by_login("MEMBER")
        .await
        .unwrap();
    assert_eq!(found.map(|user| user.id), Some(sample.member));

    write!(store, |tx| {
        tx.remove_assignment(sample.assignment).await?;
        tx.insert_assignment(assignment(sample.group, sample.resource))
            .await?;
        tx.remove_resource(sample.resource).await?;
        tx.insert_resource(resource("db", sample.network)).await?;
        tx.remove_group(sample.group).await?;
        tx.insert_group(group("operators", [])).await?;
        tx.remove_user(sample.member).await?;
        tx.insert_user(user("member")).await
    });
}

/// An id that was given once is never given again, even when the newest row goes.
pub async fn ids_are_never_used_again(store: Arc<dyn Store>) {
    async fn round(store: &Arc<dyn Store>) -> [i64; 6] {
        write!(*store, |tx| {
            let user = tx.insert_user(user("short-lived")).await?;
            let group = tx.insert_group(group("short-lived", [])).await?;
            let network = tx.insert_network("short-lived").await?;
            let resource = tx.insert_resource(resource("short-lived", network)).await?;
            let assignment = tx.insert_assignment(assignment(group, resource)).await?;
            let session = tx.insert_session(NewSession {
                user,
                kind: SessionKind::Cli,
                label: "short-lived".to_owned(),
                created_at: at(0),
                ends_at: at(60),
                cookie: None,
            });
            let session = session.await?;
            tx.end_session(session).await?;
            tx.remove_assignment(assignment).await?;
            tx.remove_resource(resource).await?;
            tx.remove_network(network).await?;
            tx.remove_group(group).await?;
            tx.remove_user(user).await?;
            Ok([
                user.0,
                group.0,
                network.0,
                resource.0,
                assignment.0,
                session.0,
            ])
        })
    }
    let first = round(&store).await;
    let second = round(&store).await;
    for (kind, (before, after)) in first.into_iter().zip(second).enumerate() {
        assert!(before > 0, "ids are positive");
        assert!(
            after > before,
            "an id came back (kind {kind}): {before}, then {after}"
        );
    }
}
