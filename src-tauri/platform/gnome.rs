//! GNOME's proxy settings, which Chromium and Firefox follow, by gsettings(1).

mod watcher;

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use hourkey_client::file;
use serde::{Deserialize, Serialize};

use super::system_proxy::SystemProxy;
use watcher::Watcher;

const SCHEMA: &str = "org.gnome.system.proxy";
const MODE: &str = "mode";
const URL: &str = "autoconfig-url";

/// A settings service that hangs must not hang the app.
const GSETTINGS_TIMEOUT: Duration = Duration::from_secs(2);
/// How often it is looked whether gsettings(1) is done.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Desktops whose browsers follow these settings.
const DESKTOPS: [&str; 7] = [
    "GNOME",
    "GNOME-Flashback",
    "Unity",
    "Budgie",
    "Pantheon",
    "Cinnamon",
    "X-Cinnamon",
];

/// The settings of this person. They need no administrator.
pub struct GnomeProxy {
    state: PathBuf,
    /// What was there before, while ours is there.
    record: PathBuf,
    /// Who changes the settings: one run of the app, or the watcher of one.
    run: String,
    /// False for the app, which also puts back what a run before it left.
    only_this_run: bool,
    is_here: bool,
    watcher: Option<Watcher>,
}

/// Values as gsettings(1) writes them (GVariant text).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Values {
    mode: String,
    autoconfig_url: String,
}

impl Values {
    /// The address without its version: a run keeps the address of the one before.
    fn file(&self) -> &str {
        let url = self.autoconfig_url.trim_matches('\'');
        url.split_once('?').map_or(url, |(file, _)| file)
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Record {
    ours: Values,
    before: Values,
    /// The run that made it.
    #[serde(default)]
    run: String,
}

impl GnomeProxy {
    /// Keeps what it has to remember in this folder.
    pub fn new(state: &Path) -> Self {
        let desktop = std::env::var("XDG_CURRENT_DESKTOP").unwrap_or_default();
        let follows = desktop.split(':').any(|name| DESKTOPS.contains(&name));
        let writable = || gsettings(&["writable", SCHEMA, MODE]).is_ok_and(|it| it == "true");
        let mut proxy = Self::of_run(state, format!("{:032x}", rand::random::<u128>()));
        proxy.only_this_run = false;
        proxy.is_here = follows && writable();
        proxy
    }

    /// What one run of the app left in this folder.
    fn of_run(state: &Path, run: String) -> Self {
        Self {
            state: state.to_owned(),
            record: state.join("proxy-before.json"),
            run,
            only_this_run: true,
            is_here: true,
            watcher: None,
        }
    }

    /// One at a time: the watcher of a run that crashed may still be at work when the next one
    /// begins.
    fn lock(&self) -> Result<File, String> {
        let lock = || {
            std::fs::create_dir_all(&self.state)?;
            let file = File::create(self.record.with_extension("lock"))?;
            file.lock()?;
            Ok(file)
        };
        lock().map_err(|error| self.unusable(&error))
    }

    /// What is remembered; `None` for nothing.
    fn record(&self) -> Result<Option<Record>, String> {
        match std::fs::read(&self.record) {
            Ok(record) => Ok(serde_json::from_slice(&record).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.unusable(&error)),
        }
    }

    /// What is there without ours. A crash in between leaves our address with the mode of before, or
    /// an earlier version of our address: the record is written first. Another address is somebody's
    /// who changed it since, and stays with its mode.
    fn without_ours(&self, now: Values) -> Result<Values, String> {
        match self.record()? {
            Some(Record { ours, before, .. }) if now.file() == ours.file() => {
                let mode = if now.mode == ours.mode {
                    before.mode
                } else {
                    now.mode
                };
                Ok(Values { mode, ..before })
            }
            Some(_) | None => Ok(now),
        }
    }

    fn unusable(&self, error: &io::Error) -> String {
        format!(
            "{} cannot be used: {error}. Check its permissions.",
            self.record.display()
        )
    }
}

impl SystemProxy for GnomeProxy {
    fn is_here(&self) -> bool {
        self.is_here
    }

    fn follow(&mut self, pac: &str) -> Result<(), String> {
        let _lock = self.lock()?;
        let before = self.without_ours(read()?)?;
        if before.mode != "'none'" {
            return Err(
                "This computer uses a proxy already, and Hourkey does not take its place. Add \
                 Hourkey’s proxy script URL to its configuration, or to one browser."
                    .to_owned(),
            );
        }
        let ours = Values {
            mode: "'auto'".to_owned(),
            autoconfig_url: format!("'{pac}'"),
        };
        // Kept before anything changes: a crash in between loses nothing.
        let record = Record {
            ours: ours.clone(),
            before,
            run: self.run.clone(),
        };
        let record = serde_json::to_vec(&record).map_err(|error| error.to_string())?;
        file::replace(&self.record, &record).map_err(|error| self.unusable(&error))?;
        if !self.watcher.as_mut().is_some_and(Watcher::runs) {
            let watcher = Watcher::start(&self.state, &self.run);
            let why = "the browsers' settings stay as they are if the app is killed";
            let watcher = watcher.inspect_err(|error| tracing::warn!(%error, "{why}"));
            self.watcher = watcher.ok();
        }
        // The address first: automatic without an address would look for one in the network.
        write(URL, &ours.autoconfig_url)?;
        write(MODE, &ours.mode)
    }

    fn restore(&mut self) -> Result<(), String> {
        let _lock = self.lock()?;
        match self.record()? {
            Some(record) if !self.only_this_run || record.run == self.run => {}
            Some(_) | None => return Ok(()),
        }
        let now = read()?;
        let before = self.without_ours(now.clone())?;
        // The mode first, for the same reason.
        if before.mode != now.mode {
            write(MODE, &before.mode)?;
        }
        if before.autoconfig_url != now.autoconfig_url {
            write(URL, &before.autoconfig_url)?;
        }
        std::fs::remove_file(&self.record).map_err(|error| self.unusable(&error))
    }
}

/// Puts the settings of another run back at its end, if this process was started for that: returns
/// true when that is done. Call it before anything else.
#[must_use]
pub fn watch_if_asked() -> bool {
    let Some((state, run)) = watcher::asked() else {
        return false;
    };
    if watcher::wait_for_end() {
        // Nobody is there to be told when it fails; the next start tries again.
        let _ = GnomeProxy::of_run(&state, run).restore();
    }
    true
}

fn read() -> Result<Values, String> {
    Ok(Values {
        mode: gsettings(&["get", SCHEMA, MODE])?,
        autoconfig_url: gsettings(&["get", SCHEMA, URL])?,
    })
}

/// Sets a value, and looks whether it is there: gsettings(1) also succeeds where nothing was kept.
fn write(key: &str, value: &str) -> Result<(), String> {
    gsettings(&["set", SCHEMA, key, value])?;
    if gsettings(&["get", SCHEMA, key])? == value {
        return Ok(());
    }
    Err(failed(&"they do not keep what is set"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "runs on a thread for blocking calls"
)]
fn gsettings(arguments: &[&str]) -> Result<String, String> {
    let began = Instant::now();
    let mut child = Command::new("gsettings")
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| failed(&error))?;
    let status = loop {
        match child.try_wait().map_err(|error| failed(&error))? {
            Some(status) => break status,
            None if began.elapsed() < GSETTINGS_TIMEOUT => std::thread::sleep(POLL_INTERVAL),
            None => {
                // It may have ended just now.
                let _ = child.kill();
                let _ = child.wait();
                return Err(failed(&"they do not answer"));
            }
        }
    };
    if !status.success() {
        return Err(failed(&status));
    }
    // What it says is shorter than a pipe holds.
    let mut said = String::new();
    if let Some(mut stdout) = child.stdout.take() {
        stdout
            .read_to_string(&mut said)
            .map_err(|error| failed(&error))?;
    }
    Ok(said.trim().to_owned())
}

fn failed(why: &dyn std::fmt::Display) -> String {
    format!("The desktop’s proxy settings cannot be changed: {why}. Set them by hand.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(mode: &str, url: &str) -> Values {
        Values {
            mode: format!("'{mode}'"),
            autoconfig_url: format!("'{url}'"),
        }
    }

    #[test]
    fn what_was_there_is_found_whatever_version_of_ours_a_crash_left() {
        let state = tempfile::tempdir().unwrap();
        let proxy = GnomeProxy::of_run(state.path(), "a run".to_owned());
        let before = values("none", "http://proxy.example/old.pac");
        let record = Record {
            ours: values("auto", "http://127.0.0.1:9/secret.pac?v=2"),
            before: before.clone(),
            run: "a run".to_owned(),
        };
        std::fs::write(&proxy.record, serde_json::to_vec(&record).unwrap()).unwrap();
        for (mode, version) in [
            ("auto", "?v=2"),
            ("auto", "?v=1"),
            ("auto", ""),
            ("none", "?v=1"),
        ] {
            let url = format!("http://127.0.0.1:9/secret.pac{version}");
            let found = proxy.without_ours(values(mode, &url));
            assert_eq!(found.as_ref(), Ok(&before), "{mode} {url}");
        }
        for theirs in [
            "http://127.0.0.1:9/other.pac?v=2",
            "http://proxy.example/new.pac",
            "",
        ] {
            let theirs = values("auto", theirs);
            assert_eq!(proxy.without_ours(theirs.clone()), Ok(theirs));
        }
    }
}
