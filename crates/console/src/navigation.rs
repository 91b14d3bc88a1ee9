//! The ways around: at the side where there is room, in a sheet where there is none, and on a phone a
//! bar at the bottom with the most used ones.

use hourkey_domain::organisation::Organisation;
use maud::{Markup, html};

use super::icon::Icon;

/// Where a page belongs in the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Access,
    MyRequests,
    Review,
    Devices,
    Unlock,
    Sessions,
    Mail,
    Account,
    Resources,
    People,
    Groups,
    Gateways,
    Requests,
    MailSettings,
    Settings,
    SignInSettings,
    Explain,
    Overview,
    Jump,
    Elsewhere,
}

/// What the person may open, and what is to be said of it there.
pub(super) struct Navigation {
    pub(super) reviews: bool,
    /// Requests that wait for them.
    pub(super) waiting: usize,
    pub(super) administers: bool,
    pub(super) sees_all: bool,
    /// How many there are of what they may see; nothing for whoever sees no configuration.
    pub(super) counts: Option<Counts>,
}

/// How many there are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counts {
    pub(super) resources: usize,
    pub(super) people: usize,
    pub(super) groups: usize,
    /// Gateways that have enrolled and are not connected.
    pub(super) down: usize,
}

impl Counts {
    pub(super) fn of(organisation: &Organisation, down: usize) -> Self {
        Self {
            resources: organisation.resources().len(),
            people: organisation.users().len(),
            groups: organisation.assignable_groups().count(),
            down,
        }
    }
}

impl Navigation {
    /// All ways, for those who are signed in.
    pub(super) fn all(&self, place: Place) -> Markup {
        html! {
            form.search.jump action="/jump" method="get" role="search" aria-label="Everything" {
                (Icon::Glass)
                input type="search" name="q" placeholder="Jump to…" aria-label="Jump to"
                    maxlength="200" autocomplete="off" spellcheck="false" data-jump;
            }
            button.btn.ghost.menu type="button" popovertarget="ways" { (Icon::Lines) "Menu" }
            nav #ways popover aria-label="Pages" {
                // Where the field above has no room.
                a.phone href="/jump" aria-current=[(place == Place::Jump).then_some("page")] { "Jump to…" }
                (way("/access", place == Place::Access, &html! { "Access" }))
                (way("/my-requests", place == Place::MyRequests, &html! { "My requests" }))
                @if self.reviews { (self.review(place)) }
                @if self.administers { (way("/unlock", place == Place::Unlock, &html! { "Unlock" })) }
                (way("/devices", place == Place::Devices, &html! { "Devices" }))
                (way("/sessions", place == Place::Sessions, &html! { "Sessions" }))
                (way("/mail", place == Place::Mail, &html! { "Mail" }))
                (way("/account", place == Place::Account, &html! { "Account" }))
                (way("/explain", place == Place::Explain, &html! { "Explain" }))
                @if let Some(counts) = self.counts { (self.administration(counts, place)) }
            }
        }
    }

    /// The most used ones.
    pub(super) fn bottom(&self, place: Place) -> Markup {
        html! {
            nav.bottom aria-label="Most used" {
                (way("/access", place == Place::Access, &html! { (Icon::Key) "Access" }))
                (way("/my-requests", place == Place::MyRequests, &html! { (Icon::Clock) "Requests" }))
                @if self.reviews { (self.review(place)) }
                button type="button" popovertarget="ways" { (Icon::Lines) "More" }
            }
        }
    }

    fn review(&self, place: Place) -> Markup {
        let words = html! {
            (Icon::Check)
            "Review"
            @if self.waiting > 0 {
                " " b.count title={ (self.waiting) " waiting" } { (self.waiting) }
            }
        };
        way("/review", place == Place::Review, &words)
    }

    /// What there is for those who see more than what concerns them.
    fn administration(&self, counts: Counts, place: Place) -> Markup {
        let counted = |name: &str, count: usize| {
            html! { (name) span.total aria-hidden="true" { (count) } }
        };
        html! {
            span.part { "Administration" }
            @if self.sees_all {
                (way("/overview", place == Place::Overview, &html! { "Overview" }))
            }
            (way("/resources", place == Place::Resources, &counted("Resources", counts.resources)))
            @if self.sees_all {
                (way("/people", place == Place::People, &counted("People", counts.people)))
            }
            (way("/groups", place == Place::Groups, &counted("Groups", counts.groups)))
            (way("/gateways", place == Place::Gateways, &html! {
                "Gateways"
                @if counts.down > 0 { span.down { (counts.down) " down" } }
            }))
            @if self.sees_all {
                (way("/requests", place == Place::Requests, &html! { "Requests" }))
            }
            @if self.administers {
                (way("/settings", place == Place::Settings, &html! { "Settings" }))
            }
            @if self.sees_all {
                (way("/settings/mail", place == Place::MailSettings, &html! { "Mail settings" }))
                (way("/settings/sign-in", place == Place::SignInSettings, &html! { "Sign-in settings" }))
            }
        }
    }
}

fn way(address: &str, here: bool, words: &Markup) -> Markup {
    html! { a href=(address) aria-current=[here.then_some("page")] { (words) } }
}
