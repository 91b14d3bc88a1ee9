//! The effects of a change on people, in words.

use super::{Diff, EndedGrant, EndedRequest, LockChange, Organisation, SentRequest, Sight};
use crate::cause::Cause;
use crate::ids::{ResourceId, UserId};
use crate::organisation::names::Names;
use crate::sentence::{Piece, Sentence, say};

/// So many names are listed of many.
const MAX_NAMES: usize = 5;

/// So many resources that nobody can review have a sentence each.
const MAX_UNREVIEWED: usize = 3;

/// Says what a change does to people: at most fourteen sentences, none where it does
/// nothing. `diff` is that of `before` and `after`. True of what will be done and of what was done.
#[must_use]
pub fn sentences(diff: &Diff, before: &Organisation, after: &Organisation) -> Vec<Sentence> {
    said(diff, &Names::after(before, after))
}

/// As [`sentences`], for somebody who sees how things are set up and nobody's access: people are counted,
/// and not named.
#[must_use]
pub fn sentences_without_people(
    diff: &Diff,
    before: &Organisation,
    after: &Organisation,
) -> Vec<Sentence> {
    said(diff, &Names::after(before, after).without_people())
}

fn said(diff: &Diff, of: &Names<'_>) -> Vec<Sentence> {
    // Those of resources that stay to be seen: they are disabled, or enabled again.
    let sights = |all: &[Sight], stay: bool| -> Vec<Pair> {
        let all = all.iter().filter(|it| of.changes_use(it.resource) == stay);
        all.flat_map(|it| of_all(&it.users, it.resource)).collect()
    };
    let locks = |all: &[LockChange]| -> Vec<Pair> {
        let all = all.iter();
        all.flat_map(|it| of_all(&it.users, it.resource)).collect()
    };
    let stricter = |who: &Who, what| {
        let who = who.name.clone();
        say!("The rules for ", what, " become stricter for ", who)
    };
    let looser = |who: &Who, what| {
        let who = who.name.clone();
        say!("The rules for ", what, " become looser for ", who)
    };
    let sees = |who: &Who, what| say!(who.name.clone(), who.verb(" now see ", " now sees "), what);
    let misses = |who: &Who, what| {
        let verb = who.verb(" no longer see ", " no longer sees ");
        say!(who.name.clone(), verb, what)
    };
    let shut = |who: &Who, what| {
        let verb = who.verb(" lose access to ", " loses access to ");
        say!(who.name.clone(), verb, what, ", disabled now")
    };
    let opened = |who: &Who, what| {
        let verb = who.verb(" may use or request ", " may use or request ");
        say!(who.name.clone(), verb, what, ", enabled now")
    };
    let lists = [
        of.people(sights(&diff.losses, false), misses),
        of.people(sights(&diff.losses, true), shut),
        of.people(sights(&diff.gains, false), sees),
        of.people(sights(&diff.gains, true), opened),
        of.people(locks(&diff.stricter), stricter),
        of.people(locks(&diff.looser), looser),
        of.revoked(&diff.revoked),
        of.cancelled(&diff.cancelled),
        of.reopened(&diff.reopened),
        of.sent_to_fallback(&diff.sent_to_fallback),
    ];
    let mut lines: Vec<Sentence> = lists.into_iter().flatten().collect();
    let unreviewed = diff.unreviewed.iter();
    let named = unreviewed.take(MAX_UNREVIEWED);
    lines.extend(named.map(|it| of.nobody_can_approve(it.resource, it.whose)));
    let others = diff.unreviewed.len().saturating_sub(MAX_UNREVIEWED);
    if others > 0 {
        let resources = counted(others, "more resource", "more resources");
        lines.push(say!("The same is true of ", resources, "."));
    }
    lines
}

type Pair = (ResourceId, UserId);

fn of_all(users: &[UserId], resource: ResourceId) -> impl Iterator<Item = Pair> {
    users.iter().map(move |user| (resource, *user))
}

/// One person by name, or how many.
struct Who {
    name: Piece,
    is_one: bool,
}

impl Who {
    fn verb(&self, several: &'static str, one: &'static str) -> &'static str {
        if self.is_one { one } else { several }
    }
}

impl Names<'_> {
    /// `Ann no longer sees 2 resources: Wiki, Vault.`; `saying` is given who, and the resource or how
    /// many.
    fn people(
        &self,
        mut pairs: Vec<Pair>,
        saying: impl Fn(&Who, Piece) -> Sentence,
    ) -> Option<Sentence> {
        pairs.sort_unstable();
        let mut users: Vec<_> = pairs.iter().map(|(_, user)| *user).collect();
        users.sort_unstable();
        users.dedup();
        let by_resource: Vec<&[Pair]> = pairs.chunk_by(|(one, _), (two, _)| one == two).collect();
        let first = *by_resource.first()?.first()?;
        let what = match by_resource.len() {
            1 => self.resource(first.0),
            count => Piece::from(format!("{count} resources")),
        };
        let (name, is_one) = match users.as_slice() {
            [one] => (self.user(*one), true),
            all => (Piece::from(format!("{} people", all.len())), false),
        };
        let named = match (by_resource.as_slice(), is_one) {
            ([_], true) => Sentence::default(),
            ([_], false) if !self.names_people() => Sentence::default(),
            ([_], false) => listed(&users, |user| say!(self.user(*user))),
            (all, true) => listed(all, |own| self.resource_of(own)),
            (all, false) => listed(all, |own| match own {
                [(resource, user)] => {
                    say!(self.resource(*resource), " (", self.user(*user), ")")
                }
                own => self
                    .resource_of(own)
                    .and(say!(format!(" ({} people)", own.len()))),
            }),
        };
        let said = saying(&Who { name, is_one }, what);
        Some(said.and(named).and(say!(".")))
    }

    fn resource_of(&self, pairs: &[Pair]) -> Sentence {
        let first = pairs.first();
        first
            .map(|(resource, _)| self.resource(*resource))
            .into_iter()
            .collect()
    }

    fn revoked(&self, grants: &[EndedGrant]) -> Option<Sentence> {
        let why = because(grants.iter().map(|grant| grant.cause));
        let done = counted(grants.len(), "grant is revoked", "grants are revoked");
        let named = self.pairs(grants, |it| (it.user, " on ", it.resource));
        (!grants.is_empty()).then(|| say!(done, why).and(named).and(say!(".")))
    }

    fn cancelled(&self, requests: &[EndedRequest]) -> Option<Sentence> {
        let why = because(requests.iter().map(|request| request.cause));
        let done = counted(
            requests.len(),
            "request is cancelled",
            "requests are cancelled",
        );
        let named = self.pairs(requests, |it| (it.user, " for ", it.resource));
        (!requests.is_empty()).then(|| say!(done, why).and(named).and(say!(".")))
    }

    fn reopened(&self, requests: &[SentRequest]) -> Option<Sentence> {
        let one = "approved request goes back to review";
        let done = counted(requests.len(), one, "approved requests go back to review");
        self.sent(requests, done)
    }

    fn sent_to_fallback(&self, requests: &[SentRequest]) -> Option<Sentence> {
        let one = "request goes to the fallback reviewers";
        let done = counted(requests.len(), one, "requests go to the fallback reviewers");
        self.sent(requests, done)
    }

    fn sent(&self, requests: &[SentRequest], done: String) -> Option<Sentence> {
        let named = self.pairs(requests, |it| (it.user, " for ", it.resource));
        (!requests.is_empty()).then(|| say!(done).and(named).and(say!(".")))
    }

    /// Whose, and for what; nothing where people are only counted.
    fn pairs<T>(
        &self,
        all: &[T],
        of: impl Fn(&T) -> (UserId, &'static str, ResourceId),
    ) -> Sentence {
        if !self.names_people() {
            return Sentence::default();
        }
        listed(all, |it| {
            let (user, to, resource) = of(it);
            say!(self.user(user), to, self.resource(resource))
        })
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
fn listed<T>(all: &[T], name: impl Fn(&T) -> Sentence) -> Sentence {
    let first = all.iter().take(MAX_NAMES).enumerate();
    let named = first.fold(Sentence::default(), |said, (at, it)| {
        let before = if at == 0 { ": " } else { ", " };
        said.and(say!(before)).and(name(it))
    });
    match all.len().saturating_sub(MAX_NAMES) {
        0 => named,
        more => named.and(say!(format!(" and {more} more"))),
    }
}
