//! The request page: what is asked for, on which terms, why, and for how long.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};
use hourkey_access::app::{App, Room};
use hourkey_access::ask::ask_in;
use hourkey_access::error::AppError;
use hourkey_access::idempotency::{Answer, IdempotencyKey, run_once};
use hourkey_access::identity::secret::{digest, new_secret};
use hourkey_access::queries;
use hourkey_domain::Time;
use hourkey_domain::ids::{AssignmentId, RequestId, ResourceId};
use hourkey_domain::lock::{LockState, Why};
use hourkey_domain::settings::{Approval, Mode, Period};
use hourkey_protocol::access::{
    ApproverKind, Approvers, AssignmentChoice, NewRequest, ResourceDetail,
};
use maud::{Markup, html};

use super::about::{described, disabled, how_to_use};
use super::address::Id;
use super::back::Back;
use super::error::PageError;
use super::form::{Field, Fields, Form, FormError};
use super::icon::Icon;
use super::layout::{Frame, Live, Page, Place, Width, plain, token_field};
use super::time::moment;
use super::unsent::Unsent;
use super::{lengths, outcome, state};
use crate::page_user::PageUser;

/// The longest reason, in characters (rule 10).
const REASON: usize = 2_000;

/// What was typed, kept when it has to be corrected.
struct RequestInput {
    /// Makes two clicks one request.
    key: String,
    assignment: Option<AssignmentId>,
    reason: String,
    /// The length chosen on each assignment.
    lengths: Vec<(AssignmentId, lengths::LengthInput)>,
    wrong: FormError,
}

/// `GET /resources/{id}/request`
pub(super) async fn show(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<ResourceId>,
    unsent: Unsent,
) -> Result<Response, PageError> {
    let detail = queries::resource(&app, user.user.id, id).await?;
    if let Some(request) = outstanding(&app, &detail).await? {
        return Ok(Redirect::to(&format!("/requests/{request}{}", query(&uri))).into_response());
    }
    let frame = Frame::of(&app, &user, &uri).await?;
    let mut typed = RequestInput::read(&unsent.fields, &detail);
    typed.wrong = unsent.wrong;
    let again = Fields::parse(uri.query().unwrap_or_default().as_bytes()).number("again");
    if let Some(earlier) = again.filter(|_| typed.is_untouched()) {
        typed
            .repeat(&app, &user, &detail, RequestId(earlier))
            .await?;
    }
    if typed.key.is_empty() {
        typed.key = new_secret().0;
    }
    Ok(page(&frame, &user, &uri, &detail, &typed))
}

/// `POST /resources/{id}/request`
pub(super) async fn send(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<ResourceId>,
    Form(fields): Form<Fields>,
) -> Result<Response, PageError> {
    let detail = queries::resource(&app, user.user.id, id).await?;
    let mut typed = RequestInput::read(&fields, &detail);
    match make(&app, &user, id, &typed).await {
        Ok(request) => {
            Ok(Redirect::to(&format!("/requests/{request}{}", query(&uri))).into_response())
        }
        Err(AppError::Refused(problem)) => {
            typed.wrong = FormError::of(&problem);
            let frame = Frame::of(&app, &user, &uri).await?;
            Ok(page(&frame, &user, &uri, &detail, &typed))
        }
        Err(failure) => Err(failure.into()),
    }
}

/// Whom the page was opened for, and where the browser was going.
pub(super) fn query(uri: &Uri) -> String {
    let query = uri.query().map(|query| format!("?{query}"));
    query.unwrap_or_default()
}

impl RequestInput {
    fn read(fields: &Fields, detail: &ResourceDetail) -> Self {
        let lengths = detail.assignments.iter().map(|assignment| {
            let id = assignment.assignment;
            (id, lengths::LengthInput::read(fields, &format!("-{id}")))
        });
        Self {
            key: fields.get("key").to_owned(),
            assignment: fields.number("assignment").map(AssignmentId),
            reason: fields.text("reason"),
            lengths: lengths.collect(),
            wrong: FormError::default(),
        }
    }

    /// True where nobody typed or sent anything.
    fn is_untouched(&self) -> bool {
        self.reason.is_empty() && self.wrong.status() == StatusCode::OK
    }

    /// Fills in the reason and the length of an earlier request of theirs for this resource; any other is
    /// none.
    async fn repeat(
        &mut self,
        app: &App,
        user: &PageUser,
        detail: &ResourceDetail,
        earlier: RequestId,
    ) -> Result<(), AppError> {
        let earlier = match queries::request(app, user.user.id, earlier).await {
            Ok(earlier) => earlier,
            Err(AppError::Refused(_)) => return Ok(()),
            Err(failure) => return Err(failure),
        };
        if earlier.requester.id != user.user.id || earlier.resource != detail.resource.id {
            return Ok(());
        }
        self.reason = earlier.reason;
        let Some(length) = earlier.asked else {
            return Ok(());
        };
        self.lengths = { detail.assignments.iter() }
            .filter_map(|it| match it.period {
                Period::Custom { up_to, .. } => {
                    let typed = lengths::LengthInput::of(length.min(up_to), up_to);
                    Some((it.assignment, typed))
                }
                Period::Preset(_) => None,
            })
            .collect();
        Ok(())
    }

    fn length(&self, assignment: AssignmentId) -> lengths::LengthInput {
        let found = self.lengths.iter().find(|(id, _)| *id == assignment);
        found.map(|(_, typed)| typed.clone()).unwrap_or_default()
    }
}

async fn make(
    app: &App,
    user: &PageUser,
    resource: ResourceId,
    typed: &RequestInput,
) -> Result<RequestId, AppError> {
    let length = match typed.assignment {
        Some(assignment) => typed.length(assignment).length(),
        None => Ok(None),
    };
    let length = length
        .map_err(|wrong| AppError::refused(hourkey_protocol::problem::Code::BadLength, wrong))?;
    let new = NewRequest {
        resource,
        assignment: typed.assignment,
        reason: typed.reason.clone(),
        seconds: length.map(u64::from),
        starts_at: None,
        extends: false,
    };
    ask_once(app, user, &typed.key, new).await
}

/// Asks; the same form, by its `key`, sent twice asks once.
pub(super) async fn ask_once(
    app: &App,
    user: &PageUser,
    key: &str,
    new: NewRequest,
) -> Result<RequestId, AppError> {
    // Sent again with other words, it is another call.
    let call = digest(&serde_json::to_string(&(key, &new)).map_err(anyhow::Error::from)?);
    let key: String = call.iter().map(|byte| format!("{byte:02x}")).collect();
    let id = user.user.id;
    let lapse = app.config.request_lapse;
    let answer = run_once(
        app,
        Room::Usual,
        id,
        Some(IdempotencyKey {
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
async fn outstanding(app: &App, detail: &ResourceDetail) -> Result<Option<RequestId>, AppError> {
    match detail.resource.lock {
        LockState::Pending { request, .. } => Ok(Some(request)),
        LockState::Granted { grant, .. } | LockState::Scheduled { grant, .. } => {
            queries::request_of(app, grant).await
        }
        LockState::Open { .. } | LockState::Locked { .. } => Ok(None),
    }
}

/// The form in place of the one for more time, with what was typed there: access ended before that was sent.
pub(super) async fn instead_of_extending(
    app: &App,
    user: &PageUser,
    uri: &Uri,
    detail: &ResourceDetail,
    reason: &str,
    length: &lengths::LengthInput,
) -> Result<Response, PageError> {
    let frame = Frame::of(app, user, uri).await?;
    let ended = "Your access ended before this was sent, so there is nothing to extend. Nothing was requested. \
                 You can request access anew here: what you typed is kept.";
    let typed = RequestInput {
        key: new_secret().0,
        assignment: None,
        reason: reason.to_owned(),
        lengths: { detail.assignments.iter() }
            .map(|own| (own.assignment, length.clone()))
            .collect(),
        wrong: FormError::with_status(StatusCode::CONFLICT, ended),
    };
    Ok(page(&frame, user, uri, detail, &typed))
}

fn page(
    frame: &Frame,
    user: &PageUser,
    uri: &Uri,
    detail: &ResourceDetail,
    typed: &RequestInput,
) -> Response {
    let resource = &detail.resource;
    let name = plain(&resource.name);
    let address = resource.endpoint();
    let heading = html! {
        h1 { "Request access to " bdi { (name) } }
        p.mono.address { bdi { (state::link(resource).unwrap_or(&address)) } }
    };
    let title = format!("Request access to {name}");
    let page = Page {
        title: &title,
        place: Place::Access,
        width: Width::Narrow,
        live: Live::Off,
    };
    let main = match resource.lock {
        LockState::Open { .. } => already_open(detail, &name, frame.back.as_ref()),
        LockState::Locked { why: Why::Disabled } => disabled(&name, &resource.description),
        LockState::Granted { .. }
        | LockState::Scheduled { .. }
        | LockState::Pending { .. }
        | LockState::Locked { .. } => html! {
            (heading)
            (described(&resource.description))
            @if let Some(decision) = &resource.last_decision {
                p.decision { (state::decision(decision, frame.now)) }
            }
            (typed.wrong.complaint())
            @if leads_nowhere(detail) && typed.is_untouched() {
                (nobody_can_approve())
            } @else {
                (form(user, uri, detail, typed, frame.now))
            }
        },
    };
    frame.answer(typed.wrong.status(), &page, &main)
}

/// Whether nobody could approve it, whichever assignment is chosen (rule 14).
fn leads_nowhere(detail: &ResourceDetail) -> bool {
    let nobody = detail.approvers.as_ref();
    let nobody = nobody.is_some_and(|approvers| approvers.kind == ApproverKind::Nobody);
    nobody
        && detail
            .assignments
            .iter()
            .all(|assignment| assignment.approval == Approval::Manual)
}

fn nobody_can_approve() -> Markup {
    html! {
        p.lead {
            "Nobody can approve this for you now: nobody approves their own request, and nobody \
             else reviews this resource."
        }
        p.muted {
            "An administrator can name fallback reviewers for the organisation, or a second reviewer."
        }
        p.foot { a.btn href="/access" { "Your access" } }
    }
}

fn already_open(detail: &ResourceDetail, name: &str, back: Option<&Back>) -> Markup {
    let resource = &detail.resource;
    html! {
        div.hero {
            (state::dot(Icon::Check, "open"))
            div {
                h1 { bdi { (name) } " is open" }
                p.muted { "You don’t need to request it." }
            }
        }
        p.mono.address.pick { (resource.endpoint()) }
        (described(&resource.description))
        (how_to_use(resource.how_to_use.as_deref()))
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

fn form(
    user: &PageUser,
    uri: &Uri,
    detail: &ResourceDetail,
    typed: &RequestInput,
    now: Time,
) -> Markup {
    let here = format!("/resources/{}/request{}", detail.resource.id, query(uri));
    let assignments: Vec<&AssignmentChoice> = detail
        .assignments
        .iter()
        .filter(|assignment| assignment.mode != Mode::Standing)
        .collect();
    let unlock = assignments
        .iter()
        .any(|assignment| assignment.preselected && assignment.mode == Mode::AutoLock);
    let automatic = assignments
        .iter()
        .all(|assignment| assignment.approval == Approval::Automatic);
    let chosen = typed.assignment.or_else(|| {
        assignments
            .iter()
            .find(|assignment| assignment.preselected)
            .map(|assignment| assignment.assignment)
    });
    html! {
        form.stack #ask method="post" action=(here) data-address=(here) {
            (token_field(&user.token))
            input type="hidden" name="key" value=(typed.key);
            @match assignments.as_slice() {
                [assignment] => {
                    input type="hidden" name="assignment" value=(assignment.assignment);
                    (facts(assignment, detail.approvers.as_ref(), now))
                }
                several => {
                    fieldset.ways {
                        legend { "Through group" }
                        @for assignment in several {
                            @let chosen = chosen == Some(assignment.assignment);
                            (choice(assignment, several, chosen, typed, now))
                        }
                    }
                    @if let Some(approvers) = &detail.approvers {
                        dl.facts { (can_approve(approvers)) }
                    }
                }
            }
            @if unlock {
                p.muted { "It locked because you didn’t use it for a while." }
            }
            (reason_field(&typed.reason, automatic, !typed.wrong.is(Field::Length), &typed.wrong))
            @if let [assignment] = assignments.as_slice() { (length(assignment, typed, true)) }
            p.foot {
                span.muted {
                    "Signed in as " bdi { (plain(&user.user.name)) } ". "
                    @if unlock { "It stays open while you use it." }
                    @else if automatic { "Time starts immediately." }
                    @else { "Time starts when your request is approved." }
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

/// Where the reason is typed, which automatic approval needs (rule 10).
pub(super) fn reason_field(
    reason: &str,
    automatic: bool,
    autofocus: bool,
    wrong: &FormError,
) -> Markup {
    html! {
        label for="reason" {
            @if automatic {
                "Reason"
            } @else {
                "Reason " span.optional { "(optional). Your reviewer will see it." }
            }
        }
        textarea.field #reason name="reason" rows="3" maxlength=(REASON) dir="auto"
            required[automatic] autofocus[autofocus]
            aria-invalid=[wrong.invalid(Field::Text)]
            aria-describedby=[wrong.described_by(Field::Text, "")] { "\n" (reason) }
    }
}

/// Who can approve it.
pub(super) fn can_approve(approvers: &Approvers) -> Markup {
    html! {
        dt { "Can approve" }
        dd { (outcome::approvers(approvers)) }
    }
}

/// The terms of the only assignment.
fn facts(assignment: &AssignmentChoice, approvers: Option<&Approvers>, now: Time) -> Markup {
    html! {
        dl.facts {
            dt { "Through group" }
            dd { bdi { (plain(&assignment.group_name)) } }
            dt { "Approval" }
            dd {
                @match assignment.approval {
                    Approval::Manual => @match approvers {
                        Some(approvers) => { "By " (outcome::approvers(approvers)) }
                        None => "By a reviewer",
                    },
                    Approval::Automatic => "Opens immediately. Your reason is recorded.",
                }
            }
            dt { "Time" }
            dd {
                @match (assignment.mode, assignment.period) {
                    (Mode::AutoLock, _) => (while_used(assignment)),
                    (_, Period::Preset(length)) => (length),
                    (_, Period::Custom { up_to, .. }) => { "You choose, up to " (up_to) },
                }
            }
            @if let Some(until) = assignment.until {
                dt { "Available until" }
                dd { (moment(until, now)) }
            }
        }
    }
}

/// One of several assignments. Its lengths show while it is chosen.
fn choice(
    assignment: &AssignmentChoice,
    all: &[&AssignmentChoice],
    chosen: bool,
    typed: &RequestInput,
    now: Time,
) -> Markup {
    html! {
        div.way {
            label {
                input type="radio" name="assignment" value=(assignment.assignment) checked[chosen] required;
                span.name { bdi { (plain(&assignment.group_name)) } }
                span.state {
                    @match assignment.approval {
                        Approval::Manual => "Needs approval",
                        Approval::Automatic => "Opens immediately with a reason",
                    }
                    @match (assignment.mode, assignment.period) {
                        (Mode::AutoLock, _) => { ", " (while_used(assignment)) },
                        (_, Period::Preset(length)) => { ", " (length) },
                        (_, Period::Custom { up_to, .. }) => { ", up to " (up_to) },
                    }
                    @if let Some(until) = assignment.until { ", available until " (moment(until, now)) }
                }
                @if let (true, Some(why)) = (assignment.preselected, why(assignment, all)) {
                    span.state.brass { "Suggested: " (why) }
                }
            }
            @if let (Mode::AccessRequest, Period::Custom { .. }) = (assignment.mode, assignment.period) {
                div.terms { (length(assignment, typed, chosen)) }
            }
        }
    }
}

/// How long an unlock holds.
fn while_used(assignment: &AssignmentChoice) -> Markup {
    html! {
        "while you use it, locks after " (assignment.lock_after) " unused "
        @if assignment.lock_after == 1 { "day" } @else { "days" }
    }
}

/// What sets the preselected assignment apart (rule 3).
fn why(best: &AssignmentChoice, all: &[&AssignmentChoice]) -> Option<&'static str> {
    if best.mode == Mode::AutoLock {
        return Some("it stays open while you use it");
    }
    let others = || {
        all.iter()
            .filter(|assignment| assignment.assignment != best.assignment)
    };
    if others().all(|assignment| assignment.approval != best.approval) {
        Some("it opens immediately")
    } else if others()
        .filter(|assignment| assignment.approval == best.approval)
        .all(|assignment| assignment.period.longest() < best.period.longest())
    {
        Some("it allows the longest time")
    } else {
        None
    }
}

/// The lengths of an assignment; what is wrong with a length is about the `chosen` assignment.
fn length(assignment: &AssignmentChoice, typed: &RequestInput, chosen: bool) -> Markup {
    let (Mode::AccessRequest, Period::Custom { up_to, .. }) = (assignment.mode, assignment.period)
    else {
        return html! {};
    };
    let suffix = format!("-{}", assignment.assignment);
    let usual = assignment.period.usual();
    let mut choices = lengths::choices(up_to);
    if !choices.contains(&usual) {
        choices.push(usual);
        choices.sort_unstable();
    }
    let lengths = lengths::Fieldset {
        legend: "For how long?",
        suffix: &suffix,
        choices: &choices,
        first: Some(usual),
        longest: up_to,
        typed: &typed.length(assignment.assignment),
        wrong: if chosen {
            &typed.wrong
        } else {
            &FormError::default()
        },
    };
    html! { (lengths) }
}
