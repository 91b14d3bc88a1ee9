//! One of a person's own requests, live: waiting, open, over.

use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse as _, Redirect, Response};
use hourkey_access::app::App;
use hourkey_access::connections::through;
use hourkey_access::error::AppError;
use hourkey_access::{end, queries};
use hourkey_domain::Time;
use hourkey_domain::ids::{GrantId, RequestId};
use hourkey_protocol::access::{Approvers, Request, Resource};
use hourkey_protocol::problem::Code;
use maud::{Markup, html};

use super::access::{copy, give_back};
use super::address::Id;
use super::ask::can_approve;
use super::error::PageError;
use super::form::{Fields, Form, Wrong, out_of_date};
use super::icon::Icon;
use super::layout::{Frame, Live, Page, Place, Width, plain, token_field};
use super::outcome::{Stage, approval, asked, comments, quote, sentence};
use super::time::{ago, left, moment};
use super::{connections, state};
use crate::page_user::PageUser;

/// `GET /requests/{id}`
pub(super) async fn show(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<RequestId>,
) -> Result<Response, PageError> {
    page(&app, &user, &uri, id, &Wrong::default()).await
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
            page(&app, &user, &uri, id, &Wrong::of(&problem)).await
        }
        Err(failure) => Err(failure.into()),
    }
}

async fn page(
    app: &App,
    user: &PageUser,
    uri: &Uri,
    id: RequestId,
    wrong: &Wrong,
) -> Result<Response, PageError> {
    let request = queries::request(app, user.user.id, id).await?;
    if request.requester.id != user.user.id {
        return Ok(Redirect::to(&format!("/review/{id}")).into_response());
    }
    // Gone from sight, it can be neither opened nor asked for again.
    let detail = match queries::resource(app, user.user.id, request.resource).await {
        Ok(detail) => Some(detail),
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
    let title = match view.stage() {
        Stage::Waiting => format!("{}: {}", view.heading(), plain(&request.resource_name)),
        _ => view.heading(),
    };
    let page = Page {
        title: &title,
        place: Place::Access,
        width: Width::Narrow,
        live: match view.stage() {
            Stage::Waiting => Live::Reloading,
            _ => Live::On,
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
                (connections::list(&through))
                (view.foot())
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
        let name = plain(&self.request.resource_name);
        match self.stage() {
            Stage::Waiting => "Waiting for a reviewer".to_owned(),
            Stage::Scheduled => format!("{name} is approved"),
            Stage::Running => format!("{name} is open"),
            Stage::Unlocked => format!("{name} is unlocked"),
            Stage::Over | Stage::Revoked => format!("{name} is locked again"),
            Stage::Denied => format!("Request for {name} was denied"),
            Stage::Cancelled => format!("Request for {name} was cancelled"),
            Stage::Lapsed => format!("Request for {name} expired"),
        }
    }

    fn hero(&self) -> Markup {
        let now = self.frame.now;
        let stage = self.stage();
        let mark = match stage {
            Stage::Waiting | Stage::Scheduled => state::dot(Icon::Clock, stage.tone()),
            Stage::Running => {
                let ring = self
                    .request
                    .grant
                    .as_ref()
                    .map(|grant| state::ring(grant.starts_at, grant.expires_at, now));
                ring.unwrap_or_else(|| state::dot(Icon::Check, stage.tone()))
            }
            Stage::Unlocked => state::dot(Icon::Check, stage.tone()),
            Stage::Denied => state::dot(Icon::Cross, stage.tone()),
            Stage::Over | Stage::Revoked | Stage::Cancelled | Stage::Lapsed => {
                state::dot(Icon::Lock, stage.tone())
            }
        };
        html! {
            div.hero #hero {
                (mark)
                div {
                    h1 { bdi { (self.heading()) } }
                    p.state.(stage.tone()) {
                        @if stage == Stage::Waiting {
                            bdi { (plain(&self.request.resource_name)) }
                            ", requested " (ago(self.request.created_at, now))
                        } @else {
                            (sentence(self.request, now))
                        }
                    }
                }
            }
        }
    }

    fn facts(&self) -> Markup {
        let now = self.frame.now;
        let request = self.request;
        let stage = self.stage();
        html! {
            dl.facts #facts {
                @if !self.address().is_empty() {
                    dt { "Address" }
                    dd.mono.pick { bdi { (self.address()) } }
                }
                dt { "Through group" }
                dd { bdi { (plain(&request.group_name)) } }
                dt { "Requested" }
                dd {
                    (asked(request))
                    @if stage != Stage::Waiting { ", " (ago(request.created_at, now)) }
                }
                @if let Some(approval) = approval(request) {
                    dt { "Decision" }
                    dd { (approval) }
                }
                @if let (Stage::Running, Some(grant)) = (stage, &request.grant) {
                    dt { "Ends" }
                    dd { (moment(grant.expires_at)) }
                }
                @if let (Stage::Unlocked, Some(locks_at)) = (stage, self.locks_at()) {
                    dt { "Locks again" }
                    dd { "in " (left(locks_at, now)) " unless you use it" }
                }
                @if let (Stage::Waiting, Some(approvers)) = (stage, self.approvers) {
                    (can_approve(approvers))
                }
                @if stage == Stage::Waiting {
                    dt { "Expires" }
                    dd { (moment(request.lapses_at)) " if nobody answers" }
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
            @match self.stage() {
                Stage::Waiting => div.foot #foot {
                    span.muted { "You can close this page. You’ll be told when it is decided." }
                    form method="post" #{ "cancel-" (request.id) } {
                        (token_field(token))
                        button.btn name="do" value="cancel" { "Cancel request" }
                    }
                },
                Stage::Scheduled | Stage::Running => div.foot #foot {
                    @if let Some(grant) = &request.grant { (give_back(grant.id, token, &request.resource_name)) }
                    span.acts {
                        (copy(&self.address(), &request.resource_name))
                        @if let (Stage::Running, Some(back)) = (self.stage(), &self.frame.back) {
                            (back.button())
                        } @else if let (Stage::Running, Some(link)) = (self.stage(), link) {
                            a.btn.primary href=(link) rel="noopener noreferrer" target="_blank"
                                { "Open" }
                        }
                    }
                },
                Stage::Unlocked => div.foot #foot {
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
                Stage::Over
                | Stage::Denied
                | Stage::Revoked
                | Stage::Cancelled
                | Stage::Lapsed => div.foot #foot {
                    a.btn href="/access" { "Your access" }
                    @if self.resource.is_some() {
                        a.btn.primary href={ "/resources/" (request.resource) "/request" } {
                            "Request again"
                        }
                    }
                },
            }
        }
    }

    /// Where it stands: what was unlocked has locked again once it stayed unused.
    fn stage(&self) -> Stage {
        match (Stage::of(self.request), self.resource) {
            (Stage::Unlocked, Some(resource)) if !resource.lock.is_open() => Stage::Over,
            (stage, _) => stage,
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
