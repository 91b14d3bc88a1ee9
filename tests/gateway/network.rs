//! Hosts apart: network namespaces, joined by a bridge. Only root can make them.

use std::fs::{self, File};
use std::future::Future;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::thread;

use rustix::process::geteuid;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tokio::runtime::{Builder, Runtime};

/// A network of hosts.
pub(crate) struct Network {
    pub(crate) controller: Host,
    pub(crate) gateway: Host,
    pub(crate) client: Host,
    /// Where the resources are, at 10.77.0.4 and fd77::4.
    pub(crate) origin: Host,
}

/// A host, as far as the network goes.
pub(crate) struct Host {
    namespace: String,
    pub(crate) address: IpAddr,
    pub(crate) address_v6: IpAddr,
    runtime: Option<Runtime>,
}

impl Network {
    /// `None` where it cannot be made; that is said aloud.
    pub(crate) fn new() -> Option<Self> {
        if !geteuid().is_root() {
            // Past the test's captured output.
            let mut stderr = std::io::stderr();
            writeln!(stderr, "SKIPPED: only root can set hosts apart").unwrap();
            return None;
        }
        /// How many networks this process has made.
        static MADE: AtomicU32 = AtomicU32::new(0);
        let id = format!("{}-{}", std::process::id(), MADE.fetch_add(1, Relaxed));
        let controller = Host::new(&id, "controller", 1);
        controller.ip(&["link", "add", "bridge", "type", "bridge"]);
        controller.ip(&["link", "set", "bridge", "up"]);
        controller.assign("bridge");
        let hosts = [("gateway", 2), ("entry", 3), ("origin", 4)];
        let [gateway, client, origin] = hosts.map(|(name, number)| {
            let host = Host::new(&id, name, number);
            let peer = ["peer", "name", "eth", "netns", &host.namespace];
            let link = ["link", "add", name, "type", "veth"];
            controller.ip(&[&link[..], &peer].concat());
            controller.ip(&["link", "set", name, "master", "bridge", "up"]);
            host.ip(&["link", "set", "eth", "up"]);
            host.assign("eth");
            host
        });
        Some(Self {
            controller,
            gateway,
            client,
            origin,
        })
    }
}

impl Host {
    fn new(network: &str, name: &str, number: u8) -> Self {
        let namespace = format!("hourkey-{network}-{name}");
        ip(&["netns", "add", &namespace]);
        let mut host = Self {
            address: Ipv4Addr::new(10, 77, 0, number).into(),
            address_v6: Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, number.into()).into(),
            runtime: None,
            namespace,
        };
        host.ip(&["link", "set", "lo", "up"]);
        let runtime = host.thread(|| {
            Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
        });
        host.runtime = Some(runtime.unwrap());
        host
    }

    /// Runs a closure on a thread at this host. Threads and processes that it starts are there too.
    pub(crate) fn thread<T: Send>(&self, run: impl FnOnce() -> T + Send) -> T {
        let namespace = File::open(format!("/run/netns/{}", self.namespace)).unwrap();
        let enter = || {
            let kind = Some(LinkNameSpaceType::Network);
            move_into_link_name_space(namespace.as_fd(), kind).unwrap();
            run()
        };
        thread::scope(|scope| scope.spawn(enter).join()).unwrap()
    }

    /// Runs a future at this host: so the sockets that it opens are there.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let runtime = self.runtime.as_ref().unwrap();
        runtime.spawn(future).await.unwrap()
    }

    /// What programs go through to run at this host.
    pub(crate) fn wrapper(&self) -> [&str; 4] {
        ["/sbin/ip", "netns", "exec", &self.namespace]
    }

    pub(crate) fn at(&self, port: u16) -> SocketAddr {
        (self.address, port).into()
    }

    /// Nothing goes from here to the other host any more, and nobody is told.
    pub(crate) fn lose(&self, other: &Self) {
        self.ip(&["route", "add", "blackhole", &other.address.to_string()]);
    }

    pub(crate) fn find(&self, other: &Self) {
        self.ip(&["route", "del", "blackhole", &other.address.to_string()]);
    }

    /// Gives it its addresses.
    fn assign(&self, device: &str) {
        let addresses = [
            format!("{}/24", self.address),
            format!("{}/64", self.address_v6),
        ];
        for address in addresses {
            self.ip(&["addr", "add", &address, "dev", device, "nodad"]);
        }
    }

    /// What programs that start at this host find in a file of `/etc`. Written in place, so that
    /// those that run see a change.
    pub(crate) fn etc(&self, file: &str, text: &str) {
        let folder = self.etc_folder();
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(file), text).unwrap();
    }

    fn etc_folder(&self) -> PathBuf {
        Path::new("/etc/netns").join(&self.namespace)
    }

    /// From here nothing reaches this address, and nobody says so.
    pub(crate) fn silence(&self, address: &str) {
        let nobody = ["lladdr", "02:00:00:00:00:99", "dev", "eth"];
        self.ip(&[&["neigh", "replace", address], &nobody[..]].concat());
    }

    pub(crate) fn ip(&self, arguments: &[&str]) {
        ip(&[&["-n", &self.namespace], arguments].concat());
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
        ip(&["netns", "delete", &self.namespace]);
        let _ = fs::remove_dir_all(self.etc_folder());
    }
}

fn ip(arguments: &[&str]) {
    let output = Command::new("/sbin/ip").args(arguments).output().unwrap();
    assert!(output.status.success(), "ip {arguments:?}: {output:?}");
}
