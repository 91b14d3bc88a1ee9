//! Why a connection ended before its time.

use super::error::DialError;

/// Why a connection ended that neither the destination nor anybody on this machine ended in order,
/// as a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionLost {
    /// Access to the resource, by its name, has ended.
    #[error("Your access to {0} has ended, and the connection with it.")]
    Access(String),
    /// The resource is none of the person's any more.
    #[error("This resource is no longer yours to use, and the connection has ended.")]
    Resource,
    /// Nobody is signed in any more.
    #[error("The session has ended, and the connection with it. Sign in again.")]
    SignedOut,
    /// No gateway of the resource's network answers.
    #[error("The gateway was lost: {0}. Check the network, or ask an administrator.")]
    Gateway(String),
    /// A new one would be refused.
    #[error("The connection has ended. {0}")]
    Refused(DialError),
    /// The destination broke it off, or the gateway's way there broke.
    #[error("The connection was broken off by the destination. Your access goes on: try again.")]
    Connection,
}
