//! Who goes without a word: the gateway, the person's machine, and the network between them.

use std::time::{Duration, Instant};

use hourkey_testkit::poll::within;

use crate::addresses::hosts;
use crate::connection::Connection;
use crate::far::{FAR, Far, LOGS, WIKI};
use crate::network::Network;
use crate::origin::{FLOOD, PAGE, QUIET, TICKS};

/// About 30 s are promised; a busy machine may take a little longer.
const ABOUT: Duration = Duration::from_secs(45);

fn at_hosts(test: impl AsyncFn(&Network) + Send + Sync) {
    let Some(network) = Network::new() else {
        return;
    };
    network.entry.etc("hosts", &hosts(FAR, &["10.77.0.2"]));
    let resources = hosts(WIKI, &["10.77.0.4"]) + &hosts(LOGS, &["10.77.0.4"]);
    network.gateway.etc("hosts", &resources);
    network.controller.thread(|| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(test(&network));
    });
}

#[test]
fn a_gateway_that_vanishes_is_noticed() {
    at_hosts(async |network| {
        let far = Far::new(network).await;
        let proxy = far.proxy().await;
        far.world.open("Logs").await;
        let mut idle = proxy.open(QUIET).await;
        idle.goes_on().await;
        let mut asking = proxy.open(QUIET).await;
        asking.goes_on().await;
        let receiving = proxy.open(TICKS).await;
        network.gateway.ip(&["link", "set", "eth", "down"]);
        let lost = Instant::now();
        asking.asks().await;
        let time = async |connection: Connection| {
            connection.ends().await;
            lost.elapsed()
        };
        let (idle, asking, receiving) = tokio::join!(time(idle), time(asking), time(receiving));
        println!(
            "the gateway vanished; ended after: idle {idle:.1?}, with a question under way \
             {asking:.1?}, receiving {receiving:.1?}"
        );
        assert!(idle.max(asking).max(receiving) < ABOUT);
    });
}

#[test]
fn a_person_who_vanishes_is_noticed_by_the_gateway() {
    at_hosts(async |network| {
        let far = Far::new(network).await;
        let proxy = far.proxy().await;
        far.world.open("Logs").await;
        let _receiving = proxy.open(TICKS).await;
        let mut idle = proxy.open(QUIET).await;
        idle.goes_on().await;
        assert_eq!(far.origin.open(), 2);
        network.entry.ip(&["link", "set", "eth", "down"]);
        let lost = Instant::now();
        within(ABOUT, "the end at the origin", async || {
            far.origin.open() == 0
        })
        .await
        .unwrap();
        println!(
            "the person's machine vanished; all ended after {:.1?}",
            lost.elapsed()
        );
    });
}

#[test]
fn a_change_of_networks_ends_connections_at_once() {
    at_hosts(async |network| {
        let far = Far::new(network).await;
        let proxy = far.proxy().await;
        far.world.open("Logs").await;
        let mut idle = proxy.open(QUIET).await;
        idle.goes_on().await;
        let entry = &network.entry;
        entry.ip(&["addr", "add", "10.77.0.33/24", "dev", "eth"]);
        entry.ip(&["addr", "del", "10.77.0.3/24", "dev", "eth"]);
        entry.ip(&["addr", "replace", "10.77.0.33/24", "dev", "eth"]);
        let changed = Instant::now();
        idle.ends().await;
        let ended = changed.elapsed();
        let (page, took) = proxy.get(WIKI).await;
        println!("the network changed; ended after {ended:.1?}, the next page took {took:.2?}");
        assert!(page.ends_with(PAGE), "{page}");
        assert!(ended < Duration::from_secs(10), "{ended:?}");
    });
}

#[test]
fn a_reader_who_pauses_is_not_taken_for_gone() {
    at_hosts(async |network| {
        let far = Far::new(network).await;
        let proxy = far.proxy().await;
        far.world.open("Logs").await;
        let mut flood = proxy.open(FLOOD).await;
        // Longer than silence is borne; windows are shut all the way to the origin by then.
        tokio::time::sleep(ABOUT).await;
        flood.reads(64 << 20).await;
        assert_eq!(far.origin.open(), 1);
    });
}
