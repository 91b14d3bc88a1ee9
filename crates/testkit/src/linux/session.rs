//! A desktop session of the test's own: session bus, home folder and environment.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;
use zbus::Connection;
use zbus::connection::Builder;
use zbus::fdo::DBusProxy;
use zbus::names::BusName;

use crate::display::Display;
use crate::process::{self, Process};

/// A private session bus, home folder and environment, which inherit nothing.
///
/// No service can be activated on the bus: whatever should be there is started by the test.
#[derive(Debug)]
pub struct Session {
    environment: BTreeMap<String, String>,
    bus: Process,
    // Below the processes: dropped after them.
    folder: TempDir,
}

impl Session {
    /// Starts a session without a display.
    ///
    /// # Errors
    /// When the bus does not start.
    pub async fn start() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("hourkey-").tempdir()?;
        let root = folder.path();
        for name in [
            "home", "config", "data", "cache", "state", "tmp", "bin", "logs",
        ] {
            fs::create_dir(root.join(name))?;
        }
        let runtime = root.join("run");
        fs::create_dir(&runtime)?;
        fs::set_permissions(&runtime, fs::Permissions::from_mode(0o700))?;

        let address = format!("unix:path={}/bus", runtime.display());
        let configuration = root.join("bus.conf");
        fs::write(&configuration, bus_configuration(&address))?;
        let mut daemon = process::command("/usr/bin/dbus-daemon");
        daemon
            .arg(format!("--config-file={}", configuration.display()))
            .args(["--nofork", "--nosyslog"]);
        let bus = Process::start("dbus-daemon", daemon, &root.join("logs"))?;

        let session = Self {
            environment: environment(root, &address),
            bus,
            folder,
        };
        let connect = async || session.connect().await.map(drop);
        session
            .bus
            .ready("a connection to the bus", connect)
            .await?;
        Ok(session)
    }

    /// Lets programs of this session show themselves on a display.
    pub fn attach(&mut self, display: &Display) {
        self.set("DISPLAY", display.name());
        self.set("GDK_BACKEND", "x11");
        self.set("XDG_SESSION_TYPE", "x11");
    }

    /// True once it is attached to a display.
    #[must_use]
    pub fn has_display(&self) -> bool {
        self.environment.contains_key("DISPLAY")
    }

    /// Sets a variable for programs started from now on.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.environment.insert(name.to_owned(), value.into());
    }

    /// A command in this session's environment and home folder.
    #[must_use]
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = process::command(program);
        command.envs(&self.environment).current_dir(self.home());
        command
    }

    /// Starts a command of this session, which logs into this session's folder.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(&self, name: &str, command: Command) -> Result<Process> {
        Process::start(name, command, &self.logs())
    }

    /// Runs a short command of this session to its end, and returns what it printed.
    ///
    /// # Errors
    /// When it fails, with what it said.
    pub async fn run(&self, program: &str, arguments: &[&str]) -> Result<String> {
        let mut command = tokio::process::Command::from(self.command(program));
        let output = command.args(arguments).output().await?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("{program} {arguments:?} failed ({}): {said}", output.status);
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// A new connection to the session bus.
    ///
    /// # Errors
    /// When the bus is gone.
    pub async fn connect(&self) -> Result<Connection> {
        Ok(self.connection()?.build().await?)
    }

    /// A connection to the session bus still to be made.
    ///
    /// # Errors
    /// Never with the address made by [`Session::start`].
    pub fn connection(&self) -> Result<Builder<'static>> {
        let address = self
            .environment
            .get(BUS_ADDRESS)
            .context("the session has a bus address")?;
        Ok(Builder::address(address.as_str())?)
    }

    /// Waits until a program has taken a name on the bus, and returns who owns it.
    ///
    /// # Errors
    /// When the program ends, or nobody owns the name in time.
    pub async fn owner(&self, program: &Process, name: &'static str) -> Result<String> {
        let connection = self.connect().await?;
        let bus = DBusProxy::new(&connection).await?;
        let name = BusName::try_from(name)?;
        let owner = async || bus.get_name_owner(name.clone()).await;
        Ok(program.ready(&name, owner).await?.to_string())
    }

    /// Puts a shell script of this name first in the session's `PATH`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add_script(&self, name: &str, body: &str) -> Result<()> {
        let path = self.folder.path().join("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\n{body}"))?;
        Ok(fs::set_permissions(
            &path,
            fs::Permissions::from_mode(0o755),
        )?)
    }

    /// Makes a program known under a name in the session's `PATH`.
    ///
    /// # Errors
    /// When the name is taken.
    pub fn link(&self, name: &str, program: &Path) -> Result<()> {
        Ok(symlink(program, self.folder.path().join("bin").join(name))?)
    }

    /// The home folder.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// `XDG_CONFIG_HOME`.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("config")
    }

    /// `XDG_DATA_HOME`.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// `XDG_STATE_HOME`.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// `XDG_RUNTIME_DIR`.
    #[must_use]
    pub fn runtime(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    /// Returns the folder of this session's logs.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.folder.path().join("logs")
    }
}

const BUS_ADDRESS: &str = "DBUS_SESSION_BUS_ADDRESS";

fn environment(root: &Path, address: &str) -> BTreeMap<String, String> {
    let folder = |name: &str| root.join(name).display().to_string();
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin:/usr/games", folder("bin"));
    [
        ("PATH", path),
        ("HOME", folder("home")),
        ("TMPDIR", folder("tmp")),
        ("XDG_CONFIG_HOME", folder("config")),
        ("XDG_DATA_HOME", folder("data")),
        ("XDG_CACHE_HOME", folder("cache")),
        ("XDG_STATE_HOME", folder("state")),
        ("XDG_RUNTIME_DIR", folder("run")),
        (BUS_ADDRESS, address.to_owned()),
        // Nothing of the test concerns the machine's own bus.
        (
            "DBUS_SYSTEM_BUS_ADDRESS",
            format!("unix:path={}", folder("no-system-bus")),
        ),
        ("LANG", "C.UTF-8".to_owned()),
        ("TZ", "UTC".to_owned()),
        // No accessibility bus is there to be activated.
        ("NO_AT_BRIDGE", "1".to_owned()),
        ("GTK_A11Y", "none".to_owned()),
        ("GSETTINGS_BACKEND", "memory".to_owned()),
        ("RUST_BACKTRACE", "1".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

fn bus_configuration(address: &str) -> String {
    format!(
        r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>{address}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_session_is_private() {
        let one = Session::start().await.unwrap();
        let other = Session::start().await.unwrap();
        let connection = one.connect().await.unwrap();
        connection
            .request_name("org.example.Private")
            .await
            .unwrap();
        let names = async |session: &Session| {
            let connection = session.connect().await.unwrap();
            let bus = DBusProxy::new(&connection).await.unwrap();
            let names = bus.list_names().await.unwrap();
            names
                .iter()
                .any(|name| name.as_str() == "org.example.Private")
        };
        assert!(names(&one).await);
        assert!(!names(&other).await);

        let environment = one.run("env", &[]).await.unwrap();
        for line in environment.lines() {
            assert!(
                !line.starts_with("CARGO") && !line.starts_with("DISPLAY="),
                "inherited: {line}"
            );
        }
        let home = format!("HOME={}", one.home().display());
        assert!(environment.lines().any(|line| line == home));
    }
}
