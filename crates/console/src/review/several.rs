//! Several requests for one resource, decided at once: listed first, then each is decided for itself.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_access::{decide, queries};
use hourkey_domain::Time;
use hourkey_domain::ids::RequestId;
use hourkey_protocol::access::{Approve, Comment, Request, Review};
use hourkey_protocol::problem::Code;
use maud::{Markup, html};

use super::card::{COMMENT, asked_for, reason};
use super::queue::{Grouping, order};
use super::settled::{SETTLED, Settled};
use crate::address::Query;
use crate::csrf::FormToken;
use crate::error::PageError;
use crate::form::{Field, Fields, Form, FormError, out_of_date};
use crate::layout::{Frame, Live, Page, Place, Width, plain, token_field};
use crate::outcome::{person, told};
use crate::page_user::PageUser;
use crate::unsent::Unsent;

/// `GET /review/several?request=1&request=2`: lists them, and decides nothing.
pub(crate) async fn show(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Query(chosen): Query<Fields>,
    unsent: Unsent,
) -> Result<Response, PageError> {
    let ids = match chosen_ids(&chosen) {
        Ok(ids) => ids,
        Err(sentence) => return unlisted(&app, &user, &uri, &sentence).await,
    };
    let chosen = Chosen::load(&app, &user, &ids).await?;
    let typed = Typed {
        comment: unsent.fields.text("comment"),
        refused: Vec::new(),
        wrong: unsent.wrong,
    };
    page(&app, &user, &uri, &chosen, &typed).await
}

/// `POST /review/several?request=1&request=2`: approves or denies each that the page listed to be decided.
pub(crate) async fn send(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Query(chosen): Query<Fields>,
    Form(fields): Form<Fields>,
) -> Result<Response, PageError> {
    let ids = match chosen_ids(&chosen) {
        Ok(ids) => ids,
        Err(sentence) => return unlisted(&app, &user, &uri, &sentence).await,
    };
    let chosen = Chosen::load(&app, &user, &ids).await?;
    let mut typed = Typed {
        comment: fields.text("comment"),
        refused: Vec::new(),
        wrong: FormError::default(),
    };
    let approves = match fields.get("do") {
        "approve" => true,
        "deny" => false,
        _ => return Err(out_of_date().into()),
    };
    // What can be decided only since was not before the eyes of whoever decides.
    let listed: Vec<_> = ids_of(&fields, LISTED).collect();
    if listed.is_empty() {
        return Err(out_of_date().into());
    }
    let mut settled = Settled::default();
    let mut decided = 0;
    for (id, _) in chosen.decidable().filter(|(id, _)| listed.contains(id)) {
        match decide(&app, &user, id, approves, &typed.comment).await {
            Ok(()) => {
                decided += 1;
                settled = settled.with(id);
            }
            Err(AppError::Refused(problem)) => {
                // The same of all of them: the first was not decided either.
                if [Code::BlankText, Code::TextTooLong].contains(&problem.code) {
                    typed.wrong = FormError::of(&problem);
                    break;
                }
                typed.refused.push((id, problem.detail.clone()));
            }
            Err(AppError::Later { seconds, .. }) if decided > 0 => {
                let sentence = format!(
                    "{decided} of {} were decided: so many changes are too many at once. \
                     Decide the others in {seconds} seconds.",
                    listed.len()
                );
                typed.wrong = FormError::with_status(StatusCode::TOO_MANY_REQUESTS, &sentence);
                break;
            }
            Err(failure) => return Err(failure.into()),
        }
    }
    let all = listed.len();
    if decided == all {
        let back = Grouping::Resource.address("/review");
        return Ok(Redirect::to(&format!("{back}&done={settled}")).into_response());
    }
    if typed.wrong == FormError::default() {
        let sentence =
            format!("{decided} of {all} were decided. Why not the others is said below.");
        typed.wrong = FormError::with_status(StatusCode::CONFLICT, &sentence);
    }
    let chosen = chosen.again(&app, &user).await?;
    page(&app, &user, &uri, &chosen, &typed).await
}

async fn decide(
    app: &App,
    user: &PageUser,
    id: RequestId,
    approves: bool,
    comment: &str,
) -> Result<(), AppError> {
    let (by, comment) = (user.user.id, comment.to_owned());
    match approves {
        true => {
            let how = Approve {
                seconds: None,
                comment,
            };
            decide::approve(app, by, id, how).await?;
        }
        false => {
            decide::deny(app, by, id, Comment { comment }).await?;
        }
    }
    Ok(())
}

/// The field that names a request which the page listed to be decided.
const LISTED: &str = "listed";

/// The requests that fields of this name choose, each once.
fn ids_of(fields: &Fields, name: &str) -> impl Iterator<Item = RequestId> {
    let ids = fields.all(name).filter_map(|id| id.parse().ok());
    let ids: BTreeSet<_> = ids.map(RequestId).collect();
    ids.into_iter()
}

/// The requests of the address: some, and no more than the queue shows settled; or what to do instead.
fn chosen_ids(fields: &Fields) -> Result<Vec<RequestId>, String> {
    let ids: Vec<_> = ids_of(fields, "request").collect();
    match ids.len() {
        0 => Err("No request is chosen. Tick those that you want to decide.".to_owned()),
        1..=SETTLED => Ok(ids),
        chosen => Err(format!(
            "{chosen} requests are chosen, and {SETTLED} can be decided at once. Tick fewer."
        )),
    }
}

/// What was typed about all of them, and what became of it.
struct Typed {
    comment: String,
    /// Those that were not decided, each with why.
    refused: Vec<(RequestId, String)>,
    wrong: FormError,
}

/// Requests for one resource, by what expires first, each with its place in the person's queue while it waits there.
struct Chosen(Vec<(Request, Option<Review>)>);

impl Chosen {
    /// Those of them that the person reviews.
    ///
    /// # Errors
    /// [`AppError::not_found`] where they review none, and [`Code::Malformed`] for more than one resource.
    async fn load(app: &App, user: &PageUser, ids: &[RequestId]) -> Result<Self, AppError> {
        let found = Self::of(app, user, ids).await?;
        let mut resources = found.0.iter().map(|(request, _)| request.resource);
        let Some(first) = resources.next() else {
            return Err(AppError::not_found());
        };
        match resources.all(|resource| resource == first) {
            true => Ok(found),
            false => Err(AppError::refused(
                Code::Malformed,
                "Choose requests for one resource. Nothing was changed.",
            )),
        }
    }

    /// The same as they stand now.
    async fn again(self, app: &App, user: &PageUser) -> Result<Self, AppError> {
        let ids: Vec<_> = self.0.iter().map(|(request, _)| request.id).collect();
        Self::of(app, user, &ids).await
    }

    async fn of(app: &App, user: &PageUser, ids: &[RequestId]) -> Result<Self, AppError> {
        let me = user.user.id;
        let reviews = queries::reviews(app, me).await?;
        let mut all = Vec::with_capacity(ids.len());
        for id in ids {
            let request = match queries::request(app, me, *id).await {
                Ok(request) => request,
                Err(AppError::Refused(_)) => continue,
                Err(failure) => return Err(failure),
            };
            if queries::reviews_request(app, me, &request).await? {
                let mut waiting = reviews.iter();
                let review = waiting.find(|review| review.request.id == *id);
                all.push((request, review.cloned()));
            }
        }
        all.sort_by_key(|(request, _)| order(request));
        Ok(Self(all))
    }

    /// Those that the person may decide now.
    fn decidable(&self) -> impl Iterator<Item = (RequestId, &Review)> {
        let waiting = self.0.iter().filter_map(|(_, review)| review.as_ref());
        let decidable = waiting.filter(|review| review.may_decide);
        decidable.map(|review| (review.request.id, review))
    }

    fn address(&self) -> String {
        let mut address = url::form_urlencoded::Serializer::new(String::new());
        for (request, _) in &self.0 {
            address.append_pair("request", &request.id.to_string());
        }
        format!("/review/several?{}", address.finish())
    }
}

/// Leads back to the queue, where nothing can be listed.
async fn unlisted(
    app: &App,
    user: &PageUser,
    uri: &Uri,
    sentence: &str,
) -> Result<Response, PageError> {
    let page = Page {
        title: "Decide several requests",
        place: Place::Review,
        width: Width::Narrow,
        live: Live::Off,
    };
    let main = html! {
        h1 { (page.title) }
        p.empty { (sentence) " Nothing was changed." }
        p.foot { a.btn.primary href=(Grouping::Resource.address("/review")) { "All requests" } span {} }
    };
    let frame = Frame::of(app, user, uri).await?;
    Ok(frame.answer(StatusCode::UNPROCESSABLE_ENTITY, &page, &main))
}

async fn page(
    app: &App,
    user: &PageUser,
    uri: &Uri,
    chosen: &Chosen,
    typed: &Typed,
) -> Result<Response, PageError> {
    let frame = Frame::of(app, user, uri).await?;
    let name = chosen
        .0
        .first()
        .map(|(request, _)| plain(&request.resource_name));
    let title = format!("Decide several requests for {}", name.unwrap_or_default());
    let page = Page {
        title: &title,
        place: Place::Review,
        width: Width::Narrow,
        live: Live::Off,
    };
    let list = html! {
        ul.rows {
            @for (request, review) in &chosen.0 {
                (row(request, review.as_ref(), typed, user, frame.now))
            }
        }
    };
    let back = Grouping::Resource.address("/review");
    let count = chosen.decidable().count();
    Ok(frame.answer(
        typed.wrong.status(),
        &page,
        &html! {
            h1 { (title) }
            p.lead { "Each is decided for itself. One comment goes to all of them." }
            (typed.wrong.complaint())
            @if count == 0 {
                (list)
                p.empty { "None of them waits for you." }
                p.foot { a.btn.ghost href=(back) { "All requests" } span {} }
            } @else {
                (form(&user.token, chosen, typed, &list, count))
            }
        },
    ))
}

fn form(token: &FormToken, chosen: &Chosen, typed: &Typed, list: &Markup, count: usize) -> Markup {
    let wrong = &typed.wrong;
    let requests = match count {
        1 => "1 request".to_owned(),
        count => format!("{count} requests"),
    };
    html! {
        form.stack #several method="post" action=(chosen.address()) data-redraws {
            (token_field(token))
            @for (id, _) in chosen.decidable() { input type="hidden" name=(LISTED) value=(id); }
            (list)
            label for="comment" { "Comment " span.optional { "needed to deny; shown to each of them" } }
            textarea.field #comment name="comment" rows="3" maxlength=(COMMENT) dir="auto"
                autofocus[wrong.is(Field::Text)] aria-invalid=[wrong.invalid(Field::Text)]
                aria-describedby=[wrong.described_by(Field::Text, "")] { "\n" (typed.comment) }
            p.foot {
                a.btn.ghost href=(Grouping::Resource.address("/review")) { "All requests" }
                span {}
                button.btn.danger name="do" value="deny" { "Deny " (requests) }
                button.btn.primary name="do" value="approve" { "Approve " (requests) }
            }
        }
    }
}

/// One of them: what is asked for, or what became of it meanwhile.
fn row(
    request: &Request,
    review: Option<&Review>,
    typed: &Typed,
    user: &PageUser,
    now: Time,
) -> Markup {
    let mut refused = typed.refused.iter();
    let refused = refused.find(|(id, _)| *id == request.id);
    html! {
        li.row #{ "several-" (request.id) } {
            div.what {
                div.name { a href={ "/review/" (request.id) } { (person(&request.requester)) } }
                (reason(request))
                p.state { (asked_for(request, now)) }
                @match (refused, review) {
                    (Some((_, why)), _) => p.state.stop { "Not decided: " (why) },
                    (None, None) => p.state.wait { (told(request, user.user.id)) },
                    (None, Some(review)) if !review.may_decide => {
                        p.state.wait { "Another reviewer decides this." }
                    },
                    (None, Some(review)) => {
                        @if let Some(principal) = &review.on_behalf_of {
                            p.state.wait { "You decide for " bdi { (plain(&principal.name)) } ", who is away." }
                        }
                    },
                }
            }
        }
    }
}
