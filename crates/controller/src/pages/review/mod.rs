//! The review queue: approve, approve for less time, deny with a comment, revoke.

mod card;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};
use hourkey_domain::Time;
use hourkey_domain::ids::{GrantId, RequestId, UserId};
use hourkey_protocol::access::{Approve, Comment, Page as Several, Request};
use hourkey_protocol::problem::Code;
use maud::{Markup, html};
use serde::Deserialize;

use self::card::{Typed, card, decided_card, revocable, revoke};
use super::address::{Id, Query};
use super::error::PageFailure;
use super::form::{Fields, Form};
use super::layout::{Frame, Page, Place, Width, complaint, plain};
use super::outcome::{Stage, asked, person, sentence};
use super::time::ago;
use super::{connections, lengths};
use crate::access::connections::through;
use crate::access::{decide, end, view};
use crate::app::App;
use crate::failure::Failure;
use crate::identity::PageUser;
use crate::identity::csrf::FormToken;

/// Where in the history, and what was just done.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Looked {
    /// Decided requests below this id.
    before: Option<i64>,
    /// The request that was just decided.
    done: Option<i64>,
}

/// `GET /review`
pub(super) async fn queue(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Query(looked): Query<Looked>,
) -> Result<Response, PageFailure> {
    let id = user.user.id;
    if !view::me(&app, id).await?.reviews {
        return Err(Failure::refused(
            Code::Forbidden,
            "You review nothing here. Administrators, access reviewers and resource approvers do.",
        )
        .into());
    }
    let reviews = view::reviews(&app, id).await?;
    let decided = view::decided(&app, id, looked.before.map(RequestId)).await?;
    let done = match looked.done {
        Some(done) => view::request(&app, id, RequestId(done)).await.ok(),
        None => None,
    };
    let frame = Frame::of(&app, &user, &uri).await?;
    let now = frame.now;
    let page = Page {
        title: "Review",
        place: Place::Review,
        width: Width::Wide,
        live: true,
    };
    // One filled button a page: the oldest request that this person may decide.
    let first = reviews
        .iter()
        .find(|review| review.may_decide)
        .map(|review| review.request.id);
    Ok(frame.page(
        &page,
        &html! {
            div.head { h1 { "Review" } }
            @if let Some(done) = &done {
                p.bar role="status" { b { (heading(done)) } " " (sentence(done, now)) }
            }
            div #queue data-live {
                @if reviews.is_empty() {
                    p.empty #none { "Nothing waits for you." }
                }
                @for review in &reviews {
                    article.card #{ "review-" (review.request.id) } {
                        (top(&review.request, now))
                        (card(review, &user.token, now, "queue", first == Some(review.request.id),
                            &Typed::default()))
                    }
                }
            }
            div #history data-live { (history(&decided, id, &user.token, now)) }
        },
    ))
}

/// `GET /review/{id}`
pub(super) async fn show(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<RequestId>,
) -> Result<Response, PageFailure> {
    page(&app, &user, &uri, id, StatusCode::OK, "", &Typed::default()).await
}

/// `POST /review/{id}`: decide it, or revoke its grant.
pub(super) async fn send(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<RequestId>,
    Form(fields): Form<Fields>,
) -> Result<Response, PageFailure> {
    let typed = Typed {
        comment: fields.get("comment").replace("\r\n", "\n"),
        length: lengths::Typed::read(&fields, ""),
        form: fields.get("do").to_owned(),
    };
    match act(&app, &user, id, &typed, &fields).await {
        Ok(()) if fields.get("back") == "queue" => {
            Ok(Redirect::to(&format!("/review?done={id}")).into_response())
        }
        Ok(()) => Ok(Redirect::to(&format!("/review/{id}")).into_response()),
        Err(Failure::Refused(problem)) if problem.code != Code::NotFound => {
            let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::CONFLICT);
            page(&app, &user, &uri, id, status, &problem.detail, &typed).await
        }
        Err(failure) => Err(failure.into()),
    }
}

async fn act(
    app: &App,
    user: &PageUser,
    id: RequestId,
    typed: &Typed,
    fields: &Fields,
) -> Result<(), Failure> {
    let by = user.user.id;
    let comment = typed.comment.clone();
    match (typed.form.as_str(), fields.number("grant")) {
        ("approve", _) => {
            decide::approve(
                app,
                by,
                id,
                Approve {
                    seconds: None,
                    comment,
                },
            )
            .await?;
        }
        ("less", _) => {
            let length = typed.length.length();
            let length = length
                .map_err(|wrong| Failure::refused(Code::BadLength, wrong))?
                .ok_or_else(|| Failure::refused(Code::BadLength, "Choose a length first."))?;
            let seconds = Some(u64::from(length));
            decide::approve(app, by, id, Approve { seconds, comment }).await?;
        }
        ("deny", _) => {
            decide::deny(app, by, id, Comment { comment }).await?;
        }
        ("revoke", Some(grant)) => {
            end::revoke(app, by, GrantId(grant), Comment { comment }).await?;
        }
        _ => {
            return Err(Failure::refused(
                Code::Malformed,
                "There is no such button.",
            ));
        }
    }
    Ok(())
}

async fn page(
    app: &App,
    user: &PageUser,
    uri: &Uri,
    id: RequestId,
    status: StatusCode,
    wrong: &str,
    typed: &Typed,
) -> Result<Response, PageFailure> {
    let request = view::request(app, user.user.id, id).await?;
    let reviews = view::reviews(app, user.user.id).await?;
    let review = reviews.iter().find(|review| review.request.id == id);
    if review.is_none() && !view::me(app, user.user.id).await?.reviews {
        return Err(Failure::not_found().into());
    }
    let through = through(app, &request).await?;
    let frame = Frame::of(app, user, uri).await?;
    let now = frame.now;
    let title = format!(
        "{} asks for {}",
        request.requester.name, request.resource_name
    );
    let page = Page {
        title: &title,
        place: Place::Review,
        width: Width::Narrow,
        live: true,
    };
    Ok(frame.answer(
        status,
        &page,
        &html! {
            h1 { (heading(&request)) }
            p.mono.address { bdi { (plain(&request.resource_address)) } }
            (complaint(wrong))
            div #review data-live {
                article.card #{ "review-" (id) } {
                    @match review {
                        Some(review) => (card(review, &user.token, now, "", true, typed)),
                        None => {
                            (decided_card(&request, user.user.id, &user.token, now, typed))
                            (connections::list(&through))
                        }
                    }
                }
            }
            p.foot { a.btn.ghost href="/review" { "All requests" } span {} }
        },
    ))
}

fn heading(request: &Request) -> Markup {
    html! { (person(&request.requester)) " → " bdi { (plain(&request.resource_name)) } }
}

fn top(request: &Request, now: Time) -> Markup {
    html! {
        div.top-line {
            h2.name {
                a href={ "/review/" (request.id) } { (heading(request)) }
            }
            span.state { (ago(request.created_at, now)) }
        }
    }
}

fn history(decided: &Several<Request>, viewer: UserId, token: &FormToken, now: Time) -> Markup {
    html! {
        @if !decided.items.is_empty() {
            section #decided {
                h2 { "Decided" }
                ul.rows {
                    @for request in &decided.items {
                        @let stage = Stage::of(request);
                        li.row #{ "decided-" (request.id) } {
                            div.what {
                                div.name { a href={ "/review/" (request.id) } { (heading(request)) } }
                                div.sub {
                                    span.state.(stage.tone()) { (sentence(request, now)) }
                                    span.state { (asked(request)) }
                                }
                            }
                            @if let Some(grant) = revocable(request, viewer) {
                                div.acts { (revoke(request, grant.id, token, &Typed::default())) }
                            }
                        }
                    }
                }
                @if let Some(before) = decided.before {
                    p.pager { a.btn href={ "/review?before=" (before) "#decided" } { "Older ones" } }
                }
            }
        }
    }
}
