//! The queue: what waits for a reviewer, by what expires first, beside the requests themselves.

use hourkey_domain::Time;
use hourkey_domain::ids::RequestId;
use hourkey_protocol::access::{Request, Review};
use maud::{Markup, html};
use serde::Deserialize;

use super::settled::Settled;
use crate::layout::plain;
use crate::outcome::asked;
use crate::time::moment;

/// How the queue is grouped, as its address says: `?by=resource`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub(super) enum Grouping {
    /// One list.
    #[default]
    None,
    /// What is asked for together, of which several can be decided at once.
    Resource,
    /// What one person asks for together.
    Person,
}

impl From<String> for Grouping {
    fn from(word: String) -> Self {
        let mut all = Self::ALL.into_iter();
        all.find(|it| it.word() == word).unwrap_or_default()
    }
}

impl Grouping {
    const ALL: [Self; 3] = [Self::None, Self::Resource, Self::Person];

    /// As in an address.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Resource => "resource",
            Self::Person => "person",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::None => "Time",
            Self::Resource => "Resource",
            Self::Person => "Person",
        }
    }

    /// The address of a page with the queue grouped so.
    pub(super) fn address(self, path: &str) -> String {
        match self {
            Self::None => path.to_owned(),
            Self::Resource | Self::Person => format!("{path}?by={}", self.word()),
        }
    }

    fn is_same(self, one: &Request, other: &Request) -> bool {
        match self {
            Self::None => true,
            Self::Resource => one.resource == other.resource,
            Self::Person => one.requester.id == other.requester.id,
        }
    }
}

/// Where a form of the page leads back to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Origin<'a> {
    /// On the page of the queue: what stays settled in it.
    pub(super) settled: Option<&'a Settled>,
    /// How the queue is grouped.
    pub(super) by: Grouping,
}

impl Origin<'_> {
    /// As hidden fields.
    pub(super) fn fields(&self) -> Markup {
        html! {
            @if let Some(settled) = self.settled { input type="hidden" name="settled" value=(settled); }
            @if self.by != Grouping::None { input type="hidden" name="by" value=(self.by.word()); }
        }
    }
}

/// Sorts requests by what expires first.
pub(super) fn order(request: &Request) -> (Time, RequestId) {
    (request.lapses_at, request.id)
}

/// The queue of one person.
pub(super) struct Queue<'a> {
    pub(super) reviews: &'a [Review],
    pub(super) by: Grouping,
    /// The request that has a page of its own here; `None` where all of them stand beside the queue.
    pub(super) here: Option<RequestId>,
    pub(super) now: Time,
}

/// What is listed together.
pub(super) struct Group<T> {
    /// What expires first.
    first: T,
    pub(super) all: Vec<T>,
}

/// Groups requests, or what stands for them: by what expires first, and so are the groups.
pub(super) fn groups<'a, T: Copy>(
    by: Grouping,
    all: impl IntoIterator<Item = T>,
    request: impl Fn(T) -> &'a Request,
) -> Vec<Group<T>> {
    let mut sorted: Vec<T> = all.into_iter().collect();
    sorted.sort_by_key(|it| order(request(*it)));
    let mut groups: Vec<Group<T>> = Vec::new();
    for it in sorted {
        let same = |group: &&mut Group<T>| by.is_same(request(group.first), request(it));
        match groups.iter_mut().find(same) {
            Some(group) => group.all.push(it),
            None => groups.push(Group {
                first: it,
                all: vec![it],
            }),
        }
    }
    groups
}

impl Queue<'_> {
    /// The list, by what expires first; so are its groups.
    pub(super) fn list(&self) -> Markup {
        let theirs = decidable(self.reviews);
        let others = self.reviews.len() - theirs;
        html! {
            nav.queue aria-label="Waiting requests" {
                div #waiting data-live {
                    p.part #waiting-count {
                        "Waiting " span.total { (theirs) }
                        @if others > 0 { " · " (others) " for others" }
                    }
                    (self.groupings())
                    @if self.reviews.is_empty() && self.here.is_some() {
                        p.empty #waits-none { "Nothing waits for you." }
                    }
                    @for group in groups(self.by, self.reviews, |review| &review.request) { (self.group(&group)) }
                }
                @if self.here.is_some() {
                    p { a href=(self.by.address("/review")) { "Queue and history" } }
                }
            }
        }
    }

    fn groupings(&self) -> Markup {
        let path = match self.here {
            Some(here) => format!("/review/{here}"),
            None => "/review".to_owned(),
        };
        html! {
            p.part.by #waiting-by {
                "By "
                @for by in Grouping::ALL {
                    a href=(by.address(&path)) aria-current=[(by == self.by).then_some("true")] {
                        (by.label())
                    }
                    " "
                }
            }
        }
    }

    fn group(&self, group: &Group<&Review>) -> Markup {
        let request = &group.first.request;
        let (id, name) = match self.by {
            Grouping::None => return html! { ul #waits { (self.rows(group, false)) } },
            Grouping::Resource => (request.resource.0, plain(&request.resource_name)),
            Grouping::Person => (request.requester.id.0, plain(&request.requester.name)),
        };
        let heading = format!("waits-by-{id}");
        let list = |several: bool| {
            html! {
                p.group #(heading) { bdi { (name) } }
                ul aria-labelledby=(heading) { (self.rows(group, several)) }
            }
        };
        let several = self.by == Grouping::Resource && decidable(group.all.iter().copied()) > 1;
        html! {
            div #{ "group-" (id) } {
                @if several {
                    form.several #{ "several-" (id) } method="get" action="/review/several" {
                        (list(true))
                        button.btn aria-label={ "Decide several…, " (name) } { "Decide several…" }
                    }
                } @else { (list(false)) }
            }
        }
    }

    /// With boxes to choose several, where they can be decided at once.
    fn rows(&self, group: &Group<&Review>, several: bool) -> Markup {
        html! {
            @for review in &group.all {
                @let request = &review.request;
                li {
                    @if several && review.may_decide {
                        input type="checkbox" name="request" value=(request.id)
                            aria-label={ "Choose " (plain(&request.requester.name)) ", "
                                (plain(&request.resource_name)) };
                    }
                    a #{ "waits-" (request.id) } data-request=(request.id) href=(self.way_to(request.id))
                        aria-current=[(self.here == Some(request.id)).then_some("true")] {
                        b { bdi { (plain(&request.requester.name)) } }
                        span { bdi { (plain(&request.resource_name)) } }
                        span.state {
                            (asked(request))
                            @if let Some(at) = request.starts_at { " from " (moment(at, self.now)) }
                            " · expires " (moment(request.lapses_at, self.now))
                            @if !review.may_decide { " · another reviewer decides" }
                            @if let Some(principal) = &review.on_behalf_of {
                                " · for " bdi { (plain(&principal.name)) }
                            }
                        }
                    }
                }
            }
        }
    }

    fn way_to(&self, id: RequestId) -> String {
        match self.here {
            Some(_) => self.by.address(&format!("/review/{id}")),
            None => format!("#review-{id}"),
        }
    }
}

/// How many of them the person may decide.
fn decidable<'a>(reviews: impl IntoIterator<Item = &'a Review>) -> usize {
    let reviews = reviews.into_iter();
    reviews.filter(|review| review.may_decide).count()
}

/// How the keys move through the queue ([`keys.js`](../../assets/keys.js)), and their switch. Without the
/// script there are none.
pub(super) fn keys() -> Markup {
    html! {
        div.keys #keys hidden {
            label { input #keys-on type="checkbox" checked; " Keys, in the queue" }
            p {
                @for (key, does) in [
                    ("J", "next"), ("K", "previous"), ("A", "approve"), ("S", "shorter"), ("D", "deny"),
                    ("U", "undo"),
                ] {
                    span { kbd { (key) } " " (does) } " "
                }
            }
        }
    }
}
