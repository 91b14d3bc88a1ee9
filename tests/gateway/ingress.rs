//! The ingresses of the local proxy, and a local program that calls each.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::time::Duration;

use hourkey_testkit::binaries;
use hourkey_testkit::poll::eventually;
use hourkey_testkit::process::Process;
use rustix::process::Signal;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::time::timeout;

use crate::network::Host;
use crate::scripted_server::ScriptedServer;
use crate::test_env::{LocalProxy, TestEnv};

/// How long an answer or an end may take to be heard: that of a network that is gone without a word
/// is noticed after about 30 s.
const END_TIMEOUT: Duration = Duration::from_secs(45);

/// Where all of them lead.
pub(crate) const HOST: &str = "db.corp.example";
pub(crate) const PORT: u16 = 5432;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ingress {
    /// A request in absolute form.
    Http,
    Connect,
    Socks,
    /// Bytes as they are: what is said is no HTTP.
    Forward,
    /// HTTP at the port of one resource.
    ForwardHttp,
    /// `hourkey connect`.
    Command,
}

impl Ingress {
    /// True where HTTP goes request by request, and no byte of it as it is.
    pub(crate) fn is_by_request(self) -> bool {
        matches!(self, Self::Http | Self::ForwardHttp)
    }
}

pub(crate) const INGRESSES: [Ingress; 6] = [
    Ingress::Http,
    Ingress::Connect,
    Ingress::Socks,
    Ingress::Forward,
    Ingress::ForwardHttp,
    Ingress::Command,
];

/// Ada's local proxy and her forward, at a host.
pub(crate) struct Ingresses {
    local_proxy: LocalProxy,
    _forward: Process,
    forward: u16,
}

impl Ingresses {
    pub(crate) async fn new(env: &TestEnv, host: Option<&Host>) -> Self {
        let wrapper = host.map_or_else(Vec::new, |host| host.wrapper().to_vec());
        let local_proxy = env.local_proxy_by(&wrapper).await;
        let (process, forward) = env.forward_by(&wrapper, &format!("{HOST}:{PORT}")).await;
        Self {
            local_proxy,
            _forward: process,
            forward,
        }
    }

    /// Stops the local proxy as a service manager does.
    pub(crate) fn stop(&self) {
        self.local_proxy.process.signal(Signal::TERM).unwrap();
    }

    /// A local program's connection.
    pub(crate) async fn open(
        &self,
        env: &TestEnv,
        host: Option<&Host>,
        ingress: Ingress,
    ) -> Caller {
        let proxy = SocketAddr::from((Ipv4Addr::LOCALHOST, self.local_proxy.port()));
        let forward = SocketAddr::from((Ipv4Addr::LOCALHOST, self.forward));
        let socket = async move {
            match ingress {
                Ingress::Http => TcpStream::connect(proxy).await.unwrap(),
                Ingress::Connect => by_connect(proxy).await,
                Ingress::Socks => by_socks(proxy).await,
                Ingress::Forward | Ingress::ForwardHttp => {
                    TcpStream::connect(forward).await.unwrap()
                }
                Ingress::Command => unreachable!("it has no socket"),
            }
        };
        match (ingress, host) {
            (Ingress::Command, _) => command(env, host),
            (_, Some(host)) => Caller::Socket(host.run(socket).await),
            (_, None) => Caller::Socket(socket.await),
        }
    }
}

async fn by_connect(proxy: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(proxy).await.unwrap();
    let connect = format!("CONNECT {HOST}:{PORT} HTTP/1.1\r\n\r\n");
    stream.write_all(connect.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 200"));
    stream
}

async fn by_socks(proxy: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(proxy).await.unwrap();
    let mut said = vec![5, 1, 0, 5, 1, 0, 3, HOST.len() as u8];
    said.extend_from_slice(HOST.as_bytes());
    said.extend(PORT.to_be_bytes());
    stream.write_all(&said).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer[..4], [5, 0, 5, 0]);
    stream
}

fn command(env: &TestEnv, host: Option<&Host>) -> Caller {
    let hourkey = binaries::path("hourkey").unwrap();
    let session = &env.terminal.session;
    let mut command = match host {
        Some(host) => {
            let [program, arguments @ ..] = host.wrapper();
            let mut command = session.command(program);
            command.args(arguments).arg(hourkey);
            command
        }
        None => session.command(hourkey),
    };
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

/// A local program's end of a connection.
pub(crate) enum Caller {
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

    /// Makes a request that the server receives: method, path, and more lines of the head.
    pub(crate) async fn requests(
        mut self,
        server: &ScriptedServer,
        ingress: Ingress,
        [method, path, more]: [&str; 3],
    ) -> Self {
        let heard = server.heard();
        let target = match ingress {
            Ingress::Http => format!("http://{HOST}:{PORT}{path}"),
            Ingress::Connect
            | Ingress::Socks
            | Ingress::Forward
            | Ingress::ForwardHttp
            | Ingress::Command => path.to_owned(),
        };
        // The server looks at the path alone.
        let version = if ingress == Ingress::Forward {
            "RAW/1.1"
        } else {
            "HTTP/1.1"
        };
        let head = format!("{method} {target} {version}\r\nHost: {HOST}:{PORT}\r\n{more}\r\n");
        self.says(head.as_bytes()).await;
        eventually("the request at the origin", async || server.heard() > heard)
            .await
            .unwrap();
        self
    }

    pub(crate) async fn says(&mut self, bytes: &[u8]) {
        self.write().write_all(bytes).await.unwrap();
        self.write().flush().await.unwrap();
    }

    /// Sends until nobody takes any more, as far as can be told.
    pub(crate) async fn says_as_much_as_is_taken(&mut self) {
        let part = vec![b'x'; 65_536];
        let stuck = Duration::from_millis(700);
        while matches!(
            timeout(stuck, self.write().write_all(&part)).await,
            Ok(Ok(()))
        ) {}
    }

    /// Says that nothing follows.
    pub(crate) async fn is_done(&mut self) {
        match self {
            Self::Socket(stream) => stream.shutdown().await.unwrap(),
            Self::Command { stdin, .. } => drop(stdin.take()),
        }
    }

    pub(crate) async fn hears(&mut self, length: usize) {
        let mut heard = vec![0; length];
        let read = self.read().read_exact(&mut heard);
        timeout(END_TIMEOUT, read)
            .await
            .expect("an answer")
            .unwrap();
    }

    /// What else there is to hear, and whether that ended in order.
    pub(crate) async fn hears_the_rest(&mut self) -> (String, bool) {
        let mut heard = Vec::new();
        let read = self.read().read_to_end(&mut heard);
        let in_order = timeout(END_TIMEOUT, read).await.expect("an end").is_ok();
        (String::from_utf8_lossy(&heard).into_owned(), in_order)
    }

    /// Closes the connection at once; a command is left to notice that.
    pub(crate) fn leaves(self) {
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
    pub(crate) async fn came_to(self) -> Option<(i32, String)> {
        let Self::Command { child, .. } = self else {
            return None;
        };
        let output = child.wait_with_output().await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Some((output.status.code().unwrap_or(-1), said))
    }
}
