//! Signing in and out.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use hourkey_access::app::App;
use hourkey_access::config::Config;
use hourkey_access::error::AppError;
use hourkey_access::identity::account::{self, NotSignedIn};
use hourkey_access::identity::client::Client;
use hourkey_access::identity::{session, setup};
use maud::html;
use serde::Deserialize;

use super::address::{self, Query};
use super::consent::app_name;
use super::error::PageError;
use super::form::{Field, Form, FormError, UNSENT};
use super::layout::{Frame, Live, Page, Place, Width, meant_for, plain};
use crate::cookie::{self, Kind, SetCookies};
use crate::csrf::{self, FormToken};
use crate::extract::ClientAddress;
use crate::page_user::PageUser;

/// Where a browser waits for who signs in.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Waiting {
    next: String,
    /// What was sent met a session that had ended.
    unsent: bool,
}

/// What was typed.
#[derive(Deserialize)]
pub(super) struct SignInInput {
    #[serde(default)]
    next: String,
    login: String,
    password: String,
}

/// Tells a browser that is sent to sign in that what it sent is not kept. Where a session ended
/// is known only by what it answers.
pub(super) async fn say_what_was_not_sent(request: Request, next: Next) -> Response {
    let sent = request.method() == Method::POST && request.uri().path() != "/sign-out";
    let mut response = next.run(request).await;
    let to = response.headers().get(header::LOCATION);
    let to = to.and_then(|to| to.to_str().ok()).unwrap_or_default();
    if sent
        && to.starts_with("/sign-in?next=")
        && let Ok(to) = HeaderValue::from_str(&format!("{to}&unsent=true"))
    {
        response.headers_mut().insert(header::LOCATION, to);
    }
    response
}

/// `GET /sign-in`
pub(super) async fn show(
    State(app): State<App>,
    Query(waiting): Query<Waiting>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let next = safe(&waiting.next, &app.config);
    if PageUser::find(&app, &headers).await?.is_some() {
        return Ok(Redirect::to(&next).into_response());
    }
    if setup::is_open(&app).await? {
        // Nobody can sign in yet.
        return Ok(Redirect::to("/setup").into_response());
    }
    let meant_for = next.parse().ok().and_then(|uri: Uri| meant_for(&uri));
    let login = match meant_for {
        // Anybody can write an address: only what this browser knows is shown.
        Some(login) => {
            let known = cookie::browser(&headers, &app.config);
            let user = account::known(&app, known, &login).await?;
            user.map(|user| user.login).unwrap_or_default()
        }
        None => String::new(),
    };
    let ended = match (waiting.unsent, Kind::Session.read(&headers, &app.config)) {
        (true, _) => "Your session ended; nothing was sent. Sign in to go on.",
        (false, Some(_)) => "Your session ended. Sign in to go on.",
        (false, None) => "",
    };
    let door = SignInForm {
        next: &next,
        login: &login,
        ended,
        unsent: None,
        wrong: &FormError::default(),
    };
    Ok(page(&app, &headers, &door).await?)
}

/// `POST /sign-in`
pub(super) async fn send(
    State(app): State<App>,
    ClientAddress(from): ClientAddress,
    headers: HeaderMap,
    Form(typed): Form<SignInInput>,
) -> Result<Response, PageError> {
    let next = safe(&typed.next, &app.config);
    match enter(&app, from, &headers, &typed.login, typed.password).await {
        Ok(cookies) => Ok((cookies, Redirect::to(&next)).into_response()),
        Err(refused) => {
            let (wrong, wait) = wrong(refused)?;
            let door = SignInForm {
                next: &next,
                login: &typed.login,
                ended: "",
                unsent: None,
                wrong: &wrong,
            };
            let mut page = page(&app, &headers, &door).await?;
            page.headers_mut().extend(wait);
            Ok(page)
        }
    }
}

/// Signs a browser in: the cookies that it gets.
///
/// # Errors
/// Why not.
pub(super) async fn enter(
    app: &App,
    from: IpAddr,
    headers: &HeaderMap,
    login: &str,
    password: String,
) -> Result<SetCookies, NotSignedIn> {
    let known = cookie::browser(headers, &app.config);
    let verified = account::check(app, login, password, from, known).await?;
    let label = browser(headers);
    Ok(cookie::sign_in(app, verified, label, headers).await?)
}

/// What the page says of a sign-in that was refused, and the header that says when to try again.
///
/// # Errors
/// A failure of our own.
pub(super) fn wrong(
    refused: NotSignedIn,
) -> Result<(FormError, Option<(HeaderName, HeaderValue)>), AppError> {
    match refused {
        NotSignedIn::TooFast(wait) => {
            let sentence = format!("There were too many attempts to sign in. Try again in {wait}.");
            let wrong = FormError::new(StatusCode::TOO_MANY_REQUESTS, sentence, Field::Password);
            Ok((wrong, Some((header::RETRY_AFTER, wait.seconds().into()))))
        }
        NotSignedIn::Failed(AppError::Refused(problem)) => {
            Ok((FormError::of(&problem).about(Field::Password), None))
        }
        NotSignedIn::Failed(failure) => Err(failure),
    }
}

/// `POST /sign-out`
pub(super) async fn sign_out(
    State(app): State<App>,
    user: PageUser,
    Form(waiting): Form<Waiting>,
) -> Result<Response, PageError> {
    let own = user.session.id;
    session::end_own(&app, user.user.id.into(), own, own).await?;
    let next = if waiting.next.is_empty() {
        "/sign-in".to_owned()
    } else {
        address::sign_in(&safe(&waiting.next, &app.config))
    };
    // Of the pages that browsers keep for Back.
    let clear = [("clear-site-data", "\"cache\"")];
    let mut response = (clear, Redirect::to(&next)).into_response();
    response
        .headers_mut()
        .append(header::SET_COOKIE, Kind::Session.forget(&app.config));
    Ok(response)
}

/// Where it is safe to go after signing in: a path of ours, never another site.
fn safe(next: &str, config: &Config) -> String {
    let ours = next.starts_with('/')
        && !next.contains(|c: char| c == '\\' || c.is_control())
        && next.len() <= 4000;
    let target = config.public_url.join(next).ok().filter(|target| {
        ours && target.origin() == config.public_url.origin()
            && !["/sign-in", "/sign-out"].contains(&target.path())
    });
    // What a browser would make of the path itself must stay ours too: `/x/..//evil.example`.
    let path = target.map(|target| target[url::Position::BeforePath..].to_owned());
    path.filter(|path| !path.starts_with("//"))
        .unwrap_or_else(|| "/access".to_owned())
}

/// What the page of signing in shows.
pub(super) struct SignInForm<'a> {
    /// Where it leads.
    pub(super) next: &'a str,
    pub(super) login: &'a str,
    /// Why one has to sign in again.
    pub(super) ended: &'a str,
    /// What was sent to the page where it leads, and not taken: one signs in there.
    pub(super) unsent: Option<&'a str>,
    pub(super) wrong: &'a FormError,
}

/// The page of signing in.
///
/// # Errors
/// The store's failure.
pub(super) async fn page(
    app: &App,
    headers: &HeaderMap,
    door: &SignInForm<'_>,
) -> Result<Response, AppError> {
    let frame = Frame::visitor(app).await?;
    let (token, cookie) = csrf::visitor(headers, &app.config);
    let fresh = setup::is_open(app).await?;
    let page = Page {
        title: "Sign in",
        place: Place::Elsewhere,
        width: Width::Narrow,
        live: Live::Off,
    };
    let main = form(&frame, &token, door, fresh);
    let mut response = frame.answer(door.wrong.status(), &page, &main);
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

fn form(frame: &Frame, token: &FormToken, door: &SignInForm<'_>, fresh: bool) -> maud::Markup {
    let SignInForm {
        next,
        login,
        ended,
        unsent,
        wrong,
    } = door;
    html! {
        h1 { "Sign in to " bdi { (plain(frame.organisation())) } }
        @if let Some(client) = waiting_client(next) {
            p.lead { "To continue with " (app_name(client)) "." }
        }
        @if !ended.is_empty() { p.bar.warn role="status" { (ended) } }
        (wrong.complaint())
        form.stack #sign-in method="post" action=(unsent.map_or("/sign-in", |_| next))
            data-then="reload" data-navigates[unsent.is_some()] {
            (super::layout::token_field(token))
            @match unsent {
                Some(unsent) => input type="hidden" name=(UNSENT) value=(unsent);,
                None => input type="hidden" name="next" value=(next);,
            }
            label for="login" { "Login" }
            input.field #login name="login" value=(login) required autocomplete="username"
                autocapitalize="none" spellcheck="false" maxlength="200"
                autofocus[login.is_empty()];
            label for="password" { "Password" }
            input.field #password name="password" type="password" required
                autocomplete="current-password" autofocus[!login.is_empty()]
                aria-invalid=[wrong.invalid(Field::Password)]
                aria-describedby=[wrong.described_by(Field::Password, "")];
            p.foot {
                span.muted { "Forgotten your password? Ask your administrator for a reset link." }
                button.btn.primary { "Sign in" }
            }
        }
        @if fresh {
            p.bar { "This controller isn’t set up yet. " a href="/setup" { "Set it up" }
                " with the code from the terminal where you started it." }
        }
    }
}

/// The client that waits for this sign-in, if one does.
fn waiting_client(next: &str) -> Option<Client> {
    let query = next.strip_prefix("/oauth/authorize?")?;
    let mut parameters = url::form_urlencoded::parse(query.as_bytes());
    parameters
        .find(|(name, _)| name == "client_id")
        .and_then(|(_, id)| Client::by_id(&id))
}

/// What a browser calls itself, roughly: `Firefox on Linux`. Only ever shown to its owner.
pub(super) fn browser(headers: &HeaderMap) -> String {
    let agent = headers.get(header::USER_AGENT).map(HeaderValue::to_str);
    let agent = agent.and_then(Result::ok).unwrap_or_default();
    let first = |known: &[(&str, &'static str)], otherwise: &'static str| {
        known
            .iter()
            .find(|(mark, _)| agent.contains(mark))
            .map_or(otherwise, |(_, name)| *name)
    };
    let program = first(
        &[
            ("Firefox/", "Firefox"),
            ("Edg/", "Edge"),
            ("OPR/", "Opera"),
            ("Chrome/", "Chrome"),
            ("Safari/", "Safari"),
        ],
        "A browser",
    );
    let system = first(
        &[
            ("Android", " on Android"),
            ("iPhone", " on an iPhone"),
            ("iPad", " on an iPad"),
            ("Windows", " on Windows"),
            ("Mac OS X", " on macOS"),
            ("Linux", " on Linux"),
        ],
        "",
    );
    format!("{program}{system}")
}
