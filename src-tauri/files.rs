//! The files that the app keeps. Everything here blocks.

use hourkey_client::config::{Config, Folders};
use hourkey_client::delivery::{DeliveryFile, DeliveryLog, DeliveryStart};
use url::Url;

/// The app's part of the settings; the rest of the file is the CLI's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The controller.
    pub controller: Option<Url>,
    /// Show native notifications.
    pub notifications: bool,
    /// Let browsers reach resources through the app.
    pub browsers: bool,
}

impl From<&Config> for Settings {
    fn from(config: &Config) -> Self {
        Self {
            controller: config.controller.clone(),
            notifications: config.notifications,
            browsers: config.browsers,
        }
    }
}

/// Saves the settings. What the CLI wrote into the file meanwhile stays.
///
/// # Errors
/// A sentence that says why not, and what to do.
pub fn save_settings(folders: &Folders, settings: Settings) -> Result<(), String> {
    let saved = Config::change(&folders.config_file(), |file| {
        file.controller = settings.controller;
        file.notifications = settings.notifications;
        file.browsers = settings.browsers;
    });
    saved.map_err(|error| error.to_string())
}

/// Opens the delivery log.
///
/// # Errors
/// What the system says.
pub fn open_delivery_log(folders: &Folders, start: DeliveryStart) -> Result<DeliveryLog, String> {
    let opened = start.open(&folders.delivery_file());
    opened.map_err(|error| error.to_string())
}

/// Saves the delivery log.
///
/// # Errors
/// What the system says.
pub fn save_delivery_log(folders: &Folders, file: &DeliveryFile) -> Result<(), String> {
    let saved = file.save(&folders.delivery_file());
    saved.map_err(|error| error.to_string())
}
