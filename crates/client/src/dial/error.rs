//! Why a connection is not made.

use hourkey_protocol::gateway::Refusal;

use crate::device::DeviceError;
use crate::upstream::TunnelError;

/// Why a connection is not made, as a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialError {
    /// The destination is no resource of the person.
    #[error("This is no resource of yours: Hourkey connects to your resources only.")]
    NoResource,
    /// The resource is locked, and stayed so.
    #[error("This resource is locked. Ask for access, and try again once you have it.")]
    Locked,
    /// The resource opens for nobody.
    #[error("This resource is disabled: nobody can use or request it. Ask an administrator.")]
    Disabled,
    /// The request was denied while the connection waited.
    #[error("Your request for this resource was denied.")]
    Denied,
    /// Nobody is signed in any more.
    #[error("The session has ended. Sign in again.")]
    SignedOut,
    /// The controller was not heard yet; and why, as a sentence, if that is known.
    #[error("{}", .0.as_deref().unwrap_or("The controller was not heard yet. Try again in a moment."))]
    NothingHeard(Option<String>),
    /// No gateway serves the network.
    #[error("No gateway serves the network {0} yet. Ask an administrator to set one up.")]
    NoGateway(String),
    /// No gateway answers.
    #[error("No gateway answers: {0}. Check the network, or ask an administrator.")]
    NoAnswer(String),
    /// The gateway refuses.
    #[error("{}", sentence(*.0))]
    Gateway(Refusal),
    /// This device has no certificate.
    #[error(transparent)]
    Device(#[from] DeviceError),
}

impl From<TunnelError> for DialError {
    fn from(error: TunnelError) -> Self {
        match error {
            TunnelError::Refused(refusal) => Self::Gateway(refusal),
            TunnelError::NoAnswer(why) => Self::NoAnswer(why),
        }
    }
}

fn sentence(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::NoPermit => "The gateway does not let you pass: the resource is locked.",
        Refusal::Device => {
            "The gateway does not know this device any more. Sign out, and sign in again."
        }
        Refusal::Stale => {
            "The gateway has not heard from its controller, and lets nobody pass. Try again in a \
             moment."
        }
        Refusal::Unreachable => "The resource does not answer, or its name is not known.",
        Refusal::Malformed => "The gateway does not understand this program. Update it.",
        Refusal::Busy => "The gateway has too many connections. Try again in a moment.",
    }
}
