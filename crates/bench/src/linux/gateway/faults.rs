//! What breaks: how long bytes still pass then.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use hourkey_testkit::chaos_proxy::ChaosProxy;
use hourkey_testkit::poll::eventually;
use rustix::process::Signal;
use tokio::io::AsyncReadExt as _;
use tokio::task::JoinHandle;

use super::origin::TICK;
use super::route::Route;
use super::test_env::TestEnv;
use crate::linux::figures::{Figure, Table, Times};

/// The lease, in milliseconds: no byte may pass later than that after a fault.
const MAX_LEASE_MS: f64 = 15_000.0;
/// How often each fault is made.
const ROUNDS: usize = 3;
/// How long after the network broke the access is taken away.
const REVOKE_DELAY: Duration = Duration::from_secs(5);
/// How long the gateway is stopped: shorter and longer than the lease.
const STOP_TIMES: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(20)];
/// The shortest grant, in seconds.
const SHORTEST_GRANT_SECONDS: u64 = 60;
/// How far the gateway's wall clock is stepped.
const CLOCK_STEPS: [&str; 2] = ["-3600", "+3600"];
/// Where Debian has libfaketime for programs with threads.
const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

pub(crate) async fn measure(table: &mut Table) -> Result<()> {
    let (mut env, link) = TestEnv::behind_proxy().await?;
    let mut killed = Vec::new();
    let mut silent = Vec::new();
    for _ in 0..ROUNDS {
        let stream = Stream::open(env.proxy().open()).await?;
        let begin = Instant::now();
        env.controller.kill()?;
        killed.push(stream.last().await? - begin);
        env.controller.resume().await?;
        let stream = Stream::open(env.proxy().open()).await?;
        let begin = Instant::now();
        env.controller.signal(Signal::STOP)?;
        let last = stream.last().await;
        env.controller.signal(Signal::CONT)?;
        silent.push(last? - begin);
    }
    add(table, "controller killed → last byte", killed, MAX_LEASE_MS);
    add(table, "controller silent → last byte", silent, MAX_LEASE_MS);
    for (what, lose) in [
        ("lost", ChaosProxy::stall as fn(&ChaosProxy)),
        ("broken off", ChaosProxy::cut),
    ] {
        let (mut late, mut later) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let (revoked, last) = lost(&env, &link, lose).await?;
            late.push(last);
            later.push(last.saturating_sub(revoked));
        }
        let what = format!("network to the controller {what}, access revoked meanwhile");
        add(table, &format!("{what} → last byte"), late, MAX_LEASE_MS);
        add(
            table,
            &format!("{what}: revoked → last byte"),
            later,
            MAX_LEASE_MS,
        );
    }
    for stop in STOP_TIMES {
        let mut late = Vec::new();
        for _ in 0..ROUNDS {
            late.push(stopped(&env, stop).await?);
        }
        let seconds = stop.as_secs();
        let what = format!(
            "gateway stopped for {seconds} s, access revoked meanwhile: goes on → last byte"
        );
        add(table, &what, late, MAX_LEASE_MS);
    }
    if Path::new(FAKETIME).is_file() {
        for step in CLOCK_STEPS {
            let late = stepped(&mut env, step).await?;
            let what =
                format!("gateway's wall clock stepped {step} s → last byte after the grant's end");
            add(table, &what, vec![late], MAX_LEASE_MS);
        }
    } else {
        println!(
            "skipped: the stepped clock: {FAKETIME} is missing. Install it: apt-get install faketime"
        );
    }
    Ok(())
}

fn add(table: &mut Table, what: &str, times: Vec<Duration>, budget: f64) {
    let times = Times::of(times);
    let most = Figure::new(format!("{what}, max"), times.percentile(100), "ms");
    table.add(most.spread(times.spread()).budget(budget));
}

/// Breaks the network between gateway and controller, and takes the access away meanwhile. Returns
/// when that was committed and how long bytes pass, both counted from the break.
async fn lost(
    env: &TestEnv,
    link: &ChaosProxy,
    lose: fn(&ChaosProxy),
) -> Result<(Duration, Duration)> {
    let grant = env.unlock(3_600).await?;
    let stream = Stream::open(env.proxy().locked()).await?;
    let begin = Instant::now();
    lose(link);
    tokio::time::sleep(REVOKE_DELAY).await;
    env.revoke(grant).await?;
    let revoked = begin.elapsed();
    let last = stream.last().await;
    link.restore();
    Ok((revoked, last?.saturating_duration_since(begin)))
}

/// Stops the gateway, takes the access away meanwhile, and returns how long bytes pass once it goes
/// on.
async fn stopped(env: &TestEnv, stop: Duration) -> Result<Duration> {
    let grant = env.unlock(3_600).await?;
    let stream = Stream::open(env.proxy().locked()).await?;
    env.gateway.signal(Signal::STOP)?;
    let revoke = async {
        tokio::time::sleep(stop / 2).await;
        env.revoke(grant).await
    };
    let go_on = async {
        tokio::time::sleep(stop).await;
        let begin = Instant::now();
        env.gateway.signal(Signal::CONT)?;
        Ok(begin)
    };
    let ((), begin) = tokio::try_join!(revoke, go_on)?;
    let last = stream.last().await?;
    Ok(last.saturating_duration_since(begin))
}

/// Steps the gateway's wall clock in the middle of the shortest grant, and returns how long bytes
/// pass after the grant's end.
async fn stepped(env: &mut TestEnv, step: &str) -> Result<Duration> {
    let folder = tempfile::tempdir()?;
    let offset: PathBuf = folder.path().join("offset");
    fs::write(&offset, "+0")?;
    env.gateway.kill()?;
    let file = offset.to_str().context("the path is not text")?;
    for (name, value) in [
        ("LD_PRELOAD", FAKETIME),
        ("FAKETIME_TIMESTAMP_FILE", file),
        ("FAKETIME_NO_CACHE", "1"),
        // The clocks that nobody can set stay right.
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ] {
        env.gateway.set(name, value);
    }
    env.gateway.resume().await?;
    let begin = Instant::now();
    env.unlock(SHORTEST_GRANT_SECONDS).await?;
    let stream = Stream::open(env.proxy().locked()).await?;
    tokio::time::sleep(Duration::from_secs(SHORTEST_GRANT_SECONDS / 2)).await;
    fs::write(&offset, step)?;
    let last = stream.last().await?;
    Ok(last.saturating_duration_since(begin + Duration::from_secs(SHORTEST_GRANT_SECONDS)))
}

/// A connection that is sent to all the time, and when its last byte came.
struct Stream {
    reader: JoinHandle<()>,
    last: Arc<Mutex<Instant>>,
}

impl Stream {
    /// Over this route, as soon as bytes pass there: a gateway needs a moment after a fault.
    async fn open(route: Route) -> Result<Self> {
        let begun = async || {
            let mut stream = route.open(&[TICK]).await?;
            stream.read_u8().await?;
            std::io::Result::Ok(stream)
        };
        let mut stream = eventually("a way through", begun).await?;
        let last = Arc::new(Mutex::new(Instant::now()));
        let seen = Arc::clone(&last);
        let reader = tokio::spawn(async move {
            let mut bytes = [0; 4_096];
            while stream.read(&mut bytes).await.is_ok_and(|length| length > 0) {
                *seen.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
            }
        });
        Ok(Self { reader, last })
    }

    /// Waits until the connection has ended, and tells when its last byte came.
    async fn last(self) -> Result<Instant> {
        let ended = tokio::time::timeout(Duration::from_secs(120), self.reader).await;
        ended.context("the connection was not cut")??;
        Ok(*self.last.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
