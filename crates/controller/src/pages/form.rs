//! Forms that browsers send: read, and checked to come from our own pages.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse as _, Response};
use hourkey_protocol::problem::Code;
use serde::de::DeserializeOwned;

use super::error::PageFailure;
use crate::app::App;
use crate::failure::Failure;
use crate::identity::csrf;

/// A form with a valid `token` field.
pub struct Form<T>(pub T);

/// The fields of a form whose names are not known beforehand.
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// The first field of this name; empty when it was not sent.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0
            .iter()
            .find(|(field, _)| field == name)
            .map_or("", |(_, value)| value)
    }

    /// The field as a number (an id), if it is one.
    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.get(name).parse().ok()
    }
}

impl<'de> serde::Deserialize<'de> for Fields {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self)
    }
}

impl<T: DeserializeOwned> FromRequest<App> for Form<T> {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        read(request, app)
            .await
            .map_err(|failure| PageFailure::from(failure).into_response())
    }
}

async fn read<T: DeserializeOwned>(request: Request, app: &App) -> Result<Form<T>, Failure> {
    let (parts, body) = request.into_parts();
    // The limit on bodies is an extension among the parts.
    let whole = Request::from_parts(parts.clone(), body);
    let body = Bytes::from_request(whole, app).await.map_err(|_| {
        Failure::refused(
            Code::TooLarge,
            "The form is too large. Shorten what you typed.",
        )
    })?;
    let token = url::form_urlencoded::parse(&body).find(|(name, _)| name == "token");
    let token = token
        .map(|(_, token)| token.into_owned())
        .unwrap_or_default();
    csrf::check(&parts.headers, &token, &app.config)?;
    let request = Request::from_parts(parts, Body::from(body));
    let form = axum::Form::from_request(request, app).await.map_err(|_| {
        Failure::refused(
            Code::Malformed,
            "The form cannot be read. Go back, reload the page, and send it again.",
        )
    })?;
    Ok(Form(form.0))
}
