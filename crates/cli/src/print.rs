//! What is printed: results on standard output, everything else on standard error.
use std::fmt::Display;
use std::io::{self, Write as _};

use hourkey_domain::text::json_for_terminal;
use serde::Serialize;

use crate::exit::CommandError;

/// Prints a result.
pub(crate) fn line(text: impl Display) -> Result<(), CommandError> {
    raw(format!("{text}\n").as_bytes())
}

/// Prints a result as JSON. Names and texts of others in it steer no terminal.
pub(crate) fn json(value: &impl Serialize) -> Result<(), CommandError> {
    let text = serde_json::to_string_pretty(value).map_err(CommandError::failed)?;
    line(json_for_terminal(&text))
}

/// Prints bytes as they are. A reader that went away (`hourkey list | head -1`) is no failure.
pub(crate) fn raw(bytes: &[u8]) -> Result<(), CommandError> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(CommandError::failed(
            format_args!("Standard output cannot be written: {error}."),
        )),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Says what is going on, beside the result. Where it cannot be said, the result is what counts.
pub(crate) fn note(text: impl Display) {
    hourkey_terminal::note(text);
}
