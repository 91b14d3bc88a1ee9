//! The clipboard, without a window. On X11 and Wayland the text is there only while its owner
//! lives, so one owner is kept until the app ends.

use std::sync::mpsc;

use arboard::Clipboard;

use crate::event::Reply;

/// Hands texts to the one thread that owns the clipboard.
#[derive(Default)]
pub(crate) struct Copier {
    thread: Option<mpsc::Sender<(String, Reply)>>,
}

impl Copier {
    /// Puts `text` on the clipboard.
    pub(crate) fn copy(&mut self, text: String, reply: Reply) {
        let thread = self.thread.take().unwrap_or_else(start);
        match thread.send((text, reply)) {
            Ok(()) => self.thread = Some(thread),
            Err(mpsc::SendError((_, reply))) => reply.fail("The clipboard cannot be used."),
        }
    }
}

fn start() -> mpsc::Sender<(String, Reply)> {
    let (sender, texts) = mpsc::channel::<(String, Reply)>();
    // Talking to the display server blocks. When the thread cannot start, sending fails.
    let started = std::thread::Builder::new()
        .name("clipboard".to_owned())
        .spawn(move || {
            let mut clipboard = None;
            for (text, reply) in texts {
                reply.send(set(&mut clipboard, text));
            }
        });
    if let Err(error) = started {
        tracing::error!(%error, "cannot start the clipboard thread");
    }
    sender
}

fn set(clipboard: &mut Option<Clipboard>, text: String) -> Result<(), String> {
    let opened = match clipboard.take() {
        Some(open) => Ok(open),
        None => Clipboard::new(),
    };
    let result = opened.and_then(|mut open| {
        open.set_text(text)?;
        *clipboard = Some(open);
        Ok(())
    });
    result.map_err(|error| format!("The address could not be copied: {error}."))
}
