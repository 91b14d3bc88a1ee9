//! Permits: what lets a user's traffic into a network (rule 8).

use hourkey_domain::Time;
use hourkey_domain::ids::{NetworkId, UserId};
use hourkey_domain::lock::{Permit, permit};
use hourkey_store::Read;

use super::known::known;
use crate::failure::Failure;

/// All permits of a user for the resources of a network.
///
/// They stay true until something changes in the store, or their own end comes: no permit begins
/// by time alone.
pub(crate) async fn permits(
    tx: &mut dyn Read,
    user: UserId,
    network: NetworkId,
    now: Time,
) -> Result<Vec<Permit>, Failure> {
    let known = known(tx, user, None).await?.into_iter();
    let here = known.filter(|known| known.resource.network == network);
    let permits = here.filter_map(|known| permit(user, known.resource.id, &known.facts(), now));
    Ok(permits.collect())
}
