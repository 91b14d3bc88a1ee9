//! Who acts, and what they may review.

use hourkey_domain::ids::{ResourceId, UserId};
use hourkey_domain::review::{MayNot, Reviewer, Role};
use hourkey_protocol::problem::Code;
use hourkey_store::Read;
use hourkey_store::organisation::User;

use crate::failure::Failure;
use crate::identity::Caller;

/// A person with what they may review in their session, true for one transaction.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The person.
    pub user: User,
    /// Resources whose requests they may review as resource approvers.
    pub approves: Vec<ResourceId>,
    /// The roles that count in the session: none where it does not reach other people.
    roles: Vec<Role>,
}

impl Actor {
    /// The person who acts.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`] when they were disabled or removed since they signed in.
    pub async fn load(tx: &mut dyn Read, caller: impl Into<Caller>) -> Result<Self, Failure> {
        Self::find(tx, caller.into()).await?.ok_or_else(|| {
            Failure::refused(
                Code::Unauthenticated,
                "This account is disabled or was removed. Ask your administrator.",
            )
        })
    }

    /// The person, when they exist and are not disabled.
    pub(crate) async fn find(
        tx: &mut dyn Read,
        caller: impl Into<Caller>,
    ) -> Result<Option<Self>, Failure> {
        let caller = caller.into();
        let user = tx.user(caller.user).await?;
        let Some(user) = user.filter(|user| !user.disabled) else {
            return Ok(None);
        };
        let (approves, roles) = match caller.reaches_others() {
            true => (tx.approves(caller.user).await?, user.roles.clone()),
            false => (Vec::new(), Vec::new()),
        };
        Ok(Some(Self {
            user,
            approves,
            roles,
        }))
    }

    /// True when they may see requests for this resource (rule 1).
    #[must_use]
    pub fn reviews(&self, resource: ResourceId) -> bool {
        self.reviewer(resource).reviews()
    }

    /// True when they review requests for every resource, by role.
    #[must_use]
    pub fn reviews_all(&self) -> bool {
        let roles = self.roles.as_slice();
        let none = Reviewer {
            user: self.user.id,
            roles,
            approves_resource: false,
        };
        none.reviews()
    }

    /// True when they review at least one resource.
    #[must_use]
    pub fn reviews_any(&self) -> bool {
        self.reviews_all() || !self.approves.is_empty()
    }

    /// True when they administer the organisation.
    #[must_use]
    pub fn administers(&self) -> bool {
        self.roles.contains(&Role::Admin)
    }

    /// Whether they may decide what `requester` asked for (rule 6).
    ///
    /// # Errors
    /// As for an unknown id when it is not theirs to see (rule 1), or [`Code::OwnRequest`].
    pub fn may_decide(&self, requester: UserId, resource: ResourceId) -> Result<(), Failure> {
        match self.reviewer(resource).may_decide(requester) {
            Ok(()) => Ok(()),
            Err(MayNot::NotReviewer) => Err(Failure::not_found()),
            Err(MayNot::OwnRequest) => Err(Failure::refused(
                Code::OwnRequest,
                "You asked for this yourself, and nobody decides their own request. Another \
                 reviewer has to.",
            )),
        }
    }

    pub(super) fn reviewer(&self, resource: ResourceId) -> Reviewer<'_> {
        let roles: &[Role] = &self.roles;
        let approves_resource = self.approves.contains(&resource);
        Reviewer {
            user: self.user.id,
            roles,
            approves_resource,
        }
    }
}
