//! Finds out why a connection broke.

use std::io;
use std::time::Duration;

use hourkey_domain::lock::LockState;

use super::Dialer;
use super::connection_lost::ConnectionLost;
use super::destination::Destination;
use super::error::DialError;
use crate::model::lock_now;

/// How long after the end of a connection the end of access may arrive.
const NEWS_TIMEOUT: Duration = Duration::from_secs(1);

impl Dialer {
    /// Why a connection to `to` broke with this error, which nobody on this machine ended. What the
    /// controller says about it may arrive a moment later.
    pub async fn why_lost(&self, to: &Destination, error: Option<&io::Error>) -> ConnectionLost {
        if let Some(lost) = error.and_then(hourkey_tcp::LinkError::of) {
            return ConnectionLost::Gateway(lost.to_string());
        }
        let mut model = self.0.model.clone();
        let ended = async {
            loop {
                model.mark_unchanged();
                if let Some(lost) = self.access_lost(to) {
                    return lost;
                }
                if model.changed().await.is_err() {
                    return ConnectionLost::SignedOut;
                }
            }
        };
        if let Ok(lost) = tokio::time::timeout(NEWS_TIMEOUT, ended).await {
            return lost;
        }
        match self.any_gateway(to).await {
            Ok(()) => ConnectionLost::Connection,
            Err(DialError::NoAnswer(why)) => ConnectionLost::Gateway(why),
            Err(other) => ConnectionLost::Refused(other),
        }
    }

    /// Finds out whether a gateway of the destination's network answers.
    async fn any_gateway(&self, to: &Destination) -> Result<(), DialError> {
        let id = self.route(to).ok_or(DialError::NoResource)?;
        let network = self.row(id)?.0.network.clone();
        let gateways = self.0.device.ensure(self.now()?).await?;
        let mut failed = DialError::NoGateway(network.clone());
        for pool in self.pools(&gateways, &network) {
            match pool.connect().await {
                Ok(_) => return Ok(()),
                Err(error) => failed = DialError::NoAnswer(pool.why_silent(&error)),
            }
        }
        Err(failed)
    }

    fn access_lost(&self, to: &Destination) -> Option<ConnectionLost> {
        let row = self.route(to).map(|id| self.row(id));
        let (resource, now) = match row {
            Some(Ok(row)) => row,
            Some(Err(DialError::SignedOut)) => return Some(ConnectionLost::SignedOut),
            Some(Err(_)) | None => return Some(ConnectionLost::Resource),
        };
        match lock_now(&resource, now) {
            LockState::Open { .. } | LockState::Granted { .. } => None,
            LockState::Scheduled { .. } | LockState::Pending { .. } | LockState::Locked { .. } => {
                Some(ConnectionLost::Access(resource.name.clone()))
            }
        }
    }
}
