//! Servers that the machine has: OpenSSH and PostgreSQL, each in a folder and on a port of its own.
//!
//! They run as somebody without rights, since PostgreSQL refuses to run as root: as Debian's user
//! `postgres` for root, else as whoever runs it.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use anyhow::{Context, Result, bail};
use rustix::process::{Signal, geteuid};
use tempfile::TempDir;

use crate::process::{self, Process};
use crate::webdriver::free_port;

/// A folder of somebody without rights, and where its server listens.
#[derive(Debug)]
struct ServerFolder {
    user: String,
    address: SocketAddr,
    folder: TempDir,
}

impl ServerFolder {
    fn new() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("hourkey-").tempdir()?;
        let user = match geteuid().is_root() {
            true => "postgres".to_owned(),
            false => id(&["--user", "--name"])?,
        };
        let field = |option| Ok::<u32, anyhow::Error>(id(&[option, &user])?.parse()?);
        chown(
            folder.path(),
            Some(field("--user")?),
            Some(field("--group")?),
        )?;
        let address = (Ipv4Addr::LOCALHOST, free_port()?).into();
        Ok(Self {
            user,
            address,
            folder,
        })
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

    fn run(&self, program: impl AsRef<Path>, arguments: &[&str]) -> Result<()> {
        let output = self.command(program).args(arguments).output()?;
        if !output.status.success() {
            bail!("{arguments:?}: {output:?}");
        }
        Ok(())
    }

    async fn start(&self, name: &str, command: Command) -> Result<Process> {
        let process = Process::start(name, command, self.folder.path())?;
        let connect = async || tokio::net::TcpStream::connect(self.address).await;
        process.ready("a port that listens", connect).await?;
        Ok(process)
    }
}

/// Runs id(1).
fn id(arguments: &[&str]) -> Result<String> {
    let output = Command::new("/usr/bin/id").args(arguments).output()?;
    if !output.status.success() {
        bail!("id {arguments:?}: {output:?}");
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// A running sshd, which lets its own user in with one key.
#[derive(Debug)]
pub struct Ssh {
    _process: Process,
    folder: ServerFolder,
}

impl Ssh {
    /// Starts it.
    ///
    /// # Errors
    /// When it is not installed, or does not start.
    pub async fn start() -> Result<Self> {
        let folder = ServerFolder::new()?;
        for key in ["host", "key"] {
            let arguments = ["-q", "-t", "ed25519", "-N", "", "-f", key];
            folder.run("/usr/bin/ssh-keygen", &arguments)?;
        }
        let configuration = format!(
            "ListenAddress {}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\nStrictModes no\n",
            folder.address,
            folder.path("host").display(),
            folder.path("key.pub").display(),
        );
        fs::write(folder.path("sshd_config"), configuration)?;
        // The key is the client's, who is not the server's user; ssh wants it to be their own.
        fs::copy(folder.path("key"), folder.path("identity"))?;
        let mut command = folder.command("/usr/sbin/sshd");
        command.args(["-D", "-e", "-f", "sshd_config"]);
        let process = folder.start("sshd", command).await?;
        Ok(Self {
            _process: process,
            folder,
        })
    }

    /// Returns the address on which it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.folder.address
    }

    /// Options of ssh(1): nothing of the machine's own, the key, and who to be. `name` is what the
    /// server is known by.
    ///
    /// # Errors
    /// When its key cannot be read.
    pub fn options(&self, name: &str) -> Result<Vec<String>> {
        let host_key = fs::read_to_string(self.folder.path("host.pub"))?;
        let known_hosts = self.folder.path("known_hosts");
        fs::write(&known_hosts, format!("{name} {host_key}"))?;
        let options = [
            "BatchMode=yes".to_owned(),
            "StrictHostKeyChecking=yes".to_owned(),
            "GlobalKnownHostsFile=none".to_owned(),
            format!("UserKnownHostsFile={}", known_hosts.display()),
            "IdentitiesOnly=yes".to_owned(),
            format!("IdentityFile={}", self.folder.path("identity").display()),
            format!("User={}", self.folder.user),
        ];
        Ok(options.map(|option| format!("-o{option}")).into())
    }
}

/// A running PostgreSQL, which trusts everybody who reaches it.
#[derive(Debug)]
pub struct Postgres {
    process: Process,
    folder: ServerFolder,
}

impl Postgres {
    /// Starts it.
    ///
    /// # Errors
    /// When it is not installed, or does not start.
    pub async fn start() -> Result<Self> {
        let folder = ServerFolder::new()?;
        let arguments = [
            "--pgdata=data",
            "--username=hourkey",
            "--auth=trust",
            "--no-sync",
        ];
        folder.run(postgres("initdb")?, &arguments)?;
        let mut command = folder.command(postgres("postgres")?);
        command.args(["-D", "data", "-p", &folder.address.port().to_string()]);
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "fsync=off",
            // Without it the server sees that a client is gone only once it has something to say.
            "client_connection_check_interval=100ms",
        ] {
            command.args(["-c", setting]);
        }
        let process = folder.start("postgres", command).await?;
        Ok(Self { process, folder })
    }

    /// Returns the address on which it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.folder.address
    }

    /// Ends it in order: killed, it would leave its shared memory behind.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn stop(mut self) -> Result<ExitStatus> {
        // "Fast shutdown": without waiting for clients.
        self.process.signal(Signal::INT)?;
        self.process.ended().await
    }
}

/// One of the server's programs, of the newest version that is installed.
fn postgres(program: &str) -> Result<PathBuf> {
    let missing = "PostgreSQL is not installed (Debian: postgresql)";
    let versions = fs::read_dir("/usr/lib/postgresql").context(missing)?;
    let newest = versions.flatten().map(|version| version.path()).max();
    Ok(newest.context(missing)?.join("bin").join(program))
}
