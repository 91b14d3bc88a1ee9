//! Explanations as people read them.

use chrono::{FixedOffset, TimeDelta};

use super::draw::{noon, text};
use super::explanations::{about, viewer};
use crate::ids::{AssignmentId, GatewayId, GroupId, NetworkId, ResourceId, UserId};
use crate::organisation::explain::sentences;
use crate::organisation::{
    Access, Assignment, Group, Network, Organisation, Resource, User, explain,
};
use crate::review::Role;
use crate::settings::{Approval, Mode, Override, Period, Settings};

fn settings() -> Settings {
    Settings {
        mode: Mode::AccessRequest,
        period: Period::Preset(crate::length::Length::from_seconds(45 * 60).unwrap()),
        approval: Approval::Manual,
        lock_after: 30,
    }
}

/// Ada and Bo are operators; Nina and Bo, a reviewer by group, approve.
fn harbour() -> Organisation {
    let mut harbour = Organisation::default();
    for (id, name, roles) in [
        (1, "Ada Park", vec![Role::Member]),
        (2, "Bo", vec![]),
        (3, "Nina Ro", vec![]),
    ] {
        let user = User {
            id: UserId(id),
            login: format!("login-{id}"),
            name: name.to_owned(),
            email: Some("mail@corp".to_owned()),
            roles,
            disabled: false,
            since: None,
        };
        harbour.set_user(user.id, Some(user));
    }
    for (id, name, members) in [
        (1, "Operators", vec![1, 2]),
        (2, "Security", vec![2, 3]),
        (3, "Night", vec![1]),
    ] {
        let members = members.into_iter().map(UserId).collect();
        let group = Group {
            id: GroupId(id),
            name: name.to_owned(),
            members,
        };
        harbour.set_group(group.id, Some(group));
    }
    let network = Network {
        id: NetworkId(1),
        name: "home".to_owned(),
    };
    harbour.set_network(network.id, Some(network));
    harbour.set_gateway(GatewayId(1), Some(NetworkId(1)));
    let resource = Resource {
        about: crate::organisation::About::default(),
        id: ResourceId(1),
        name: "Payroll".to_owned(),
        address: "db.corp".parse().unwrap(),
        ports: "5432".parse().unwrap(),
        alias: None,
        network: NetworkId(1),
        tags: Vec::new(),
        url: None,
        keep_alive_offline: false,
        settings: settings(),
        approvers: vec![GroupId(2)],
    };
    harbour.set_resource(resource.id, Some(resource));
    let own = Override {
        approval: Some(Approval::Automatic),
        ..Override::default()
    };
    for (id, group, own, until) in [
        (1, 1, Override::default(), None),
        (2, 3, own, Some(noon() + TimeDelta::hours(1))),
    ] {
        let assignment = Assignment {
            auto_locks_since: None,
            id: AssignmentId(id),
            group: GroupId(group),
            resource: ResourceId(1),
            until,
            own,
        };
        harbour.set_assignment(assignment.id, Some(assignment));
    }
    harbour
}

fn said(organisation: &Organisation, hours: i64) -> String {
    let at = noon() + TimeDelta::hours(hours);
    let question = about(UserId(1), ResourceId(1), at);
    let told = explain(organisation, viewer(UserId(1)), &question, noon()).unwrap();
    let zone = FixedOffset::east_opt(3_600).unwrap();
    sentences(&told, noon(), zone).join("\n")
}

fn access_of(organisation: &Organisation) -> Access {
    let access = organisation.access(UserId(1), ResourceId(1)).unwrap();
    (**access).clone()
}

#[test]
fn a_locked_resource_is_explained() {
    let harbour = harbour();
    assert_eq!(
        said(&harbour, 0),
        "Ada Park can’t reach Payroll now.\n\
         It opens immediately with a reason, which is recorded.\n\
         Through group Operators: on request for 45 minutes, a reviewer approves. Night counts \
         instead: it gives more, or came first.\n\
         Through group Night: on request for 45 minutes, opens immediately with a reason (set for \
         this group: approval), until 14:00. This assignment counts.\n\
         Requests can be approved by Bo or Nina Ro.\n\
         The resource is db.corp:5432 in network home."
    );
    assert_eq!(
        said(&harbour, 2),
        "Ada Park can’t reach Payroll at 2031-05-14 15:00.\n\
         A reviewer has to approve.\n\
         Through group Operators: on request for 45 minutes, a reviewer approves. This assignment \
         counts.\n\
         Through group Night: on request for 45 minutes, opens immediately with a reason (set for \
         this group: approval), until 2031-05-14 14:00. This assignment has ended.\n\
         Requests can be approved by Bo or Nina Ro.\n\
         The resource is db.corp:5432 in network home."
    );
}

#[test]
fn nobody_has_to_approve_standing_access() {
    let mut harbour = harbour();
    harbour.set_group(GroupId(2), None);
    let mut own = (**harbour.assignment(AssignmentId(1)).unwrap()).clone();
    own.own.mode = Some(Mode::Standing);
    harbour.set_assignment(own.id, Some(own));
    let open = said(&harbour, 0);
    let expected = "Ada Park can reach Payroll now: it is always open.\nWhether a gateway of \
                    network home is connected is not known here.\nThrough group Operators: always \
                    open (set for this group: mode). This assignment counts.\n";
    assert!(open.starts_with(expected), "{open}");
}

#[test]
fn people_are_named_up_to_five() {
    let mut harbour = harbour();
    // Of the second group, only the requester is a member.
    let mut resource = (**harbour.resource(ResourceId(1)).unwrap()).clone();
    resource.approvers = vec![GroupId(2), GroupId(3)];
    harbour.set_resource(resource.id, Some(resource));
    let mut security = (**harbour.group(GroupId(2)).unwrap()).clone();
    let mut approve = |ids: std::ops::RangeInclusive<i64>| {
        for id in ids.clone().map(UserId) {
            let mut user = (**harbour.user(UserId(3)).unwrap()).clone();
            user.id = id;
            user.name = format!("Person {id}");
            harbour.set_user(id, Some(user));
        }
        security.members = ids.map(UserId).collect();
        harbour.set_group(security.id, Some(security.clone()));
        said(&harbour, 0)
    };
    let five = approve(10..=14);
    assert!(
        five.contains("by Person 10, Person 11, Person 12, Person 13 or Person 14."),
        "{five}"
    );
    let six = approve(10..=15);
    assert!(
        six.contains("Requests can be approved by members of Security."),
        "{six}"
    );
}

#[test]
fn field_names_are_stable() {
    let harbour = harbour();
    let question = about(UserId(1), ResourceId(1), noon());
    let told = explain(&harbour, viewer(UserId(1)), &question, noon()).unwrap();
    let setting =
        |value: serde_json::Value, from: &str| serde_json::json!({ "value": value, "from": from });
    let preset = || setting(serde_json::json!({ "preset": 2700 }), "resource");
    assert_eq!(
        serde_json::to_value(told).unwrap(),
        serde_json::json!({
            "user": { "id": 1, "name": "Ada Park" },
            "resource": {
                "id": 1,
                "name": "Payroll",
                "address": "db.corp",
                "ports": "5432",
                "network": "home",
            },
            "at": "2031-05-14T12:00:00Z",
            "lock": { "state": "locked", "why": "needs_reason" },
            "permit": null,
            "governed_by": null,
            "shadowed": [],
            "gateway": "unknown",
            "assignments": [
                {
                    "id": 1,
                    "group": { "id": 1, "name": "Operators" },
                    "mode": setting("AccessRequest".into(), "resource"),
                    "period": preset(),
                    "approval": setting("Manual".into(), "resource"),
                    "lock_after": setting(30.into(), "resource"),
                    "until": null,
                    "weight": { "weight": "weaker", "than": 2 },
                },
                {
                    "id": 2,
                    "group": { "id": 3, "name": "Night" },
                    "mode": setting("AccessRequest".into(), "resource"),
                    "period": preset(),
                    "approval": setting("Automatic".into(), "override"),
                    "lock_after": setting(30.into(), "resource"),
                    "until": "2031-05-14T13:00:00Z",
                    "weight": { "weight": "counts" },
                },
            ],
            "grant": null,
            "pending": null,
            "automatic_off_until": null,
            "approvers": {
                "kind": "regulars",
                "groups": ["Security"],
                "people": ["Bo", "Nina Ro"],
            },
            "missing": [{ "missing": "needs_reason" }],
        })
    );
}

#[test]
fn obstacles_are_named() {
    let mut harbour = harbour();
    harbour.set_gateway(GatewayId(1), None);
    harbour.set_group(GroupId(2), None);
    let mut other = (**harbour.resource(ResourceId(1)).unwrap()).clone();
    other.id = ResourceId(0);
    other.name = "Ledger".to_owned();
    harbour.set_resource(other.id, Some(other));
    harbour.set_assignment(AssignmentId(2), None);
    let hidden = said(&harbour, 0);
    assert!(
        hidden.contains("Nobody can approve a request for it"),
        "{hidden}"
    );
    assert!(
        hidden.contains("No gateway of network home has enrolled"),
        "{hidden}"
    );
    assert!(!hidden.contains("Ledger"), "not theirs to know: {hidden}");
    let own = Assignment {
        auto_locks_since: None,
        id: AssignmentId(3),
        group: GroupId(3),
        resource: ResourceId(0),
        until: None,
        own: Override::default(),
    };
    harbour.set_assignment(own.id, Some(own));
    let seen = said(&harbour, 0);
    assert!(
        seen.contains("Ledger has the same address and ports, and comes first."),
        "{seen}"
    );
    let mut first = (**harbour.resource(ResourceId(0)).unwrap()).clone();
    first.id = ResourceId(-1);
    first.name = "Hidden".to_owned();
    harbour.set_resource(first.id, Some(first));
    assert_eq!(said(&harbour, 0), seen, "not theirs to know either");
}

#[test]
fn what_waits_runs_and_was_revoked_is_said() {
    use crate::grant::{Grant, State as GrantState, Window};
    use crate::ids::{GrantId, RequestId};
    use crate::request::{Ask, DEFAULT_LAPSE, ask};

    let mut harbour = harbour();
    let own = harbour.effective_assignment(AssignmentId(1)).unwrap();
    let what = Ask {
        reason: text("a backup"),
        length: None,
        starts_at: None,
    };
    let new = ask(
        UserId(1),
        ResourceId(1),
        &own,
        what,
        None,
        DEFAULT_LAPSE,
        noon(),
    )
    .unwrap();
    let request = new.numbered(RequestId(7));
    let mut access = Access {
        pending: Some(Box::new(request.clone())),
        ..Access::default()
    };
    access.history.revoked_at = Some(noon() - TimeDelta::hours(1));
    harbour.set_access(UserId(1), ResourceId(1), Some(access));
    let waiting = said(&harbour, 0);
    assert!(
        waiting.contains(
            "A request for access was made 13:00. It expires tomorrow 13:00 if nobody answers."
        ),
        "{waiting}"
    );
    assert!(
        waiting.contains("Access was revoked: until tomorrow 12:00, a reviewer has to approve."),
        "{waiting}"
    );
    let mut earlier = access_of(&harbour);
    earlier.history.revoked_at = Some(noon() - TimeDelta::hours(24));
    harbour.set_access(UserId(1), ResourceId(1), Some(earlier));
    let waiting = said(&harbour, 0);
    assert!(!waiting.contains("Access was revoked"), "{waiting}");
    let grant = Grant {
        id: GrantId(7),
        request: request.id,
        user: request.user,
        resource: request.resource,
        assignment: AssignmentId(1),
        window: Window {
            starts_at: noon(),
            expires_at: noon() + TimeDelta::minutes(45),
        },
        state: GrantState::Active,
    };
    let granted = crate::transition::Granted { grant, request };
    let access = Access {
        grant: Some(Box::new(granted)),
        ..Access::default()
    };
    harbour.set_access(UserId(1), ResourceId(1), Some(access));
    let running = said(&harbour, 0);
    assert!(
        running.starts_with("Ada Park can reach Payroll now: access was granted, until 13:45.\n"),
        "{running}"
    );
    assert!(said(&harbour, 1).starts_with("Ada Park can’t reach Payroll at 2031-05-14 14:00.\n"));
    let mut ending = (**harbour.assignment(AssignmentId(1)).unwrap()).clone();
    ending.until = Some(noon() + TimeDelta::minutes(30));
    harbour.set_assignment(ending.id, Some(ending));
    let running = said(&harbour, 0);
    assert!(running.contains("Access ends 13:30."), "{running}");
    let mut access = access_of(&harbour);
    if let Some(granted) = &mut access.grant {
        granted.grant.state = GrantState::Scheduled;
        granted.grant.window.starts_at = noon() + TimeDelta::minutes(10);
    }
    harbour.set_access(UserId(1), ResourceId(1), Some(access));
    let scheduled = said(&harbour, 0);
    let expected = "Access starts 13:10 and ends 13:45.";
    assert!(
        scheduled.contains(expected),
        "checked at its start: {scheduled}"
    );
}
