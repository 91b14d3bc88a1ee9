//! Who goes without a word: the gateway, the person's machine, and the network between them.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use hourkey_testkit::chaos_proxy::ChaosProxy;
use hourkey_testkit::poll::within;

use crate::connection::Connection;
use crate::ingress::{INGRESSES, Ingress, Ingresses, PORT};
use crate::origin::{FLOOD, PAGE, QUIET, TICKS};
use crate::remote_env::{RemoteEnv, WIKI, at_hosts};
use crate::scripted_server::ScriptedServer;

/// About 30 s are promised; a busy machine may take a little longer.
const DETECTION_TIMEOUT: Duration = Duration::from_secs(45);

#[test]
fn a_gateway_that_vanishes_is_noticed() {
    at_hosts(async |network| {
        let remote = RemoteEnv::new(network).await;
        let proxy = remote.proxy().await;
        remote.env.open("Logs").await;
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
        assert!(idle.max(asking).max(receiving) < DETECTION_TIMEOUT);
    });
}

#[test]
fn a_person_who_vanishes_is_noticed_by_the_gateway() {
    at_hosts(async |network| {
        let remote = RemoteEnv::new(network).await;
        let proxy = remote.proxy().await;
        remote.env.open("Logs").await;
        let _receiving = proxy.open(TICKS).await;
        let mut idle = proxy.open(QUIET).await;
        idle.goes_on().await;
        assert_eq!(remote.origin.open(), 2);
        network.client.ip(&["link", "set", "eth", "down"]);
        let lost = Instant::now();
        within(DETECTION_TIMEOUT, "the end at the origin", async || {
            remote.origin.open() == 0
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
        let remote = RemoteEnv::new(network).await;
        let env = &remote.env;
        let host = &network.origin;
        let (server, _wire) = host
            .run(async {
                let server = ScriptedServer::start().await;
                let all = SocketAddr::from((Ipv4Addr::UNSPECIFIED, PORT));
                let link = ChaosProxy::between(all, server.address()).await.unwrap();
                (server, link)
            })
            .await;
        env.open("Database").await;
        let person = Some(&network.client);
        let ingresses = Ingresses::new(env, person).await;
        let before = env.ends().await.len();
        let mut callers = Vec::new();
        for ingress in INGRESSES {
            for path in ["/stream", "/hold"] {
                let caller = ingresses.open(env, person, ingress).await;
                let caller = caller
                    .requests(&server, ingress, ["GET", path, "Connection: close\r\n"])
                    .await;
                callers.push((ingress, path, caller));
            }
        }
        // The bridge passes nothing on any more, and no host is told.
        network.controller.ip(&["link", "set", "entry", "nomaster"]);
        let lost = Instant::now();
        let ends = callers
            .into_iter()
            .map(|(ingress, path, mut caller)| async move {
                let (heard, in_order) = caller.hears_the_rest().await;
                println!(
                    "the network vanished; {ingress:?} to {path} ended after {:.1?}",
                    lost.elapsed()
                );
                if ingress.is_by_request() && path == "/hold" {
                    assert!(heard.starts_with("HTTP/1.1 502"), "{heard}");
                    assert!(heard.contains("The gateway was lost"), "{heard}");
                    return;
                }
                assert!(
                    !in_order || ingress == Ingress::Command,
                    "{ingress:?} to {path}"
                );
                if let Some((code, said)) = caller.came_to().await {
                    assert_eq!(code, 1, "{said}");
                    assert!(said.contains("The gateway was lost"), "{said}");
                }
            });
        let at_origin = within(DETECTION_TIMEOUT, "the end at the origin", async || {
            server.open() == 0
        });
        let (_, at_origin) = tokio::join!(join_all(ends), at_origin);
        at_origin.unwrap();
        println!(
            "the network vanished; the origin learnt it after {:.1?}",
            lost.elapsed()
        );
        let causes = within(DETECTION_TIMEOUT, "the ends in the audit log", async || {
            let ends = env.ends().await;
            let causes: Vec<_> = ends[before..].iter().map(|(_, why)| why.clone()).collect();
            match causes.len() == 2 * INGRESSES.len() {
                true => Ok(causes),
                false => Err(format!("{causes:?}")),
            }
        })
        .await
        .unwrap();
        // The gateway sees that the person's machine is gone, and cannot tell it from one that broke off.
        assert_eq!(causes, vec!["client"; 2 * INGRESSES.len()]);
    });
}

#[test]
fn a_change_of_networks_ends_connections_at_once() {
    at_hosts(async |network| {
        let remote = RemoteEnv::new(network).await;
        let proxy = remote.proxy().await;
        remote.env.open("Logs").await;
        let mut idle = proxy.open(QUIET).await;
        idle.goes_on().await;
        let local_proxy = &network.client;
        local_proxy.ip(&["addr", "add", "10.77.0.33/24", "dev", "eth"]);
        local_proxy.ip(&["addr", "del", "10.77.0.3/24", "dev", "eth"]);
        local_proxy.ip(&["addr", "replace", "10.77.0.33/24", "dev", "eth"]);
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
        let remote = RemoteEnv::new(network).await;
        let proxy = remote.proxy().await;
        remote.env.open("Logs").await;
        let mut flood = proxy.open(FLOOD).await;
        // Longer than silence is borne; windows are shut all the way to the origin by then.
        tokio::time::sleep(DETECTION_TIMEOUT).await;
        flood.reads(64 << 20).await;
        assert_eq!(remote.origin.open(), 1);
    });
}
