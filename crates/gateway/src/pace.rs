//! How patient the gateway is.

use std::time::Duration;

use hourkey_protocol::gateway::{LEASE, PING_EVERY};

/// Times of a gateway; tests use shorter ones.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// How long traffic passes without hearing from the controller.
    pub lease: Duration,
    /// A stream that is silent for this long is dead.
    pub silence: Duration,
    /// How often the clock is looked at.
    pub tick: Duration,
    /// Two looks this far apart mean that the gateway was stopped or asleep in between.
    pub pause: Duration,
    /// How long the controller may take to answer a call.
    pub call: Duration,
    /// How long a connection waits for what the controller says about its device.
    pub device: Duration,
    /// The first wait before a reconnect is anywhere up to this long, and doubles each time.
    pub first_wait: Duration,
    /// The longest wait before a reconnect.
    pub longest_wait: Duration,
    /// How often names are resolved anew.
    pub resolve: Duration,
    /// How often the certificate's end is looked at.
    pub renew: Duration,
}

/// How long a wait goes on before the clock is looked at again.
const STEP: Duration = Duration::from_millis(250);

/// Waits for `future`; `None` when it takes longer than `limit`. Time during which the gateway was
/// stopped or asleep does not count: it heard nobody then.
pub(crate) async fn while_running<T>(
    limit: Duration,
    future: impl Future<Output = T>,
) -> Option<T> {
    let mut future = std::pin::pin!(future);
    let mut left = limit;
    while !left.is_zero() {
        let step = left.min(STEP);
        if let Ok(done) = tokio::time::timeout(step, &mut future).await {
            return Some(done);
        }
        // However much later it is.
        left -= step;
    }
    None
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            lease: LEASE,
            silence: PING_EVERY.mul_f64(2.5),
            tick: Duration::from_millis(250),
            pause: Duration::from_millis(1_500),
            call: Duration::from_secs(5),
            device: Duration::from_secs(5),
            first_wait: Duration::from_millis(250),
            longest_wait: Duration::from_secs(3),
            resolve: Duration::from_secs(30),
            renew: Duration::from_secs(60),
        }
    }
}
