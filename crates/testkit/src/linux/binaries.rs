//! Where the products' binaries are.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

/// Names a folder of binaries to use instead of the ones built beside the running program.
pub const FOLDER_VARIABLE: &str = "HOURKEY_BINARIES";

/// The path of one of the products: `hourkey`, `hourkey-controller`, `hourkey-desktop` or
/// `hourkey-gateway`.
///
/// # Errors
/// When it has not been built.
pub fn path(name: &str) -> Result<PathBuf> {
    of_build(None, name)
}

/// [`path`] in the folder of a build; `None` for the one under test.
///
/// # Errors
/// When it is not there.
pub fn of_build(build: Option<&Path>, name: &str) -> Result<PathBuf> {
    let folder = match (build, env::var_os(FOLDER_VARIABLE)) {
        (Some(build), _) => build.to_path_buf(),
        (None, Some(folder)) => PathBuf::from(folder),
        (None, None) => beside_us()?,
    };
    let path = folder.join(name);
    ensure!(
        path.is_file(),
        "{} is not there: build it first (`cargo build --workspace --bins`)",
        path.display()
    );
    Ok(path)
}

/// Cargo's target folder, where `cargo xtask test` also puts what tests need.
pub(super) fn target() -> Result<PathBuf> {
    let folder = beside_us()?;
    let target = folder.parent().context("a profile lies in a folder")?;
    Ok(target.to_path_buf())
}

/// Tests lie in `deps/` below the binaries.
fn beside_us() -> Result<PathBuf> {
    let us = env::current_exe()?;
    let folder = us.parent().context("a program lies in a folder")?;
    Ok(if folder.ends_with("deps") {
        folder
            .parent()
            .context("deps lies in a folder")?
            .to_path_buf()
    } else {
        folder.to_path_buf()
    })
}

/// A program of the tests' own Python, which `cargo xtask test` makes beside the binaries.
///
/// # Errors
/// When it is missing.
pub fn python(program: &str) -> Result<PathBuf> {
    let program = target()?.join("python/bin").join(program);
    if !program.exists() {
        bail!(
            "{} is missing: cargo xtask test makes it",
            program.display()
        );
    }
    Ok(program)
}
