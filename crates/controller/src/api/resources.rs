//! The resources that the person sees.

use axum::Json;
use axum::extract::State;
use hourkey_access::app::App;
use hourkey_access::queries;
use hourkey_domain::ids::ResourceId;
use hourkey_protocol::access::{Resource, ResourceDetail};

use super::call::Id;
use super::error::ApiError;
use super::errors::{FindErrors, ReadErrors};
use crate::api::extract::SignedIn;

/// The resources, each with its lock state.
#[utoipa::path(get, path = "/resources", operation_id = "list_resources", tag = "see",
    responses((status = 200, description = "The resources.", body = [Resource]), ReadErrors))]
pub(super) async fn list(
    State(app): State<App>,
    signed_in: SignedIn,
) -> Result<Json<Vec<Resource>>, ApiError> {
    Ok(Json(queries::resources(&app, signed_in.caller.user).await?))
}

/// One resource, with the assignments to ask for it; the preselected one comes first.
#[utoipa::path(get, path = "/resources/{id}", operation_id = "get_resource", tag = "see",
    params(("id" = ResourceId, Path, description = "The resource.")),
    responses((status = 200, description = "The resource.", body = ResourceDetail), FindErrors))]
pub(super) async fn one(
    State(app): State<App>,
    signed_in: SignedIn,
    Id(id): Id<ResourceId>,
) -> Result<Json<ResourceDetail>, ApiError> {
    Ok(Json(
        queries::resource(&app, signed_in.caller.user, id).await?,
    ))
}
