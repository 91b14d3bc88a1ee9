//! Forms that browsers send: read, and checked to come from our own pages.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_protocol::problem::{Code, Problem};
use maud::{Markup, html};
use serde::de::DeserializeOwned;

use super::error::PageError;
use super::icon::Icon;
use crate::csrf;

/// The field in which the page of signing in carries what was typed.
pub(super) const UNSENT: &str = "unsent";

/// The largest form that is taken, in bytes.
pub const MAX_FORM: usize = 64 * 1024;

/// The id of the sentence that says what is wrong: fields point to it.
const COMPLAINT: &str = "complaint";

/// A field that can be filled in wrongly, as the forms name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Again,
    Code,
    /// A number of days.
    Days,
    /// When something begins.
    From,
    Group,
    Length,
    Login,
    Password,
    /// On whose behalf.
    Principal,
    /// A reason or a comment.
    Text,
    /// The name of what is to be removed.
    TypedName,
    /// When something ends.
    Until,
}

/// What is wrong with a form that was sent, and with which of its fields (WCAG 2.2, 3.3.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FormError {
    status: StatusCode,
    sentence: String,
    field: Option<Field>,
}

impl FormError {
    pub(super) fn new(status: StatusCode, sentence: impl Into<String>, field: Field) -> Self {
        Self {
            status,
            sentence: sentence.into(),
            field: Some(field),
        }
    }

    /// About the whole form.
    pub(super) fn with_status(status: StatusCode, sentence: &str) -> Self {
        Self {
            status,
            sentence: sentence.to_owned(),
            field: None,
        }
    }

    /// What a use case refused, as far as its code tells the field.
    pub(super) fn of(problem: &Problem) -> Self {
        let field = match problem.code {
            Code::BadLength => Some(Field::Length),
            Code::BlankText | Code::TextTooLong => Some(Field::Text),
            Code::NotFound
            | Code::Forbidden
            | Code::OwnRequest
            | Code::RateLimited
            | Code::TooLarge
            | Code::Malformed
            | Code::MethodNotAllowed
            | Code::UnsupportedMedia
            | Code::BadStart
            | Code::Unauthenticated
            | Code::NoCredential
            | Code::AlreadyDecided
            | Code::AlreadyEnded
            | Code::NotNeeded
            | Code::ResourceDisabled
            | Code::NothingToExtend
            | Code::KeyReused
            | Code::NobodyCanApprove
            | Code::Internal
            | Code::Unavailable => None,
        };
        Self {
            status: StatusCode::from_u16(problem.status).unwrap_or(StatusCode::CONFLICT),
            sentence: problem.detail.clone(),
            field,
        }
    }

    /// The same about this field.
    pub(super) fn about(mut self, field: Field) -> Self {
        self.field = Some(field);
        self
    }

    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// Whether the field is the wrong one: for `autofocus`.
    pub(super) fn is(&self, field: Field) -> bool {
        self.field == Some(field)
    }

    /// The value of the field's `aria-invalid`.
    pub(super) fn invalid(&self, field: Field) -> Option<&'static str> {
        self.is(field).then_some("true")
    }

    /// The value of the field's `aria-describedby`; `otherwise` describes it at all times.
    pub(super) fn described_by(&self, field: Field, otherwise: &str) -> Option<String> {
        let wrong = self.is(field).then_some(COMPLAINT);
        let all: Vec<&str> = wrong
            .into_iter()
            .chain((!otherwise.is_empty()).then_some(otherwise))
            .collect();
        (!all.is_empty()).then(|| all.join(" "))
    }

    /// The sentence above the form, read out at once.
    pub(super) fn complaint(&self) -> Markup {
        html! {
            @if !self.sentence.is_empty() {
                p.complaint #(COMPLAINT) role="alert" tabindex="-1" {
                    (Icon::Cross) span { (self.sentence) }
                }
            }
        }
    }
}

const OUT_OF_DATE: &str = "This page is out of date. Reload it. Nothing was changed.";

/// The answer to a form that its page does not offer any more.
pub(super) fn out_of_date() -> AppError {
    AppError::refused(Code::Malformed, OUT_OF_DATE)
}

/// A form with a valid `token` field.
pub struct Form<T>(pub T);

/// The fields of a form whose names are not known beforehand.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// As browsers send them.
    pub(super) fn parse(body: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(body).into_owned().collect())
    }

    /// The opposite of [`Self::parse`].
    pub(super) fn encoded(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&self.0)
            .finish()
    }

    /// The fields whose names are `wanted`.
    pub(super) fn only(&self, wanted: impl Fn(&str) -> bool) -> Self {
        let fields = self.0.iter().filter(|(name, _)| wanted(name));
        Self(fields.cloned().collect())
    }

    /// The same with another one.
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }

    /// All of them, in order.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// All values of this name.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let fields = self.pairs().filter(move |(field, _)| *field == name);
        fields.map(|(_, value)| value)
    }

    /// What was typed into a text. Browsers send line ends as CRLF (HTML, 4.10.21.8).
    pub(super) fn text(&self, name: &str) -> String {
        self.get(name).replace("\r\n", "\n")
    }

    /// The first field of this name; empty when it was not sent.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0
            .iter()
            .find(|(field, _)| field == name)
            .map_or("", |(_, value)| value)
    }

    /// Whether the field was sent.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(field, _)| field == name)
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
            .map_err(|failure| PageError::from(failure).into_response())
    }
}

/// A form's body.
///
/// # Errors
/// [`Code::TooLarge`].
async fn read_body(request: Request, app: &App) -> Result<(Parts, Bytes), AppError> {
    let (parts, body) = request.into_parts();
    // The limit on bodies is an extension among the parts.
    let whole = Request::from_parts(parts.clone(), body);
    let body = Bytes::from_request(whole, app).await;
    Ok((parts, body.map_err(|_| too_large())?))
}

/// The answer to a form of more than [`MAX_FORM`].
pub(super) fn too_large() -> AppError {
    AppError::refused(
        Code::TooLarge,
        "The form is too large. Shorten what you typed.",
    )
}

async fn read<T: DeserializeOwned>(request: Request, app: &App) -> Result<Form<T>, AppError> {
    let (parts, body) = read_body(request, app).await?;
    let token = url::form_urlencoded::parse(&body).find(|(name, _)| name == "token");
    let token = token
        .map(|(_, token)| token.into_owned())
        .unwrap_or_default();
    if let Err(refused) = csrf::check(&parts.headers, &token, &app.config) {
        // One of our own pages, of an earlier sign-in?
        let (fitting, _) = csrf::visitor(&parts.headers, &app.config);
        let ours = csrf::check(&parts.headers, fitting.as_str(), &app.config).is_ok();
        return Err(match ours {
            true => AppError::refused(Code::Forbidden, OUT_OF_DATE),
            false => refused,
        });
    }
    let request = Request::from_parts(parts, Body::from(body));
    let form = axum::Form::from_request(request, app).await.map_err(|_| {
        AppError::refused(
            Code::Malformed,
            "This form cannot be read. Reload the page, and send it again.",
        )
    })?;
    Ok(Form(form.0))
}
