//! What people are told of a resource: what it is, how it is used, that it is disabled.

use maud::{Markup, html};

use super::icon::Icon;
use super::outcome::quote;
use super::state;

/// What a resource is.
pub(super) fn described(description: &str) -> Markup {
    html! { @if !description.is_empty() { div #description { (quote(description)) } } }
}

/// How it is used, while it is open.
pub(super) fn how_to_use(text: Option<&str>) -> Markup {
    html! {
        @if let Some(text) = text {
            section #how-to-use {
                h2 { "How to use it" }
                (quote(text))
            }
        }
    }
}

/// In place of the form of asking.
pub(super) fn disabled(name: &str, description: &str) -> Markup {
    html! {
        div.hero {
            (state::dot(Icon::Lock, "stop"))
            div {
                h1 { bdi { (name) } " is disabled" }
                p.muted { "Nobody can use or request it. Ask your administrator." }
            }
        }
        (described(description))
        p.foot { a.btn href="/access" { "Your access" } }
    }
}
