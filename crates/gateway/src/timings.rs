//! Timeouts and intervals of the gateway.

use std::time::Duration;

use hourkey_protocol::follower::Backoff;
use hourkey_protocol::gateway::{LEASE, PING_EVERY};

/// Timeouts and intervals of a gateway; tests use shorter ones.
#[derive(Clone, Copy, Debug)]
pub struct Timings {
    /// How long traffic passes without hearing from the controller.
    pub lease: Duration,
    /// A stream that is silent for this long is dead.
    pub stream_timeout: Duration,
    /// How often the clock is looked at.
    pub tick_interval: Duration,
    /// Two looks this far apart mean that the gateway was stopped or asleep in between.
    pub pause_threshold: Duration,
    /// How long the controller may take to answer a call.
    pub call_timeout: Duration,
    /// How long a connection waits for what the controller says about its device.
    pub device_timeout: Duration,
    /// How long to wait before a reconnect.
    pub backoff: Backoff,
    /// How often names are resolved anew.
    pub resolve_interval: Duration,
    /// How often the end of the certificate is checked.
    pub renew_interval: Duration,
}

/// How often a wait checks the clock.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// Waits for `future`; `None` when it takes longer than `limit`. Time during which the gateway was
/// stopped or asleep does not count: it heard nobody then.
pub(crate) async fn while_running<T>(
    limit: Duration,
    future: impl Future<Output = T>,
) -> Option<T> {
    let mut future = std::pin::pin!(future);
    let mut left = limit;
    while !left.is_zero() {
        let step = left.min(POLL_INTERVAL);
        if let Ok(done) = tokio::time::timeout(step, &mut future).await {
            return Some(done);
        }
        // However much later it is.
        left -= step;
    }
    None
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            lease: LEASE,
            stream_timeout: PING_EVERY.mul_f64(2.5),
            tick_interval: Duration::from_millis(250),
            pause_threshold: Duration::from_millis(1_500),
            call_timeout: Duration::from_secs(5),
            device_timeout: Duration::from_secs(5),
            backoff: Backoff {
                initial: Duration::from_millis(250),
                max: Duration::from_secs(3),
            },
            resolve_interval: Duration::from_secs(30),
            renew_interval: Duration::from_secs(60),
        }
    }
}
