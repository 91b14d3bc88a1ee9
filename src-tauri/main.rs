//! The Hourkey desktop app.

// No console window beside the app.
#![cfg_attr(all(windows, not(debug_assertions)), windows_subsystem = "windows")]
#![allow(clippy::print_stderr, reason = "says why it cannot start")]

use std::process::ExitCode;

fn main() -> ExitCode {
    hourkey_desktop::run().unwrap_or_else(|error| {
        eprintln!("Hourkey cannot start: {error:#}");
        ExitCode::FAILURE
    })
}
