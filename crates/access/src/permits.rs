//! Permits: what lets a user's traffic into a network (rule 8).

use hourkey_domain::Time;
use hourkey_domain::ids::{NetworkId, UserId};
use hourkey_domain::lock::{Permit, lock_state, permit};
use hourkey_store::Read;

use super::facts::reached;
use crate::error::AppError;

/// What a user may do in a network.
pub struct InNetwork {
    /// All their permits there.
    pub permits: Vec<Permit>,
    /// Whether they see any of its resources (rule 1), locked or not.
    pub sees_any: bool,
}

/// All permits of a user for the resources of a network.
///
/// They stay true until something changes in the store, or their own end comes: no permit begins
/// by time alone.
pub async fn permits(
    tx: &mut dyn Read,
    user: UserId,
    network: NetworkId,
    now: Time,
) -> Result<InNetwork, AppError> {
    let mut all = InNetwork {
        permits: Vec::new(),
        sees_any: false,
    };
    for found in reached(tx, user, None).await? {
        if found.resource.network != network {
            continue;
        }
        let facts = found.facts();
        all.sees_any |= lock_state(&facts, now).is_some();
        all.permits
            .extend(permit(user, found.resource.id, &facts, now));
    }
    Ok(all)
}
