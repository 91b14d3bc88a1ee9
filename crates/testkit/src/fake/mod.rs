//! A controller and gateways that each test scripts, for the tests of the client.
//!
//! The controller signs people in as the real one does, and answers what a test put there: rows
//! ([`FakeController::show`]), or events as they stand on the stream ([`FakeController::play`]).
//! What goes wrong here panics: it is the test's own fault, or the end of the test.
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod calls;
mod clock;
mod controller;
mod gateway;
mod oauth;
mod play;
mod rows;
mod server;
mod stream;
mod tokens;

pub use clock::TestClock;
pub use controller::{FakeController, Script, Seen};
pub use gateway::FakeGateway;
pub use play::Play;
pub use rows::{
    LOCKED, at, changes, granted, notice, on_stream, person, resource, resource_at, snapshot,
};
