//! `cargo xtask demo`: builds everything, and hands over to `hourkey-demo`.

use std::env;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::prerequisites::{self, Purpose};
use crate::workspace::{build, target};

/// Runs the demo on the display that there is, or the tour on one of its own.
///
/// # Errors
/// When something needed is missing, or the build fails.
pub(crate) fn run(tour: bool, install: bool) -> Result<ExitCode> {
    let tour = tour || !has_display();
    let purpose = if tour { Purpose::Test } else { Purpose::Build };
    prerequisites::ensure(purpose, install)?;
    if tour {
        prerequisites::ensure_python(install)?;
    }
    let demo = build()?.join("hourkey-demo");
    let mut command = Command::new(&demo);
    command.arg(if tour { "tour" } else { "serve" });
    if tour {
        command.arg("--pictures").arg(target().join("tour"));
    }
    let status = command
        .status()
        .with_context(|| format!("cannot start {}", demo.display()))?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn has_display() -> bool {
    !cfg!(target_os = "linux")
        || ["DISPLAY", "WAYLAND_DISPLAY"]
            .iter()
            .any(|name| env::var_os(name).is_some_and(|value| !value.is_empty()))
}
