//! The gateway: lets granted traffic into a network, and cuts it.
//!
//! [`control`] follows the controller and hands what it hears to the [`gate`], which owns what is
//! known ([`table`]), whether it is still good ([`lease`]), and every flow that was let in.
//! [`listen`] takes connections of devices, [`tunnel`] answers each CONNECT with what the gate
//! says, and [`relay`] carries the bytes for as long as the gate lets them pass. [`usage`] reports
//! what was used.

mod control;
mod dial;
mod enrol;
mod gate;
mod hello;
mod lease;
mod listen;
mod relay;
mod serve;
mod state;
mod table;
mod time;
mod tls;
mod tunnel;
mod usage;

pub mod config;

pub use enrol::enrol;
pub use lease::Pace;
pub use serve::{serve, serve_at};
pub use state::State;
