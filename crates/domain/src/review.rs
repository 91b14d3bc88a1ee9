//! Who may see and decide what (rules 1, 6 and 14).

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::ids::UserId;

/// What a user may do in the whole organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Role {
    /// Uses resources.
    Member,
    /// Reviews every request.
    AccessReviewer,
    /// Sets up resources: their networks, gateways, assignments and settings. Sees nobody's requests,
    /// reviews nothing, and names no approvers of what they can reach.
    Operator,
    /// Sees everything, and changes nothing.
    Auditor,
    /// Everything.
    Admin,
}

impl Role {
    /// True when it reviews every request (rule 1).
    #[must_use]
    pub fn reviews_all(self) -> bool {
        match self {
            Self::AccessReviewer | Self::Admin => true,
            Self::Member | Self::Operator | Self::Auditor => false,
        }
    }

    /// True when it sees everything that there is, of everybody (rule 1).
    #[must_use]
    pub fn sees_all(self) -> bool {
        match self {
            Self::Auditor | Self::Admin => true,
            Self::Member | Self::AccessReviewer | Self::Operator => false,
        }
    }

    /// True when it sets up resources, networks, gateways, assignments and their settings.
    #[must_use]
    pub fn sets_up(self) -> bool {
        match self {
            Self::Operator | Self::Admin => true,
            Self::Member | Self::AccessReviewer | Self::Auditor => false,
        }
    }

    /// True when it sees how resources are set up, and for which groups.
    #[must_use]
    pub fn sees_configuration(self) -> bool {
        match self {
            Self::Operator | Self::Auditor | Self::Admin => true,
            Self::Member | Self::AccessReviewer => false,
        }
    }
}

/// Who decides, and for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decider {
    /// Who acts.
    pub user: UserId,
    /// The reviewer whose deputy they are ([`crate::deputy`]); `None` in their own right.
    pub on_behalf_of: Option<UserId>,
}

impl Decider {
    /// True when one of the two asked for it themselves (rule 6).
    #[must_use]
    pub fn is(self, requester: UserId) -> bool {
        self.user == requester || self.on_behalf_of == Some(requester)
    }

    /// The reviewer whose vote it is: a deputy and their principal are one.
    #[must_use]
    pub fn voter(self) -> UserId {
        self.on_behalf_of.unwrap_or(self.user)
    }
}

/// In their own right.
impl From<UserId> for Decider {
    fn from(user: UserId) -> Self {
        Self {
            user,
            on_behalf_of: None,
        }
    }
}

/// How long a [`Bar`] holds, from the last time that a link was shown, or used.
pub const BARRED_FOR: TimeDelta = TimeDelta::hours(24);

/// An account that decides nothing of somebody who could sign in as it (rule 6): who was shown a link to
/// its password, or chose the address that such links go to. Whoever keeps it ends it after a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bar {
    /// Who decides nothing.
    pub account: UserId,
    /// Of whom.
    pub requester: UserId,
}

/// Somebody who wants to decide a request.
#[derive(Clone, Copy, Debug)]
pub struct Reviewer<'a> {
    /// Who acts.
    pub user: UserId,
    /// Their roles.
    pub roles: &'a [Role],
    /// True when one of their groups is among the resource's approvers.
    pub approves_resource: bool,
    /// True when they are a fallback reviewer, and nobody but the requester reviews the resource
    /// ([`Regulars::lack`], rule 14).
    pub stands_in: bool,
    /// True when a [`Bar`] keeps them from deciding this request.
    pub is_barred: bool,
}

/// The enabled people who review a resource by their role or as its approvers, as far as rule 14
/// must know them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Regulars {
    /// Nobody.
    Nobody,
    /// One person.
    One(UserId),
    /// Two or more: whoever asks, somebody else can decide.
    Several,
}

impl Regulars {
    /// Of these people, each once.
    #[must_use]
    pub fn of(reviewers: &[UserId]) -> Self {
        match reviewers {
            [] => Self::Nobody,
            [one] => Self::One(*one),
            [_, _, ..] => Self::Several,
        }
    }

    /// True when none of them can decide what `requester` asks for, who is never eligible
    /// (rules 6 and 14).
    #[must_use]
    pub fn lack(self, requester: UserId) -> bool {
        match self {
            Self::Nobody => true,
            Self::One(reviewer) => reviewer == requester,
            Self::Several => false,
        }
    }
}

/// Fewer than two people: the one, if any.
impl From<Option<UserId>> for Regulars {
    fn from(one: Option<UserId>) -> Self {
        one.map_or(Self::Nobody, Self::One)
    }
}

/// Who reviews a resource, as rule 14 needs to know it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reviewers {
    /// The enabled people who review it by their role or as its approvers, each once.
    pub regular: Vec<UserId>,
    /// The organisation's fallback reviewers.
    pub fallback: Vec<UserId>,
    /// Who of them decides nothing of whom; of others, too.
    pub bars: Vec<Bar>,
}

impl Reviewers {
    /// Who can approve what `requester` asks for (rule 14): of those who review the resource, each once, or
    /// else of the organisation's fallback reviewers.
    #[must_use]
    pub fn eligible(&self, requester: UserId) -> Eligible {
        let own = self.bars.iter().filter(|bar| bar.requester == requester);
        let barred: Vec<_> = own.map(|bar| bar.account).collect();
        let may = |person: &UserId| *person != requester && !barred.contains(person);
        let others = |people: &[UserId]| {
            let others = people.iter().copied().filter(may);
            others.collect::<Vec<_>>()
        };
        match others(&self.regular) {
            regulars if !regulars.is_empty() => Eligible::Regulars(regulars),
            _ => match others(&self.fallback) {
                fallback if !fallback.is_empty() => Eligible::Fallback(fallback),
                _ => Eligible::Nobody,
            },
        }
    }

    /// True when this person's approval still counts. Whoever approved as a fallback reviewer does
    /// not lose that by regular ones having come.
    pub(crate) fn include(&self, reviewer: UserId) -> bool {
        self.regular.contains(&reviewer) || self.fallback.contains(&reviewer)
    }
}

/// Who can approve a request (rule 14).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Eligible {
    /// Those who review the resource.
    Regulars(Vec<UserId>),
    /// The organisation's fallback reviewers, because nobody else can.
    Fallback(Vec<UserId>),
    /// Nobody: the request is refused, or cancelled if it waits.
    Nobody,
}

impl Eligible {
    /// Those who review the resource, if it is they who can approve.
    #[must_use]
    pub fn regulars(self) -> Vec<UserId> {
        match self {
            Self::Regulars(people) => people,
            Self::Fallback(_) | Self::Nobody => Vec::new(),
        }
    }

    /// The people.
    #[must_use]
    pub fn people(&self) -> &[UserId] {
        match self {
            Self::Regulars(people) | Self::Fallback(people) => people,
            Self::Nobody => &[],
        }
    }
}

/// Why somebody may not decide a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MayNot {
    /// It is not theirs to see: answer as for an unknown id (rule 1).
    #[error("not a reviewer of this resource")]
    NotReviewer,
    /// Nobody opens a manually approved resource to themselves (rule 6).
    #[error("nobody decides their own request")]
    OwnRequest,
    /// A [`Bar`] keeps them from it (rule 6).
    #[error("the requester could have signed in as this reviewer")]
    Barred,
}

impl Reviewer<'_> {
    /// True when this person may see requests for the resource in the review queue (rule 1).
    #[must_use]
    pub fn reviews(&self) -> bool {
        self.approves_resource || self.stands_in || self.roles.iter().any(|role| role.reviews_all())
    }

    /// Whether this person may decide a request of `requester` (rule 6).
    ///
    /// # Errors
    /// [`MayNot`], the reason that must be told first.
    pub fn may_decide(&self, requester: UserId) -> Result<(), MayNot> {
        if self.user == requester {
            return Err(MayNot::OwnRequest);
        }
        if !self.reviews() {
            return Err(MayNot::NotReviewer);
        }
        match self.is_barred {
            true => Err(MayNot::Barred),
            false => Ok(()),
        }
    }

    /// Whether this person may unlock an auto-locked resource for `user` without a request
    /// (rule 6): administrators may, for everybody but themselves.
    ///
    /// # Errors
    /// [`MayNot`], the reason that must be told first.
    pub fn may_unlock(&self, user: UserId) -> Result<(), MayNot> {
        if !self.roles.contains(&Role::Admin) {
            return Err(MayNot::NotReviewer);
        }
        self.may_decide(user)
    }
}
