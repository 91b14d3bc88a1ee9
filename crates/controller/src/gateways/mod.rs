//! Gateways: how they are added and enrolled, and the stream that feeds them permits
//! (`hourkey_protocol::gateway` says what is sent).

pub mod asked;
pub mod enrol;
mod message;
mod stream;
pub mod streams;
pub mod usage;

pub use stream::follow;
