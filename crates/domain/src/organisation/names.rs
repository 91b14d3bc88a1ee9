//! The names of the organisation's parts, in sentences.

use super::unreviewed::Unreviewed;
use super::value::Organisation;
use crate::ids::{AssignmentId, GroupId, NetworkId, ResourceId, UserId};
use crate::sentence::{Piece, Sentence, Thing, say};

/// Names for ids; an id that leads nowhere is said as a number.
pub(super) struct Names<'a> {
    of: &'a Organisation,
    /// Has the names of what is gone.
    before: &'a Organisation,
    /// Whether people are named, or only counted.
    names_people: bool,
}

impl<'a> Names<'a> {
    pub(super) fn of(organisation: &'a Organisation) -> Self {
        Self::after(organisation, organisation)
    }

    /// The names in `after`, and of what it lacks in `before`.
    pub(super) fn after(before: &'a Organisation, after: &'a Organisation) -> Self {
        Self {
            of: after,
            before,
            names_people: true,
        }
    }

    /// For somebody who sees how things are set up, and nobody's access.
    pub(super) fn without_people(self) -> Self {
        Self {
            names_people: false,
            ..self
        }
    }

    /// Whether people are named.
    pub(super) fn names_people(&self) -> bool {
        self.names_people
    }

    /// One person.
    pub(super) fn user(&self, id: UserId) -> Piece {
        if !self.names_people {
            return Piece::from("1 person");
        }
        let name = self.of.user_name(id);
        let name = name.or_else(|| self.before.user_name(id));
        let is_there = self.of.user(id).is_some() && self.before.user(id).is_some();
        named(name, is_there.then_some(Thing::User(id)), id.0)
    }

    /// Whether a resource is there before and after, and is disabled or enabled between.
    pub(super) fn changes_use(&self, id: ResourceId) -> bool {
        let enabled = |of: &Organisation| of.resource(id).map(|it| it.about.enabled);
        match (enabled(self.before), enabled(self.of)) {
            (Some(before), Some(after)) => before != after,
            (None, _) | (_, None) => false,
        }
    }

    pub(super) fn group(&self, id: GroupId) -> Piece {
        let now = self.of.group(id);
        let group = now.or_else(|| self.before.group(id));
        let name = group.map(|group| group.name.as_str());
        let is_there = now.is_some() && self.before.group(id).is_some();
        named(name, is_there.then_some(Thing::Group(id)), id.0)
    }

    pub(super) fn network(&self, id: NetworkId) -> Piece {
        let network = self.of.network(id).or_else(|| self.before.network(id));
        named(network.map(|network| network.name.as_str()), None, id.0)
    }

    pub(super) fn resource(&self, id: ResourceId) -> Piece {
        let now = self.of.resource(id);
        let resource = now.or_else(|| self.before.resource(id));
        let name = resource.map(|resource| resource.name.as_str());
        let is_there = now.is_some() && self.before.resource(id).is_some();
        named(name, is_there.then_some(Thing::Resource(id)), id.0)
    }

    pub(super) fn assigned(&self, id: AssignmentId) -> Piece {
        match self.of.assignment(id) {
            Some(own) => self.group(own.group),
            None => Piece::name(id.to_string()),
        }
    }

    /// Whose requests for a resource nobody can approve.
    pub(super) fn nobody_can_approve(&self, resource: ResourceId, whose: Unreviewed) -> Sentence {
        let resource = self.resource(resource);
        match whose {
            Unreviewed::Everybody => say!("Nobody can approve requests for ", resource, "."),
            Unreviewed::User(user) => say!(
                self.user(user),
                " is the only reviewer of ",
                resource,
                ": nobody can approve their requests."
            ),
        }
    }
}

/// What is gone leads nowhere, and neither does what is new and has no number yet.
fn named(name: Option<&str>, of: Option<Thing>, id: i64) -> Piece {
    match (name, of) {
        (Some(name), Some(thing)) => Piece::of(thing, name),
        (Some(name), None) => Piece::name(name),
        (None, _) => Piece::name(id.to_string()),
    }
}
