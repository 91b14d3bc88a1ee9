//! All relays in turn, again and again: what they carry, what it costs, and how long it takes.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use super::grid::Grid;
use super::other_relays::{HAPROXY, NGINX, OtherRelays, RATHOLE, Relay, SSH, SSH_AES, STUNNEL};
use super::route::{Direction, Route};
use super::test_env::TestEnv;
use crate::linux::figures::{Figure, Table, Times};
use crate::linux::process_load::processor;

const ROUNDS: usize = 3;
/// Where nothing but opening is measured.
const OPENING_ROUNDS: usize = 15;

/// What is sent at a time, in bytes: a gigabyte.
const BYTES: u64 = 1_000_000_000;
/// New connections in a round, and the time between two of them.
const CONNECTIONS: usize = 200;
const CONNECTION_INTERVAL: Duration = Duration::from_millis(10);
/// Round trips in a round.
const ROUND_TRIPS: usize = 2_000;

/// Transfers: direction, streams, and the columns for the speed and the cost.
const TRANSFERS: [(Direction, u64, &str, &str); 4] = [
    (Direction::Down, 1, "down 1, Gbit/s", "CPU-s/GB, down 1"),
    (Direction::Down, 8, "down 8, Gbit/s", "CPU-s/GB, down 8"),
    (Direction::Up, 1, "up 1, Gbit/s", "CPU-s/GB, up 1"),
    (Direction::Up, 8, "up 8, Gbit/s", "CPU-s/GB, up 8"),
];
const OPENED: &str = "new connection p50, ms";
const OPENED_WORST: &str = "new connection p99, ms";
const BURST: &str = "without a pause p50, ms";
const ROUND_TRIP: &str = "64-byte round trip p50, µs";

const OURS: &str = "**local proxy + gateway**";
/// Ours again, by a port that leads to one resource, as every peer has it: no CONNECT to answer.
pub(crate) const FORWARD: &str = "**forward + gateway**";
const DIRECT: &str = "direct";
/// The peers that encrypt.
const ENCRYPTED: [&str; 6] = [SSH, SSH_AES, STUNNEL, HAPROXY, NGINX, RATHOLE];

/// The budgets: CPU-seconds a gigabyte, and milliseconds more than a direct connection.
const MAX_COST: f64 = 1.8;
const MAX_OVERHEAD_MS: f64 = 0.4;

/// Ours of another build.
const OTHER_OURS: &str = "local proxy + gateway, other build";
const OTHER_FORWARD: &str = "forward + gateway, other build";

/// With what another build in `beside` costs, in the same rounds.
pub(crate) async fn measure(beside: Option<&Path>, table: &mut Table) -> Result<()> {
    let env = TestEnv::new(1).await?;
    let other = other(beside).await?;
    let folder = tempfile::tempdir()?;
    let mut relays = all(&env, folder.path()).await?;
    if let Some(other) = &other {
        relays.extend(ours(other, OTHER_OURS, OTHER_FORWARD).await?);
    }
    let mut grid = Grid::default();
    for round in 1..=ROUNDS {
        for relay in &relays {
            eprintln!("  round {round} of {ROUNDS}: {}", relay.name);
            once(relay, &mut grid)
                .await
                .with_context(|| format!("{} did not carry what it was given", relay.name))?;
        }
    }
    println!("\n{grid}");
    compare(&grid, table);
    Ok(())
}

/// What a new connection takes by our own ways alone, in so many rounds that two builds can be told
/// apart.
pub(crate) async fn measure_opening(beside: Option<&Path>) -> Result<()> {
    let env = TestEnv::new(1).await?;
    let other = other(beside).await?;
    let direct = Route::plain(env.origin.address);
    let mut relays = vec![Relay::borrowed(DIRECT, direct, Vec::new())];
    relays.extend(ours(&env, OURS, FORWARD).await?);
    if let Some(other) = &other {
        relays.extend(ours(other, OTHER_OURS, OTHER_FORWARD).await?);
    }
    let mut grid = Grid::default();
    for _ in 0..OPENING_ROUNDS {
        for relay in &relays {
            open(relay, &mut grid).await?;
        }
    }
    println!("\n{grid}");
    Ok(())
}

/// A test environment of the build in this folder.
async fn other(folder: Option<&Path>) -> Result<Option<TestEnv>> {
    match folder {
        Some(folder) => TestEnv::of_build(folder).await.map(Some),
        None => Ok(None),
    }
}

/// Every relay that there is here; the first one is none.
pub(crate) async fn all(env: &TestEnv, folder: &Path) -> Result<Vec<Relay>> {
    let peers = OtherRelays::new(folder, env.origin.address);
    let mut relays = vec![
        Relay::borrowed(DIRECT, Route::plain(env.origin.address), Vec::new()),
        peers.copy().await?,
    ];
    relays.extend(ours(env, OURS, FORWARD).await?);
    relays.extend(peers.start().await?);
    Ok(relays)
}

/// Both ways into a test environment, under these names.
async fn ours(env: &TestEnv, proxy: &'static str, forward: &'static str) -> Result<[Relay; 2]> {
    let gateway = env.gateway.id().context("the gateway runs")?;
    let (process, route) = env.proxy().forward().await?;
    Ok([
        Relay::borrowed(proxy, env.proxy().open(), env.processes()?),
        Relay::shared(forward, route, vec![gateway], process),
    ])
}

async fn once(relay: &Relay, grid: &mut Grid) -> Result<()> {
    let route = relay.route;
    for (direction, streams, speed, cost) in TRANSFERS {
        let before = used(relay)?;
        let took = route.transfer(direction, streams, BYTES).await?;
        let used = used(relay)?.saturating_sub(before);
        #[expect(clippy::cast_precision_loss, reason = "a round number")]
        let gigabits = BYTES as f64 * 8e-9;
        grid.add(relay.name, speed, gigabits / took.as_secs_f64());
        if !relay.processes.is_empty() {
            grid.add(relay.name, cost, used.as_secs_f64() * 8.0 / gigabits);
        }
    }
    open(relay, grid).await?;
    let round_trips = Times::of(route.round_trips(ROUND_TRIPS).await?);
    grid.add(relay.name, ROUND_TRIP, round_trips.percentile(50) * 1_000.0);
    Ok(())
}

async fn open(relay: &Relay, grid: &mut Grid) -> Result<()> {
    let route = relay.route;
    let mut opened = Vec::new();
    for _ in 0..CONNECTIONS {
        tokio::time::sleep(CONNECTION_INTERVAL).await;
        opened.push(route.time_to_open().await?);
    }
    let opened = Times::of(opened);
    grid.add(relay.name, OPENED, opened.percentile(50));
    grid.add(relay.name, OPENED_WORST, opened.percentile(99));
    let mut burst = Vec::new();
    for _ in 0..CONNECTIONS {
        burst.push(route.time_to_open().await?);
    }
    grid.add(relay.name, BURST, Times::of(burst).percentile(50));
    Ok(())
}

/// Processor time of a relay so far.
fn used(relay: &Relay) -> Result<Duration> {
    relay.processes.iter().map(|it| processor(*it)).sum()
}

/// Ours against the budgets and the peers.
fn compare(grid: &Grid, table: &mut Table) {
    let costs = TRANSFERS.map(|(direction, streams, _, cost)| (direction, streams, cost));
    for (direction, streams, cost) in costs {
        let Some(ours) = grid.median(OURS, cost) else {
            continue;
        };
        let way = format!("{direction:?}, {streams} at a time").to_lowercase();
        let what = format!("local proxy + gateway: CPU-s per GB, {way}");
        table.add(Figure::new(what, ours, "s").budget(MAX_COST));
        let peers = ENCRYPTED.iter();
        let peers = peers.filter_map(|it| Some((*it, grid.median(it, cost)?)));
        if let Some((name, least)) = peers.min_by(|(_, a), (_, b)| a.total_cmp(b)) {
            let what = format!("the same against the thriftiest encrypted peer, {way}");
            let figure = Figure::new(what, ours / least, "×");
            table.add(figure.spread(format!("{name}: {least:.2} s")).budget(1.0));
        }
    }
    let Some(direct) = grid.median(DIRECT, OPENED) else {
        return;
    };
    for ours in [OURS, FORWARD] {
        let Some(opened) = grid.median(ours, OPENED) else {
            continue;
        };
        let ours = ours.trim_matches('*');
        let what = format!("{ours}: new connection, p50, more than direct");
        table.add(Figure::new(what, opened - direct, "ms").budget(MAX_OVERHEAD_MS));
        let peers = ENCRYPTED.iter().filter(|it| ![SSH, SSH_AES].contains(it));
        let peers = peers.filter_map(|it| Some((*it, grid.median(it, OPENED)?)));
        if let Some((name, least)) = peers.min_by(|(_, a), (_, b)| a.total_cmp(b)) {
            let what = format!("{ours}: the same against the fastest encrypted peer but ssh");
            let figure = Figure::new(what, opened / least, "×");
            table.add(figure.spread(format!("{name}: {least:.2} ms")).budget(1.0));
        }
    }
}
