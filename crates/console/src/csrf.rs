//! Protection of forms against other sites: a token bound to the browser's cookie, and the origin.

use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hourkey_access::config::Config;
use hourkey_access::error::AppError;
use hourkey_access::identity::secret::{digest, new_secret, same};
use hourkey_domain::ids::UserId;
use hourkey_protocol::problem::Code;

use super::cookie::Kind;

/// The token of a browser's forms. It follows from the cookie, so nothing is stored; other sites
/// can read neither.
#[derive(Clone, PartialEq, Eq)]
pub struct FormToken {
    token: String,
    /// Whose forms they are, if somebody is signed in.
    user: Option<UserId>,
}

impl std::fmt::Debug for FormToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FormToken(…)")
    }
}

impl FormToken {
    /// For the hidden field `token`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.token
    }

    /// For the hidden field `by`: who types, if somebody is signed in.
    #[must_use]
    pub fn user(&self) -> Option<UserId> {
        self.user
    }

    /// The token that goes with a cookie's value.
    #[must_use]
    pub fn of(cookie: &str) -> Self {
        Self {
            token: URL_SAFE_NO_PAD.encode(digest(&format!("form token of {cookie}"))),
            user: None,
        }
    }

    /// The same, of this person's forms.
    #[must_use]
    pub fn typed_by(self, user: UserId) -> Self {
        Self {
            user: Some(user),
            ..self
        }
    }
}

/// The token for a browser that may not be signed in, and the `Set-Cookie` that it needs if it has
/// no cookie yet.
#[must_use]
pub fn visitor(headers: &HeaderMap, config: &Config) -> (FormToken, Option<HeaderValue>) {
    if let Some(token) = expected(headers, config) {
        return (token, None);
    }
    let (cookie, _) = new_secret();
    let set = Kind::Visit.set(&cookie, config);
    (FormToken::of(&cookie), Some(set))
}

/// Checks a form that was sent.
///
/// # Errors
/// [`Code::Forbidden`] when it comes from another site, or belongs to another session.
pub fn check(headers: &HeaderMap, token: &str, config: &Config) -> Result<(), AppError> {
    check_origin(headers, config)?;
    match expected(headers, config) {
        Some(expected) if same(expected.as_str(), token) => Ok(()),
        Some(_) | None => Err(AppError::refused(
            Code::Forbidden,
            "This form belongs to a sign-in that has ended, or cookies are switched off. Nothing \
             was changed. Go back, reload the page, and send it again.",
        )),
    }
}

/// Whether the browser says that a form was sent from one of our own pages.
#[must_use]
pub fn is_ours(headers: &HeaderMap, config: &Config) -> bool {
    headers.contains_key(header::ORIGIN) && check_origin(headers, config).is_ok()
}

/// The token that the browser's cookie asks for: the session's, if there is one.
fn expected(headers: &HeaderMap, config: &Config) -> Option<FormToken> {
    let session = Kind::Session.read(headers, config);
    let cookie = session.or_else(|| Kind::Visit.read(headers, config))?;
    Some(FormToken::of(&cookie))
}

/// Browsers name the origin of every form they post (Fetch, 3.2); other programs need not.
fn check_origin(headers: &HeaderMap, config: &Config) -> Result<(), AppError> {
    let expected = config.public_url.origin().ascii_serialization();
    let origin_fits = text(headers, "origin").is_none_or(|origin| origin == expected);
    // `none`: the person themselves, by reloading.
    let site_fits =
        text(headers, "sec-fetch-site").is_none_or(|site| ["same-origin", "none"].contains(&site));
    if origin_fits && site_fits {
        return Ok(());
    }
    let detail = match is_from_another_address_of_ours(headers, config) {
        true => format!(
            "Hourkey's address is {expected}, and this form was sent from another one. Nothing was \
             changed. Open Hourkey at {expected}; if you set it up, correct public_url, or let the \
             proxy in front redirect."
        ),
        false => format!(
            "This form was sent from another site, so nothing was changed. Open Hourkey at \
             {expected} and try again there."
        ),
    };
    Err(AppError::refused(Code::Forbidden, detail))
}

/// Whether a form comes from the controller itself, at another address than the public one.
#[must_use]
pub fn is_from_another_address_of_ours(headers: &HeaderMap, config: &Config) -> bool {
    let Some(origin) = text(headers, "origin") else {
        return false;
    };
    let host = origin.split_once("://").map(|(_, host)| host);
    let same_site = match text(headers, "sec-fetch-site") {
        Some(site) => site == "same-origin",
        // Browsers say it of secure origins only.
        None => host.is_some() && host == text(headers, "host"),
    };
    same_site && origin != config.public_url.origin().ascii_serialization()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get(name)
        .map(|value| value.to_str().unwrap_or_default())
}
