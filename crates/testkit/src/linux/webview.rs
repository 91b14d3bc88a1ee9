//! The desktop app's own window, driven by WebKitWebDriver.

use std::path::Path;

use anyhow::{Result, bail, ensure};
use serde_json::{Value, json};

use crate::page::Page;
use crate::poll::eventually;
use crate::session::Session;
use crate::webdriver::Driver;

/// A program with a WebKitGTK window, started by the driver. Dropping it kills both.
#[derive(Debug)]
pub struct WebView {
    /// The window's page.
    pub page: Page,
    _driver: Driver,
}

impl WebView {
    /// Starts a program in the session, which must have a display, and waits for its window
    /// however late it opens.
    ///
    /// # Errors
    /// When there is no window in time.
    pub async fn start(session: &Session, program: &Path, arguments: &[&str]) -> Result<Self> {
        let mut command = session.command("WebKitWebDriver");
        command
            .arg("--host=127.0.0.1")
            .env("TAURI_WEBVIEW_AUTOMATION", "true");
        let driver = Driver::start(session, "WebKitWebDriver", command).await?;
        let capabilities = json!({
            "webkitgtk:browserOptions": { "binary": program, "args": arguments }
        });
        let Value::Object(capabilities) = capabilities else {
            bail!("capabilities are an object");
        };
        let client = driver.open(capabilities).await?;
        Ok(Self {
            page: Page::new(client),
            _driver: driver,
        })
    }

    /// Gives the window this size in pixels, as a person does at its edge.
    ///
    /// # Errors
    /// When it does not take the size in time.
    pub async fn resize(&self, width: u32, height: u32) -> Result<()> {
        self.page.client().set_window_size(width, height).await?;
        eventually(&format!("a window of {width} × {height}"), async || {
            let size = self.page.run("return [outerWidth, outerHeight]", vec![]);
            let size = size.await?;
            ensure!(size == json!([width, height]), "{size}");
            Ok(())
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::display::Display;

    #[tokio::test]
    async fn drives_a_window_and_takes_its_picture() {
        let display = Display::start().await.unwrap();
        let mut session = Session::start().await.unwrap();
        session.attach(&display);
        let browser = std::fs::read_dir("/usr/lib")
            .unwrap()
            .flatten()
            .map(|folder| folder.path().join("webkit2gtk-4.1/MiniBrowser"))
            .find(|path| path.exists())
            .expect("WebKitGTK brings its small browser");
        let view = WebView::start(&session, &browser, &["--automation"])
            .await
            .unwrap();
        let html = "data:text/html,<label>Reason <input></label><p>Hello</p>";
        view.page.open(html).await.unwrap();
        view.page.fill("Reason", "because").await.unwrap();
        let typed = view
            .page
            .run("return document.querySelector('input').value", vec![]);
        assert_eq!(typed.await.unwrap(), "because");
        let picture = session.home().join("window.png");
        view.page.shot(&picture).await.unwrap();
        assert!(crate::screen::colours(&session, &picture).await.unwrap() > 1);
    }
}
