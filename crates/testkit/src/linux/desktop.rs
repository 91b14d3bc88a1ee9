//! The real desktop app, in a session of the test's own.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use url::Url;

use crate::binaries;
use crate::process::Process;
use crate::session::Session;

/// The path of the desktop app's binary.
///
/// # Errors
/// When it has not been built.
pub fn binary() -> Result<PathBuf> {
    binaries::path("hourkey-desktop")
}

/// Writes the app's settings as after an earlier run, so that it knows its controller.
///
/// # Errors
/// When they cannot be written.
pub fn configure(session: &Session, controller: &Url) -> Result<()> {
    write_settings(&session.config().join("hourkey"), controller)
}

/// [`configure`] for a folder of settings.
///
/// # Errors
/// When they cannot be written.
pub fn write_settings(folder: &Path, controller: &Url) -> Result<()> {
    fs::create_dir_all(folder)?;
    Ok(fs::write(
        folder.join("config.toml"),
        format!("controller = \"{controller}\"\n"),
    )?)
}

/// Makes the session one of GNOME, whose proxy settings browsers follow.
pub fn use_gnome(session: &mut Session) {
    session.set("XDG_CURRENT_DESKTOP", "GNOME");
    session.set("GSETTINGS_BACKEND", "keyfile");
}

/// Lets the app, which must be configured, set the proxy settings of a session with [`use_gnome`].
///
/// # Errors
/// When its settings cannot be written.
pub fn set_up_browsers(session: &Session) -> Result<()> {
    let path = session.config().join("hourkey/config.toml");
    let settings = fs::read_to_string(&path)?;
    Ok(fs::write(path, format!("browsers = true\n{settings}"))?)
}

/// Puts the app's icon where its package would, so that notifications can show it.
///
/// # Errors
/// When it cannot be written.
pub fn install_icon(session: &Session) -> Result<()> {
    let folder = session.data().join(ICONS);
    fs::create_dir_all(&folder)?;
    Ok(fs::write(folder.join("hourkey-desktop.png"), ICON)?)
}

/// Below the data folder.
pub(crate) const ICONS: &str = "icons/hicolor/128x128/apps";

const ICON: &[u8] = include_bytes!("../../../../icons/128x128.png");

/// Starts the app in a session, which must have a display. It is ready when its tray icon is.
///
/// # Errors
/// When it cannot be started.
pub fn start(session: &Session) -> Result<Process> {
    session.spawn("hourkey-desktop", session.command(binary()?))
}
