//! The request page: what is asked for, on which terms, why, and for how long.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};
use hourkey_domain::ids::{AssignmentId, RequestId, ResourceId};
use hourkey_domain::lock::LockState;
use hourkey_domain::settings::{Approval, Mode, Period};
use hourkey_protocol::access::{NewRequest, ResourceDetail, Way};
use maud::{Markup, html};

use super::address::Id;
use super::back::Back;
use super::error::PageFailure;
use super::form::{Fields, Form};
use super::icon::Icon;
use super::layout::{Frame, Page, Place, Width, complaint, plain, token_field};
use super::time::moment;
use super::{lengths, state};
use crate::access::ask::ask_in;
use crate::access::once::{Answer, Once, once};
use crate::access::view;
use crate::app::App;
use crate::failure::Failure;
use crate::identity::PageUser;
use crate::identity::secret::{digest, new_secret};

/// The longest reason, in characters (rule 10).
const REASON: usize = 2_000;

/// What was typed, kept when it has to be corrected.
struct Typed {
    /// Makes two clicks one request.
    key: String,
    way: Option<AssignmentId>,
    reason: String,
    /// The length chosen on each way.
    lengths: Vec<(AssignmentId, lengths::Typed)>,
}

/// `GET /resources/{id}/request`
pub(super) async fn show(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<ResourceId>,
) -> Result<Response, PageFailure> {
    let detail = view::resource(&app, user.user.id, id).await?;
    if let Some(request) = outstanding(&app, &detail).await? {
        return Ok(Redirect::to(&format!("/requests/{request}{}", query(&uri))).into_response());
    }
    let frame = Frame::of(&app, &user, &uri).await?;
    let typed = Typed {
        key: new_secret().0,
        way: None,
        reason: String::new(),
        lengths: Vec::new(),
    };
    Ok(page(&frame, &user, &detail, &typed, StatusCode::OK, ""))
}

/// `POST /resources/{id}/request`
pub(super) async fn send(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<ResourceId>,
    Form(fields): Form<Fields>,
) -> Result<Response, PageFailure> {
    let detail = view::resource(&app, user.user.id, id).await?;
    let typed = Typed::read(&fields, &detail);
    match make(&app, &user, id, &typed).await {
        Ok(request) => {
            Ok(Redirect::to(&format!("/requests/{request}{}", query(&uri))).into_response())
        }
        Err(Failure::Refused(problem)) => {
            let status =
                StatusCode::from_u16(problem.status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
            let frame = Frame::of(&app, &user, &uri).await?;
            Ok(page(
                &frame,
                &user,
                &detail,
                &typed,
                status,
                &problem.detail,
            ))
        }
        Err(failure) => Err(failure.into()),
    }
}

/// Whom the page was opened for, and where the browser was going.
fn query(uri: &Uri) -> String {
    let query = uri.query().map(|query| format!("?{query}"));
    query.unwrap_or_default()
}

impl Typed {
    fn read(fields: &Fields, detail: &ResourceDetail) -> Self {
        let lengths = detail.ways.iter().map(|way| {
            let id = way.assignment;
            (id, lengths::Typed::read(fields, &format!("-{id}")))
        });
        Self {
            key: fields.get("key").to_owned(),
            way: fields.number("way").map(AssignmentId),
            // Browsers send line ends as CRLF (HTML, 4.10.21.8).
            reason: fields.get("reason").replace("\r\n", "\n"),
            lengths: lengths.collect(),
        }
    }

    fn length(&self, way: AssignmentId) -> lengths::Typed {
        let found = self.lengths.iter().find(|(id, _)| *id == way);
        found.map(|(_, typed)| typed.clone()).unwrap_or_default()
    }
}

/// Asks; the same form sent twice asks once.
async fn make(
    app: &App,
    user: &PageUser,
    resource: ResourceId,
    typed: &Typed,
) -> Result<RequestId, Failure> {
    let length = match typed.way {
        Some(way) => typed.length(way).length(),
        None => Ok(None),
    };
    let length = length
        .map_err(|wrong| Failure::refused(hourkey_protocol::problem::Code::BadLength, wrong))?;
    let new = NewRequest {
        resource,
        assignment: typed.way,
        reason: typed.reason.clone(),
        seconds: length.map(u64::from),
        starts_at: None,
    };
    // Sent again with other words, it is another call.
    let call = digest(&serde_json::to_string(&(&typed.key, &new)).map_err(anyhow::Error::from)?);
    let key: String = call.iter().map(|byte| format!("{byte:02x}")).collect();
    let id = user.user.id;
    let lapse = app.config.request_lapse;
    let answer = once(
        app,
        id,
        Some(Once {
            key: format!("page-{key}"),
            call,
        }),
        move |tx, now| {
            Box::pin(async move {
                let (request, _) = ask_in(tx, id, new, lapse, now).await?;
                Answer::new(200, &request.id)
            })
        },
    )
    .await?;
    Ok(serde_json::from_str(&answer.body).map_err(anyhow::Error::from)?)
}

/// The request that waits already, or whose grant is scheduled or runs (rule 4).
async fn outstanding(app: &App, detail: &ResourceDetail) -> Result<Option<RequestId>, Failure> {
    match detail.resource.lock {
        LockState::Pending { request, .. } => Ok(Some(request)),
        LockState::Granted { grant, .. } | LockState::Scheduled { grant, .. } => {
            let grant = app.store.read().await?.grant(grant).await?;
            Ok(grant.map(|grant| grant.request))
        }
        LockState::Open { .. } | LockState::Locked { .. } => Ok(None),
    }
}

fn page(
    frame: &Frame,
    user: &PageUser,
    detail: &ResourceDetail,
    typed: &Typed,
    status: StatusCode,
    wrong: &str,
) -> Response {
    let resource = &detail.resource;
    let name = plain(&resource.name);
    let address = state::address(resource);
    let heading = html! {
        h1 { "Request access to " bdi { (name) } }
        p.mono.address { bdi { (state::link(resource).unwrap_or(&address)) } }
    };
    let title = format!("Request access to {name}");
    let page = Page {
        title: &title,
        place: Place::Access,
        width: Width::Narrow,
        live: false,
    };
    let main = match resource.lock {
        LockState::Open { .. } => already_open(detail, &name, frame.back.as_ref()),
        LockState::Granted { .. }
        | LockState::Scheduled { .. }
        | LockState::Pending { .. }
        | LockState::Locked { .. } => html! {
            (heading)
            (complaint(wrong))
            (form(user, detail, typed))
        },
    };
    frame.answer(status, &page, &main)
}

fn already_open(detail: &ResourceDetail, name: &str, back: Option<&Back>) -> Markup {
    let resource = &detail.resource;
    html! {
        div.hero {
            (state::dot(Icon::Check, "open"))
            div {
                h1 { bdi { (name) } " is open" }
                p.muted { "You need no request for it: just use it." }
            }
        }
        p.mono.address.pick { (state::address(resource)) }
        p.foot {
            a.btn href="/access" { "Your access" }
            @if let Some(back) = back {
                (back.button())
            } @else if let Some(link) = state::link(resource) {
                a.btn.primary href=(link) rel="noopener noreferrer" target="_blank" { "Open" }
            }
        }
    }
}

fn form(user: &PageUser, detail: &ResourceDetail, typed: &Typed) -> Markup {
    let ways: Vec<&Way> = detail
        .ways
        .iter()
        .filter(|way| way.mode != Mode::Standing)
        .collect();
    let unlock = ways
        .iter()
        .any(|way| way.preselected && way.mode == Mode::AutoLock);
    let automatic = ways.iter().all(|way| way.approval == Approval::Automatic);
    let chosen = typed.way.or_else(|| {
        ways.iter()
            .find(|way| way.preselected)
            .map(|way| way.assignment)
    });
    html! {
        form.stack method="post" data-keep=(user.user.id) {
            (token_field(&user.token))
            input type="hidden" name="key" value=(typed.key);
            @match ways.as_slice() {
                [way] => {
                    input type="hidden" name="way" value=(way.assignment);
                    (facts(way))
                }
                several => {
                    fieldset.ways {
                        legend { "Ask as a member of" }
                        @for way in several {
                            (choice(way, several, chosen == Some(way.assignment), typed))
                        }
                    }
                }
            }
            @if unlock {
                p.muted { "You have access, but did not use it for a while, so it locked." }
            }
            label for="reason" {
                "Why do you need it?"
                @if !automatic { " " span.optional { "helps the reviewer" } }
            }
            textarea.field #reason name="reason" rows="3" maxlength=(REASON) dir="auto"
                required[automatic] autofocus { "\n" (typed.reason) }
            @if let [way] = ways.as_slice() { (length(way, typed)) }
            p.foot {
                span.muted {
                    "Signed in as " bdi { (plain(&user.user.name)) } ". "
                    @if unlock { "It stays open while you use it." }
                    @else if automatic { "The clock starts at once." }
                    @else { "The clock starts at approval." }
                }
                button.btn.primary {
                    @if automatic && unlock { "Unlock it now" }
                    @else if automatic { "Open it now" }
                    @else { "Send request" }
                }
            }
        }
    }
}

/// The terms of the only way.
fn facts(way: &Way) -> Markup {
    html! {
        dl.facts {
            dt { "As a member of" }
            dd { bdi { (plain(&way.group_name)) } }
            dt { "Approval" }
            dd {
                @match way.approval {
                    Approval::Manual => "By a reviewer",
                    Approval::Automatic => "At once, with a reason that is kept",
                }
            }
            dt { "Time" }
            dd {
                @match (way.mode, way.period) {
                    (Mode::AutoLock, _) => (while_used(way)),
                    (_, Period::Preset(length)) => (length),
                    (_, Period::Custom { up_to, .. }) => { "You choose, up to " (up_to) },
                }
            }
            @if let Some(until) = way.until {
                dt { "At the latest" }
                dd { "until " (moment(until)) }
            }
        }
    }
}

/// One of several ways. Its lengths show while it is chosen.
fn choice(way: &Way, all: &[&Way], chosen: bool, typed: &Typed) -> Markup {
    html! {
        div.way {
            label {
                input type="radio" name="way" value=(way.assignment) checked[chosen] required;
                span.name { bdi { (plain(&way.group_name)) } }
                span.state {
                    @match way.approval {
                        Approval::Manual => "Needs approval",
                        Approval::Automatic => "Opens at once, with a reason that is kept",
                    }
                    @match (way.mode, way.period) {
                        (Mode::AutoLock, _) => { ", " (while_used(way)) },
                        (_, Period::Preset(length)) => { ", " (length) },
                        (_, Period::Custom { up_to, .. }) => { ", up to " (up_to) },
                    }
                    @if let Some(until) = way.until { ", at the latest until " (moment(until)) }
                }
                @if way.preselected { span.state.brass { "Suggested: " (why(way, all)) } }
            }
            @if let (Mode::AccessRequest, Period::Custom { .. }) = (way.mode, way.period) {
                div.terms { (length(way, typed)) }
            }
        }
    }
}

/// How long an unlock holds.
fn while_used(way: &Way) -> Markup {
    html! {
        "while you use it, locks after " (way.lock_after) " unused "
        @if way.lock_after == 1 { "day" } @else { "days" }
    }
}

/// What sets the preselected way apart (rule 3).
fn why(best: &Way, all: &[&Way]) -> &'static str {
    if best.mode == Mode::AutoLock {
        return "it stays open while you use it";
    }
    let others = || all.iter().filter(|way| way.assignment != best.assignment);
    if others().all(|way| way.approval != best.approval) {
        "it opens at once"
    } else if others()
        .filter(|way| way.approval == best.approval)
        .all(|way| way.period.longest() < best.period.longest())
    {
        "it allows the longest time"
    } else {
        "it was given first, and none is better"
    }
}

fn length(way: &Way, typed: &Typed) -> Markup {
    let (Mode::AccessRequest, Period::Custom { up_to, .. }) = (way.mode, way.period) else {
        return html! {};
    };
    let suffix = format!("-{}", way.assignment);
    let usual = way.period.usual();
    let mut choices = lengths::choices(up_to);
    if !choices.contains(&usual) {
        choices.push(usual);
        choices.sort_unstable();
    }
    lengths::fieldset(
        "For how long?",
        &suffix,
        &choices,
        Some(usual),
        up_to,
        &typed.length(way.assignment),
    )
}
