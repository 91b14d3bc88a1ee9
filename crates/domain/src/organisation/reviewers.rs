//! Who reviews what (rules 1, 6 and 14), in their own right and as a deputy.

use std::collections::{BTreeMap, BTreeSet};

use super::value::Organisation;
use crate::Time;
use crate::deputy::{DeputyEnd, Deputyship};
use crate::ids::{GroupId, ResourceId, UserId};
use crate::review::{Bar, Decider, MayNot, Regulars, Reviewer, Reviewers, Role};

/// The requests that a person may review in their session: true until the organisation changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    user: UserId,
    /// The roles that count in the session: none where it does not reach other people.
    roles: Vec<Role>,
    /// Resources of which they are an approver.
    approves: BTreeSet<ResourceId>,
    /// Where they may stand in as a fallback reviewer.
    stands_in: StandsIn,
    /// Of whom they decide nothing (rule 6).
    barred_from: BTreeSet<UserId>,
    /// On whose behalf they decide, each with what that person may review.
    deputises: Vec<(Deputyship, Reach)>,
}

/// Where fallback reviewers decide, because nobody who reviews the resource can (rule 14).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StandsIn {
    /// The resources that fewer than two people review, each with the one who does.
    pub scarce: BTreeMap<ResourceId, Regulars>,
    /// The others, each with a requester from whom all who review it are barred.
    pub barred: BTreeSet<(ResourceId, UserId)>,
}

impl StandsIn {
    fn at(&self, resource: ResourceId, requester: UserId) -> bool {
        let regulars = self.scarce.get(&resource);
        regulars.is_some_and(|regulars| regulars.lack(requester))
            || self.barred.contains(&(resource, requester))
    }

    fn resources(&self) -> impl Iterator<Item = ResourceId> {
        let barred = self.barred.iter().map(|(resource, _)| *resource);
        self.scarce.keys().copied().chain(barred)
    }
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
            bars: self.bars.iter().copied().collect(),
        }
    }

    /// True when nobody who reviews a resource can approve what `requester` asks for (rule 14): it looks at
    /// no more people than it needs.
    #[must_use]
    pub fn lacks_regulars(&self, resource: ResourceId, requester: UserId) -> bool {
        let mut reviewers =
            { self.index.review_all.iter().copied() }.chain(self.approvers(resource));
        !reviewers.any(|account| account != requester && !self.is_barred(account, requester))
    }

    /// True when an account decides nothing of this requester (rule 6).
    fn is_barred(&self, account: UserId, requester: UserId) -> bool {
        self.bars.contains(&Bar { account, requester })
    }

    /// The resources at which nobody can approve what somebody asks for from whom accounts are barred.
    fn all_barred(&self) -> BTreeSet<(ResourceId, UserId)> {
        let requesters: BTreeSet<_> = self.bars.iter().map(|bar| bar.requester).collect();
        let lacking = requesters.into_iter().flat_map(|requester| {
            let resources = self.resources.keys().copied();
            let lacking = resources.filter(move |it| self.lacks_regulars(*it, requester));
            lacking.map(move |resource| (resource, requester))
        });
        lacking.collect()
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

    /// Returns what a user may review in their session at `now`, which either reaches other people or does
    /// not; `None` for somebody who is not there, or disabled.
    #[must_use]
    pub fn reach(&self, user: UserId, reaches_others: bool, now: Time) -> Option<Reach> {
        let found = self.enabled_user(user)?;
        let nothing = || Reach::nothing(user);
        if !reaches_others {
            return Some(nothing());
        }
        let mut reach = self.own_reach(user).unwrap_or_else(nothing);
        reach.roles.clone_from(&found.roles);
        let holding = self.deputyships_of(user).filter(|it| it.holds(now));
        let held: Vec<_> = holding.collect();
        if !held.is_empty() && self.reviews_anything(user) {
            let theirs = held.into_iter();
            let theirs = theirs.filter_map(|it| Some((*it, self.own_reach(it.principal)?)));
            reach.deputises = theirs.collect();
        }
        Some(reach)
    }

    /// What an enabled user may review in their own right.
    fn own_reach(&self, user: UserId) -> Option<Reach> {
        let roles = self.enabled_user(user)?.roles.clone();
        let mut stands_in = StandsIn::default();
        if self.is_fallback_reviewer(user) {
            let scarce = self.scarcely_reviewed().into_iter();
            stands_in.scarce = { scarce.map(|(resource, one)| (resource, one.into())) }.collect();
            stands_in.barred = self.all_barred();
        }
        let own = self.bars.iter().filter(|bar| bar.account == user);
        Some(Reach {
            roles,
            approves: self.approves(user),
            stands_in,
            barred_from: own.map(|bar| bar.requester).collect(),
            ..Reach::nothing(user)
        })
    }

    /// True when this enabled person reviews anything in their own right: who may have a deputy, and be
    /// one (rule 6).
    #[must_use]
    pub fn reviews_anything(&self, user: UserId) -> bool {
        let Some(found) = self.enabled_user(user) else {
            return false;
        };
        let mut groups = self.groups_of(user).iter();
        found.reviews_all()
            || groups.any(|group| self.index.approved_by(*group).next().is_some())
            || self.is_fallback_reviewer(user)
    }

    /// True when this approval still counts (rule 7): whoever's vote it is may review the resource, and a
    /// deputy still reviews anything.
    #[must_use]
    pub fn counts(&self, by: Decider, resource: ResourceId) -> bool {
        self.may_review(by.voter(), resource)
            && (by.on_behalf_of.is_none() || self.reviews_anything(by.user))
    }

    /// A reviewer's deputy.
    #[must_use]
    pub fn deputy_of(&self, principal: UserId) -> Option<&Deputyship> {
        self.deputies.get(&principal)
    }

    /// All deputies, in order of the principal's id.
    pub fn deputies(&self) -> impl Iterator<Item = &Deputyship> {
        self.deputies.values()
    }

    /// Whose deputy somebody is, or will be, in order of the principal's id.
    pub fn deputyships_of(&self, deputy: UserId) -> impl Iterator<Item = &Deputyship> {
        let principals = self.index.deputises(deputy);
        principals.filter_map(|principal| self.deputies.get(&principal))
    }

    /// The deputies that no longer stand since `before`: the principal lost a role by which they reviewed
    /// everything, or one of the two reviews nothing any more (rule 6).
    #[must_use]
    pub fn void_deputies(&self, before: &Self) -> Vec<(Deputyship, DeputyEnd)> {
        let by_role = |of: &Self, user| of.index.review_all.contains(&user);
        let all = self.deputies.values();
        let void = all.filter_map(|it| {
            let lost = by_role(before, it.principal) && !by_role(self, it.principal);
            let end = match (
                !lost && self.reviews_anything(it.principal),
                self.reviews_anything(it.deputy),
            ) {
                (false, _) => DeputyEnd::PrincipalLostRole,
                (true, false) => DeputyEnd::DeputyLostRole,
                (true, true) => return None,
            };
            Some((*it, end))
        });
        void.collect()
    }

    /// True when the user is in a group of fallback reviewers and not disabled.
    #[must_use]
    pub fn is_fallback_reviewer(&self, user: UserId) -> bool {
        let mut groups = self.fallback_groups().iter();
        self.enabled_user(user).is_some() && groups.any(|group| self.is_member(user, *group))
    }

    /// A group's members who exist and are not disabled, in order of id.
    pub fn enabled_members(&self, group: GroupId) -> impl Iterator<Item = UserId> {
        let members = self.members(group);
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
    /// Of a person who reviews nothing.
    #[must_use]
    pub fn nothing(user: UserId) -> Self {
        Self::new(user, Vec::new(), BTreeSet::new(), StandsIn::default())
    }

    /// Of a person with these roles, as far as they count in the session, who approves these
    /// resources, and stands in at those.
    #[must_use]
    pub fn new(
        user: UserId,
        roles: Vec<Role>,
        approves: BTreeSet<ResourceId>,
        stands_in: StandsIn,
    ) -> Self {
        Self {
            user,
            roles,
            approves,
            stands_in,
            barred_from: BTreeSet::new(),
            deputises: Vec::new(),
        }
    }

    /// The same, who decides nothing of these people (rule 6).
    #[must_use]
    pub fn barred_from(self, requesters: BTreeSet<UserId>) -> Self {
        Self {
            barred_from: requesters,
            ..self
        }
    }

    /// The same, who also decides on these people's behalf, each with what that person may review.
    #[must_use]
    pub fn deputising(self, deputises: Vec<(Deputyship, Self)>) -> Self {
        Self { deputises, ..self }
    }

    /// On whose behalf they decide.
    pub fn deputises(&self) -> impl Iterator<Item = &Deputyship> {
        self.deputises.iter().map(|(deputyship, _)| deputyship)
    }

    /// The roles that count in the session.
    #[must_use]
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// True when they review what `requester` asks for or holds here (rules 1 and 14): somebody else.
    #[must_use]
    pub fn covers(&self, requester: UserId, resource: ResourceId) -> bool {
        requester != self.user
            && (self.reviewer(requester, resource).reviews()
                || self.principals(requester, resource).next().is_some())
    }

    /// Who decides here what `requester` asks for, and for whom: in their own right where they may, else
    /// on behalf of the first who may, neither of the two barred. `None` for their own request, and where
    /// they review nothing.
    /// Deputyship does not chain: what a principal does as somebody's deputy is not theirs to hand on.
    #[must_use]
    pub fn decider(&self, requester: UserId, resource: ResourceId) -> Option<Decider> {
        let own = self.reviewer(requester, resource).may_decide(requester);
        match own {
            Ok(()) => Some(self.user.into()),
            // Who could sign in as them could decide as any deputy of theirs, and named it perhaps.
            Err(MayNot::Barred | MayNot::OwnRequest) => None,
            Err(MayNot::NotReviewer) if self.barred_from.contains(&requester) => None,
            Err(MayNot::NotReviewer) => {
                let mut may = { self.principals(requester, resource) }
                    .filter(|(_, reach)| !reach.barred_from.contains(&requester));
                may.next().map(|(it, _)| self.on_behalf_of(it))
            }
        }
    }

    /// As [`Reach::decider`], of who takes away what `requester` has: a bar keeps nobody from that.
    #[must_use]
    pub fn revoker(&self, requester: UserId, resource: ResourceId) -> Option<Decider> {
        match self.reviewer(requester, resource).may_decide(requester) {
            Ok(()) | Err(MayNot::Barred) => Some(self.user.into()),
            Err(MayNot::OwnRequest) => None,
            Err(MayNot::NotReviewer) => {
                let first = self.principals(requester, resource).next();
                first.map(|(it, _)| self.on_behalf_of(it))
            }
        }
    }

    fn on_behalf_of(&self, deputyship: &Deputyship) -> Decider {
        Decider {
            user: self.user,
            on_behalf_of: Some(deputyship.principal),
        }
    }

    /// True when they decide nothing of this requester themselves, whoever's deputy they are (rule 6).
    #[must_use]
    pub fn is_barred_from(&self, requester: UserId) -> bool {
        self.barred_from.contains(&requester)
    }

    /// On whose behalf they review here what `requester` asks for (rule 6).
    fn principals(
        &self,
        requester: UserId,
        resource: ResourceId,
    ) -> impl Iterator<Item = &(Deputyship, Self)> {
        let theirs = self.deputises.iter();
        theirs.filter(move |(it, reach)| {
            it.serves(requester) && reach.reviewer(requester, resource).reviews()
        })
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
        if self.reviews_all() {
            return None;
        }
        let own = self.approves.iter().copied();
        let mut all: BTreeSet<_> = own.chain(self.stands_in.resources()).collect();
        for (_, reach) in &self.deputises {
            all.extend(reach.resources()?);
        }
        Some(all)
    }

    /// True when they may see what anybody asks for here, and not only where they stand in.
    #[must_use]
    pub fn covers_all(&self, resource: ResourceId) -> bool {
        self.reviews_all() || self.approves.contains(&resource)
    }

    /// The person, as the rules see them before what `requester` asks for.
    #[must_use]
    pub fn reviewer(&self, requester: UserId, resource: ResourceId) -> Reviewer<'_> {
        Reviewer {
            user: self.user,
            roles: &self.roles,
            approves_resource: self.approves.contains(&resource),
            stands_in: self.stands_in.at(resource, requester),
            is_barred: self.barred_from.contains(&requester),
        }
    }

    fn reviews_all(&self) -> bool {
        self.roles.iter().any(|role| role.reviews_all())
    }
}
