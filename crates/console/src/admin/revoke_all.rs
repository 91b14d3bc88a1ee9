//! Revoking all access of a person, or all access to a resource, at once: each grant as by hand.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};
use hourkey_access::app::App;
use hourkey_access::end;
use hourkey_access::error::AppError;
use hourkey_access::overview::{Overview, Sight};
use hourkey_domain::Time;
use hourkey_domain::ids::{GrantId, RequestId, ResourceId, UserId};
use hourkey_domain::organisation::{Resource, User};
use hourkey_protocol::access::Comment;
use hourkey_protocol::problem::Code;
use maud::{Markup, html};

use super::table::table;
use super::view::{count, link, overview_of_one};
use crate::address::Id;
use crate::confirm;
use crate::error::PageError;
use crate::form::{Field, Fields, Form, FormError, out_of_date};
use crate::layout::{Frame, Live, Page, Place, Width, plain, token_field};
use crate::page_user::PageUser;
use crate::time::{left, moment};
use crate::unsent::Unsent;

/// The field with the newest grant that the page lists: what was granted after it is not revoked unseen.
const NEWEST: &str = "newest";
/// So many grants are revoked by one press, each in a transaction of its own, well before the answer is
/// given up.
const AT_ONCE: usize = 500;

/// Whose access is revoked, or to what.
#[derive(Clone, Copy)]
enum Of {
    Person(UserId),
    Resource(ResourceId),
}

/// `GET /people/{id}/revoke`
pub(super) async fn show_person(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<UserId>,
    unsent: Unsent,
) -> Result<Response, PageError> {
    show(&app, &user, &uri, Of::Person(id), &unsent).await
}

/// `POST /people/{id}/revoke`
pub(super) async fn send_person(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<UserId>,
    Form(fields): Form<Fields>,
) -> Result<Response, PageError> {
    send(&app, &user, &uri, Of::Person(id), &fields).await
}

/// `GET /resources/{id}/revoke`
pub(super) async fn show_resource(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<ResourceId>,
    unsent: Unsent,
) -> Result<Response, PageError> {
    show(&app, &user, &uri, Of::Resource(id), &unsent).await
}

/// `POST /resources/{id}/revoke`
pub(super) async fn send_resource(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<ResourceId>,
    Form(fields): Form<Fields>,
) -> Result<Response, PageError> {
    send(&app, &user, &uri, Of::Resource(id), &fields).await
}

/// A grant that is scheduled or runs.
struct Granted<'a> {
    grant: GrantId,
    request: RequestId,
    user: &'a User,
    resource: &'a Resource,
    starts_at: Time,
    ends_at: Time,
}

impl<'a> Granted<'a> {
    /// All of them, the soonest end first.
    fn all(view: &'a Overview, of: Of) -> Vec<Self> {
        let organisation = &view.organisation;
        let pairs: Vec<(UserId, ResourceId)> = match of {
            Of::Person(user) => {
                let all = organisation.accesses_of(user);
                all.map(|(resource, _)| (user, resource)).collect()
            }
            Of::Resource(resource) => {
                let all = organisation.open_for(resource);
                all.map(|user| (user, resource)).collect()
            }
        };
        let granted = pairs.into_iter().filter_map(|(user, resource)| {
            let granted = organisation.access(user, resource)?.grant.as_deref()?;
            let ends_at = organisation.ends_at(&granted.grant);
            (view.now < ends_at).then_some(())?;
            Some(Self {
                grant: granted.grant.id,
                request: granted.request.id,
                user: organisation.user(user)?,
                resource: organisation.resource(resource)?,
                starts_at: granted.grant.window.starts_at,
                ends_at,
            })
        });
        let mut granted: Vec<_> = granted.collect();
        granted.sort_by_key(|it| (it.ends_at, it.grant));
        granted
    }

    /// All but what the person who looks holds: that they cannot revoke.
    fn of_others(view: &'a Overview, of: Of) -> Vec<Self> {
        let mut others = Self::all(view, of);
        others.retain(|it| it.user.id != view.viewer);
        others
    }

    /// As somebody who sees the list calls it.
    fn name(&self, of: Of) -> String {
        match of {
            Of::Person(_) => plain(&self.resource.name),
            Of::Resource(_) => plain(&self.user.name),
        }
    }
}

impl Of {
    /// Its name, for administrators alone: for all others there is no such page.
    fn name(self, view: &Overview) -> Result<String, AppError> {
        let name = match self {
            Self::Person(id) => view.organisation.user(id).map(|it| &it.name),
            Self::Resource(id) => view.organisation.resource(id).map(|it| &it.name),
        };
        let name = name.filter(|_| view.administers);
        Ok(plain(name.ok_or_else(AppError::not_found)?))
    }

    /// The page that leads here.
    fn home(self) -> String {
        match self {
            Self::Person(id) => format!("/people/{id}"),
            Self::Resource(id) => format!("/resources/{id}"),
        }
    }
}

/// The button that leads to it, for administrators, while there is something to revoke.
pub(super) fn of_person(view: &Overview, id: UserId) -> Markup {
    button(view, Of::Person(id))
}

/// As [`of_person`].
pub(super) fn of_resource(view: &Overview, id: ResourceId) -> Markup {
    button(view, Of::Resource(id))
}

fn button(view: &Overview, of: Of) -> Markup {
    let is_shown = view.administers && !Granted::of_others(view, of).is_empty();
    html! {
        @if is_shown { a.btn.danger href={ (of.home()) "/revoke" } { "Revoke all…" } }
    }
}

async fn show(
    app: &App,
    user: &PageUser,
    uri: &Uri,
    of: Of,
    unsent: &Unsent,
) -> Result<Response, PageError> {
    let comment = unsent.fields.text("comment");
    page(app, user, uri, of, (&comment, &unsent.wrong), &[]).await
}

/// Revokes what the page listed, one after the other, up to [`AT_ONCE`]: what cannot be is told, and stops
/// nothing.
async fn send(
    app: &App,
    user: &PageUser,
    uri: &Uri,
    of: Of,
    fields: &Fields,
) -> Result<Response, PageError> {
    let view = overview_of_one(app, user, Sight::Configuration).await?;
    of.name(&view)?;
    if let Some(answer) = confirm::first(app, user) {
        return Ok(answer);
    }
    let newest = fields.number(NEWEST).ok_or_else(out_of_date)?;
    let listed = Granted::of_others(&view, of).into_iter();
    let listed: Vec<_> = listed.filter(|it| it.grant.0 <= newest).collect();
    let comment = fields.text("comment");
    let mut refused = Vec::new();
    for it in listed.iter().take(AT_ONCE) {
        let body = Comment {
            comment: comment.clone(),
        };
        match end::revoke(app, user.user.id, it.grant, body).await {
            Ok(_) => {}
            // The same comment does for none of them.
            Err(AppError::Refused(problem))
                if matches!(problem.code, Code::BlankText | Code::TextTooLong) =>
            {
                return Err(AppError::Refused(problem).into());
            }
            Err(AppError::Refused(problem)) => refused.push((it.name(of), problem.detail)),
            Err(failure) => return Err(failure.into()),
        }
    }
    let left = listed.len().saturating_sub(AT_ONCE);
    if refused.is_empty() && left == 0 {
        return Ok(Redirect::to(&of.home()).into_response());
    }
    let done = count(
        listed.len().min(AT_ONCE) - refused.len(),
        "grant was",
        "grants were",
    );
    let mut sentence = format!("{done} revoked.");
    if !refused.is_empty() {
        sentence.push_str(" What could not be is said below.");
    }
    if left > 0 {
        let left = format!(" {left} are left: revoke them with another press.");
        sentence.push_str(&left);
    }
    let status = match refused.is_empty() {
        true => StatusCode::OK,
        false => StatusCode::CONFLICT,
    };
    let wrong = FormError::with_status(status, &sentence);
    page(app, user, uri, of, (&comment, &wrong), &refused).await
}

async fn page(
    app: &App,
    user: &PageUser,
    uri: &Uri,
    of: Of,
    (comment, wrong): (&str, &FormError),
    refused: &[(String, String)],
) -> Result<Response, PageError> {
    let view = overview_of_one(app, user, Sight::Configuration).await?;
    let name = of.name(&view)?;
    let others = Granted::of_others(&view, of);
    let has_own = others.len() < Granted::all(&view, of).len();
    let (title, place) = match of {
        Of::Person(_) => (format!("Revoke all access of {name}"), Place::People),
        Of::Resource(_) => (format!("Revoke all access to {name}"), Place::Resources),
    };
    let main = html! {
        h1 { bdi { (title) } }
        (wrong.complaint())
        @if !refused.is_empty() {
            ul.findings #refused {
                @for (name, why) in refused { li { span { b { bdi { (name) } } ": " (why) } } }
            }
        }
        @if others.is_empty() {
            p.empty { "Nothing is left to revoke." }
            p.foot { span {} a.btn href=(of.home()) { "Back" } }
        } @else {
            p.lead {
                "This ends " (count(others.len(), "grant", "grants")) " now, and cuts what is connected. "
                "What is open without a request stays open."
            }
            (listed(of, &others, view.now))
            (form(user, uri, of, &others, comment, wrong))
        }
        @if has_own {
            p.hint { "Your own access is not among them: give it back, or ask another administrator." }
        }
    };
    let frame = Frame::of(app, user, uri).await?;
    let page = Page {
        title: &title,
        place,
        width: Width::Wide,
        live: Live::Off,
    };
    Ok(frame.answer(wrong.status(), &page, &main))
}

fn listed(of: Of, all: &[Granted<'_>], now: Time) -> Markup {
    let rows = html! {
        @for it in all {
            tr {
                th scope="row" {
                    @match of {
                        Of::Person(_) => (link("resources", it.resource.id, &it.resource.name)),
                        Of::Resource(_) => (link("people", it.user.id, &it.user.name)),
                    }
                }
                td {
                    @if now < it.starts_at {
                        span.state.wait { "Approved, starts " (moment(it.starts_at, now)) }
                    } @else {
                        span.state.open { "Open, " (left(it.ends_at, now)) " left" }
                    }
                }
                td { a href={ "/requests/" (it.request) } { "Request " (it.request) } }
            }
        }
    };
    let first = match of {
        Of::Person(_) => "Resource",
        Of::Resource(_) => "Person",
    };
    table("What is revoked", &[first, "State", "Request"], &rows)
}

fn form(
    user: &PageUser,
    uri: &Uri,
    of: Of,
    all: &[Granted<'_>],
    comment: &str,
    wrong: &FormError,
) -> Markup {
    html! {
        form.stack.short #revoke-all method="post" action=(uri.path()) {
            (token_field(&user.token))
            @if let Some(newest) = all.iter().map(|it| it.grant).max() {
                input type="hidden" name=(NEWEST) value=(newest);
            }
            label for="comment" {
                "Reason for revoking (shown to "
                @match of {
                    Of::Person(_) => "them",
                    Of::Resource(_) => "each of them",
                }
                ")"
            }
            textarea.field #comment name="comment" rows="3" maxlength="2000" dir="auto" required
                aria-invalid=[wrong.invalid(Field::Text)]
                aria-describedby=[wrong.described_by(Field::Text, "")] { "\n" (comment) }
            p.foot {
                a.btn href=(of.home()) { "Cancel" }
                button.btn.danger { "Revoke " (count(all.len(), "grant", "grants")) }
            }
        }
    }
}
