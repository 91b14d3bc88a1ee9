//! What a reviewer sees around a request: who else may decide it, and what came before.

use hourkey_domain::ids::{RequestId, UserId};
use hourkey_protocol::access::{Approvers, Request as Shown};
use hourkey_store::access::RequestFilter;

use super::actor::{Action, Actor, Target};
use super::eligible;
use super::presenter::Show;
use crate::app::App;
use crate::error::AppError;

/// How many earlier requests of the same person for the same resource are shown.
const EARLIER: u32 = 10;

/// What stands around a request, as far as its reviewer may see it.
#[derive(Clone, Debug)]
pub struct ReviewContext {
    /// Who may decide what this person asks for here.
    pub approvers: Approvers,
    /// The same person's other requests for the same resource, newest first.
    pub earlier: Vec<Shown>,
    /// Whether the reader may see the requester's page.
    pub sees_people: bool,
    /// Whether the reader may see the resource's page.
    pub sees_resource: bool,
    /// Whether the reader may ask others to decide it: an administrator, for somebody else's request.
    pub may_ask: bool,
}

/// What stands around this request.
///
/// # Errors
/// [`AppError::not_found`] for what the person does not review, or the store's failure.
pub async fn review_context(
    app: &App,
    user: UserId,
    id: RequestId,
) -> Result<ReviewContext, AppError> {
    let mut tx = app.store.read().await?;
    let organisation = app.organisation().await?;
    let now = app.clock.now();
    let actor = Actor::looking(&organisation, user, now)?;
    let request = tx.request(id).await?.ok_or_else(AppError::not_found)?;
    actor.authorize(Action::See, Target::from(&request))?;
    let (requester, resource) = (request.user, request.resource);
    if !actor.reviews(requester, resource) {
        return Err(AppError::not_found());
    }
    let same = RequestFilter {
        user: Some(requester),
        resource: Some(resource),
    };
    let others = tx.newest_requests(&same.into(), Some(id), EARLIER).await?;
    let mut show = Show::new(&mut *tx, now);
    let mut earlier = Vec::new();
    for other in others {
        earlier.push(show.request(other).await?);
    }
    Ok(ReviewContext {
        approvers: eligible::shown(&organisation, requester, resource, now),
        earlier,
        sees_people: actor.sees_all(),
        sees_resource: actor.sees_configuration(),
        may_ask: actor.administers() && requester != user,
    })
}
