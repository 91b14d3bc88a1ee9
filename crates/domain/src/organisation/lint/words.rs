//! Findings in words.

use chrono::FixedOffset;

use super::{Finding, Organisation};
use crate::Time;
use crate::format::moment;
use crate::ids::{AssignmentId, GroupId, NetworkId, ResourceId, UserId};
use crate::organisation::unreviewed::Unreviewed;
use crate::text::for_terminal;

/// Says a finding of `organisation` as a sentence, for terminals; moments in `zone`.
#[must_use]
pub fn sentence(
    finding: &Finding,
    organisation: &Organisation,
    now: Time,
    zone: FixedOffset,
) -> String {
    let of = Names(organisation);
    match finding {
        Finding::NobodyCanApprove { resource, whose } => {
            let resource = of.resource(*resource);
            match whose {
                Unreviewed::Everybody => format!("Nobody can approve requests for {resource}."),
                Unreviewed::User(user) => format!(
                    "{} is the only reviewer of {resource}: nobody can approve their requests.",
                    of.user(*user)
                ),
            }
        }
        Finding::ApproverOfOwn {
            resource,
            group,
            user,
        } => format!(
            "{} is the only approver of {resource}, in group {}: fallback reviewers have to approve \
             their requests.",
            of.user(*user),
            of.group(*group),
            resource = of.resource(*resource)
        ),
        Finding::OnlyAdministrators { resource } => format!(
            "Only administrators can approve requests for {}.",
            of.resource(*resource)
        ),
        Finding::ApprovalWithoutMeaning {
            resource,
            assignment,
            standing,
        } => format!(
            "Everybody in {} needs no approval for {}: it is always open to them through {}.",
            of.assigned(*assignment),
            of.resource(*resource),
            of.assigned(*standing)
        ),
        Finding::SameDestination {
            network,
            governing,
            resource,
        } => format!(
            "{} and {} have the same address and a port in common in network {}: the first one \
             decides.",
            of.resource(*governing),
            of.resource(*resource),
            of.network(*network)
        ),
        Finding::NoGateway { network } => format!(
            "Network {} has resources and no gateway: nobody can reach them.",
            of.network(*network)
        ),
        Finding::EndsSoon {
            group,
            resource,
            until,
            ..
        } => format!(
            "{} has access to {} until {}.",
            of.group(*group),
            of.resource(*resource),
            moment(*until, now, zone)
        ),
        Finding::Unused { resource, users } => {
            let resource = of.resource(*resource);
            match users.as_slice() {
                [user] => format!("{} has not used {resource} for 90 days.", of.user(*user)),
                users => format!(
                    "{} people have not used {resource} for 90 days.",
                    users.len()
                ),
            }
        }
    }
}

/// Names for ids, harmless on a terminal; an id that leads nowhere is said as a number.
struct Names<'a>(&'a Organisation);

impl Names<'_> {
    fn user(&self, id: UserId) -> String {
        said(self.0.user_name(id), id.0)
    }

    fn group(&self, id: GroupId) -> String {
        said(self.0.group(id).map(|group| group.name.as_str()), id.0)
    }

    fn network(&self, id: NetworkId) -> String {
        let network = self.0.network(id);
        said(network.map(|network| network.name.as_str()), id.0)
    }

    fn resource(&self, id: ResourceId) -> String {
        let resource = self.0.resource(id);
        said(resource.map(|resource| resource.name.as_str()), id.0)
    }

    fn assigned(&self, id: AssignmentId) -> String {
        let assignment = self.0.assignment(id);
        assignment.map_or_else(|| id.to_string(), |own| self.group(own.group))
    }
}

fn said(name: Option<&str>, id: i64) -> String {
    name.map_or_else(|| id.to_string(), for_terminal)
}
