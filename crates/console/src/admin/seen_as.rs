//! What somebody sees, without their session: exactly their rows, and nothing to press.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_access::overview::Sight;
use hourkey_access::resource_rows::rows;
use hourkey_domain::ids::UserId;
use maud::html;

use super::view::{overview_of_one, page};
use crate::address::Id;
use crate::error::PageError;
use crate::layout::{Place, plain};
use crate::page_user::PageUser;
use crate::state;

/// The most rows of the page.
const MAX_ROWS: usize = 500;

/// `GET /people/{id}/view`
pub(super) async fn show(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<UserId>,
) -> Result<Response, PageError> {
    let view = overview_of_one(&app, &user, Sight::All).await?;
    let person = view.organisation.user(id).ok_or_else(AppError::not_found)?;
    let mut rows = rows(&view.organisation, id, None, view.now);
    rows.retain(|row| row.shown.visibility.is_listed(row.shown.lock));
    let title = format!("What {} sees", plain(&person.name));
    page(
        &app,
        &user,
        &uri,
        (&title, Place::People),
        &html! {
            div.head {
                h1 { bdi { (title) } }
                a.btn href={ "/people/" (id) } { "Back to " bdi { (plain(&person.name)) } }
            }
            p.lead { "Nobody is told that you look, and nothing can be pressed here." }
            @if rows.is_empty() { p.empty { "They see no resource." } }
            ul.rows {
                @for row in rows.iter().take(MAX_ROWS) {
                    li.row {
                        (state::mark(&row.shown, view.now))
                        div.what {
                            div.name { bdi { (plain(&row.shown.name)) } }
                            div.sub {
                                (state::words(&row.shown, view.now))
                                span.mono.address { bdi { (plain(&row.shown.endpoint())) } }
                            }
                        }
                    }
                }
            }
            @if rows.len() > MAX_ROWS { p.hint { "And " (rows.len() - MAX_ROWS) " more." } }
        },
    )
    .await
}
