//! The organisation as one immutable value: users, groups, networks, resources, assignments, and what
//! is open between users and resources, true at one sequence number of the change log.
//!
//! Rows' facts, permits, reviewers and the rest follow from it by pure functions that read no table.
//! Its keeper loads it once ([`Organisation::build`]), and advances a clone by the setters.

mod access;
mod affected;
mod changes;
mod contents;
pub mod diff;
pub mod everyone;
pub mod explain;
mod held_back;
mod index;
pub mod lint;
mod models;
mod names;
mod prune;
mod reads;
mod reviewers;
mod set;
mod size;
mod summary;
#[cfg(test)]
mod tests;
mod unreviewed;
mod value;

pub use access::{Access, AccessHistory};
pub use affected::{Consequences, affected_pairs, moved};
pub use contents::Contents;
pub use diff::{
    Diff, EndedGrant, EndedRequest, LockChange, SentRequest, Sight, UnreviewedResource, diff,
};
pub use explain::explain;
pub use held_back::{Earlier, HELD_BACK_FOR, HeldBack, held_back};
pub use lint::lint;
pub use models::{
    About, Assignment, BadText, Device, Group, Joined, Names, Network, Resource, Session, User,
};
pub use reads::{InNetwork, Reachable, Reached};
pub use reviewers::{Reach, StandsIn};
pub use size::Size;
pub use summary::Standing;
pub use unreviewed::Unreviewed;
pub use value::Organisation;
