//! Findings in words.

use chrono::FixedOffset;

use super::{Finding, Organisation};
use crate::Time;
use crate::format::moment;
use crate::organisation::terminal_names::TerminalNames;

/// Says a finding of `organisation` as a sentence, for terminals; moments in `zone`.
#[must_use]
pub fn sentence(
    finding: &Finding,
    organisation: &Organisation,
    now: Time,
    zone: FixedOffset,
) -> String {
    let of = TerminalNames::of(organisation);
    match finding {
        Finding::NobodyCanApprove { resource, whose } => of.nobody_can_approve(*resource, *whose),
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
