//! Resources, requests, grants and reviews, as one user sees them.

use hourkey_domain::address::Ports;
use hourkey_domain::cause::Cause;
use hourkey_domain::extension::Limit;
use hourkey_domain::format::endpoint;
use hourkey_domain::ids::{AssignmentId, GrantId, GroupId, RequestId, ResourceId, UserId};
use hourkey_domain::length::Length;
use hourkey_domain::lock::{LockState, Why};
use hourkey_domain::request::Purpose;
use hourkey_domain::settings::{Approval, Mode, Period};
use hourkey_domain::visibility::Visibility;
use serde::{Deserialize, Serialize};

use chrono::{DateTime, Utc};

use crate::lenient;

/// A person, as others see them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Person {
    /// Their id.
    pub id: UserId,
    /// The name they sign in with.
    pub login: String,
    /// Their display name.
    pub name: String,
    /// Of whoever decided as a deputy: for whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<Principal>,
}

impl Person {
    /// Their name, with the one for whom they decided: `Ben for Rosa`.
    #[must_use]
    pub fn said(&self) -> String {
        let principal = self.on_behalf_of.as_ref();
        for_whom(
            &self.name,
            principal.map(|principal| principal.name.as_str()),
        )
    }
}

/// Somebody on whose behalf a deputy decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Principal {
    /// Their id.
    pub id: UserId,
    /// Their display name.
    pub name: String,
}

/// A name with the one on whose behalf they decide: `Ben for Rosa`.
#[must_use]
pub fn for_whom(name: &str, principal: Option<&str>) -> String {
    match principal {
        Some(principal) => format!("{name} for {principal}"),
        None => name.to_owned(),
    }
}

/// One resource with its lock state for the asking user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Resource {
    /// Its id.
    pub id: ResourceId,
    /// Its display name, as the administrator wrote it.
    pub name: String,
    /// DNS name, `*.name`, IP address or prefix, in canonical form.
    pub address: String,
    /// Ports; empty for all.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub ports: Ports,
    /// A shorter name for it.
    pub alias: Option<String>,
    /// The network's name.
    pub network: String,
    /// Tags.
    pub tags: Vec<String>,
    /// The web address that Open in browser goes to, where it makes sense: set by the
    /// administrator, or `https://` for port 443 and `http://` for port 80.
    pub url: Option<String>,
    /// The lock state.
    #[serde(deserialize_with = "lenient::lock")]
    pub lock: LockState,
    /// Where lists have it; left out where it is shown.
    #[serde(default, skip_serializing_if = "Visibility::is_usual")]
    pub visibility: Visibility,
    /// What it is, as the administrator wrote it; possibly empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// How to use it, possibly of several lines: plain text, while it is open or granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub how_to_use: Option<String>,
    /// When the user's last request for it was denied, within the last 24 hours.
    pub denied_at: Option<DateTime<Utc>>,
    /// While it is locked: what was decided against the user within the last 24 hours, if they have
    /// not asked since.
    #[serde(default)]
    pub last_decision: Option<LastDecision>,
    /// While a grant runs or is to start: which reviewer approved it. Left out where none did, under
    /// automatic approval.
    #[serde(
        default,
        deserialize_with = "lenient::or_default",
        skip_serializing_if = "Option::is_none"
    )]
    pub approved: Option<Approved>,
    /// When the user last used it, was given access, or asked for it: newest first is "recently
    /// used".
    pub last_touched: Option<DateTime<Utc>>,
}

impl Resource {
    /// True where it opens for nobody: nothing can be asked for.
    #[must_use]
    pub fn is_disabled(&self) -> bool {
        matches!(self.lock, LockState::Locked { why: Why::Disabled })
    }

    /// Its address with its ports, as it is shown and typed ([`endpoint`]).
    #[must_use]
    pub fn endpoint(&self) -> String {
        endpoint(&self.address, &self.ports)
    }

    /// What Copy address gives: programs take one port, and a prefix none.
    #[must_use]
    pub fn copied_address(&self) -> String {
        match self.ports.single() {
            Some(_) if !self.address.contains('/') => self.endpoint(),
            Some(_) | None => self.address.clone(),
        }
    }
}

/// How a reviewer approved what a user holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Approved {
    /// The reviewer's name.
    pub by: String,
    /// Their word, possibly empty.
    pub comment: String,
}

/// What was last decided against a user at a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LastDecision {
    /// What.
    pub kind: Decision,
    /// When.
    pub at: DateTime<Utc>,
    /// The name of who decided; `None` for the system.
    pub by: Option<String>,
    /// Why the system revoked it; `None` for a person.
    pub cause: Option<Cause>,
    /// The word of who decided, possibly empty.
    pub comment: String,
    /// When the resource opens by a reason again, where a revocation switched that off (rule 11).
    pub automatic_at: Option<DateTime<Utc>>,
}

/// Decisions against a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// A request was denied.
    Denied,
    /// A grant was revoked.
    Revoked,
    /// One that this version does not know.
    #[serde(other)]
    Unknown,
}

/// One of a user's assignments to a resource, as the request page and `hourkey request` show it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AssignmentChoice {
    /// The assignment.
    pub assignment: AssignmentId,
    /// Its group.
    pub group: GroupId,
    /// The group's name.
    pub group_name: String,
    /// Effective mode.
    pub mode: Mode,
    /// Effective period.
    pub period: Period,
    /// Under auto-lock: locks after this many unused days.
    pub lock_after: u16,
    /// Effective approval (manual while rule 11 switches automatic approval off).
    pub approval: Approval,
    /// When the assignment itself ends.
    pub until: Option<DateTime<Utc>>,
    /// True for the one that is preselected (rule 3).
    pub preselected: bool,
}

/// One resource with the user's assignments to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ResourceDetail {
    /// The resource.
    pub resource: Resource,
    /// The user's assignments to it, preselected first.
    #[serde(deserialize_with = "lenient::list")]
    #[serde(rename = "ways")]
    pub assignments: Vec<AssignmentChoice>,
    /// Who can approve what the user asks for; `None` where nothing needs approval, and from
    /// controllers that do not tell.
    #[serde(default)]
    pub approvers: Option<Approvers>,
    /// While a grant runs and no request for more time waits: what the user may ask for; `None`
    /// otherwise, and from controllers that do not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<ExtensionChoice>,
}

/// How far a running grant may be extended now (rule 5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExtensionChoice {
    /// The grant.
    pub grant: GrantId,
    /// Its assignment, whose settings decide.
    pub assignment: AssignmentId,
    /// When access would end if the longest that may be asked for were approved now; `None` where it
    /// would not last longer.
    pub at_most: Option<DateTime<Utc>>,
    /// What keeps access from lasting longer, where that is so.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub refused: Option<Limit>,
}

impl ResourceDetail {
    /// The assignment that decides on an extension; `None` where there is nothing to extend.
    #[must_use]
    pub fn extended_by(&self) -> Option<&AssignmentChoice> {
        let choice = self.extension.as_ref()?;
        let mut assignments = self.assignments.iter();
        assignments.find(|own| own.assignment == choice.assignment)
    }

    /// An extension would need a reviewer, and there is none (rule 14).
    #[must_use]
    pub fn nobody_extends(&self) -> bool {
        let manual = |own: &AssignmentChoice| own.approval == Approval::Manual;
        let approvers = self.approvers.as_ref();
        self.extended_by().is_some_and(manual)
            && approvers.is_some_and(|it| it.kind == ApproverKind::Nobody)
    }
}

/// Who can approve what a user asks for (rules 1 and 14).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Approvers {
    /// Which people they are.
    pub kind: ApproverKind,
    /// Names of the resource's (or the fallback's) groups that have somebody in them who can.
    pub groups: Vec<String>,
    /// Display names of all who can, where they are five or fewer; otherwise empty. Whoever is away is named
    /// with their deputy: `Rosa Ott (away: Ben Ito decides)`.
    pub people: Vec<String>,
}

/// Which people can approve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ApproverKind {
    /// Those who review the resource.
    Regulars,
    /// The organisation's fallback reviewers, because nobody else may.
    Fallback,
    /// Nobody: a request is refused.
    Nobody,
    /// Something that a client does not know yet.
    #[serde(other)]
    Unknown,
}

impl Approvers {
    /// The answer to "who can approve?", without a full stop; `name` writes the name of a person or a group.
    #[must_use]
    pub fn said(&self, name: impl Fn(&str) -> String) -> String {
        let named = |names: &[String]| {
            let names: Vec<String> = names.iter().map(|it| name(it)).collect();
            match names.as_slice() {
                [all @ .., last] if !all.is_empty() => format!("{} or {last}", all.join(", ")),
                names => names.concat(),
            }
        };
        let who = match (self.people.as_slice(), self.groups.as_slice()) {
            ([], []) => "the organisation’s reviewers".to_owned(),
            ([], groups) => format!("members of {}", named(groups)),
            (people, _) => named(people),
        };
        match self.kind {
            ApproverKind::Regulars | ApproverKind::Unknown => who,
            ApproverKind::Fallback => format!("{who}, because nobody else can"),
            ApproverKind::Nobody => "nobody: you cannot approve your own request".to_owned(),
        }
    }
}

impl std::fmt::Display for Approvers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.said(str::to_owned))
    }
}

/// Body of `POST /requests`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewRequest {
    /// For what.
    pub resource: ResourceId,
    /// Through which of the user's assignments; the preselected one when left out.
    #[serde(default)]
    pub assignment: Option<AssignmentId>,
    /// Why; at most 2,000 characters; not blank under automatic approval.
    #[serde(default)]
    pub reason: String,
    /// For how many seconds; when left out, the preset, the recommended length, or else an hour, as
    /// far as the period allows. An unlock takes neither this nor a start.
    #[serde(default)]
    pub seconds: Option<u64>,
    /// When access should start; at approval when left out. An extension takes none.
    #[serde(default)]
    pub starts_at: Option<DateTime<Utc>>,
    /// Asks for more time for the grant that runs, by the assignment that it rests on. The length is
    /// what lies ahead of the approval, not what is added to the end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub extends: bool,
}

/// Body of `POST /requests/{id}/approve`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Approve {
    /// For how many seconds, at most what was asked; what was asked when left out.
    #[serde(default)]
    pub seconds: Option<u64>,
    /// A word to the requester; at most 2,000 characters.
    #[serde(default)]
    pub comment: String,
}

/// Body of `POST /requests/{id}/deny` and `POST /grants/{id}/revoke`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Comment {
    /// Why, for the requester; not blank; at most 2,000 characters.
    pub comment: String,
}

/// A request with what became of it. Seen by its requester and by those who may review it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Request {
    /// Its id.
    pub id: RequestId,
    /// Who asks.
    pub requester: Person,
    /// For what.
    pub resource: ResourceId,
    /// The resource's name.
    pub resource_name: String,
    /// The resource's address with its ports; empty for a requester who does not see the resource any more.
    pub resource_address: String,
    /// As a member of which group.
    pub group_name: String,
    /// Why, as typed.
    pub reason: String,
    /// What it is for.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub purpose: Purpose,
    /// For how long; `None` for an unlock, which holds while the resource is used. Of an extension:
    /// how long from its approval on.
    pub asked: Option<Length>,
    /// The approval it was made under.
    #[serde(deserialize_with = "lenient::or_default")]
    pub approval: Approval,
    /// When access should start; `None` for at approval.
    pub starts_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it lapses, if nobody decides.
    pub lapses_at: DateTime<Utc>,
    /// What became of it.
    pub status: RequestStatus,
    /// The grant it made, or the one that it extends.
    pub grant: Option<Grant>,
    /// While it waits: when access would end if it were approved at the moment of this answer. `None` for
    /// an unlock, and where it would not last longer. The event stream tells it of extensions, and of
    /// requests with a start: what it sends is kept, and the end of others moves with the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<DateTime<Utc>>,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RequestStatus {
    /// Waits for a reviewer.
    Pending,
    /// Approved.
    Approved {
        /// When.
        at: DateTime<Utc>,
        /// By whom; `None` when automatic.
        by: Option<Person>,
        /// For how long; `None` for an unlock.
        length: Option<Length>,
        /// The reviewer's word, possibly empty.
        comment: String,
    },
    /// Denied.
    Denied {
        /// When.
        at: DateTime<Utc>,
        /// By whom.
        by: Person,
        /// Why.
        comment: String,
    },
    /// Withdrawn.
    Cancelled {
        /// When.
        at: DateTime<Utc>,
        /// By whom; `None` for the system.
        by: Option<Person>,
        /// Why.
        cause: Cause,
    },
    /// Nobody decided in time.
    Lapsed {
        /// When.
        at: DateTime<Utc>,
    },
    /// Something that this version does not know.
    #[serde(other)]
    Unknown,
}

/// A grant and where it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Grant {
    /// Its id.
    pub id: GrantId,
    /// The request that made it.
    pub request: RequestId,
    /// Its start.
    pub starts_at: DateTime<Utc>,
    /// Its end, as long as nothing ends it earlier.
    pub expires_at: DateTime<Utc>,
    /// Where it stands.
    pub status: GrantStatus,
}

impl Grant {
    /// When it ended, once it has.
    #[must_use]
    pub fn ended_at(&self) -> Option<DateTime<Utc>> {
        match self.status {
            GrantStatus::Scheduled | GrantStatus::Active | GrantStatus::Unknown => None,
            GrantStatus::Expired { at }
            | GrantStatus::Released { at }
            | GrantStatus::Revoked { at, .. } => Some(at),
        }
    }
}

/// Where a grant stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum GrantStatus {
    /// Starts later.
    Scheduled,
    /// Runs.
    Active,
    /// Came to its end.
    Expired {
        /// When.
        at: DateTime<Utc>,
    },
    /// Given back.
    Released {
        /// When.
        at: DateTime<Utc>,
    },
    /// Taken away.
    Revoked {
        /// When.
        at: DateTime<Utc>,
        /// By whom; `None` for the system.
        by: Option<Person>,
        /// Why.
        cause: Cause,
        /// The person's word, possibly empty.
        comment: String,
    },
    /// Somewhere that this version does not know.
    #[serde(other)]
    Unknown,
}

/// A request in a reviewer's queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Review {
    /// The request, pending.
    pub request: Request,
    /// How many grants the requester had for this resource in the last 30 days.
    pub recent_grants: u32,
    /// False while its requester could have signed in as this person, or as whom they decide for (rule 6).
    pub may_decide: bool,
    /// On whose behalf the person decides it, where they do so as a deputy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<Principal>,
    /// The names of those whom an administrator asked to decide it, and who still may.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked_reviewers: Vec<String>,
    /// When access ends at the latest, however long is approved: the assignment along which it is asked for
    /// ends then. `None` where it does not end, for an extension and for an unlock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_by: Option<DateTime<Utc>>,
}

impl Review {
    /// When access ends at the latest, whatever length is approved and whenever: with a start, when it ends as
    /// it was asked.
    #[must_use]
    pub fn ends_by(&self) -> Option<DateTime<Utc>> {
        let scheduled = self.request.starts_at.and(self.request.ends_at);
        scheduled.or(self.ends_by)
    }
}

/// A resource that locks when a user does not use it, as administrators see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AutoLocked {
    /// The resource.
    pub resource: ResourceId,
    /// Its name.
    pub resource_name: String,
    /// When the user last used it.
    pub last_used: Option<DateTime<Utc>>,
    /// When it locks if it stays unused; `None` when it has.
    pub locks_at: Option<DateTime<Utc>>,
}

/// Body of `POST /unlocks`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewUnlock {
    /// For whom: the name they sign in with.
    pub login: String,
    /// Of what.
    pub resource: ResourceId,
    /// Why, for them and for the audit log; may be empty; at most 2,000 characters.
    #[serde(default)]
    pub comment: String,
}

/// A page of things, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Page<T> {
    /// The things.
    pub items: Vec<T>,
    /// Hand this in as `before` for the next page; `None` at the end.
    pub before: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copied_address_is_what_programs_take() {
        let mut resource = Resource {
            id: ResourceId(1),
            name: "Any".to_owned(),
            address: String::new(),
            ports: Ports::default(),
            alias: None,
            network: String::new(),
            tags: Vec::new(),
            url: None,
            lock: LockState::Locked {
                why: Why::NeedsApproval,
            },
            visibility: Visibility::Shown,
            description: String::new(),
            how_to_use: None,
            denied_at: None,
            last_decision: None,
            approved: None,
            last_touched: None,
        };
        for (address, ports, copied) in [
            ("db.corp", "5432", "db.corp:5432"),
            ("db.corp", "80,443", "db.corp"),
            ("db.corp", "", "db.corp"),
            ("*.db.corp", "22", "*.db.corp:22"),
            ("10.0.0.1", "22", "10.0.0.1:22"),
            ("2001:db8::1", "22", "[2001:db8::1]:22"),
            ("10.1.0.0/16", "22", "10.1.0.0/16"),
            ("2001:db8::/32", "22", "2001:db8::/32"),
        ] {
            address.clone_into(&mut resource.address);
            resource.ports = ports.parse().unwrap();
            assert_eq!(resource.copied_address(), copied);
        }
    }

    #[test]
    fn who_can_approve_is_one_phrase() {
        let said = |kind, groups: &[&str], people: &[&str]| {
            let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
            let approvers = Approvers {
                kind,
                groups: names(groups),
                people: names(people),
            };
            approvers.to_string()
        };
        let regulars = ApproverKind::Regulars;
        assert_eq!(said(regulars, &["DBA"], &["Rae"]), "Rae");
        assert_eq!(
            said(regulars, &[], &["Rae", "Roy", "Ada"]),
            "Rae, Roy or Ada"
        );
        assert_eq!(
            said(regulars, &["DBA", "Ops"], &[]),
            "members of DBA or Ops"
        );
        assert_eq!(said(regulars, &[], &[]), "the organisation’s reviewers");
        assert_eq!(
            said(ApproverKind::Fallback, &["Duty"], &["Ben"]),
            "Ben, because nobody else can"
        );
        assert_eq!(
            said(ApproverKind::Nobody, &[], &[]),
            "nobody: you cannot approve your own request"
        );
    }
}
