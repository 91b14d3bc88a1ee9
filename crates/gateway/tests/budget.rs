//! Destinations that do not read hold no more of the gateway than a budget, and others go on.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod test_env;

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hourkey_domain::ids::DeviceId;
use hourkey_gateway::limits::{
    MAX_FLOWS_PER_DEVICE, MAX_FLOWS_PER_USER, MAX_HTTP2_PER_DEVICE, MAX_STREAMS, MAX_USER_WINDOWS,
};
use test_env::client::{ConnectResponse, Device, Flow, Http2};
use test_env::origin::{SILENT, SOURCE};
use test_env::{ANN, BEN, DB, PHONE, TestEnv, soon};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// What the kernel may hold for one flow to a destination that does not read: what is not sent yet,
/// and what the destination's socket takes before it is read.
const KERNEL: usize = 1 << 20;

fn devices(env: &TestEnv, count: i64) -> Vec<Device> {
    let devices = (0..count).map(|number| env.device(DeviceId(100 + number), ANN));
    devices.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_devices_whose_destinations_do_not_read_hold_a_budget_and_others_go_on() {
    let env = TestEnv::new().await;
    env.controller.permit(ANN, DB, None);
    env.controller.permit(BEN, DB, None);
    let ben = env.device(PHONE, BEN);
    let alone = speed(&ben).await;
    let sent = Arc::new(AtomicUsize::new(0));
    let (mut connections, mut flows) = (Vec::new(), 0);
    for device in devices(&env, 5) {
        for number in 0..=MAX_HTTP2_PER_DEVICE {
            let Some(mut http2) = device.try_http2().await else {
                continue;
            };
            assert!(
                number < MAX_HTTP2_PER_DEVICE,
                "one more connection than a device may have"
            );
            for _ in 0..6 {
                let flow = http2.connect("db.corp:5432").await.unwrap();
                flows += 1;
                tokio::spawn(fill(flow, Arc::clone(&sent)));
            }
            connections.push(http2);
        }
    }
    let held = settled(&sent).await;
    let beside = speed(&ben).await;
    println!(
        "{} connections, {flows} flows: {} MiB taken for good; another user: {alone:.0} MB/s \
         alone, {beside:.0} MB/s beside them ({:.2})",
        connections.len(),
        held >> 20,
        beside / alone
    );
    assert!(held <= MAX_USER_WINDOWS as usize + flows * KERNEL, "{held}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_user_s_devices_have_so_many_flows_together() {
    let env = TestEnv::new().await;
    env.controller.permit(ANN, DB, None);
    env.controller.permit(BEN, DB, None);
    let mut kept: Vec<(Http2, Vec<Flow>)> = Vec::new();
    let all = devices(&env, (MAX_FLOWS_PER_USER / MAX_FLOWS_PER_DEVICE) as i64 + 1);
    let (last, first) = all.split_last().unwrap();
    for device in first {
        for _ in 0..MAX_FLOWS_PER_DEVICE / MAX_STREAMS as usize {
            let mut http2 = device.http2().await;
            let mut flows = Vec::new();
            for _ in 0..MAX_STREAMS {
                flows.push(http2.connect("db.corp:5432").await.unwrap());
            }
            kept.push((http2, flows));
        }
    }
    assert_eq!(
        last.refused("db.corp:5432").await,
        ConnectResponse::refused(503, "busy")
    );
    let ben = env.device(PHONE, BEN);
    assert!(ben.connect("db.corp:5432").await.is_ok());
    kept.pop();
    for _ in 0..1_000 {
        if last.connect("db.corp:5432").await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the places of the flows that ended stay taken");
}

/// Sends all that the gateway takes.
async fn fill(mut flow: Flow, sent: Arc<AtomicUsize>) {
    flow.write(&[SILENT]);
    loop {
        flow.send.reserve_capacity(16 << 10);
        match poll_fn(|cx| flow.send.poll_capacity(cx)).await {
            Some(Ok(room)) if room > 0 => {
                let bytes = Bytes::from(vec![0; room]);
                if flow.send.send_data(bytes, false).is_err() {
                    return;
                }
                sent.fetch_add(room, SeqCst);
            }
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return,
        }
    }
}

/// Waits until nothing more is taken.
async fn settled(sent: &AtomicUsize) -> usize {
    let (mut last, mut since) = (0, Instant::now());
    while since.elapsed() < Duration::from_secs(2) {
        let now = sent.load(SeqCst);
        if now != last {
            (last, since) = (now, Instant::now());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    last
}

/// How fast a transfer goes, in MB/s.
async fn speed(device: &Device) -> f64 {
    const SIZE: usize = 8 << 20;
    let mut tls = device.connect("db.corp:5432").await.unwrap();
    tls.write_all(&[SOURCE]).await.unwrap();
    let since = Instant::now();
    let (mut read, mut buffer) = (0, vec![0; 64 << 10]);
    while read < SIZE {
        read += soon("bytes", tls.read(&mut buffer)).await.unwrap();
    }
    SIZE as f64 / since.elapsed().as_secs_f64() / 1e6
}
