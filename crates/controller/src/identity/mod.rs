//! Who is there: passwords, sessions, extractors, attempts.
//!
//! A browser carries a cookie, a client an access token; both name a session, and only their
//! SHA-256 digests are stored. [`SignedIn`] is for the API, [`PageUser`] for pages.

pub mod account;
pub mod attempts;
pub mod authorities;
pub mod caller;
pub mod cookie;
pub mod csrf;
pub mod device;
pub mod extract;
pub mod full_disk;
pub mod password;
pub mod reset;
pub mod secret;
pub mod session;
pub mod setup;

pub use caller::Caller;
pub use extract::{ClientAddress, ForOthers, PageUser, SignedIn};
