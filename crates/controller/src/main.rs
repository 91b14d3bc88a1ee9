//! The `hourkey-controller` command.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command talks on the terminal"
)]

mod commands;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    match commands::run(commands::Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let why = hourkey_domain::text::lines_for_terminal(&format!("{error:#}"));
            eprintln!("hourkey-controller: {why}");
            ExitCode::FAILURE
        }
    }
}
