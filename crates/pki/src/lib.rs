//! Keys and certificates of devices and gateways.
//!
//! A [`Key`] is made where it is used and stays there; what travels is a request that it signed.
//! The controller has two [`Authority`]s, one for devices and one for gateways, so that neither
//! kind of certificate passes for the other. Whose a certificate is stands in it as a URI
//! ([`Subject`]), beside the host names of a gateway. Why a server gave no answer, its certificate
//! above all, [`NoAnswer`] says.
#![warn(missing_docs)]

mod authority;
mod key;
mod no_answer;
mod subject;

pub use authority::{Authority, IssueError, Issued, Request};
pub use key::{Key, KeyError, fingerprint};
pub use no_answer::NoAnswer;
pub use subject::{Holder, Subject, SubjectError};
