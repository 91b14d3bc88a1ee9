//! The resources that the person sees.

use axum::Json;
use axum::extract::State;
use hourkey_domain::ids::ResourceId;
use hourkey_protocol::access::{Resource, ResourceDetail};

use super::call::Id;
use super::refusals::{Finding, Reading};
use crate::access::view;
use crate::app::App;
use crate::failure::Failure;
use crate::identity::SignedIn;

/// The resources, each with its lock state.
#[utoipa::path(get, path = "/resources", operation_id = "list_resources", tag = "see",
    responses((status = 200, description = "The resources.", body = [Resource]), Reading))]
pub(super) async fn list(
    State(app): State<App>,
    signed_in: SignedIn,
) -> Result<Json<Vec<Resource>>, Failure> {
    view::resources(&app, signed_in.caller.user).await.map(Json)
}

/// One resource, with the ways to ask for it; the preselected one comes first.
#[utoipa::path(get, path = "/resources/{id}", operation_id = "get_resource", tag = "see",
    params(("id" = ResourceId, Path, description = "The resource.")),
    responses((status = 200, description = "The resource.", body = ResourceDetail), Finding))]
pub(super) async fn one(
    State(app): State<App>,
    signed_in: SignedIn,
    Id(id): Id<ResourceId>,
) -> Result<Json<ResourceDetail>, Failure> {
    view::resource(&app, signed_in.caller.user, id)
        .await
        .map(Json)
}
