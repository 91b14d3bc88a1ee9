//! The Hourkey desktop app.

// No console window beside the app.
#![cfg_attr(all(windows, not(debug_assertions)), windows_subsystem = "windows")]

use std::process::ExitCode;

use hourkey_domain::text::lines_for_terminal;

fn main() -> ExitCode {
    hourkey_desktop::run().unwrap_or_else(|error| {
        let why = lines_for_terminal(&format!("{error:#}"));
        hourkey_terminal::note(format_args!("Hourkey cannot start: {why}"));
        ExitCode::FAILURE
    })
}
