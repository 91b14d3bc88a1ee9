//! The person in the browser.

use axum::http::HeaderMap;
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_access::identity::account::Digest;
use hourkey_access::identity::session::{self, Session, User};

use crate::connected::ConnectedGateways;
use crate::cookie::{self, Kind};
use crate::csrf::FormToken;

/// The person in the browser, by cookie. Who is not signed in is sent to sign in, and comes back.
#[derive(Clone, Debug)]
pub struct PageUser {
    /// Who.
    pub user: User,
    /// Their session.
    pub session: Session,
    /// For the forms of their pages.
    pub token: FormToken,
    /// The browser's name, if it has one.
    pub browser: Option<Digest>,
    /// Whether they must set up two-step sign-in before anything else.
    pub owes_second_factor: bool,
    /// What is known of gateways; nothing where the page does not say it.
    pub gateways: Option<ConnectedGateways>,
}

impl PageUser {
    /// The person in the browser, if it is signed in.
    ///
    /// # Errors
    /// The store's failure.
    pub async fn find(app: &App, headers: &HeaderMap) -> Result<Option<Self>, AppError> {
        let Some(cookie) = Kind::Session.read(headers, &app.config) else {
            return Ok(None);
        };
        let found = session::by_cookie(app, &cookie).await?;
        let token = FormToken::of(&cookie);
        let browser = cookie::browser(headers, &app.config);
        Ok(found.map(|found| Self {
            token: token.typed_by(found.user.id),
            user: found.user,
            session: found.session,
            browser,
            owes_second_factor: found.owes_second_factor,
            gateways: None,
        }))
    }
}
