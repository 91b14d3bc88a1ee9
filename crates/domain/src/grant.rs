//! The life cycle of a grant:
//! `Scheduled → Active | Released | Revoked`, `Active → Expired | Released | Revoked`.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::Time;
use crate::cause::Cause;
use crate::ids::{AssignmentId, GrantId, RequestId, ResourceId, UserId};
use crate::length::Length;
use crate::reason::Text;
use crate::review::Decider;
use crate::settings::{Approval, EffectiveAssignment};

/// When a grant runs. `starts_at < expires_at`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Window {
    /// From here on.
    pub starts_at: DateTime<Utc>,
    /// Up to, and not including, this moment.
    pub expires_at: DateTime<Utc>,
}

/// A grant and its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Its id.
    pub id: GrantId,
    /// The request that made it.
    pub request: RequestId,
    /// Whose.
    pub user: UserId,
    /// For what.
    pub resource: ResourceId,
    /// Through which assignment.
    pub assignment: AssignmentId,
    /// When it runs.
    pub window: Window,
    /// Where it stands.
    pub state: State,
}

/// Where a grant stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// Its start lies ahead.
    Scheduled,
    /// It runs.
    Active,
    /// It came to its end.
    Expired {
        /// When.
        at: Time,
    },
    /// Its user gave it back.
    Released {
        /// When.
        at: Time,
    },
    /// It was taken away.
    Revoked {
        /// When.
        at: Time,
        /// By whom; `None` for the system.
        by: Option<UserId>,
        /// The reviewer whose deputy they were, if so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        on_behalf_of: Option<UserId>,
        /// Why.
        cause: Cause,
        /// The person's word, possibly empty.
        comment: Text,
    },
}

impl Grant {
    /// The grant as time alone makes it: expired where its window says so (one that nobody started
    /// in time, too).
    ///
    /// Time alone starts no grant: what was scheduled is rechecked first ([`Grant::due`]).
    #[must_use]
    pub fn at(self, now: Time) -> Self {
        let state = match self.state {
            State::Scheduled | State::Active if now >= self.window.expires_at => State::Expired {
                at: self.window.expires_at,
            },
            other @ (State::Scheduled
            | State::Active
            | State::Expired { .. }
            | State::Released { .. }
            | State::Revoked { .. }) => other,
        };
        Self { state, ..self }
    }

    /// The grant, if it can still end at `now`.
    ///
    /// # Errors
    /// The grant itself, as [`Grant::at`] sees it, when it ended already.
    #[expect(
        clippy::result_large_err,
        reason = "the error is the grant, given back"
    )]
    pub fn live(self, now: Time) -> Result<Live, Grant> {
        let grant = self.at(now);
        match grant.state {
            State::Scheduled | State::Active => Ok(Live(grant)),
            State::Expired { .. } | State::Released { .. } | State::Revoked { .. } => Err(grant),
        }
    }

    /// The grant, if it is scheduled and its start has come.
    ///
    /// # Errors
    /// The grant itself, as [`Grant::at`] sees it, when there is nothing to start.
    #[expect(
        clippy::result_large_err,
        reason = "the error is the grant, given back"
    )]
    pub fn due(self, now: Time) -> Result<Due, Grant> {
        let grant = self.at(now);
        match grant.state {
            State::Scheduled if now >= grant.window.starts_at => Ok(Due(grant)),
            State::Scheduled
            | State::Active
            | State::Expired { .. }
            | State::Released { .. }
            | State::Revoked { .. } => Err(grant),
        }
    }

    /// When it ends by itself, whose own assignment lasts up to `until`: a running one no later than that
    /// (a scheduled one is rechecked at its start).
    #[must_use]
    pub fn ends_at(&self, until: Option<Time>) -> Time {
        let expires_at = self.window.expires_at;
        match (&self.state, until) {
            (State::Active, Some(until)) => until.min(expires_at),
            _ => expires_at,
        }
    }

    /// When a person took it away: that switches automatic approval off for a while (rule 11).
    #[must_use]
    pub fn revoked_by_person(&self) -> Option<Time> {
        match self.state {
            State::Revoked {
                at, by: Some(_), ..
            } => Some(at),
            State::Revoked { by: None, .. }
            | State::Scheduled
            | State::Active
            | State::Expired { .. }
            | State::Released { .. } => None,
        }
    }
}

/// A grant known to be scheduled or active: the only one that can end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live(Grant);

impl Live {
    /// The grant.
    #[must_use]
    pub fn grant(&self) -> &Grant {
        &self.0
    }

    /// The grant, as it is.
    #[must_use]
    pub fn into_grant(self) -> Grant {
        self.0
    }

    /// Given back by its user: no reuse.
    #[must_use]
    pub fn release(self, now: Time) -> Grant {
        Grant {
            state: State::Released { at: now },
            ..self.0
        }
    }

    /// Taken away: by a person, or (`None`) by the system.
    #[must_use]
    pub fn revoke(self, by: Option<Decider>, cause: Cause, comment: Text, now: Time) -> Grant {
        Grant {
            state: State::Revoked {
                at: now,
                by: by.map(|by| by.user),
                on_behalf_of: by.and_then(|by| by.on_behalf_of),
                cause,
                comment,
            },
            ..self.0
        }
    }
}

/// A scheduled grant whose start has come: the only one that can start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due(Grant);

impl Due {
    /// Starts it, if today's settings of its own assignment still allow it (rule 7): a period or an end
    /// date that became shorter shortens it; automatic approval (`approved_by` is `None`) that
    /// became manual takes it away. What is gone altogether is
    /// [`crate::change::consequence`]'s to say, before this.
    ///
    /// Returns the grant active, revoked with the cause, or expired when nothing is left of it.
    #[must_use]
    pub fn start(
        self,
        approved_by: Option<Decider>,
        live: &EffectiveAssignment,
        now: Time,
    ) -> Grant {
        let grant = self.0;
        let starts_at = grant.window.starts_at;
        let longest = live.settings.period.longest().after(starts_at);
        let ends = [Some(grant.window.expires_at), live.until];
        let expires_at = ends.into_iter().flatten().fold(longest, Time::min);
        let cause = match (approved_by, live.settings.approval) {
            (None, Approval::Manual) => Some(Cause::TermsTightened),
            (None, Approval::Automatic) | (Some(_), Approval::Automatic | Approval::Manual) => {
                let too_short = Length::between(starts_at, expires_at).is_err();
                too_short.then_some(Cause::AssignmentEnded)
            }
        };
        if let Some(cause) = cause {
            return Live(grant).revoke(None, cause, Text::default(), now);
        }
        let window = Window {
            starts_at,
            expires_at,
        };
        let state = State::Active;
        Grant {
            window,
            state,
            ..grant
        }
        .at(now)
    }
}
