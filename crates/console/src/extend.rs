//! Asking for more time on what is open: the page that a notification, the tray and a request's own
//! page lead to. It shows until when access would run, and changes nothing before its form is sent.

use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse as _, Redirect, Response};
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_access::identity::secret::new_secret;
use hourkey_access::queries;
use hourkey_domain::Time;
use hourkey_domain::ids::{RequestId, ResourceId};
use hourkey_domain::length::Length;
use hourkey_domain::lock::LockState;
use hourkey_domain::settings::{Approval, Period};
use hourkey_protocol::access::{AssignmentChoice, ExtensionChoice, NewRequest, ResourceDetail};
use hourkey_protocol::problem::Code;
use maud::{Markup, html};

use super::address::Id;
use super::ask::{ask_once, can_approve, instead_of_extending, query, reason_field};
use super::error::PageError;
use super::form::{Field, Fields, Form, FormError};
use super::layout::{Frame, Live, Page, Place, Width, plain, token_field};
use super::lengths;
use super::time::moment;
use super::unsent::Unsent;
use crate::page_user::PageUser;

/// What was typed, kept when it has to be corrected.
struct ExtensionInput {
    /// Makes two clicks one request.
    key: String,
    reason: String,
    length: lengths::LengthInput,
    wrong: FormError,
}

impl ExtensionInput {
    fn read(fields: &Fields, wrong: FormError) -> Self {
        Self {
            key: fields.get("key").to_owned(),
            reason: fields.text("reason"),
            length: lengths::LengthInput::read(fields, ""),
            wrong,
        }
    }

    /// Somebody typed or sent something.
    fn is_touched(&self) -> bool {
        !self.reason.is_empty() || !self.wrong.status().is_success()
    }
}

/// `GET /resources/{id}/extend`
pub(super) async fn show(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<ResourceId>,
    unsent: Unsent,
) -> Result<Response, PageError> {
    let detail = queries::resource(&app, user.user.id, id).await?;
    let mut typed = ExtensionInput::read(&unsent.fields, unsent.wrong);
    if typed.key.is_empty() {
        typed.key = new_secret().0;
    }
    page(&app, &user, &uri, &detail, &typed).await
}

/// `POST /resources/{id}/extend`
pub(super) async fn send(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<ResourceId>,
    Form(fields): Form<Fields>,
) -> Result<Response, PageError> {
    let mut typed = ExtensionInput::read(&fields, FormError::default());
    match make(&app, &user, id, &typed).await {
        Ok(request) => {
            Ok(Redirect::to(&format!("/requests/{request}{}", query(&uri))).into_response())
        }
        Err(AppError::Refused(problem)) => {
            typed.wrong = FormError::of(&problem);
            let detail = queries::resource(&app, user.user.id, id).await?;
            page(&app, &user, &uri, &detail, &typed).await
        }
        Err(failure) => Err(failure.into()),
    }
}

async fn make(
    app: &App,
    user: &PageUser,
    resource: ResourceId,
    typed: &ExtensionInput,
) -> Result<RequestId, AppError> {
    let length = typed.length.length();
    let length = length.map_err(|wrong| AppError::refused(Code::BadLength, wrong))?;
    let new = NewRequest {
        resource,
        assignment: None,
        reason: typed.reason.clone(),
        seconds: length.map(u64::from),
        starts_at: None,
        extends: true,
    };
    ask_once(app, user, &typed.key, new).await
}

/// The form while access runs; otherwise where its reader has to go.
async fn page(
    app: &App,
    user: &PageUser,
    uri: &Uri,
    detail: &ResourceDetail,
    typed: &ExtensionInput,
) -> Result<Response, PageError> {
    let id = detail.resource.id;
    let elsewhere =
        |path: String| Ok(Redirect::to(&format!("{path}{}", query(uri))).into_response());
    let LockState::Granted {
        expires_at,
        extension,
        ..
    } = detail.resource.lock
    else {
        let is_locked = matches!(detail.resource.lock, LockState::Locked { .. });
        if is_locked && typed.is_touched() {
            return instead_of_extending(app, user, uri, detail, &typed.reason, &typed.length)
                .await;
        }
        return elsewhere(format!("/resources/{id}/request"));
    };
    if let Some(waits) = extension {
        return elsewhere(format!("/requests/{}", waits.request));
    }
    let frame = Frame::of(app, user, uri).await?;
    let now = frame.now;
    let name = plain(&detail.resource.name);
    let title = format!("Extend {name}");
    let page = Page {
        title: &title,
        place: Place::Access,
        width: Width::Narrow,
        live: Live::Off,
    };
    let own = Own::of(detail);
    Ok(frame.answer(
        typed.wrong.status(),
        &page,
        &html! {
            h1 { "Extend " bdi { (name) } }
            (typed.wrong.complaint())
            dl.facts {
                dt { "Access ends" }
                dd { (moment(expires_at, now)) }
                @if let Some(own) = &own { (own.facts(detail, now)) }
            }
            @match &own {
                Some(own) if own.at_most().is_some() && !detail.nobody_extends() => {
                    (own.form(user, typed, expires_at, now))
                },
                Some(own) => (own.refusal(detail)),
                None => (cannot_now(&html! {
                    "This access can’t be extended: through this group the resource is open while it is used, and \
                     locks when it isn’t."
                })),
            }
        },
    ))
}

/// What may be asked, and the assignment that decides.
struct Own<'a> {
    choice: &'a ExtensionChoice,
    assignment: &'a AssignmentChoice,
}

impl<'a> Own<'a> {
    fn of(detail: &'a ResourceDetail) -> Option<Self> {
        let choice = detail.extension.as_ref()?;
        let assignment = detail.extended_by()?;
        Some(Self { choice, assignment })
    }

    fn at_most(&self) -> Option<Time> {
        self.choice.at_most
    }

    fn is_automatic(&self) -> bool {
        self.assignment.approval == Approval::Automatic
    }

    fn facts(&self, detail: &ResourceDetail, now: Time) -> Markup {
        html! {
            dt { "Through group" }
            dd { bdi { (plain(&self.assignment.group_name)) } }
            @if let Some(at_most) = self.at_most() {
                dt { @if self.is_custom() { "At most" } @else { "Extended" } }
                // The page stays as it is while somebody types: it says when this was reckoned.
                dd {
                    "Until " (moment(at_most, now))
                    @if self.is_automatic() { " if extended at " } @else { " if approved at " }
                    (moment(now, now))
                }
            }
            @match &detail.approvers {
                Some(approvers) if !self.is_automatic() => (can_approve(approvers)),
                _ => {}
            }
            @if let Some(until) = self.assignment.until {
                dt { "Available until" }
                dd { (moment(until, now)) }
            }
        }
    }

    fn is_custom(&self) -> bool {
        matches!(self.assignment.period, Period::Custom { .. })
    }

    fn form(&self, user: &PageUser, typed: &ExtensionInput, ends_at: Time, now: Time) -> Markup {
        let automatic = self.is_automatic();
        html! {
            form.stack #extend method="post" data-redraws {
                (token_field(&user.token))
                input type="hidden" name="key" value=(typed.key);
                (reason_field(&typed.reason, automatic, !typed.wrong.is(Field::Length), &typed.wrong))
                (self.lengths(typed, ends_at, now))
                p.foot {
                    span.muted {
                        "Signed in as " bdi { (plain(&user.user.name)) } ". "
                        "Nothing that is connected now is interrupted."
                    }
                    button.btn.primary {
                        @if automatic { "Extend now" } @else { "Send request" }
                    }
                }
            }
        }
    }

    /// The lengths to choose, from now on; those that end no later than access does are left out.
    fn lengths(&self, typed: &ExtensionInput, ends_at: Time, now: Time) -> Markup {
        let Period::Custom { up_to, .. } = self.assignment.period else {
            return html! {};
        };
        let usual = self.assignment.period.usual();
        let mut choices = lengths::choices(up_to);
        if !choices.contains(&usual) {
            choices.push(usual);
            choices.sort_unstable();
        }
        let adds = |length: &Length| length.after(now) >= Length::MIN.after(ends_at);
        choices.retain(adds);
        let legend = match self.is_automatic() {
            true => "For how long from now on?",
            false => "For how long from the approval on?",
        };
        let lengths = lengths::Fieldset {
            legend,
            suffix: "",
            first: Some(usual).filter(adds).or(choices.first().copied()),
            choices: &choices,
            longest: up_to,
            typed: &typed.length,
            wrong: &typed.wrong,
        };
        html! { (lengths) }
    }

    fn refusal(&self, detail: &ResourceDetail) -> Markup {
        if detail.nobody_extends() {
            return cannot_now(&html! {
                "Nobody can approve this for you now: nobody approves their own request, and nobody \
                 else reviews this resource."
            });
        }
        cannot_now(&html! {
            "It can’t be extended now"
            @if let Some(limit) = self.choice.refused { ": " (limit) }
            "."
        })
    }
}

fn cannot_now(why: &Markup) -> Markup {
    html! {
        p.lead { (why) }
        p.foot { a.btn href="/access" { "Your access" } span {} }
    }
}
