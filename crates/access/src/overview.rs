//! The organisation, for those who see more of it than what concerns them: administrators, operators
//! and auditors.

use std::collections::HashMap;
use std::sync::Arc;

use hourkey_domain::Time;
use hourkey_domain::ids::{GroupId, RequestId, ResourceId, UserId};
use hourkey_domain::organisation::Organisation;
use hourkey_domain::request::Request;
use hourkey_protocol::access::{Page, Request as Shown};
use hourkey_protocol::problem::Code;

pub use hourkey_store::access::{LastUnlock, RequestFilter, RequestOutcome, RequestSearch};
pub use hourkey_store::device::Device;

use crate::actor::{Actor, Reach};
use crate::app::App;
use crate::error::AppError;
pub use crate::identity::reset::ShownLink;
use crate::identity::{Caller, reset};
use crate::organisation::edit;
use crate::queries;

/// What somebody wants to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// How resources are set up, and for which groups.
    Configuration,
    /// People, what they ask for and how their access stands.
    All,
}

/// The organisation as it is now, for somebody who may see that much of it.
#[derive(Clone, Debug)]
pub struct Overview {
    /// The value.
    pub organisation: Arc<Organisation>,
    /// The moment that it is looked at.
    pub now: Time,
    /// Whether they see all of it, or how resources are set up alone.
    pub sees_all: bool,
    /// Whether they may change it.
    pub administers: bool,
    /// Whether they may change resources, networks, gateways, assignments and their settings.
    pub sets_up: bool,
    /// Who looks.
    pub viewer: UserId,
    /// What they may review, and revoke.
    pub reach: Reach,
}

impl Overview {
    /// The organisation, for this person in their session.
    ///
    /// # Errors
    /// [`Code::Forbidden`] for whoever may not see it.
    pub async fn of(app: &App, caller: impl Into<Caller>, sight: Sight) -> Result<Self, AppError> {
        let organisation = app.organisation().await?;
        let actor = Actor::looking(&organisation, caller, app.clock.now())?;
        let sees_all = actor.sees_all();
        let may = match sight {
            Sight::Configuration => actor.sees_configuration(),
            Sight::All => sees_all,
        };
        if !may {
            let who = match sight {
                Sight::Configuration => "administrators, operators and auditors",
                Sight::All => "administrators and auditors",
            };
            return Err(AppError::refused(
                Code::Forbidden,
                format!("Only {who} see this page. Your own access is under Access."),
            ));
        }
        Ok(Self {
            organisation,
            now: app.clock.now(),
            sees_all,
            administers: actor.administers(),
            sets_up: actor.sets_up(),
            viewer: actor.user.id,
            reach: actor.reach,
        })
    }
}

impl Overview {
    /// Whether they may name who approves requests for a resource, or for a new one; and this group, if one
    /// is given ([`edit::may_name_approvers`]).
    #[must_use]
    pub fn may_name_approvers(&self, resource: Option<ResourceId>, group: Option<GroupId>) -> bool {
        let id = resource.unwrap_or(ResourceId(0));
        let groups = group.as_slice();
        self.administers || edit::may_name_approvers(&self.organisation, self.viewer, id, groups)
    }
}

/// What summaries say that the organisation as one value does not hold.
#[derive(Clone, Debug)]
pub struct Past {
    /// When an administrator last unlocked each resource for each person.
    pub unlocks: Vec<LastUnlock>,
    /// The approved extensions of what is granted, the oldest first.
    pub extensions: Vec<Request>,
}

impl Past {
    /// Of these people and resources.
    ///
    /// # Errors
    /// The store's failure.
    pub async fn of(app: &App, filter: RequestFilter) -> Result<Self, AppError> {
        let mut tx = app.store.read().await?;
        Ok(Self {
            unlocks: tx.last_unlocks(filter).await?,
            extensions: tx.live_extensions(filter).await?,
        })
    }
}

/// Who was shown a link to a password, or chose where such links go, in the last day; the latest first.
///
/// # Errors
/// The store's failure.
pub async fn ways_in(app: &App) -> Result<Vec<ShownLink>, AppError> {
    let mut tx = app.store.read().await?;
    reset::shown_lately(&mut *tx).await
}

/// The installed clients of a person, newest first.
///
/// # Errors
/// [`Code::Forbidden`] for whoever does not see all.
pub async fn devices(
    app: &App,
    caller: impl Into<Caller>,
    user: UserId,
) -> Result<Vec<Device>, AppError> {
    Overview::of(app, caller, Sight::All).await?;
    let mut tx = app.store.read().await?;
    Ok(tx.devices(Some(user)).await?)
}

/// When each of these people, or everybody, was last seen in a session.
///
/// # Errors
/// [`Code::Forbidden`] for whoever does not see all.
pub async fn last_seen(
    app: &App,
    caller: impl Into<Caller>,
    of: Option<&[UserId]>,
) -> Result<HashMap<UserId, Time>, AppError> {
    Overview::of(app, caller, Sight::All).await?;
    let mut tx = app.store.read().await?;
    Ok(tx.last_seen(of).await?.into_iter().collect())
}

/// Everybody's requests, newest first, with ids below `before`.
///
/// # Errors
/// [`Code::Forbidden`] for whoever does not see all.
pub async fn requests(
    app: &App,
    caller: impl Into<Caller>,
    search: &RequestSearch,
    before: Option<RequestId>,
) -> Result<Page<Shown>, AppError> {
    Overview::of(app, caller, Sight::All).await?;
    queries::all_requests(app, search, before).await
}
