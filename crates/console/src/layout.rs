//! The frame around every page, and what pages have in common.

use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_access::identity::account;
use hourkey_access::queries;
use hourkey_domain::Time;
use hourkey_domain::ids::UserId;
use hourkey_domain::text::one_line;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::back::Back;
use super::headers;
use super::icon::Icon;
pub(super) use super::navigation::Place;
use super::navigation::{Counts, Navigation};
use super::time::stamp;
use crate::csrf::FormToken;
use crate::page_user::PageUser;

/// The most characters of a name or a short sentence.
const MAX_NAME_CHARS: usize = 300;

/// How wide a page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    /// One form.
    Narrow,
    /// Lists.
    Wide,
    /// Tables.
    Full,
}

/// What a page says of itself.
pub(super) struct Page<'a> {
    pub(super) title: &'a str,
    pub(super) place: Place,
    pub(super) width: Width,
    pub(super) live: Live,
}

/// Whether a page follows what changes and concerns its person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Live {
    Off,
    /// By the script.
    On,
    /// Without the script, too: it reloads itself. Only for pages that people wait on and type
    /// nothing on, since reloading takes what was typed, and the focus.
    Reloading,
}

/// The frame: who is signed in, and the way around.
pub(super) struct Frame {
    organisation: String,
    who: Option<Who>,
    /// The server's time that the page is true for; `UNIX_EPOCH` on a page without times.
    pub(super) now: Time,
    /// Where the browser was going before it came here.
    pub(super) back: Option<Back>,
}

struct Who {
    id: UserId,
    name: String,
    login: String,
    token: FormToken,
    ways: Navigation,
    /// The page's address.
    here: String,
    /// Whom the page was opened for, when that is somebody else.
    meant_for: Option<MeantFor>,
}

/// Somebody else for whom a page was opened. Anybody can write an address, so only logins that
/// signed in in this browser before are shown.
enum MeantFor {
    Known(String),
    Unknown,
}

impl Frame {
    /// For a signed-in person on the page of this address.
    ///
    /// # Errors
    /// The store's failure.
    pub(super) async fn of(app: &App, user: &PageUser, uri: &Uri) -> Result<Self, AppError> {
        let person = queries::person(app, user.user.id).await?;
        let actor = person.actor;
        let counts = match actor.sees_configuration() {
            true => {
                let organisation = app.organisation().await?;
                let gateways = user.gateways.as_ref();
                let down = gateways.map_or(0, |it| it.down(&organisation, person.now));
                Some(Counts::of(&organisation, down))
            }
            false => None,
        };
        let ways = Navigation {
            reviews: actor.reach.is_some(),
            waiting: person.waiting,
            administers: actor.administers(),
            sees_all: actor.sees_all(),
            counts,
        };
        let me = actor.user;
        let meant_for = match meant_for(uri).filter(|login| login.to_lowercase() != me.login) {
            Some(login) => {
                let known = account::known(app, user.browser, &login).await?;
                Some(known.map_or(MeantFor::Unknown, |user| MeantFor::Known(user.login)))
            }
            None => None,
        };
        // Whoever else is signed in here is told so first.
        let back = Back::of(uri).filter(|_| meant_for.is_none());
        let who = Who {
            id: me.id,
            name: me.name,
            login: me.login,
            token: user.token.clone(),
            ways,
            here: uri
                .path_and_query()
                .map_or("/access", |here| here.as_str())
                .to_owned(),
            meant_for,
        };
        Ok(Self {
            organisation: person.organisation,
            who: Some(who),
            now: person.now,
            back,
        })
    }

    /// For somebody who is not signed in.
    ///
    /// # Errors
    /// The store's failure.
    pub(super) async fn visitor(app: &App) -> Result<Self, AppError> {
        let organisation = queries::organisation_name(app).await?;
        Ok(Self {
            organisation,
            who: None,
            now: app.clock.now(),
            back: None,
        })
    }

    /// For a page that must not need the store.
    pub(super) fn bare() -> Self {
        Self {
            organisation: String::new(),
            who: None,
            now: Time::UNIX_EPOCH,
            back: None,
        }
    }

    /// The organisation's name, or ours.
    pub(super) fn organisation(&self) -> &str {
        if self.organisation.is_empty() {
            "Hourkey"
        } else {
            &self.organisation
        }
    }

    /// A page.
    pub(super) fn page(&self, page: &Page<'_>, main: &Markup) -> Response {
        self.answer(StatusCode::OK, page, main)
    }

    /// A page with a status of its own.
    pub(super) fn answer(&self, status: StatusCode, page: &Page<'_>, main: &Markup) -> Response {
        let width = match page.width {
            Width::Narrow => "narrow",
            Width::Wide => "wide",
            Width::Full => "full",
        };
        let document = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title {
                        @if !status.is_success() { "Error: " }
                        (plain(page.title)) " · Hourkey"
                    }
                    link rel="icon" href="/static/icon.svg" type="image/svg+xml";
                    link rel="stylesheet" href=(super::assets::style());
                    script type="module" src="/static/pages.js" {}
                    // What it imports, without waiting for it.
                    @for module in super::assets::modules() {
                        link rel="modulepreload" href={ "/static/" (module) };
                    }
                    @if page.live == Live::Reloading && status == StatusCode::OK {
                        noscript { meta http-equiv="refresh" content="15"; }
                    }
                }
                body data-now=[(self.now != Time::UNIX_EPOCH).then(|| stamp(self.now))]
                    data-user=[self.who.as_ref().map(|who| who.id)] data-live[page.live != Live::Off] {
                    a.skip href="#main" { "Skip to content" }
                    (self.top(page.place))
                    main #main class=(width) {
                        @if let Some(who) = &self.who { (who.wrong_person()) }
                        (main)
                        // What a script says when something has changed.
                        p.unseen #news role="status" {}
                    }
                    @if let Some(who) = &self.who {
                        footer { p.zone data-zone { "Times in UTC" } }
                        (who.ways.bottom(page.place))
                    }
                }
            }
        };
        headers::add((status, document).into_response())
    }

    fn top(&self, place: Place) -> Markup {
        html! {
            header.top {
                a.brand href="/access" {
                    (Icon::Key)
                    bdi { (plain(self.organisation())) }
                }
                @if let Some(who) = &self.who {
                    (who.ways.all(place))
                    form.who method="post" action="/sign-out" {
                        (token_field(&who.token))
                        bdi.person title={ "Signed in as " (plain(&who.login)) } {
                            (plain(&who.name))
                        }
                        button.btn.ghost { "Sign out" }
                    }
                }
            }
        }
    }
}

impl Who {
    /// The bar that tells when the page was opened for somebody else.
    fn wrong_person(&self) -> Markup {
        let Some(meant_for) = &self.meant_for else {
            return PreEscaped(String::new());
        };
        html! {
            div.bar.warn {
                p role="status" {
                    "This page was opened for "
                    @match meant_for {
                        MeantFor::Known(login) => b { bdi { (plain(login)) } },
                        MeantFor::Unknown => "another account",
                    }
                    ", but this browser is signed in as " b { bdi { (plain(&self.login)) } } "."
                }
                form method="post" action="/sign-out" data-navigates {
                    (token_field(&self.token))
                    input type="hidden" name="next" value=(self.here);
                    button.btn {
                        @match meant_for {
                            MeantFor::Known(login) => { "Switch to " bdi { (plain(login)) } },
                            MeantFor::Unknown => "Switch accounts",
                        }
                    }
                }
            }
        }
    }
}

/// The form token as a hidden field, and who types, for when their session ends meanwhile.
pub(super) fn token_field(token: &FormToken) -> Markup {
    html! {
        input type="hidden" name="token" value=(token.as_str());
        @if let Some(user) = token.user() { input type="hidden" name="by" value=(user); }
    }
}

/// The login that the page at this address was opened for: the hint `as`.
pub(super) fn meant_for(uri: &Uri) -> Option<String> {
    let query = uri.query()?;
    let found = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "as")?;
    Some(found.1.into_owned()).filter(|login| !login.trim().is_empty())
}

/// A name as it is shown: one line without unsafe characters, which would even end the isolation
/// that `<bdi>` gives, and not absurdly long.
pub(super) fn plain(name: &str) -> String {
    one_line(name, MAX_NAME_CHARS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_steer() {
        assert_eq!(
            plain("  Payroll\u{202e}\ngnp.exe\u{2069}\u{200b}\n "),
            "Payroll gnp.exe"
        );
        assert_eq!(plain(&"ü".repeat(1000)).chars().count(), 300);
    }

    #[test]
    fn the_hint_is_read_from_the_address() {
        let hint = |uri: &str| meant_for(&uri.parse().unwrap());
        assert_eq!(hint("/access?as=ada%40corp"), Some("ada@corp".to_owned()));
        assert_eq!(hint("/access?as="), None);
        assert_eq!(hint("/access"), None);
    }
}
