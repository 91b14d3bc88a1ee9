//! Who acts, and what they may review.

use std::collections::{BTreeMap, BTreeSet};

use hourkey_domain::ids::{ResourceId, UserId};
use hourkey_domain::review::{MayNot, Regulars, Reviewer, Role};
use hourkey_protocol::problem::Code;
use hourkey_store::Read;
use hourkey_store::organisation::User;

use crate::error::AppError;
use crate::identity::Caller;

/// A person with what they may review in their session, true for one transaction.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The person.
    pub user: User,
    /// What they may review.
    pub reach: Reach,
}

/// What a person may review in their session: true until the organisation changes.
#[derive(Clone, Debug)]
pub struct Reach {
    user: UserId,
    /// The roles that count in the session: none where it does not reach other people.
    roles: Vec<Role>,
    /// Resources of which they are an approver.
    approves: BTreeSet<ResourceId>,
    /// Where they may stand in as a fallback reviewer, each with who else reviews it (rule 14).
    stands_in: BTreeMap<ResourceId, Regulars>,
}

impl Actor {
    /// The person who acts.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`] when they were disabled or removed since they signed in.
    pub async fn load(tx: &mut dyn Read, caller: impl Into<Caller>) -> Result<Self, AppError> {
        Self::find(tx, caller.into()).await?.ok_or_else(|| {
            AppError::refused(
                Code::Unauthenticated,
                "This account is disabled or was removed. Ask your administrator.",
            )
        })
    }

    /// The person, when they exist and are not disabled.
    pub(crate) async fn find(
        tx: &mut dyn Read,
        caller: impl Into<Caller>,
    ) -> Result<Option<Self>, AppError> {
        let caller = caller.into();
        let user = tx.user(caller.user).await?;
        let Some(user) = user.filter(|user| !user.disabled) else {
            return Ok(None);
        };
        let mut reach = Reach {
            user: user.id,
            roles: Vec::new(),
            approves: BTreeSet::new(),
            stands_in: BTreeMap::new(),
        };
        if caller.reaches_others() {
            reach.roles.clone_from(&user.roles);
            reach.approves.extend(tx.approves(user.id).await?);
            if tx.fallback_reviewers().await?.contains(&user.id) {
                let scarce = tx.scarcely_reviewed().await?.into_iter();
                let scarce = scarce.map(|(resource, one)| (resource, one.into()));
                reach.stands_in.extend(scarce);
            }
        }
        Ok(Some(Self { user, reach }))
    }

    /// True when they may see what `requester` asks for or holds here (rules 1 and 14).
    #[must_use]
    pub fn reviews(&self, requester: UserId, resource: ResourceId) -> bool {
        self.reach.covers(requester, resource)
    }

    /// True when they administer the organisation.
    #[must_use]
    pub fn administers(&self) -> bool {
        self.reach.roles.contains(&Role::Admin)
    }

    /// Whether they may decide what `requester` asked for (rules 6 and 14).
    ///
    /// # Errors
    /// As for an unknown id when it is not theirs to see (rule 1), or [`Code::OwnRequest`].
    pub fn may_decide(&self, requester: UserId, resource: ResourceId) -> Result<(), AppError> {
        match self
            .reach
            .reviewer(requester, resource)
            .may_decide(requester)
        {
            Ok(()) => Ok(()),
            Err(MayNot::NotReviewer) => Err(AppError::not_found()),
            Err(MayNot::OwnRequest) => Err(AppError::refused(
                Code::OwnRequest,
                "You asked for this yourself, and nobody decides their own request. Another \
                 reviewer has to.",
            )),
        }
    }
}

impl Reach {
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

    fn reviews_all(&self) -> bool {
        self.roles.iter().any(|role| role.reviews_all())
    }

    /// The person, as the rules see them before what `requester` asks for.
    pub(super) fn reviewer(&self, requester: UserId, resource: ResourceId) -> Reviewer<'_> {
        let regulars = self.stands_in.get(&resource);
        Reviewer {
            user: self.user,
            roles: &self.roles,
            approves_resource: self.approves.contains(&resource),
            stands_in: regulars.is_some_and(|regulars| regulars.lack(requester)),
        }
    }
}
