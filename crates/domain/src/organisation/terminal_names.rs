//! What a terminal is told of the organisation's parts.

use super::unreviewed::Unreviewed;
use super::value::Organisation;
use crate::ids::{AssignmentId, GroupId, NetworkId, ResourceId, UserId};
use crate::text::for_terminal;

/// Names for ids, harmless on a terminal; an id that leads nowhere is said as a number.
pub(super) struct TerminalNames<'a> {
    of: &'a Organisation,
    /// Has the names of what is gone.
    before: &'a Organisation,
}

impl<'a> TerminalNames<'a> {
    pub(super) fn of(organisation: &'a Organisation) -> Self {
        Self::after(organisation, organisation)
    }

    /// The names in `after`, and of what it lacks in `before`.
    pub(super) fn after(before: &'a Organisation, after: &'a Organisation) -> Self {
        Self { of: after, before }
    }

    pub(super) fn user(&self, id: UserId) -> String {
        let name = self.of.user_name(id);
        said(name.or_else(|| self.before.user_name(id)), id.0)
    }

    pub(super) fn group(&self, id: GroupId) -> String {
        let group = self.of.group(id).or_else(|| self.before.group(id));
        said(group.map(|group| group.name.as_str()), id.0)
    }

    pub(super) fn network(&self, id: NetworkId) -> String {
        let network = self.of.network(id).or_else(|| self.before.network(id));
        said(network.map(|network| network.name.as_str()), id.0)
    }

    pub(super) fn resource(&self, id: ResourceId) -> String {
        let resource = self.of.resource(id).or_else(|| self.before.resource(id));
        said(resource.map(|resource| resource.name.as_str()), id.0)
    }

    pub(super) fn assigned(&self, id: AssignmentId) -> String {
        let assignment = self.of.assignment(id);
        assignment.map_or_else(|| id.to_string(), |own| self.group(own.group))
    }

    /// A sentence: whose requests for a resource nobody can approve.
    pub(super) fn nobody_can_approve(&self, resource: ResourceId, whose: Unreviewed) -> String {
        let resource = self.resource(resource);
        match whose {
            Unreviewed::Everybody => format!("Nobody can approve requests for {resource}."),
            Unreviewed::User(user) => format!(
                "{} is the only reviewer of {resource}: nobody can approve their requests.",
                self.user(user)
            ),
        }
    }
}

fn said(name: Option<&str>, id: i64) -> String {
    name.map_or_else(|| id.to_string(), for_terminal)
}
