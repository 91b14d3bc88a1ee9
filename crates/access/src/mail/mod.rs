//! Mail: what is told to whom beside the notices, and how it gets there.
//!
//! A mail is queued in the transaction of what it tells of (`queue`), as data. A task sends what is due
//! ([`delivery`]): it looks up the address, asks whether the mail is still wanted (`fate`), writes it
//! (`message`) and hands it to the organisation's server (`smtp`). [`settings`] says which server that is,
//! [`outbox`] is what administrators see of it, and [`choices`] is what people choose for themselves.

pub mod choices;
pub mod delivery;
mod fate;
mod message;
pub mod outbox;
mod password;
pub(crate) mod queue;
pub mod settings;
mod smtp;
pub mod trial;
mod wording;

/// Whether this is a mail address.
///
/// # Errors
/// A sentence.
pub fn check_address(typed: &str) -> Result<(), String> {
    message::address(typed).map(drop)
}

pub use hourkey_domain::ids::MailId;
pub use hourkey_store::mail::{
    Mail, MailContent, MailCounts, MailKind, MailSecurity, MailStatus, MailTrouble,
};
