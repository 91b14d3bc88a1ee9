//! Signing in and out.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware;
use axum::response::{IntoResponse as _, Redirect, Response};
use hourkey_access::app::App;
use hourkey_access::config::Config;
use hourkey_access::error::AppError;
use hourkey_access::identity::account::{self, NotSignedIn};
use hourkey_access::identity::client::Client;
use hourkey_access::identity::second_factor::{self, CodeRefused, Next};
use hourkey_access::identity::verified::Verified;
use hourkey_access::identity::{session, setup};
use maud::html;
use serde::Deserialize;

use super::address::{self, Query};
use super::consent::app_name;
use super::error::PageError;
use super::form::{Field, Form, FormError, UNSENT};
use super::layout::{Frame, Live, Page, Place, Width, meant_for, plain, token_field};
use crate::cookie::{self, Kind, SetCookies};
use crate::csrf::{self, FormToken};
use crate::extract::{ClientAddress, Owing};
use crate::page_user::PageUser;

/// Where a browser waits for who signs in.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Waiting {
    next: String,
    /// What was sent met a session that had ended.
    unsent: bool,
}

/// The hidden field in which a browser carries what was shown of a password, until the code comes.
pub(super) const STEP: &str = "step";

/// What was typed.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct SignInInput {
    next: String,
    #[serde(flatten)]
    typed: Typed,
}

/// A login with its password, or a code with what is carried of them.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Typed {
    pub(super) login: String,
    pub(super) password: String,
    pub(super) step: String,
    pub(super) code: String,
}

/// What came of it.
pub(super) enum Entered {
    /// They are signed in: the cookies that the browser gets.
    In(SetCookies),
    /// They are not, and the page says why; or the password fits, and a code is asked for.
    Not {
        /// What is carried to the code.
        step: Option<String>,
        wrong: FormError,
        retry_after: Option<(HeaderName, HeaderValue)>,
    },
}

/// Tells a browser that is sent to sign in that what it sent is not kept. Where a session ended
/// is known only by what it answers.
pub(super) async fn say_what_was_not_sent(request: Request, next: middleware::Next) -> Response {
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
        ..SignInForm::default()
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
    let login = typed.typed.login.clone();
    match enter(&app, from, &headers, typed.typed).await? {
        Entered::In(cookies) => Ok((cookies, Redirect::to(&next)).into_response()),
        Entered::Not {
            step,
            wrong,
            retry_after,
        } => {
            let door = SignInForm {
                next: &next,
                login: &login,
                step: step.as_deref(),
                reloads: true,
                wrong,
                ..SignInForm::default()
            };
            let mut page = page(&app, &headers, &door).await?;
            page.headers_mut().extend(retry_after);
            Ok(page)
        }
    }
}

/// Signs a browser in by a login and its password, or by the code that is asked for after them.
///
/// # Errors
/// Our own failure.
pub(super) async fn enter(
    app: &App,
    from: IpAddr,
    headers: &HeaderMap,
    typed: Typed,
) -> Result<Entered, AppError> {
    let known = cookie::browser(headers, &app.config);
    if typed.step.is_empty() {
        let checked = account::check(app, &typed.login, typed.password, from, known).await;
        return match checked {
            Ok(verified) => go_on(app, headers, verified).await,
            Err(refused) => refused_at(refused, None),
        };
    }
    let (browser, _) = csrf::visitor(headers, &app.config);
    let code = &typed.code;
    match second_factor::finish(app, &typed.step, browser.as_str(), code, known).await {
        Ok(verified) => Ok(Entered::In(start(app, headers, verified).await?)),
        Err(CodeRefused::NotSignedIn(refused)) => refused_at(refused, Some(typed.step)),
        Err(CodeRefused::BeginAgain) => {
            let words = "That took too long, or your password was changed. Sign in again.";
            Ok(Entered::Not {
                step: None,
                wrong: FormError::with_status(StatusCode::FORBIDDEN, words),
                retry_after: None,
            })
        }
    }
}

/// Signs in who showed their password, or asks for their second factor first: every way of signing in
/// comes through here.
///
/// # Errors
/// Our own failure, or what was changed meanwhile.
pub(super) async fn go_on(
    app: &App,
    headers: &HeaderMap,
    verified: Verified,
) -> Result<Entered, AppError> {
    let (browser, _) = csrf::visitor(headers, &app.config);
    match second_factor::begin(app, verified, browser.as_str()).await? {
        Next::SignIn(verified) => Ok(Entered::In(start(app, headers, verified).await?)),
        Next::Code(step) => Ok(Entered::Not {
            step: Some(step),
            wrong: FormError::default(),
            retry_after: None,
        }),
    }
}

async fn start(app: &App, headers: &HeaderMap, verified: Verified) -> Result<SetCookies, AppError> {
    cookie::sign_in(app, verified, browser(headers), headers).await
}

/// The same step again, with what is wrong.
fn refused_at(refused: NotSignedIn, step: Option<String>) -> Result<Entered, AppError> {
    let (wrong, retry_after) = wrong(refused)?;
    let field = match step {
        Some(_) => Field::Code,
        None => Field::Password,
    };
    Ok(Entered::Not {
        step,
        wrong: wrong.about(field),
        retry_after,
    })
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
            let wrong = FormError::with_status(StatusCode::TOO_MANY_REQUESTS, &sentence);
            Ok((wrong, Some((header::RETRY_AFTER, wait.seconds().into()))))
        }
        NotSignedIn::Failed(AppError::Refused(problem)) => Ok((FormError::of(&problem), None)),
        NotSignedIn::Failed(failure) => Err(failure),
    }
}

/// `POST /sign-out`
pub(super) async fn sign_out(
    State(app): State<App>,
    Owing(user): Owing,
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
pub(super) fn safe(next: &str, config: &Config) -> String {
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
#[derive(Default)]
pub(super) struct SignInForm<'a> {
    /// Where it leads.
    pub(super) next: &'a str,
    pub(super) login: &'a str,
    /// Why one has to sign in again.
    pub(super) ended: &'a str,
    /// What was sent to the page where it leads, and not taken: one signs in there.
    pub(super) unsent: Option<&'a str>,
    /// What is carried of the password, where the code is asked for.
    pub(super) step: Option<&'a str>,
    /// Whether the page's own address leads on once somebody is signed in.
    pub(super) reloads: bool,
    pub(super) wrong: FormError,
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
    let main = match door.step {
        Some(step) => code_form(&token, door, step),
        None => form(&frame, &token, door, fresh),
    };
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
        ..
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
            (token_field(token))
            (leads_on(door))
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

/// The page that asks for the code.
fn code_form(token: &FormToken, door: &SignInForm<'_>, step: &str) -> maud::Markup {
    let wrong = &door.wrong;
    html! {
        h1 { "Two-step sign-in" }
        p.lead { "Type the code that your authenticator app shows, or one of your recovery codes." }
        (wrong.complaint())
        form.stack #second-step method="post" action=(door.unsent.map_or("/sign-in", |_| door.next))
            data-then=[door.reloads.then_some("reload")] data-navigates[door.unsent.is_some()] {
            (token_field(token))
            (leads_on(door))
            input type="hidden" name=(STEP) value=(step);
            (code_field("code", wrong, true))
            p.foot {
                span.muted { "Lost your phone and your codes? Ask your administrator to reset two-step \
                              sign-in." }
                button.btn.primary { "Sign in" }
            }
        }
    }
}

/// What takes the person on once they are signed in.
fn leads_on(door: &SignInForm<'_>) -> maud::Markup {
    html! {
        @match door.unsent {
            Some(unsent) => input type="hidden" name=(UNSENT) value=(unsent);,
            None => input type="hidden" name="next" value=(door.next);,
        }
    }
}

/// The field for a code of the second factor.
pub(super) fn code_field(id: &str, wrong: &FormError, focus: bool) -> maud::Markup {
    html! {
        label for=(id) { "Code" }
        input.field.mono.code #(id) name="code" type="text" required autocomplete="one-time-code"
            autocapitalize="characters" spellcheck="false" maxlength="40"
            autofocus[focus || wrong.is(Field::Code)] aria-invalid=[wrong.invalid(Field::Code)]
            aria-describedby=[wrong.described_by(Field::Code, "")];
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
