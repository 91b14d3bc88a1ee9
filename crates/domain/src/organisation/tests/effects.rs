//! What a change does to people, as a terminal reads it.

use super::draw::noon;
use super::models::{assignment, group, resource, user};
use crate::cause::Cause;
use crate::ids::{AssignmentId, GrantId, RequestId, ResourceId, UserId};
use crate::organisation::diff::{diff, sentences, sentences_without_people};
use crate::organisation::{
    Diff, EndedGrant, EndedRequest, Group, Organisation, Resource, SentRequest, Sight, Unreviewed,
    UnreviewedResource, User,
};
use crate::settings::Period;

/// Eight people, and six resources that all of a group see: with a request, approved by a reviewer.
fn office() -> Organisation {
    let mut office = Organisation::default();
    let people = ["Ada", "Bo", "Cy", "Di", "Ed", "Flo", "Gus", "Hal\u{202e}"];
    for (id, name) in (1..).zip(people) {
        let (login, name) = (name.to_lowercase(), name.to_owned());
        let user = User {
            login,
            name,
            ..user(id)
        };
        office.set_user(user.id, Some(user));
    }
    set_members(&mut office, &[1, 2, 3, 4, 5, 6, 7, 8]);
    for (id, name) in (1..).zip(["Wiki", "Vault", "Files", "Desk", "Mail", "Logs"]) {
        let resource = Resource {
            name: name.to_owned(),
            ports: "443".parse().unwrap(),
            ..resource(id)
        };
        office.set_resource(resource.id, Some(resource));
        office.set_assignment(AssignmentId(id), Some(assignment(id, 1, id)));
    }
    office
}

fn set_members(of: &mut Organisation, members: &[i64]) {
    let group = Group {
        name: "Staff".to_owned(),
        ..group(1, members)
    };
    of.set_group(group.id, Some(group));
}

fn lines(diff: &Diff, before: &Organisation, after: &Organisation) -> Vec<String> {
    let all = sentences(diff, before, after);
    all.iter().map(ToString::to_string).collect()
}

fn changed(change: impl Fn(&mut Organisation)) -> Vec<String> {
    let before = office();
    let mut after = before.clone();
    change(&mut after);
    lines(&diff(&before, &after, noon()), &before, &after)
}

#[test]
fn what_does_nothing_to_anybody_is_not_spoken_of() {
    let renamed = changed(|office| office.set_name("Elsewhere"));
    assert_eq!(renamed, [""; 0]);
}

#[test]
fn people_and_resources_are_named_as_far_as_they_are_few() {
    let left = |members: &'static [i64]| changed(|office| set_members(office, members));
    assert_eq!(
        left(&[2, 3, 4, 5, 6, 7, 8]),
        ["Ada no longer sees 6 resources: Wiki, Vault, Files, Desk, Mail and 1 more."]
    );
    assert_eq!(
        left(&[3, 4, 5, 6, 7, 8]),
        [
            "2 people no longer see 6 resources: Wiki (2 people), Vault (2 people), Files (2 \
             people), Desk (2 people), Mail (2 people) and 1 more."
        ]
    );
    // What is gone has its name from before.
    assert_eq!(
        changed(|office| {
            office.set_assignment(AssignmentId(1), None);
            office.set_removed_resource(ResourceId(1));
        }),
        ["8 people no longer see Wiki: Ada, Bo, Cy, Di, Ed and 3 more."]
    );
    let stricter = changed(|office| {
        let mut wiki = (**office.resource(ResourceId(1)).unwrap()).clone();
        let length = crate::length::Length::from_seconds(60).unwrap();
        wiki.settings.period = Period::Preset(length);
        office.set_resource(wiki.id, Some(wiki));
    });
    assert_eq!(
        stricter,
        ["The rules for Wiki become stricter for 8 people: Ada, Bo, Cy, Di, Ed and 3 more."]
    );
}

#[test]
fn what_ends_says_why_where_that_is_the_same() {
    let office = office();
    let said = |diff: &Diff| lines(diff, &office, &office);
    let grant = |id: i64, cause| EndedGrant {
        user: UserId(id),
        resource: ResourceId(id),
        grant: GrantId(id),
        cause,
    };
    let revoked = |revoked: Vec<EndedGrant>| {
        said(&Diff {
            revoked,
            ..Diff::default()
        })
    };
    let (left, disabled) = (Cause::MembershipRemoved, Cause::UserDisabled);
    assert_eq!(
        revoked(vec![grant(1, left), grant(2, left)]),
        ["2 grants are revoked because the group membership ended: Ada on Wiki, Bo on Vault."]
    );
    assert_eq!(
        revoked(vec![grant(1, left), grant(2, disabled)]),
        ["2 grants are revoked: Ada on Wiki, Bo on Vault."]
    );
    assert_eq!(
        revoked(vec![grant(1, disabled)]),
        ["1 grant is revoked because the account was disabled: Ada on Wiki."]
    );
}

#[test]
fn all_that_may_happen_is_said_in_twelve_sentences() {
    let office = office();
    let sights = |users: &[i64]| {
        vec![Sight {
            resource: ResourceId(1),
            users: users.iter().copied().map(UserId).collect(),
        }]
    };
    let sent = vec![SentRequest {
        user: UserId(8),
        resource: ResourceId(2),
        request: RequestId(1),
    }];
    let unreviewed = (1..=5).map(|id| UnreviewedResource {
        resource: ResourceId(id),
        whose: match id {
            1 => Unreviewed::User(UserId(1)),
            _ => Unreviewed::Everybody,
        },
    });
    let all = Diff {
        gains: sights(&[1]),
        losses: sights(&[2, 3]),
        cancelled: vec![EndedRequest {
            user: UserId(1),
            resource: ResourceId(1),
            request: RequestId(2),
            cause: Cause::ResourceRemoved,
        }],
        reopened: sent.clone(),
        sent_to_fallback: sent,
        unreviewed: unreviewed.collect(),
        ..Diff::default()
    };
    assert_eq!(
        lines(&all, &office, &office),
        [
            "2 people no longer see Wiki: Bo, Cy.",
            "Ada now sees Wiki.",
            "1 request is cancelled because the resource was removed: Ada for Wiki.",
            "1 approved request goes back to review: Hal\\u{202e} for Vault.",
            "1 request goes to the fallback reviewers: Hal\\u{202e} for Vault.",
            "Ada is the only reviewer of Wiki: nobody can approve their requests.",
            "Nobody can approve requests for Vault.",
            "Nobody can approve requests for Files.",
            "The same is true of 2 more resources.",
        ]
    );
}

/// The wiki, disabled or not.
fn set_enabled(office: &mut Organisation, enabled: bool) {
    let mut wiki = (**office.resource(ResourceId(1)).unwrap()).clone();
    wiki.about.enabled = enabled;
    office.set_resource(wiki.id, Some(wiki));
}

#[test]
fn a_disabled_resource_is_lost_and_an_enabled_one_gained() {
    let shut = changed(|office| set_enabled(office, false));
    assert_eq!(
        shut,
        ["8 people lose access to Wiki, disabled now: Ada, Bo, Cy, Di, Ed and 3 more."]
    );
    let mut before = office();
    set_enabled(&mut before, false);
    let after = office();
    assert_eq!(
        lines(&diff(&before, &after, noon()), &before, &after),
        [
            "8 people may use or request Wiki, enabled now: Ada, Bo, Cy, Di, Ed and 3 more.",
            "Nobody can approve requests for Wiki.",
        ]
    );
    // Whom a disabled one is given to gains nothing by that.
    let mut fewer = before.clone();
    set_members(&mut fewer, &[]);
    fewer.set_assignment(AssignmentId(1), None);
    let mut given = fewer.clone();
    given.set_assignment(AssignmentId(1), Some(assignment(1, 1, 1)));
    assert!(diff(&fewer, &given, noon()).is_empty());
}

#[test]
fn who_sees_nobody_s_access_is_told_numbers_and_no_names() {
    let before = office();
    let mut after = before.clone();
    set_members(&mut after, &[2]);
    set_enabled(&mut after, false);
    let found = Diff {
        revoked: vec![EndedGrant {
            user: UserId(1),
            resource: ResourceId(1),
            grant: GrantId(1),
            cause: Cause::ResourceDisabled,
        }],
        cancelled: vec![EndedRequest {
            user: UserId(3),
            resource: ResourceId(2),
            request: RequestId(1),
            cause: Cause::MembershipRemoved,
        }],
        unreviewed: vec![UnreviewedResource {
            resource: ResourceId(3),
            whose: Unreviewed::User(UserId(2)),
        }],
        ..diff(&before, &after, noon())
    };
    let said = sentences_without_people(&found, &before, &after);
    let said: Vec<_> = said.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "7 people no longer see 5 resources: Vault (7 people), Files (7 people), Desk (7 \
             people), Mail (7 people), Logs (7 people).",
            "8 people lose access to Wiki, disabled now.",
            "1 grant is revoked because the resource was disabled.",
            "1 request is cancelled because the group membership ended.",
            "1 person is the only reviewer of Files: nobody can approve their requests.",
        ]
    );
}
