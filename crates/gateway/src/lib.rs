//! The Hourkey gateway: stands beside private resources, lets granted traffic in, and cuts it.
//!
//! A connection comes in through `listen`, is let in by `tunnel` and carried by `relay`, which has
//! `sniff` look for names in what its client says first.
//! The [`gate`] decides whether it may pass: it owns the [`table`] of permits and the [`lease`].
//! [`control`] keeps it up to date with the controller's stream (`protocol::gateway`).

pub mod api;
mod budget;
mod certificate;
pub mod config;
mod context;
pub mod control;
mod descriptors;
pub mod dns;
pub mod enrolment;
mod flow_ends;
pub mod flow_state;
mod forbidden;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
pub mod gate;
mod handshake_limit;
mod http1;
mod http2;
pub mod index;
pub mod lease;
pub mod limits;
mod listen;
mod relay;
#[cfg(test)]
#[path = "../../../fuzz/replay.rs"]
mod replay;
pub mod resolve;
pub mod timings;

mod server;
mod sniff;
pub mod table;
mod tls;
mod tunnel;
mod usage;

pub use server::{Gateway, Settings};
