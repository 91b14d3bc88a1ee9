//! The real gateway, on a port and with a state folder of its own.

use std::fmt::Write as _;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use url::Url;

use crate::binaries;
use crate::chaos_proxy::ChaosProxy;
use crate::controller::Controller;
use crate::process::{self, Process};
use crate::webdriver::free_port;

/// How and where a gateway is deployed.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// The address at which it reaches the controller.
    pub controller: Url,
    /// The address at which it listens.
    pub host: IpAddr,
    /// The name by which clients reach it, instead of that address; then it listens at all.
    pub name: Option<String>,
    /// The authority of the controller's certificate, PEM; `None` for the system's.
    pub authority: Option<PathBuf>,
    /// The wrapper of each of its commands, for example `["ip", "netns", "exec", …]`.
    pub wrapper: Vec<String>,
    /// How many connections a person may have; `None` for what it is by itself.
    pub connections_per_user: Option<u32>,
    /// The folder of another build, whose `hourkey-gateway` runs; `None` for the one under test.
    pub build: Option<PathBuf>,
}

impl Deployment {
    /// Beside the controller.
    #[must_use]
    pub fn beside(controller: &Controller) -> Self {
        Self {
            controller: controller.url().clone(),
            host: Ipv4Addr::LOCALHOST.into(),
            name: None,
            authority: None,
            wrapper: Vec::new(),
            connections_per_user: None,
            build: None,
        }
    }

    /// Beside the controller, and reaching it by a chaos proxy.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn behind_proxy(controller: &Controller) -> Result<(Self, ChaosProxy)> {
        let link = ChaosProxy::to(controller.url().socket_addrs(|| None)?[0]).await?;
        let deployment = Self {
            controller: format!("http://{}/", link.address).parse()?,
            ..Self::beside(controller)
        };
        Ok((deployment, link))
    }
}

/// A gateway that has enrolled, running or not. It keeps its folder and port from one start to the
/// next.
#[derive(Debug)]
pub struct Gateway {
    name: String,
    address: String,
    /// The address at which its port can be probed.
    probe: SocketAddr,
    variables: Vec<(String, String)>,
    wrapper: Vec<String>,
    program: PathBuf,
    process: Option<Process>,
    folder: TempDir,
}

impl Gateway {
    /// Adds a gateway of a network, enrols it, and starts it. `hosts` says where names lead, each
    /// as an address or as address and port.
    ///
    /// # Errors
    /// When the controller refuses it, or it does not start.
    pub async fn start(
        controller: &Controller,
        name: &str,
        network: &str,
        hosts: &[(&str, &str)],
    ) -> Result<Self> {
        Self::start_at(
            controller,
            Deployment::beside(controller),
            name,
            network,
            hosts,
        )
        .await
    }

    /// [`Self::start`] for a gateway elsewhere.
    ///
    /// # Errors
    /// When the controller refuses it, or it does not start.
    pub async fn start_at(
        controller: &Controller,
        deployment: Deployment,
        name: &str,
        network: &str,
        hosts: &[(&str, &str)],
    ) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("hourkey-").tempdir()?;
        let probe = SocketAddr::new(deployment.host, free_port()?);
        let (listen, address) = match &deployment.name {
            Some(name) => (
                SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), probe.port()),
                format!("{name}:{}", probe.port()),
            ),
            None => (probe, probe.to_string()),
        };
        let mut gateway = Self {
            name: name.to_owned(),
            address,
            probe,
            variables: Vec::new(),
            wrapper: deployment.wrapper,
            program: binaries::of_build(deployment.build.as_deref(), "hourkey-gateway")?,
            process: None,
            folder,
        };
        let add = ["gateway", "add", name, "--network", network];
        let add = [&add[..], &["--address", &gateway.address]].concat();
        let token = controller.run(&add).await?;
        let authority = deployment.authority.as_deref();
        gateway
            .enrol(&deployment.controller, authority, &token)
            .await?;
        gateway.configure(listen, deployment.connections_per_user, hosts)?;
        gateway.resume().await?;
        Ok(gateway)
    }

    /// Sets a variable for the gateway's next start.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.variables.push((name.to_owned(), value.into()));
    }

    /// Lets the next start go through another program, for example `["faketime", "-f", "+1d"]`.
    pub fn wrap(&mut self, program_and_arguments: &[&str]) {
        self.wrapper = program_and_arguments
            .iter()
            .map(ToString::to_string)
            .collect();
    }

    /// Starts it, and waits until it listens, or says that it does not hear the controller.
    ///
    /// # Errors
    /// When it does not, or runs already.
    pub async fn resume(&mut self) -> Result<()> {
        if self.process.is_some() {
            bail!("the gateway runs already");
        }
        let mut command = self.command();
        command.arg("serve").envs(self.variables.iter().cloned());
        let process = Process::start(&self.name, command, self.folder.path())?;
        let told = self.log().len();
        let ready = async || match tokio::net::TcpStream::connect(self.probe).await {
            Err(_) if self.log()[told..].contains("controller is away") => Ok(()),
            connected => connected.map(|_| ()),
        };
        process.ready("a port that listens", ready).await?;
        self.process = Some(process);
        Ok(())
    }

    /// Ends it as `kill -9` does, and waits for the end.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill(&mut self) -> Result<ExitStatus> {
        let process = self.process.take().context("the gateway does not run")?;
        process.kill()
    }

    /// Sends it a signal: STOP and CONT make it pause.
    ///
    /// # Errors
    /// When it does not run.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let process = self.process.as_ref().context("the gateway does not run")?;
        process.signal(signal)
    }

    /// The process id while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// Returns the address on which it listens.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Returns its log since the first start.
    #[must_use]
    pub fn log(&self) -> String {
        let path = self.folder.path().join(format!("{}.log", self.name));
        fs::read_to_string(path).unwrap_or_default()
    }

    async fn enrol(&self, controller: &Url, ca: Option<&Path>, token: &str) -> Result<()> {
        let mut command = self.command();
        command.args(["enrol", controller.as_str()]);
        if let Some(ca) = ca {
            command.arg("--ca").arg(ca);
        }
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = tokio::process::Command::from(command).spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // A command that does not read its input may have closed it by now.
            let _ = stdin.write_all(token.as_bytes()).await;
        }
        let output = child.wait_with_output().await?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("hourkey-gateway enrol failed ({}): {said}", output.status);
        }
        Ok(())
    }

    fn configure(
        &self,
        listen: SocketAddr,
        connections_per_user: Option<u32>,
        hosts: &[(&str, &str)],
    ) -> Result<()> {
        let mut text = format!("listen = \"{listen}\"\n");
        if let Some(most) = connections_per_user {
            writeln!(text, "connections_per_user = {most}")?;
        }
        text += "\n[hosts]\n";
        for (name, address) in hosts {
            writeln!(text, "{name:?} = {address:?}")?;
        }
        Ok(fs::write(self.state().join("gateway.toml"), text)?)
    }

    fn command(&self) -> std::process::Command {
        let program = &self.program;
        let mut command = match self.wrapper.split_first() {
            Some((wrapper, arguments)) => {
                let mut command = process::command(wrapper);
                command.args(arguments).arg(program);
                command
            }
            None => process::command(program),
        };
        command
            .arg("--state")
            .arg(self.state())
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LANG", "C.UTF-8")
            .env("RUST_BACKTRACE", "1")
            .current_dir(self.folder.path());
        command
    }

    /// Returns its credential at the controller.
    ///
    /// # Errors
    /// When its state cannot be read.
    pub fn credential(&self) -> Result<String> {
        let text = fs::read_to_string(self.state().join("enrolment.json"))?;
        let state: serde_json::Value = serde_json::from_str(&text)?;
        let credential = state["credential"].as_str();
        Ok(credential.context("a credential")?.to_owned())
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }
}
