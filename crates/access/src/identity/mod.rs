//! Who is there: passwords, sessions, devices, clients, attempts.
//!
//! A browser carries a cookie, a client an access token; both name a session, and only their
//! SHA-256 digests are stored.

pub mod account;
pub mod attempts;
pub mod authorities;
pub mod caller;
pub mod client;
pub mod device;
pub mod device_code;
pub mod full_disk;
pub mod password;
pub mod requirement;
pub mod reset;
pub(crate) mod seal;
pub mod second_factor;
pub mod secret;
pub mod session;
pub mod setup;
mod totp;
pub mod verified;

pub use caller::Caller;
