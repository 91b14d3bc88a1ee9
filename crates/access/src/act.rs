//! Who acts, and what came of it.

use hourkey_domain::Time;
use hourkey_domain::ids::{GrantId, RequestId, UserId};

/// Who acts, and when: the same for all entries of one act.
#[derive(Clone, Copy, Debug)]
pub(super) struct Act {
    /// Who; `None` for the system.
    pub(super) actor: Option<UserId>,
    /// When.
    pub(super) at: Time,
}

impl Act {
    /// What a person does.
    pub(super) fn of(actor: UserId, at: Time) -> Self {
        Self {
            actor: Some(actor),
            at,
        }
    }

    /// What the system does.
    pub(super) fn system(at: Time) -> Self {
        Self { actor: None, at }
    }
}

/// Which request and grant a transition was about, also where it made them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Recorded {
    /// The request.
    pub(super) request: Option<RequestId>,
    /// The grant.
    pub(super) grant: Option<GrantId>,
}
