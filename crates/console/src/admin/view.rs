//! What the administrators' pages have in common: who may see how much, and how things are named.

use axum::http::Uri;
use axum::response::Response;
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_access::overview::{Overview, Sight};
use hourkey_domain::format::endpoint;
use hourkey_domain::ids::{RequestId, ResourceId, UserId};
use hourkey_domain::organisation::Resource;
use maud::{Markup, html};

use crate::error::PageError;
use crate::layout::{Frame, Live, Page, Place, Width, plain};
use crate::page_user::PageUser;

/// What the person sees of the organisation, for a page of many things.
pub(super) async fn overview(
    app: &App,
    user: &PageUser,
    sight: Sight,
) -> Result<Overview, PageError> {
    Ok(Overview::of(app, user.user.id, sight).await?)
}

/// What the person sees of the organisation, for the page of one thing: who may not see it is
/// answered as about an unknown one (rule 1).
pub(super) async fn overview_of_one(
    app: &App,
    user: &PageUser,
    sight: Sight,
) -> Result<Overview, PageError> {
    match Overview::of(app, user.user.id, sight).await {
        Err(AppError::Refused(_)) => Err(AppError::not_found().into()),
        other => Ok(other?),
    }
}

/// The organisation, for administrators alone: for all others there is no such page.
pub(super) async fn administered(app: &App, user: &PageUser) -> Result<Overview, PageError> {
    let view = overview_of_one(app, user, Sight::Configuration).await?;
    match view.administers {
        true => Ok(view),
        false => Err(AppError::not_found().into()),
    }
}

/// The organisation, for those who set up resources: for all others there is no such page.
pub(super) async fn set_up(app: &App, user: &PageUser) -> Result<Overview, PageError> {
    let view = overview_of_one(app, user, Sight::Configuration).await?;
    match view.sets_up {
        true => Ok(view),
        false => Err(AppError::not_found().into()),
    }
}

/// The page.
pub(super) async fn page(
    app: &App,
    user: &PageUser,
    uri: &Uri,
    (title, place): (&str, Place),
    main: &Markup,
) -> Result<Response, PageError> {
    let frame = Frame::of(app, user, uri).await?;
    let page = Page {
        title,
        place,
        width: Width::Full,
        live: Live::Off,
    };
    Ok(frame.page(&page, main))
}

/// Where a resource is.
pub(super) fn address(resource: &Resource) -> String {
    endpoint(&resource.address.to_string(), &resource.ports)
}

/// A name that leads to the page of what it names.
pub(super) fn link(to: &str, id: impl std::fmt::Display, name: &str) -> Markup {
    html! { a href={ "/" (to) "/" (id) } { bdi { (plain(name)) } } }
}

/// Several of them, with commas between.
pub(super) fn links<'a, Id: std::fmt::Display>(
    to: &str,
    all: impl Iterator<Item = (Id, &'a str)>,
) -> Markup {
    html! {
        @for (nth, (id, name)) in all.enumerate() {
            @if nth > 0 { ", " }
            (link(to, id, name))
        }
    }
}

/// `1 person`, `12 people`.
pub(super) fn count(number: usize, one: &str, many: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        number => format!("{number} {many}"),
    }
}

/// The way to revoke what `of` was granted, for whoever may approve it (rule 6): not one's own.
pub(super) fn revoke(
    view: &Overview,
    (of, resource): (UserId, ResourceId),
    request: RequestId,
    about: &str,
) -> Markup {
    html! {
        @if view.reach.revoker(of, resource).is_some() {
            " "
            a.danger href={ "/review/" (request) "?act=revoke" }
                aria-label={ "Revoke… " (about) } { "Revoke…" }
        }
    }
}
