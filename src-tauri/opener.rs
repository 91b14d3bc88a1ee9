//! Opens pages and folders in the programs that the person has chosen for them.

use std::ffi::OsStr;
use std::process::Stdio;

use crate::event::{Activation, Reply};

/// Opens `target` without waiting for the program that shows it. An address must hold no secret:
/// other users can read the arguments of processes.
pub(crate) fn open(target: impl AsRef<OsStr>, activation: Option<Activation>, reply: Reply) {
    let launchers = open::commands(target);
    tokio::spawn(async move { reply.send(launch(launchers, activation.as_ref()).await) });
}

/// Tries one launcher after the other; each may run for as long as what it opened.
async fn launch(
    launchers: Vec<std::process::Command>,
    activation: Option<&Activation>,
) -> Result<(), String> {
    let mut why = "no program for it is installed".to_owned();
    for mut launcher in launchers {
        launcher
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if let Some(Activation(token)) = activation {
            launcher.env("XDG_ACTIVATION_TOKEN", token);
        }
        let program = launcher.get_program().to_string_lossy().into_owned();
        let mut child = match tokio::process::Command::from(launcher).spawn() {
            Ok(child) => child,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => {
                why = format!("{program}: {error}");
                continue;
            }
        };
        // A launcher that fails does so quickly; one that goes on has done its work.
        match tokio::time::timeout(START_TIMEOUT, child.wait()).await {
            Ok(Ok(status)) if !status.success() => why = format!("{program} failed ({status})"),
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(error)) => why = format!("{program}: {error}"),
            Err(_) => {
                tokio::spawn(async move { child.wait().await });
                return Ok(());
            }
        }
    }
    tracing::warn!(why, "cannot open the browser or a folder");
    Err(format!(
        "The browser could not be opened: {why}. Choose a default browser in the system's settings."
    ))
}

const START_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(2);
