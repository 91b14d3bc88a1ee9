//! Who reaches and who reviews what.

use std::sync::Arc;

use hourkey_domain::ids::{AssignmentId, GroupId};
use hourkey_domain::length::Length;
use hourkey_domain::review::Role;
use hourkey_domain::settings::{Approval, EffectiveAssignment, Mode, Override, Period, Settings};

use super::sample::{assignment, at, group, length, resource, sample, user};
use super::{refuse, write};
use crate::organisation::{Assignment, Earlier, Group, HeldBack, Resource, User};
use crate::{Store, StoreError};

/// A user reaches what their groups are assigned to, each assignment with its settings resolved (rule 2),
/// and nothing else (rule 1).
pub async fn assignments_are_those_of_the_users_groups(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let (second, other) = write!(store, |tx| {
        let second = tx.insert_group(group("night", [sample.member])).await?;
        let foreign = tx.insert_group(group("foreign", [sample.reviewer])).await?;
        let hidden = tx
            .insert_resource(resource("hidden", sample.network))
            .await?;
        tx.insert_assignment(assignment(foreign, hidden)).await?;
        tx.insert_assignment(assignment(foreign, sample.resource))
            .await?;
        let own = Override {
            approval: Some(Approval::Automatic),
            period: Some(Period::Preset(length(15))),
            ..Override::default()
        };
        let until = Some(at(-60));
        let night = Assignment {
            own,
            until,
            ..assignment(second, sample.resource)
        };
        Ok((second, tx.insert_assignment(night).await?))
    });
    let settings = resource("db", sample.network).settings;
    let plain = EffectiveAssignment {
        counts_from: None,
        assignment: sample.assignment,
        group: sample.group,
        settings,
        total: Length::WEEK,
        until: None,
    };
    let night = EffectiveAssignment {
        counts_from: None,
        assignment: other,
        group: second,
        settings: Settings {
            approval: Approval::Automatic,
            period: Period::Preset(length(15)),
            ..settings
        },
        total: Length::WEEK,
        until: Some(at(-60)),
    };
    let mut read = store.read().await.unwrap();
    let reachable = read.reachable(sample.member, None).await.unwrap();
    assert_eq!(reachable.len(), 2, "the hidden resource is not there");
    assert_eq!(reachable[0].resource.id, sample.resource);
    assert_eq!(
        reachable[0].assignments,
        [plain, night],
        "also the assignment past its end, in order of id"
    );
    assert_eq!(reachable[1].resource.id, sample.other_resource);
    assert_eq!(reachable[1].assignments.len(), 1);
    let one = read
        .reachable(sample.member, Some(sample.resource))
        .await
        .unwrap();
    assert_eq!(one, reachable[..1]);
    assert_eq!(read.effective_assignment(other).await.unwrap(), Some(night));
    assert_eq!(
        read.effective_assignment(AssignmentId(99)).await.unwrap(),
        None
    );
}

/// Who may review: administrators and reviewers everywhere, members of its approvers for one
/// resource; never who is disabled.
pub async fn reviewers_are_found_by_role_and_by_group(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let (admin, approver) = write!(store, |tx| {
        let admin = tx
            .insert_user(User {
                roles: vec![Role::Admin],
                ..user("admin")
            })
            .await?;
        let approver = tx.insert_user(user("approver")).await?;
        let off = User {
            disabled: true,
            ..user("off")
        };
        let roles = vec![Role::Admin, Role::AccessReviewer];
        let off = tx.insert_user(User { roles, ..off }).await?;
        let off_member = tx
            .insert_user(User {
                disabled: true,
                ..user("off-member")
            })
            .await?;
        let owners = tx
            .insert_group(group("owners", [approver, off, off_member, admin]))
            .await?;
        let approvers = vec![owners];
        let own = Resource {
            approvers,
            ..resource("db", sample.network)
        };
        tx.update_resource(Resource {
            id: sample.resource,
            ..own
        })
        .await?;
        Ok((admin, approver))
    });
    let mut read = store.read().await.unwrap();
    let reviewers = read.reviewers_of(sample.resource).await.unwrap();
    assert_eq!(reviewers, [sample.reviewer, admin, approver]);
    let reviewers = read.reviewers_of(sample.other_resource).await.unwrap();
    assert_eq!(reviewers, [sample.reviewer, admin]);
    assert_eq!(read.approves(approver).await.unwrap(), [sample.resource]);
    assert_eq!(read.approves(sample.member).await.unwrap(), []);
}

/// Fallback reviewers are the enabled members of the groups that were set, and a group that is
/// removed is none any more.
pub async fn fallback_reviewers_are_the_members_of_their_groups(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let people = async || {
        let mut read = store.read().await.unwrap();
        let groups = read.organisation().await.unwrap().fallback_reviewers;
        (groups, read.fallback_reviewers().await.unwrap())
    };
    assert_eq!(people().await, (Vec::new(), Vec::new()));
    let second = write!(store, |tx| {
        let off = User {
            disabled: true,
            ..user("off")
        };
        let off = tx.insert_user(off).await?;
        let members = [sample.member, sample.reviewer, off];
        let second = tx.insert_group(group("duty", members)).await?;
        tx.set_fallback_reviewers(vec![second, sample.group])
            .await?;
        Ok(second)
    });
    assert_eq!(
        people().await,
        (
            vec![sample.group, second],
            vec![sample.member, sample.reviewer]
        )
    );
    write!(store, |tx| tx.remove_group(second).await);
    assert_eq!(people().await, (vec![sample.group], vec![sample.member]));
    let error = refuse!(store, |tx| tx.set_fallback_reviewers(vec![second]).await);
    assert!(matches!(error, StoreError::Refused(_)), "{error}");
    assert_eq!(people().await, (vec![sample.group], vec![sample.member]));
    write!(store, |tx| tx.set_fallback_reviewers(Vec::new()).await);
    assert_eq!(people().await, (Vec::new(), Vec::new()));
}

/// What nobody or one person reviews is found with that person; a second reviewer by role takes
/// all of it away, a second approver what they approve.
pub async fn what_fewer_than_two_review_is_found(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let scarce = async || {
        let mut read = store.read().await.unwrap();
        read.scarcely_reviewed().await.unwrap()
    };
    let one = Some(sample.reviewer);
    let (db, wiki) = (sample.resource, sample.other_resource);
    assert_eq!(scarce().await, [(db, one), (wiki, one)]);
    let approved = move |approvers| Resource {
        id: db,
        approvers,
        ..resource("db", sample.network)
    };
    write!(store, |tx| {
        tx.update_resource(approved(vec![sample.group])).await
    });
    assert_eq!(scarce().await, [(wiki, one)]);
    let reviewer = move |disabled| User {
        id: sample.reviewer,
        roles: vec![Role::AccessReviewer],
        disabled,
        since: None,
        ..user("reviewer")
    };
    write!(store, |tx| tx.update_user(reviewer(true)).await);
    assert_eq!(scarce().await, [(db, Some(sample.member)), (wiki, None)]);
    write!(store, |tx| {
        tx.update_user(reviewer(false)).await?;
        let admin = User {
            roles: vec![Role::Admin],
            ..user("admin")
        };
        tx.insert_user(admin).await
    });
    assert_eq!(scarce().await, []);
}

/// What is held back from somebody counts for them as it was before, or not at all; another list takes its
/// place, and what it is about takes it along.
pub async fn what_is_held_back_does_not_count(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let member = sample.member;
    let earlier = Earlier {
        settings: Settings {
            mode: Mode::AccessRequest,
            period: Period::Preset(length(7)),
            approval: Approval::Manual,
            lock_after: 1,
        },
        total: length(20),
        until: Some(at(9)),
    };
    let held = move |assignment, earlier| HeldBack {
        user: member,
        assignment,
        until: at(5),
        earlier,
    };
    let (one, other) = (sample.assignment, sample.other_assignment);
    write!(store, |tx| {
        let mut resource = tx.resource(sample.resource).await?.unwrap().0;
        resource.settings.mode = Mode::Standing;
        tx.update_resource(resource).await?;
        let all = vec![held(one, Some(earlier)), held(other, None)];
        tx.set_held_back(member, all).await
    });
    let mut read = store.read().await.unwrap();
    let all = [held(one, Some(earlier)), held(other, None)];
    assert_eq!(read.held_back(None).await.unwrap(), all);
    assert_eq!(read.held_back(Some(member)).await.unwrap(), all);
    assert_eq!(read.held_back(Some(sample.reviewer)).await.unwrap(), []);
    assert_eq!(read.next_deadline().await.unwrap(), Some(at(5)));
    let reachable = read.reachable(member, None).await.unwrap();
    let [only] = &*reachable else {
        panic!("{reachable:?}")
    };
    assert_eq!(only.resource.id, sample.resource);
    let own = &only.assignments[0];
    let as_before = HeldBack::applied(&held(one, Some(earlier)), *own);
    assert_eq!(as_before, Some(*own), "no more than before");
    assert_eq!(own.settings.mode, Mode::AccessRequest);
    assert_eq!(own.settings.period.longest(), length(7));
    assert_eq!((own.total, own.until), (length(20), earlier.until));
    let hidden = read.reachable(member, Some(sample.other_resource)).await;
    assert_eq!(hidden.unwrap(), []);
    drop(read);

    write!(store, |tx| {
        tx.set_held_back(member, vec![held(other, None)]).await?;
        tx.remove_assignment(other).await
    });
    let mut read = store.read().await.unwrap();
    assert_eq!(read.held_back(None).await.unwrap(), []);
    assert_eq!(read.next_deadline().await.unwrap(), None);
    let reachable = read.reachable(member, None).await.unwrap();
    assert_eq!(reachable[0].assignments[0].settings.mode, Mode::Standing);
    drop(read);
    let gone = refuse!(store, |tx| {
        tx.set_held_back(member, vec![held(other, None)]).await
    });
    assert!(matches!(gone, StoreError::Refused(_)), "{gone:?}");
}

/// The newest moment counts.
pub async fn when_an_administrator_went_is_kept(store: Arc<dyn Store>) {
    let went = async || store.read().await.unwrap().admin_went_at().await.unwrap();
    assert_eq!(went().await, None);
    write!(store, |tx| {
        tx.set_admin_went_at(at(1)).await?;
        tx.set_admin_went_at(at(2)).await
    });
    assert_eq!(went().await, Some(at(2)));
}

/// What the built-in group is assigned to, everybody reaches who is there, without a membership. The count of
/// unused days starts when somebody came, or when the assignment came to auto-lock, whatever is later.
pub async fn everyone_has_what_the_built_in_group_has(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let auto_locked = Override {
        mode: Some(Mode::AutoLock),
        ..Override::default()
    };
    let (assigned, resource) = write!(store, |tx| {
        let new = resource("portal", sample.network);
        let resource = tx.insert_resource(new).await?;
        let own = Assignment {
            own: auto_locked,
            ..assignment(GroupId::EVERYONE, resource)
        };
        let assigned = tx.insert_assignment(own).await?;
        tx.start_counts(at(1)).await?;
        Ok((assigned, resource))
    });
    let new = write!(store, |tx| {
        let id = tx.insert_user(user("new")).await?;
        tx.start_counts(at(5)).await?;
        Ok(id)
    });
    let found = async |user| {
        let mut read = store.read().await.unwrap();
        let one = read.reachable(user, Some(resource)).await.unwrap();
        let all = read.reachable(user, None).await.unwrap();
        assert!(one.iter().all(|one| all.contains(one)));
        let own = one.into_iter().flat_map(|found| found.assignments);
        own.map(|own| (own.assignment, own.group, own.counts_from))
            .collect::<Vec<_>>()
    };
    let expected = |since| [(assigned, GroupId::EVERYONE, Some(at(since)))];
    assert_eq!(found(sample.member).await, expected(1));
    assert_eq!(found(sample.reviewer).await, expected(1));
    assert_eq!(found(new).await, expected(5));
    let mut read = store.read().await.unwrap();
    let since = read.user(new).await.unwrap().unwrap().since;
    assert_eq!(since, Some(at(5)));
    drop(read);

    write!(store, |tx| tx.remove_user(new).await);
    assert_eq!(found(new).await, []);
    write!(store, |tx| tx.remove_assignment(assigned).await);
    assert_eq!(found(sample.member).await, []);
}

/// The built-in group is there for assignments alone: it is among no groups, keeps its name to itself, and
/// neither changes, goes, nor approves.
pub async fn the_built_in_group_is_never_kept(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let everyone = GroupId::EVERYONE;
    let before = store.read().await.unwrap().organisation().await.unwrap();
    assert!(before.groups.iter().all(|group| group.id != everyone));
    let mut read = store.read().await.unwrap();
    assert_eq!(read.group(everyone).await.unwrap(), None);
    let name = read.group_name(everyone).await.unwrap();
    assert_eq!(name.as_deref(), Some("Everyone"));
    drop(read);

    let approving = Resource {
        id: sample.resource,
        approvers: vec![sample.group, everyone],
        ..resource("db", sample.network)
    };
    let listed = Group {
        id: everyone,
        ..group("Staff", [sample.member])
    };
    for (what, error) in [
        (
            "approver",
            refuse!(store, |tx| tx.update_resource(approving).await),
        ),
        (
            "fallback",
            refuse!(store, |tx| tx.set_fallback_reviewers(vec![everyone]).await),
        ),
        ("change", refuse!(store, |tx| tx.update_group(listed).await)),
        (
            "removal",
            refuse!(store, |tx| tx.remove_group(everyone).await),
        ),
    ] {
        assert!(matches!(error, StoreError::Refused(_)), "{what}: {error}");
    }
    let second = group("Everyone", [sample.member]);
    let second = refuse!(store, |tx| tx.insert_group(second).await);
    assert!(matches!(second, StoreError::Duplicate(_)), "{second}");
    let after = store.read().await.unwrap().organisation().await.unwrap();
    assert_eq!(after, before);
}
