//! Why a call to the controller failed.

use hourkey_pki::NoAnswer;
use hourkey_protocol::problem::{Code, Problem};
use url::Url;

use crate::http_client::environment_proxy::named;

/// Why a call failed, as a sentence that says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// The controller says no, and why.
    #[error("{0}")]
    Problem(Problem),
    /// The controller did not answer.
    #[error(
        "The controller at {controller} cannot be reached: {why}.{}",
        advice(why)
    )]
    Unreachable {
        /// Its origin, and the proxy on the way there.
        controller: String,
        /// What went wrong on the way.
        why: NoAnswer,
    },
    /// Something before the controller answered in its place: a proxy, a firewall, or the sign-in page
    /// of a network.
    #[error(
        "The controller at {controller} cannot be reached: something before it answered in its place ({answer}). Open that address in a browser to see what it is, or ask whoever runs the controller."
    )]
    Foreign {
        /// The controller's origin, and the proxy on the way there.
        controller: String,
        /// Its status, and what else can be said of it.
        answer: String,
    },
    /// The session has ended.
    #[error("The session has ended. Sign in again.")]
    SessionEnded,
    /// The controller sent a response that this program does not expect.
    #[error("Unexpected response from the controller: {0}. Check that both run the same version.")]
    Protocol(String),
}

impl ApiError {
    /// The problem's code, if it is one.
    #[must_use]
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Problem(problem) => Some(problem.code),
            Self::Unreachable { .. }
            | Self::Foreign { .. }
            | Self::SessionEnded
            | Self::Protocol(_) => None,
        }
    }

    pub(crate) fn unreachable(controller: &Url, why: NoAnswer) -> Self {
        Self::Unreachable {
            controller: named(controller),
            why,
        }
    }
}

/// What a person can do about a controller that gave no answer: a sentence after a space, or nothing
/// where the cause says it already.
fn advice(why: &NoAnswer) -> &'static str {
    match why {
        NoAnswer::Clock { .. } => "",
        NoAnswer::UnknownAuthority => {
            " If your organisation has its own certificate authority, name its PEM file in \
             HOURKEY_CA_FILE, or add it to the system's trusted ones."
        }
        NoAnswer::NotTls | NoAnswer::Untrusted(_) => " Ask whoever runs it.",
        NoAnswer::Late | NoAnswer::Refused | NoAnswer::BrokenOff | NoAnswer::Other(_) => {
            " Check the network, or ask whoever runs it."
        }
    }
}
