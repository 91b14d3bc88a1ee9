//! `cargo xtask check` and `cargo xtask test`: the checks, cheap ones first, then tests.

use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::part_times::PartTimes;
use crate::prerequisites::{self, Purpose};
use crate::test_summary::TestSummary;
use crate::workspace::{build_ui, cargo, command_line, install_ui, npm, run as succeed};

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
        // Few tests need it, and fail without.
        println!("{error:#}");
    }
    let mut results = CheckResults::default();
    if filters.is_empty() {
        results.lint()?;
        results.check_dependencies();
        results.check(
            "documentation",
            cargo()
                .args(["doc", "--workspace", "--no-deps"])
                .env("RUSTDOCFLAGS", "-D warnings"),
        );
    } else {
        build_ui()?;
    }
    // The end-to-end tests start the plain binaries, which `cargo test` alone does not build.
    let start = Instant::now();
    succeed(cargo().args(["build", "--workspace", "--bins", "--tests"]))?;
    results.times.add("build", start.elapsed());
    if !results.failed.is_empty() {
        println!("failed before the tests: {}", results.failed.join(", "));
    }
    results.test(
        cargo()
            .args(["test", "--workspace", "--no-fail-fast", "--"])
            .args(filters),
    )?;
    Ok(results.conclude())
}

/// Runs what is worth running before each commit: formatting, lints, and the unit tests.
///
/// # Errors
/// When something needed is missing, or the build fails.
pub(crate) fn run_quick(install: bool) -> Result<ExitCode> {
    prerequisites::ensure(Purpose::Check, install)?;
    let mut results = CheckResults::default();
    results.lint()?;
    results.test(cargo().args(["test", "--workspace", "--lib", "--bins", "--no-fail-fast"]))?;
    Ok(results.conclude())
}

/// Results of the checks and tests.
#[derive(Default)]
struct CheckResults {
    test_summary: TestSummary,
    /// Names of checks that failed.
    failed: Vec<String>,
    times: PartTimes,
}

impl CheckResults {
    /// Formatting, the window's checks and tests, and clippy. Builds the window, which the desktop
    /// app embeds.
    fn lint(&mut self) -> Result<()> {
        install_ui()?;
        self.check("formatting", cargo().args(["fmt", "--all", "--check"]));
        self.check("the window's checks", npm().args(["run", "check"]));
        self.test(npm().arg("test").env("NO_COLOR", "1"))?;
        build_ui()?;
        self.check(
            "clippy",
            cargo()
                .args(["clippy", "--workspace", "--all-targets"])
                .args(["--", "-D", "warnings"]),
        );
        Ok(())
    }

    /// Runs one check and notes its name when it fails.
    fn check(&mut self, name: &str, command: &mut Command) {
        println!("── {name}: {}", command_line(command));
        let start = Instant::now();
        if let Err(error) = succeed(command) {
            println!("{error:#}");
            self.failed.push(name.to_owned());
        }
        self.times.add(name, start.elapsed());
    }

    /// Licences, bans and sources of the dependencies.
    fn check_dependencies(&mut self) {
        let installed = Command::new("cargo-deny")
            .arg("--version")
            .stdout(Stdio::null())
            .status();
        if installed.is_err() {
            println!(
                "── dependencies: skipped, cargo-deny is not installed (`cargo install \
                 cargo-deny` builds it, which takes minutes); the hosted workflow checks them"
            );
            return;
        }
        let command = &mut cargo();
        command
            .args(["deny", "check", "--hide-inclusion-graph"])
            .args(["bans", "licenses", "sources"]);
        self.check("dependencies", command);
    }

    /// Runs a test runner, passes its output on line by line, and adds up its counts. A runner
    /// that fails without a failed test is noted like a check.
    fn test(&mut self, command: &mut Command) -> Result<()> {
        let name = command_line(command);
        println!("── tests: {name}");
        let failed_before = self.test_summary.failed;
        // Both in one, because cargo names on one what it counts on the other.
        let (output, writer) = std::io::pipe()?;
        command.stdout(writer.try_clone()?).stderr(writer);
        let child = command.spawn();
        // Ours are closed, so that the output ends with the runner.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = child.with_context(|| format!("cannot start `{name}`"))?;
        for line in BufReader::new(output).split(b'\n') {
            let line = line?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            self.test_summary += TestSummary::of_line(&line);
            self.times.read_line(&line);
        }
        if !child.wait()?.success() && self.test_summary.failed == failed_before {
            self.failed.push(name);
        }
        Ok(())
    }

    /// Prints the counts. What fails without a count of its own (formatting, a test that does not
    /// build) is one failure.
    fn conclude(mut self) -> ExitCode {
        if !self.failed.is_empty() {
            println!("failed: {}", self.failed.join(", "));
        }
        self.test_summary.failed += self.failed.len() as u64;
        println!("{}", self.times);
        println!("{}", self.test_summary);
        if self.test_summary.failed == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}
