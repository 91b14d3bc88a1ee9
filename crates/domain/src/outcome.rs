//! What became of a request and of the access that it gave: one value, from which tray, window,
//! notifications, pages and commands say their sentences.
//!
//! `Who` is how a surface knows people: a name, or a person with name and login. Names and comments
//! are texts of others: what is made of them goes through [`crate::text`] before it is shown.

use crate::Time;
use crate::cause::Cause;
use crate::length::Length;
use crate::request::Purpose;

/// Where a request stands, or where the access stands that it gave.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome<'a, Who: ?Sized> {
    /// The request waits for a reviewer.
    Waiting {
        /// When it expires if nobody answers.
        expires_at: Time,
    },
    /// It was approved, and access starts later.
    Scheduled {
        /// When.
        starts_at: Time,
    },
    /// Access runs.
    Open {
        /// When it ends.
        until: Time,
    },
    /// The resource was unlocked, and is open while it is used.
    Unlocked {
        /// When.
        at: Time,
        /// By whom; `None` when automatic.
        by: Option<&'a Who>,
    },
    /// What was unlocked locked again, because it was not used. Nobody notes when.
    Unused,
    /// Access came to its end.
    Ended {
        /// When.
        at: Time,
    },
    /// The person gave access back.
    GivenBack {
        /// When.
        at: Time,
    },
    /// Access was taken away.
    Revoked {
        /// When.
        at: Time,
        /// By whom, or why.
        by: By<'a, Who>,
        /// The word of the person who did it, possibly empty.
        comment: &'a str,
    },
    /// A reviewer denied the request.
    Denied {
        /// When.
        at: Time,
        /// By whom.
        by: By<'a, Who>,
        /// Their word.
        comment: &'a str,
    },
    /// The request was cancelled.
    Cancelled {
        /// When.
        at: Time,
        /// By whom, or why.
        by: By<'a, Who>,
    },
    /// Nobody answered the request in time.
    Expired {
        /// When.
        at: Time,
    },
    /// Something that this version does not know.
    Unknown,
}

/// Who did it, or why it happened by itself.
#[derive(Debug, PartialEq, Eq)]
pub enum By<'a, Who: ?Sized> {
    /// A person.
    Person(&'a Who),
    /// The system.
    System(Cause),
}

/// How a request was approved.
#[derive(Debug, PartialEq, Eq)]
pub struct Approval<'a, Who: ?Sized> {
    /// By whom; `None` when automatic.
    pub by: Option<&'a Who>,
    /// What it gave.
    pub purpose: Purpose,
    /// For how long; `None` for an unlock, for an extension, which is told by its new end, and where
    /// it is not told.
    pub length: Option<Length>,
    /// The reviewer's word, possibly empty.
    pub comment: &'a str,
}

impl<Who: ?Sized> Outcome<'_, Who> {
    /// In one or two words: `Denied`, `Given back`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Waiting { .. } => "Waiting",
            Self::Scheduled { .. } => "Approved",
            Self::Open { .. } => "Open",
            Self::Unlocked { .. } => "Unlocked",
            Self::Unused => "Locked",
            Self::Ended { .. } => "Ended",
            Self::GivenBack { .. } => "Given back",
            Self::Revoked { .. } => "Revoked",
            Self::Denied { .. } => "Denied",
            Self::Cancelled { .. } => "Cancelled",
            Self::Expired { .. } => "Expired",
            Self::Unknown => "Already decided",
        }
    }

    /// As a heading about the resource of this name: how it stands now, or what became of the
    /// request.
    #[must_use]
    pub fn title(&self, name: &str) -> String {
        match self {
            Self::Waiting { .. } => "Waiting for a reviewer".to_owned(),
            Self::Scheduled { .. } => format!("{name} is approved"),
            Self::Open { .. } | Self::Unlocked { .. } => format!("{name} is open"),
            Self::Unused | Self::Ended { .. } | Self::GivenBack { .. } | Self::Revoked { .. } => {
                format!("{name} is locked again")
            }
            Self::Denied { .. } => format!("Request for {name} was denied"),
            Self::Cancelled { .. } => format!("Request for {name} was cancelled"),
            Self::Expired { .. } => format!("Request for {name} expired"),
            Self::Unknown => format!("Request for {name} was decided"),
        }
    }

    /// [`Outcome::title`] of a request for more time.
    #[must_use]
    pub fn extension_title(&self, name: &str) -> String {
        match self {
            Self::Denied { .. } => format!("Request to extend {name} was denied"),
            Self::Cancelled { .. } => format!("Request to extend {name} was cancelled"),
            Self::Expired { .. } => format!("Request to extend {name} expired"),
            Self::Waiting { .. }
            | Self::Scheduled { .. }
            | Self::Open { .. }
            | Self::Unlocked { .. }
            | Self::Unused
            | Self::Ended { .. }
            | Self::GivenBack { .. }
            | Self::Revoked { .. }
            | Self::Unknown => self.title(name),
        }
    }

    /// Who did it or why, where that is known: `Denied by Rosa`, `Revoked because the resource was
    /// removed`, `Expired: nobody answered`. Without comment and full stop ([`with_comment`]).
    #[must_use]
    pub fn headline(&self, name: impl Fn(&Who) -> String) -> String {
        let word = self.word();
        match self {
            Self::Revoked { by, .. } | Self::Denied { by, .. } | Self::Cancelled { by, .. } => {
                format!("{word} {}", by.words(name))
            }
            Self::Unlocked { by: Some(by), .. } => format!("{word} by {}", name(by)),
            Self::Expired { .. } => format!("{word}: nobody answered"),
            Self::Waiting { .. }
            | Self::Scheduled { .. }
            | Self::Open { .. }
            | Self::Unlocked { by: None, .. }
            | Self::Unused
            | Self::Ended { .. }
            | Self::GivenBack { .. }
            | Self::Unknown => word.to_owned(),
        }
    }

    /// As news for somebody who saw the request wait: `Rosa denied it.`
    #[must_use]
    pub fn told(&self, name: impl Fn(&Who) -> String) -> String {
        let by = |by: &By<'_, Who>, did: &str| match by {
            By::Person(who) => format!("{} {did} it.", name(who)),
            By::System(_) => format!("It was {did} {}.", by.words(&name)),
        };
        match self {
            Self::Waiting { .. } => "It waits for a reviewer.".to_owned(),
            Self::Scheduled { .. } | Self::Open { .. } => "It was approved.".to_owned(),
            Self::Unlocked { by: Some(by), .. } => format!("{} unlocked it.", name(by)),
            Self::Unlocked { by: None, .. } => "It was unlocked.".to_owned(),
            Self::Unused => "It locked again: it wasn’t used.".to_owned(),
            Self::Ended { .. } => "Access ended.".to_owned(),
            Self::GivenBack { .. } => "Access was given back.".to_owned(),
            Self::Revoked { by: who, .. } => by(who, "revoked"),
            Self::Denied { by: who, .. } => by(who, "denied"),
            Self::Cancelled { by: who, .. } => by(who, "cancelled"),
            Self::Expired { .. } => "It expired: nobody answered.".to_owned(),
            Self::Unknown => "It was decided already.".to_owned(),
        }
    }
}

impl<Who: ?Sized> By<'_, Who> {
    /// `by Rosa`, `because the resource was removed`.
    #[must_use]
    pub fn words(&self, name: impl Fn(&Who) -> String) -> String {
        match self {
            Self::Person(who) => format!("by {}", name(who)),
            Self::System(cause) => format!("because {cause}"),
        }
    }
}

impl<Who: ?Sized> Approval<'_, Who> {
    /// Who approved it, and for how long: `Approved by Rosa for 45 minutes`, `Opened for 3 minutes`
    /// where nobody had to, `Unlocked by Rosa`. Without comment and full stop ([`with_comment`]).
    #[must_use]
    pub fn headline(&self, name: impl Fn(&Who) -> String) -> String {
        let by = self.by.map(|by| format!(" by {}", name(by)));
        format!("{}{}{}", self.word(), by.unwrap_or_default(), self.span())
    }

    /// What was done: `Approved`, `Opened`, `Unlocked`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match (self.purpose, self.by) {
            (Purpose::Grant, Some(_)) => "Approved",
            (Purpose::Grant, None) => "Opened",
            (Purpose::Unlock, _) => "Unlocked",
            (Purpose::Extension(_), _) => "Extended",
        }
    }

    /// The length, where there is one: ` for 45 minutes`.
    #[must_use]
    pub fn span(&self) -> String {
        let length = self.length.map(|length| format!(" for {length}"));
        length.unwrap_or_default()
    }

    /// As a reviewer reads it who has just decided: `Approved for 2 hours`, `Unlocked`.
    #[must_use]
    pub fn verdict(&self) -> String {
        match self.purpose {
            Purpose::Grant => format!("Approved{}", self.span()),
            Purpose::Unlock | Purpose::Extension(_) => self.word().to_owned(),
        }
    }

    /// As news for somebody who saw the request wait: `Rosa approved it for 2 hours.`
    #[must_use]
    pub fn told(&self, name: impl Fn(&Who) -> String) -> String {
        let span = self.span();
        match (self.purpose, self.by.map(name)) {
            (Purpose::Grant, Some(by)) => format!("{by} approved it{span}."),
            (Purpose::Grant, None) => format!("It was opened{span}."),
            (Purpose::Unlock, Some(by)) => format!("{by} unlocked it."),
            (Purpose::Unlock, None) => "It was unlocked.".to_owned(),
            (Purpose::Extension(_), Some(by)) => format!("{by} extended it."),
            (Purpose::Extension(_), None) => "It was extended.".to_owned(),
        }
    }
}

/// A headline with the word of the person behind it: `Denied by Rosa: “Use the copy.”`, or with a
/// full stop where they wrote none.
#[must_use]
pub fn with_comment(headline: &str, comment: &str) -> String {
    match comment.trim() {
        "" => format!("{headline}."),
        comment => format!("{headline}: “{comment}”"),
    }
}

#[cfg(test)]
mod tests;
