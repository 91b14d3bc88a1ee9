//! A request, live: waiting, open, over. For the person who made it, and, without anything to do, for
//! those who see everybody's.

use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse as _, Redirect, Response};
use hourkey_access::app::App;
use hourkey_access::connections::through;
use hourkey_access::error::AppError;
use hourkey_access::{end, queries};
use hourkey_domain::Time;
use hourkey_domain::ids::{GrantId, RequestId};
use hourkey_domain::lock::LockState;
use hourkey_domain::outcome::Outcome;
use hourkey_protocol::access::{Approvers, Person, Request, Resource};
use hourkey_protocol::problem::Code;
use maud::{Markup, html};

use super::about::how_to_use;
use super::access::{copy, extend, give_back};
use super::address::Id;
use super::ask::can_approve;
use super::error::PageError;
use super::form::{Fields, Form, FormError, out_of_date};
use super::icon::Icon;
use super::layout::{Frame, Live, Page, Place, Width, plain, token_field};
use super::my_requests::again;
use super::outcome::{self, approval, asked, comments, quote, sentence, tone};
use super::time::{ago, left, moment, reckoned};
use super::{connections, state};
use crate::page_user::PageUser;

/// `GET /requests/{id}`
pub(super) async fn show(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<RequestId>,
) -> Result<Response, PageError> {
    page(&app, &user, &uri, id, &FormError::default()).await
}

/// `POST /requests/{id}`: cancel it, or release its grant.
pub(super) async fn send(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<RequestId>,
    Form(fields): Form<Fields>,
) -> Result<Response, PageError> {
    let done = match (fields.get("do"), fields.number("grant")) {
        ("cancel", _) => end::cancel(&app, user.user.id, id).await.map(|_| ()),
        ("release", Some(grant)) => end::release(&app, user.user.id, GrantId(grant))
            .await
            .map(|_| ()),
        _ => Err(out_of_date()),
    };
    match done {
        Ok(()) => Ok(Redirect::to(&format!("/requests/{id}")).into_response()),
        Err(AppError::Refused(problem)) if problem.code != Code::NotFound => {
            page(&app, &user, &uri, id, &FormError::of(&problem)).await
        }
        Err(failure) => Err(failure.into()),
    }
}

async fn page(
    app: &App,
    user: &PageUser,
    uri: &Uri,
    id: RequestId,
    wrong: &FormError,
) -> Result<Response, PageError> {
    let request = queries::request(app, user.user.id, id).await?;
    let is_own = request.requester.id == user.user.id;
    if !is_own && queries::reviews_request(app, user.user.id, &request).await? {
        return Ok(Redirect::to(&format!("/review/{id}")).into_response());
    }
    // Gone from sight, it can be neither opened nor asked for again.
    let detail = match queries::resource(app, user.user.id, request.resource).await {
        Ok(detail) => Some(detail).filter(|_| is_own),
        Err(AppError::Refused(_)) => None,
        Err(failure) => return Err(failure.into()),
    };
    let through = through(app, &request).await?;
    let frame = Frame::of(app, user, uri).await?;
    let view = View {
        frame: &frame,
        user,
        request: &request,
        resource: detail.as_ref().map(|detail| &detail.resource),
        approvers: detail.as_ref().and_then(|detail| detail.approvers.as_ref()),
    };
    let is_waiting = matches!(view.outcome(), Outcome::Waiting { .. });
    let title = match is_waiting {
        true => format!("{}: {}", view.heading(), plain(&request.resource_name)),
        _ => view.heading(),
    };
    let page = Page {
        title: &title,
        place: match is_own {
            true => Place::MyRequests,
            false => Place::Requests,
        },
        width: Width::Narrow,
        live: match is_waiting {
            true => Live::Reloading,
            false => Live::On,
        },
    };
    Ok(frame.answer(
        wrong.status(),
        &page,
        &html! {
            (wrong.complaint())
            div #state data-live role="status" { (view.hero()) }
            div #request data-live {
                div #said { (comments(&request)) }
                (view.facts())
                (how_to_use(detail.as_ref().and_then(|it| it.resource.how_to_use.as_deref())))
                (connections::list(&through))
                @match is_own {
                    true => (view.foot()),
                    false => {
                        @if is_waiting { p.state { "You may read this request. Those who review it decide." } }
                        div.foot #foot { a.btn href="/requests" { "All requests" } span {} }
                    }
                }
            }
        },
    ))
}

struct View<'a> {
    frame: &'a Frame,
    user: &'a PageUser,
    request: &'a Request,
    resource: Option<&'a Resource>,
    approvers: Option<&'a Approvers>,
}

impl View<'_> {
    /// What the page says first: its heading, and its title.
    fn heading(&self) -> String {
        let (outcome, name) = (self.outcome(), plain(&self.request.resource_name));
        match self.request.purpose.extends() {
            Some(_) => outcome.extension_title(&name),
            None => outcome.title(&name),
        }
    }

    /// The end of the grant for which more time was asked, and not given (yet), while it runs.
    fn goes_on_until(&self) -> Option<Time> {
        self.request.purpose.extends()?;
        match (self.outcome(), self.request.grant.as_ref()?.outcome()) {
            (
                Outcome::Waiting { .. }
                | Outcome::Denied { .. }
                | Outcome::Cancelled { .. }
                | Outcome::Expired { .. },
                Outcome::Open { until },
            ) => Some(until),
            _ => None,
        }
    }

    /// The resource, while its access runs and nobody asks for more.
    fn extendable(&self) -> Option<&Resource> {
        self.resource.filter(|resource| {
            matches!(
                resource.lock,
                LockState::Granted {
                    extension: None,
                    ..
                }
            )
        })
    }

    fn hero(&self) -> Markup {
        let now = self.frame.now;
        let outcome = self.outcome();
        let tone = tone(&outcome);
        let mark = match outcome {
            Outcome::Waiting { .. } | Outcome::Scheduled { .. } => state::dot(Icon::Clock, tone),
            Outcome::Open { .. } => {
                let ring = self
                    .request
                    .grant
                    .as_ref()
                    .map(|grant| state::ring(grant.starts_at, grant.expires_at, now));
                ring.unwrap_or_else(|| state::dot(Icon::Check, tone))
            }
            Outcome::Unlocked { .. } => state::dot(Icon::Check, tone),
            Outcome::Denied { .. } => state::dot(Icon::Cross, tone),
            _ => state::dot(Icon::Lock, tone),
        };
        html! {
            div.hero #hero {
                (mark)
                div {
                    h1 { bdi { (self.heading()) } }
                    p.state.(tone) {
                        @if let Outcome::Waiting { .. } = outcome {
                            bdi { (plain(&self.request.resource_name)) }
                            ", requested " (ago(self.request.created_at, now))
                        } @else {
                            (sentence(&outcome, now))
                        }
                    }
                }
            }
        }
    }

    fn facts(&self) -> Markup {
        let now = self.frame.now;
        let request = self.request;
        let outcome = self.outcome();
        let is_waiting = matches!(outcome, Outcome::Waiting { .. });
        html! {
            dl.facts #facts {
                @if request.requester.id != self.user.user.id {
                    dt { "Person" }
                    dd { (outcome::person(&request.requester)) }
                }
                @if !self.address().is_empty() {
                    dt { "Address" }
                    dd.mono.pick { bdi { (self.address()) } }
                }
                dt { "Through group" }
                dd { bdi { (plain(&request.group_name)) } }
                dt { "Requested" }
                dd {
                    (asked(request))
                    @if !is_waiting { ", " (ago(request.created_at, now)) }
                }
                @if let Some(approved) = request.approval() {
                    dt { "Decision" }
                    dd { (approval(&approved)) }
                }
                @if let Outcome::Open { until } = outcome {
                    dt { "Ends" }
                    dd { (moment(until, now)) }
                    @if let Some(waits) = self.resource.and_then(|it| it.lock.extension()) {
                        dt { "More time" }
                        dd {
                            a href={ "/requests/" (waits.request) } {
                                "Requested " (ago(waits.since, now))
                            }
                        }
                    }
                }
                @if let Some(until) = self.goes_on_until() {
                    dt { "Access ends" }
                    dd { (moment(until, now)) }
                }
                @if let Some(at) = request.starts_at.filter(|_| is_waiting) {
                    dt { "Starts" }
                    dd { (moment(at, now)) }
                }
                @if let Some(until) = request.ends_at {
                    dt { (match request.purpose.extends() { Some(_) => "Extended", None => "Open" }) }
                    dd {
                        @if request.starts_at.is_none() {
                            "Until " (reckoned(until, now)) " if approved now"
                        } @else {
                            "Until " (moment(until, now))
                        }
                    }
                }
                @if let (Outcome::Unlocked { .. }, Some(locks_at)) = (&outcome, self.locks_at()) {
                    dt { "Locks again" }
                    dd { "in " (left(locks_at, now)) " unless you use it" }
                }
                @if let (true, Some(approvers)) = (is_waiting, self.approvers) {
                    (can_approve(approvers))
                }
                @if let Outcome::Waiting { expires_at } = outcome {
                    dt { "Expires" }
                    dd { (moment(expires_at, now)) " if nobody answers" }
                }
                @if !request.reason.trim().is_empty() {
                    dt { "Reason" }
                    dd { (quote(&request.reason)) }
                }
            }
        }
    }

    fn foot(&self) -> Markup {
        let token = &self.user.token;
        let request = self.request;
        let link = self.resource.and_then(state::link);
        html! {
            @match self.outcome() {
                Outcome::Waiting { .. } => div.foot #foot {
                    span.muted { "You can close this page. You’ll be told when it is decided." }
                    form method="post" #{ "cancel-" (request.id) } {
                        (token_field(token))
                        button.btn name="do" value="cancel" { "Cancel request" }
                    }
                },
                outcome @ (Outcome::Scheduled { .. } | Outcome::Open { .. }) => div.foot #foot {
                    @if let Some(grant) = &request.grant { (give_back(grant.id, token, &request.resource_name)) }
                    span.acts {
                        @if let (Outcome::Open { .. }, Some(resource)) = (&outcome, self.extendable()) {
                            (extend(resource, &request.resource_name))
                        }
                        (copy(&self.address(), &request.resource_name))
                        @if let (Outcome::Open { .. }, Some(back)) = (&outcome, &self.frame.back) {
                            (back.button())
                        } @else if let (Outcome::Open { .. }, Some(link)) = (&outcome, link) {
                            a.btn.primary href=(link) rel="noopener noreferrer" target="_blank"
                                { "Open" }
                        }
                    }
                },
                Outcome::Unlocked { .. } => div.foot #foot {
                    a.btn href="/access" { "Your access" }
                    span.acts {
                        (copy(&self.address(), &request.resource_name))
                        @if let Some(back) = &self.frame.back {
                            (back.button())
                        } @else if let Some(link) = link {
                            a.btn.primary href=(link) rel="noopener noreferrer" target="_blank"
                                { "Open" }
                        }
                    }
                },
                _ => div.foot #foot {
                    a.btn href="/access" { "Your access" }
                    @if self.goes_on_until().is_some() && self.extendable().is_some() {
                        a.btn.primary href={ "/resources/" (request.resource) "/extend" } {
                            "Request again"
                        }
                    } @else if self.resource.is_some_and(|it| !it.is_disabled()) {
                        a.btn.primary href=(again(request)) {
                            "Request again"
                        }
                    }
                },
            }
        }
    }

    /// Where it stands: what was unlocked has locked again once it stayed unused.
    fn outcome(&self) -> Outcome<'_, Person> {
        match (self.request.outcome(), self.resource) {
            (Outcome::Unlocked { .. }, Some(resource)) if !resource.lock.is_open() => {
                Outcome::Unused
            }
            (outcome, _) => outcome,
        }
    }

    /// When it locks, if it stays unused.
    fn locks_at(&self) -> Option<Time> {
        self.resource?.lock.locks_at()
    }

    fn address(&self) -> String {
        self.resource
            .map_or_else(|| self.request.resource_address.clone(), Resource::endpoint)
    }
}
