//! Several resources at one address: judges the hosts that are sniffed in a flow.
//!
//! A sniffed name is judged as if it had been asked for (rule 9), at the flow's own address and
//! port. Bytes that name no resource known there may be for any of them: they pass only if the
//! user may use all resources known there.

use std::collections::HashMap;
use std::net::IpAddr;

use hourkey_domain::address::Host;
use hourkey_domain::ids::ResourceId;

use super::{EndedFlows, Flow, Table, Target};
use crate::flow_state::Mismatch;
use crate::index::Resource;
use crate::sniff::SniffedHost;

/// The hosts that a flow's client has named.
#[derive(Debug, Default)]
pub(super) struct SniffedHosts {
    /// The last name, in canonical form.
    name: Option<String>,
    /// Bytes passed that name no host.
    unnamed: bool,
}

/// The wildcards that have a name at an address.
pub(super) type WildcardAddresses = HashMap<IpAddr, Vec<ResourceId>>;

/// The most addresses that are remembered.
const MAX_WILDCARD_ADDRESSES: usize = 10_000;

impl SniffedHosts {
    fn take(&mut self, found: &SniffedHost) {
        match found {
            SniffedHost::Name(name) => match name.parse() {
                Ok(Host::Name(name)) => self.name = Some(name),
                Ok(Host::Ip(_)) | Err(_) => self.unnamed = true,
            },
            SniffedHost::Unnamed => self.unnamed = true,
        }
    }
}

impl Table {
    /// Judges whether a sniffed host may pass in this flow.
    ///
    /// # Errors
    /// The mismatch, if it may not.
    pub(crate) fn judge(&mut self, id: u64, found: &SniffedHost, now: u64) -> Result<(), Mismatch> {
        let Some(flow) = self.flows.get_mut(&id) else {
            // It was cut already.
            return Ok(());
        };
        flow.sniffed.take(found);
        let flow = &self.flows[&id];
        let until = self.sniffed_deadline(flow, now)?;
        flow.state.set_deadline(flow.state.deadline().min(until));
        Ok(())
    }

    /// Judges whether the destination may speak now. Before its client has sent anything, it may
    /// speak for any resource there.
    ///
    /// # Errors
    /// As [`Self::judge`].
    pub(crate) fn judge_answer(&mut self, id: u64, now: u64) -> Result<(), Mismatch> {
        match self.flows.get(&id) {
            Some(flow) if flow.sniffed.name.is_none() && !flow.sniffed.unnamed => {
                self.judge(id, &SniffedHost::Unnamed, now)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Returns true when other resources are known at the flow's destination.
    pub(crate) fn is_shared(&self, id: u64) -> bool {
        let flow = self.flows.get(&id);
        flow.is_some_and(|flow| self.others(flow).next().is_some())
    }

    /// Returns true when a flow's user may use all resources known at its destination.
    pub(crate) fn may_use_all(&self, id: u64, now: u64) -> bool {
        let flow = self.flows.get(&id);
        flow.is_some_and(|flow| self.others_deadline(flow, None, now).is_ok())
    }

    /// Returns until when a flow may go on with the hosts sniffed in it, in milliseconds on the boot
    /// clock.
    pub(super) fn sniffed_deadline(&self, flow: &Flow, now: u64) -> Result<u64, Mismatch> {
        let (SniffedHosts { name, unnamed }, target) = (&flow.sniffed, &flow.target);
        let (Some(at), true) = (target.socket_addr(), name.is_some() || *unnamed) else {
            return Ok(u64::MAX);
        };
        let mut until = u64::MAX;
        if let Some(name) = name
            && !matches!(&target.host, Host::Name(asked) if asked == name)
        {
            match self.index.named(name, target.port, at) {
                Some(governs) if governs.id == flow.state.resource => {}
                Some(other) => return Err(mismatch(flow, Some(name), other)),
                None => {
                    until = self.others_deadline(flow, Some(name), now)?;
                    // As if it had been asked for, a name needs its wildcard's permit, too.
                    if let Some(above) = self.index.wildcard(name, target.port) {
                        until = until.min(self.other_deadline(flow, Some(name), above, now)?);
                    }
                }
            }
        }
        if *unnamed {
            until = until.min(self.others_deadline(flow, None, now)?);
        }
        Ok(until)
    }

    /// Returns until when the flow's user may use all other resources known at its destination.
    fn others_deadline(
        &self,
        flow: &Flow,
        name: Option<&String>,
        now: u64,
    ) -> Result<u64, Mismatch> {
        let mut until = u64::MAX;
        for other in self.others(flow) {
            until = until.min(self.other_deadline(flow, name, other, now)?);
        }
        Ok(until)
    }

    /// Returns until when the flow's user may use another resource.
    fn other_deadline(
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

    /// Iterates over the other resources known at a flow's destination.
    fn others<'a>(&'a self, flow: &'a Flow) -> impl Iterator<Item = &'a Resource> {
        let at = flow.target.socket_addr();
        let known = at.into_iter().flat_map(|at| self.index.known_at(at));
        let seen = at.into_iter().flat_map(|at| {
            let seen = self.wildcard_addresses.get(&at.ip()).into_iter().flatten();
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
    pub(crate) fn note(&mut self, target: &Target, now: u64) -> EndedFlows {
        let (Host::Name(name), Some(ip)) = (&target.host, target.ip) else {
            return EndedFlows::new();
        };
        let Some(id) = self.index.wildcard(name, target.port).map(|it| it.id) else {
            return EndedFlows::new();
        };
        let ip = ip.to_canonical();
        if self
            .wildcard_addresses
            .get(&ip)
            .is_some_and(|seen| seen.contains(&id))
        {
            return EndedFlows::new();
        }
        if self.wildcard_addresses.len() >= MAX_WILDCARD_ADDRESSES
            && let Some(some) = self.wildcard_addresses.keys().next().copied()
        {
            self.wildcard_addresses.remove(&some);
        }
        self.wildcard_addresses.entry(ip).or_default().push(id);
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
