//! Keys and certificates of devices and gateways.
//!
//! A [`Key`] is made where it is used and stays there; what travels is a request that it signed.
//! The controller has two [`Authority`]s, one for devices and one for gateways, so that neither
//! kind of certificate passes for the other. Whose a certificate is stands in it as a URI
//! ([`Subject`]), beside the host names of a gateway.
#![warn(missing_docs)]

mod authority;
mod key;
mod subject;

pub use authority::{Authority, IssueError, Issued, Request};
pub use key::{BadKey, Key, fingerprint};
pub use subject::{BadCertificate, Holder, Subject};
