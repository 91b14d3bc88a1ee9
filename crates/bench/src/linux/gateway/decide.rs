//! From a reviewer's approval to the first byte, and from a revocation to the last.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use hourkey_domain::ids::GrantId;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::idle::{Crowd, DEVICES, crowd, most};
use super::origin::TICK;
use super::test_env::TestEnv;
use crate::linux::figures::{Figure, Table, Times};

/// How long grants are asked for: longer than they last here.
const GRANT_SECONDS: u64 = 3_600;
/// How long the local proxy gets to hold a connection before the approval.
const HOLD_TIME: Duration = Duration::from_millis(30);
/// Of the tunnels that are cut, so many carry a byte every millisecond; the others are idle.
const SENDING_TUNNELS: usize = 20;

/// Tunnels on the gateway, how often one connection is opened and cut, and how often all are.
struct Size {
    tunnels: usize,
    /// The member's devices that hold them: each reads of each change, on the same two cores.
    devices: usize,
    single: usize,
    all: usize,
    /// The most that the 99th percentile of cuts may be, in milliseconds.
    budget: f64,
}

pub(crate) async fn measure(table: &mut Table) -> Result<()> {
    for size in [
        Size {
            tunnels: 1,
            devices: 1,
            single: 100,
            all: 0,
            budget: 50.0,
        },
        Size {
            tunnels: 100,
            devices: 1,
            single: 100,
            all: 20,
            budget: 50.0,
        },
        Size {
            tunnels: most(),
            devices: DEVICES,
            single: 50,
            all: 3,
            budget: 500.0,
        },
    ] {
        let env = TestEnv::new(size.devices).await?;
        one(&env, &size, table).await?;
        if size.all > 0 {
            all(&env, &size, table).await?;
        }
    }
    Ok(())
}

/// One connection to the locked resource, while the others carry nothing and go elsewhere.
async fn one(env: &TestEnv, size: &Size, table: &mut Table) -> Result<()> {
    let others = crowd(env, Crowd::Open, size.tunnels - 1).await?;
    let (mut first_bytes, mut last) = (Vec::new(), Vec::new());
    for _ in 0..size.single {
        let request = env.ask(GRANT_SECONDS).await?;
        let route = env.proxy().locked();
        let held = tokio::spawn(async move {
            let mut stream = route.open(&[TICK]).await?;
            stream.read_u8().await?;
            std::io::Result::Ok((stream, Instant::now()))
        });
        tokio::time::sleep(HOLD_TIME).await;
        let begin = Instant::now();
        let grant = env.approve(&request).await?;
        let (stream, first) = held.await??;
        first_bytes.push(first - begin);
        let (begin, ends) = cut(env, grant, vec![stream]).await?;
        last.extend(last_bytes(begin, &ends));
    }
    drop(others);
    let tunnels = count(size.tunnels);
    let first_bytes = Times::of(first_bytes);
    table.add(first_bytes.figure(format!("approve → first byte, {tunnels}")));
    let what = format!("revoke → last byte of one connection, {tunnels}");
    add(table, &what, &Times::of(last), size.budget);
    Ok(())
}

/// All tunnels go to the locked resource, and are cut by one revocation.
async fn all(env: &TestEnv, size: &Size, table: &mut Table) -> Result<()> {
    let (mut last, mut gone) = (Vec::new(), Vec::new());
    for _ in 0..size.all {
        let grant = env.unlock(GRANT_SECONDS).await?;
        let mut streams = crowd(env, Crowd::Locked, size.tunnels - SENDING_TUNNELS).await?;
        for at in 0..SENDING_TUNNELS {
            let proxy = &env.proxies[at % env.proxies.len()];
            streams.push(proxy.locked().open(&[TICK]).await?);
        }
        let (begin, ends) = cut(env, grant, streams).await?;
        last.extend(last_bytes(begin, &ends));
        gone.extend(ends.into_iter().map(|it| it.end - begin));
    }
    let tunnels = count(size.tunnels);
    let what = format!("revoke → last byte of {SENDING_TUNNELS} that send, all cut, {tunnels}");
    add(table, &what, &Times::of(last), size.budget);
    let what = format!("revoke → every connection closed at the client, all cut, {tunnels}");
    table.add(Times::of(gone).figure(what));
    Ok(())
}

fn count(tunnels: usize) -> String {
    match tunnels {
        1 => "1 tunnel".to_owned(),
        more => format!("{more} tunnels"),
    }
}

fn add(table: &mut Table, what: &str, times: &Times, budget: f64) {
    table.add(times.figure(what));
    let worst = Figure::new(format!("{what}, p99"), times.percentile(99), "ms");
    table.add(worst.budget(budget));
}

/// How a connection ended.
#[derive(Clone, Copy)]
struct End {
    /// When its last byte came, if one did since it was watched.
    last: Option<Instant>,
    /// When it was seen to be at its end.
    end: Instant,
}

/// Takes the access away. Returns when that was begun, and how each connection ended.
async fn cut(
    env: &TestEnv,
    grant: GrantId,
    streams: Vec<TcpStream>,
) -> Result<(Instant, Vec<End>)> {
    let watchers: Vec<JoinHandle<End>> = streams
        .into_iter()
        .map(|stream| tokio::spawn(watch(stream)))
        .collect();
    tokio::time::sleep(HOLD_TIME).await;
    let begin = Instant::now();
    env.revoke(grant).await?;
    let mut ends = Vec::with_capacity(watchers.len());
    for watcher in watchers {
        let ended = tokio::time::timeout(Duration::from_secs(60), watcher).await;
        ends.push(ended.context("a connection was not cut")??);
    }
    Ok((begin, ends))
}

/// When the last bytes came, of those connections that carried any.
fn last_bytes(begin: Instant, ends: &[End]) -> impl Iterator<Item = Duration> {
    let last = ends.iter().filter_map(|end| end.last);
    last.map(move |last| last.saturating_duration_since(begin))
}

/// Reads until the connection's end.
async fn watch(mut stream: TcpStream) -> End {
    let mut bytes = [0; 4_096];
    let mut last = None;
    while stream.read(&mut bytes).await.is_ok_and(|length| length > 0) {
        last = Some(Instant::now());
    }
    End {
        last,
        end: Instant::now(),
    }
}
