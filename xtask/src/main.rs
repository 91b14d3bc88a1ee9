//! The project's commands, run as `cargo xtask …`.
//!
//! They are all the set-up there is: what a machine lacks is named, and installed where that is
//! possible. What needs system libraries itself lives in `crates/{testkit,bench,demo}`, and is built afterwards.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command's output is its purpose"
)]

mod bench;
mod checks;
mod demo;
mod part_times;
mod prerequisites;
#[cfg(test)]
mod repository_tests;
mod test_summary;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "xtask", bin_name = "cargo xtask", about = "Hourkey's commands")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start a controller with a sample organisation and the desktop app, signed in.
    ///
    /// Where there is no display, plays the tour on one of its own.
    Demo {
        /// Play the tour: every step of a request, observed from outside, with pictures.
        #[arg(long)]
        tour: bool,
        /// Install nothing; fail and tell where something is missing.
        #[arg(long)]
        no_install: bool,
    },
    /// Run formatting, lints and unit tests: a minute or two when everything is built.
    Check {
        /// Install nothing; fail and tell where something is missing.
        #[arg(long)]
        no_install: bool,
    },
    /// Run every check and test; with filters, only the tests whose names contain one of them.
    Test {
        /// Install nothing; fail and tell where something is missing.
        #[arg(long)]
        no_install: bool,
        /// Parts of names of Rust tests.
        filters: Vec<String>,
    },
    /// Measure against the budgets of docs/PERFORMANCE.md.
    Bench {
        /// What to measure.
        subject: bench::Subject,
        /// Parts to measure, all when none is named. Of the desktop app: start, idle, approve, many;
        /// of the controller: clients, fair, snapshot, everybody, organisation, writer, statements; of
        /// the gateway: relays, opening, idle, decide, faults.
        parts: Vec<String>,
        /// A folder with `hourkey` and `hourkey-gateway`, or with `hourkey-controller`, of another
        /// release build: a gateway's costs are measured with theirs in the same rounds, a
        /// controller's one after the other.
        #[arg(long, value_name = "FOLDER")]
        beside: Option<PathBuf>,
        /// Install nothing; fail and tell where something is missing.
        #[arg(long)]
        no_install: bool,
    },
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Demo { tour, no_install } => demo::run(tour, !no_install),
        Command::Check { no_install } => checks::run_quick(!no_install),
        Command::Test {
            no_install,
            filters,
        } => checks::run(&filters, !no_install),
        Command::Bench {
            subject,
            parts,
            beside,
            no_install,
        } => bench::run(subject, &parts, beside.as_deref(), !no_install),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
