//! Writes to standard output and standard error, and logs there. Unlike the macros of the standard
//! library, nothing here panics when the reader has gone or the disk is full.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

/// Why a result cannot be printed.
#[derive(Debug, thiserror::Error)]
pub enum PrintError {
    /// Its reader has gone, as in `… audit | head -1`: no error to report.
    #[error("nobody reads standard output any more")]
    ReaderGone,
    /// Anything else, such as a full disk.
    #[error("standard output cannot be written: {0}")]
    Failed(io::Error),
}

/// Prints text and the end of the line to standard output.
///
/// # Errors
/// [`PrintError`].
pub fn line(text: impl Display) -> Result<(), PrintError> {
    print(format_args!("{text}\n"))
}

/// Prints text to standard output.
///
/// # Errors
/// [`PrintError`].
pub fn print(text: impl Display) -> Result<(), PrintError> {
    let mut out = io::stdout().lock();
    let written = write!(out, "{text}").and_then(|()| out.flush());
    written.map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => PrintError::ReaderGone,
        _ => PrintError::Failed(error),
    })
}

/// Prints a note to standard error. Failures are ignored: there is nowhere left to report them.
pub fn note(text: impl Display) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Returns the exit code after [`PrintError::ReaderGone`]: the one of a program that SIGPIPE ends.
#[must_use]
pub fn reader_gone() -> ExitCode {
    ExitCode::from(128 + 13)
}

/// Starts logging to standard error, as `RUST_LOG` says or else `filter`.
pub fn log(filter: &str) {
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| filter.into()))
        .with_writer(io::stderr)
        .with_ansi(has_colours())
        // It would panic where it fails.
        .log_internal_errors(false)
        .init();
}

/// Returns whether standard error may have colours: on a terminal, unless `NO_COLOR` is set.
#[must_use]
pub fn has_colours() -> bool {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|it| !it.is_empty());
    io::stderr().is_terminal() && !unwanted
}
