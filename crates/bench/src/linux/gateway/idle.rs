//! Tunnels that are open and carry nothing: what each costs in memory.

use anyhow::{Context, Result};
use rustix::process::{Resource, getrlimit};
use tokio::net::TcpStream;

use super::relays::{FORWARD, all};
use super::test_env::TestEnv;
use crate::linux::figures::{Figure, Table};
use crate::linux::process_load::proportional;

/// Tunnels through each relay, to compare them.
const COMPARED_TUNNELS: usize = 400;
/// Tunnels through one gateway.
const MAX_TUNNELS: usize = 10_000;
/// Devices that hold those: a gateway lets each have 512 (crates/gateway/src/limits.rs).
pub(crate) const DEVICES: usize = 20;

pub(crate) async fn measure(table: &mut Table) -> Result<()> {
    beside_peers(table).await?;
    let env = TestEnv::new(DEVICES).await?;
    let gateway = env.gateway.id().context("the gateway runs")?;
    let proxy = env.proxy().process.id();
    let controller = env.controller.id().context("the controller runs")?;
    let all = || -> Result<[f64; 3]> {
        Ok([
            proportional(gateway)?,
            proportional(proxy)?,
            proportional(controller)?,
        ])
    };
    let before = all()?;
    let held = crowd(&env, Crowd::Open, most()).await?;
    let after = all()?;
    #[expect(clippy::cast_precision_loss, reason = "thousands")]
    let (all, one) = (held.len() as f64, (held.len() / DEVICES) as f64);
    for (who, at, tunnels) in [("the gateway", 0, all), ("a local proxy", 1, one)] {
        let what = format!("{who}: memory for each of {tunnels} idle tunnels");
        let figure = Figure::new(what, (after[at] - before[at]) / tunnels, "KiB");
        let [before, after] = [before[at], after[at]].map(|kib| kib / 1024.0);
        table.add(figure.spread(format!("PSS from {before:.1} to {after:.1} MiB")));
    }
    let what = format!("the controller: memory that {all} tunnels add");
    table.add(Figure::new(what, (after[2] - before[2]) / 1024.0, "MiB"));
    Ok(())
}

/// The same number through each relay. It does not matter here who came first.
async fn beside_peers(table: &mut Table) -> Result<()> {
    let env = TestEnv::new(1).await?;
    let folder = tempfile::tempdir()?;
    for relay in all(&env, folder.path()).await? {
        let memory = || -> Result<f64> {
            let processes = relay.processes.iter();
            processes.map(|it| proportional(*it)).sum()
        };
        let before = memory()?;
        let held = relay.route.idle(COMPARED_TUNNELS).await;
        let held = held.with_context(|| format!("{} did not hold them", relay.name))?;
        let after = memory()?;
        drop(held);
        // A forward's gateway still has the memory that the local proxy's tunnels left.
        if relay.processes.is_empty() || relay.name == FORWARD {
            continue;
        }
        let name = relay.name.trim_matches('*');
        let what =
            format!("{name}: memory for each of {COMPARED_TUNNELS} idle tunnels, both sides");
        #[expect(clippy::cast_precision_loss, reason = "hundreds")]
        let figure = Figure::new(what, (after - before) / COMPARED_TUNNELS as f64, "KiB");
        table.add(figure.spread(format!("PSS without them {:.1} MiB", before / 1024.0)));
    }
    Ok(())
}

/// Where a crowd of tunnels leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crowd {
    /// To what is open at all times.
    Open,
    /// To what a reviewer opened.
    Locked,
}

/// So many tunnels through one gateway, spread over the member's devices.
pub(crate) async fn crowd(env: &TestEnv, to: Crowd, count: usize) -> Result<Vec<TcpStream>> {
    let devices = env.proxies.len();
    let openers = env.proxies.iter().enumerate().map(|(at, proxy)| {
        let route = match to {
            Crowd::Open => proxy.open(),
            Crowd::Locked => proxy.locked(),
        };
        tokio::spawn(route.idle((count + at) / devices))
    });
    let mut streams = Vec::with_capacity(count);
    for opener in openers.collect::<Vec<_>>() {
        streams.extend(opener.await??);
    }
    Ok(streams)
}

/// As many tunnels as are wanted, or as few as files may be open: the gateway needs two a tunnel.
pub(crate) fn most() -> usize {
    /// Files that are no tunnel's: the control stream, connections that lie ready, and the like.
    const OTHERS: usize = 200;
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let files = usize::try_from(files).unwrap_or(usize::MAX);
    let most = (files.saturating_sub(OTHERS) / 2).min(MAX_TUNNELS);
    if most < MAX_TUNNELS {
        println!(
            "{most} tunnels instead of {MAX_TUNNELS}: a process may open {files} files here. \
             Raise it: ulimit -Hn {}",
            2 * MAX_TUNNELS + OTHERS
        );
    }
    most
}
