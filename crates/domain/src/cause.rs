//! Why something was cancelled or revoked.

use serde::{Deserialize, Serialize};

/// Why something was cancelled or revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A person did it.
    Person,
    /// The resource became standing: no request is needed any more.
    NoLongerNeeded,
    /// The user was disabled.
    UserDisabled,
    /// The user left the group.
    MembershipRemoved,
    /// The group's access to the resource was taken away.
    AssignmentRemoved,
    /// The group's access to the resource came to its end date.
    AssignmentEnded,
    /// The resource was removed.
    ResourceRemoved,
    /// The resource was disabled.
    ResourceDisabled,
    /// The resource's address, ports or network changed.
    ResourceChanged,
    /// The terms became stricter than what was scheduled.
    TermsTightened,
    /// The reviewer who approved lost that role before the start: it is reviewed again.
    ApproverLostRole,
    /// Nobody is left who could approve it (rule 14).
    NobodyCanApprove,
    /// Whoever approved it took that back at once.
    Undone,
    /// The grant that was to be extended ended.
    GrantEnded,
    /// Something that a client does not know yet: its controller is newer.
    #[serde(other)]
    Unknown,
}

/// As the end of a sentence: "Your access ended because …".
impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Person => "somebody decided so",
            Self::NoLongerNeeded => "the resource is open without a request now",
            Self::UserDisabled => "the account was disabled",
            Self::MembershipRemoved => "the group membership ended",
            Self::AssignmentRemoved => "the group's access to the resource was removed",
            Self::AssignmentEnded => "the group's access to the resource came to its end date",
            Self::ResourceRemoved => "the resource was removed",
            Self::ResourceDisabled => "the resource was disabled",
            Self::ResourceChanged => "the resource's address changed",
            Self::TermsTightened => "the rules for the resource became stricter",
            Self::ApproverLostRole => "the reviewer who approved it is no longer one",
            Self::NobodyCanApprove => "nobody else is left who could approve it",
            Self::Undone => "it was approved by mistake, and taken back",
            Self::GrantEnded => "access ended before anybody answered",
            Self::Unknown => "of something that this version of Hourkey does not know",
        })
    }
}
