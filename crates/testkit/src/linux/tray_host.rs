//! A real tray: Xfce's panel with its window manager, for pictures.

use std::fs;

use anyhow::{Context, Result};

use crate::process::Process;
use crate::session::Session;
use crate::tray::WATCHER;

/// A panel along the upper edge of the session's display, with nothing but a tray at its right
/// end. Start the programs after it.
#[derive(Debug)]
pub struct TrayHost {
    _panel: Process,
    _windows: Process,
    _settings: Process,
}

impl TrayHost {
    /// How far the middle of the rightmost icon is from the right edge of the display, and how far
    /// below the upper one, in pixels.
    pub const ICON: (u32, u32) = (14, 16);

    /// Starts the panel, and waits until it takes in icons.
    ///
    /// # Errors
    /// When it does not start, or the session has a tray host already.
    pub async fn start(session: &Session) -> Result<Self> {
        let folder = session.config().join("xfce4/xfconf/xfce-perchannel-xml");
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("xfce4-panel.xml"), PANEL)?;
        let settings = session.spawn("xfconfd", session.command(settings_daemon()?))?;
        session.owner(&settings, "org.xfce.Xfconf").await?;
        let mut windows = session.command("xfwm4");
        windows.arg("--compositor=off");
        let windows = session.spawn("xfwm4", windows)?;
        let mut panel = session.command("xfce4-panel");
        panel.arg("--disable-wm-check");
        let panel = session.spawn("xfce4-panel", panel)?;
        session.owner(&panel, WATCHER).await?;
        Ok(Self {
            _panel: panel,
            _windows: windows,
            _settings: settings,
        })
    }
}

/// The program that the bus would activate for Xfce's settings.
fn settings_daemon() -> Result<String> {
    let service = "/usr/share/dbus-1/services/org.xfce.Xfconf.service";
    let text = fs::read_to_string(service).context("Xfce's settings (xfconf) are not installed")?;
    let program = text.lines().find_map(|line| line.strip_prefix("Exec="));
    Ok(program
        .with_context(|| format!("no program in {service}"))?
        .to_owned())
}

const PANEL: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
  <property name="configver" type="int" value="2"/>
  <property name="panels" type="array">
    <value type="int" value="1"/>
    <property name="dark-mode" type="bool" value="true"/>
    <property name="panel-1" type="empty">
      <property name="position" type="string" value="p=2;x=0;y=0"/>
      <property name="position-locked" type="bool" value="true"/>
      <property name="length" type="uint" value="100"/>
      <property name="size" type="uint" value="32"/>
      <property name="icon-size" type="uint" value="22"/>
      <property name="plugin-ids" type="array">
        <value type="int" value="1"/>
        <value type="int" value="2"/>
      </property>
    </property>
  </property>
  <property name="plugins" type="empty">
    <property name="plugin-1" type="string" value="separator">
      <property name="expand" type="bool" value="true"/>
      <property name="style" type="uint" value="0"/>
    </property>
    <property name="plugin-2" type="string" value="systray"/>
  </property>
</channel>
"#;
