//! Names, looked up at a real dnsmasq on addresses of this process's own. Port 53 wants root.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(clippy::print_stdout, reason = "the times that things took")]

use std::io::Write as _;
use std::net::{Ipv4Addr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use hourkey_gateway::dns::{Dns, DnsAnswer, Files, RESOLUTION_DELAY};
use tempfile::TempDir;

/// Where an answer takes as long as a query to this machine does, whatever else goes on; a busy
/// machine takes a while. Look-ups are given up after five seconds.
const SOON: Duration = Duration::from_secs(3);

/// A loopback address of this process.
fn own(number: u8) -> Ipv4Addr {
    let [_, _, high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, high | 0x80, low, number)
}

/// A DNS server that knows these.
struct Dnsmasq(Child);

impl Dnsmasq {
    /// `None`, said aloud, where it cannot be started.
    async fn start(at: Ipv4Addr, knows: &[String]) -> Option<Self> {
        if UdpSocket::bind((at, 53)).is_err() {
            let mut stderr = std::io::stderr();
            writeln!(stderr, "SKIPPED: port 53 is only root's").unwrap();
            return None;
        }
        let child = Command::new("/usr/sbin/dnsmasq")
            .args([
                "--keep-in-foreground",
                "--conf-file=/dev/null",
                "--no-resolv",
                "--no-hosts",
            ])
            .args([
                "--bind-interfaces",
                "--user=root",
                "--pid-file=",
                "--cache-size=0",
            ])
            .args(["--dns-forward-max=1000", &format!("--listen-address={at}")])
            .args(knows)
            .stdin(Stdio::null())
            .spawn()
            .expect("dnsmasq-base is installed");
        let dnsmasq = Self(child);
        for _ in 0..1_000 {
            if std::net::TcpStream::connect((at, 53)).is_ok() {
                return Some(dnsmasq);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("dnsmasq does not listen");
    }
}

impl Drop for Dnsmasq {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server that answers every query with SERVFAIL.
fn failing(at: Ipv4Addr) {
    let socket = UdpSocket::bind((at, 53)).unwrap();
    std::thread::spawn(move || {
        let mut query = [0; 1_500];
        while let Ok((length, from)) = socket.recv_from(&mut query) {
            // QR and RA, RCODE 2 (RFC 1035, 4.1.1).
            query[2] |= 0x80;
            query[3] = 0x82;
            let _ = socket.send_to(&query[..length], from);
        }
    });
}

/// The system's files.
struct ResolverFiles(TempDir);

impl ResolverFiles {
    fn new(hosts: &str, resolv_conf: &str) -> (Self, Dns) {
        let system = Self(TempDir::new().unwrap());
        let files = Files {
            hosts: system.0.path().join("hosts"),
            resolv_conf: system.0.path().join("resolv.conf"),
        };
        std::fs::write(&files.hosts, hosts).unwrap();
        system.resolv_conf(resolv_conf);
        (system, Dns::new(files))
    }

    fn resolv_conf(&self, text: &str) {
        std::fs::write(self.0.path().join("resolv.conf"), text).unwrap();
    }
}

fn found(ips: &[&str]) -> DnsAnswer {
    DnsAnswer::Found(ips.iter().map(|ip| ip.parse().unwrap()).collect())
}

async fn timed(dns: &Dns, name: &str) -> (DnsAnswer, Duration) {
    let begun = Instant::now();
    let answer = dns.look_up(name, RESOLUTION_DELAY).await;
    (answer, begun.elapsed())
}

fn record(name: &str, ips: &str) -> String {
    format!("--host-record={name},{ips}")
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_looked_up_as_the_system_does() {
    let (server, servfail, silent) = (own(1), own(2), own(3));
    let many = (1..=100).map(|n| record("many.corp", &format!("10.1.0.{n}")));
    let knows = [
        record("db.corp", "10.0.0.5,fd00::5"),
        record("only-v4.corp", "10.0.0.6"),
        record("printer.two.example", "10.2.0.1"),
        record("a.b.two.example", "10.2.0.2"),
        record("static.corp", "10.9.9.9,fd00::9"),
        "--cname=www.corp,db.corp".to_owned(),
        "--address=/none.corp/".to_owned(),
        "--txt-record=text.corp,words".to_owned(),
        format!("--server=/fails.corp/{servfail}"),
        format!("--server=/slow.corp/{silent}"),
        "--local=/two.example/one.example/corp/".to_owned(),
    ];
    let knows: Vec<String> = knows.into_iter().chain(many).collect();
    let Some(_dnsmasq) = Dnsmasq::start(server, &knows).await else {
        return;
    };
    failing(servfail);
    let _silent = UdpSocket::bind((silent, 53)).unwrap();
    let options = "search one.example two.example\noptions ndots:2\n";
    let resolv_conf = format!("nameserver {server}\n{options}");
    let (system, dns) = ResolverFiles::new("10.0.0.7 static.corp alias\n", &resolv_conf);
    let both = found(&["fd00::5", "10.0.0.5"]);
    for (name, expected) in [
        ("db.corp", &both),
        ("DB.Corp", &both),
        ("www.corp", &both),
        ("only-v4.corp", &found(&["10.0.0.6"])),
        // The hosts file has the last word, also about the family that it does not name.
        ("static.corp", &found(&["10.0.0.7"])),
        ("alias", &found(&["10.0.0.7"])),
        ("printer", &found(&["10.2.0.1"])),
        ("a.b", &found(&["10.2.0.2"])),
        ("none.corp", &DnsAnswer::Nothing),
        ("text.corp", &DnsAnswer::Nothing),
        ("unknown.corp", &DnsAnswer::Nothing),
    ] {
        let (answer, took) = timed(&dns, name).await;
        println!("{name}: {took:.1?}");
        assert_eq!(&answer, expected, "{name}");
    }
    let (answer, took) = timed(&dns, "many.corp").await;
    println!("100 addresses, over TCP: {took:.1?}");
    assert!(matches!(answer, DnsAnswer::Found(ips) if ips.len() == 100));
    for name in ["x.fails.corp", "x.slow.corp"] {
        let (answer, took) = timed(&dns, name).await;
        println!("{name}: {answer:?} after {took:.1?}");
        assert!(matches!(answer, DnsAnswer::Failed(_)), "{name}: {answer:?}");
    }

    // One of two servers is dead, whichever is named first.
    for servers in [[silent, server], [server, silent]] {
        let [one, two] = servers;
        let text = format!("nameserver {one}\nnameserver {two}\n");
        let (_system, dns) = ResolverFiles::new("", &text);
        for name in ["db.corp", "only-v4.corp"] {
            let (answer, took) = timed(&dns, name).await;
            println!("servers {one} and {two}: {name} after {took:.1?}");
            assert!(matches!(answer, DnsAnswer::Found(_)), "{answer:?}");
            assert!(took < SOON, "{took:?}");
        }
    }

    // The servers change while the gateway runs.
    let elsewhere = own(4);
    let knows = [record("db.corp", "10.4.0.4")];
    let _elsewhere = Dnsmasq::start(elsewhere, &knows).await.unwrap();
    system.resolv_conf(&format!("nameserver {elsewhere}\n"));
    let changed = Instant::now();
    while timed(&dns, "db.corp").await.0 != found(&["10.4.0.4"]) {
        assert!(changed.elapsed() < Duration::from_secs(30));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    println!(
        "a changed resolv.conf is followed after {:.1?}",
        changed.elapsed()
    );

    // Without servers there is still the hosts file.
    system.resolv_conf("");
    let without = Instant::now();
    while !matches!(timed(&dns, "db.corp").await.0, DnsAnswer::Failed(_)) {
        assert!(without.elapsed() < Duration::from_secs(30));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(timed(&dns, "alias").await.0, found(&["10.0.0.7"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_do_not_answer_change_nothing_for_others() {
    const SLOW: usize = 200;
    const OTHERS: usize = 100;
    let (server, silent) = (own(11), own(12));
    let others = |kind: &str| {
        (0..OTHERS)
            .map(move |n| format!("{kind}{n}.corp"))
            .collect::<Vec<_>>()
    };
    let kinds = ["alone", "beside"].map(others);
    let known = kinds.iter().flatten().map(|name| record(name, "10.0.0.5"));
    let knows: Vec<String> = known
        .chain([format!("--server=/slow.corp/{silent}")])
        .collect();
    let Some(_dnsmasq) = Dnsmasq::start(server, &knows).await else {
        return;
    };
    let silent = tokio::net::UdpSocket::bind((silent, 53)).await.unwrap();
    let (_system, dns) = ResolverFiles::new("", &format!("nameserver {server}\n"));
    let each = async |names: &[String]| {
        let mut times = Vec::new();
        for name in names {
            let (answer, took) = timed(&dns, name).await;
            assert_eq!(answer, found(&["10.0.0.5"]), "{name}");
            times.push(took);
        }
        times.sort_unstable();
        (times[OTHERS / 2], times[OTHERS - 1])
    };
    let alone = each(&kinds[0]).await;
    let slow: Vec<String> = (0..SLOW).map(|n| format!("{n}.slow.corp")).collect();
    let slow = join_all(slow.iter().map(|name| timed(&dns, name)));
    let beside = async {
        // The slow ones are under way: as many as dnsmasq asks for at a time, nearly.
        for _ in 0..OTHERS {
            silent.recv(&mut [0; 512]).await.unwrap();
        }
        let threads = std::fs::read_dir("/proc/self/task").unwrap().count();
        (each(&kinds[1]).await, threads)
    };
    let (slow, (beside, threads)) = tokio::join!(slow, beside);
    println!(
        "{OTHERS} names, median and worst: alone {alone:.1?}, beside {SLOW} that do not answer \
         {beside:.1?}; {threads} threads"
    );
    assert!(
        slow.iter()
            .all(|(answer, _)| matches!(answer, DnsAnswer::Failed(_)))
    );
    assert!(beside.1 < SOON, "{beside:?}");
    // None of them holds a thread.
    assert!(threads < 100, "{threads}");
}
