//! An explanation, as a value: its field names are part of the API.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::address::Ports;
use crate::grant::Window;
use crate::ids::{AssignmentId, GrantId, GroupId, RequestId, ResourceId, UserId};
use crate::lock::LockState;
use crate::request::Purpose;
use crate::settings::{Approval, Mode, Period};

/// Why one person may or may not reach one resource at a moment, as far as its viewer may know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Explanation {
    /// The person.
    pub user: Named<UserId>,
    /// The resource, which governs the destination where one was asked for.
    pub resource: ExplainedResource,
    /// The moment.
    pub at: DateTime<Utc>,
    /// The lock that the person sees; nothing where they do not see the resource.
    pub lock: Option<LockState>,
    /// The permit that lets their traffic pass.
    pub permit: Option<ExplainedPermit>,
    /// Another resource on the same address and ports that comes first (rule 9).
    pub governed_by: Option<Named<ResourceId>>,
    /// The ports that other resources on the same address take first (rule 9), the viewer's in order
    /// of id, then those of what the viewer cannot see.
    #[serde(default)]
    pub shadowed: Vec<Shadowed>,
    /// Whether gateways serve its network.
    #[serde(default)]
    pub gateway: Presence,
    /// Their assignments to the resource, in order of id.
    pub assignments: Vec<ExplainedAssignment>,
    /// The grant that is scheduled or runs.
    pub grant: Option<ExplainedGrant>,
    /// The request that waits.
    pub pending: Option<ExplainedRequest>,
    /// Automatic approval is off until then, after a revocation by a person (rule 11).
    pub automatic_off_until: Option<DateTime<Utc>>,
    /// Those who could approve a request (rules 1 and 14).
    pub approvers: WhoApproves,
    /// All that is in the way; empty when traffic passes.
    pub missing: Vec<Missing>,
}

/// Something with its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Named<Id> {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
}

/// The resource that an explanation is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExplainedResource {
    /// Its id.
    pub id: ResourceId,
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: String,
    /// Its ports; empty means every port.
    pub ports: Ports,
    /// The name of its network.
    pub network: String,
}

/// Ports of a resource that others on the same address take first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Shadowed {
    /// The ports; empty means every port.
    pub ports: Ports,
    /// The resource that takes them; nothing where the viewer cannot see it. That something takes
    /// them is then told of a permit alone, since a connection shows it.
    pub by: Option<Named<ResourceId>>,
}

/// Whether gateways serve a network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// No gateway has enrolled.
    None,
    /// Gateways have enrolled, and none of them is connected to the controller.
    Away,
    /// A gateway is connected to the controller.
    Connected,
    /// A gateway has enrolled. Whether it is connected is not known here, or not at that moment.
    #[default]
    #[serde(other)]
    Unknown,
}

/// A permit that lets traffic pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExplainedPermit {
    /// Why.
    pub because: Because,
    /// Up to, and not including, this moment; nothing where it has no end of its own.
    pub until: Option<DateTime<Utc>>,
}

/// Why traffic passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// A standing assignment.
    Standing,
    /// An auto-locked assignment that is in use.
    AutoLock,
    /// A grant.
    Grant,
}

/// An assignment that was considered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExplainedAssignment {
    /// Its id.
    pub id: AssignmentId,
    /// The group it was made for.
    pub group: Named<GroupId>,
    /// How the resource is locked by it.
    pub mode: Setting<Mode>,
    /// How long a grant lasts.
    pub period: Setting<Period>,
    /// Who opens the lock.
    pub approval: Setting<Approval>,
    /// The unused days after which auto-lock locks.
    pub lock_after: Setting<u16>,
    /// Its own end.
    pub until: Option<DateTime<Utc>>,
    /// Whether it counts.
    pub weight: Weight,
}

/// One access setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Setting<T> {
    /// The effective value.
    pub value: T,
    /// Its origin (rule 2).
    pub from: Origin,
}

/// The origin of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The resource.
    Resource,
    /// The assignment's own settings.
    Override,
}

/// Whether an assignment counts, or why not (rule 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "weight", rename_all = "snake_case")]
pub enum Weight {
    /// It is the most permissive one.
    Counts,
    /// Another one is more permissive.
    Weaker {
        /// That one.
        than: AssignmentId,
    },
    /// It has come to its end.
    Ended,
    /// The person is disabled.
    UserDisabled,
    /// A change of the person's own gives it, or gives more through it: that counts for them from this
    /// moment (rule 6).
    HeldBack {
        /// The moment.
        until: DateTime<Utc>,
    },
    /// Something that a client does not know yet: its controller is newer.
    #[serde(other)]
    Unknown,
}

/// A grant that is scheduled or runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExplainedGrant {
    /// Its id.
    pub id: GrantId,
    /// The assignment that it rests on.
    pub assignment: AssignmentId,
    /// When it runs.
    #[serde(flatten)]
    pub window: Window,
    /// Its start lies ahead.
    pub scheduled: bool,
}

/// A request that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExplainedRequest {
    /// Its id.
    pub id: RequestId,
    /// The assignment that it rests on.
    pub assignment: AssignmentId,
    /// Its purpose.
    pub purpose: Purpose,
    /// When it was made.
    pub since: DateTime<Utc>,
    /// When it lapses.
    pub lapses_at: DateTime<Utc>,
}

/// Those who could approve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WhoApproves {
    /// Which people they are.
    pub kind: Approving,
    /// Names of the resource's (or the fallback's) groups that have somebody in them who could.
    pub groups: Vec<String>,
    /// Display names of all who could, where they are five or fewer; otherwise empty.
    pub people: Vec<String>,
}

/// Which people could approve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Approving {
    /// Those who review the resource.
    Regulars,
    /// The organisation's fallback reviewers, because nobody else could.
    Fallback,
    /// Nobody.
    Nobody,
}

/// One thing that is in the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "missing", rename_all = "snake_case")]
pub enum Missing {
    /// The person's account is disabled.
    UserDisabled,
    /// None of the person's groups is assigned to the resource at that moment.
    NotAssigned,
    /// Only a change of the person's own gives it to them: that counts for them from this moment
    /// (rule 6).
    HeldBack {
        /// The moment.
        until: DateTime<Utc>,
    },
    /// The resource is disabled: it opens for nobody.
    ResourceDisabled,
    /// It was not used for too long.
    Unused,
    /// A reviewer has to approve.
    NeedsApproval,
    /// It opens immediately, with a reason.
    NeedsReason,
    /// Their access ends in less than a minute, too soon to ask for any of it (rule 5).
    EndsTooSoon,
    /// The start of the grant lies ahead.
    NotStarted {
        /// The start.
        starts_at: DateTime<Utc>,
    },
    /// Nobody could approve (rule 14).
    NobodyCanApprove,
    /// Another resource governs the destination (rule 9).
    OtherGoverns {
        /// That one.
        resource: ResourceId,
    },
    /// Resources that the viewer cannot see govern the destination (rule 9), some of it at least,
    /// and nothing of it is left.
    SomethingElseGoverns,
    /// No gateway of the network has enrolled.
    NoGateway,
    /// No gateway of the network is connected.
    GatewayAway,
    /// Something that a client does not know yet: its controller is newer.
    #[serde(other)]
    Unknown,
}
