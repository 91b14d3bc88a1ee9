//! What people are told of a destination that others take, and of gateways that are away.

use chrono::{FixedOffset, TimeDelta};
use proptest::prelude::*;

use super::draw::{noon, organisation as any_organisation};
use super::explanations::{about, viewer};
use super::lively::lively;
use super::models::{assignment, group, resource, user};
use crate::address::Ports;
use crate::ids::{AssignmentId, GatewayId, NetworkId, ResourceId, UserId};
use crate::organisation::explain::{Explanation, Missing, Presence, sentences};
use crate::organisation::{Assignment, Group, Network, Organisation, Resource, User, explain};
use crate::review::Role;
use crate::settings::{Approval, Mode, Override};

const ADA: UserId = UserId(1);
const ROOT: UserId = UserId(2);

/// Ada has standing access to resource 9, at db.corp on all ports; Root administers.
fn harbour() -> Organisation {
    let mut harbour = Organisation::default();
    for (id, name, roles) in [
        (ADA, "Ada Park", vec![Role::Member]),
        (ROOT, "Root", vec![Role::Admin]),
    ] {
        let plain = user(id.0);
        harbour.set_user(
            id,
            Some(User {
                name: name.to_owned(),
                roles,
                ..plain
            }),
        );
    }
    let group = Group {
        name: "Operators".to_owned(),
        ..group(1, &[1])
    };
    harbour.set_group(group.id, Some(group));
    let network = Network {
        id: NetworkId(1),
        name: "home".to_owned(),
    };
    harbour.set_network(network.id, Some(network));
    harbour.set_gateway(GatewayId(1), Some(NetworkId(1)));
    set(&mut harbour, 9, "Payroll", "");
    assign(&mut harbour, 9, Mode::Standing);
    harbour
}

fn set(of: &mut Organisation, id: i64, name: &str, ports: &str) {
    let resource = Resource {
        name: name.to_owned(),
        address: "db.corp".parse().unwrap(),
        ports: ports.parse().unwrap(),
        ..resource(id)
    };
    of.set_resource(resource.id, Some(resource));
}

fn assign(of: &mut Organisation, resource: i64, mode: Mode) {
    let own = Override {
        mode: Some(mode),
        ..Override::default()
    };
    let assignment = Assignment {
        own,
        ..assignment(resource, 1, resource)
    };
    of.set_assignment(assignment.id, Some(assignment));
}

fn told(of: &Organisation, by: UserId, hours: i64) -> Explanation {
    let question = about(ADA, ResourceId(9), noon() + TimeDelta::hours(hours));
    explain(of, viewer(by), &question, noon()).unwrap()
}

fn said(told: &Explanation) -> Vec<String> {
    let mut lines = sentences(told, noon(), FixedOffset::east_opt(3_600).unwrap());
    let of_policy = |line: &String| line.starts_with("Through group") || line.starts_with("The re");
    lines.retain(|line| !of_policy(line));
    lines
}

const CAN: &str = "Ada Park can reach Payroll now: it is always open.";
const CANNOT: &str = "Ada Park can’t reach Payroll now.";
const HIDDEN: &str = "Something else, which you can’t see, takes connections to its address. Ask \
                      an administrator.";
const UNKNOWN: &str = "Whether a gateway of network home is connected is not known here.";

/// Rule 9: nobody is told that they reach what something else governs, and rule 1: nobody is told
/// what they may not see.
#[test]
fn what_something_hidden_takes_is_not_reached() {
    let mut of = harbour();
    assert_eq!(said(&told(&of, ADA, 0)), [CAN, UNKNOWN]);
    set(&mut of, 1, "Ledger", "");
    let own = told(&of, ADA, 0);
    assert_eq!(said(&own), [CANNOT, HIDDEN]);
    assert_eq!(own.missing, [Missing::SomethingElseGoverns]);
    assert_eq!(own.governed_by, None);
    let other = told(&of, ROOT, 0);
    let named = "Ledger has the same address and ports, and comes first.";
    assert_eq!(said(&other), [CANNOT, named]);
    // One or several, and which, makes no difference.
    set(&mut of, 1, "Vault", "1-400");
    set(&mut of, 2, "Crypt", "");
    assert_eq!(told(&of, ADA, 0), own);
    // Where they have no permit, no connection would tell it.
    assign(&mut of, 9, Mode::AccessRequest);
    let locked = told(&of, ADA, 0);
    of.set_resource(ResourceId(1), None);
    of.set_resource(ResourceId(2), None);
    assert_eq!(told(&of, ADA, 0), locked);
}

#[test]
fn ports_that_others_take_are_named() {
    let mut of = harbour();
    set(&mut of, 1, "Shell", "22");
    set(&mut of, 2, "Pages", "443,8000-8010");
    let hidden = |ports| {
        format!(
            "Connections to {ports} go to something else, which you can’t see and which comes \
             first. Ask an administrator."
        )
    };
    let all = hidden("ports 22,443,8000-8010");
    assert_eq!(said(&told(&of, ADA, 0)), [CAN, &all, UNKNOWN]);
    assign(&mut of, 1, Mode::AccessRequest);
    let shell = "Connections to port 22 go to Shell, which has the same address and comes first.";
    let rest = hidden("ports 443,8000-8010");
    assert_eq!(said(&told(&of, ADA, 0)), [CAN, shell, &rest, UNKNOWN]);
    let json = serde_json::to_value(told(&of, ADA, 0)).unwrap();
    let expected = serde_json::json!([
        { "ports": "22", "by": { "id": 1, "name": "Shell" } },
        { "ports": "443,8000-8010", "by": null },
    ]);
    assert_eq!(json["shadowed"], expected);
    // Together they leave nothing.
    set(&mut of, 9, "Payroll", "22,443");
    assert_eq!(said(&told(&of, ADA, 0)), [CANNOT, shell, HIDDEN]);
    let pages = "Connections to port 443 go to Pages, which has the same address and comes first.";
    assert_eq!(said(&told(&of, ROOT, 0)), [CANNOT, shell, pages]);
}

#[test]
fn what_has_many_addresses_says_that_more_specific_ones_come_first() {
    let mut of = harbour();
    let mut wide = (**of.resource(ResourceId(9)).unwrap()).clone();
    for (address, said) in [("*.corp", true), ("10.0.0.0/8", true), ("db.corp", false)] {
        wide.address = address.parse().unwrap();
        of.set_resource(wide.id, Some(wide.clone()));
        let lines = sentences(
            &told(&of, ADA, 0),
            noon(),
            FixedOffset::east_opt(0).unwrap(),
        );
        let last = lines.last().unwrap();
        let specific = "home. A resource with a more specific address comes before it there.";
        assert_eq!(last.ends_with(specific), said, "{last}");
    }
}

#[test]
fn a_gateway_that_is_away_lets_nobody_in() {
    let mut of = harbour();
    let seen = |of: &Organisation, hours, connected: &[i64]| {
        let is_connected = |gateway: GatewayId| connected.contains(&gateway.0);
        told(of, ADA, hours).with_connected(of, noon(), is_connected)
    };
    let away = seen(&of, 0, &[]);
    assert_eq!(
        (away.gateway, &*away.missing),
        (Presence::Away, &[Missing::GatewayAway][..])
    );
    let sentence = "No gateway of network home is connected: nobody can reach its resources now. \
                    Ask an administrator to look at the gateways.";
    assert_eq!(said(&away), [CANNOT, sentence]);
    let there = seen(&of, 0, &[1]);
    assert_eq!(
        (there.gateway, &*there.missing),
        (Presence::Connected, &[][..])
    );
    assert_eq!(said(&there), [CAN]);
    // One of another network does not help.
    of.set_gateway(GatewayId(2), Some(NetworkId(2)));
    assert_eq!(seen(&of, 0, &[2]), away);
    of.set_gateway(GatewayId(2), Some(NetworkId(1)));
    assert_eq!(seen(&of, 0, &[2]), there);
    // Nobody knows of later.
    let later = seen(&of, 1, &[]);
    assert_eq!(
        (later.gateway, &*later.missing),
        (Presence::Unknown, &[][..])
    );
    let lines = said(&later);
    assert_eq!(
        lines,
        ["Ada Park can reach Payroll at 2031-05-14 14:00: it is always open."]
    );
    of.set_gateway(GatewayId(1), None);
    of.set_gateway(GatewayId(2), None);
    let none = seen(&of, 0, &[]);
    assert_eq!(
        (none.gateway, &*none.missing),
        (Presence::None, &[Missing::NoGateway][..])
    );
}

#[test]
fn who_approves_is_said_where_something_can_be_approved() {
    let mut of = harbour();
    let names = |of: &Organisation| {
        let lines = said(&told(of, ROOT, 0));
        lines
            .iter()
            .any(|line| line.starts_with("Requests can be approved by Root."))
    };
    assert!(!names(&of), "it is always open");
    assign(&mut of, 9, Mode::AccessRequest);
    assert!(names(&of));
    let mut ada = (**of.user(ADA).unwrap()).clone();
    ada.disabled = true;
    of.set_user(ADA, Some(ada.clone()));
    assert!(!names(&of), "the account is disabled");
    ada.disabled = false;
    of.set_user(ADA, Some(ada));
    let mut opens = (**of.resource(ResourceId(9)).unwrap()).clone();
    opens.settings.approval = Approval::Automatic;
    of.set_resource(opens.id, Some(opens));
    assert!(!names(&of), "it opens with a reason");
    of.set_assignment(AssignmentId(9), None);
    assert!(!names(&of), "nobody is assigned");
}

/// Of a later moment, every moment has its date.
#[test]
fn later_moments_are_said_with_their_dates() {
    let mut of = harbour();
    let mut own = (**of.assignment(AssignmentId(9)).unwrap()).clone();
    own.until = Some(noon() + TimeDelta::hours(30));
    of.set_assignment(own.id, Some(own));
    assert_eq!(
        said(&told(&of, ADA, 26)),
        [
            "Ada Park can reach Payroll at 2031-05-15 15:00: it is always open, until 2031-05-15 19:00."
        ]
    );
    let now = &said(&told(&of, ADA, 0))[0];
    assert!(now.ends_with("always open, until tomorrow 19:00."), "{now}");
}

#[test]
fn an_older_controllers_explanation_is_read() {
    let mut json = serde_json::to_value(told(&harbour(), ADA, 0)).unwrap();
    let fields = json.as_object_mut().unwrap();
    fields.remove("shadowed").unwrap();
    fields.remove("gateway").unwrap();
    let read: Explanation = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(read.gateway, Presence::Unknown);
    json["gateway"] = "asleep".into();
    let read: Explanation = serde_json::from_value(json).unwrap();
    assert_eq!(read.gateway, Presence::Unknown);
}

fn ports() -> impl Strategy<Value = Ports> {
    let range = (
        prop::sample::select(vec![1u16, 2, 5, 6, 9, 65_534, 65_535]),
        0u16..4,
    );
    let range = range.prop_map(|(from, more)| format!("{from}-{}", from.saturating_add(more)));
    prop::collection::vec(range, 0..=3).prop_map(|all| all.join(",").parse().unwrap())
}

proptest! {
    #[test]
    fn ports_in_common_and_without_others(one in ports(), other in ports()) {
        let (common, without) = (one.common(&other), one.without(&other));
        for port in (1..=20).chain(65_520..=u16::MAX) {
            let both = one.contains(port) && other.contains(port);
            prop_assert_eq!(common.as_ref().is_some_and(|it| it.contains(port)), both);
            let own = one.contains(port) && !other.contains(port);
            prop_assert_eq!(without.as_ref().is_some_and(|it| it.contains(port)), own);
        }
    }

    /// Rules 1 and 9: that hidden things take a destination is one fact, told of a permit alone.
    #[test]
    fn hidden_resources_are_told_as_one(
        organisation in prop_oneof![any_organisation().boxed(), lively().boxed()],
    ) {
        for person in (1..=5).map(UserId) {
            for resource in (1..=5).map(ResourceId) {
                let told = explain(&organisation, viewer(person), &about(person, resource, noon()), noon());
                let Ok(told) = told else { continue };
                let hidden = told.shadowed.iter().filter(|it| it.by.is_none()).count();
                prop_assert!(hidden <= usize::from(told.permit.is_some()), "{told:?}");
                let is_taken = told.missing.contains(&Missing::SomethingElseGoverns);
                prop_assert!(hidden == 1 || !is_taken, "{told:?}");
            }
        }
    }
}
