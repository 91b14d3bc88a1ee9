//! What became of requests and grants as the controller tells it, as an [`Outcome`].

use chrono::{DateTime, Utc};
use hourkey_domain::cause::Cause;
use hourkey_domain::outcome::{Approval, By, Outcome, with_comment};
use hourkey_domain::request::Purpose;

use crate::access::{
    Approved, Decision, Grant, GrantStatus, LastDecision, Person, Request, RequestStatus,
};
use crate::notice::What;

impl Request {
    /// Where the request stands, or the access that it gave.
    #[must_use]
    pub fn outcome(&self) -> Outcome<'_, Person> {
        match &self.status {
            RequestStatus::Pending => Outcome::Waiting {
                expires_at: self.lapses_at,
            },
            RequestStatus::Approved { at, by, .. } => match &self.grant {
                Some(grant) => grant.outcome(),
                None if self.purpose == Purpose::Unlock => Outcome::Unlocked {
                    at: *at,
                    by: by.as_ref(),
                },
                None => Outcome::Unknown,
            },
            RequestStatus::Denied { at, by, comment } => Outcome::Denied {
                at: *at,
                by: By::Person(by),
                comment,
            },
            RequestStatus::Cancelled { at, by, cause } => Outcome::Cancelled {
                at: *at,
                by: person_or(by.as_ref(), *cause),
            },
            RequestStatus::Lapsed { at } => Outcome::Expired { at: *at },
            RequestStatus::Unknown => Outcome::Unknown,
        }
    }

    /// How it was approved, once it was: also when its access has ended since.
    #[must_use]
    pub fn approval(&self) -> Option<Approval<'_, Person>> {
        match &self.status {
            RequestStatus::Approved {
                by,
                length,
                comment,
                ..
            } => Some(Approval {
                by: by.as_ref(),
                purpose: self.purpose,
                // Told by the new end: the length counts from the approval.
                length: length.filter(|_| self.purpose.extends().is_none()),
                comment,
            }),
            RequestStatus::Pending
            | RequestStatus::Denied { .. }
            | RequestStatus::Cancelled { .. }
            | RequestStatus::Lapsed { .. }
            | RequestStatus::Unknown => None,
        }
    }

    /// Who approved or denied it; `None` where no reviewer did.
    #[must_use]
    pub fn decided_by(&self) -> Option<&Person> {
        match &self.status {
            RequestStatus::Approved { by, .. } => by.as_ref(),
            RequestStatus::Denied { by, .. } => Some(by),
            RequestStatus::Pending
            | RequestStatus::Cancelled { .. }
            | RequestStatus::Lapsed { .. }
            | RequestStatus::Unknown => None,
        }
    }

    /// When it was decided, cancelled or expired; `None` while it waits.
    #[must_use]
    pub fn decided_at(&self) -> Option<DateTime<Utc>> {
        match self.status {
            RequestStatus::Approved { at, .. }
            | RequestStatus::Denied { at, .. }
            | RequestStatus::Cancelled { at, .. }
            | RequestStatus::Lapsed { at } => Some(at),
            RequestStatus::Pending | RequestStatus::Unknown => None,
        }
    }

    /// The decision in a few words, whatever became of the access: `Approved for 2 hours`.
    #[must_use]
    pub fn verdict(&self) -> String {
        match self.approval() {
            Some(approval) => approval.verdict(),
            None => self.outcome().word().to_owned(),
        }
    }

    /// The decision as news for a reviewer who saw the request wait: `Rosa approved it for 2 hours.`
    #[must_use]
    pub fn told(&self, name: impl Fn(&Person) -> String) -> String {
        match self.approval() {
            Some(approval) => approval.told(name),
            None => self.outcome().told(name),
        }
    }
}

impl Grant {
    /// Where it stands.
    #[must_use]
    pub fn outcome(&self) -> Outcome<'_, Person> {
        match &self.status {
            GrantStatus::Scheduled => Outcome::Scheduled {
                starts_at: self.starts_at,
            },
            GrantStatus::Active => Outcome::Open {
                until: self.expires_at,
            },
            GrantStatus::Expired { at } => Outcome::Ended { at: *at },
            GrantStatus::Released { at } => Outcome::GivenBack { at: *at },
            GrantStatus::Revoked {
                at,
                by,
                cause,
                comment,
            } => Outcome::Revoked {
                at: *at,
                by: person_or(by.as_ref(), *cause),
                comment,
            },
            GrantStatus::Unknown => Outcome::Unknown,
        }
    }
}

impl LastDecision {
    /// What was decided.
    #[must_use]
    pub fn outcome(&self) -> Outcome<'_, str> {
        let (at, comment) = (self.at, &self.comment);
        let cause = self.cause.unwrap_or(Cause::Unknown);
        let by = person_or(self.by.as_deref(), cause);
        match self.kind {
            Decision::Denied => Outcome::Denied { at, by, comment },
            Decision::Revoked => Outcome::Revoked { at, by, comment },
            Decision::Unknown => Outcome::Unknown,
        }
    }

    /// What it is called at a locked resource: `Denied`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self.kind {
            Decision::Denied | Decision::Revoked => self.outcome().word(),
            Decision::Unknown => "Locked",
        }
    }

    /// Who did what and why, without times: `Denied by Rosa: “Use the copy.”`
    #[must_use]
    pub fn sentence(&self) -> String {
        let headline = match self.kind {
            Decision::Denied | Decision::Revoked => self.outcome().headline(str::to_owned),
            Decision::Unknown => self.word().to_owned(),
        };
        with_comment(&headline, &self.comment)
    }
}

impl Approved {
    /// Who approved, and their word: `Approved by Rosa: “Only the replica.”`
    #[must_use]
    pub fn sentence(&self) -> String {
        let approval = Approval {
            by: Some(self.by.as_str()),
            purpose: Purpose::Grant,
            length: None,
            comment: &self.comment,
        };
        with_comment(&approval.headline(str::to_owned), approval.comment)
    }
}

impl What {
    /// What became of a request or a grant at `at`, where it tells that; an approval is told by
    /// [`What::approval`].
    #[must_use]
    pub fn outcome(&self, at: DateTime<Utc>) -> Option<Outcome<'_, str>> {
        match self {
            Self::Denied { by, comment, .. } => Some(Outcome::Denied {
                at,
                by: By::Person(by),
                comment,
            }),
            Self::Cancelled { cause, .. } => Some(Outcome::Cancelled {
                at,
                by: By::System(*cause),
            }),
            Self::Lapsed { .. } => Some(Outcome::Expired { at }),
            Self::Revoked {
                by, cause, comment, ..
            } => Some(Outcome::Revoked {
                at,
                by: person_or(by.as_deref(), *cause),
                comment,
            }),
            Self::Approved { .. }
            | Self::Unlocked { .. }
            | Self::Started { .. }
            | Self::PleaseReview { .. }
            | Self::Unknown => None,
        }
    }

    /// When access ends, or ended, that a request for more time was about.
    #[must_use]
    pub fn extends(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Approved { extends, .. }
            | Self::Denied { extends, .. }
            | Self::Cancelled { extends, .. }
            | Self::Lapsed { extends, .. }
            | Self::PleaseReview { extends, .. } => *extends,
            Self::Unlocked { .. } | Self::Revoked { .. } | Self::Started { .. } | Self::Unknown => {
                None
            }
        }
    }

    /// How a request was approved, where it tells that.
    #[must_use]
    pub fn approval(&self) -> Option<Approval<'_, str>> {
        let (by, purpose, length, comment) = match self {
            Self::Approved {
                by,
                grant,
                comment,
                extends: Some(_),
                ..
            } => (by, Purpose::Extension(*grant), None, comment),
            Self::Approved {
                by,
                length,
                comment,
                ..
            } => (by, Purpose::Grant, Some(*length), comment),
            Self::Unlocked { by, comment, .. } => (by, Purpose::Unlock, None, comment),
            Self::Denied { .. }
            | Self::Cancelled { .. }
            | Self::Lapsed { .. }
            | Self::Revoked { .. }
            | Self::Started { .. }
            | Self::PleaseReview { .. }
            | Self::Unknown => return None,
        };
        Some(Approval {
            by: by.as_deref(),
            purpose,
            length,
            comment,
        })
    }
}

fn person_or<Who: ?Sized>(who: Option<&Who>, cause: Cause) -> By<'_, Who> {
    who.map_or(By::System(cause), By::Person)
}

#[cfg(test)]
mod tests;
