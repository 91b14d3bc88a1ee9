//! Servers that the machine has: OpenSSH and PostgreSQL, each in a folder and on a port of its own.
//!
//! They run as somebody without rights, since PostgreSQL refuses to run as root: as Debian's user
//! `postgres` when the test runs as root, else as whoever runs it.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use hourkey_testkit::process::{self, Process};
use hourkey_testkit::webdriver::free_port;
use rustix::process::{Signal, geteuid};
use tempfile::TempDir;

/// A folder of somebody without rights, and where its server listens.
struct Home {
    user: String,
    address: SocketAddr,
    folder: TempDir,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("hourkey-")
            .tempdir()
            .unwrap();
        let field = |user: &str, option| id(&[option, user]).parse::<u32>().unwrap();
        let user = match geteuid().is_root() {
            true => "postgres".to_owned(),
            false => id(&["--user", "--name"]),
        };
        let (uid, gid) = (field(&user, "--user"), field(&user, "--group"));
        chown(folder.path(), Some(uid), Some(gid)).unwrap();
        let address = (Ipv4Addr::LOCALHOST, free_port().unwrap()).into();
        Self {
            user,
            address,
            folder,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A command that runs as the user, in the folder.
    fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = process::command("/usr/bin/setpriv");
        if geteuid().is_root() {
            command.args([
                "--reuid",
                &self.user,
                "--regid",
                &self.user,
                "--init-groups",
            ]);
        }
        command
            .args(["--pdeathsig", "KILL", "--"])
            .arg(program.as_ref())
            .env("PATH", "/usr/bin:/bin")
            .env("LANG", "C.UTF-8")
            .current_dir(self.folder.path());
        command
    }

    fn run(&self, program: impl AsRef<Path>, arguments: &[&str]) {
        let output = self.command(program).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }

    async fn start(&self, name: &str, command: Command) -> Process {
        let process = Process::start(name, command, self.folder.path()).unwrap();
        let connect = async || tokio::net::TcpStream::connect(self.address).await;
        process.ready("a port that listens", connect).await.unwrap();
        process
    }
}

/// What id(1) says.
fn id(arguments: &[&str]) -> String {
    let output = Command::new("/usr/bin/id").args(arguments).output();
    let output = output.unwrap();
    assert!(output.status.success(), "id {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A running sshd, which lets its own user in with one key.
pub(crate) struct Ssh {
    _process: Process,
    home: Home,
}

impl Ssh {
    pub(crate) async fn start() -> Self {
        let home = Home::new();
        for key in ["host", "key"] {
            let arguments = ["-q", "-t", "ed25519", "-N", "", "-f", key];
            home.run("/usr/bin/ssh-keygen", &arguments);
        }
        let configuration = format!(
            "ListenAddress {}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\nStrictModes no\n",
            home.address,
            home.path("host").display(),
            home.path("key.pub").display(),
        );
        fs::write(home.path("sshd_config"), configuration).unwrap();
        // The key is the client's, who is not the server's user; ssh wants it to be their own.
        fs::copy(home.path("key"), home.path("identity")).unwrap();
        let mut command = home.command("/usr/sbin/sshd");
        command.args(["-D", "-e", "-f", "sshd_config"]);
        let process = home.start("sshd", command).await;
        Self {
            _process: process,
            home,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.home.address
    }

    /// Options of ssh(1): nothing of the machine's own, the key, and who to be. `name` is what the
    /// server is known by.
    pub(crate) fn options(&self, name: &str) -> Vec<String> {
        let host_key = fs::read_to_string(self.home.path("host.pub")).unwrap();
        let known_hosts = self.home.path("known_hosts");
        fs::write(&known_hosts, format!("{name} {host_key}")).unwrap();
        let options = [
            "BatchMode=yes".to_owned(),
            "StrictHostKeyChecking=yes".to_owned(),
            "GlobalKnownHostsFile=none".to_owned(),
            format!("UserKnownHostsFile={}", known_hosts.display()),
            "IdentitiesOnly=yes".to_owned(),
            format!("IdentityFile={}", self.home.path("identity").display()),
            format!("User={}", self.home.user),
        ];
        options.map(|option| format!("-o{option}")).into()
    }
}

/// A running PostgreSQL, which trusts everybody who reaches it.
pub(crate) struct Postgres {
    process: Process,
    home: Home,
}

impl Postgres {
    pub(crate) async fn start() -> Self {
        let home = Home::new();
        let arguments = [
            "--pgdata=data",
            "--username=hourkey",
            "--auth=trust",
            "--no-sync",
        ];
        home.run(postgres("initdb"), &arguments);
        let mut command = home.command(postgres("postgres"));
        command.args(["-D", "data", "-p", &home.address.port().to_string()]);
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "fsync=off",
            // Without it the server sees that a client is gone only once it has something to say.
            "client_connection_check_interval=100ms",
        ] {
            command.args(["-c", setting]);
        }
        let process = home.start("postgres", command).await;
        Self { process, home }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.home.address
    }

    /// Ends it in order: killed, it would leave its shared memory behind.
    pub(crate) async fn stop(mut self) -> ExitStatus {
        // "Fast shutdown": without waiting for clients.
        self.process.signal(Signal::INT).unwrap();
        self.process.ended().await.unwrap()
    }
}

/// One of the server's programs, of the newest version that is installed.
fn postgres(program: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql");
    let versions = versions.expect("PostgreSQL is not installed (Debian: postgresql)");
    let newest = versions
        .map(|version| version.unwrap().path())
        .max()
        .expect("a version of PostgreSQL");
    newest.join("bin").join(program)
}
