//! The one error type of the use cases.
//!
//! A use case returns an [`AppError`]; the API answers it as an RFC 9457 problem, a page as a
//! sentence. What the store says goes to the log, never to the caller.

use hourkey_protocol::problem::{Code, Problem};
use hourkey_store::StoreError;

/// Why a call was refused or failed.
#[derive(Debug)]
pub enum AppError {
    /// The caller's doing: told in full.
    Refused(Problem),
    /// The caller's doing, and fine after so many seconds (RFC 9110, 10.2.3).
    Later {
        /// What they are told.
        problem: Problem,
        /// How many.
        seconds: u64,
    },
    /// The store's or our own doing: logged in full where it is answered.
    Broken(anyhow::Error),
}

impl AppError {
    /// A refusal. `detail` says what happened, why, and what to do.
    pub fn refused(code: Code, detail: impl Into<String>) -> Self {
        Self::Refused(code.problem(detail))
    }

    /// The one answer for what is unknown and what one may not see (rule 1).
    #[must_use]
    pub fn not_found() -> Self {
        Self::refused(
            Code::NotFound,
            "It doesn’t exist, or you don’t have access.",
        )
    }

    /// Whether the disk has room for nothing but what ends access.
    #[must_use]
    pub fn is_full_disk(&self) -> bool {
        match self {
            Self::Broken(error) => matches!(error.downcast_ref(), Some(StoreError::Full)),
            Self::Refused(_) | Self::Later { .. } => false,
        }
    }

    /// Logs what is broken, where nobody waits for an answer.
    pub fn log(self) {
        let _ = self.into_problem();
    }

    /// After how many seconds the same call is fine, where that is known.
    #[must_use]
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Later { seconds, .. } => Some(*seconds),
            Self::Refused(_) | Self::Broken(_) => None,
        }
    }

    /// What the caller is told; logs what is broken, once.
    #[must_use]
    pub fn into_problem(self) -> Problem {
        match self {
            Self::Refused(problem) | Self::Later { problem, .. } => problem,
            Self::Broken(error) => {
                tracing::error!(error = format!("{error:#}"), "a call failed on our side");
                match error.downcast_ref() {
                    Some(StoreError::Full) => Code::Unavailable.problem(
                        "The controller's disk is full; nothing was changed. Access can still be \
                         ended. Tell your administrator to make room.",
                    ),
                    Some(StoreError::Unavailable(_)) => Code::Unavailable.problem(
                        "The controller cannot reach its store; nothing was changed. Try again in \
                         a moment.",
                    ),
                    Some(_) | None => Code::Internal.problem(
                        "Something went wrong; nothing was changed. Try again, and tell your \
                         administrator if it stays like this.",
                    ),
                }
            }
        }
    }
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full
            | StoreError::Unavailable(_)
            | StoreError::Duplicate(_)
            | StoreError::Refused(_)
            | StoreError::Corrupt(_)
            | StoreError::RolledBack => Self::Broken(error.into()),
        }
    }
}

impl From<anyhow::Error> for AppError {
    fn from(error: anyhow::Error) -> Self {
        Self::Broken(error)
    }
}
