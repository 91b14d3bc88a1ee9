//! Paths of the workspace, running of commands, and building of the products.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies inside the workspace")
        .to_path_buf()
}

/// The cargo that runs us, in the workspace's folder.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// npm, in the window's folder.
pub(crate) fn npm() -> Command {
    let mut command = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
    command.current_dir(root().join("ui"));
    command
}

/// Runs a command to its end, with its output where ours goes.
///
/// # Errors
/// When it cannot be started, or ends with anything but success.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let command_line = command_line(command);
    let status = command
        .status()
        .with_context(|| format!("cannot start `{command_line}`"))?;
    if !status.success() {
        bail!("`{command_line}` failed ({status})");
    }
    Ok(())
}

/// Formats a command as it is typed.
pub(crate) fn command_line(command: &Command) -> String {
    let name = Path::new(command.get_program())
        .file_name()
        .unwrap_or_default();
    std::iter::once(name)
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Installs the window's packages where they are older than their lock file.
///
/// # Errors
/// When npm fails.
pub(crate) fn install_ui() -> Result<()> {
    let ui = root().join("ui");
    let changed = |path: &str| fs::metadata(ui.join(path)).and_then(|file| file.modified());
    let wanted = changed("package-lock.json").context("ui/package-lock.json is missing")?;
    let installed = changed("node_modules/.package-lock.json");
    if installed.is_ok_and(|installed| installed >= wanted) {
        return Ok(());
    }
    run(npm().args(["ci", "--no-audit", "--no-fund"]))
}

/// Builds the window into `ui/dist`.
///
/// # Errors
/// When npm fails.
pub(crate) fn build_ui() -> Result<()> {
    install_ui()?;
    run(npm().args(["run", "build"]))
}

/// Builds the window and every binary, and returns the folder the binaries are in.
///
/// # Errors
/// When npm or cargo fails.
pub(crate) fn build() -> Result<PathBuf> {
    build_ui()?;
    run(cargo().args(["build", "--workspace", "--bins"]))?;
    Ok(target().join("debug"))
}

/// Cargo's target folder.
pub(crate) fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}
