//! Who acts, and what they may review.

use hourkey_domain::Time;
use hourkey_domain::grant::Grant;
use hourkey_domain::ids::{ResourceId, SessionId, UserId};
use hourkey_domain::organisation::{Organisation, StandsIn};
use hourkey_domain::request::Request;
use hourkey_domain::review::{Decider, Role};
use hourkey_protocol::problem::Code;
use hourkey_store::Read;
use hourkey_store::organisation::User;

pub use hourkey_domain::organisation::Reach;

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
    /// The person who acts at `now`, as the transaction of their act reads it.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`] when they were disabled or removed since they signed in.
    pub async fn load(
        tx: &mut dyn Read,
        caller: impl Into<Caller>,
        now: Time,
    ) -> Result<Self, AppError> {
        let caller = caller.into();
        let user = tx.user(caller.user).await?;
        let user = user.filter(|user| !user.disabled).ok_or_else(gone)?;
        if !caller.reaches_others() {
            let reach = Reach::nothing(user.id);
            return Ok(Self { user, reach });
        }
        let own = own_reach(tx, &user).await?;
        let mut deputises = Vec::new();
        let named = tx.deputyships_of(user.id).await?;
        let holding = named.into_iter().filter(|it| it.holds(now));
        let held: Vec<_> = holding.collect();
        if !held.is_empty() && reviews_anything(tx, user.id).await? {
            for deputyship in held {
                let principal = tx.user(deputyship.principal).await?;
                if let Some(principal) = principal.filter(|principal| !principal.disabled) {
                    deputises.push((deputyship, own_reach(tx, &principal).await?));
                }
            }
        }
        let reach = own.deputising(deputises);
        Ok(Self { user, reach })
    }

    /// The person who looks at `now`, of the organisation as one value.
    ///
    /// # Errors
    /// As [`Actor::load`].
    pub fn looking(
        organisation: &Organisation,
        caller: impl Into<Caller>,
        now: Time,
    ) -> Result<Self, AppError> {
        Self::of(organisation, caller, now).ok_or_else(gone)
    }

    /// The person, when they exist and are not disabled.
    #[must_use]
    pub fn of(organisation: &Organisation, caller: impl Into<Caller>, now: Time) -> Option<Self> {
        let caller = caller.into();
        let user = organisation.enabled_user(caller.user)?;
        Some(Self {
            reach: organisation.reach(caller.user, caller.reaches_others(), now)?,
            user: (**user).clone(),
        })
    }

    /// The person, while this session of theirs runs and they are not disabled, and until when it
    /// runs if nothing else is heard of it.
    ///
    /// # Errors
    /// The store's failure.
    pub async fn of_session(
        app: &App,
        organisation: &Organisation,
        caller: Caller,
        session: SessionId,
    ) -> Result<Option<(Self, Time)>, AppError> {
        let now = app.clock.now();
        let ends_at = session::running_until(app, organisation, session, now).await?;
        Ok(Self::of(organisation, caller, now).zip(ends_at))
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
            Action::See if own || reviews || self.sees_all() => Ok(()),
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

    /// Who decides, and for whom, what is `target.user`'s to ask: as [`Actor::authorize`], which says the
    /// rest.
    ///
    /// # Errors
    /// As there, and [`Code::OwnRequest`] for whoever is barred from it (rule 6).
    pub fn decider(&self, target: Target) -> Result<Decider, AppError> {
        self.authorize(Action::Decide, target)?;
        let decider = self.reach.decider(target.user, target.resource);
        decider.ok_or_else(|| {
            let whose = match self.reach.is_barred_from(target.user) {
                true => "your password",
                false => "the password of whom you decide for",
            };
            AppError::refused(
                Code::OwnRequest,
                format!(
                    "Less than a day ago this requester was shown a link to {whose}, or set up where \
                     such links go. Another reviewer has to decide this."
                ),
            )
        })
    }

    /// Who takes away, and for whom, what `target.user` has: as [`Actor::authorize`], which says the rest.
    ///
    /// # Errors
    /// As there.
    pub fn revoker(&self, target: Target) -> Result<Decider, AppError> {
        self.authorize(Action::Revoke, target)?;
        let revoker = self.reach.revoker(target.user, target.resource);
        revoker.ok_or_else(AppError::not_found)
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

    /// Whether they change how everything is set up, people and groups too; `only` says who does, to those
    /// who may see it.
    ///
    /// # Errors
    /// [`Code::Forbidden`], or as for an unknown id for those who do not see it.
    pub fn authorize_setup(&self, only: &str) -> Result<UserId, AppError> {
        self.authorize_if(self.administers(), only)
    }

    /// Whether they set up resources, networks, gateways, assignments and their settings; as
    /// [`Actor::authorize_setup`].
    ///
    /// # Errors
    /// As there.
    pub fn authorize_resources(&self, only: &str) -> Result<UserId, AppError> {
        self.authorize_if(self.sets_up(), only)
    }

    fn authorize_if(&self, may: bool, only: &str) -> Result<UserId, AppError> {
        match (may, self.sees_configuration()) {
            (true, _) => Ok(self.user.id),
            (false, true) => Err(AppError::refused(Code::Forbidden, only)),
            (false, false) => Err(AppError::not_found()),
        }
    }

    /// True when they may see what `requester` asks for or holds here (rules 1 and 14): what lists
    /// and streams are filtered by.
    #[must_use]
    pub fn reviews(&self, requester: UserId, resource: ResourceId) -> bool {
        self.reach.covers(requester, resource)
    }

    /// True when they see everything that there is, of everybody (rule 1).
    #[must_use]
    pub fn sees_all(&self) -> bool {
        self.reach.roles().iter().any(|role| role.sees_all())
    }

    /// True when they see how resources are set up, and for which groups.
    #[must_use]
    pub fn sees_configuration(&self) -> bool {
        let mut roles = self.reach.roles().iter();
        roles.any(|role| role.sees_configuration())
    }

    /// True when they set up resources, networks, gateways, assignments and their settings.
    #[must_use]
    pub fn sets_up(&self) -> bool {
        self.reach.roles().iter().any(|role| role.sets_up())
    }

    /// True when they administer the organisation.
    #[must_use]
    pub fn administers(&self) -> bool {
        self.reach.roles().contains(&Role::Admin)
    }
}

/// What an enabled person may review in their own right.
async fn own_reach(tx: &mut dyn Read, user: &User) -> Result<Reach, AppError> {
    let approves = tx.approves(user.id).await?.into_iter().collect();
    let mut stands_in = StandsIn::default();
    if tx.fallback_reviewers().await?.contains(&user.id) {
        let scarce = tx.scarcely_reviewed().await?.into_iter();
        stands_in.scarce = { scarce.map(|(resource, one)| (resource, one.into())) }.collect();
        stands_in.barred = tx.all_barred().await?.into_iter().collect();
    }
    let shown = tx.shown_links(Some(user.id)).await?;
    let barred_from = shown.iter().map(|shown| shown.shown_to).collect();
    Ok(Reach::new(user.id, user.roles.clone(), approves, stands_in).barred_from(barred_from))
}

/// True when this person is enabled and reviews anything in their own right: who may have a deputy, and be
/// one (rule 6).
pub(super) async fn reviews_anything(tx: &mut dyn Read, user: UserId) -> Result<bool, AppError> {
    let Some(found) = tx.user(user).await?.filter(|user| !user.disabled) else {
        return Ok(false);
    };
    Ok(found.reviews_all()
        || !tx.approves(user).await?.is_empty()
        || tx.fallback_reviewers().await?.contains(&user))
}

/// The answer to somebody who was disabled or removed since they signed in.
pub(super) fn gone() -> AppError {
    AppError::refused(
        Code::Unauthenticated,
        "This account is disabled or was removed. Ask your administrator.",
    )
}
