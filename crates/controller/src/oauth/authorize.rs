//! The authorization endpoint (RFC 6749, 4.1): who is signed in consents with a form.

use axum::extract::{Query, State};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};
use chrono::TimeDelta;
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_access::identity::client::{Client, Loopback};
use hourkey_access::identity::secret::new_secret;
use hourkey_access::identity::session;
use hourkey_console::address;
use hourkey_console::consent::{self, ConsentView};
use hourkey_console::error::PageError;
use hourkey_console::form::Form;
use hourkey_console::page_user::PageUser;
use hourkey_protocol::problem::Code as ProblemCode;
use hourkey_store::Room;
use hourkey_store::account::{Code, Consent};
use serde::Deserialize;

/// How long a code is good for (RFC 6749, 4.1.2 recommends at most ten minutes).
const CODE_LIFETIME: TimeDelta = TimeDelta::minutes(1);

/// Parameters as they come (RFC 6749, 4.1.1 and RFC 7636, 4.3). Unknown ones are ignored, empty
/// ones count as left out, repeated ones are refused.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Parameters {
    response_type: String,
    client_id: String,
    redirect_uri: String,
    code_challenge: String,
    code_challenge_method: String,
    state: String,
    label: String,
}

/// A call that is in order.
#[derive(Clone, Debug)]
struct AuthorizationRequest {
    /// Who asks.
    client: Client,
    /// Where the code goes.
    redirect: Loopback,
    /// What the client calls itself.
    label: String,
    challenge: String,
    state: String,
}

/// What the person clicked. What was asked stands in the address again.
#[derive(Deserialize)]
pub(super) struct ConsentForm {
    decision: String,
}

/// Why a call is not in order.
enum Refused {
    /// Told to the person: the redirect address is not known to be the client's.
    Here(&'static str),
    /// Told to the client (RFC 6749, 4.1.2.1).
    There {
        redirect: Loopback,
        state: String,
        error: &'static str,
        description: &'static str,
    },
}

/// `GET /oauth/authorize`: the consent page, after signing in where that is needed.
pub(super) async fn show(
    State(app): State<App>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let asked = match read(&uri) {
        Ok(asked) => asked,
        Err(refused) => return answer(&app, refused),
    };
    let here = uri.path_and_query().map_or("/", |here| here.as_str());
    let Some(user) = PageUser::find(&app, &headers).await? else {
        return Ok(Redirect::to(&address::sign_in(here)).into_response());
    };
    if user.owes_second_factor {
        return Ok(Redirect::to(&address::account(here)).into_response());
    }
    let view = ConsentView {
        client: asked.client,
        redirect: &asked.redirect,
        label: &asked.label,
    };
    Ok(consent::page(&app, &user, view, here).await?)
}

/// `POST /oauth/authorize`: what the person clicked.
pub(super) async fn decide(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Form(form): Form<ConsentForm>,
) -> Result<Response, PageError> {
    let asked = match read(&uri) {
        Ok(asked) => asked,
        Err(refused) => return answer(&app, refused),
    };
    if form.decision != "allow" {
        let refused = Refused::There {
            redirect: asked.redirect,
            state: asked.state,
            error: "access_denied",
            description: "The person said no.",
        };
        return answer(&app, refused);
    }
    let (code, key) = new_secret();
    let kept = Code {
        consent: Consent {
            user: user.user.id,
            session: user.session.id,
        },
        client_id: asked.client.id().to_owned(),
        redirect_uri: asked.redirect.to_string(),
        challenge: asked.challenge,
        label: asked.label,
        expires_at: app.clock.now() + CODE_LIFETIME,
        session: None,
    };
    app.transact(Room::Usual, move |tx, _| {
        Box::pin(async move { Ok(tx.put_code(key, kept).await?) })
    })
    .await?;
    Ok(redirect(
        &app,
        &asked.redirect,
        &asked.state,
        &[("code", &code)],
    ))
}

/// RFC 6749, 4.1.2.1: nothing is sent to a redirect address before it is known to be the client's.
fn read(uri: &Uri) -> Result<AuthorizationRequest, Refused> {
    let Ok(Query(parameters)) = Query::<Parameters>::try_from_uri(uri) else {
        return Err(Refused::Here(
            "A parameter cannot be read, or stands in the address twice.",
        ));
    };
    let Some(client) = Client::by_id(&parameters.client_id) else {
        return Err(Refused::Here("No client of Hourkey has this client_id."));
    };
    let Some(redirect) = Loopback::parse(&parameters.redirect_uri) else {
        return Err(Refused::Here(
            "The redirect_uri is not http://127.0.0.1:PORT/callback or http://[::1]:PORT/callback.",
        ));
    };
    if parameters.state.len() > 1000 {
        return Err(Refused::Here("The state is longer than 1,000 characters."));
    }
    let refused = |error, description| Refused::There {
        redirect: redirect.clone(),
        state: parameters.state.clone(),
        error,
        description,
    };
    match parameters.response_type.as_str() {
        "code" => {}
        "" => return Err(refused("invalid_request", "response_type is missing.")),
        _ => {
            return Err(refused(
                "unsupported_response_type",
                "response_type must be code.",
            ));
        }
    }
    if parameters.code_challenge_method != "S256" || !is_challenge(&parameters.code_challenge) {
        return Err(refused(
            "invalid_request",
            "PKCE is required: code_challenge of 43 characters, code_challenge_method S256.",
        ));
    }
    Ok(AuthorizationRequest {
        client,
        label: session::label(&parameters.label, client.name()),
        challenge: parameters.code_challenge,
        state: parameters.state,
        redirect,
    })
}

/// SHA-256 in base64url is 43 characters long (RFC 7636, 4.2).
fn is_challenge(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    text.len() == 43 && text.bytes().all(allowed)
}

fn answer(app: &App, refused: Refused) -> Result<Response, PageError> {
    match refused {
        Refused::Here(why) => Err(bad(why)),
        Refused::There {
            redirect: to,
            state,
            error,
            description,
        } => {
            let parameters = [("error", error), ("error_description", description)];
            Ok(redirect(app, &to, &state, &parameters))
        }
    }
}

/// Back to the client, with `state` as it came and `iss` (RFC 9207).
fn redirect(app: &App, to: &Loopback, state: &str, first: &[(&str, &str)]) -> Response {
    let issuer = app.config.address("");
    let mut parameters = first.to_vec();
    if !state.is_empty() {
        parameters.push(("state", state));
    }
    parameters.push(("iss", &issuer));
    Redirect::to(&to.with(&parameters)).into_response()
}

fn bad(why: &str) -> PageError {
    let detail = format!(
        "{why} Nobody was signed in. Start again from the Hourkey app or from `hourkey sign-in`."
    );
    AppError::refused(ProblemCode::Malformed, detail).into()
}
