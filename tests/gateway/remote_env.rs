//! A remote environment: the gateway and the user each on a host of their own.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hourkey_testkit::chaos_proxy::ChaosProxy;
use hourkey_testkit::gateway::{Deployment, Gateway};

use crate::addresses::hosts;
use crate::connection::Connection;
use crate::faults::get;
use crate::ingress::HOST;
use crate::network::{Host, Network};
use crate::origin::Origin;
use crate::test_env::{LocalProxy, TestEnv};

/// The gateway's name.
pub(crate) const FAR: &str = "far.corp.example";
pub(crate) const WIKI: &str = "wiki.corp.example";
pub(crate) const LOGS: &str = "logs.corp.example";

/// Runs a test on hosts that know the gateway and the resources by name.
pub(crate) fn at_hosts(test: impl AsyncFn(&Network) + Send + Sync) {
    let Some(network) = Network::new() else {
        return;
    };
    network.client.etc("hosts", &hosts(FAR, &["10.77.0.2"]));
    let resources = [WIKI, LOGS, HOST].map(|name| hosts(name, &["10.77.0.4"]));
    network.gateway.etc("hosts", &resources.concat());
    network.controller.thread(|| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(test(&network));
    });
}

/// A test environment with each product on a host of its own; the resources are at the network's
/// `origin`.
pub(crate) struct RemoteEnv<'a> {
    pub(crate) env: TestEnv,
    pub(crate) network: &'a Network,
    pub(crate) gateway: Gateway,
    pub(crate) origin: Origin,
    _links: Vec<ChaosProxy>,
}

impl<'a> RemoteEnv<'a> {
    /// What names lead to at the gateway's host is the test's to say before, by
    /// [`crate::network::Host::etc`].
    pub(crate) async fn new(network: &'a Network) -> Self {
        let Network {
            controller,
            gateway,
            client,
            origin,
        } = network;
        let mut env = TestEnv::new().await;
        env.gateway.kill().unwrap();
        let remove = ["gateway", "remove", "gw-1"];
        env.controller.run(&remove).await.unwrap();
        // Unencrypted, the controller is spoken to on loopback only: a port there leads to it.
        let port = env.controller.url().port().unwrap();
        let loopback = (Ipv4Addr::LOCALHOST, port).into();
        let mut links = vec![
            ChaosProxy::between(controller.at(port), loopback)
                .await
                .unwrap(),
        ];
        for host in [gateway, client] {
            let door = ChaosProxy::between(loopback, controller.at(port));
            links.push(host.run(door).await.unwrap());
        }
        let deployment = Deployment {
            host: gateway.address,
            name: Some(FAR.to_owned()),
            wrapper: gateway.wrapper().map(str::to_owned).into(),
            ..Deployment::beside(&env.controller)
        };
        let remote = Gateway::start_at(&env.controller, deployment, "far", "Office", &[]);
        let gateway = remote.await.unwrap();
        let (origin, of_origin) = at_origin(origin).await;
        links.extend(of_origin);
        Self {
            env,
            network,
            gateway,
            origin,
            _links: links,
        }
    }

    /// Starts the person's local proxy at their host.
    pub(crate) async fn proxy(&self) -> Proxy<'a> {
        let host = &self.network.client;
        let local_proxy = Arc::new(self.env.local_proxy_by(&host.wrapper()).await);
        Proxy { host, local_proxy }
    }
}

/// Servers at both addresses of the origin's host, on the resources' own ports.
async fn at_origin(host: &Host) -> (Origin, Vec<ChaosProxy>) {
    let all = Ipv6Addr::UNSPECIFIED;
    host.run(async move {
        let origin = Origin::start().await;
        let mut links = Vec::new();
        for (port, to) in [(80, origin.web()), (9000, origin.ticks())] {
            let link = ChaosProxy::between(SocketAddr::new(all.into(), port), to);
            links.push(link.await.unwrap());
        }
        (origin, links)
    })
    .await
}

/// A local proxy at the person's host.
pub(crate) struct Proxy<'a> {
    host: &'a Host,
    local_proxy: Arc<LocalProxy>,
}

impl Proxy<'_> {
    /// Asks for a page: what the first line says and all, and how long it took.
    pub(crate) async fn get(&self, name: &'static str) -> (String, Duration) {
        let local_proxy = Arc::clone(&self.local_proxy);
        let begun = Instant::now();
        let page = self
            .host
            .run(async move { get(&local_proxy, name).await })
            .await;
        (
            page.unwrap_or_else(|error| error.to_string()),
            begun.elapsed(),
        )
    }

    /// Opens a connection to the server behind "Logs".
    pub(crate) async fn open(&self, mode: u8) -> Connection {
        let local_proxy = Arc::clone(&self.local_proxy);
        let open = async move { Connection::open(&local_proxy, mode).await };
        self.host.run(open).await
    }
}
