//! Permits: what lets a user's traffic into a network (rule 8).

use hourkey_domain::Time;
use hourkey_domain::ids::{NetworkId, UserId};
use hourkey_domain::lock::{Permit, lock_state, permit};
use hourkey_store::Read;

use super::known::known;
use crate::error::AppError;

/// What a user may do in a network.
pub(crate) struct InNetwork {
    /// All their permits there.
    pub(crate) permits: Vec<Permit>,
    /// Whether they see any of its resources (rule 1), locked or not.
    pub(crate) sees_any: bool,
}

/// All permits of a user for the resources of a network.
///
/// They stay true until something changes in the store, or their own end comes: no permit begins
/// by time alone.
pub(crate) async fn permits(
    tx: &mut dyn Read,
    user: UserId,
    network: NetworkId,
    now: Time,
) -> Result<InNetwork, AppError> {
    let mut found = InNetwork {
        permits: Vec::new(),
        sees_any: false,
    };
    for known in known(tx, user, None).await? {
        if known.resource.network != network {
            continue;
        }
        let facts = known.facts();
        found.sees_any |= lock_state(&facts, now).is_some();
        found
            .permits
            .extend(permit(user, known.resource.id, &facts, now));
    }
    Ok(found)
}
