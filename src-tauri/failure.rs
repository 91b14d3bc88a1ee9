//! What is wrong on this machine, in words for people and, apart from them, as the system said it.

use hourkey_client::secrets::SecretError;

/// Something that does not work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What happened, and what that means.
    pub text: String,
    /// What to do about it.
    pub remedy: String,
    /// What the system said, for whoever looks into it.
    pub details: Option<String>,
}

impl Failure {
    /// What happened and what to do about it.
    #[must_use]
    pub fn sentences(&self) -> String {
        format!("{} {}", self.text, self.remedy)
    }
}

impl From<SecretError> for Failure {
    fn from(error: SecretError) -> Self {
        let (what, remedy, details) = match error {
            SecretError::Absent { why } => (
                "No keyring is running",
                "Start one, for example GNOME Keyring or KWallet.",
                Some(why),
            ),
            SecretError::Locked => ("Your keyring is locked", "Unlock it.", None),
            SecretError::TimedOut => (
                "Your keyring takes too long",
                "If it asks for its password somewhere, answer it.",
                None,
            ),
            error @ (SecretError::File { .. } | SecretError::Other(_)) => (
                "Your keyring refuses",
                "Restart it, or log out of this computer and in again.",
                Some(error.to_string()),
            ),
        };
        Self {
            text: format!("{what}, so Hourkey cannot read or keep your sign-in."),
            remedy: remedy.to_owned(),
            details,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_said_is_in_the_details_only() {
        let raw = "org.freedesktop.DBus.Error.ServiceUnknown: The name is not activatable";
        for error in [
            SecretError::Absent { why: raw.into() },
            SecretError::Other(raw.into()),
        ] {
            let failure = Failure::from(error);
            assert!(!failure.sentences().contains("DBus"), "{failure:?}");
            assert!(failure.details.unwrap().contains(raw));
        }
        let failure = Failure::from(SecretError::Locked);
        assert_eq!(
            failure.sentences(),
            "Your keyring is locked, so Hourkey cannot read or keep your sign-in. Unlock it."
        );
    }
}
