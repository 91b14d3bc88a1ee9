//! A real browser: Chromium, driven by chromedriver.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::page::Page;
use crate::session::Session;
use crate::webdriver::Driver;

/// A Chromium with a profile of its own: on the session's display if it has one, else headless.
#[derive(Debug)]
pub struct Browser {
    /// The tab that is driven.
    pub page: Page,
    session: String,
    program: PathBuf,
    profile: PathBuf,
    driver: Driver,
}

/// How a browser differs from the usual.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Arguments of Chromium's beside the usual ones.
    pub arguments: Vec<String>,
    /// Does not wait for pages to load, so that one tab may be used while another one still waits.
    pub impatient: bool,
}

/// Light or dark, as pages ask for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Scheme {
    fn features(self) -> Value {
        let value = match self {
            Self::Light => "light",
            Self::Dark => "dark",
        };
        // Without transitions: what is measured between two colours is neither.
        json!([
            { "name": "prefers-color-scheme", "value": value },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ])
    }
}

impl Browser {
    /// Starts a browser with the profile of this name, made where it is not there yet: cookies
    /// outlive the browser in it.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start(session: &Session, profile: &str) -> Result<Self> {
        Self::start_with(session, profile, Options::default()).await
    }

    /// [`Self::start`], unlike the usual.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_with(session: &Session, profile: &str, options: Options) -> Result<Self> {
        let program = program()?;
        let profile_folder = session.data().join(format!("chromium-{profile}"));
        let mut arguments = ARGUMENTS.map(str::to_owned).to_vec();
        arguments.push(format!("--user-data-dir={}", profile_folder.display()));
        arguments.extend(options.arguments);
        if !session.has_display() {
            arguments.push("--headless".to_owned());
        }
        let capabilities = json!({
            "goog:chromeOptions": {
                "binary": program,
                "args": arguments,
                // Under automation Chromium takes no addresses from other processes.
                "excludeSwitches": ["enable-automation"],
            },
            "pageLoadStrategy": if options.impatient { "none" } else { "normal" },
        });
        let Value::Object(capabilities) = capabilities else {
            bail!("capabilities are an object");
        };
        let name = format!("chromedriver-{profile}");
        let driver = Driver::start(session, &name, session.command("chromedriver")).await?;
        let client = driver.open(capabilities).await?;
        let session = client
            .session_id()
            .await?
            .context("the session has an id")?;
        Ok(Self {
            page: Page::new(client),
            session,
            program,
            profile: profile_folder,
            driver,
        })
    }

    /// Makes pages believe that the system is light or dark.
    ///
    /// # Errors
    /// When the browser is gone.
    pub async fn emulate(&self, scheme: Scheme) -> Result<()> {
        let media = json!({ "media": "", "features": scheme.features() });
        self.devtools("Emulation.setEmulatedMedia", media).await?;
        Ok(())
    }

    /// Shows pages as they are printed from a system that is light or dark.
    ///
    /// # Errors
    /// When the browser is gone.
    pub async fn emulate_print(&self, scheme: Scheme) -> Result<()> {
        let media = json!({ "media": "print", "features": scheme.features() });
        self.devtools("Emulation.setEmulatedMedia", media).await?;
        Ok(())
    }

    /// Makes pages believe that the system's colours are forced on them.
    ///
    /// # Errors
    /// When the browser is gone.
    pub async fn emulate_forced_colours(&self) -> Result<()> {
        let features = json!([{ "name": "forced-colors", "value": "active" }]);
        let media = json!({ "features": features });
        self.devtools("Emulation.setEmulatedMedia", media).await?;
        Ok(())
    }

    /// Sets the size of the text in CSS pixels, as people set it in their browser: 16 at first.
    ///
    /// # Errors
    /// When the browser is gone.
    pub async fn emulate_text(&self, size: u32) -> Result<()> {
        let sizes = json!({ "fontSizes": { "standard": size, "fixed": size } });
        self.devtools("Page.setFontSizes", sizes).await?;
        Ok(())
    }

    /// Makes pages believe that the system is in this time zone.
    ///
    /// # Errors
    /// When the browser is gone, or knows no such zone.
    pub async fn emulate_zone(&self, zone: &str) -> Result<()> {
        let zone = json!({ "timezoneId": zone });
        self.devtools("Emulation.setTimezoneOverride", zone).await?;
        Ok(())
    }

    /// Makes pages believe that the window has this size in CSS pixels, as on a phone.
    ///
    /// # Errors
    /// When the browser is gone.
    pub async fn emulate_size(&self, width: u32, height: u32, scale: f64) -> Result<()> {
        let metrics = json!({
            "width": width, "height": height, "deviceScaleFactor": scale, "mobile": false,
        });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics)
            .await?;
        Ok(())
    }

    /// Switches the scripts of pages off, or on again.
    ///
    /// # Errors
    /// When the browser is gone.
    pub async fn allow_scripts(&self, allowed: bool) -> Result<()> {
        let value = json!({ "value": !allowed });
        self.devtools("Emulation.setScriptExecutionDisabled", value)
            .await?;
        Ok(())
    }

    /// Saves a picture of the whole page, also of what lies below the window's edge.
    ///
    /// # Errors
    /// When the browser is gone.
    pub async fn shot_whole(&self, path: &Path) -> Result<()> {
        let script = "return [document.documentElement.scrollWidth,
            document.documentElement.scrollHeight, window.devicePixelRatio]";
        let size = self.page.run(script, vec![]).await?;
        let (Some(width), Some(height), Some(scale)) =
            (size[0].as_u64(), size[1].as_u64(), size[2].as_f64())
        else {
            bail!("the page has no size: {size}");
        };
        self.emulate_size(width.try_into()?, height.try_into()?, scale)
            .await?;
        self.page.shot(path).await?;
        self.devtools("Emulation.clearDeviceMetricsOverride", json!({}))
            .await?;
        Ok(())
    }

    /// Ends the browser in order, so that its cookies are kept.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn quit(self) -> Result<()> {
        Ok(self.page.client().clone().close().await?)
    }

    /// A shell command to which an address is added, and which opens it in a tab of this browser.
    pub(crate) fn hand_over(&self) -> String {
        format!(
            "'{}' --no-sandbox '--user-data-dir={}'",
            self.program.display(),
            self.profile.display()
        )
    }

    async fn devtools(&self, command: &str, parameters: Value) -> Result<Value> {
        let body = json!({ "cmd": command, "params": parameters });
        self.driver
            .send(&self.session, "goog/cdp/execute", &body)
            .await
    }
}

/// As in a fresh profile of a person, without what calls home or asks at the first start; without
/// the sandbox, which root and containers cannot have.
const ARGUMENTS: [&str; 15] = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-breakpad",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--password-store=basic",
    "--window-size=920,820",
    // Beside it there is room for notifications.
    "--window-position=16,48",
    "--lang=en-GB",
    "--accept-lang=en-GB",
];

fn program() -> Result<PathBuf> {
    ["/usr/bin/chromium", "/usr/bin/chromium-browser"]
        .iter()
        .map(PathBuf::from)
        .find(|path| path.exists())
        .context("Chromium is not installed (Debian: chromium and chromium-driver)")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::display::Display;
    use crate::opener::Opener;
    use crate::poll::eventually;
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    const PAGE: &str = "<!doctype html><title>Ask</title>
        <style>@media (prefers-color-scheme: dark) { body { background: black } }</style>
        <label for=why>Reason</label><textarea id=why></textarea>
        <button onclick=\"document.title = why.value\">Ann's button</button><p>Visible</p>";

    /// Serves the page on loopback until the test ends, and sets a cookie that is kept.
    fn serve() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let _ = stream.read(&mut [0; 4096]);
                let answer = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\
                     set-cookie: kept=1; max-age=600\r\ncontent-length: {}\r\n\r\n{PAGE}",
                    PAGE.len()
                );
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        url
    }

    #[tokio::test]
    async fn a_page_is_used_and_its_profile_kept() {
        let session = Session::start().await.unwrap();
        let browser = Browser::start(&session, "ann").await.unwrap();
        let url = serve();
        let page = &browser.page;
        page.open(&url).await.unwrap();
        page.shows("Visible").await.unwrap();
        page.fill("Reason", "month's end").await.unwrap();
        page.press("Ann's button").await.unwrap();
        let title = async || page.client().title().await.unwrap() == "month's end";
        eventually("the new title", title).await.unwrap();

        let background = "return getComputedStyle(document.body).backgroundColor";
        browser.emulate(Scheme::Dark).await.unwrap();
        assert_eq!(page.run(background, vec![]).await.unwrap(), "rgb(0, 0, 0)");
        let picture = session.home().join("page.png");
        browser.shot_whole(&picture).await.unwrap();
        assert!(crate::screen::colours(&session, &picture).await.unwrap() > 1);
        browser.quit().await.unwrap();

        let again = Browser::start(&session, "ann").await.unwrap();
        again.page.open(&url).await.unwrap();
        let cookies = again
            .page
            .run("return document.cookie", vec![])
            .await
            .unwrap();
        assert_eq!(cookies, "kept=1");
    }

    #[tokio::test]
    async fn what_a_program_opens_appears_in_a_tab() {
        let display = Display::start().await.unwrap();
        let mut session = Session::start().await.unwrap();
        session.attach(&display);
        let browser = Browser::start(&session, "ann").await.unwrap();
        let opener = Opener::install_for(&session, &browser).unwrap();
        let url = serve();
        let wanted = format!("{url}?id=7");
        session.run("xdg-open", &[&wanted]).await.unwrap();
        assert_eq!(opener.next_after(0).await.unwrap().as_str(), wanted);
        browser
            .page
            .switch_to("ours", |url| url.as_str() == wanted)
            .await
            .unwrap();
        browser.page.shows("Visible").await.unwrap();
    }
}
