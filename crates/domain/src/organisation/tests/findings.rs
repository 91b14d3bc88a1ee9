//! Each warning, where it belongs, and nowhere else.

use chrono::{FixedOffset, TimeDelta};
use proptest::prelude::*;

use super::draw::{full, moment, noon, organisation, text};
use super::lively::lively;
use super::models::{assignment, group, resource, user};
use crate::ids::{AssignmentId, GatewayId, GroupId, NetworkId, RequestId, ResourceId, UserId};
use crate::length::Length;
use crate::organisation::lint::{Finding, Severity, sentence};
use crate::organisation::{
    Access, Assignment, Network, Organisation, Resource, Unreviewed, User, lint as lint_all,
};
use crate::periods::Periods;
use crate::request::{Ask, DEFAULT_LAPSE, ask};
use crate::review::{Eligible, Role};
use crate::settings::{Mode, Override, Period};

/// Without what was forgotten, of which `leftovers` tells: nobody administers, and many resources are
/// assigned to nobody.
fn lint(of: &Organisation, now: crate::Time) -> Vec<Finding> {
    let mut found = lint_all(of, now);
    found.retain(|finding| {
        !matches!(
            finding,
            Finding::NobodyAdministers
                | Finding::Ended { .. }
                | Finding::SeenByNobody { .. }
                | Finding::ApproversWithoutMembers { .. }
                | Finding::SameWord { .. }
        )
    });
    found
}

fn set_user(of: &mut Organisation, id: i64, roles: &[Role]) {
    let user = User {
        roles: roles.to_vec(),
        ..user(id)
    };
    of.set_user(user.id, Some(user));
}

fn set_group(of: &mut Organisation, id: i64, members: &[i64]) {
    of.set_group(GroupId(id), Some(group(id, members)));
}

fn set_resource(of: &mut Organisation, id: i64, address: &str, ports: &str, approvers: &[i64]) {
    let resource = Resource {
        address: address.parse().unwrap(),
        ports: ports.parse().unwrap(),
        approvers: approvers.iter().copied().map(GroupId).collect(),
        ..resource(id)
    };
    of.set_resource(resource.id, Some(resource));
}

fn set_assignment(of: &mut Organisation, id: i64, group: i64, mode: Option<Mode>) {
    let own = Override {
        mode,
        ..Override::default()
    };
    let assignment = Assignment {
        own,
        ..assignment(id, group, 1)
    };
    of.set_assignment(assignment.id, Some(assignment));
}

/// User 1, of group 1, may ask for resource 1, which users 2 and 3, of group 2, approve: nothing to
/// say.
fn tidy() -> Organisation {
    let mut tidy = Organisation::default();
    let network = Network {
        id: NetworkId(1),
        name: "home".to_owned(),
    };
    tidy.set_network(network.id, Some(network));
    tidy.set_gateway(GatewayId(1), Some(NetworkId(1)));
    for id in 1..=3 {
        set_user(&mut tidy, id, &[Role::Member]);
    }
    set_group(&mut tidy, 1, &[1]);
    set_group(&mut tidy, 2, &[2, 3]);
    set_resource(&mut tidy, 1, "db.corp", "5432", &[2]);
    set_assignment(&mut tidy, 1, 1, None);
    assert_eq!(lint(&tidy, noon()), []);
    tidy
}

fn said(of: &Organisation, finding: &Finding) -> String {
    sentence(finding, of, FixedOffset::east_opt(0).unwrap()).to_string()
}

fn assert_only(of: &Organisation, finding: &Finding) {
    assert_eq!(lint(of, noon()), std::slice::from_ref(finding));
}

const RESOURCE: ResourceId = ResourceId(1);

#[test]
fn nobody_can_approve() {
    let mut of = tidy();
    set_group(&mut of, 2, &[]);
    let whose = Unreviewed::Everybody;
    let finding = Finding::NobodyCanApprove {
        resource: RESOURCE,
        whose,
    };
    assert_only(&of, &finding);
    assert_eq!(finding.severity(), Severity::Problem);
    assert_eq!(
        said(&of, &finding),
        "Nobody can approve requests for Resource 1."
    );
    set_assignment(&mut of, 1, 1, Some(Mode::Standing));
    assert_eq!(lint(&of, noon()), [], "nothing to approve");
    set_assignment(&mut of, 1, 1, None);
    of.set_fallback_reviewers(vec![GroupId(3)]);
    set_group(&mut of, 3, &[3]);
    assert_eq!(lint(&of, noon()), [], "somebody stands in");
}

#[test]
fn the_only_reviewer_needs_another() {
    let mut of = tidy();
    set_group(&mut of, 2, &[1]);
    let (user, group) = (UserId(1), GroupId(2));
    let whose = Unreviewed::User(user);
    let finding = Finding::NobodyCanApprove {
        resource: RESOURCE,
        whose,
    };
    assert_only(&of, &finding);
    assert_eq!(
        said(&of, &finding),
        "User 1 is the only reviewer of Resource 1: nobody can approve their requests."
    );
    set_group(&mut of, 3, &[3]);
    of.set_fallback_reviewers(vec![GroupId(3)]);
    let finding = Finding::ApproverOfOwn {
        resource: RESOURCE,
        group,
        user,
    };
    assert_only(&of, &finding);
    assert_eq!(
        said(&of, &finding),
        "User 1 is the only approver of Resource 1, in group Group 2: fallback reviewers have to \
         approve their requests."
    );
    set_group(&mut of, 1, &[2]);
    assert_eq!(lint(&of, noon()), [], "they do not ask");
}

#[test]
fn only_administrators_can_approve() {
    let mut of = tidy();
    set_resource(&mut of, 1, "db.corp", "5432", &[]);
    set_user(&mut of, 2, &[Role::Admin]);
    set_user(&mut of, 3, &[Role::Admin]);
    let finding = Finding::OnlyAdministrators { resource: RESOURCE };
    assert_only(&of, &finding);
    assert_eq!(finding.severity(), Severity::Hint);
    assert_eq!(
        said(&of, &finding),
        "Only administrators can approve requests for Resource 1."
    );
    set_resource(&mut of, 1, "db.corp", "5432", &[2]);
    assert_eq!(
        lint(&of, noon()),
        [finding],
        "its approvers are administrators too"
    );
    set_user(&mut of, 4, &[Role::AccessReviewer]);
    assert_eq!(lint(&of, noon()), []);
}

#[test]
fn an_approval_without_meaning() {
    let mut of = tidy();
    set_group(&mut of, 3, &[1, 2, 3]);
    set_assignment(&mut of, 2, 3, Some(Mode::Standing));
    let finding = Finding::ApprovalWithoutMeaning {
        resource: RESOURCE,
        assignment: AssignmentId(1),
        standing: AssignmentId(2),
    };
    assert_only(&of, &finding);
    assert_eq!(
        said(&of, &finding),
        "Everybody in Group 1 needs no approval for Resource 1: it is always open to them through \
         Group 3."
    );
    let mut standing = (**of.assignment(AssignmentId(2)).unwrap()).clone();
    standing.until = Some(noon());
    of.set_assignment(standing.id, Some(standing));
    assert_eq!(lint(&of, noon()), [], "it has ended");
    set_assignment(&mut of, 2, 3, Some(Mode::Standing));
    assert_only(&of, &finding);
    set_user(&mut of, 5, &[]);
    set_group(&mut of, 1, &[1, 5]);
    assert_eq!(lint(&of, noon()), [], "somebody has to ask");
}

#[test]
fn two_resources_on_one_destination() {
    let mut of = tidy();
    set_resource(&mut of, 2, "db.corp", "5000-6000", &[]);
    let finding = Finding::SameDestination {
        network: NetworkId(1),
        governing: RESOURCE,
        resource: ResourceId(2),
    };
    assert_only(&of, &finding);
    assert_eq!(
        said(&of, &finding),
        "Resource 1 and Resource 2 have the same address and a port in common in network home: the \
         first one decides."
    );
    set_resource(&mut of, 2, "db.corp", "5433-6000,80", &[]);
    assert_eq!(lint(&of, noon()), []);
    set_resource(&mut of, 2, "db.corp", "", &[]);
    assert_eq!(lint(&of, noon()), [finding]);
}

#[test]
fn a_network_without_gateway() {
    let mut of = tidy();
    of.set_gateway(GatewayId(1), None);
    let network = NetworkId(1);
    let finding = Finding::NoGateway { network };
    assert_only(&of, &finding);
    assert_eq!(
        said(&of, &finding),
        "Network home has resources, and no gateway that has enrolled: nobody can reach them."
    );
}

#[test]
fn an_access_period_longer_than_the_longest() {
    let mut of = tidy();
    let length = |text: &str| text.parse::<Length>().unwrap();
    let longest = length("8h");
    of.set_periods(Periods::new(vec![length("1h")], longest).unwrap());
    let mut resource = (**of.resource(RESOURCE).unwrap()).clone();
    let mut own = (**of.assignment(AssignmentId(1)).unwrap()).clone();
    let mut set = |mode, period: Option<Period>, of_group: Override| {
        resource.settings.mode = mode;
        resource.settings.period = period.unwrap_or(Period::Preset(longest));
        own.own = of_group;
        of.set_resource(RESOURCE, Some(resource.clone()));
        of.set_assignment(own.id, Some(own.clone()));
        let found = lint(&of, noon()).into_iter();
        let found = found.filter(|it| matches!(it, Finding::PeriodTooLong { .. }));
        let said = found.map(|it| (it.severity(), said(&of, &it)));
        said.collect::<Vec<_>>()
    };
    let warned = |who: &str, period: &str| {
        let said = format!(
            "{who} has an access period of {period}, longer than allowed: 8 hours counts. Set a shorter \
             one, or a longer maximum."
        );
        vec![(Severity::Warning, said)]
    };
    let (asked, standing) = (Mode::AccessRequest, Mode::Standing);
    let preset = Period::Preset(length("3d"));
    let custom = Period::Custom {
        up_to: length("2d"),
        recommended: None,
    };
    let plain = Override::default();
    let with = |mode, period| Override {
        mode,
        period,
        ..plain
    };
    let of_the_resource = |period| warned("Resource 1", period);
    let of_the_group = |period| warned("Group 1’s access to Resource 1", period);
    assert_eq!(set(asked, None, plain), []);
    assert_eq!(set(asked, Some(preset), plain), of_the_resource("3 days"));
    assert_eq!(set(asked, Some(custom), plain), of_the_resource("2 days"));
    let own = with(None, Some(preset));
    assert_eq!(set(asked, None, own), of_the_group("3 days"));
    let both = [of_the_resource("2 days"), of_the_group("3 days")];
    assert_eq!(set(asked, Some(custom), own), both.concat());
    // Where nobody asks, no period counts.
    assert_eq!(set(standing, Some(preset), plain), []);
    assert_eq!(set(standing, Some(preset), own), []);
    let asking = with(Some(asked), None);
    assert_eq!(
        set(standing, Some(preset), asking),
        of_the_resource("3 days")
    );
    let asking = with(Some(asked), Some(custom));
    assert_eq!(set(standing, Some(preset), asking), of_the_group("2 days"));
}

#[test]
fn assignments_that_end() {
    let mut of = tidy();
    let mut assignment = (**of.assignment(AssignmentId(1)).unwrap()).clone();
    let mut ends = |of: &mut Organisation, at| {
        assignment.until = Some(at);
        of.set_assignment(assignment.id, Some(assignment.clone()));
    };
    let until = noon() + TimeDelta::days(14);
    ends(&mut of, until);
    let finding = Finding::EndsSoon {
        assignment: AssignmentId(1),
        group: GroupId(1),
        resource: RESOURCE,
        until,
    };
    assert_only(&of, &finding);
    assert_eq!(
        said(&of, &finding),
        "Group 1 has access to Resource 1 until 2031-05-28 12:00 UTC."
    );
    ends(&mut of, until + TimeDelta::milliseconds(1));
    assert_eq!(lint(&of, noon()), []);
    ends(&mut of, noon());
    assert_eq!(lint(&of, noon()), [], "it has ended");
}

#[test]
fn access_that_is_not_used() {
    let mut of = tidy();
    let used = |of: &mut Organisation, days| {
        let mut access = Access::default();
        access.history.used_at = Some(noon() - TimeDelta::days(days));
        of.set_access(UserId(1), RESOURCE, Some(access));
    };
    used(&mut of, 90);
    let users = vec![UserId(1)];
    let finding = Finding::Unused {
        resource: RESOURCE,
        users,
    };
    assert_only(&of, &finding);
    assert_eq!(
        said(&of, &finding),
        "User 1 has not used Resource 1 for 90 days."
    );
    used(&mut of, 89);
    assert_eq!(lint(&of, noon()), []);
    used(&mut of, 90);
    set_group(&mut of, 1, &[2]);
    assert_eq!(lint(&of, noon()), [], "they have no access");
    set_group(&mut of, 1, &[1]);
    assert_only(&of, &finding);
    let own = of.effective_assignment(AssignmentId(1)).unwrap();
    let what = Ask {
        reason: text("a backup"),
        length: None,
        starts_at: None,
    };
    let request = ask(UserId(1), RESOURCE, &own, what, None, DEFAULT_LAPSE, noon()).unwrap();
    let mut access = (**of.access(UserId(1), RESOURCE).unwrap()).clone();
    access.pending = Some(Box::new(request.numbered(RequestId(1))));
    of.set_access(UserId(1), RESOURCE, Some(access));
    assert_eq!(lint(&of, noon()), [], "they ask for it");
}

#[test]
fn an_empty_organisation_has_none() {
    assert_eq!(lint(&Organisation::default(), noon()), []);
}

proptest! {
    /// All findings can be said.
    #[test]
    fn findings_can_be_said(
        organisation in prop_oneof![organisation().boxed(), full().boxed(), lively().boxed()],
        now in moment(),
    ) {
        for finding in lint_all(&organisation, now) {
            let said = said(&organisation, &finding);
            prop_assert!(said.ends_with('.') && !said.contains('\n'), "{said}");
        }
    }

    /// Where nobody can approve is rule 14's.
    #[test]
    fn nobody_can_approve_is_rule_14s(organisation in full(), now in moment()) {
        for finding in lint(&organisation, now) {
            match finding {
                Finding::NobodyCanApprove { resource, whose } => {
                    let requester = match whose {
                        Unreviewed::Everybody => UserId(99),
                        Unreviewed::User(user) => user,
                    };
                    let eligible = organisation.reviewers(resource).eligible(requester);
                    prop_assert_eq!(eligible, Eligible::Nobody);
                }
                Finding::ApproverOfOwn { resource, user, .. } => {
                    let eligible = organisation.reviewers(resource).eligible(user);
                    prop_assert!(matches!(eligible, Eligible::Fallback(_)), "{eligible:?}");
                }
                Finding::OnlyAdministrators { resource } => {
                    let people = organisation.reviewers(resource).regular;
                    let roles = |id: &UserId| organisation.user(*id).unwrap().roles.clone();
                    let admin = |id: &UserId| roles(id).contains(&Role::Admin);
                    prop_assert!(!people.is_empty() && people.iter().all(admin));
                }
                Finding::SameDestination { governing, resource, .. } => {
                    let one = organisation.resource(governing).unwrap();
                    let other = organisation.resource(resource).unwrap();
                    prop_assert!(one.id < other.id && one.address == other.address);
                    prop_assert!(one.network == other.network && one.ports.overlap(&other.ports));
                }
                _ => {}
            }
        }
    }

    /// Each resource that shares a port of its address with another is named.
    #[test]
    fn shared_destinations_are_named(organisation in full(), now in moment()) {
        let found = lint(&organisation, now);
        for one in organisation.resources() {
            let shares = organisation.resources().any(|other| {
                one.id != other.id && one.network == other.network && one.address == other.address
                    && one.ports.overlap(&other.ports)
            });
            let named = found.iter().any(|finding| matches!(
                finding,
                Finding::SameDestination { governing, resource, .. }
                    if [governing, resource].contains(&&one.id)
            ));
            prop_assert_eq!(named, shares);
        }
    }
}
