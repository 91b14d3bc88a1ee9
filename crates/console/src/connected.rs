//! What the controller knows of the gateways that it feeds, since it started.

use std::sync::Arc;

use hourkey_domain::Time;
use hourkey_domain::ids::GatewayId;
use hourkey_domain::organisation::Organisation;

/// What was last heard of a gateway.
#[derive(Clone, Debug)]
pub struct HeardOf {
    /// When it last answered.
    pub at: Time,
    /// Its version, where it says that.
    pub version: Option<String>,
    /// Whether its stream is open and it answers.
    pub is_connected: bool,
}

type Heard = dyn Fn(GatewayId, Time) -> Option<HeardOf> + Send + Sync;

/// Asks the part of the controller that feeds the gateways.
#[derive(Clone)]
pub struct ConnectedGateways(pub Arc<Heard>);

impl std::fmt::Debug for ConnectedGateways {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ConnectedGateways")
    }
}

impl ConnectedGateways {
    /// What was last heard of a gateway; nothing where it was not heard since the controller started.
    pub(super) fn heard(&self, gateway: GatewayId, now: Time) -> Option<HeardOf> {
        (self.0)(gateway, now)
    }

    pub(super) fn is_connected(&self, gateway: GatewayId, now: Time) -> bool {
        self.heard(gateway, now)
            .is_some_and(|heard| heard.is_connected)
    }

    /// How many gateways have enrolled and are not connected.
    pub(super) fn down(&self, of: &Organisation, now: Time) -> usize {
        let enrolled = of.gateways().map(|(gateway, _)| gateway);
        enrolled
            .filter(|gateway| !self.is_connected(*gateway, now))
            .count()
    }
}
