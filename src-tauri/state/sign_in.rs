//! Whether somebody is signed in. Each transition consumes the old state.

use url::Url;

use super::session::{NewSession, Session, SessionId};

/// Sign-in state.
#[derive(Clone, Debug, PartialEq)]
pub enum SignIn {
    /// Nobody is signed in.
    SignedOut {
        /// The controller as last used.
        controller: Option<Url>,
        /// Why the session ended or the last attempt failed, as a sentence.
        error: Option<String>,
    },
    /// The stored sign-in is read.
    Resuming {
        /// The controller that it is for.
        controller: Url,
    },
    /// The browser is open on the sign-in page.
    SigningIn {
        /// The controller's origin.
        controller: Url,
    },
    /// Signed in; the first snapshot says as whom.
    SignedIn(Box<Session>),
}

/// The next state, or the old one where the event does not apply to it.
pub type Transition = Result<SignIn, SignIn>;

impl Default for SignIn {
    fn default() -> Self {
        Self::SignedOut {
            controller: None,
            error: None,
        }
    }
}

impl SignIn {
    /// Returns the controller: the current one, or the one last used.
    #[must_use]
    pub fn controller(&self) -> Option<&Url> {
        match self {
            Self::SignedOut { controller, .. } => controller.as_ref(),
            Self::Resuming { controller } | Self::SigningIn { controller } => Some(controller),
            Self::SignedIn(session) => Some(&session.controller),
        }
    }

    /// Returns the session, if somebody is signed in.
    #[must_use]
    pub fn session(&self) -> Option<&Session> {
        match self {
            Self::SignedIn(session) => Some(session),
            Self::SignedOut { .. } | Self::Resuming { .. } | Self::SigningIn { .. } => None,
        }
    }

    /// Returns the session, if somebody is signed in.
    pub fn session_mut(&mut self) -> Option<&mut Session> {
        match self {
            Self::SignedIn(session) => Some(session),
            Self::SignedOut { .. } | Self::Resuming { .. } | Self::SigningIn { .. } => None,
        }
    }

    /// Returns the session with this id, if it is the current one.
    #[must_use]
    pub fn is_current(&self, id: SessionId) -> bool {
        self.session().is_some_and(|session| session.id == id)
    }

    /// The app starts, and reads the sign-in stored for the controller last used.
    ///
    /// # Errors
    /// When no controller is known, or somebody is signed in or about to be.
    pub fn resume(self) -> Transition {
        match self {
            Self::SignedOut {
                controller: Some(controller),
                ..
            } => Ok(Self::Resuming { controller }),
            Self::SignedOut {
                controller: None, ..
            }
            | Self::Resuming { .. }
            | Self::SigningIn { .. }
            | Self::SignedIn(_) => Err(self),
        }
    }

    /// The stored sign-in was found.
    ///
    /// # Errors
    /// When it is not wanted any more.
    pub fn resumed(self, new: NewSession) -> Transition {
        match self {
            Self::Resuming { .. } => Ok(Self::SignedIn(Box::new(Session::begin(new)))),
            Self::SignedOut { .. } | Self::SigningIn { .. } | Self::SignedIn(_) => Err(self),
        }
    }

    /// There is no stored sign-in, or it cannot be read for this reason.
    ///
    /// # Errors
    /// When it is not wanted any more.
    pub fn not_resumed(self, error: Option<String>) -> Transition {
        match self {
            Self::Resuming { .. } => Ok(self.end(error)),
            Self::SignedOut { .. } | Self::SigningIn { .. } | Self::SignedIn(_) => Err(self),
        }
    }

    /// The person signs in at `controller`.
    ///
    /// # Errors
    /// When somebody is signed in, or will be once the stored sign-in is read.
    pub fn sign_in(self, controller: Url) -> Transition {
        match self {
            Self::SignedOut { .. } | Self::SigningIn { .. } => Ok(Self::SigningIn { controller }),
            Self::Resuming { .. } | Self::SignedIn(_) => Err(self),
        }
    }

    /// Signing in through the browser succeeded.
    ///
    /// # Errors
    /// When it was cancelled meanwhile.
    pub fn signed_in(self, new: NewSession) -> Transition {
        match self {
            Self::SigningIn { .. } => Ok(Self::SignedIn(Box::new(Session::begin(new)))),
            Self::SignedOut { .. } | Self::Resuming { .. } | Self::SignedIn(_) => Err(self),
        }
    }

    /// Signing in through the browser is cancelled, or failed for this reason.
    ///
    /// # Errors
    /// When that is not under way.
    pub fn not_signed_in(self, error: Option<String>) -> Transition {
        match self {
            Self::SigningIn { .. } => Ok(self.end(error)),
            Self::SignedOut { .. } | Self::Resuming { .. } | Self::SignedIn(_) => Err(self),
        }
    }

    /// Whatever there was ends, for this reason if it was not the person's wish.
    #[must_use]
    pub fn end(self, error: Option<String>) -> Self {
        let controller = self.controller().cloned();
        Self::SignedOut { controller, error }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn controller(number: u8) -> Url {
        format!("https://{number}.example/").parse().unwrap()
    }

    fn new(id: u64) -> NewSession {
        NewSession {
            id: SessionId(id),
            controller: controller(1),
            at: None,
            local_proxy: Err("taken".to_owned()),
        }
    }

    /// Applies the event with this number.
    fn step(state: SignIn, event: u8, id: u64) -> Transition {
        match event {
            0 => state.resume(),
            1 => state.resumed(new(id)),
            2 => state.not_resumed(None),
            3 => state.sign_in(controller(2)),
            4 => state.signed_in(new(id)),
            5 => state.not_signed_in(Some("No.".to_owned())),
            _ => Ok(state.end(None)),
        }
    }

    proptest! {
        /// Whatever comes in whatever order: an event that does not apply changes nothing, a session
        /// begins only where one is awaited, and the controller is never forgotten.
        #[test]
        fn a_session_begins_only_where_one_is_awaited(events in prop::collection::vec(0_u8..7, 0..20)) {
            let mut state = SignIn::default();
            for (event, id) in events.into_iter().zip(1..) {
                let before = state.clone();
                state = match step(state, event, id) {
                    Ok(after) => {
                        match (&before, &after) {
                            (SignIn::Resuming { .. }, SignIn::SignedIn(_)) => prop_assert_eq!(event, 1),
                            (SignIn::SigningIn { .. }, SignIn::SignedIn(_)) => prop_assert_eq!(event, 4),
                            (_, SignIn::SignedIn(_)) => prop_assert!(false, "from {before:?}"),
                            (_, SignIn::SignedOut { .. } | SignIn::Resuming { .. } | SignIn::SigningIn { .. }) => {}
                        }
                        prop_assert_eq!(after.is_current(SessionId(id)), matches!(event, 1 | 4));
                        after
                    }
                    Err(same) => {
                        prop_assert_eq!(&same, &before);
                        same
                    }
                };
                prop_assert!(state.controller().is_some() || before.controller().is_none());
            }
        }
    }
}
