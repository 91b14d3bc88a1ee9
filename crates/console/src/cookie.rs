//! The cookies: of a signed-in browser, of forms before sign-in, and of browsers that are known.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::AppendHeaders;
use cookie::{Cookie, SameSite};
use hourkey_access::app::App;
use hourkey_access::config::Config;
use hourkey_access::error::AppError;
use hourkey_access::identity::account::{BROWSER_KNOWN_FOR, Digest};
use hourkey_access::identity::secret::digest;
use hourkey_access::identity::session::{self, BROWSER_LONGEST, Browser, Started};
use hourkey_access::identity::verified::Verified;

/// Which cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Names the session of a signed-in browser.
    Session,
    /// Binds the forms of a browser that is not signed in to that browser.
    Visit,
    /// Names a browser in which people signed in before, also when nobody is signed in now.
    Browser,
}

/// The cookies that a browser gets when somebody signs in.
pub(crate) type SetCookies = AppendHeaders<[(HeaderName, HeaderValue); 3]>;

/// Signs somebody in in the browser that sent these headers ([`session::start_browser`]).
///
/// # Errors
/// As there.
pub(crate) async fn sign_in(
    app: &App,
    verified: Verified,
    label: String,
    headers: &HeaderMap,
) -> Result<SetCookies, AppError> {
    let browser = Browser {
        before: Kind::Session.read(headers, &app.config),
        named: Kind::Browser.read(headers, &app.config),
    };
    let Started { cookie, name } = session::start_browser(app, verified, label, browser).await?;
    let set = |value| (header::SET_COOKIE, value);
    Ok(AppendHeaders([
        set(Kind::Session.set(&cookie, &app.config)),
        set(Kind::Visit.forget(&app.config)),
        set(Kind::Browser.set(&name, &app.config)),
    ]))
}

/// The digest of a known browser's name, if it says one.
#[must_use]
pub(crate) fn browser(headers: &HeaderMap, config: &Config) -> Option<Digest> {
    Kind::Browser
        .read(headers, config)
        .map(|name| digest(&name))
}

impl Kind {
    /// Its name. By TLS it has the `__Host-` prefix: no other host can set it (RFC 6265bis,
    /// 4.1.3.2). Plain http, which is for loopback only, cannot have that.
    fn name(self, config: &Config) -> &'static str {
        match (self, config.is_secure()) {
            (Self::Session, true) => "__Host-hourkey",
            (Self::Session, false) => "hourkey",
            (Self::Visit, true) => "__Host-hourkey-visit",
            (Self::Visit, false) => "hourkey-visit",
            (Self::Browser, true) => "__Host-hourkey-browser",
            (Self::Browser, false) => "hourkey-browser",
        }
    }

    /// The value that the browser sent, if it sent the cookie just once.
    #[must_use]
    pub(crate) fn read(self, headers: &HeaderMap, config: &Config) -> Option<String> {
        let name = self.name(config);
        let mut found = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| Cookie::split_parse(line.to_owned()))
            .filter_map(Result::ok)
            .filter(|cookie| cookie.name() == name);
        let value = found.next()?.value().to_owned();
        found.next().is_none().then_some(value)
    }

    /// `Set-Cookie` that keeps a value.
    #[must_use]
    pub(crate) fn set(self, value: &str, config: &Config) -> HeaderValue {
        let age = match self {
            // Kept when the browser restarts: pages that the desktop app opens need no new sign-in.
            Self::Session => Some(BROWSER_LONGEST.num_seconds()),
            Self::Visit => None,
            Self::Browser => Some(BROWSER_KNOWN_FOR.num_seconds()),
        };
        self.header(value, age, config)
    }

    /// `Set-Cookie` that forgets the cookie.
    #[must_use]
    pub(crate) fn forget(self, config: &Config) -> HeaderValue {
        self.header("", Some(0), config)
    }

    fn header(self, value: &str, seconds: Option<i64>, config: &Config) -> HeaderValue {
        let mut cookie = Cookie::build((self.name(config), value))
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(config.is_secure());
        if let Some(seconds) = seconds {
            cookie = cookie.max_age(cookie::time::Duration::seconds(seconds));
        }
        // Our values are base64url: always a valid header.
        HeaderValue::from_str(&cookie.build().to_string())
            .unwrap_or_else(|_| HeaderValue::from_static(""))
    }
}
