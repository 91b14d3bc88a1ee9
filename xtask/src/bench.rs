//! `cargo xtask bench`: builds for release, and hands over to `hourkey-bench`.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;

use crate::prerequisites::{self, Purpose};
use crate::workspace::{build_ui, cargo, run as succeed, target};

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Subject {
    /// Start, memory, wake-ups, menu ticks, approve → notification, and 10,000 resources.
    Desktop,
    /// Start, clients that follow the event stream, what one person's flood costs others, and what
    /// organisations of up to 100,000 people cost.
    Controller,
    /// A gateway with local proxies, beside other encrypted relays; approve → first byte, revoke → last.
    Gateway,
}

/// Prints the figures of one subject beside their budgets.
///
/// # Errors
/// When something needed is missing, or the build fails.
pub(crate) fn run(
    subject: Subject,
    parts: &[String],
    beside: Option<&Path>,
    install: bool,
) -> Result<ExitCode> {
    ensure!(
        beside.is_none() || subject != Subject::Desktop,
        "--beside compares controllers and gateways: say `cargo xtask bench gateway --beside FOLDER`"
    );
    let (purpose, measured) = match subject {
        Subject::Desktop => (Purpose::Test, DESKTOP),
        Subject::Controller => (Purpose::Test, CONTROLLER),
        Subject::Gateway => (Purpose::Bench, GATEWAY),
    };
    prerequisites::ensure(purpose, install)?;
    if measured == DESKTOP {
        build_ui()?;
    }
    let mut build = cargo();
    build.args(["build", "--release"]);
    for (package, binary) in measured.iter().chain(&[BENCH]) {
        build.args(["-p", package, "--bin", binary]);
    }
    succeed(&mut build)?;
    let release = target().join("release");
    for (_, name) in measured {
        let binary = release.join(name);
        let bytes = fs::read(&binary)
            .with_context(|| format!("cannot read the release binary {}", binary.display()))?;
        ensure!(
            !knows_test_clock(&bytes),
            "{} obeys {TEST_CLOCK}: a clock that anybody can move must be compiled out of release \
             builds (docs/decisions/0010-time.md)",
            binary.display()
        );
    }
    let bench = release.join(BENCH.1);
    let subject = match subject {
        Subject::Desktop => "desktop",
        Subject::Controller => "controller",
        Subject::Gateway => "gateway",
    };
    let only = parts.iter().flat_map(|part| ["--only", part]);
    let mut measure = Command::new(&bench);
    measure.arg(subject).args(only);
    if let Some(folder) = beside {
        measure.arg("--beside").arg(folder);
    }
    let status = measure
        .status()
        .with_context(|| format!("cannot start {}", bench.display()))?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What people get and is measured: packages and their binaries. Others would only make the build
/// longer.
const DESKTOP: &[(&str, &str)] = &[
    ("hourkey-desktop", "hourkey-desktop"),
    ("hourkey-controller", "hourkey-controller"),
    ("hourkey-cli", "hourkey"),
];
const CONTROLLER: &[(&str, &str)] = &[
    ("hourkey-controller", "hourkey-controller"),
    ("hourkey-gateway", "hourkey-gateway"),
];
const GATEWAY: &[(&str, &str)] = &[
    ("hourkey-gateway", "hourkey-gateway"),
    ("hourkey-controller", "hourkey-controller"),
    ("hourkey-cli", "hourkey"),
];

/// The benchmark program.
const BENCH: (&str, &str) = ("hourkey-bench", "hourkey-bench");

/// The variable by which tests move the clocks of debug builds.
const TEST_CLOCK: &str = "HOURKEY_TEST_CLOCK";

fn knows_test_clock(binary: &[u8]) -> bool {
    let name = TEST_CLOCK.as_bytes();
    binary.windows(name.len()).any(|part| part == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_found_amid_other_bytes() {
        assert!(knows_test_clock(b"\0\xffHOURKEY_TEST_CLOCKno such file"));
        assert!(!knows_test_clock(b"\0\xffHOURKEY_TEST_no such file"));
    }
}
