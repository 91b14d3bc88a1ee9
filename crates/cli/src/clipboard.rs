//! The clipboard.
//!
//! Under X11 and Wayland a text lives only as long as the program that put it there. So a second
//! process of this program keeps it, until something else is copied.

use std::io::Read as _;
use std::time::Duration;

use crate::exit::CommandError;

/// The hidden command that [`put`] starts.
pub(crate) const KEEPER: &str = "keep-clipboard";
/// What the keeper prints once the text is on the clipboard.
const READY_LINE: &str = "ready";

/// Puts a text on the clipboard; says why if that cannot be.
#[cfg(all(unix, not(target_os = "macos")))]
pub(crate) fn put(text: &str) -> Result<(), String> {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::os::unix::process::CommandExt as _;
    use std::process::{Command, Stdio};

    let has = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if !has("WAYLAND_DISPLAY") && !has("DISPLAY") {
        return Err("there is no display here, and so no clipboard".to_owned());
    }
    let failed = |error: std::io::Error| error.to_string();
    let program = std::env::current_exe().map_err(failed)?;
    let mut keeper = Command::new(program)
        .arg(KEEPER)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        // Ctrl+C in this terminal is not meant for it.
        .process_group(0)
        .spawn()
        .map_err(failed)?;
    // The text goes by a pipe: arguments can be read by others.
    if let Some(mut input) = keeper.stdin.take() {
        input.write_all(text.as_bytes()).map_err(failed)?;
    }
    let mut answer = String::new();
    if let Some(output) = keeper.stdout.take() {
        BufReader::new(output)
            .read_line(&mut answer)
            .map_err(failed)?;
    }
    let answer = answer.trim_end();
    if answer == READY_LINE {
        return Ok(());
    }
    // It has said its last: it is about to end, or has ended.
    let _ = keeper.wait();
    Err(answer.to_owned())
}

/// Puts a text on the clipboard; says why if that cannot be.
#[cfg(not(all(unix, not(target_os = "macos"))))]
pub(crate) fn put(text: &str) -> Result<(), String> {
    arboard::Clipboard::new()
        .and_then(|mut clipboard| clipboard.set_text(text))
        .map_err(|error| error.to_string())
}

/// How often the keeper looks whether it is still needed.
const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// The keeper: puts the text from standard input on the clipboard, and stays until something else
/// is copied or the display is gone.
pub(crate) async fn keep() -> Result<(), CommandError> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(CommandError::failed)?;
    let mut clipboard = match arboard::Clipboard::new() {
        Ok(clipboard) => clipboard,
        Err(error) => return crate::print::line(error),
    };
    if let Err(error) = clipboard.set_text(&text) {
        return crate::print::line(error);
    }
    crate::print::line(READY_LINE)?;
    // Waiting for another owner would be simpler, but does not end with the display.
    while clipboard.get_text().is_ok_and(|now| now == text) {
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    Ok(())
}
