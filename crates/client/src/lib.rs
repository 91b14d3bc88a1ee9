//! What the desktop app and the CLI share: sign-in, session, API calls, the event stream, and
//! the log of delivered notifications. No user interface in here.
//!
//! A program makes a [`session::SessionConfig`] (which controller, which client, where the refresh token
//! is kept), gets a [`session::Session`] from it by [`sign_in`] or [`session::Session::resume`], and
//! starts a [`live::LiveClient`] with it: the one [`model::Model`] of the process, which the event
//! stream keeps current, and a [`dial::Dialer`], which opens connections to resources and which the
//! [`local_proxy`] hands to other programs.
#![warn(missing_docs)]

pub mod api;
mod api_error;
pub mod config;
pub mod delivery;
pub mod device;
pub mod dial;
mod discover;
pub mod file;
mod http_client;
pub mod live;
pub mod local_proxy;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub use local_proxy::fuzz;
pub mod model;
mod own_ports;
pub mod pages;
#[cfg(test)]
#[path = "../../../fuzz/replay.rs"]
mod replay;
pub mod secrets;
pub mod session;
pub mod sign_in;
pub mod sync;
#[cfg(test)]
mod testing;
pub mod update;
mod upstream;
