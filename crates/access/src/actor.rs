//! Who acts, and what they may review.

use std::collections::{BTreeMap, BTreeSet};

use hourkey_domain::grant::Grant;
use hourkey_domain::ids::{ResourceId, SessionId, UserId};
use hourkey_domain::request::Request;
use hourkey_domain::review::{Regulars, Reviewer, Role};
use hourkey_protocol::problem::Code;
use hourkey_store::Read;
use hourkey_store::organisation::User;

use crate::app::App;
use crate::error::AppError;
use crate::identity::{Caller, session};

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

/// What somebody does to a request or a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Read a request.
    See,
    /// Approve or deny a request.
    Decide,
    /// Take a grant away.
    Revoke,
    /// Withdraw a request.
    Cancel,
    /// Give a grant back.
    Release,
}

/// Whose request or grant it is, and for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Whose.
    pub user: UserId,
    /// For what.
    pub resource: ResourceId,
}

impl From<&Request> for Target {
    fn from(request: &Request) -> Self {
        Self {
            user: request.user,
            resource: request.resource,
        }
    }
}

impl From<&Grant> for Target {
    fn from(grant: &Grant) -> Self {
        Self {
            user: grant.user,
            resource: grant.resource,
        }
    }
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

    /// The person, while this session of theirs runs and they are not disabled.
    ///
    /// # Errors
    /// The store's failure.
    pub async fn of_session(
        app: &App,
        user: UserId,
        session: SessionId,
    ) -> Result<Option<Self>, AppError> {
        let mut tx = app.store.read().await?;
        let found = tx.session(session).await?;
        let running = found.filter(|session| session::is_running(session, app.clock.now()));
        match running {
            Some(session) => {
                let kind = session.kind;
                Self::find(&mut *tx, Caller { user, kind }).await
            }
            None => Ok(None),
        }
    }

    /// The person, when they exist and are not disabled.
    pub async fn find(
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

    /// Whether they may do this to what is `target.user`'s: the one gate for acts on requests, grants
    /// and auto-locked resources (rules 1, 6 and 14).
    ///
    /// # Errors
    /// As for an unknown id when it is not theirs to see, [`Code::OwnRequest`], or
    /// [`Code::Forbidden`] with what to do instead.
    pub fn authorize(&self, action: Action, target: Target) -> Result<(), AppError> {
        let own = target.user == self.user.id;
        let reviews = self.reviews(target.user, target.resource);
        match action {
            Action::See if own || reviews => Ok(()),
            Action::Cancel | Action::Release if own => Ok(()),
            Action::Decide if own => Err(AppError::refused(
                Code::OwnRequest,
                "You asked for this yourself, and nobody decides their own request. Another \
                 reviewer has to.",
            )),
            Action::Revoke if own => Err(AppError::refused(
                Code::OwnRequest,
                "This grant is your own: give it back with release instead.",
            )),
            Action::Decide | Action::Revoke if reviews => Ok(()),
            Action::Cancel if reviews => Err(AppError::refused(
                Code::Forbidden,
                "Only its requester can cancel a request. You review it: deny it instead.",
            )),
            Action::Release if reviews => Err(AppError::refused(
                Code::Forbidden,
                "Only the person who holds a grant can give it back. You review it: revoke it \
                 instead.",
            )),
            Action::See | Action::Cancel | Action::Release | Action::Decide | Action::Revoke => {
                Err(AppError::not_found())
            }
        }
    }

    /// Whether they administer the organisation.
    ///
    /// # Errors
    /// [`Code::Forbidden`].
    pub fn authorize_admin(&self) -> Result<(), AppError> {
        match self.administers() {
            true => Ok(()),
            false => Err(AppError::refused(
                Code::Forbidden,
                "Only administrators unlock resources for others. Ask for it on its request page.",
            )),
        }
    }

    /// True when they may see what `requester` asks for or holds here (rules 1 and 14): what lists
    /// and streams are filtered by.
    #[must_use]
    pub fn reviews(&self, requester: UserId, resource: ResourceId) -> bool {
        self.reach.covers(requester, resource)
    }

    /// True when they administer the organisation.
    #[must_use]
    pub fn administers(&self) -> bool {
        self.reach.roles.contains(&Role::Admin)
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
