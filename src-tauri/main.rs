//! The Hourkey desktop app.

// No console window beside the app.
#![cfg_attr(all(windows, not(debug_assertions)), windows_subsystem = "windows")]

use std::process::ExitCode;

fn main() -> ExitCode {
    hourkey_desktop::run().unwrap_or_else(|error| {
        hourkey_terminal::note(format_args!("Hourkey cannot start: {error:#}"));
        ExitCode::FAILURE
    })
}
