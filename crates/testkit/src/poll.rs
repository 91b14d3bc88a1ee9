//! Waiting for a condition.

use std::fmt::Display;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How long a condition may take before the wait gives up. Generous: it is only ever waited out
/// when something is broken, and machines are slow at times.
pub const POLL_TIMEOUT: Duration = Duration::from_secs(60);

const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The result of a probe: the expected value, or a description of what was seen instead.
pub trait ProbeResult {
    /// The expected value.
    type Value;
    /// The value, or a description of what was seen.
    fn found(self) -> Result<Self::Value, String>;
}

impl<T, E: Display> ProbeResult for Result<T, E> {
    type Value = T;
    fn found(self) -> Result<T, String> {
        // The alternate form shows the causes of an `anyhow::Error` too.
        self.map_err(|seen| format!("{seen:#}"))
    }
}

impl<T> ProbeResult for Option<T> {
    type Value = T;
    fn found(self) -> Result<T, String> {
        self.ok_or_else(|| "nothing yet".to_owned())
    }
}

impl ProbeResult for bool {
    type Value = ();
    fn found(self) -> Result<(), String> {
        self.then_some(()).ok_or_else(|| "not so yet".to_owned())
    }
}

/// Probes until the probe finds what it looks for.
///
/// # Errors
/// After [`POLL_TIMEOUT`], with what the last probe saw.
///
/// ```no_run
/// # async fn example(path: &std::path::Path) -> anyhow::Result<()> {
/// # use hourkey_testkit::poll::eventually;
/// let text = eventually("the file", async || std::fs::read_to_string(path)).await?;
/// # Ok(())
/// # }
/// ```
pub async fn eventually<F: ProbeResult>(
    what: &str,
    probe: impl AsyncFnMut() -> F,
) -> Result<F::Value> {
    within(POLL_TIMEOUT, what, probe).await
}

/// [`eventually`] with a deadline of its own, for what takes long by nature.
///
/// # Errors
/// After the deadline, with what the last probe saw.
pub async fn within<F: ProbeResult>(
    deadline: Duration,
    what: &str,
    mut probe: impl AsyncFnMut() -> F,
) -> Result<F::Value> {
    let start = Instant::now();
    loop {
        let seen = match probe().await.found() {
            Ok(value) => return Ok(value),
            Err(seen) => seen,
        };
        if start.elapsed() >= deadline {
            bail!(
                "waited {} s for {what}; last seen: {seen}",
                deadline.as_secs()
            );
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn returns_the_first_value_found() {
        let mut count = 0;
        let found = eventually("three", async || {
            count += 1;
            (count == 3).then_some(count)
        });
        assert_eq!(found.await.unwrap(), 3);
    }

    #[tokio::test]
    async fn says_what_it_saw_last() {
        let error = within(Duration::ZERO, "a door", async || Err::<(), _>("a wall"))
            .await
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "waited 0 s for a door; last seen: a wall"
        );
    }
}
