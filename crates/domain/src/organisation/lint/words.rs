//! Findings in words.

use chrono::FixedOffset;

use super::{Finding, Organisation};
use crate::Time;
use crate::format::{dated, zone as said_zone};
use crate::organisation::names::Names;
use crate::sentence::{Piece, Sentence, say};

/// Says a finding of `organisation`; moments in `zone`.
#[must_use]
pub fn sentence(finding: &Finding, organisation: &Organisation, zone: FixedOffset) -> Sentence {
    let of = Names::of(organisation);
    // Findings are read later, and one by one.
    let moment = |at: Time| format!("{} {}", dated(at, zone), said_zone(zone));
    match finding {
        Finding::NobodyAdministers => say!(
            "Nobody administers this organisation: no enabled user has the role Admin. Add one with \
             `hourkey-controller user add LOGIN --name NAME --admin`."
        ),
        Finding::Ended {
            group,
            resource,
            until,
            ..
        } => say!(
            of.group(*group),
            "’s access to ",
            of.resource(*resource),
            " ended ",
            moment(*until),
            ". Remove the assignment, or give it a later date."
        ),
        Finding::SeenByNobody { resource } => say!(
            "Nobody sees ",
            of.resource(*resource),
            ": no group with an enabled member is assigned to it. Nobody else reaches its address."
        ),
        Finding::DisabledOwner { resource, user } => say!(
            of.user(*user),
            " owns ",
            of.resource(*resource),
            ", and is disabled. Name another owner."
        ),
        Finding::ApproversWithoutMembers { group, resources } => {
            let what = match resources.as_slice() {
                [] => Piece::from("what nobody else can"),
                [one] => of.resource(*one),
                several => Piece::from(format!("{} resources", several.len())),
            };
            say!(
                "Group ",
                of.group(*group),
                " approves requests for ",
                what,
                ", and has no enabled member."
            )
        }
        Finding::SameWord { one, other, word } => say!(
            of.resource(*one),
            " and ",
            of.resource(*other),
            " are both called ",
            Piece::name(word),
            ": commands may take one for the other."
        ),
        Finding::NobodyCanApprove { resource, whose } => of.nobody_can_approve(*resource, *whose),
        Finding::ApproverOfOwn {
            resource,
            group,
            user,
        } => say!(
            of.user(*user),
            " is the only approver of ",
            of.resource(*resource),
            ", in group ",
            of.group(*group),
            ": fallback reviewers have to approve their requests."
        ),
        Finding::OnlyAdministrators { resource } => say!(
            "Only administrators can approve requests for ",
            of.resource(*resource),
            "."
        ),
        Finding::ApprovalWithoutMeaning {
            resource,
            assignment,
            standing,
        } => say!(
            "Everybody in ",
            of.assigned(*assignment),
            " needs no approval for ",
            of.resource(*resource),
            ": it is always open to them through ",
            of.assigned(*standing),
            "."
        ),
        Finding::SameDestination {
            network,
            governing,
            resource,
        } => say!(
            of.resource(*governing),
            " and ",
            of.resource(*resource),
            " have the same address and a port in common in network ",
            of.network(*network),
            ": the first one decides."
        ),
        Finding::NoGateway { network } => say!(
            "Network ",
            of.network(*network),
            " has resources, and no gateway that has enrolled: nobody can reach them."
        ),
        Finding::PeriodTooLong {
            resource,
            assignment,
            period,
            longest,
        } => {
            let resource = of.resource(*resource);
            let counts = format!(
                " has an access period of {period}, longer than allowed: {longest} counts. Set a shorter \
                 one, or a longer maximum."
            );
            match assignment {
                None => say!(resource, counts),
                Some(own) => say!(of.assigned(*own), "’s access to ", resource, counts),
            }
        }
        Finding::EndsSoon {
            group,
            resource,
            until,
            ..
        } => say!(
            of.group(*group),
            " has access to ",
            of.resource(*resource),
            " until ",
            moment(*until),
            "."
        ),
        Finding::Unused { resource, users } => {
            let resource = of.resource(*resource);
            match users.as_slice() {
                [user] => say!(of.user(*user), " has not used ", resource, " for 90 days."),
                users => say!(
                    format!("{} people have not used ", users.len()),
                    resource,
                    " for 90 days."
                ),
            }
        }
    }
}
