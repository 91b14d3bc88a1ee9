//! The first page of administrators and auditors: what runs and waits now, and what needs attention.

use axum::Extension;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use chrono::{Offset as _, TimeDelta, Utc};
use hourkey_access::app::App;
use hourkey_access::deputies;
use hourkey_access::overview::{self, Overview, ShownLink, Sight};
use hourkey_domain::Time;
use hourkey_domain::ids::{RequestId, ResourceId, UserId};
use hourkey_domain::organisation::Organisation;
use hourkey_domain::organisation::lint::{Finding, Severity, lint, sentence};
use hourkey_protocol::access::Person;
use hourkey_protocol::deputy::Deputy;
use maud::{Markup, html};

use super::first_day;
use super::requests::midnight;
use super::table::table;
use super::view::{self, count, link, page};
use crate::connected::ConnectedGateways;
use crate::error::PageError;
use crate::icon::Icon;
use crate::layout::{Place, plain};
use crate::page_user::PageUser;
use crate::sentence::{Links, shown};
use crate::state::dot;
use crate::time::{ago, left, moment};

/// So many rows a list has here.
const ROWS: usize = 10;
/// So many findings are shown at once.
const FINDINGS: usize = 20;
/// So many more where they are asked for.
const MORE: usize = 200;
/// Who waits longer than this is counted apart.
const LONG: TimeDelta = TimeDelta::minutes(15);

/// `GET /overview`
pub(super) async fn show(
    State(app): State<App>,
    Extension(gateways): Extension<ConnectedGateways>,
    user: PageUser,
    uri: Uri,
) -> Result<Response, PageError> {
    let view = view::overview(&app, &user, Sight::All).await?;
    let now = Now::of(&view.organisation, view.now);
    let networks = Networks::of(&view, &gateways);
    let findings = findings(&view);
    let ways = overview::ways_in(&app).await?;
    let deputies = deputies::list(&app, user.user.id).await?;
    page(
        &app,
        &user,
        &uri,
        ("Overview", Place::Overview),
        &html! {
            div.head { h1 { "Overview" } }
            (first_day::steps(&view, &app.config.address(""), networks.connected() > 0))
            (figures(&now, &networks, view.now))
            (attention(&view, &findings))
            (ways_in(&view, &ways))
            (deputising(&deputies, view.now))
            (waiting(&view, &now))
            (granted(&view, &now))
            (reached(&view, &networks))
        },
    )
    .await
}

/// What somebody has or asks for: since or until when, who, what, and by which request.
type Running = (Time, UserId, ResourceId, RequestId);

/// What runs and waits.
struct Now {
    /// The soonest end first.
    granted: Vec<Running>,
    /// The longest wait first.
    waiting: Vec<Running>,
}

impl Now {
    fn of(organisation: &Organisation, now: Time) -> Self {
        let (mut granted, mut waiting) = (Vec::new(), Vec::new());
        for (user, resource) in organisation.open_pairs() {
            let Some(access) = organisation.access(user, resource) else {
                continue;
            };
            if let Some(request) = access.pending.as_deref().filter(|it| now < it.lapses_at) {
                waiting.push((request.created_at, user, resource, request.id));
            }
            if let Some(it) = access.grant.as_deref() {
                let ends_at = organisation.ends_at(&it.grant);
                if it.grant.window.starts_at <= now && now < ends_at {
                    granted.push((ends_at, user, resource, it.request.id));
                }
            }
        }
        granted.sort_unstable();
        waiting.sort_unstable();
        Self { granted, waiting }
    }

    fn waiting_long(&self, now: Time) -> usize {
        self.waiting
            .partition_point(|(since, ..)| *since < now - LONG)
    }

    fn ending_today(&self, now: Time) -> usize {
        let midnight = midnight(now);
        self.granted
            .partition_point(|(until, ..)| *until < midnight)
    }
}

/// The gateways of each network that has resources or gateways: how many are connected, of how many.
struct Networks(Vec<(String, usize, usize)>);

impl Networks {
    fn of(view: &Overview, connected: &ConnectedGateways) -> Self {
        let of = &view.organisation;
        let networks = of.networks().filter_map(|network| {
            let all = of.gateways().filter(|(_, serves)| *serves == network.id);
            let all: Vec<_> = all.map(|(gateway, _)| gateway).collect();
            let here = all
                .iter()
                .filter(|it| connected.is_connected(**it, view.now))
                .count();
            let is_used = of.resources_of(network.id).next().is_some();
            (is_used || !all.is_empty()).then(|| (network.name.clone(), here, all.len()))
        });
        Self(networks.collect())
    }

    fn connected(&self) -> usize {
        self.0.iter().map(|(_, here, _)| here).sum()
    }

    fn all(&self) -> usize {
        self.0.iter().map(|(_, _, all)| all).sum()
    }
}

/// The gravest first; kinds stay together.
fn findings(view: &Overview) -> Vec<Finding> {
    let mut found = lint(&view.organisation, view.now);
    found.sort_by_key(|finding| std::cmp::Reverse(finding.severity()));
    found
}

fn figures(of: &Now, networks: &Networks, now: Time) -> Markup {
    let long = of.waiting_long(now);
    html! {
        ul.figures {
            li { a href="/requests?state=granted" { b { (of.granted.len()) } " granted now" } }
            li {
                a href="/requests?state=granted&ends=today" {
                    b { (of.ending_today(now)) } " ending today (UTC)"
                }
            }
            li { a href="/requests?state=waiting" { b { (of.waiting.len()) } " waiting" } }
            li {
                a href="/requests?state=waiting&waits=15" .soon[long > 0] {
                    b { (long) } " waiting for more than 15 minutes"
                }
            }
            li {
                a href="/gateways" .stop[networks.connected() < networks.all()] {
                    b { (networks.connected()) " of " (networks.all()) } " gateways connected"
                }
            }
        }
    }
}

fn attention(view: &Overview, findings: &[Finding]) -> Markup {
    let links = Links {
        configuration: true,
        people: true,
    };
    let said = |finding: &Finding| {
        let (icon, tone, word) = match finding.severity() {
            Severity::Problem => (Icon::Cross, "stop", "Problem: "),
            Severity::Warning => (Icon::Clock, "soon", "Warning: "),
            Severity::Hint => (Icon::Check, "muted", "Hint: "),
        };
        html! {
            li {
                (dot(icon, tone))
                span {
                    b { (word) }
                    (shown(&sentence(finding, &view.organisation, Utc.fix()), links))
                }
            }
        }
    };
    html! {
        section #attention {
            h2 { "Needs attention" span { (findings.len()) } }
            @if findings.is_empty() {
                p.empty { "Nothing will surprise anybody." }
            }
            ul.findings { @for finding in findings.iter().take(FINDINGS) { (said(finding)) } }
            @if findings.len() > FINDINGS {
                details {
                    summary { (count(findings.len() - FINDINGS, "more", "more")) }
                    ul.findings {
                        @for finding in findings.iter().skip(FINDINGS).take(MORE) { (said(finding)) }
                    }
                    @if findings.len() > FINDINGS + MORE {
                        p.hint {
                            "There are more: " code { "hourkey-controller lint" } " lists all of them."
                        }
                    }
                }
            }
        }
    }
}

/// The first few rows of a list, and all others folded away: none is left out.
fn folded<T>(all: &[T], row: impl Fn(&T) -> Markup) -> Markup {
    let (first, more) = all.split_at(all.len().min(FINDINGS));
    html! {
        ul.findings { @for it in first { (row(it)) } }
        @if !more.is_empty() {
            details {
                summary { (count(more.len(), "more", "more")) }
                ul.findings { @for it in more { (row(it)) } }
            }
        }
    }
}

/// Who could sign in as somebody else: rule 6 is loud.
fn ways_in(view: &Overview, ways: &[ShownLink]) -> Markup {
    let named = |id| {
        let name = view.organisation.user_name(id).unwrap_or_default();
        link("people", id, name)
    };
    html! {
        @if !ways.is_empty() {
            section #ways-in {
                h2 { "Ways in, in the last day" span { (ways.len()) } }
                (folded(ways, |way| html! {
                    li {
                        (dot(Icon::Key, "soon"))
                        span {
                            (named(way.shown_to)) " could sign in as " (named(way.user)) " since "
                            (ago(way.at, view.now)) ": by a link to the password, its mail address or "
                            "the mail server, or as somebody who could. Until a day after, "
                            (named(way.user)) " decides nothing that " (named(way.shown_to))
                            " asks for."
                        }
                    }
                }))
            }
        }
    }
}

/// Who decides for whom, also told by mail where it is set up.
fn deputising(deputies: &[Deputy], now: Time) -> Markup {
    let named = |of: &Person| link("people", of.id, &of.name);
    html! {
        @if !deputies.is_empty() {
            section #deputies {
                h2 { "Deputies" span { (deputies.len()) } }
                (folded(deputies, |it| html! {
                    li {
                        (dot(Icon::Clock, "muted"))
                        span {
                            (named(&it.deputy)) " decides for " (named(&it.principal))
                            @if !it.holds { " from " (moment(it.from, now)) }
                            " until " (moment(it.until, now)) ". Named by "
                            (named(&it.named_by)) ". "
                            a href="/review/deputy" { "Out of office" }
                        }
                    }
                }))
            }
        }
    }
}

fn waiting(view: &Overview, of: &Now) -> Markup {
    running(
        view,
        ("waiting", "Waiting for a reviewer", "Requested"),
        &of.waiting,
        "Nothing waits.",
        |since| ago(since, view.now),
    )
}

fn granted(view: &Overview, of: &Now) -> Markup {
    running(
        view,
        ("granted", "Granted now", "Ends in"),
        &of.granted,
        "Nobody has been granted access at the moment.",
        |until| left(until, view.now),
    )
}

fn running(
    view: &Overview,
    (id, title, when): (&str, &str, &str),
    all: &[Running],
    nothing: &str,
    said: impl Fn(Time) -> Markup,
) -> Markup {
    let of = &view.organisation;
    let rows = html! {
        @for (at, user, resource, request) in all.iter().take(ROWS) {
            tr {
                th scope="row" {
                    @if let Some(user) = of.user(*user) { (link("people", user.id, &user.name)) }
                }
                td {
                    @if let Some(resource) = of.resource(*resource) {
                        (link("resources", resource.id, &resource.name))
                    }
                }
                td { a href={ "/requests/" (request) } { (said(*at)) } }
            }
        }
    };
    html! {
        section #(id) {
            h2 { (title) span { (all.len()) } }
            @if all.is_empty() { p.empty { (nothing) } } @else {
                (table(title, &["Person", "Resource", when], &rows))
            }
            @if all.len() > ROWS {
                p.pager { a.btn href={ "/requests?state=" (id) } { "All " (all.len()) } }
            }
        }
    }
}

fn reached(view: &Overview, networks: &Networks) -> Markup {
    let rows = html! {
        @for (network, here, all) in &networks.0 {
            tr {
                th scope="row" { bdi { (plain(network)) } }
                td {
                    @match (*here, *all) {
                        (_, 0) => span.state.stop { "No gateway has enrolled" },
                        (0, _) => span.state.stop { "Nobody can reach its resources" },
                        (here, all) if here < all => span.state.soon { "Connected in part" },
                        _ => span.state.open { "Connected" },
                    }
                }
                td.number { (here) " of " (all) }
            }
        }
    };
    html! {
        section #gateways {
            h2 { "Gateways" }
            @if view.organisation.networks().next().is_none() {
                p.empty { "There are no networks yet." }
            } @else {
                (table("Gateways", &["Network", "State", "Connected"], &rows))
            }
        }
    }
}
