//! What a session may do depends on how it began. That is decided here, and nowhere else.

use hourkey_domain::ids::{SessionId, UserId};
use hourkey_protocol::account::SessionKind;
use hourkey_protocol::problem::Code;

use crate::error::AppError;

/// A person, and the kind of session that they act by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Who.
    pub user: UserId,
    /// How their session began.
    pub kind: SessionKind,
    /// Whether the organisation requires a second factor of them, and they have none: until then they may
    /// do nothing of the roles for which it does.
    pub owes_second_factor: bool,
}

impl Caller {
    /// Whether the session reaches what is other people's, as far as its person does: to review, to
    /// administer, and to see either. One of the device flow (RFC 8628) never does, since whoever
    /// gets somebody to type a code would review and administer as them.
    #[must_use]
    pub fn reaches_others(self) -> bool {
        !self.is_headless() && !self.owes_second_factor
    }

    fn is_headless(self) -> bool {
        match self.kind {
            SessionKind::Browser | SessionKind::Desktop | SessionKind::Cli => false,
            SessionKind::Headless => true,
        }
    }

    /// Refuses to end `other`, a session of the same person, by the session `own`: one of the device
    /// flow ends nothing but itself.
    ///
    /// # Errors
    /// [`Code::Forbidden`].
    pub fn may_end(self, own: SessionId, other: SessionId) -> Result<(), AppError> {
        if own == other || !self.is_headless() {
            return Ok(());
        }
        Err(AppError::refused(
            Code::Forbidden,
            "This client signed in by a device code, and such sessions end nothing but themselves. \
             Do it in the browser or the desktop app, or sign the CLI in through a browser.",
        ))
    }

    /// [`Caller::reaches_others`], as a refusal.
    ///
    /// # Errors
    /// [`Code::Forbidden`].
    pub fn must_reach_others(self) -> Result<(), AppError> {
        if self.reaches_others() {
            return Ok(());
        }
        if !self.is_headless() {
            return Err(AppError::refused(
                Code::Forbidden,
                "Your organisation requires two-step sign-in of your roles. Set it up in the browser, on \
                 the page Account; until then you neither review nor administer.",
            ));
        }
        Err(AppError::refused(
            Code::Forbidden,
            "This client signed in by a device code, and such sessions never review or administer. \
             Do it in the browser or the desktop app, or sign the CLI in through a browser.",
        ))
    }
}

/// A person in the browser, where pages are.
impl From<UserId> for Caller {
    fn from(user: UserId) -> Self {
        let kind = SessionKind::Browser;
        Self {
            user,
            kind,
            // Who owes it gets to no page.
            owes_second_factor: false,
        }
    }
}
