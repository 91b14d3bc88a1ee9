//! Warnings about what was forgotten.

use chrono::{FixedOffset, TimeDelta};

use super::draw::noon;
use super::models::{assignment, group, resource, user};
use crate::ids::{AssignmentId, GroupId, ResourceId, UserId};
use crate::organisation::lint::{Finding, Severity, sentence};
use crate::organisation::{Assignment, Organisation, Resource, User, lint};
use crate::review::Role;
use crate::settings::{Mode, Settings};

const RESOURCE: ResourceId = ResourceId(1);

/// Root administers, and sees Database through Ops.
fn tidy() -> Organisation {
    let mut tidy = Organisation::default();
    set_user(&mut tidy, vec![Role::Admin], false);
    set_group(&mut tidy, 1, &[1]);
    set_resource(&mut tidy, 1, "Database", None, &[]);
    set_assignment(&mut tidy, 1, None);
    assert_eq!(found(&tidy), []);
    tidy
}

fn set_user(of: &mut Organisation, roles: Vec<Role>, disabled: bool) {
    let user = User {
        roles,
        disabled,
        since: None,
        ..user(1)
    };
    of.set_user(user.id, Some(user));
}

fn set_group(of: &mut Organisation, id: i64, members: &[i64]) {
    of.set_group(GroupId(id), Some(group(id, members)));
}

fn set_resource(of: &mut Organisation, id: i64, name: &str, alias: Option<&str>, by: &[i64]) {
    let plain = resource(id);
    let resource = Resource {
        name: name.to_owned(),
        ports: "443".parse().unwrap(),
        alias: alias.map(ToOwned::to_owned),
        settings: Settings {
            mode: Mode::Standing,
            ..plain.settings
        },
        approvers: by.iter().copied().map(GroupId).collect(),
        ..plain
    };
    of.set_resource(resource.id, Some(resource));
}

fn set_assignment(of: &mut Organisation, resource: i64, until: Option<crate::Time>) {
    let assignment = Assignment {
        until,
        ..assignment(resource, 1, resource)
    };
    of.set_assignment(assignment.id, Some(assignment));
}

fn found(of: &Organisation) -> Vec<(Severity, String)> {
    let zone = FixedOffset::east_opt(3_600).unwrap();
    let found = lint(of, noon()).into_iter();
    let of_gateways = |finding: &Finding| matches!(finding, Finding::NoGateway { .. });
    let rest = found.filter(|finding| !of_gateways(finding));
    let said = |finding: Finding| (finding.severity(), sentence(&finding, of, zone).to_string());
    rest.map(said).collect()
}

fn one(severity: Severity, sentence: &str) -> Vec<(Severity, String)> {
    vec![(severity, sentence.to_owned())]
}

const NOBODY_SEES: &str = "Nobody sees Database: no group with an enabled member is assigned to it. \
                           Nobody else reaches its address.";

#[test]
fn nobody_administers() {
    let mut of = tidy();
    let expected = one(
        Severity::Problem,
        "Nobody administers this organisation: no enabled user has the role Admin. Add one with \
         `hourkey-controller user add LOGIN --name NAME --admin`.",
    );
    set_user(&mut of, vec![Role::AccessReviewer], false);
    assert_eq!(found(&of), expected);
    set_user(&mut of, vec![Role::Admin], true);
    assert_eq!(found(&of)[..1], expected, "a disabled one");
    assert_eq!(found(&Organisation::default()), [], "not set up yet");
}

#[test]
fn assignments_that_have_ended() {
    let mut of = tidy();
    set_assignment(&mut of, 1, Some(noon()));
    let ended = "Group 1’s access to Database ended 2031-05-14 13:00 UTC+01:00. Remove the \
                 assignment, or give it a later date.";
    let expected = [
        one(Severity::Hint, ended),
        one(Severity::Warning, NOBODY_SEES),
    ];
    assert_eq!(found(&of), expected.concat());
    set_assignment(&mut of, 1, Some(noon() + TimeDelta::days(15)));
    assert_eq!(found(&of), []);
}

#[test]
fn what_nobody_sees() {
    let mut of = tidy();
    set_group(&mut of, 1, &[]);
    assert_eq!(found(&of), one(Severity::Warning, NOBODY_SEES));
    set_group(&mut of, 1, &[1]);
    assert_eq!(found(&of), []);
    of.set_assignment(AssignmentId(1), None);
    assert_eq!(found(&of), one(Severity::Warning, NOBODY_SEES));
}

#[test]
fn approvers_without_members() {
    let mut of = tidy();
    set_group(&mut of, 2, &[]);
    let said = |what: &str| {
        let said =
            format!("Group Group 2 approves requests for {what}, and has no enabled member.");
        one(Severity::Warning, &said)
    };
    set_resource(&mut of, 1, "Database", None, &[2]);
    assert_eq!(found(&of), said("Database"));
    set_resource(&mut of, 2, "Wiki", None, &[2]);
    set_assignment(&mut of, 2, None);
    assert_eq!(found(&of), said("2 resources"));
    set_resource(&mut of, 1, "Database", None, &[]);
    set_resource(&mut of, 2, "Wiki", None, &[]);
    of.set_fallback_reviewers(vec![GroupId(2)]);
    assert_eq!(found(&of), said("what nobody else can"));
    set_group(&mut of, 2, &[1]);
    assert_eq!(found(&of), []);
}

#[test]
fn words_with_two_meanings() {
    let mut of = tidy();
    for (name, alias, word) in [
        ("database", None, Some("database")),
        ("Wiki", Some("DATABASE"), Some("database")),
        ("Wiki", Some("wiki"), None),
    ] {
        set_resource(&mut of, 2, name, alias, &[]);
        set_assignment(&mut of, 2, None);
        let said = word.map_or_else(Vec::new, |word| {
            let said = format!(
                "Database and {name} are both called {word}: commands may take one for the other."
            );
            one(Severity::Warning, &said)
        });
        assert_eq!(found(&of), said, "{name} {alias:?}");
    }
    assert!(of.resource(RESOURCE).is_some());
}

#[test]
fn owners_who_cannot_sign_in() {
    let mut of = tidy();
    let mut gone = (**of.user(UserId(1)).unwrap()).clone();
    gone.id = UserId(7);
    gone.name = "Olga".to_owned();
    gone.disabled = true;
    gone.roles = Vec::new();
    of.set_user(gone.id, Some(gone.clone()));
    let mut owned = (**of.resource(ResourceId(1)).unwrap()).clone();
    owned.about.owner = Some(gone.id);
    of.set_resource(owned.id, Some(owned.clone()));
    let said = "Olga owns Database, and is disabled. Name another owner.";
    assert_eq!(found(&of), one(Severity::Hint, said));
    // Whoever was removed owns nothing, and a disabled resource is as it should be.
    of.set_user(gone.id, None);
    owned.about.enabled = false;
    of.set_resource(owned.id, Some(owned));
    assert_eq!(found(&of), []);
}
