//! `cargo xtask test`: every check, cheap ones first, then every test.

use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result};

use crate::prerequisites::{self, Purpose};
use crate::tally::Tally;
use crate::workspace::{build_ui, cargo, install_ui, npm, run as succeed, shown};

/// Runs all checks and tests, or with filters only the tests that match one; the last line says
/// how many tests passed and failed.
///
/// A check that fails (formatting, say) does not keep the tests from running, but the command
/// fails.
///
/// # Errors
/// When something needed is missing, or the build fails.
pub(crate) fn run(filters: &[String], install: bool) -> Result<ExitCode> {
    prerequisites::ensure(Purpose::Test, install)?;
    if cfg!(target_os = "linux")
        && let Err(error) = prerequisites::ensure_python(install)
    {
        // One test needs it, and fails without.
        println!("{error:#}");
    }
    let mut failed = Vec::new();
    let mut tally = Tally::default();

    install_ui()?;
    if filters.is_empty() {
        check(
            "formatting",
            cargo().args(["fmt", "--all", "--check"]),
            &mut failed,
        );
        check(
            "the window's checks",
            npm().args(["run", "check"]),
            &mut failed,
        );
        tests(
            npm().arg("test").env("NO_COLOR", "1"),
            &mut tally,
            &mut failed,
        )?;
    }
    build_ui()?;
    if filters.is_empty() {
        check_dependencies(&mut failed);
        check(
            "clippy",
            cargo()
                .args(["clippy", "--workspace", "--all-targets"])
                .args(["--", "-D", "warnings"]),
            &mut failed,
        );
        check(
            "documentation",
            cargo()
                .args(["doc", "--workspace", "--no-deps"])
                .env("RUSTDOCFLAGS", "-D warnings"),
            &mut failed,
        );
    }
    // The end-to-end tests start the plain binaries, which `cargo test` alone does not build.
    succeed(cargo().args(["build", "--workspace", "--bins", "--tests"]))?;
    if !failed.is_empty() {
        println!("failed before the tests: {}", failed.join(", "));
    }
    tests(
        cargo()
            .args(["test", "--workspace", "--no-fail-fast", "--"])
            .args(filters),
        &mut tally,
        &mut failed,
    )?;

    // What fails without a count of its own (formatting, a test that does not build) is one failure.
    tally.failed += failed.len() as u64;
    println!("{tally}");
    Ok(if tally.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Runs one check and notes its name when it fails.
fn check(name: &str, command: &mut Command, failed: &mut Vec<String>) {
    println!("── {name}: {}", shown(command));
    if let Err(error) = succeed(command) {
        println!("{error:#}");
        failed.push(name.to_owned());
    }
}

/// Licences, bans and sources of the dependencies.
fn check_dependencies(failed: &mut Vec<String>) {
    let installed = Command::new("cargo-deny")
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    if installed.is_err() {
        println!(
            "── dependencies: skipped, cargo-deny is not installed (`cargo install cargo-deny` \
             builds it, which takes minutes); the hosted workflow checks them"
        );
        return;
    }
    let command = &mut cargo();
    command
        .args(["deny", "check", "--hide-inclusion-graph"])
        .args(["bans", "licenses", "sources"]);
    check("dependencies", command, failed);
}

/// Runs a test runner, passes its output on line by line, and adds up its counts. A runner that
/// fails without a failed test is noted like a check.
fn tests(command: &mut Command, tally: &mut Tally, failed: &mut Vec<String>) -> Result<()> {
    let name = shown(command);
    println!("── tests: {name}");
    let failed_before = tally.failed;
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{name}`"))?;
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).split(b'\n') {
            let line = line?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            *tally += Tally::of_line(&line);
        }
    }
    if !child.wait()?.success() && tally.failed == failed_before {
        failed.push(name);
    }
    Ok(())
}
