//! Who may see and decide what (rules 1 and 6).

use serde::{Deserialize, Serialize};

use crate::ids::UserId;

/// What a user may do in the whole organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Role {
    /// Uses resources.
    Member,
    /// Reviews every request.
    AccessReviewer,
    /// Everything.
    Admin,
}

/// Somebody who wants to decide a request.
#[derive(Clone, Copy, Debug)]
pub struct Reviewer<'a> {
    /// Who acts.
    pub user: UserId,
    /// Their roles.
    pub roles: &'a [Role],
    /// True when one of their groups is among the resource's approvers.
    pub approves_resource: bool,
}

/// Why somebody may not decide a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MayNot {
    /// It is not theirs to see: answer as for an unknown id (rule 1).
    #[error("not a reviewer of this resource")]
    NotReviewer,
    /// Nobody opens a manually approved resource to themselves (rule 6).
    #[error("nobody decides their own request")]
    OwnRequest,
}

impl Reviewer<'_> {
    /// True when this person may see requests for the resource in the review queue (rule 1).
    #[must_use]
    pub fn reviews(&self) -> bool {
        self.approves_resource
            || self.roles.iter().any(|role| match role {
                Role::AccessReviewer | Role::Admin => true,
                Role::Member => false,
            })
    }

    /// Whether this person may decide a request of `requester` (rule 6).
    ///
    /// # Errors
    /// [`MayNot`], the reason that must be told first.
    pub fn may_decide(&self, requester: UserId) -> Result<(), MayNot> {
        if self.user == requester {
            return Err(MayNot::OwnRequest);
        }
        if !self.reviews() {
            return Err(MayNot::NotReviewer);
        }
        Ok(())
    }

    /// Whether this person may unlock an auto-locked resource for `user` without a request
    /// (rule 6): administrators may, for everybody but themselves.
    ///
    /// # Errors
    /// [`MayNot`], the reason that must be told first.
    pub fn may_unlock(&self, user: UserId) -> Result<(), MayNot> {
        if !self.roles.contains(&Role::Admin) {
            return Err(MayNot::NotReviewer);
        }
        self.may_decide(user)
    }
}
