//! What the controller and its clients say to each other, as serde types.
//!
//! JSON throughout; times are RFC 3339 in UTC by the server's clock; lengths are whole seconds.
//! Clients ignore unknown fields, and read unknown values of enums as such; the controller refuses both.
#![warn(missing_docs)]

pub mod access;
pub mod account;
pub mod controller_url;
pub mod deputy;
pub mod device;
pub mod event;
pub mod follower;
pub mod gateway;
mod lenient;
pub mod notice;
pub mod oauth;
mod outcome;
pub mod problem;
pub mod sse;
pub mod stream_ends;

/// The path under which the API of this version lives.
pub const API: &str = "/api/v1";
