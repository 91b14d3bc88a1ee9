//! Names with several addresses, some of which answer nobody: the gateway's, and a resource's.

use std::time::{Duration, Instant};

use crate::network::Network;
use crate::origin::PAGE;
use crate::remote_env::{FAR, RemoteEnv, WIKI};

/// Far below the ten seconds after which an attempt is given up, and above what a busy machine
/// takes.
const MAX_CONNECT_TIME: Duration = Duration::from_secs(5);

#[test]
fn a_name_with_silent_addresses_is_reached_soon() {
    let Some(network) = Network::new() else {
        return;
    };
    network.controller.thread(|| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(reaches(&network));
    });
}

async fn reaches(network: &Network) {
    for host in [&network.gateway, &network.client] {
        for silent in ["10.77.0.90", "10.77.0.91", "fd77::90", "fd77::91"] {
            host.silence(silent);
        }
    }
    let gateway = |addresses: &[&str]| network.client.etc("hosts", &hosts(FAR, addresses));
    let resource = |addresses: &[&str]| network.gateway.etc("hosts", &hosts(WIKI, addresses));
    gateway(&["10.77.0.2"]);
    resource(&["10.77.0.4"]);
    let remote = RemoteEnv::new(network).await;
    let cases: [(&str, &[&str], &[&str]); 5] = [
        (
            "all answer",
            &["fd77::2", "10.77.0.2"],
            &["fd77::4", "10.77.0.4"],
        ),
        (
            "IPv6 is silent",
            &["fd77::90", "10.77.0.2"],
            &["fd77::90", "10.77.0.4"],
        ),
        (
            "IPv4 is silent",
            &["10.77.0.90", "fd77::2"],
            &["10.77.0.90", "fd77::4"],
        ),
        (
            "two hosts of three are silent",
            &["10.77.0.90", "10.77.0.91", "10.77.0.2"],
            &["10.77.0.90", "10.77.0.91", "10.77.0.4"],
        ),
        (
            "four addresses are silent",
            &[
                "fd77::90",
                "fd77::91",
                "10.77.0.90",
                "10.77.0.91",
                "10.77.0.2",
            ],
            &[
                "fd77::90",
                "fd77::91",
                "10.77.0.90",
                "10.77.0.91",
                "10.77.0.4",
            ],
        ),
    ];
    for (case, of_gateway, of_resource) in cases {
        gateway(of_gateway);
        resource(&["10.77.0.4"]);
        // A proxy of its own, so that no connection lies ready.
        let proxy = remote.proxy().await;
        let (page, to_gateway) = proxy.get(WIKI).await;
        assert!(page.ends_with(PAGE), "{case}, the gateway: {page}");
        resource(of_resource);
        // The gateway reads the file anew within a second: the slowest page counts.
        let (changed, mut to_resource) = (Instant::now(), Duration::ZERO);
        while changed.elapsed() < Duration::from_secs(2) {
            let (page, took) = proxy.get(WIKI).await;
            assert!(page.ends_with(PAGE), "{case}, the resource: {page}");
            to_resource = to_resource.max(took);
        }
        println!(
            "{case}: first page by the gateway's name {to_gateway:.2?}, by the resource's {to_resource:.2?}"
        );
        assert!(
            to_gateway < MAX_CONNECT_TIME && to_resource < MAX_CONNECT_TIME,
            "{case}"
        );
    }
}

/// A file of hosts where a name has these addresses.
pub(crate) fn hosts(name: &str, addresses: &[&str]) -> String {
    let lines = addresses
        .iter()
        .map(|address| format!("{address} {name}\n"));
    format!("127.0.0.1 localhost\n{}", lines.collect::<String>())
}
