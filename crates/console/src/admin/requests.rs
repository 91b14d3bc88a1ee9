//! Everybody's requests, newest first, without end.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use hourkey_access::app::App;
use hourkey_access::overview::{self, Overview, RequestFilter, Sight};
use hourkey_domain::ids::{RequestId, ResourceId, UserId};
use hourkey_domain::outcome::Outcome;
use hourkey_domain::text::one_line;
use hourkey_protocol::access::Request;
use maud::{Markup, html};
use serde::Deserialize;

use super::table;
use super::view::{link, overview, page, revoke};
use crate::address::Query;
use crate::error::PageError;
use crate::layout::{Place, plain};
use crate::outcome::{asked, sentence, tone};
use crate::page_user::PageUser;
use crate::time::ago;

/// The most characters of a reason in a table.
const REASON_CHARS: usize = 120;

/// Which requests, and where among them.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct RequestsQuery {
    /// Of this person.
    user: Option<i64>,
    /// For this resource.
    resource: Option<i64>,
    /// Below this id.
    before: Option<i64>,
}

/// `GET /requests`
pub(super) async fn list(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Query(query): Query<RequestsQuery>,
) -> Result<Response, PageError> {
    let view = overview(&app, &user, Sight::All).await?;
    let of = &view.organisation;
    let filter = RequestFilter {
        user: query.user.map(UserId),
        resource: query.resource.map(ResourceId),
    };
    let before = query.before.map(RequestId);
    let found = overview::requests(&app, user.user.id, filter, before).await?;
    let of_user = filter.user.and_then(|id| of.user_name(id));
    let for_resource = filter.resource.and_then(|id| of.resource(id));
    let older = found.before.map(|before| {
        let mut address = url::form_urlencoded::Serializer::new(String::new());
        for (name, id) in [("user", query.user), ("resource", query.resource)] {
            address.extend_pairs(id.map(|id| (name, id.to_string())));
        }
        address.append_pair("before", &before.to_string());
        format!("/requests?{}", address.finish())
    });
    page(
        &app,
        &user,
        &uri,
        ("Requests", Place::Requests),
        &html! {
            div.head { h1 { "Requests" } }
            @if filter != RequestFilter::default() {
                p.lead {
                    @if let Some(name) = of_user { "Of " bdi { (plain(name)) } ". " }
                    @if let Some(resource) = for_resource {
                        "For " bdi { (plain(&resource.name)) } ". "
                    }
                    a href="/requests" { "Show all" }
                }
            }
            (table(&found.items, &view))
            @if found.items.is_empty() { p.empty { "There are none." } }
            @if let Some(older) = older { p.pager { a.btn href=(older) { "Older" } } }
        },
    )
    .await
}

/// Requests as a table; nothing where there are none.
pub(super) fn table(requests: &[Request], view: &Overview) -> Markup {
    html! {
        @if !requests.is_empty() {
            (table::table(
                "Requests",
                &["Asked", "Person", "Resource", "For", "Reason", "State"],
                &html! { @for request in requests { (row(request, view)) } },
            ))
        }
    }
}

fn row(request: &Request, view: &Overview) -> Markup {
    let (of, now) = (&view.organisation, view.now);
    let outcome = request.outcome();
    let (person, resource) = (&request.requester, request.resource);
    html! {
        tr {
            th scope="row" { a href={ "/requests/" (request.id) } { (ago(request.created_at, now)) } }
            // What was removed has no page any more.
            td {
                @match of.user(person.id) {
                    Some(_) => (link("people", person.id, &person.name)),
                    None => bdi { (plain(&person.name)) },
                }
            }
            td {
                @match of.resource(resource) {
                    Some(_) => (link("resources", resource, &request.resource_name)),
                    None => bdi { (plain(&request.resource_name)) },
                }
            }
            td { (asked(request)) }
            td.reason dir="auto" { (one_line(&request.reason, REASON_CHARS)) }
            td {
                span.state.(tone(&outcome)) { (sentence(&outcome, now)) }
                @if let Outcome::Open { .. } | Outcome::Scheduled { .. } = outcome {
                    (revoke(view, person.id, request.id, &format!(
                        "{}: {}, request {}", plain(&person.name), plain(&request.resource_name), request.id
                    )))
                }
            }
        }
    }
}
