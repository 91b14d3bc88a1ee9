//! GNOME's proxy settings, which Chromium and Firefox follow, by gsettings(1).

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use super::SystemProxy;

const SCHEMA: &str = "org.gnome.system.proxy";

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
    /// What was there before, while ours is there.
    record: PathBuf,
    is_here: bool,
}

/// Values as gsettings(1) writes them (GVariant text).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Values {
    mode: String,
    autoconfig_url: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Record {
    ours: Values,
    before: Values,
}

impl GnomeProxy {
    /// Keeps what it has to remember in this folder.
    pub fn new(state: &Path) -> Self {
        let desktop = std::env::var("XDG_CURRENT_DESKTOP").unwrap_or_default();
        let follows = desktop.split(':').any(|name| DESKTOPS.contains(&name));
        Self {
            record: state.join("proxy-before.json"),
            is_here: follows
                && gsettings(&["writable", SCHEMA, "mode"]).is_ok_and(|it| it == "true"),
        }
    }

    /// What was there before ours; `None` while ours is not there, or somebody changed it since.
    fn before(&self, now: &Values) -> Result<Option<Values>, String> {
        let record = match std::fs::read(&self.record) {
            Ok(record) => record,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.unusable(&error)),
        };
        let record: Option<Record> = serde_json::from_slice(&record).ok();
        Ok(record
            .filter(|record| record.ours == *now)
            .map(|record| record.before))
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

    fn follow(&self, pac: &str) -> Result<(), String> {
        let now = read()?;
        let before = self.before(&now)?.unwrap_or(now);
        if before.mode != "'none'" {
            return Err(
                "This computer uses a proxy already, and Hourkey does not take its place. Add \
                 Hourkey’s browser address to its configuration, or to one browser."
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
        };
        let record = serde_json::to_vec(&record).map_err(|error| error.to_string())?;
        if let Some(folder) = self.record.parent() {
            std::fs::create_dir_all(folder).map_err(|error| self.unusable(&error))?;
        }
        std::fs::write(&self.record, record).map_err(|error| self.unusable(&error))?;
        write(&ours)
    }

    fn restore(&self) -> Result<(), String> {
        let now = match std::fs::exists(&self.record) {
            Ok(false) => return Ok(()),
            Ok(true) => read()?,
            Err(error) => return Err(self.unusable(&error)),
        };
        if let Some(before) = self.before(&now)? {
            write(&before)?;
        }
        std::fs::remove_file(&self.record).map_err(|error| self.unusable(&error))
    }
}

fn read() -> Result<Values, String> {
    Ok(Values {
        mode: gsettings(&["get", SCHEMA, "mode"])?,
        autoconfig_url: gsettings(&["get", SCHEMA, "autoconfig-url"])?,
    })
}

fn write(values: &Values) -> Result<(), String> {
    // The address first: mode and address are read together when the mode changes.
    gsettings(&["set", SCHEMA, "autoconfig-url", &values.autoconfig_url])?;
    gsettings(&["set", SCHEMA, "mode", &values.mode])?;
    Ok(())
}

fn gsettings(arguments: &[&str]) -> Result<String, String> {
    let failed = |why: &dyn std::fmt::Display| {
        format!("The desktop’s proxy settings cannot be changed: {why}. Set them by hand.")
    };
    let output = Command::new("gsettings").args(arguments).output();
    let output = output.map_err(|error| failed(&error))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(failed(&said.trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
