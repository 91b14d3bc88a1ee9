//! Nothing that somebody typed is lost, also without scripts.
//!
//! A form that is not taken, whatever the reason, is shown again by its page, as it was sent. Where
//! the session has ended, the page of signing in carries what was typed along as a hidden field:
//! nothing of it is stored here, and nothing stands in an address. It is never sent by itself.

use std::convert::Infallible;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::MethodRouter;
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_access::identity::second_factor::{self, Unconfirmed};
use hourkey_domain::ids::UserId;
use hourkey_protocol::problem::Problem;
use tower::ServiceExt as _;

use super::confirm::{self, CONFIRM, Carried, ConfirmFirst};
use super::error::PageError;
use super::form::{self, Field, Fields, FormError, MAX_FORM, UNSENT};
use super::layout::plain;
use super::sign_in::{self, Entered, STEP, SignInForm, Typed};
use crate::csrf;
use crate::extract::ClientAddress;
use crate::page_user::PageUser;

/// The largest form that carries another, in bytes: what is written into a field of a form is encoded once
/// more, which makes five bytes of three at most.
const MAX_CARRYING: usize = 2 * MAX_FORM;

/// Never written into a page: what is bound to a session, and what is secret or works once.
const NEVER_CARRIED: [&str; 6] = ["token", "password", "again", "code", "step", "offer"];

/// Marks an answer that shows a secret: no browser keeps it.
#[derive(Clone, Copy, Debug)]
pub(super) struct ShownOnce;

/// What was sent to the page and not taken: the page shows it again.
#[derive(Clone, Debug, Default)]
pub(super) struct Unsent {
    pub(super) fields: Fields,
    pub(super) wrong: FormError,
}

impl FromRequestParts<App> for Unsent {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().cloned().unwrap_or_default())
    }
}

/// A page on which people type, and what takes its forms.
pub(super) fn kept(
    app: &App,
    show: MethodRouter<App>,
    send: MethodRouter<App>,
) -> MethodRouter<App> {
    let page = Page {
        app: app.clone(),
        show: show.clone().with_state(app.clone()),
    };
    show.merge(send).layer(from_fn_with_state(page, keep))
}

#[derive(Clone)]
struct Page {
    app: App,
    /// Reads and changes nothing.
    show: MethodRouter,
}

/// Browsers keep these pages for Back, with what was typed.
async fn keep(State(page): State<Page>, request: Request, next: Next) -> Response {
    let is_form =
        request.method() == Method::POST && csrf::is_ours(request.headers(), &page.app.config);
    let answer = match is_form {
        true => page.sent(request, next).await,
        false => Ok(next.run(request).await),
    };
    let mut response = answer.unwrap_or_else(|failure| PageError::from(failure).into_response());
    let is_shown_once = response.extensions().get::<ShownOnce>().is_some();
    if !is_shown_once && response.extensions().get::<Problem>().is_none() {
        // Without `no-store`: Firefox forgets what was typed on such a page once it is left, and no
        // browser goes back to the answer to a form.
        let kept = HeaderValue::from_static("private, no-cache");
        response.headers_mut().insert(header::CACHE_CONTROL, kept);
    }
    response
}

impl Page {
    /// What one of our own forms is answered.
    async fn sent(self, request: Request, next: Next) -> Result<Response, AppError> {
        let app = &self.app;
        let (mut parts, body) = request.into_parts();
        let body = to_bytes(body, MAX_CARRYING).await;
        let body = body.map_err(|_| form::too_large())?;
        let fields = Fields::parse(&body);
        if !fields.has(UNSENT) && body.len() > MAX_FORM {
            return Err(form::too_large());
        }
        let carried = fields
            .has(UNSENT)
            .then(|| Fields::parse(fields.get(UNSENT).as_bytes()));
        let signed_in = PageUser::find(app, &parts.headers).await?;
        let typed_by = carried.as_ref().unwrap_or(&fields).number("by").map(UserId);
        if let (Some(signed_in), Some(typed_by)) = (&signed_in, typed_by)
            && signed_in.user.id != typed_by
        {
            return Ok(self.show_again(parts, somebody_elses(signed_in)).await);
        }
        let confirms = fields.has(CONFIRM);
        match (signed_in, carried) {
            (None, Some(carried)) if !confirms => sign_in(app, &mut parts, &fields, &carried).await,
            (None, carried) => {
                let carried = carried.unwrap_or_else(|| fields.carried());
                let door = SignInForm {
                    wrong: FormError::with_status(StatusCode::FORBIDDEN, ""),
                    ..SignInForm::default()
                };
                ask_to_sign_in(app, &parts, &carried, door).await
            }
            (Some(user), Some(carried)) if confirms => {
                if let Err(page) = confirmed(app, &user, &mut parts, &fields, &carried).await? {
                    return Ok(page);
                }
                if fields.get(CONFIRM) != confirm::SEND {
                    let words = "Thank you. Nothing was sent yet: type passwords and codes again, and \
                                 send it.";
                    let wrong = FormError::with_status(StatusCode::OK, words);
                    let fields = carried;
                    return Ok(self.show_again(parts, Unsent { fields, wrong }).await);
                }
                let fields = carried.with("token", fields.get("token"));
                let body = Bytes::from(fields.encoded());
                self.take(&user, parts, fields, body, next).await
            }
            (Some(_), Some(fields)) => {
                let words = "You’re signed in again. Nothing was sent yet: check what you typed, and \
                         send it.";
                let wrong = FormError::with_status(StatusCode::OK, words);
                Ok(self.show_again(parts, Unsent { fields, wrong }).await)
            }
            (Some(_), None)
                if csrf::check(&parts.headers, fields.get("token"), &app.config).is_err() =>
            {
                let words = "This page was out of date, so nothing was sent. Check what you typed, \
                         and send it again.";
                let wrong = FormError::with_status(StatusCode::FORBIDDEN, words);
                Ok(self.show_again(parts, Unsent { fields, wrong }).await)
            }
            (Some(user), None) => self.take(&user, parts, fields, body, next).await,
        }
    }

    /// What takes the form answers it, or the page shows it again; or its person confirms first who they
    /// are.
    async fn take(
        &self,
        user: &PageUser,
        parts: Parts,
        fields: Fields,
        body: Bytes,
        next: Next,
    ) -> Result<Response, AppError> {
        let request = Request::from_parts(parts.clone(), Body::from(body));
        let answer = next.run(request).await;
        if answer.extensions().get::<ConfirmFirst>().is_some() {
            let sends = !fields.holds_secrets();
            let carried = fields.carried();
            let wrong = FormError::default();
            return ask_to_confirm(&self.app, user, &parts, (&carried, sends), &wrong).await;
        }
        let Some(problem) = answer.extensions().get::<Problem>() else {
            return Ok(answer);
        };
        let wrong = FormError::of(problem);
        let mut page = self.show_again(parts, Unsent { fields, wrong }).await;
        if page.extensions().get::<Problem>().is_some() {
            // There is no such page, or none for this person.
            return Ok(answer);
        }
        if let Some(after) = answer.headers().get(header::RETRY_AFTER) {
            page.headers_mut()
                .insert(header::RETRY_AFTER, after.clone());
        }
        Ok(page)
    }

    /// The page of the form, with what was sent.
    async fn show_again(&self, mut parts: Parts, unsent: Unsent) -> Response {
        parts.method = Method::GET;
        parts.extensions.insert(unsent);
        let request = Request::from_parts(parts, Body::empty());
        let Ok(page) = self.show.clone().oneshot(request).await;
        page
    }
}

/// Nothing of what somebody else typed than who is signed in now.
fn somebody_elses(signed_in: &PageUser) -> Unsent {
    let words = format!(
        "This browser is signed in as {} now. Somebody else typed on this page; nothing was sent, \
         and it is not shown to you.",
        plain(&signed_in.user.name)
    );
    Unsent {
        fields: Fields::default(),
        wrong: FormError::with_status(StatusCode::FORBIDDEN, &words),
    }
}

/// Signs in at the address of the form. The browser then sends the same there again, signed in.
async fn sign_in(
    app: &App,
    parts: &mut Parts,
    fields: &Fields,
    carried: &Fields,
) -> Result<Response, AppError> {
    let field = |name| fields.get(name).to_owned();
    let login = field("login");
    if let Err(refused) = csrf::check(&parts.headers, fields.get("token"), &app.config) {
        let door = SignInForm {
            login: &login,
            wrong: FormError::of(&refused.into_problem()),
            ..SignInForm::default()
        };
        return ask_to_sign_in(app, parts, carried, door).await;
    }
    let Ok(ClientAddress(from)) = ClientAddress::from_request_parts(parts, app).await;
    let typed = Typed {
        login: login.clone(),
        password: field("password"),
        step: field(STEP),
        code: field("code"),
    };
    match sign_in::enter(app, from, &parts.headers, typed).await? {
        Entered::In(cookies) => {
            let here = Redirect::temporary(&here(parts));
            Ok((cookies, here).into_response())
        }
        Entered::Not {
            step,
            wrong,
            retry_after,
        } => {
            let door = SignInForm {
                login: &login,
                step: step.as_deref(),
                wrong,
                ..SignInForm::default()
            };
            let mut page = ask_to_sign_in(app, parts, carried, door).await?;
            page.headers_mut().extend(retry_after);
            Ok(page)
        }
    }
}

/// Whether who is signed in confirmed who they are; else the page that asks for it again.
async fn confirmed(
    app: &App,
    user: &PageUser,
    parts: &mut Parts,
    fields: &Fields,
    carried: &Fields,
) -> Result<Result<(), Response>, AppError> {
    let sends = fields.get(CONFIRM) == confirm::SEND;
    let again = async |parts: &Parts, wrong: &FormError| {
        ask_to_confirm(app, user, parts, (carried, sends), wrong).await
    };
    if let Err(refused) = csrf::check(&parts.headers, fields.get("token"), &app.config) {
        let wrong = FormError::of(&refused.into_problem());
        return Ok(Err(again(parts, &wrong).await?));
    }
    let Ok(ClientAddress(from)) = ClientAddress::from_request_parts(parts, app).await;
    let shown = (fields.get("password").to_owned(), fields.get("code"));
    let (person, session) = (&user.user, user.session.id);
    match second_factor::confirm(app, person, session, shown, (from, user.browser)).await {
        Ok(()) => Ok(Ok(())),
        Err(refused) => {
            let (refused, field) = match refused {
                Unconfirmed::Password(refused) => (refused, Field::Password),
                Unconfirmed::Code(refused) => (refused, Field::Code),
            };
            let (wrong, retry_after) = sign_in::wrong(refused)?;
            let mut page = again(parts, &wrong.about(field)).await?;
            page.headers_mut().extend(retry_after);
            Ok(Err(page))
        }
    }
}

async fn ask_to_confirm(
    app: &App,
    user: &PageUser,
    parts: &Parts,
    (carried, sends): (&Fields, bool),
    wrong: &FormError,
) -> Result<Response, AppError> {
    let unsent = carried.encoded();
    let kept = unsent.len() <= MAX_FORM;
    let carried = Carried {
        unsent: kept.then_some(&unsent),
        sends: sends && kept,
    };
    confirm::page(app, user, &parts.uri, &carried, wrong).await
}

async fn ask_to_sign_in(
    app: &App,
    parts: &Parts,
    carried: &Fields,
    door: SignInForm<'_>,
) -> Result<Response, AppError> {
    let unsent = carried.encoded();
    let kept = unsent.len() <= MAX_FORM;
    let door = SignInForm {
        next: &here(parts),
        ended: match kept {
            true => {
                "Your session ended; nothing was sent. Sign in to go on: what you typed is kept."
            }
            false => {
                "Your session ended; nothing was sent. What you typed is too long to be kept: go \
                 back for it before you sign in."
            }
        },
        unsent: kept.then_some(&unsent),
        ..door
    };
    sign_in::page(app, &parts.headers, &door).await
}

fn here(parts: &Parts) -> String {
    let here = parts.uri.path_and_query();
    here.map_or("/access", |here| here.as_str()).to_owned()
}

impl Fields {
    /// Those that may be written into the page of signing in.
    fn carried(&self) -> Self {
        self.only(|name| !NEVER_CARRIED.contains(&name))
    }

    /// Whether something was typed that is never carried: what is left would do something else.
    fn holds_secrets(&self) -> bool {
        let typed = self.pairs().filter(|(_, value)| !value.is_empty());
        let mut names = typed.map(|(name, _)| name);
        names.any(|name| name != "token" && NEVER_CARRIED.contains(&name))
    }
}
