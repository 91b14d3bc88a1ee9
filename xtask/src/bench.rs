//! `cargo xtask bench`: builds for release, and hands over to `hourkey-bench` of the test kit.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::prerequisites::{self, Purpose};
use crate::workspace::{build_ui, cargo, run as succeed, target};

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Subject {
    /// Start, memory, wake-ups, menu ticks, approve → notification, and 10,000 resources.
    Desktop,
    /// Start, and 1,000 clients that follow the event stream.
    Controller,
}

/// Prints the figures of one subject beside their budgets.
///
/// # Errors
/// When something needed is missing, or the build fails.
pub(crate) fn run(subject: Subject, parts: &[String], install: bool) -> Result<ExitCode> {
    prerequisites::ensure(Purpose::Test, install)?;
    build_ui()?;
    let mut build = cargo();
    build.args(["build", "--release"]);
    for (package, binary) in BINARIES {
        build.args(["-p", package, "--bin", binary]);
    }
    succeed(&mut build)?;
    let bench = target().join("release/hourkey-bench");
    let subject = match subject {
        Subject::Desktop => "desktop",
        Subject::Controller => "controller",
    };
    let only = parts.iter().flat_map(|part| ["--only", part]);
    let status = Command::new(&bench)
        .arg(subject)
        .args(only)
        .status()
        .with_context(|| format!("cannot start {}", bench.display()))?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What is measured, and what measures: packages and their binaries. The others would only make the
/// build longer.
const BINARIES: [(&str, &str); 3] = [
    ("hourkey-desktop", "hourkey-desktop"),
    ("hourkey-controller", "hourkey-controller"),
    ("hourkey-testkit", "hourkey-bench"),
];
