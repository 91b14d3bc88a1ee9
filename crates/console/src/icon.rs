//! Icons, drawn on a grid of 24 in the colour of the text around them.

use maud::{Markup, html};

/// An icon. All are decoration: a word stands beside each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Icon {
    Lock,
    Clock,
    Check,
    Cross,
    Key,
    Screen,
    Window,
    Terminal,
    Copy,
    Glass,
    Lines,
    Database,
    /// One host.
    Host,
    /// Several hosts.
    Many,
}

impl maud::Render for Icon {
    fn render(&self) -> Markup {
        html! {
            svg.i viewBox="0 0 24 24" aria-hidden="true" { (self.strokes()) }
        }
    }
}

impl Icon {
    fn strokes(self) -> Markup {
        match self {
            Self::Lock => html! {
                rect x="5" y="11" width="14" height="9" rx="2" {}
                path d="M8 11V8a4 4 0 0 1 8 0v3" {}
            },
            Self::Clock => html! {
                circle cx="12" cy="12" r="8" {}
                path d="M12 8v4l3 2" {}
            },
            Self::Check => html! { path d="M5 12.5l4.5 4.5L19 7.5" {} },
            Self::Cross => html! { path d="M7 7l10 10M17 7L7 17" {} },
            // The bow is a clock face.
            Self::Key => html! {
                circle cx="9" cy="9" r="6" {}
                path d="M9 6v3l2 1.2M13.3 13.3l6.7 6.7M20 20l-2 2M16.5 16.5l-2 2" {}
            },
            Self::Screen => html! {
                rect x="4" y="5" width="16" height="11" rx="2" {}
                path d="M9 20h6M12 16v4" {}
            },
            Self::Window => html! {
                rect x="4" y="5" width="16" height="14" rx="2" {}
                path d="M4 9h16M7 7h.01" {}
            },
            Self::Terminal => html! {
                rect x="4" y="5" width="16" height="14" rx="2" {}
                path d="M8 10l2.5 2L8 14M13 15h3" {}
            },
            Self::Copy => html! {
                rect x="9" y="9" width="10" height="10" rx="2" {}
                path d="M15 9V7a2 2 0 0 0-2-2H7a2 2 0 0 0-2 2v6a2 2 0 0 0 2 2h2" {}
            },
            Self::Database => html! {
                ellipse cx="12" cy="6.5" rx="7" ry="2.5" {}
                path d="M5 6.5v11c0 1.4 3.1 2.5 7 2.5s7-1.1 7-2.5v-11M5 12c0 1.4 3.1 2.5 7 2.5s7-1.1 7-2.5" {}
            },
            Self::Host => html! {
                rect x="4" y="8" width="16" height="8" rx="2" {}
                path d="M8 12h.01M12 12h4" {}
            },
            Self::Many => html! {
                rect x="4" y="4" width="16" height="6" rx="2" {}
                rect x="4" y="14" width="16" height="6" rx="2" {}
                path d="M8 7h.01M8 17h.01" {}
            },
            Self::Lines => html! { path d="M4 7h16M4 12h16M4 17h16" {} },
            Self::Glass => html! {
                circle cx="11" cy="11" r="6" {}
                path d="M20 20l-4.5-4.5" {}
            },
        }
    }
}
