//! One address, several resources: what may pass inside of a flow.
//!
//! A name that is found inside is judged as if it had been asked for (rule 9), at the flow's own
//! address and port. What names nothing that is known there is for whatever listens: it may pass
//! only if the user may use everything that is known there.

use std::collections::HashMap;
use std::net::IpAddr;

use hourkey_domain::address::Host;
use hourkey_domain::ids::ResourceId;

use super::{Ended, Flow, Table, Target};
use crate::flow_state::Mismatch;
use crate::index::Resource;
use crate::sniff::Found;

/// What a flow's client has said about where it is meant to go.
#[derive(Debug, Default)]
pub(super) struct Inside {
    /// The last name, in canonical form.
    name: Option<String>,
    /// Something went through that names nothing.
    unnamed: bool,
}

/// The wildcards of which a name was seen at an address.
pub(super) type Seen = HashMap<IpAddr, Vec<ResourceId>>;

/// The most addresses of which it is remembered which wildcards' names are there.
const MAX_SEEN: usize = 10_000;

impl Inside {
    fn take(&mut self, found: &Found) {
        match found {
            Found::Name(name) => match name.parse() {
                Ok(Host::Name(name)) => self.name = Some(name),
                Ok(Host::Ip(_)) | Err(_) => self.unnamed = true,
            },
            Found::Unnamed => self.unnamed = true,
        }
    }
}

impl Table {
    /// May what was found pass in this flow?
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn judge(&mut self, id: u64, found: &Found, now: u64) -> Result<(), Mismatch> {
        let Some(flow) = self.flows.get_mut(&id) else {
            // It was cut already.
            return Ok(());
        };
        flow.inside.take(found);
        let flow = &self.flows[&id];
        let until = self.inside_stands(flow, now)?;
        flow.state.set_deadline(flow.state.deadline().min(until));
        Ok(())
    }

    /// May the destination speak now? Before its client has said anything, it speaks for whatever
    /// listens there.
    ///
    /// # Errors
    /// As [`Self::judge`].
    pub(crate) fn judge_answer(&mut self, id: u64, now: u64) -> Result<(), Mismatch> {
        match self.flows.get(&id) {
            Some(flow) if flow.inside.name.is_none() && !flow.inside.unnamed => {
                self.judge(id, &Found::Unnamed, now)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// True when other resources are known where the flow goes.
    pub(crate) fn is_shared(&self, id: u64) -> bool {
        let flow = self.flows.get(&id);
        flow.is_some_and(|flow| self.others(flow).next().is_some())
    }

    /// True when a flow's user may use everything that is known where it goes.
    pub(crate) fn may_use_all(&self, id: u64, now: u64) -> bool {
        let flow = self.flows.get(&id);
        flow.is_some_and(|flow| self.others_stand(flow, None, now).is_ok())
    }

    /// Until when a flow may go on with what was found inside, in milliseconds on the boot clock.
    pub(super) fn inside_stands(&self, flow: &Flow, now: u64) -> Result<u64, Mismatch> {
        let (Inside { name, unnamed }, target) = (&flow.inside, &flow.target);
        let (Some(place), true) = (target.place(), name.is_some() || *unnamed) else {
            return Ok(u64::MAX);
        };
        let mut until = u64::MAX;
        if let Some(name) = name
            && !matches!(&target.host, Host::Name(asked) if asked == name)
        {
            match self.index.named(name, target.port, place) {
                Some(governs) if governs.id == flow.state.resource => {}
                Some(other) => return Err(mismatch(flow, Some(name), other)),
                None => {
                    until = self.others_stand(flow, Some(name), now)?;
                    // As if it had been asked for, a name needs its wildcard's permit, too.
                    if let Some(above) = self.index.wildcard(name, target.port) {
                        until = until.min(self.other_stands(flow, Some(name), above, now)?);
                    }
                }
            }
        }
        if *unnamed {
            until = until.min(self.others_stand(flow, None, now)?);
        }
        Ok(until)
    }

    /// Until when the flow's user may use everything else that is known where it goes.
    fn others_stand(&self, flow: &Flow, name: Option<&String>, now: u64) -> Result<u64, Mismatch> {
        let mut until = u64::MAX;
        for other in self.others(flow) {
            until = until.min(self.other_stands(flow, name, other, now)?);
        }
        Ok(until)
    }

    /// Until when the flow's user may use another resource.
    fn other_stands(
        &self,
        flow: &Flow,
        name: Option<&String>,
        other: &Resource,
        now: u64,
    ) -> Result<u64, Mismatch> {
        match self.deadline(flow.state.user, other.id) {
            Some(deadline) if deadline > now => Ok(deadline),
            Some(_) | None => Err(mismatch(flow, name, other)),
        }
    }

    /// The other resources that are known where a flow goes.
    fn others<'a>(&'a self, flow: &'a Flow) -> impl Iterator<Item = &'a Resource> {
        let place = flow.target.place();
        let known = place.into_iter().flat_map(|at| self.index.known_at(at));
        let seen = place.into_iter().flat_map(|at| {
            let seen = self.seen.get(&at.ip()).into_iter().flatten();
            seen.filter_map(|id| self.index.get(*id))
                .filter(move |it| it.ports.contains(at.port()))
        });
        known.chain(seen).filter(|it| it.id != flow.state.resource)
    }

    /// As [`crate::index::Index::shared`].
    pub(crate) fn shared(&self, limit: usize) -> Vec<(IpAddr, &Resource, &Resource)> {
        self.index.shared(limit)
    }

    /// Notes where a wildcard's name leads. Returns the flows that this ends.
    pub(crate) fn note(&mut self, target: &Target, now: u64) -> Ended {
        let (Host::Name(name), Some(ip)) = (&target.host, target.ip) else {
            return Ended::new();
        };
        let Some(id) = self.index.wildcard(name, target.port).map(|it| it.id) else {
            return Ended::new();
        };
        let ip = ip.to_canonical();
        if self.seen.get(&ip).is_some_and(|seen| seen.contains(&id)) {
            return Ended::new();
        }
        if self.seen.len() >= MAX_SEEN
            && let Some(some) = self.seen.keys().next().copied()
        {
            self.seen.remove(&some);
        }
        self.seen.entry(ip).or_default().push(id);
        self.review(false, now)
    }
}

fn mismatch(flow: &Flow, inside: Option<&String>, other: &Resource) -> Mismatch {
    Mismatch {
        asked: match &flow.target.host {
            Host::Name(name) => name.clone(),
            Host::Ip(ip) => ip.to_string(),
        },
        inside: inside.cloned(),
        other: other.id,
    }
}
