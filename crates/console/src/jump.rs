//! Jump to…: finds whatever the person may open, by its name.

use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse as _, Redirect, Response};
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_access::gateways;
use hourkey_access::overview::{Overview, Sight};
use hourkey_access::queries;
use hourkey_domain::ids::RequestId;
use maud::{Markup, html};
use serde::Deserialize;

use super::address::Query;
use super::error::PageError;
use super::icon::Icon;
use super::layout::{Frame, Live, Page, Place, Width, plain};
use crate::page_user::PageUser;

/// So many of a kind are shown.
const SHOWN: usize = 8;
/// So many words are looked for.
const MAX_WORDS: usize = 10;

/// What is looked for.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct JumpQuery {
    q: String,
}

/// Something that was found.
#[derive(Clone)]
struct Hit {
    address: String,
    name: String,
    /// What tells it from others of its name.
    detail: String,
}

/// Those of one kind.
struct Hits {
    title: &'static str,
    found: Vec<Hit>,
    /// The first two that are called exactly so.
    exact: Vec<Hit>,
    /// How many there are, and the page that lists them all.
    all: (usize, String),
}

/// `GET /jump`: the page of what is called exactly so, or else what was found.
pub(super) async fn show(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Query(query): Query<JumpQuery>,
) -> Result<Response, PageError> {
    let words = Words::of(&query.q);
    let found = match words.each.is_empty() {
        true => Vec::new(),
        false => hits(&app, &user, &words).await?,
    };
    let mut exact = found.iter().flat_map(|hits| &hits.exact);
    if let (Some(hit), None) = (exact.next(), exact.next()) {
        return Ok(Redirect::to(&hit.address).into_response());
    }
    let frame = Frame::of(&app, &user, &uri).await?;
    let page = Page {
        title: "Jump to…",
        place: Place::Jump,
        width: Width::Wide,
        live: Live::Off,
    };
    Ok(frame.page(
        &page,
        &html! {
            div.head { h1 { "Jump to…" } }
            form.search.large method="get" action="/jump" role="search" {
                (Icon::Glass)
                input type="search" name="q" value=(query.q) aria-label="What to jump to"
                    placeholder="A name, a login, an address" maxlength="200" autofocus;
            }
            (listed(&found, &words))
        },
    ))
}

/// The words that are looked for, in lower case.
struct Words {
    each: Vec<String>,
    all: String,
}

impl Words {
    fn of(text: &str) -> Self {
        let words = text.split_whitespace().map(str::to_lowercase);
        let words: Vec<_> = words.take(MAX_WORDS).collect();
        Self {
            all: words.join(" "),
            each: words,
        }
    }

    /// Whether each is in one of these texts.
    fn are_in(&self, texts: &[&str]) -> bool {
        let texts = texts.join("\n").to_lowercase();
        self.each.iter().all(|word| texts.contains(word.as_str()))
    }
}

async fn hits(app: &App, user: &PageUser, words: &Words) -> Result<Vec<Hits>, PageError> {
    let caller = user.user.id;
    let mut found = vec![own(app, user, words).await?];
    let view = Overview::of(app, caller, Sight::Configuration).await.ok();
    if let Some(view) = &view {
        // A resource of their own leads where all resources do.
        found.iter_mut().for_each(|own| own.exact.clear());
        found.push(resources(view, words));
        if view.sees_all {
            found.push(people(view, words));
        }
        found.push(groups(view, words));
        found.push(gateways(app, user, words).await?);
        found.push(networks(view, words));
    }
    found.extend(request(app, user, words).await?);
    found.push(settings(view.as_ref(), words));
    found.retain(|hits| !hits.found.is_empty());
    Ok(found)
}

async fn own(app: &App, user: &PageUser, words: &Words) -> Result<Hits, PageError> {
    let all = queries::resources(app, user.user.id).await?;
    let fits = all.into_iter().filter(|it| {
        // What lists leave out is found by whoever knows what it is called.
        let is_meant = [&it.name, &it.address].map(|text| text.to_lowercase() == words.all);
        let is_found = it.visibility.is_listed(it.lock) || is_meant.contains(&true);
        let alias = it.alias.as_deref().unwrap_or_default();
        is_found && words.are_in(&[&it.name, &it.address, alias, &it.tags.join("\n")])
    });
    let found = fits.map(|it| Hit {
        address: format!("/resources/{}/request", it.id),
        name: it.name,
        detail: it.address,
    });
    Ok(Hits::of("Your resources", "/access", words, found))
}

/// The request of this number, where they may see it.
async fn request(app: &App, user: &PageUser, words: &Words) -> Result<Option<Hits>, PageError> {
    let number = words.all.strip_prefix("request").unwrap_or(&words.all);
    let number = number.trim_start().trim_start_matches('#').parse();
    let Ok(id) = number.map(RequestId) else {
        return Ok(None);
    };
    match queries::request(app, user.user.id, id).await {
        Ok(found) => {
            let hit = Hit {
                address: format!("/requests/{id}"),
                // What was typed, so that it is what is meant.
                name: words.all.clone(),
                detail: format!("{}: {}", found.requester.name, found.resource_name),
            };
            let found = std::iter::once(hit);
            Ok(Some(Hits::of("Requests", "/requests", words, found)))
        }
        Err(AppError::Refused(_)) => Ok(None),
        Err(failure) => Err(failure.into()),
    }
}

async fn gateways(app: &App, user: &PageUser, words: &Words) -> Result<Hits, PageError> {
    let all = gateways::list(app, user.user.id).await?;
    let found = all
        .into_iter()
        .filter(|it| words.are_in(&[&it.name, &it.address]));
    let found = found.map(|it| Hit {
        address: format!("/gateways/{}", it.id),
        name: it.name,
        detail: it.address,
    });
    Ok(Hits::of("Gateways", "/gateways", words, found))
}

fn networks(view: &Overview, words: &Words) -> Hits {
    let all = view.organisation.networks();
    let found = all.filter(|it| words.are_in(&[&it.name])).map(|it| Hit {
        address: format!("/gateways#network-{}", it.id),
        name: it.name.clone(),
        detail: String::new(),
    });
    Hits::of("Networks", "/gateways", words, found)
}

/// Who has a page of settings.
#[derive(Clone, Copy, PartialEq, Eq)]
enum For {
    Everybody,
    /// Who sees all.
    Readers,
    Administrators,
}

/// What is set where: the section, other words for it, and its address.
const SETTINGS: [(For, &str, &str, &str); 12] = [
    (For::Everybody, "Password", "account", "/account"),
    (
        For::Everybody,
        "Two-step sign-in",
        "account code authenticator recovery",
        "/account#two-step",
    ),
    (
        For::Everybody,
        "Your mail",
        "notices notifications",
        "/mail",
    ),
    (For::Everybody, "Your computers", "devices", "/devices"),
    (
        For::Everybody,
        "Your sessions",
        "browsers signed in",
        "/sessions",
    ),
    (
        For::Administrators,
        "Name of the organisation",
        "settings",
        "/settings",
    ),
    (
        For::Administrators,
        "Access periods",
        "settings length longest duration",
        "/settings#offered",
    ),
    (
        For::Administrators,
        "Fallback reviewers",
        "settings",
        "/settings#fallback",
    ),
    (
        For::Readers,
        "Mail server",
        "settings smtp sender",
        "/settings/mail#server",
    ),
    (
        For::Readers,
        "Mails that wait",
        "settings outbox queue",
        "/settings/mail",
    ),
    (
        For::Readers,
        "Required two-step sign-in",
        "settings second factor",
        "/settings/sign-in",
    ),
    (
        For::Readers,
        "Who has two-step sign-in",
        "settings second factor",
        "/settings/sign-in#people",
    ),
];

fn settings(view: Option<&Overview>, words: &Words) -> Hits {
    let may = |who: For| match who {
        For::Everybody => true,
        For::Readers => view.is_some_and(|view| view.sees_all),
        For::Administrators => view.is_some_and(|view| view.administers),
    };
    let theirs = SETTINGS.iter().filter(|(who, ..)| may(*who));
    let found = theirs.filter(|(_, name, other, _)| words.are_in(&[*name, *other]));
    let found = found.map(|(_, name, _, address)| Hit {
        address: (*address).to_owned(),
        name: (*name).to_owned(),
        detail: String::new(),
    });
    Hits::of("Settings", "/jump", words, found)
}

fn resources(view: &Overview, words: &Words) -> Hits {
    let all = view.organisation.resources();
    let found = all.filter_map(|it| {
        let address = it.address.to_string();
        let alias = it.alias.as_deref().unwrap_or_default();
        words.are_in(&[&it.name, &address, alias]).then(|| Hit {
            address: format!("/resources/{}", it.id),
            name: it.name.clone(),
            detail: address.clone(),
        })
    });
    Hits::of("Resources", "/resources", words, found)
}

fn people(view: &Overview, words: &Words) -> Hits {
    let all = view.organisation.users();
    let fits = all.filter(|it| words.are_in(&[&it.name, &it.login]));
    let found = fits.map(|it| Hit {
        address: format!("/people/{}", it.id),
        name: it.name.clone(),
        detail: it.login.clone(),
    });
    Hits::of("People", "/people", words, found)
}

fn groups(view: &Overview, words: &Words) -> Hits {
    let all = view.organisation.assignable_groups();
    let fits = all.filter(|it| words.are_in(&[&it.name]));
    let found = fits.map(|it| Hit {
        address: format!("/groups/{}", it.id),
        name: it.name.clone(),
        detail: String::new(),
    });
    Hits::of("Groups", "/groups", words, found)
}

impl Hits {
    fn of(
        title: &'static str,
        page: &str,
        words: &Words,
        found: impl Iterator<Item = Hit>,
    ) -> Self {
        let (mut count, mut first, mut exact) = (0, Vec::new(), Vec::new());
        for hit in found {
            count += 1;
            if exact.len() < 2 && hit.name.trim().to_lowercase() == words.all {
                exact.push(hit.clone());
            }
            if first.len() < SHOWN {
                first.push(hit);
            }
        }
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("q", &words.all)
            .finish();
        Self {
            title,
            found: first,
            exact,
            all: (count, format!("{page}?{query}")),
        }
    }
}

fn listed(found: &[Hits], words: &Words) -> Markup {
    html! {
        @if found.is_empty() && !words.each.is_empty() {
            p.empty { "Nothing that you may open is called so." }
        }
        @for Hits { title, found, all: (count, page), .. } in found {
            section {
                h2 { (title) span { (count) } }
                ul.hits {
                    @for hit in found {
                        li {
                            a href=(hit.address) {
                                bdi { (plain(&hit.name)) }
                                @if !hit.detail.is_empty() { " " bdi.mono { (plain(&hit.detail)) } }
                            }
                        }
                    }
                }
                // Sections of settings have no page that lists them.
                @if *count > found.len() && !page.starts_with("/jump?") {
                    p.pager {
                        a.btn href=(page) aria-label={ "All " (count) ": " (title) } { "All " (count) }
                    }
                }
            }
        }
    }
}
