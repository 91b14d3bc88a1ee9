//! The window: built on demand, destroyed when closed.

use tauri::utils::config::Color;
use tauri::{AppHandle, Emitter, Manager, Theme, WebviewUrl, WebviewWindow, WebviewWindowBuilder};

use crate::effects::Activation;
use crate::view::Part;

/// The window's label.
pub(crate) const MAIN: &str = "main";

/// The event that carries a [`Part`].
const PART: &str = "part";

/// `--paper` of `ui/src/tokens.css`, in the light and in the dark theme.
const PAPER: Color = Color(0xfa, 0xfa, 0xf8, 0xff);
const DARK_PAPER: Color = Color(0x16, 0x17, 0x1a, 0xff);

/// Builds the window, or brings it forward. On the main thread.
pub(crate) fn show(app: &AppHandle, activation: Option<&Activation>) {
    let result = match app.get_webview_window(MAIN) {
        Some(window) => bring_forward(&window, activation),
        None => build(app).and_then(|window| bring_forward(&window, activation)),
    };
    if let Err(error) = result {
        tracing::error!(%error, "the window cannot be shown");
    }
}

/// Destroys the window. On the main thread.
pub(crate) fn close(app: &AppHandle) {
    if let Some(window) = app.get_webview_window(MAIN)
        && let Err(error) = window.destroy()
    {
        tracing::error!(%error, "the window cannot be closed");
    }
}

/// Sends a part to the window, if there is one.
pub(crate) fn push(app: &AppHandle, part: &Part) {
    if let Err(error) = app.emit_to(MAIN, PART, part) {
        tracing::error!(%error, "the window cannot be sent what is new");
    }
}

fn build(app: &AppHandle) -> tauri::Result<WebviewWindow> {
    let window = WebviewWindowBuilder::new(app, MAIN, WebviewUrl::App("index.html".into()))
        .title("Hourkey")
        .inner_size(420.0, 640.0)
        .min_inner_size(320.0, 400.0)
        .center()
        .build()?;
    // Until the page has drawn itself, its own background is shown: no white flash in the dark.
    let dark = window.theme()? == Theme::Dark;
    window.set_background_color(Some(if dark { DARK_PAPER } else { PAPER }))?;
    Ok(window)
}

fn bring_forward(window: &WebviewWindow, activation: Option<&Activation>) -> tauri::Result<()> {
    #[cfg(target_os = "linux")]
    if let Some(Activation(token)) = activation {
        use gtk::prelude::GtkWindowExt as _;
        window.gtk_window()?.set_startup_id(token);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = activation;
    window.unminimize()?;
    window.show()?;
    window.set_focus()
}
