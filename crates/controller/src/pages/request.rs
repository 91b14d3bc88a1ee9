//! One of a person's own requests, live: waiting, open, over.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};
use hourkey_domain::Time;
use hourkey_domain::ids::{GrantId, RequestId};
use hourkey_protocol::access::{Request, Resource};
use hourkey_protocol::problem::Code;
use maud::{Markup, html};

use super::access::{copy, release};
use super::address::Id;
use super::error::PageFailure;
use super::form::{Fields, Form};
use super::icon::Icon;
use super::layout::{Frame, Page, Place, Width, complaint, plain, token_field};
use super::outcome::{Stage, approval, asked, comments, quote, sentence};
use super::time::{ago, left, moment};
use super::{connections, state};
use crate::access::connections::through;
use crate::access::{end, view};
use crate::app::App;
use crate::failure::Failure;
use crate::identity::PageUser;

/// `GET /requests/{id}`
pub(super) async fn show(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<RequestId>,
) -> Result<Response, PageFailure> {
    page(&app, &user, &uri, id, StatusCode::OK, "").await
}

/// `POST /requests/{id}`: cancel it, or release its grant.
pub(super) async fn send(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<RequestId>,
    Form(fields): Form<Fields>,
) -> Result<Response, PageFailure> {
    let done = match (fields.get("do"), fields.number("grant")) {
        ("cancel", _) => end::cancel(&app, user.user.id, id).await.map(|_| ()),
        ("release", Some(grant)) => end::release(&app, user.user.id, GrantId(grant))
            .await
            .map(|_| ()),
        _ => Err(Failure::refused(
            Code::Malformed,
            "There is no such button.",
        )),
    };
    match done {
        Ok(()) => Ok(Redirect::to(&format!("/requests/{id}")).into_response()),
        Err(Failure::Refused(problem)) if problem.code != Code::NotFound => {
            let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::CONFLICT);
            page(&app, &user, &uri, id, status, &problem.detail).await
        }
        Err(failure) => Err(failure.into()),
    }
}

async fn page(
    app: &App,
    user: &PageUser,
    uri: &Uri,
    id: RequestId,
    status: StatusCode,
    wrong: &str,
) -> Result<Response, PageFailure> {
    let request = view::request(app, user.user.id, id).await?;
    if request.requester.id != user.user.id {
        return Ok(Redirect::to(&format!("/review/{id}")).into_response());
    }
    // Gone from sight, it can be neither opened nor asked for again.
    let resource = match view::resource(app, user.user.id, request.resource).await {
        Ok(detail) => Some(detail.resource),
        Err(Failure::Refused(_)) => None,
        Err(failure) => return Err(failure.into()),
    };
    let through = through(app, &request).await?;
    let frame = Frame::of(app, user, uri).await?;
    let view = View {
        frame: &frame,
        user,
        request: &request,
        resource: resource.as_ref(),
    };
    let title = view.title();
    let page = Page {
        title: &title,
        place: Place::Access,
        width: Width::Narrow,
        live: true,
    };
    Ok(frame.answer(
        status,
        &page,
        &html! {
            (complaint(wrong))
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
}

impl View<'_> {
    fn title(&self) -> String {
        let name = plain(&self.request.resource_name);
        match self.stage() {
            Stage::Waiting => format!("Waiting: {name}"),
            Stage::Scheduled => format!("Approved: {name}"),
            Stage::Running | Stage::Unlocked => format!("Open: {name}"),
            Stage::Over => format!("Ended: {name}"),
            Stage::Refused => format!("Refused: {name}"),
            Stage::Withdrawn => format!("Withdrawn: {name}"),
        }
    }

    fn hero(&self) -> Markup {
        let now = self.frame.now;
        let name = html! { bdi { (plain(&self.request.resource_name)) } };
        let stage = self.stage();
        let (mark, heading) = match stage {
            Stage::Waiting => (
                state::dot(Icon::Clock, "wait"),
                html! { "Waiting for a reviewer" },
            ),
            Stage::Scheduled => (
                state::dot(Icon::Clock, "wait"),
                html! { (name) " is approved" },
            ),
            Stage::Running => {
                let ring = self
                    .request
                    .grant
                    .as_ref()
                    .map(|grant| state::ring(grant.starts_at, grant.expires_at, now));
                let mark = ring.unwrap_or_else(|| state::dot(Icon::Check, "open"));
                (mark, html! { (name) " is open" })
            }
            Stage::Unlocked => (
                state::dot(Icon::Check, "open"),
                html! { (name) " is unlocked" },
            ),
            Stage::Over => (
                state::dot(Icon::Lock, "muted"),
                html! { (name) " is locked again" },
            ),
            Stage::Refused => (
                state::dot(Icon::Cross, "stop"),
                html! { (name) " stays locked" },
            ),
            Stage::Withdrawn => (
                state::dot(Icon::Lock, "muted"),
                html! { (name) " is locked" },
            ),
        };
        html! {
            div.hero #hero {
                (mark)
                div {
                    h1 { (heading) }
                    p.state.(stage.tone()) {
                        @if stage == Stage::Waiting {
                            (name) ", asked " (ago(self.request.created_at, now))
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
                dt { "As a member of" }
                dd { bdi { (plain(&request.group_name)) } }
                dt { "Asked for" }
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
                    dd { "in " (left(locks_at, now)) ", unless you use it" }
                }
                @if stage == Stage::Waiting {
                    dt { "Lapses" }
                    dd { "in " (left(request.lapses_at, now)) ", if nobody decides" }
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
                    span.muted { "You can close this page: you are told when it is decided." }
                    form method="post" {
                        (token_field(token))
                        button.btn name="do" value="cancel" { "Cancel request" }
                    }
                },
                Stage::Scheduled | Stage::Running => div.foot #foot {
                    @if let Some(grant) = &request.grant { (release(grant.id, token, "Release…")) }
                    span.acts {
                        (copy(&self.address()))
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
                        (copy(&self.address()))
                        @if let Some(back) = &self.frame.back {
                            (back.button())
                        } @else if let Some(link) = link {
                            a.btn.primary href=(link) rel="noopener noreferrer" target="_blank"
                                { "Open" }
                        }
                    }
                },
                Stage::Over | Stage::Refused | Stage::Withdrawn => div.foot #foot {
                    a.btn href="/access" { "Your access" }
                    @if self.resource.is_some() {
                        a.btn.primary href={ "/resources/" (request.resource) "/request" } {
                            "Ask again"
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
            .map_or_else(|| self.request.resource_address.clone(), state::address)
    }
}
