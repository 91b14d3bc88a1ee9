//! Every way into the local proxy, and every end that a connection can come to: the other side
//! learns it soon, what is half-closed goes on, nothing stays open, and the audit log names the
//! cause.

use std::process::Stdio;
use std::time::{Duration, Instant};

use hourkey_testkit::binaries;
use hourkey_testkit::poll::eventually;
use hourkey_testkit::process::Process;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::time::timeout;

use crate::puppet::{DONE, Puppet};
use crate::world::{Entry, World};

const HOST: &str = "db.corp.example";
const PORT: u16 = 5432;

/// How soon the other side should learn of an end; a busy machine is given [`BUSY_TIMEOUT`].
const SOON: Duration = Duration::from_secs(1);
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// A request in absolute form.
    Http,
    Connect,
    Socks,
    Forward,
    /// `hourkey connect`.
    Command,
}

const WAYS: [Way; 5] = [
    Way::Http,
    Way::Connect,
    Way::Socks,
    Way::Forward,
    Way::Command,
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    CallerLeavesWaiting,
    CallerLeavesSending,
    CallerLeavesReceiving,
    CallerLeavesWithOneByteUnread,
    CallerIsDoneSending,
    OriginCloses,
    OriginResets,
    OriginStallsAndCallerLeaves,
}

const ENDS: [End; 8] = [
    End::CallerLeavesWaiting,
    End::CallerLeavesSending,
    End::CallerLeavesReceiving,
    End::CallerLeavesWithOneByteUnread,
    End::CallerIsDoneSending,
    End::OriginCloses,
    End::OriginResets,
    End::OriginStallsAndCallerLeaves,
];

/// A local program's end of a connection.
enum Caller {
    Socket(TcpStream),
    Command {
        child: Box<Child>,
        stdin: Option<ChildStdin>,
        stdout: ChildStdout,
    },
}

impl Caller {
    fn write(&mut self) -> &mut (dyn AsyncWrite + Send + Unpin) {
        match self {
            Self::Socket(stream) => stream,
            Self::Command { stdin, .. } => stdin.as_mut().unwrap(),
        }
    }

    fn read(&mut self) -> &mut (dyn AsyncRead + Send + Unpin) {
        match self {
            Self::Socket(stream) => stream,
            Self::Command { stdout, .. } => stdout,
        }
    }

    async fn says(&mut self, bytes: &[u8]) {
        self.write().write_all(bytes).await.unwrap();
        self.write().flush().await.unwrap();
    }

    /// Sends until nobody takes any more, as far as can be told.
    async fn says_as_much_as_is_taken(&mut self) {
        let part = vec![b'x'; 65_536];
        let stuck = Duration::from_millis(700);
        while matches!(
            timeout(stuck, self.write().write_all(&part)).await,
            Ok(Ok(()))
        ) {}
    }

    /// Says that nothing follows.
    async fn is_done(&mut self) {
        match self {
            Self::Socket(stream) => stream.shutdown().await.unwrap(),
            Self::Command { stdin, .. } => drop(stdin.take()),
        }
    }

    async fn hears(&mut self, length: usize) {
        let mut heard = vec![0; length];
        let read = self.read().read_exact(&mut heard);
        timeout(BUSY_TIMEOUT, read)
            .await
            .expect("an answer")
            .unwrap();
    }

    /// What else there is to hear, and whether that ended in order.
    async fn hears_the_rest(&mut self) -> (String, bool) {
        let mut heard = Vec::new();
        let read = self.read().read_to_end(&mut heard);
        let in_order = timeout(BUSY_TIMEOUT, read).await.expect("an end").is_ok();
        (String::from_utf8_lossy(&heard).into_owned(), in_order)
    }

    /// Closes the connection at once; a command is left to notice that.
    fn leaves(self) {
        match self {
            Self::Socket(stream) => drop(stream),
            Self::Command {
                mut child,
                stdin,
                stdout,
            } => {
                drop((stdin, stdout));
                tokio::spawn(async move { child.wait().await });
            }
        }
    }

    /// How a command ended: its code and what it said about that.
    async fn came_to(self) -> Option<(i32, String)> {
        let Self::Command { child, .. } = self else {
            return None;
        };
        let output = child.wait_with_output().await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Some((output.status.code().unwrap_or(-1), said))
    }
}

/// What a row of the table needs.
struct Stage {
    world: World,
    puppet: Puppet,
    entry: Entry,
    _forward: Process,
    forward: u16,
}

impl Stage {
    async fn new() -> Self {
        let puppet = Puppet::start().await;
        let world = World::with(&[(HOST, puppet.address())]).await;
        world.open("Database").await;
        let entry = world.entry().await;
        let (process, forward) = world.forward(&format!("{HOST}:{PORT}")).await;
        Self {
            world,
            puppet,
            entry,
            _forward: process,
            forward,
        }
    }

    /// A connection on which a request was made that the puppet has heard.
    async fn request(&self, way: Way, method: &str, path: &str, more: &str) -> Caller {
        let heard = self.puppet.heard();
        let mut caller = self.open(way).await;
        let target = match way {
            Way::Http => format!("http://{HOST}:{PORT}{path}"),
            Way::Connect | Way::Socks | Way::Forward | Way::Command => path.to_owned(),
        };
        let head = format!("{method} {target} HTTP/1.1\r\nHost: {HOST}:{PORT}\r\n{more}\r\n");
        caller.says(head.as_bytes()).await;
        eventually("the request at the origin", async || {
            self.puppet.heard() > heard
        })
        .await
        .unwrap();
        caller
    }

    async fn open(&self, way: Way) -> Caller {
        let proxy = self.entry.proxy().strip_prefix("http://").unwrap();
        match way {
            Way::Http => Caller::Socket(TcpStream::connect(proxy).await.unwrap()),
            Way::Connect => {
                let mut stream = TcpStream::connect(proxy).await.unwrap();
                let connect = format!("CONNECT {HOST}:{PORT} HTTP/1.1\r\n\r\n");
                stream.write_all(connect.as_bytes()).await.unwrap();
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.unwrap());
                }
                assert!(head.starts_with(b"HTTP/1.1 200"));
                Caller::Socket(stream)
            }
            Way::Socks => {
                let mut stream = TcpStream::connect(proxy).await.unwrap();
                let mut said = vec![5, 1, 0, 5, 1, 0, 3, HOST.len() as u8];
                said.extend_from_slice(HOST.as_bytes());
                said.extend(PORT.to_be_bytes());
                stream.write_all(&said).await.unwrap();
                let mut answer = [0; 12];
                stream.read_exact(&mut answer).await.unwrap();
                assert_eq!(answer[..4], [5, 0, 5, 0]);
                Caller::Socket(stream)
            }
            Way::Forward => Caller::Socket(
                TcpStream::connect(("127.0.0.1", self.forward))
                    .await
                    .unwrap(),
            ),
            Way::Command => {
                let hourkey = binaries::path("hourkey").unwrap();
                let mut command = self.world.terminal.session.command(hourkey);
                command.args(["connect", HOST, &PORT.to_string()]);
                command
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped());
                let mut command = tokio::process::Command::from(command);
                let mut child = command.kill_on_drop(true).spawn().unwrap();
                Caller::Command {
                    stdin: child.stdin.take(),
                    stdout: child.stdout.take().unwrap(),
                    child: Box::new(child),
                }
            }
        }
    }

    /// The origin has no connection any more; how long that took.
    async fn origin_is_free(&self, since: Instant) -> Duration {
        eventually("the end at the origin", async || self.puppet.open() == 0)
            .await
            .unwrap();
        since.elapsed()
    }

    /// Waits until so many more connections have ended than before, and returns why.
    async fn causes(&self, before: usize, count: usize) -> Vec<String> {
        eventually("the ends in the audit log", async || {
            let ends = self.world.ends().await;
            match ends.len() >= before + count {
                true => Ok(ends[before..].iter().map(|(_, why)| why.clone()).collect()),
                false => Err(format!("{ends:?}")),
            }
        })
        .await
        .unwrap()
    }
}

/// Brings one connection to one end; returns how long the other side took to learn it, and the
/// causes that the audit log may name.
async fn play(stage: &Stage, way: Way, end: End) -> (Duration, &'static [&'static str]) {
    let leaves: &[&str] = match way {
        // Its input ends as by a half-close, which the origin may answer by closing.
        Way::Command => &["client", "closed"],
        Way::Http | Way::Connect | Way::Socks | Way::Forward => &["client"],
    };
    match end {
        End::CallerLeavesWaiting => {
            let caller = stage.request(way, "GET", "/hold", "").await;
            let left = Instant::now();
            caller.leaves();
            (stage.origin_is_free(left).await, leaves)
        }
        End::CallerLeavesSending => {
            let more = "Content-Length: 100000000\r\n";
            let mut caller = stage.request(way, "POST", "/sink", more).await;
            caller.says(&vec![b'x'; 1 << 20]).await;
            let left = Instant::now();
            caller.leaves();
            (stage.origin_is_free(left).await, leaves)
        }
        End::CallerLeavesReceiving => {
            let mut caller = stage.request(way, "GET", "/stream", "").await;
            caller.hears(200).await;
            let left = Instant::now();
            caller.leaves();
            (stage.origin_is_free(left).await, &["client"])
        }
        End::CallerLeavesWithOneByteUnread => {
            let mut caller = stage.request(way, "GET", "/hold", "").await;
            caller.says(b"G").await;
            let left = Instant::now();
            caller.leaves();
            (stage.origin_is_free(left).await, leaves)
        }
        End::CallerIsDoneSending => {
            // A request is whole without it, and the origin is not told.
            let path = if way == Way::Http { "/late" } else { "/end" };
            let mut caller = stage
                .request(way, "GET", path, "Connection: close\r\n")
                .await;
            caller.is_done().await;
            let (heard, in_order) = caller.hears_the_rest().await;
            assert!(in_order, "{way:?}");
            assert!(heard.ends_with("done"), "{way:?}: {heard}");
            if way != Way::Http {
                assert_eq!(heard, DONE, "{way:?}");
            }
            // The origin answers when it likes.
            (Duration::ZERO, &["closed"])
        }
        End::OriginCloses => {
            let mut caller = stage
                .request(way, "GET", "/done", "Connection: close\r\n")
                .await;
            let closed = Instant::now();
            let (heard, in_order) = caller.hears_the_rest().await;
            assert!(in_order && heard.ends_with("done"), "{way:?}");
            (closed.elapsed(), &["closed"])
        }
        End::OriginResets => {
            let mut caller = stage.request(way, "GET", "/reset", "").await;
            let (_, in_order) = caller.hears_the_rest().await;
            // A pipe cannot be reset: the command says so.
            assert!(!in_order || way == Way::Command, "{way:?}");
            if let Some((code, said)) = caller.came_to().await {
                assert_eq!(code, 1);
                assert!(said.contains("broken off by the destination"), "{said}");
            }
            (Duration::ZERO, &["destination"])
        }
        End::OriginStallsAndCallerLeaves => {
            let more = "Content-Length: 100000000\r\n";
            let mut caller = stage.request(way, "POST", "/stall", more).await;
            caller.says_as_much_as_is_taken().await;
            let left = Instant::now();
            caller.leaves();
            (stage.origin_is_free(left).await, &["client"])
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_end_is_learnt_on_the_other_side() {
    let stage = Stage::new().await;
    let mut slow = Vec::new();
    for end in ENDS {
        for way in WAYS {
            let before = stage.world.ends().await.len();
            let (took, causes) = play(&stage, way, end).await;
            println!("{end:?} by {way:?}: learnt after {} ms", took.as_millis());
            if took > SOON {
                slow.push((end, way, took));
            }
            assert!(took < BUSY_TIMEOUT, "{end:?} by {way:?}: {took:?}");
            stage.origin_is_free(Instant::now()).await;
            let found = stage.causes(before, 1).await;
            assert_eq!(found.len(), 1, "{end:?} by {way:?}: {found:?}");
            assert!(
                causes.contains(&found[0].as_str()),
                "{end:?} by {way:?}: {found:?}, not {causes:?}"
            );
        }
    }
    // A machine that is busy may be late once or twice.
    assert!(slow.len() <= 3, "{slow:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ended_access_and_a_killed_gateway_end_all_five_ways() {
    let mut stage = Stage::new().await;
    let marta = stage.world.session("marta").await;
    let before = stage.world.ends().await.len();
    let running = streams(&stage).await;
    let grant = match stage.world.resource("Database").await.lock {
        hourkey_domain::lock::LockState::Granted { grant, .. } => grant,
        other => panic!("{other:?}"),
    };
    stage.world.revoke(&marta, grant).await;
    let revoked = Instant::now();
    are_cut(running, "Your access to Database has ended").await;
    println!(
        "access ended: cut after {} ms",
        revoked.elapsed().as_millis()
    );
    stage.origin_is_free(revoked).await;
    let causes = stage.causes(before, WAYS.len()).await;
    assert_eq!(causes, ["permit"; WAYS.len()]);

    let before = stage.world.ends().await.len();
    let request = stage.world.ask("Database").await;
    marta
        .approve(request.id, &hourkey_protocol::access::Approve::default())
        .await
        .unwrap();
    let running = streams(&stage).await;
    stage.world.gateway.kill().unwrap();
    let killed = Instant::now();
    are_cut(running, "The gateway was lost").await;
    println!(
        "gateway killed: cut after {} ms",
        killed.elapsed().as_millis()
    );
    stage.origin_is_free(killed).await;
    stage.world.gateway.resume().await.unwrap();
    let causes = stage.causes(before, WAYS.len()).await;
    assert_eq!(causes, ["lost"; WAYS.len()]);
}

/// A connection by each way that receives.
async fn streams(stage: &Stage) -> Vec<(Way, Caller)> {
    let mut running = Vec::new();
    for way in WAYS {
        let mut caller = stage.request(way, "GET", "/stream", "").await;
        caller.hears(200).await;
        running.push((way, caller));
    }
    running
}

/// All of them end, and not as if they were whole; the command says why.
async fn are_cut(running: Vec<(Way, Caller)>, why: &str) {
    for (way, mut caller) in running {
        let (_, in_order) = caller.hears_the_rest().await;
        assert!(!in_order || way == Way::Command, "{way:?}");
        if let Some((code, said)) = caller.came_to().await {
            assert_eq!(code, 1);
            assert!(said.contains(why), "{said}");
        }
    }
}
