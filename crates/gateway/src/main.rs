//! The `hourkey-gateway` command.

mod commands;

use std::process::ExitCode;

use clap::Parser as _;
use hourkey_domain::text::lines_for_terminal;
use hourkey_terminal::{self as terminal, PrintError};

fn main() -> ExitCode {
    match commands::run(commands::Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if matches!(error.downcast_ref(), Some(PrintError::ReaderGone)) => {
            terminal::reader_gone()
        }
        Err(error) => {
            let why = lines_for_terminal(&format!("{error:#}"));
            terminal::note(format_args!("hourkey-gateway: {why}"));
            ExitCode::FAILURE
        }
    }
}
