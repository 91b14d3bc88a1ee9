//! The effects of a change on people, in words.

use std::fmt::Display;

use super::{Diff, EndedGrant, EndedRequest, LockChange, Organisation, SentRequest, Sight};
use crate::cause::Cause;
use crate::ids::{ResourceId, UserId};
use crate::organisation::terminal_names::TerminalNames;

/// So many names are listed of many.
const MAX_NAMES: usize = 5;

/// So many resources that nobody can review have a sentence each.
const MAX_UNREVIEWED: usize = 3;

/// Says what a change does to people, for terminals: at most twelve sentences, none where it does
/// nothing. `diff` is that of `before` and `after`. True of what will be done and of what was done.
#[must_use]
pub fn sentences(diff: &Diff, before: &Organisation, after: &Organisation) -> Vec<String> {
    let of = TerminalNames::after(before, after);
    let sights = |all: &[Sight]| -> Vec<Pair> {
        let all = all.iter();
        all.flat_map(|it| of_all(&it.users, it.resource)).collect()
    };
    let locks = |all: &[LockChange]| -> Vec<Pair> {
        let all = all.iter();
        all.flat_map(|it| of_all(&it.users, it.resource)).collect()
    };
    let stricter =
        |who: &Who, what: &str| format!("The rules for {what} become stricter for {who}");
    let looser = |who: &Who, what: &str| format!("The rules for {what} become looser for {who}");
    let sees = |who: &Who, what: &str| format!("{who} {} {what}", who.verb("now see", "now sees"));
    let misses = |who: &Who, what: &str| {
        format!(
            "{who} {} {what}",
            who.verb("no longer see", "no longer sees")
        )
    };
    let lists = [
        of.people(sights(&diff.losses), misses),
        of.people(sights(&diff.gains), sees),
        of.people(locks(&diff.stricter), stricter),
        of.people(locks(&diff.looser), looser),
        of.revoked(&diff.revoked),
        of.cancelled(&diff.cancelled),
        of.reopened(&diff.reopened),
        of.sent_to_fallback(&diff.sent_to_fallback),
    ];
    let mut lines: Vec<String> = lists.into_iter().flatten().collect();
    let unreviewed = diff.unreviewed.iter();
    let named = unreviewed.take(MAX_UNREVIEWED);
    lines.extend(named.map(|it| of.nobody_can_approve(it.resource, it.whose)));
    let others = diff.unreviewed.len().saturating_sub(MAX_UNREVIEWED);
    if others > 0 {
        let resources = counted(others, "more resource", "more resources");
        lines.push(format!("The same is true of {resources}."));
    }
    lines
}

type Pair = (ResourceId, UserId);

fn of_all(users: &[UserId], resource: ResourceId) -> impl Iterator<Item = Pair> {
    users.iter().map(move |user| (resource, *user))
}

/// One person by name, or how many.
enum Who {
    One(String),
    Several(usize),
}

impl Who {
    fn verb(&self, several: &'static str, one: &'static str) -> &'static str {
        match self {
            Self::One(_) => one,
            Self::Several(_) => several,
        }
    }
}

impl Display for Who {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::One(name) => f.write_str(name),
            Self::Several(count) => write!(f, "{count} people"),
        }
    }
}

impl TerminalNames<'_> {
    /// `Ann no longer sees 2 resources: Wiki, Vault.`; `saying` is given who, and the resource or how
    /// many.
    fn people(
        &self,
        mut pairs: Vec<Pair>,
        saying: impl Fn(&Who, &str) -> String,
    ) -> Option<String> {
        pairs.sort_unstable();
        let mut users: Vec<_> = pairs.iter().map(|(_, user)| *user).collect();
        users.sort_unstable();
        users.dedup();
        let by_resource: Vec<&[Pair]> = pairs.chunk_by(|(one, _), (two, _)| one == two).collect();
        let first = *by_resource.first()?.first()?;
        let what = match by_resource.len() {
            1 => self.resource(first.0),
            count => format!("{count} resources"),
        };
        let who = match users.as_slice() {
            [one] => Who::One(self.user(*one)),
            all => Who::Several(all.len()),
        };
        let named = match (by_resource.as_slice(), &who) {
            ([_], Who::One(_)) => String::new(),
            ([_], Who::Several(_)) => listed(&users, |user| self.user(*user)),
            (all, Who::One(_)) => listed(all, |own| self.resource_of(own)),
            (all, Who::Several(_)) => listed(all, |own| match own {
                [(resource, user)] => {
                    format!("{} ({})", self.resource(*resource), self.user(*user))
                }
                own => format!("{} ({} people)", self.resource_of(own), own.len()),
            }),
        };
        Some(format!("{}{named}.", saying(&who, &what)))
    }

    fn resource_of(&self, pairs: &[Pair]) -> String {
        let first = pairs.first();
        first.map_or_else(String::new, |(resource, _)| self.resource(*resource))
    }

    fn revoked(&self, grants: &[EndedGrant]) -> Option<String> {
        let why = because(grants.iter().map(|grant| grant.cause));
        let done = counted(grants.len(), "grant is revoked", "grants are revoked");
        let named = listed(grants, |it| self.pair(it.user, "on", it.resource));
        (!grants.is_empty()).then(|| format!("{done}{why}{named}."))
    }

    fn cancelled(&self, requests: &[EndedRequest]) -> Option<String> {
        let why = because(requests.iter().map(|request| request.cause));
        let done = counted(
            requests.len(),
            "request is cancelled",
            "requests are cancelled",
        );
        let named = listed(requests, |it| self.pair(it.user, "for", it.resource));
        (!requests.is_empty()).then(|| format!("{done}{why}{named}."))
    }

    fn reopened(&self, requests: &[SentRequest]) -> Option<String> {
        let one = "approved request goes back to review";
        let done = counted(requests.len(), one, "approved requests go back to review");
        self.sent(requests, &done)
    }

    fn sent_to_fallback(&self, requests: &[SentRequest]) -> Option<String> {
        let one = "request goes to the fallback reviewers";
        let done = counted(requests.len(), one, "requests go to the fallback reviewers");
        self.sent(requests, &done)
    }

    fn sent(&self, requests: &[SentRequest], done: &str) -> Option<String> {
        let named = listed(requests, |it| self.pair(it.user, "for", it.resource));
        (!requests.is_empty()).then(|| format!("{done}{named}."))
    }

    fn pair(&self, user: UserId, to: &str, resource: ResourceId) -> String {
        format!("{} {to} {}", self.user(user), self.resource(resource))
    }
}

/// Why, where it is the same for all.
fn because(causes: impl Iterator<Item = Cause>) -> String {
    let mut causes: Vec<_> = causes.collect();
    causes.dedup();
    match causes.as_slice() {
        [cause] => format!(" because {cause}"),
        _ => String::new(),
    }
}

fn counted(count: usize, one: &str, several: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}

/// The first names behind a colon, and how many more there are.
fn listed<T>(all: &[T], name: impl Fn(&T) -> String) -> String {
    let names: Vec<_> = all.iter().take(MAX_NAMES).map(name).collect();
    let names = names.join(", ");
    match all.len().saturating_sub(MAX_NAMES) {
        0 => format!(": {names}"),
        more => format!(": {names} and {more} more"),
    }
}
