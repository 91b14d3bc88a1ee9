//! Who goes without a word: the gateway, the person's machine, and the network between them.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use hourkey_testkit::chaos_proxy::ChaosProxy;
use hourkey_testkit::poll::within;

use crate::connection::Connection;
use crate::far::{Far, WIKI, at_hosts};
use crate::origin::{FLOOD, PAGE, QUIET, TICKS};
use crate::puppet::Puppet;
use crate::ways::{PORT, WAYS, Way, Ways};

/// About 30 s are promised; a busy machine may take a little longer.
const ABOUT: Duration = Duration::from_secs(45);

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
fn a_network_that_vanishes_ends_every_way() {
    at_hosts(async |network| {
        let far = Far::new(network).await;
        let world = &far.world;
        let host = &network.origin;
        let (puppet, _wire) = host
            .run(async {
                let puppet = Puppet::start().await;
                let all = SocketAddr::from((Ipv4Addr::UNSPECIFIED, PORT));
                let link = ChaosProxy::between(all, puppet.address()).await.unwrap();
                (puppet, link)
            })
            .await;
        world.open("Database").await;
        let person = Some(&network.entry);
        let ways = Ways::new(world, person).await;
        let before = world.ends().await.len();
        let mut callers = Vec::new();
        for way in WAYS {
            for path in ["/stream", "/hold"] {
                let caller = ways.open(world, person, way).await;
                let caller = caller
                    .requests(&puppet, way, ["GET", path, "Connection: close\r\n"])
                    .await;
                callers.push((way, path, caller));
            }
        }
        // The bridge passes nothing on any more, and no host is told.
        network.controller.ip(&["link", "set", "entry", "nomaster"]);
        let lost = Instant::now();
        let ends = callers
            .into_iter()
            .map(|(way, path, mut caller)| async move {
                let (heard, in_order) = caller.hears_the_rest().await;
                println!(
                    "the network vanished; {way:?} to {path} ended after {:.1?}",
                    lost.elapsed()
                );
                if way.is_by_request() && path == "/hold" {
                    assert!(heard.starts_with("HTTP/1.1 502"), "{heard}");
                    assert!(heard.contains("The gateway was lost"), "{heard}");
                    return;
                }
                assert!(!in_order || way == Way::Command, "{way:?} to {path}");
                if let Some((code, said)) = caller.came_to().await {
                    assert_eq!(code, 1, "{said}");
                    assert!(said.contains("The gateway was lost"), "{said}");
                }
            });
        let at_origin = within(ABOUT, "the end at the origin", async || puppet.open() == 0);
        let (_, at_origin) = tokio::join!(join_all(ends), at_origin);
        at_origin.unwrap();
        println!(
            "the network vanished; the origin learnt it after {:.1?}",
            lost.elapsed()
        );
        let causes = within(ABOUT, "the ends in the audit log", async || {
            let ends = world.ends().await;
            let causes: Vec<_> = ends[before..].iter().map(|(_, why)| why.clone()).collect();
            match causes.len() == 2 * WAYS.len() {
                true => Ok(causes),
                false => Err(format!("{causes:?}")),
            }
        })
        .await
        .unwrap();
        // The gateway sees that the person's machine is gone, and cannot tell it from one that broke off.
        assert_eq!(causes, vec!["client"; 2 * WAYS.len()]);
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
