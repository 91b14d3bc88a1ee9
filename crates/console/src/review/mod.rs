//! The review queue: approve, approve for less time, deny with a comment, revoke.

mod card;
mod context;
pub(super) mod deputy;
mod queue;
mod settled;
pub(super) mod several;

use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse as _, Redirect, Response};
use hourkey_access::app::App;
use hourkey_access::ask_reviewers::ask_reviewers;
use hourkey_access::connections::through;
use hourkey_access::error::AppError;
use hourkey_access::review_context::review_context;
use hourkey_access::{decide, deputies, end, queries};
use hourkey_domain::Time;
use hourkey_domain::ids::{GrantId, RequestId, UserId};
use hourkey_domain::outcome::Outcome;
use hourkey_protocol::access::{Approve, Comment, Page as Several, Request};
use hourkey_protocol::deputy::AskReviewers;
use hourkey_protocol::problem::Code;
use maud::{Markup, html};
use serde::Deserialize;

use self::card::{DecisionInput, card, decided_card, revoke, settled_card, undo};
use self::context::heading;
use self::queue::{Grouping, Origin, Queue, groups, keys, order};
use self::settled::Settled;
use super::address::{Id, Query};
use super::connections;
use super::error::PageError;
use super::form::{Field, Fields, Form, FormError, out_of_date};
use super::icon::Icon;
use super::layout::{Frame, Live, Page, Place, Width, plain};
use super::outcome::{asked, sentence, told, tone, verdict};
use super::time::ago;
use super::unsent::Unsent;
use crate::csrf::FormToken;
use crate::page_user::PageUser;

/// Where in the history, and what was just done.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ReviewQuery {
    /// Decided requests below this id.
    before: Option<i64>,
    /// Words of the person, the resource or the reason, among all that was ever decided.
    q: String,
    /// What was just decided, by the last decision first.
    done: Settled,
    by: Grouping,
}

/// What of one request is open.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ShowQuery {
    /// `revoke` opens that form.
    act: String,
    by: Grouping,
}

/// `GET /review`
pub(super) async fn queue(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Query(looked): Query<ReviewQuery>,
) -> Result<Response, PageError> {
    let id = user.user.id;
    if !queries::me(&app, id).await?.reviews {
        return Err(AppError::refused(
            Code::Forbidden,
            "You don’t review requests. Administrators, access reviewers and resource approvers do.",
        )
        .into());
    }
    let reviews = queries::reviews(&app, id).await?;
    let settled = looked.done.load(&app, id).await;
    let decided = queries::decided(&app, id, &looked.q, looked.before.map(RequestId)).await?;
    let deputies = deputies::list(&app, id).await?;
    let frame = Frame::of(&app, &user, &uri).await?;
    let now = frame.now;
    let page = Page {
        title: "Review",
        place: Place::Review,
        width: Width::Full,
        live: Live::On,
    };
    // One filled button a page: of what this person may decide, what expires first.
    let first = reviews
        .iter()
        .filter(|review| review.may_decide)
        .min_by_key(|review| order(&review.request))
        .map(|review| review.request.id);
    let origin = Origin {
        settled: Some(&looked.done),
        by: looked.by,
    };
    let mut cards: Vec<(&Request, Markup)> = Vec::new();
    for review in &reviews {
        let request = &review.request;
        let card = card(
            review,
            &user.token,
            origin,
            first == Some(request.id),
            now,
            &DecisionInput::default(),
        );
        let inside = html! { (top(request, now)) (card) };
        cards.push((request, article(request, inside)));
    }
    for request in &settled {
        let undoable_until = decide::undoable_until(&app, id, request.id).await?;
        let undo = undo(request, undoable_until, &user.token, origin);
        let card = html! { (top(request, now)) (settled_card(request, &undo, now)) };
        cards.push((request, article(request, card)));
    }
    // What is decided keeps its place among them.
    let cards = groups(looked.by, &cards, |(request, _)| request);
    let queue = Queue {
        reviews: &reviews,
        by: looked.by,
        here: None,
        now,
    };
    Ok(frame.page(
        &page,
        &html! {
            div.head { h1 { "Review" } a.btn.ghost href="/review/deputy" { "Out of office…" } }
            (deputy::banner(&deputies, id, now))
            div.panes {
                div.side { (queue.list()) (keys()) }
                div.pane {
                    div #queue data-live {
                        @for (_, card) in cards.iter().flat_map(|group| &group.all) { (card) }
                        // Last, so that it moves nothing.
                        @if reviews.is_empty() {
                            p.empty #none { "Nothing waits for you." }
                        }
                    }
                    div #history data-live { (history(&decided, &looked, id, &user.token, now)) }
                }
            }
        },
    ))
}

/// A request's card. A script moves the focus to it, and reads out what was decided.
fn article(request: &Request, inside: Markup) -> Markup {
    let id = request.id;
    let is_waiting = matches!(request.outcome(), Outcome::Waiting { .. });
    let settled = (!is_waiting).then(|| verdict(request));
    html! {
        article.card #{ "review-" (id) } tabindex="-1" aria-labelledby={ "heading-" (id) }
            data-settled=[settled] { (inside) }
    }
}

/// `GET /review/{id}`
pub(super) async fn show(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<RequestId>,
    Query(looked): Query<ShowQuery>,
    unsent: Unsent,
) -> Result<Response, PageError> {
    let mut typed = DecisionInput::read(&unsent.fields, unsent.wrong);
    if typed.form.is_empty() && looked.act == "revoke" {
        typed.form = looked.act;
    }
    page(&app, &user, &uri, id, looked.by, &typed).await
}

/// `POST /review/{id}`: decide it, or revoke its grant.
pub(super) async fn send(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<RequestId>,
    Form(fields): Form<Fields>,
) -> Result<Response, PageError> {
    let mut typed = DecisionInput::read(&fields, FormError::default());
    let me = user.user.id;
    let by = Grouping::from(fields.get("by").to_owned());
    match act(&app, &user, id, &typed, &fields).await {
        Ok(shown) if fields.has("settled") => {
            let settled = Settled::from(fields.get("settled").to_owned()).with(id);
            let grouped = match by {
                Grouping::None => String::new(),
                by => format!("&by={}", by.word()),
            };
            let to = format!("/review?done={settled}{grouped}#review-{shown}");
            Ok(Redirect::to(&to).into_response())
        }
        Ok(shown) => {
            let to = by.address(&format!("/review/{shown}"));
            Ok(Redirect::to(&to).into_response())
        }
        Err(AppError::Refused(problem)) if is_seen(&app, me, id).await? => {
            typed.wrong = FormError::of(&problem);
            if typed.form == "ask" {
                typed.wrong = typed.wrong.about(Field::Login);
            }
            page(&app, &user, &uri, id, by, &typed).await
        }
        Err(failure) => Err(failure.into()),
    }
}

/// Whether the person reviews this request: then what is not found is whom it names.
async fn is_seen(app: &App, user: UserId, id: RequestId) -> Result<bool, AppError> {
    match queries::request(app, user, id).await {
        Ok(request) => queries::reviews_request(app, user, &request).await,
        Err(AppError::Refused(_)) => Ok(false),
        Err(failure) => Err(failure),
    }
}

/// Does it, and returns the request to be shown then.
async fn act(
    app: &App,
    user: &PageUser,
    id: RequestId,
    typed: &DecisionInput,
    fields: &Fields,
) -> Result<RequestId, AppError> {
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
                .map_err(|wrong| AppError::refused(Code::BadLength, wrong))?
                .ok_or_else(|| AppError::refused(Code::BadLength, "Choose a length first."))?;
            let seconds = Some(u64::from(length));
            decide::approve(app, by, id, Approve { seconds, comment }).await?;
        }
        ("deny", _) => {
            decide::deny(app, by, id, Comment { comment }).await?;
        }
        ("revoke", Some(grant)) => {
            end::revoke(app, by, GrantId(grant), Comment { comment }).await?;
        }
        ("ask", _) => {
            let logins = typed.logins.split([',', ' ']).map(str::trim);
            let logins = logins.filter(|login| !login.is_empty());
            let logins = logins.map(str::to_owned).collect();
            ask_reviewers(app, by, id, AskReviewers { logins }).await?;
        }
        ("undo", _) => return Ok(decide::undo(app, by, id).await?.id),
        _ => return Err(out_of_date()),
    }
    Ok(id)
}

/// One's own request, which stands on a page of its own: what was tried here is refused first.
async fn own(
    app: &App,
    user: &PageUser,
    uri: &Uri,
    id: RequestId,
    wrong: &FormError,
) -> Result<Response, PageError> {
    let to = format!("/requests/{id}");
    if wrong.status().is_success() {
        return Ok(Redirect::to(&to).into_response());
    }
    let frame = Frame::of(app, user, uri).await?;
    let page = Page {
        title: "Your own request",
        place: Place::Access,
        width: Width::Narrow,
        live: Live::Off,
    };
    let main = html! {
        h1 { "Your own request" }
        (wrong.complaint())
        p.foot { a.btn href=(to) { "See how it stands" } span {} }
    };
    Ok(frame.answer(wrong.status(), &page, &main))
}

async fn page(
    app: &App,
    user: &PageUser,
    uri: &Uri,
    id: RequestId,
    by: Grouping,
    typed: &DecisionInput,
) -> Result<Response, PageError> {
    let request = queries::request(app, user.user.id, id).await?;
    if request.requester.id == user.user.id {
        return own(app, user, uri, id, &typed.wrong).await;
    }
    let around = review_context(app, user.user.id, id).await?;
    let reviews = queries::reviews(app, user.user.id).await?;
    let review = reviews.iter().find(|review| review.request.id == id);
    let through = through(app, &request).await?;
    let undoable_until = decide::undoable_until(app, user.user.id, id).await?;
    let frame = Frame::of(app, user, uri).await?;
    let now = frame.now;
    let title = format!(
        "{} → {}",
        plain(&request.requester.name),
        plain(&request.resource_name)
    );
    let page = Page {
        title: &title,
        place: Place::Review,
        width: Width::Full,
        live: Live::On,
    };
    let organisation = app.organisation().await?;
    let waits = review.is_some();
    let origin = Origin { settled: None, by };
    let queue = Queue {
        reviews: &reviews,
        by,
        here: Some(id),
        now,
    };
    Ok(frame.answer(
        typed.wrong.status(),
        &page,
        &html! {
            div.panes.one {
            div.side { (queue.list()) (keys()) }
            div.pane {
            (context::title(&request))
            (typed.wrong.complaint())
            div #review data-live {
                @match review {
                    Some(review) => (article(&request, card(review, &user.token, origin, true, now, typed))),
                    None => (article(&request, html! {
                        (decided_card(&request, user.user.id, &user.token, now, typed))
                        (undo(&request, undoable_until, &user.token, origin))
                        (connections::list(&through))
                    })),
                }
            }
            div #around data-live {
                div #parties { (context::parties(&request, &around, &organisation)) }
                (context::around(&request, &around, waits, &user.token, now, typed))
            }
            p.foot { a.btn.ghost href=(by.address("/review")) { "All requests" } span {} }
            }
            }
        },
    ))
}

fn top(request: &Request, now: Time) -> Markup {
    html! {
        div.top-line {
            h2.name #{ "heading-" (request.id) } {
                a href={ "/review/" (request.id) } { (heading(request)) }
            }
            span.state { (ago(request.created_at, now)) }
        }
    }
}

fn history(
    decided: &Several<Request>,
    looked: &ReviewQuery,
    viewer: UserId,
    token: &FormToken,
    now: Time,
) -> Markup {
    let (searched, by) = (looked.q.as_str(), looked.by);
    let older = |before: i64| {
        let mut address = url::form_urlencoded::Serializer::new(String::new());
        if !searched.is_empty() {
            address.append_pair("q", searched);
        }
        if by != Grouping::None {
            address.append_pair("by", by.word());
        }
        address.append_pair("before", &before.to_string());
        format!("/review?{}#decided", address.finish())
    };
    let latest = |words: &str| html! { a href={ (by.address("/review")) "#decided" } { (words) } };
    html! {
            section #decided {
                div.head {
                    h2 { "Decided" @if searched.is_empty() { span { "the last 90 days" } } }
                    form.search #find-decided method="get" action="/review#decided" role="search"
                        aria-label="Decided requests" {
                        (Icon::Glass)
                        input type="search" name="q" value=(searched) maxlength="200" autocomplete="off"
                            spellcheck="false" placeholder="Person, resource or reason"
                            aria-label="Search decided requests";
                        @if by != Grouping::None { input type="hidden" name="by" value=(by.word()); }
                    }
                }
                @if decided.items.is_empty() {
                    p.empty {
                        @if looked.before.is_some() { "Nothing more here. " (latest("Show the latest")) }
                        @else if searched.is_empty() { "Nothing was decided in the last 90 days." }
                        @else { "Nothing that was decided matches. " (latest("Show the last 90 days")) }
                    }
                }
                ul.rows {
                    @for request in &decided.items {
                        @let outcome = request.outcome();
                        li.row #{ "decided-" (request.id) }
                            data-news=(told(request, viewer)) {
                            div.what {
                                div.name { a href={ "/review/" (request.id) } { (heading(request)) } }
                                div.sub {
                                    span.state.(tone(&outcome)) { (sentence(&outcome, now)) }
                                    span.state { (asked(request)) }
                                }
                            }
                            (revoke(request, viewer, token, &DecisionInput::default()))
                        }
                    }
                }
                @if let Some(before) = decided.before {
                    p.pager { a.btn href=(older(before)) { "Older" } }
                }
            }
    }
}
