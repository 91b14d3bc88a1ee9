//! The relays that are compared: ours, and what Debian has.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use hourkey_testkit::process::{self, Process};
use hourkey_testkit::webdriver::free_port;

use super::origin::Part;
use super::route::Route;

/// A running relay: the way through it, and the processes that it consists of.
pub(crate) struct Relay {
    pub(crate) name: &'static str,
    pub(crate) route: Route,
    /// Their ids.
    pub(crate) processes: Vec<u32>,
    /// They end with it.
    _running: Vec<Process>,
}

impl Relay {
    /// One that somebody else keeps running.
    pub(crate) fn borrowed(name: &'static str, route: Route, processes: Vec<u32>) -> Self {
        Self {
            name,
            route,
            processes,
            _running: Vec::new(),
        }
    }

    /// One that somebody else keeps running, but for its near side.
    pub(crate) fn shared(
        name: &'static str,
        route: Route,
        mut processes: Vec<u32>,
        near: Process,
    ) -> Self {
        processes.push(near.id());
        Self {
            name,
            route,
            processes,
            _running: vec![near],
        }
    }

    fn own(name: &'static str, route: Route, running: Vec<Process>) -> Self {
        Self {
            name,
            route,
            processes: running.iter().map(Process::id).collect(),
            _running: running,
        }
    }
}

/// Where the peers' files are, and where they lead.
pub(crate) struct OtherRelays<'a> {
    folder: &'a Path,
    origin: SocketAddr,
}

/// A peer's name, the programs that it needs, and how they are had.
const PEERS: [(&str, &[&str], &str); 6] = [
    (SSH, &["ssh", "sshd", "ssh-keygen"], OPENSSH),
    (SSH_AES, &["ssh", "sshd", "ssh-keygen"], OPENSSH),
    (
        STUNNEL,
        &["stunnel", "openssl"],
        "apt-get install stunnel4 openssl",
    ),
    (
        HAPROXY,
        &["haproxy", "openssl"],
        "apt-get install haproxy openssl",
    ),
    (
        NGINX,
        &["nginx", "openssl"],
        "apt-get install nginx-light libnginx-mod-stream openssl",
    ),
    (
        RATHOLE,
        &["rathole"],
        "cargo install rathole --version 0.5.0 --no-default-features \
         --features server,client,noise --root /usr/local",
    ),
];

pub(crate) const SSH: &str = "ssh -L, its default cipher";
pub(crate) const SSH_AES: &str = "ssh -L, aes128-gcm";
pub(crate) const STUNNEL: &str = "stunnel";
pub(crate) const HAPROXY: &str = "HAProxy, TLS";
pub(crate) const NGINX: &str = "nginx stream, TLS";
pub(crate) const RATHOLE: &str = "rathole, noise";
const OPENSSH: &str = "apt-get install openssh-client openssh-server";

impl<'a> OtherRelays<'a> {
    pub(crate) fn new(folder: &'a Path, origin: SocketAddr) -> Self {
        Self { folder, origin }
    }

    /// A relay of tokio's own copy, one hop only.
    pub(crate) async fn copy(&self) -> Result<Relay> {
        let to = self.origin.to_string();
        let part = Part::start("copy", &["--to", &to], self.folder).await?;
        let route = Route::plain(part.address);
        Ok(Relay::own("plain copy, one hop", route, vec![part.process]))
    }

    /// Starts the peers that are installed, and tells how the others are had.
    pub(crate) async fn start(&self) -> Result<Vec<Relay>> {
        let mut relays = Vec::new();
        for (name, programs, install) in PEERS {
            if let Some(missing) = programs.iter().find(|it| find(it).is_none()) {
                println!("skipped: {name}: {missing} is missing. Install it: {install}");
                continue;
            }
            let folder = self.folder.join(name.replace([' ', ',', '-'], ""));
            fs::create_dir(&folder)?;
            let near = SocketAddr::from(([127, 0, 0, 1], free_port()?));
            let far = SocketAddr::from(([127, 0, 0, 1], free_port()?));
            let pair = Pair {
                folder: &folder,
                near,
                far,
                origin: self.origin,
            };
            let processes = match name {
                SSH => pair.ssh(None).await,
                SSH_AES => pair.ssh(Some("aes128-gcm@openssh.com")).await,
                STUNNEL => pair.stunnel(),
                HAPROXY => pair.haproxy(),
                NGINX => pair.nginx(),
                _ => pair.rathole(),
            };
            let processes = processes.with_context(|| format!("cannot start {name}"))?;
            let route = Route::plain(near);
            // Each end may take a while to listen, or to find the other one.
            let last = processes.last().context("a peer has processes")?;
            last.ready(&format!("a way through {name}"), async || {
                route.echo().await
            })
            .await?;
            relays.push(Relay::own(name, route, processes));
        }
        Ok(relays)
    }
}

/// Two processes: one takes plain connections at `near` and brings them, encrypted, to the other
/// at `far`, which connects to the origin.
struct Pair<'a> {
    folder: &'a Path,
    near: SocketAddr,
    far: SocketAddr,
    origin: SocketAddr,
}

impl Pair<'_> {
    async fn ssh(&self, cipher: Option<&str>) -> Result<Vec<Process>> {
        let (host, user) = (self.path("host"), self.path("user"));
        for key in [&host, &user] {
            run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", key])?;
        }
        // sshd as root wants this folder, which the system's own service would make.
        let _ = fs::create_dir("/run/sshd");
        let (near, far, origin) = (self.near, self.far, self.origin);
        let settings = self.write(
            "sshd.conf",
            &format!(
                "ListenAddress {far}\nHostKey {host}\nAuthorizedKeysFile {user}.pub\n\
                 StrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin prohibit-password\n\
                 PasswordAuthentication no\nKbdInteractiveAuthentication no\n"
            ),
        )?;
        let server = self.spawn("sshd", &["-D", "-e", "-f", &settings])?;
        let listens = async || tokio::net::TcpStream::connect(far).await;
        server.ready("a port that listens", listens).await?;
        let port = far.port().to_string();
        let lead = format!("{near}:{origin}");
        let mut arguments = vec!["-N", "-F", "none", "-i", &user, "-p", &port, "-L", &lead];
        for option in [
            "BatchMode=yes",
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
            "ExitOnForwardFailure=yes",
        ] {
            arguments.extend(["-o", option]);
        }
        arguments.extend(cipher.into_iter().flat_map(|cipher| ["-c", cipher]));
        arguments.push("127.0.0.1");
        Ok(vec![server, self.spawn("ssh", &arguments)?])
    }

    fn stunnel(&self) -> Result<Vec<Process>> {
        let (near, far, origin, pem) = (self.near, self.far, self.origin, self.certificate()?);
        let head = "foreground = yes\npid =\ndebug = err\nsocket = l:TCP_NODELAY=1\n\
                    socket = r:TCP_NODELAY=1\n[relay]\n";
        let server = format!("{head}accept = {far}\nconnect = {origin}\ncert = {pem}\n");
        let client = format!(
            "{head}client = yes\naccept = {near}\nconnect = {far}\nCAfile = {pem}\n\
             verifyChain = yes\ncheckIP = 127.0.0.1\n"
        );
        let server = self.write("server.conf", &server)?;
        let client = self.write("client.conf", &client)?;
        Ok(vec![
            self.spawn("stunnel", &[&server])?,
            self.spawn("stunnel", &[&client])?,
        ])
    }

    fn haproxy(&self) -> Result<Vec<Process>> {
        let (near, far, origin, pem) = (self.near, self.far, self.origin, self.certificate()?);
        let head = "defaults\n mode tcp\n timeout connect 5s\n timeout client 1h\n \
                    timeout server 1h\nlisten relay\n";
        let server = format!("{head} bind {far} ssl crt {pem}\n server origin {origin}\n");
        let client =
            format!("{head} bind {near}\n server far {far} ssl verify required ca-file {pem}\n");
        let server = self.write("server.conf", &server)?;
        let client = self.write("client.conf", &client)?;
        Ok(vec![
            self.spawn("haproxy", &["-db", "-f", &server])?,
            self.spawn("haproxy", &["-db", "-f", &client])?,
        ])
    }

    fn nginx(&self) -> Result<Vec<Process>> {
        let (near, far, origin, pem) = (self.near, self.far, self.origin, self.certificate()?);
        let nginx = |name: &str, relay: String| {
            let folder = self.folder.display();
            let text = format!(
                "load_module /usr/lib/nginx/modules/ngx_stream_module.so;\ndaemon off;\n\
                 worker_processes auto;\npid {folder}/{name}.pid;\nerror_log stderr error;\n\
                 events {{ worker_connections 8192; }}\n\
                 stream {{ tcp_nodelay on; proxy_timeout 1h; server {{\n{relay}\n}} }}\n"
            );
            let settings = self.write(name, &text)?;
            self.spawn("nginx", &["-e", "stderr", "-c", &settings])
        };
        let server = format!(
            "listen {far} ssl; ssl_protocols TLSv1.3; ssl_certificate {pem};\n\
             ssl_certificate_key {pem}; proxy_pass {origin};"
        );
        let client = format!(
            "listen {near}; proxy_pass {far}; proxy_ssl on; proxy_ssl_protocols TLSv1.3;\n\
             proxy_ssl_verify on; proxy_ssl_trusted_certificate {pem};\n\
             proxy_ssl_name localhost; proxy_ssl_session_reuse on;"
        );
        Ok(vec![
            nginx("server.conf", server)?,
            nginx("client.conf", client)?,
        ])
    }

    fn rathole(&self) -> Result<Vec<Process>> {
        let (near, far, origin) = (self.near, self.far, self.origin);
        let keys = run("rathole", &["--genkey"])?;
        let key = |name: &str| {
            let line = keys.split_once(name).map(|(_, rest)| rest.trim_start());
            line.and_then(|line| line.split_whitespace().next())
                .with_context(|| format!("rathole --genkey says no {name:?}: {keys}"))
        };
        let (private, public) = (key("Private Key:")?, key("Public Key:")?);
        // The side that listens for connections is its server; the origin's side its client.
        let server = format!(
            "[server]\nbind_addr = \"{far}\"\ndefault_token = \"measured\"\n\
             [server.transport]\ntype = \"noise\"\n[server.transport.noise]\n\
             local_private_key = \"{private}\"\n\
             [server.services.relay]\nbind_addr = \"{near}\"\nnodelay = true\n"
        );
        let client = format!(
            "[client]\nremote_addr = \"{far}\"\ndefault_token = \"measured\"\n\
             [client.transport]\ntype = \"noise\"\n[client.transport.noise]\n\
             remote_public_key = \"{public}\"\n\
             [client.services.relay]\nlocal_addr = \"{origin}\"\nnodelay = true\n"
        );
        let server = self.write("server.toml", &server)?;
        let client = self.write("client.toml", &client)?;
        Ok(vec![
            self.spawn("rathole", &["--server", &server])?,
            self.spawn("rathole", &["--client", &client])?,
        ])
    }

    /// One file with a key (P-256, as ours) and a certificate for this machine that it signed.
    fn certificate(&self) -> Result<String> {
        let pem = self.path("tls.pem");
        let names = "subjectAltName=IP:127.0.0.1,DNS:localhost";
        run(
            "openssl",
            &[
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=localhost",
                "-addext",
                names,
                "-keyout",
                &pem,
                "-out",
                &self.path("certificate.pem"),
            ],
        )?;
        let both = fs::read_to_string(&pem)? + &fs::read_to_string(self.path("certificate.pem"))?;
        self.write("tls.pem", &both)
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    fn write(&self, name: &str, text: &str) -> Result<String> {
        let path = self.path(name);
        fs::write(&path, text)?;
        Ok(path)
    }

    fn spawn(&self, program: &str, arguments: &[&str]) -> Result<Process> {
        let mut command = process::command(find(program).context("it is not installed")?);
        command
            .args(arguments)
            .env("PATH", PATH)
            .env("LANG", "C.UTF-8");
        Process::start(program, command, self.folder)
    }
}

/// Services lie in folders of their own, which are not in everybody's `PATH`.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

fn find(program: &str) -> Option<PathBuf> {
    let folders = PATH.split(':').map(Path::new);
    folders.map(|it| it.join(program)).find(|it| it.is_file())
}

/// Runs a short command to its end, and returns what it printed.
fn run(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .env("PATH", PATH)
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} failed: {said}");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
