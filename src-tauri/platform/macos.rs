//! macOS: a launch agent.

use std::io;
use std::path::PathBuf;

use super::start_at_login::StartAtLogin;

/// A property list in the person's `LaunchAgents` folder (launchd.plist(5)).
pub struct LaunchAgent {
    file: Option<PathBuf>,
}

impl Default for LaunchAgent {
    fn default() -> Self {
        Self {
            file: std::env::home_dir()
                .map(|home| home.join("Library/LaunchAgents/org.hourkey.desktop.plist")),
        }
    }
}

impl StartAtLogin for LaunchAgent {
    fn is_on(&self) -> Option<bool> {
        Some(self.file.as_ref()?.exists())
    }

    fn set(&self, on: bool) -> Result<(), String> {
        let Some(file) = &self.file else {
            return Err("There is no home folder to keep this in. Set HOME.".to_owned());
        };
        let result = if on {
            write(file)
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

fn write(file: &std::path::Path) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let program = std::env::current_exe()?;
    let program = program
        .to_string_lossy()
        .replace('&', "&amp;")
        .replace('<', "&lt;");
    std::fs::write(
        file,
        format!(
            r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key><string>org.hourkey.desktop</string>
  <key>ProgramArguments</key><array><string>{program}</string></array>
  <key>RunAtLoad</key><true/>
</dict>
</plist>
"#
        ),
    )
}
