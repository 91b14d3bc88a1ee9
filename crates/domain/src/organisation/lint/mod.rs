//! Warnings about an organisation: what will surprise somebody, found before it does.

mod checks;
mod leftovers;
mod words;

use serde::Serialize;

pub use words::sentence;

use super::unreviewed::Unreviewed;
use super::value::Organisation;
use crate::Time;
use crate::ids::{AssignmentId, GroupId, NetworkId, ResourceId, UserId};
use crate::length::Length;

/// Something that an administrator should look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
pub enum Finding {
    /// There are users, and no enabled one with the role Admin.
    NobodyAdministers,
    /// Nobody could approve (rule 14): requests are refused.
    NobodyCanApprove {
        /// For this resource.
        resource: ResourceId,
        /// Whose requests.
        whose: Unreviewed,
    },
    /// A group of approvers has one member, who needs approvals here, and no other approver could give
    /// them: others have to stand in.
    ApproverOfOwn {
        /// For this resource.
        resource: ResourceId,
        /// The group.
        group: GroupId,
        /// Its member.
        user: UserId,
    },
    /// Only administrators could approve.
    OnlyAdministrators {
        /// For this resource.
        resource: ResourceId,
    },
    /// All people of one assignment, which needs an approval, have standing access by another.
    ApprovalWithoutMeaning {
        /// To this resource.
        resource: ResourceId,
        /// The assignment that needs an approval.
        assignment: AssignmentId,
        /// One that gives standing access.
        standing: AssignmentId,
    },
    /// Two resources on one address and port: the first governs (rule 9).
    SameDestination {
        /// In this network.
        network: NetworkId,
        /// The one with the lower id.
        governing: ResourceId,
        /// The other.
        resource: ResourceId,
    },
    /// No gateway has enrolled of a network with resources: nobody reaches them.
    NoGateway {
        /// The network.
        network: NetworkId,
    },
    /// An access period is longer than the organisation's longest, which counts instead (rule 5).
    PeriodTooLong {
        /// Of this resource.
        resource: ResourceId,
        /// The assignment that sets it; none where the resource does.
        assignment: Option<AssignmentId>,
        /// What is set, in seconds.
        period: Length,
        /// What counts, in seconds.
        longest: Length,
    },
    /// An assignment ends soon.
    EndsSoon {
        /// The assignment.
        assignment: AssignmentId,
        /// Its group.
        group: GroupId,
        /// Its resource.
        resource: ResourceId,
        /// Its end.
        until: Time,
    },
    /// An assignment has ended: its group no longer sees the resource.
    Ended {
        /// The assignment.
        assignment: AssignmentId,
        /// Its group.
        group: GroupId,
        /// Its resource.
        resource: ResourceId,
        /// Its end.
        until: Time,
    },
    /// No enabled user sees a resource.
    SeenByNobody {
        /// The resource.
        resource: ResourceId,
    },
    /// The owner of a resource is disabled.
    DisabledOwner {
        /// The resource.
        resource: ResourceId,
        /// Its owner.
        user: UserId,
    },
    /// A group that approves has no enabled member.
    ApproversWithoutMembers {
        /// The group.
        group: GroupId,
        /// The resources whose approvers it is, in order of id; none where it only stands in.
        resources: Vec<ResourceId>,
    },
    /// A word that means one resource written so, and another written otherwise or as an alias.
    SameWord {
        /// One.
        one: ResourceId,
        /// The other.
        other: ResourceId,
        /// The name or alias, in lower case.
        word: String,
    },
    /// People have access that they did not use for long.
    Unused {
        /// The resource.
        resource: ResourceId,
        /// The people, in order of id.
        users: Vec<UserId>,
    },
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Something could be tidier.
    Hint,
    /// Something is probably not meant so.
    Warning,
    /// Somebody cannot do what they should.
    Problem,
}

impl Finding {
    /// How much it matters.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self {
            Self::NobodyAdministers | Self::NobodyCanApprove { .. } | Self::NoGateway { .. } => {
                Severity::Problem
            }
            Self::ApproverOfOwn { .. }
            | Self::ApprovalWithoutMeaning { .. }
            | Self::SameDestination { .. }
            | Self::PeriodTooLong { .. }
            | Self::EndsSoon { .. }
            | Self::SeenByNobody { .. }
            | Self::ApproversWithoutMembers { .. }
            | Self::SameWord { .. } => Severity::Warning,
            Self::OnlyAdministrators { .. }
            | Self::DisabledOwner { .. }
            | Self::Ended { .. }
            | Self::Unused { .. } => Severity::Hint,
        }
    }
}

/// All findings at `now`: kind by kind, each kind in order of id.
#[must_use]
pub fn lint(organisation: &Organisation, now: Time) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(leftovers::administrators(organisation));
    found.extend(checks::reviewers(organisation, now));
    found.extend(checks::approvals_without_meaning(organisation, now));
    found.extend(checks::same_destinations(organisation));
    found.extend(checks::networks_without_gateway(organisation));
    found.extend(checks::periods_too_long(organisation));
    found.extend(checks::ending_soon(organisation, now));
    found.extend(leftovers::ended(organisation, now));
    found.extend(leftovers::seen_by_nobody(organisation, now));
    found.extend(leftovers::disabled_owners(organisation));
    found.extend(leftovers::approvers_without_members(organisation));
    found.extend(leftovers::same_words(organisation));
    found.extend(checks::unused(organisation, now));
    found
}
