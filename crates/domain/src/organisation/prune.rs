//! Contents without the ids that lead nowhere.

use std::collections::BTreeSet;

use super::contents::Contents;
use crate::ids::GroupId;

impl Contents {
    /// The same without what counts for nothing: members, groups and resources that are not there, and
    /// what was kept for them. A store forgets these together with what it removes; two values of one
    /// organisation are compared in this form.
    #[must_use]
    pub fn pruned(mut self) -> Self {
        let users: BTreeSet<_> = self.users.iter().map(|user| user.id).collect();
        let groups: BTreeSet<_> = self.groups.iter().map(|group| group.id).collect();
        let resources: BTreeSet<_> = self.resources.iter().map(|resource| resource.id).collect();
        self.fallback_reviewers.retain(|id| groups.contains(id));
        self.bars.retain(|bar| users.contains(&bar.account));
        for group in &mut self.groups {
            group.members.retain(|id| users.contains(id));
        }
        self.joined.retain(|(group, _)| groups.contains(group));
        for resource in &mut self.resources {
            resource.approvers.retain(|id| groups.contains(id));
        }
        let is_group = |id: &GroupId| *id == GroupId::EVERYONE || groups.contains(id);
        self.assignments
            .retain(|own| is_group(&own.group) && resources.contains(&own.resource));
        let assignments: BTreeSet<_> = self.assignments.iter().map(|own| own.id).collect();
        self.held_back
            .retain(|held| users.contains(&held.user) && assignments.contains(&held.assignment));
        self.accesses
            .retain(|((user, resource), _)| users.contains(user) && resources.contains(resource));
        self.sessions
            .retain(|session| users.contains(&session.user));
        let sessions: BTreeSet<_> = self.sessions.iter().map(|session| session.id).collect();
        self.devices
            .retain(|device| users.contains(&device.user) && sessions.contains(&device.session));
        self
    }
}
