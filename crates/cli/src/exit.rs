//! How a command ends: the exit codes that scripts branch on, documented in `--help`.

use std::process::ExitCode;

use hourkey_client::api::ApiError;
use hourkey_client::device::DeviceError;
use hourkey_client::dial::DialError;
use hourkey_client::sign_in::{DiscoverError, SignInError};
use hourkey_protocol::gateway::Refusal;
use hourkey_protocol::problem::Code;

/// The exit codes. Stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It is done.
    Ok = 0,
    /// It failed.
    Failed = 1,
    /// The command line is wrong. Its parser uses this code, too.
    Usage = 2,
    /// Not signed in, or the session has ended.
    NotSignedIn = 3,
    /// There is no such thing, or it is not this person's to see.
    NotFound = 4,
    /// The request was denied.
    Denied = 5,
    /// The request expired or was cancelled.
    Over = 6,
    /// The request still waits.
    Pending = 7,
    /// The controller cannot be reached.
    Unreachable = 8,
    /// Not allowed, or no longer possible.
    Conflict = 9,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command failed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CommandError {
    pub(crate) exit: Exit,
    /// What happened, why, and what to do.
    pub(crate) message: String,
}

impl CommandError {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
        }
    }

    /// A failure without a code of its own.
    pub(crate) fn failed(error: impl std::fmt::Display) -> Self {
        Self::new(Exit::Failed, error.to_string())
    }
}

/// Names what a call by number was about, where the controller knows no such thing.
pub(crate) fn named(
    what: &'static str,
    id: impl std::fmt::Display,
) -> impl Fn(ApiError) -> CommandError {
    move |error| match error.code() {
        Some(Code::NotFound) => CommandError::new(
            Exit::NotFound,
            format!("There is no {what} {id}, or you don’t have access."),
        ),
        _ => error.into(),
    }
}

/// What to run when nobody is signed in.
const SIGN_IN: &str = "Run: hourkey sign-in";

impl From<ApiError> for CommandError {
    fn from(error: ApiError) -> Self {
        let exit = match &error {
            ApiError::Problem(problem) => match problem.code {
                Code::Unauthenticated => Exit::NotSignedIn,
                Code::NotFound => Exit::NotFound,
                Code::Forbidden
                | Code::OwnRequest
                | Code::AlreadyDecided
                | Code::AlreadyEnded
                | Code::NotNeeded
                | Code::ResourceDisabled
                | Code::NothingToExtend
                | Code::NobodyCanApprove
                | Code::KeyReused => Exit::Conflict,
                Code::Malformed
                | Code::BlankText
                | Code::TextTooLong
                | Code::BadLength
                | Code::BadStart => Exit::Usage,
                Code::NoCredential | Code::Unavailable => Exit::Unreachable,
                Code::MethodNotAllowed
                | Code::TooLarge
                | Code::UnsupportedMedia
                | Code::RateLimited
                | Code::Internal => Exit::Failed,
            },
            ApiError::Unreachable { .. } | ApiError::Foreign { .. } => Exit::Unreachable,
            ApiError::SessionEnded => {
                return Self::new(
                    Exit::NotSignedIn,
                    format!("The session has ended. {SIGN_IN}"),
                );
            }
            ApiError::Protocol(_) => Exit::Failed,
        };
        Self::new(exit, error.to_string())
    }
}

impl From<SignInError> for CommandError {
    fn from(error: SignInError) -> Self {
        let exit = match error {
            SignInError::Api(error) => return error.into(),
            SignInError::Discover(
                DiscoverError::Unreachable { .. }
                | DiscoverError::UnknownAuthority { .. }
                | DiscoverError::Clock { .. },
            ) => Exit::Unreachable,
            SignInError::Discover(
                DiscoverError::Foreign { .. }
                | DiscoverError::NotAController { .. }
                | DiscoverError::OtherIssuer { .. },
            ) => Exit::Usage,
            SignInError::Refused(_) | SignInError::NoDeviceFlow => Exit::Conflict,
            SignInError::TimedOut
            | SignInError::WrongIssuer(_)
            | SignInError::Listen(_)
            | SignInError::CodeExpired => Exit::Failed,
        };
        Self::new(exit, error.to_string())
    }
}

impl From<DialError> for CommandError {
    fn from(refused: DialError) -> Self {
        let exit = match &refused {
            DialError::NoResource => Exit::NotFound,
            DialError::Locked => Exit::Pending,
            DialError::Denied => Exit::Denied,
            DialError::Disabled => Exit::Conflict,
            DialError::Device(DeviceError::Api(error)) => return error.clone().into(),
            DialError::SignedOut => return ApiError::SessionEnded.into(),
            DialError::NothingHeard(_) => Exit::Unreachable,
            DialError::Gateway(Refusal::NoPermit | Refusal::Device) => Exit::Conflict,
            DialError::NoGateway(_)
            | DialError::NoAnswer(_)
            | DialError::Device(_)
            | DialError::Gateway(
                Refusal::Stale | Refusal::Unreachable | Refusal::Malformed | Refusal::Busy,
            ) => Exit::Failed,
        };
        Self::new(exit, refused.to_string())
    }
}

/// Nobody is signed in.
pub(crate) fn not_signed_in() -> CommandError {
    CommandError::new(
        Exit::NotSignedIn,
        format!("You are not signed in. {SIGN_IN}"),
    )
}
