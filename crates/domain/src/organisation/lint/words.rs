//! Findings in words.

use chrono::FixedOffset;

use super::{Finding, Organisation};
use crate::Time;
use crate::format::{dated, zone as said_zone};
use crate::organisation::terminal_names::TerminalNames;
use crate::text::for_terminal;

/// Says a finding of `organisation` as a sentence, for terminals; moments in `zone`.
#[must_use]
pub fn sentence(finding: &Finding, organisation: &Organisation, zone: FixedOffset) -> String {
    let of = TerminalNames::of(organisation);
    // Findings are read later, and one by one.
    let moment = |at: Time| format!("{} {}", dated(at, zone), said_zone(zone));
    match finding {
        Finding::NobodyAdministers => {
            "Nobody administers this organisation: no enabled user has the \
                                       role Admin. Add one with `hourkey-controller user add LOGIN \
                                       --name NAME --admin`."
                .to_owned()
        }
        Finding::Ended {
            group,
            resource,
            until,
            ..
        } => format!(
            "{}’s access to {} ended {}. Remove the assignment, or give it a later date.",
            of.group(*group),
            of.resource(*resource),
            moment(*until)
        ),
        Finding::SeenByNobody { resource } => format!(
            "Nobody sees {}: no group with an enabled member is assigned to it. Nobody else reaches \
             its address.",
            of.resource(*resource)
        ),
        Finding::ApproversWithoutMembers { group, resources } => {
            let group = of.group(*group);
            let what = match resources.as_slice() {
                [] => "what nobody else can".to_owned(),
                [one] => of.resource(*one),
                several => format!("{} resources", several.len()),
            };
            format!("Group {group} approves requests for {what}, and has no enabled member.")
        }
        Finding::SameWord { one, other, word } => format!(
            "{} and {} are both called {}: commands may take one for the other.",
            of.resource(*one),
            of.resource(*other),
            for_terminal(word)
        ),
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
            "Network {} has resources, and no gateway that has enrolled: nobody can reach them.",
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
            moment(*until)
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
