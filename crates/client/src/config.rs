//! Settings of the person on this machine, and the folders they live in.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use url::Url;

/// Where files live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folders {
    /// Settings: `HOURKEY_CONFIG_DIR`, or `hourkey` in the system's folder for them.
    pub config: PathBuf,
    /// What the programs remember, and logs: `HOURKEY_STATE_DIR`, or `hourkey` in the system's
    /// folder for that.
    pub state: PathBuf,
}

impl Folders {
    /// The folders of this person on this system. They may not exist yet.
    ///
    /// # Errors
    /// When there is no home folder.
    pub fn find() -> Result<Self, NoHome> {
        let find = |variable, system: Option<PathBuf>| {
            std::env::var_os(variable)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
                .or_else(|| system.map(|folder| folder.join("hourkey")))
                .ok_or(NoHome(variable))
        };
        Ok(Self {
            config: find("HOURKEY_CONFIG_DIR", dirs::config_dir())?,
            state: find(
                "HOURKEY_STATE_DIR",
                dirs::state_dir().or_else(dirs::data_local_dir),
            )?,
        })
    }

    /// The file of [`Config`].
    #[must_use]
    pub fn config_file(&self) -> PathBuf {
        self.config.join("config.toml")
    }

    /// The file of [`crate::delivery::DeliveryLog`].
    #[must_use]
    pub fn delivery_file(&self) -> PathBuf {
        self.state.join("delivery.json")
    }
}

/// Files have no place to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("There is no home folder to keep settings in. Set HOME, or {0}.")]
pub struct NoHome(&'static str);

/// `config.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The controller's address; asked for when signing in if it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controller: Option<Url>,
    /// Show native notifications. Notices are kept in the inbox either way.
    pub notifications: bool,
    /// Let browsers reach resources through the desktop app, where it can set them up.
    pub browsers: bool,
    /// The CLI's own settings.
    pub cli: Cli,
}

/// `[cli]` in `config.toml`, written by `hourkey sign-in`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cli {
    /// The controller that the CLI is signed in to, when it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controller: Option<Url>,
    /// Where its sign-in is kept.
    pub store: StoreKind,
}

/// Where a sign-in is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoreKind {
    /// In the system's keyring.
    #[default]
    Keyring,
    /// In a file that only its owner may read.
    File,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            controller: None,
            notifications: true,
            browsers: false,
            cli: Cli::default(),
        }
    }
}

impl Config {
    /// Reads the file at `path`; the defaults when there is none. One that is cut off in the middle,
    /// as a full disk or a power loss can leave it, is set aside with a warning, and what stands
    /// before the cut is kept.
    ///
    /// # Errors
    /// When it cannot be read, has an unknown key or a wrong value; names the line.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => {
                return Err(ConfigError::Unreadable {
                    path: path.to_owned(),
                    error,
                });
            }
        };
        let mistake = |line, what: &str| ConfigError::Mistake {
            path: path.to_owned(),
            line,
            what: what.trim_end_matches('.').to_owned(),
        };
        if let Some(config) = before_cut(&text) {
            let failed = |error| ConfigError::Unwritable {
                path: path.to_owned(),
                error,
            };
            let aside = path.with_extension("damaged");
            std::fs::rename(path, &aside).map_err(failed)?;
            config.save(path)?;
            tracing::warn!(
                file.path = %path.display(),
                file.kept_as = %aside.display(),
                "the settings are cut off in the middle; they are set aside, and what can be read is kept"
            );
            return Ok(config);
        }
        let config: Self = toml::from_str(&text).map_err(|error: toml::de::Error| {
            let start = error.span().map_or(0, |span| span.start.min(text.len()));
            let line = text.as_bytes()[..start]
                .iter()
                .filter(|b| **b == b'\n')
                .count()
                + 1;
            mistake(line, error.message())
        })?;
        for controller in [&config.controller, &config.cli.controller]
            .into_iter()
            .flatten()
        {
            if let Err(error) = hourkey_protocol::controller_url::parse(controller.as_str()) {
                let line = text.lines().position(|line| line.contains("controller"));
                return Err(mistake(line.unwrap_or(0) + 1, &error.to_string()));
            }
        }
        Ok(config)
    }

    /// Changes the file at `path` as it is now. What `change` leaves alone stays as it is: the
    /// desktop app and the CLI share the file.
    ///
    /// # Errors
    /// When it cannot be used or written.
    pub fn change(path: &Path, change: impl FnOnce(&mut Self)) -> Result<(), ConfigError> {
        let mut config = Self::load(path)?;
        change(&mut config);
        config.save(path)
    }

    /// Replaces the file at `path`: it is the old or the new one, whatever happens meanwhile.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), ConfigError> {
        let failed = |error| ConfigError::Unwritable {
            path: path.to_owned(),
            error,
        };
        let text = toml::to_string_pretty(self).map_err(|error| failed(io::Error::other(error)))?;
        crate::file::replace(path, text.as_bytes()).map_err(failed)
    }
}

/// What stands in whole lines before the end of a text that ends in the middle of one; `None` for a
/// text that can be read, and for one whose mistake is elsewhere.
fn before_cut(text: &str) -> Option<Config> {
    let error = toml::from_str::<Config>(text).err()?;
    let ends_at_the_end = error.span()?.end >= text.trim_end().len();
    if text.ends_with('\n') || !ends_at_the_end {
        return None;
    }
    let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
    toml::from_str(whole).ok()
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("The settings in {} cannot be read: {error}.", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The file says something that is not understood.
    #[error("{}, line {line}: {what}. Correct the line, or remove it to have the default.", path.display())]
    Mistake {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// The file cannot be written.
    #[error("The settings cannot be saved to {}: {error}.", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, text).unwrap();
        Config::load(&path)
    }

    #[test]
    fn what_is_saved_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/config.toml");
        assert_eq!(Config::load(&path).unwrap(), Config::default());
        let config = Config {
            controller: Some("https://hourkey.example/".parse().unwrap()),
            notifications: false,
            browsers: true,
            cli: Cli {
                controller: None,
                store: StoreKind::File,
            },
        };
        config.save(&path).unwrap();
        assert_eq!(Config::load(&path).unwrap(), config);
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        for (text, line) in [
            ("notifications = true\nnotificatons = true\n", 2),
            ("notifications = 3\n", 1),
            ("\n\n[cli]\nstore = \"cloud\"\n", 4),
            ("\ncontroller = \"http://hourkey.example\"\n", 2),
            ("controller = \"\n", 1),
        ] {
            match load(text).unwrap_err() {
                ConfigError::Mistake { line: found, .. } => assert_eq!(found, line, "{text}"),
                other @ (ConfigError::Unreadable { .. } | ConfigError::Unwritable { .. }) => {
                    panic!("{text}: {other}")
                }
            }
        }
    }

    /// Cut off anywhere, a file of ours is read again, and what was whole is kept.
    #[test]
    fn a_file_that_is_cut_off_is_set_aside_and_what_was_whole_is_kept() {
        let whole = Config {
            controller: Some("https://hourkey.example/".parse().unwrap()),
            notifications: false,
            browsers: true,
            cli: Cli {
                controller: Some("https://other.example/".parse().unwrap()),
                store: StoreKind::File,
            },
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        whole.save(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let first_line = text.find('\n').unwrap();
        for cut in 0..text.len() {
            std::fs::write(&path, &text[..cut]).unwrap();
            let read = Config::load(&path).unwrap_or_else(|error| panic!("{cut}: {error}"));
            if cut > first_line {
                assert_eq!(read.controller, whole.controller, "{:?}", &text[..cut]);
            }
            assert_eq!(Config::load(&path).unwrap(), read, "read again");
        }
        let aside = std::fs::read_to_string(path.with_extension("damaged")).unwrap();
        assert!(
            text.starts_with(&aside) && aside.len() > first_line,
            "{aside}"
        );
    }
}
