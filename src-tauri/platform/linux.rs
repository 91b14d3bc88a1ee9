//! Linux: XDG autostart, and sleep as logind tells it.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::sync::mpsc;
use zbus::Connection;

use super::start_at_login::StartAtLogin;
use crate::event::Event;

/// A file in the autostart folder (Desktop Application Autostart Specification).
pub struct AutostartFile {
    file: Option<PathBuf>,
    program: Option<PathBuf>,
}

impl Default for AutostartFile {
    fn default() -> Self {
        let folder = std::env::var_os("XDG_CONFIG_HOME")
            .filter(|folder| !folder.is_empty())
            .map(PathBuf::from)
            .or_else(|| Some(std::env::home_dir()?.join(".config")));
        Self {
            file: folder.map(|folder| folder.join("autostart/hourkey.desktop")),
            // The file of an AppImage is the program, not what it unpacks to.
            program: std::env::var_os("APPIMAGE")
                .map(PathBuf::from)
                .or_else(|| std::env::current_exe().ok()),
        }
    }
}

impl StartAtLogin for AutostartFile {
    fn is_on(&self) -> Option<bool> {
        let text = match std::fs::read_to_string(self.file.as_ref()?) {
            Ok(text) => text,
            Err(_) => return Some(false),
        };
        // Session managers and people switch entries off inside of the file.
        let is_off = |line: &str| {
            matches!(
                line.trim(),
                "Hidden=true" | "X-GNOME-Autostart-enabled=false"
            )
        };
        Some(!text.lines().any(is_off))
    }

    fn set(&self, on: bool) -> Result<(), String> {
        let (Some(file), Some(program)) = (&self.file, &self.program) else {
            return Err("There is no home folder to keep this in. Set HOME.".to_owned());
        };
        let result = if on {
            write(file, program)
        } else {
            match std::fs::remove_file(file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                Ok(()) | Err(_) => Ok(()),
            }
        };
        result.map_err(|error| {
            format!(
                "{} cannot be changed: {error}. Check its permissions.",
                file.display()
            )
        })
    }
}

fn write(file: &Path, program: &Path) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let program = quoted(&program.to_string_lossy());
    std::fs::write(
        file,
        format!(
            "[Desktop Entry]\n\
             Type=Application\n\
             Name=Hourkey\n\
             Comment=Just-in-time access to private resources\n\
             Exec={program}\n\
             Icon=hourkey-desktop\n\
             Terminal=false\n"
        ),
    )
}

/// An argument in an `Exec` key (Desktop Entry Specification, "The Exec key").
fn quoted(argument: &str) -> String {
    let mut quoted = String::from("\"");
    for c in argument.chars() {
        match c {
            // Once for the quoting rule, once more for the string's own escapes.
            '"' | '`' | '$' => {
                quoted.push_str("\\\\");
                quoted.push(c);
            }
            '\\' => quoted.push_str("\\\\\\\\"),
            '%' => quoted.push_str("%%"),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// On Wayland with NVIDIA's driver WebKitGTK shows an empty window unless told to render otherwise.
/// It reads that from the environment, so the program starts itself anew with it.
pub fn avoid_broken_rendering() {
    const VARIABLE: &str = "WEBKIT_DISABLE_DMABUF_RENDERER";
    let is_concerned = std::env::var_os("WAYLAND_DISPLAY").is_some()
        && Path::new("/proc/driver/nvidia/version").exists();
    if !is_concerned || std::env::var_os(VARIABLE).is_some() {
        return;
    }
    tracing::info!("restarting with DMABUF rendering off, for NVIDIA on Wayland");
    let Ok(program) = std::env::current_exe() else {
        return;
    };
    let error = std::process::Command::new(program)
        .args(std::env::args_os().skip(1))
        .env(VARIABLE, "1")
        .exec();
    tracing::warn!(%error, "cannot restart; the window may stay empty");
}

/// The connection to the session bus that notifications and the tray watch share; `None`, with a
/// word in the log, when there is none.
pub async fn session_bus() -> Option<Connection> {
    let connected = async {
        zbus::connection::Builder::session()?
            // A service that hangs must not hang the app.
            .method_timeout(Duration::from_secs(10))
            .build()
            .await
    };
    connected
        .await
        .inspect_err(|error| tracing::warn!(%error, "cannot connect to the session bus"))
        .ok()
}

#[zbus::proxy(
    interface = "org.freedesktop.login1.Manager",
    default_service = "org.freedesktop.login1",
    default_path = "/org/freedesktop/login1",
    gen_blocking = false
)]
trait Logind {
    #[zbus(signal)]
    fn prepare_for_sleep(&self, starts: bool) -> zbus::Result<()>;
}

/// Tells when the machine wakes. Runs until the app ends; without logind the clocks tell, later.
pub async fn watch_sleep(events: mpsc::Sender<Event>) {
    if let Err(error) = follow_sleep(&events).await {
        tracing::debug!(%error, "cannot watch for sleep; only the clocks notice it");
    }
}

async fn follow_sleep(events: &mpsc::Sender<Event>) -> zbus::Result<()> {
    let bus = Connection::system().await?;
    let mut signals = LogindProxy::new(&bus)
        .await?
        .receive_prepare_for_sleep()
        .await?;
    while let Some(signal) = signals.next().await {
        if !signal.args()?.starts && events.send(Event::Woke).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_switched_on_and_off_and_sees_what_others_switched_off() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new/autostart/hourkey.desktop");
        let login = AutostartFile {
            file: Some(file.clone()),
            program: Some(PathBuf::from("/opt/My \"$apps\"/100%/hourkey")),
        };
        assert_eq!(login.is_on(), Some(false));
        login.set(false).unwrap();
        login.set(true).unwrap();
        assert_eq!(login.is_on(), Some(true));
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(
            text.contains(r#"Exec="/opt/My \\"\\$apps\\"/100%%/hourkey""#),
            "{text}"
        );
        std::fs::write(&file, text + "Hidden=true\n").unwrap();
        assert_eq!(login.is_on(), Some(false));
        login.set(false).unwrap();
        assert!(!file.exists());
    }
}
