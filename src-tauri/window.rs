//! The window: built on demand, destroyed when closed.

use tauri::utils::config::Color;
use tauri::{AppHandle, Emitter, Manager, Theme, WebviewUrl, WebviewWindow, WebviewWindowBuilder};

use crate::event::Activation;
use crate::view::ViewUpdate;

/// The window's label.
pub(crate) const MAIN: &str = "main";

/// The event that carries a [`ViewUpdate`].
const VIEW_UPDATE: &str = "view";

/// `--paper` of `ui/src/tokens.css`, in the light and in the dark theme.
const PAPER: Color = Color(0xfa, 0xfa, 0xf8, 0xff);
const DARK_PAPER: Color = Color(0x16, 0x17, 0x1a, 0xff);

/// The window's size when it opens, and its smallest one, in logical pixels for text of usual size.
const SIZE: (f64, f64) = (420.0, 640.0);
const MIN_SIZE: (f64, f64) = (320.0, 400.0);

/// The resolution at which text has its usual size.
#[cfg(target_os = "linux")]
const USUAL_DPI: f64 = 96.0;

/// Builds the window, or brings it forward. On the main thread.
pub(crate) fn show(app: &AppHandle, activation: Option<&Activation>) {
    let result = match app.get_webview_window(MAIN) {
        Some(window) => bring_forward(&window, activation),
        None => build(app).and_then(|window| bring_forward(&window, activation)),
    };
    if let Err(error) = result {
        tracing::error!(%error, "cannot show the window");
    }
}

/// Destroys the window. On the main thread.
pub(crate) fn close(app: &AppHandle) {
    if let Some(window) = app.get_webview_window(MAIN)
        && let Err(error) = window.destroy()
    {
        tracing::error!(%error, "cannot close the window");
    }
}

/// Sends a view model to the window, if there is one.
pub(crate) fn push(app: &AppHandle, update: &ViewUpdate) {
    if let Err(error) = app.emit_to(MAIN, VIEW_UPDATE, update) {
        tracing::error!(%error, "cannot send a view model to the window");
    }
}

fn build(app: &AppHandle) -> tauri::Result<WebviewWindow> {
    let text_scale = text_scale();
    let area = work_area(app)?;
    let (width, height) = scaled(SIZE, text_scale, area);
    let (min_width, min_height) = scaled(MIN_SIZE, text_scale, area);
    let window = WebviewWindowBuilder::new(app, MAIN, WebviewUrl::App("index.html".into()))
        .title("Hourkey")
        .inner_size(width, height)
        .min_inner_size(min_width, min_height)
        .center()
        .build()?;
    // Until the page has drawn itself, its own background is shown: no white flash in the dark.
    let dark = window.theme()? == Theme::Dark;
    window.set_background_color(Some(if dark { DARK_PAPER } else { PAPER }))?;
    Ok(window)
}

/// How much larger than usual the desktop's text is. The page is drawn at this scale.
#[cfg(target_os = "linux")]
fn text_scale() -> f64 {
    // Follows the settings `gtk-xft-dpi` and GDK_DPI_SCALE; negative where neither is set.
    let resolution = gtk::gdk::Screen::default().map_or(USUAL_DPI, |screen| screen.resolution());
    (resolution / USUAL_DPI).clamp(1.0, 3.0)
}

/// How much larger than usual the desktop's text is: web views of other systems do not follow it.
#[cfg(not(target_os = "linux"))]
fn text_scale() -> f64 {
    1.0
}

/// Width and height that windows may take, in logical pixels; `None` where no monitor is known.
fn work_area(app: &AppHandle) -> tauri::Result<Option<(f64, f64)>> {
    let monitor = match app.primary_monitor()? {
        Some(monitor) => Some(monitor),
        None => app.available_monitors()?.into_iter().next(),
    };
    Ok(monitor.map(|monitor| {
        let size = monitor.work_area().size;
        let size = size.to_logical::<f64>(monitor.scale_factor());
        (size.width, size.height)
    }))
}

/// A size for the desktop's text, no larger than what windows may take.
fn scaled(size: (f64, f64), text_scale: f64, area: Option<(f64, f64)>) -> (f64, f64) {
    let (width, height) = (size.0 * text_scale, size.1 * text_scale);
    match area {
        Some((most_width, most_height)) => (width.min(most_width), height.min(most_height)),
        None => (width, height),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_follows_the_text_and_stays_on_the_monitor() {
        assert_eq!(scaled(SIZE, 1.0, None), (420.0, 640.0));
        assert_eq!(scaled(SIZE, 2.0, Some((1920.0, 1040.0))), (840.0, 1_040.0));
        assert_eq!(scaled(MIN_SIZE, 3.0, Some((800.0, 560.0))), (800.0, 560.0));
    }
}
