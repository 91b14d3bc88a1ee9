//! Who reviews what (rules 1, 6 and 14).

use std::collections::{BTreeMap, BTreeSet};

use super::value::Organisation;
use crate::ids::{GroupId, ResourceId, UserId};
use crate::review::{Regulars, Reviewer, Reviewers, Role};

/// The requests that a person may review in their session: true until the organisation changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    user: UserId,
    /// The roles that count in the session: none where it does not reach other people.
    roles: Vec<Role>,
    /// Resources of which they are an approver.
    approves: BTreeSet<ResourceId>,
    /// Where they may stand in as a fallback reviewer, each with who else reviews it (rule 14).
    stands_in: BTreeMap<ResourceId, Regulars>,
}

impl Organisation {
    /// The resources for which the user is an approver through one of their groups, in order of id.
    #[must_use]
    pub fn approves(&self, user: UserId) -> BTreeSet<ResourceId> {
        let groups = self.groups_of(user).iter();
        let approved = groups.flat_map(|group| self.index.approved_by(*group));
        approved.collect()
    }

    /// The resources for which the members of a group are approvers, in order of id.
    pub fn approved_by(&self, group: GroupId) -> impl Iterator<Item = ResourceId> {
        self.index.approved_by(group)
    }

    /// Who reviews a resource, in order of id, each once.
    #[must_use]
    pub fn reviewers(&self, resource: ResourceId) -> Reviewers {
        let by_role = self.index.review_all.iter().copied();
        let approvers = self.approvers(resource);
        let regular: BTreeSet<_> = by_role.chain(approvers).collect();
        Reviewers {
            regular: regular.into_iter().collect(),
            fallback: self.fallback_reviewers(),
        }
    }

    /// Who reviews a resource, as far as rule 14 must know: it looks at two people at most.
    #[must_use]
    pub fn regulars(&self, resource: ResourceId) -> Regulars {
        let mut reviewers = self.index.review_all.iter().copied();
        let mut reviewers = reviewers.by_ref().chain(self.approvers(resource));
        let Some(one) = reviewers.next() else {
            return Regulars::Nobody;
        };
        match reviewers.any(|other| other != one) {
            true => Regulars::Several,
            false => Regulars::One(one),
        }
    }

    /// Enabled members of the groups of fallback reviewers, in order of id, each once.
    #[must_use]
    pub fn fallback_reviewers(&self) -> Vec<UserId> {
        let groups = self.fallback_groups().iter();
        let people: BTreeSet<_> = groups
            .flat_map(|group| self.enabled_members(*group))
            .collect();
        people.into_iter().collect()
    }

    /// True when an approval of this person counts: they review the resource by their role or as its
    /// approver, or are a fallback reviewer.
    #[must_use]
    pub fn may_review(&self, user: UserId, resource: ResourceId) -> bool {
        self.is_regular(user, resource) || self.is_fallback_reviewer(user)
    }

    /// True when this enabled person reviews the resource by their role or as its approver.
    #[must_use]
    pub fn is_regular(&self, user: UserId, resource: ResourceId) -> bool {
        let resource = self.resources.get(&resource).into_iter();
        let mut groups = resource.flat_map(|resource| resource.approvers.iter());
        self.index.review_all.contains(&user)
            || (self.enabled_user(user).is_some()
                && groups.any(|group| self.is_member(user, *group)))
    }

    /// The enabled users who review every request by their role, in order of id.
    #[must_use]
    pub fn reviewing_all(&self) -> Vec<UserId> {
        self.index.review_all.iter().copied().collect()
    }

    /// The resources that fewer than two enabled users review, removed ones too, each with the one
    /// who does, if any; in order of id.
    #[must_use]
    pub fn scarcely_reviewed(&self) -> Vec<(ResourceId, Option<UserId>)> {
        if self.index.review_all.len() > 1 {
            return Vec::new();
        }
        let living = self.resources.keys();
        let all: BTreeSet<_> = living.chain(&self.removed_resources).copied().collect();
        let scarce = all.into_iter().filter_map(|id| match self.regulars(id) {
            Regulars::Nobody => Some((id, None)),
            Regulars::One(one) => Some((id, Some(one))),
            Regulars::Several => None,
        });
        scarce.collect()
    }

    /// Returns what a user may review in their session, which either reaches other people or does not;
    /// `None` for somebody who is not there, or disabled.
    #[must_use]
    pub fn reach(&self, user: UserId, reaches_others: bool) -> Option<Reach> {
        let found = self.enabled_user(user)?;
        let mut reach = Reach {
            user,
            roles: Vec::new(),
            approves: BTreeSet::new(),
            stands_in: BTreeMap::new(),
        };
        if reaches_others {
            reach.roles.clone_from(&found.roles);
            reach.approves = self.approves(user);
            if self.is_fallback_reviewer(user) {
                let scarce = self.scarcely_reviewed().into_iter();
                let scarce = scarce.map(|(resource, one)| (resource, one.into()));
                reach.stands_in.extend(scarce);
            }
        }
        Some(reach)
    }

    /// True when the user is in a group of fallback reviewers and not disabled.
    #[must_use]
    pub fn is_fallback_reviewer(&self, user: UserId) -> bool {
        let mut groups = self.fallback_groups().iter();
        self.enabled_user(user).is_some() && groups.any(|group| self.is_member(user, *group))
    }

    /// A group's members who exist and are not disabled, in order of id.
    pub fn enabled_members(&self, group: GroupId) -> impl Iterator<Item = UserId> {
        let members = self.groups.get(&group).into_iter();
        let members = members.flat_map(|group| group.members.iter().copied());
        members.filter(|user| self.enabled_user(*user).is_some())
    }

    /// The enabled members of a resource's approver groups, some of them more than once.
    fn approvers(&self, resource: ResourceId) -> impl Iterator<Item = UserId> {
        let resource = self.resources.get(&resource).into_iter();
        let groups = resource.flat_map(|resource| resource.approvers.iter());
        groups.flat_map(|group| self.enabled_members(*group))
    }
}

impl Reach {
    /// Of a person with these roles, as far as they count in the session, who approves these
    /// resources, and stands in at those.
    #[must_use]
    pub fn new(
        user: UserId,
        roles: Vec<Role>,
        approves: BTreeSet<ResourceId>,
        stands_in: BTreeMap<ResourceId, Regulars>,
    ) -> Self {
        Self {
            user,
            roles,
            approves,
            stands_in,
        }
    }

    /// The roles that count in the session.
    #[must_use]
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// True when they may see what `requester` asks for or holds here (rules 1 and 14).
    #[must_use]
    pub fn covers(&self, requester: UserId, resource: ResourceId) -> bool {
        self.reviewer(requester, resource).reviews()
    }

    /// True when they may review anything at all.
    #[must_use]
    pub fn is_some(&self) -> bool {
        self.resources()
            .is_none_or(|resources| !resources.is_empty())
    }

    /// The resources for which they may review some requests at least; `None` for all, by role.
    #[must_use]
    pub fn resources(&self) -> Option<BTreeSet<ResourceId>> {
        let others = self.approves.iter().chain(self.stands_in.keys());
        (!self.reviews_all()).then(|| others.copied().collect())
    }

    /// True when they may see what anybody asks for here, and not only where they stand in.
    #[must_use]
    pub fn covers_all(&self, resource: ResourceId) -> bool {
        self.reviews_all() || self.approves.contains(&resource)
    }

    /// The person, as the rules see them before what `requester` asks for.
    #[must_use]
    pub fn reviewer(&self, requester: UserId, resource: ResourceId) -> Reviewer<'_> {
        let regulars = self.stands_in.get(&resource);
        Reviewer {
            user: self.user,
            roles: &self.roles,
            approves_resource: self.approves.contains(&resource),
            stands_in: regulars.is_some_and(|regulars| regulars.lack(requester)),
        }
    }

    fn reviews_all(&self) -> bool {
        self.roles.iter().any(|role| role.reviews_all())
    }
}
