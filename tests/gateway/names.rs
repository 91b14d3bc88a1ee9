//! DNS behind the gateway that is dead in part, fails, and changes while the gateway runs.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hourkey_testkit::poll::eventually;

use crate::addresses::hosts;
use crate::network::{Host, Network};
use crate::origin::PAGE;
use crate::remote_env::{FAR, Proxy, RemoteEnv, WIKI};

/// Names are given up after five seconds.
const MAX_LOOK_UP_TIME: Duration = Duration::from_secs(4);

/// A DNS server at one address of a host, where the wiki is at 10.77.0.4.
struct Dnsmasq(Child);

impl Dnsmasq {
    fn start(host: &Host, at: &str) -> Self {
        let [ip, arguments @ ..] = host.wrapper();
        let child = Command::new(ip)
            .args(arguments)
            .args([
                "/usr/sbin/dnsmasq",
                "--keep-in-foreground",
                "--conf-file=/dev/null",
            ])
            .args([
                "--no-resolv",
                "--no-hosts",
                "--bind-interfaces",
                "--user=root",
                "--pid-file=",
            ])
            .args([&format!("--listen-address={at}"), "--local=/corp.example/"])
            .arg(format!("--host-record={WIKI},10.77.0.4"))
            .stdin(Stdio::null())
            .spawn()
            .expect("dnsmasq-base is installed");
        Self(child)
    }
}

impl Drop for Dnsmasq {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn names_are_found_while_dns_breaks_and_changes() {
    let Some(network) = Network::new() else {
        return;
    };
    network.controller.thread(|| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(found(&network));
    });
}

async fn found(network: &Network) {
    let Network {
        gateway, origin, ..
    } = network;
    network.client.etc("hosts", &hosts(FAR, &["10.77.0.2"]));
    let metadata = hosts("vault.corp.example", &["169.254.169.254"]);
    gateway.etc("hosts", &metadata);
    gateway.etc("resolv.conf", "nameserver 10.77.0.4\n");
    gateway.silence("10.77.0.90");
    let server = Dnsmasq::start(origin, "10.77.0.4");
    let remote = RemoteEnv::new(network).await;
    let proxy = remote.proxy().await;
    wiki(&proxy).await;
    let (_, took) = proxy.get(WIKI).await;
    println!("a name from DNS: {took:.2?}");
    eventually(
        "a word on the name that leads to a metadata service",
        async || {
            let log = remote.gateway.log();
            let said = log.contains("no name may lead") && log.contains("169.254.169.254");
            said.then_some(()).ok_or(log)
        },
    )
    .await
    .unwrap();

    // One of two servers is dead.
    gateway.etc(
        "resolv.conf",
        "nameserver 10.77.0.90\nnameserver 10.77.0.4\n",
    );
    let changed = Instant::now();
    while changed.elapsed() < Duration::from_secs(3) {
        let (page, took) = proxy.get(WIKI).await;
        assert!(
            page.ends_with(PAGE) && took < MAX_LOOK_UP_TIME,
            "{took:?}: {page}"
        );
    }
    let (_, took) = proxy.get(WIKI).await;
    println!("one dead server of two: {took:.2?}");

    // Its server fails: that is said, and not for ever.
    gateway.etc("resolv.conf", "nameserver 10.77.0.4\n");
    drop(server);
    let failed = Instant::now();
    let mut refused = (String::new(), Duration::ZERO);
    eventually("the refusal", async || {
        refused = proxy.get(WIKI).await;
        refused.0.starts_with("HTTP/1.1 50")
    })
    .await
    .unwrap();
    println!(
        "no server: refused {:.1?} after its end, the answer took {:.2?}",
        failed.elapsed(),
        refused.1
    );

    // Another one, at another address.
    let _server = Dnsmasq::start(origin, "fd77::4");
    gateway.etc("resolv.conf", "nameserver fd77::4\n");
    let changed = Instant::now();
    wiki(&proxy).await;
    println!(
        "another server: found {:.1?} after the change",
        changed.elapsed()
    );
}

/// Waits for the page.
async fn wiki(proxy: &Proxy<'_>) {
    eventually("the page", async || {
        let (page, _) = proxy.get(WIKI).await;
        if page.ends_with(PAGE) {
            Ok(())
        } else {
            Err(page)
        }
    })
    .await
    .unwrap();
}
