//! Why signing in failed.

use std::time::Duration;

use crate::api_error::ApiError;
use crate::discover::DiscoverError;

/// Why signing in failed, as a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The address leads to no controller that can be used.
    #[error(transparent)]
    Discover(#[from] DiscoverError),
    /// The person, or somebody for them, said no.
    #[error("The sign-in was refused: {0}.")]
    Refused(String),
    /// Nobody finished the sign-in.
    #[error("Nobody finished signing in within {} minutes. Try again.", BROWSER_TIMEOUT.as_secs() / 60)]
    TimedOut,
    /// The answer in the browser came from another controller (RFC 9207).
    #[error(
        "The sign-in was answered by another server ({0}), so it was stopped. Try again; if it happens again, tell whoever runs the controller."
    )]
    WrongIssuer(String),
    /// The browser's way back cannot be opened.
    #[error("The browser's answer cannot be received on this machine: {0}.")]
    Listen(std::io::Error),
    /// The controller has the device flow switched off.
    #[error(
        "This controller does not let anybody sign in by code. Sign in through the browser, or ask an administrator to switch it on."
    )]
    NoDeviceFlow,
    /// The code was not typed in time.
    #[error("The code has expired. Try again.")]
    CodeExpired,
    /// The controller failed on the way.
    #[error(transparent)]
    Api(#[from] ApiError),
}

/// How long a person may take in the browser.
pub(super) const BROWSER_TIMEOUT: Duration = Duration::from_secs(600);
