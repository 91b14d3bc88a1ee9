//! The parts of an organisation, as they are kept.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::Time;
use crate::address::{Address, Ports};
use crate::ids::{AssignmentId, DeviceId, GroupId, NetworkId, ResourceId, SessionId, UserId};
use crate::length::Length;
use crate::naming::Called;
use crate::review::Role;
use crate::settings::{EffectiveAssignment, Override, Settings};
use crate::text::is_unsafe;
use crate::visibility::Visibility;

/// A person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// The name they sign in with; unique, lower case.
    pub login: String,
    /// Their display name.
    pub name: String,
    /// Their mail address.
    pub email: Option<String>,
    /// Their roles.
    pub roles: Vec<Role>,
    /// Disabled users cannot sign in and hold no access.
    pub disabled: bool,
    /// Since when they are in the built-in group, for its count of unused days, as far as that was noted.
    /// What a store is given here counts for nothing: stores note it themselves.
    pub since: Option<DateTime<Utc>>,
}

impl User {
    /// True when they administer the organisation: disabled users do not.
    #[must_use]
    pub fn administers(&self) -> bool {
        !self.disabled && self.roles.contains(&Role::Admin)
    }

    /// True when they review every request by their role (rule 1): disabled users review nothing.
    #[must_use]
    pub fn reviews_all(&self) -> bool {
        !self.disabled && self.roles.iter().any(|role| role.reviews_all())
    }
}

/// The names of a person, also of one who was removed: for showing who did something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The name they sign, or signed, in with.
    pub login: String,
    /// Their display name.
    pub name: String,
}

/// A group with its members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// Its name; unique.
    pub name: String,
    /// Its members, in order of id. Nobody is named for [`GroupId::EVERYONE`]: see
    /// [`super::Organisation::members`].
    pub members: Vec<UserId>,
}

/// A network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Its id.
    pub id: NetworkId,
    /// Its name; unique.
    pub name: String,
}

/// A private destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Its id.
    pub id: ResourceId,
    /// Its name; unique.
    pub name: String,
    /// Where it is.
    pub address: Address,
    /// On which ports.
    pub ports: Ports,
    /// A shorter name for it.
    pub alias: Option<String>,
    /// Its network.
    pub network: NetworkId,
    /// Tags.
    pub tags: Vec<String>,
    /// Where Open in browser goes, if not where the address says.
    pub url: Option<String>,
    /// Connections that run go on while a gateway does not hear the controller, up to their
    /// permits' own ends; otherwise they are cut after a lease of 15 s.
    pub keep_alive_offline: bool,
    /// Its access settings.
    pub settings: Settings,
    /// Groups whose members may review requests for it, in order of id.
    pub approvers: Vec<GroupId>,
    /// Whether it can be used, and what people are told of it.
    pub about: About,
}

/// Whether a resource can be used at all, where people find it, and what they are told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Where it is not, it goes on governing its destination (rule 9), and opens for nobody.
    pub enabled: bool,
    /// Where its people find it.
    pub visibility: Visibility,
    /// What it is, for those who see it: at most [`About::MAX_CHARS`] characters, possibly none.
    pub description: String,
    /// How to use it, for those to whom it is open: as long at most, of several lines, possibly empty.
    pub how_to_use: String,
    /// Who answers for it. Whoever was removed since counts for nobody.
    pub owner: Option<UserId>,
}

impl About {
    /// The most characters of [`About::description`], and of [`About::how_to_use`].
    pub const MAX_CHARS: usize = 2_000;

    /// A description as it is kept: without white space around it, lines ending as on Unix.
    ///
    /// # Errors
    /// [`BadText`].
    pub fn text(typed: &str) -> Result<String, BadText> {
        let text = typed.replace("\r\n", "\n");
        let text = text.trim();
        if text.chars().count() > Self::MAX_CHARS {
            return Err(BadText::TooLong);
        }
        match text.chars().any(|c| c != '\n' && c != '\t' && is_unsafe(c)) {
            true => Err(BadText::Unseen),
            false => Ok(text.to_owned()),
        }
    }
}

/// Why a text cannot be a description.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadText {
    /// More than [`About::MAX_CHARS`] characters.
    #[error("has more than 2,000 characters")]
    TooLong,
    /// Characters that nobody sees, or that turn others around.
    #[error("has characters that cannot be seen")]
    Unseen,
}

impl Default for About {
    fn default() -> Self {
        Self {
            enabled: true,
            visibility: Visibility::Shown,
            description: String::new(),
            how_to_use: String::new(),
            owner: None,
        }
    }
}

impl Resource {
    /// What it can be called by.
    #[must_use]
    pub fn called(&self) -> Called<'_> {
        Called {
            id: self.id.0,
            name: &self.name,
            alias: self.alias.as_deref(),
            address: &self.address,
            ports: &self.ports,
        }
    }

    /// True when it leads nowhere but where the other leads.
    #[must_use]
    pub fn lies_within(&self, other: &Self) -> bool {
        self.address == other.address
            && self.network == other.network
            && other.ports.contain_all(&self.ports)
    }

    /// True when both lead to the same destination: address, ports and network (rule 7).
    #[must_use]
    pub fn same_destination(&self, other: &Self) -> bool {
        self.address == other.address && self.ports == other.ports && self.network == other.network
    }
}

/// A group's access to a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Its id.
    pub id: AssignmentId,
    /// Whose.
    pub group: GroupId,
    /// To what; unique with the group.
    pub resource: ResourceId,
    /// Its end.
    pub until: Option<DateTime<Utc>>,
    /// Its own settings.
    pub own: Override,
    /// When it first came to auto-lock, if it ever did. What a store is given here counts for nothing:
    /// stores note it themselves.
    pub auto_locks_since: Option<DateTime<Utc>>,
}

impl Assignment {
    /// The assignment with its settings resolved (rule 2), for nobody in particular; `settings` are
    /// those of its resource, `longest` the longest access period of the organisation.
    #[must_use]
    pub fn effective(&self, settings: Settings, longest: Length) -> EffectiveAssignment {
        let settings = settings.with(self.own).within(longest);
        EffectiveAssignment {
            assignment: self.id,
            group: self.group,
            settings,
            total: settings.period.total(longest),
            until: self.until,
            counts_from: None,
        }
    }

    /// As [`Assignment::effective`], for a member of its group since `joined`. The count of unused days
    /// starts when the member came, or when the assignment came to auto-lock.
    #[must_use]
    pub fn effective_for(
        &self,
        settings: Settings,
        longest: Length,
        joined: Option<DateTime<Utc>>,
    ) -> EffectiveAssignment {
        let both = joined.zip(self.auto_locks_since);
        EffectiveAssignment {
            counts_from: both.map(|(joined, since)| joined.max(since)),
            ..self.effective(settings, longest)
        }
    }
}

/// Since when each member is in a group. Most came at the same moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Joined {
    /// Since when all are but [`Joined::others`].
    usual: Option<DateTime<Utc>>,
    /// In order of id.
    others: Vec<(UserId, Option<DateTime<Utc>>)>,
}

impl Joined {
    /// Of all members. One whose moment nobody noted counts from nowhere.
    #[must_use]
    pub fn new(members: &[(UserId, Option<DateTime<Utc>>)]) -> Self {
        let mut counts = BTreeMap::new();
        for (_, since) in members {
            *counts.entry(*since).or_insert(0_usize) += 1;
        }
        let usual = counts.into_iter().max_by_key(|(_, count)| *count);
        let usual = usual.and_then(|(since, _)| since);
        let others = members.iter().filter(|(_, since)| *since != usual);
        let mut others: Vec<_> = others.copied().collect();
        others.sort_unstable();
        Self { usual, others }
    }

    /// Since when this member is in it.
    #[must_use]
    pub fn of(&self, member: UserId) -> Option<DateTime<Utc>> {
        match self.others.binary_search_by_key(&member, |(id, _)| *id) {
            Ok(at) => self.others.get(at).and_then(|(_, since)| *since),
            Err(_) => self.usual,
        }
    }
}

/// An installed client that may connect, as far as gateways must know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// Whose.
    pub user: UserId,
    /// The session that enrolled it; it ends with that session.
    pub session: SessionId,
    /// SHA-256 of its public key, in lower-case hexadecimal.
    pub key: String,
}

/// How long somebody stays signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// When it ends by itself if it is not heard again.
    pub ends_at: DateTime<Utc>,
}

impl Session {
    /// True as long as time has not ended it.
    #[must_use]
    pub fn is_running(&self, now: Time) -> bool {
        now < self.ends_at
    }
}
