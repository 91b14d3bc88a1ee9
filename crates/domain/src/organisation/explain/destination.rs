//! What an explanation tells of the destination: who takes its connections (rule 9), and whether a
//! gateway is there.

use super::value::{Explanation, Missing, Named, Presence, Shadowed};
use super::{Seen, named};
use crate::Time;
use crate::ids::{GatewayId, ResourceId};
use crate::organisation::models::Resource;
use crate::organisation::value::Organisation;

/// Who takes the connections to a resource's address, as far as a viewer may know.
pub(super) struct Destination {
    /// The first that the viewer sees which takes all of its ports.
    pub(super) governed_by: Option<Named<ResourceId>>,
    /// Which ports others take.
    pub(super) shadowed: Vec<Shadowed>,
    /// Others take all of them.
    pub(super) is_taken: bool,
}

impl Destination {
    /// That something takes connections which the viewer cannot see is told where the person has a
    /// permit, and nowhere else: a refused connection tells them the same.
    pub(super) fn of(resource: &Resource, viewer: &Seen<'_>, has_permit: bool) -> Self {
        let mut governed_by = None;
        let mut shadowed = Vec::new();
        let mut hidden = Vec::new();
        let mut free = Some(resource.ports.clone());
        for other in viewer.organisation.shadowing(resource) {
            if !viewer.sees(other) {
                hidden.push(other);
                continue;
            }
            let by = named(other.id, &other.name);
            if let Some(ports) = free.as_ref().and_then(|free| free.common(&other.ports)) {
                let by = Some(by.clone());
                shadowed.push(Shadowed { ports, by });
            }
            free = free.and_then(|free| free.without(&other.ports));
            if governed_by.is_none() && other.ports.contain_all(&resource.ports) {
                governed_by = Some(by);
            }
        }
        if let Some(before) = free.clone().filter(|_| has_permit) {
            let others = hidden.iter();
            free = others.fold(free, |free, other| free?.without(&other.ports));
            let taken = match &free {
                Some(free) => before.without(free),
                None => Some(before),
            };
            // As one, however many they are.
            shadowed.extend(taken.map(|ports| Shadowed { ports, by: None }));
        }
        Self {
            governed_by,
            shadowed,
            is_taken: free.is_none(),
        }
    }
}

/// Those that leave nothing of the destination.
pub(super) fn governing(found: &Explanation) -> Vec<Missing> {
    let other = |id| Missing::OtherGoverns { resource: id };
    if let Some(one) = &found.governed_by {
        return vec![other(one.id)];
    }
    let all = found.shadowed.iter().map(|taken| match &taken.by {
        Some(by) => other(by.id),
        None => Missing::SomethingElseGoverns,
    });
    all.collect()
}

impl Explanation {
    /// Adds which gateways are connected at `now`; of a later moment nobody knows.
    #[must_use]
    pub fn with_connected(
        mut self,
        organisation: &Organisation,
        now: Time,
        is_connected: impl Fn(GatewayId) -> bool,
    ) -> Self {
        let resource = organisation.resource(self.resource.id);
        let Some(resource) = resource.filter(|_| self.at == now) else {
            return self;
        };
        let gateways = organisation.gateways();
        let mut here = gateways.filter(|(_, network)| *network == resource.network);
        if self.gateway != Presence::Unknown {
            return self;
        }
        if here.any(|(gateway, _)| is_connected(gateway)) {
            self.gateway = Presence::Connected;
        } else {
            self.gateway = Presence::Away;
            self.missing.push(Missing::GatewayAway);
        }
        self
    }
}
