//! The harness around the products: a desktop with a panel, notifications, a keyring and a browser,
//! and a reviewer elsewhere.

use std::path::Path;

use anyhow::{Context, Result};
use hourkey_testkit::browser::{Browser, Options, Scheme};
use hourkey_testkit::clock::TestClock;
use hourkey_testkit::controller::Controller;
use hourkey_testkit::desktop;
use hourkey_testkit::display::Display;
use hourkey_testkit::dunst::Dunst;
use hourkey_testkit::keyring::Keyring;
use hourkey_testkit::opener::Opener;
use hourkey_testkit::organisation::SAMPLE;
use hourkey_testkit::poll::eventually;
use hourkey_testkit::process::Process;
use hourkey_testkit::screen;
use hourkey_testkit::session::Session;
use hourkey_testkit::tray::{Item, Row, Signals};
use hourkey_testkit::tray_host::TrayHost;
use zbus::Connection;

/// The desktop of the user who requests access.
pub(crate) struct DesktopHarness {
    pub(crate) app: Option<Process>,
    pub(crate) browser: Browser,
    pub(crate) opener: Opener,
    pub(crate) notifications: Dunst,
    pub(crate) signals: Signals,
    bus: Connection,
    _panel: TrayHost,
    _keyring: Keyring,
    pub(crate) session: Session,
    pub(crate) display: Display,
}

/// The browser of the user who reviews, without a display.
pub(crate) struct Reviewer {
    pub(crate) browser: Browser,
    pub(crate) session: Session,
}

/// A controller with the sample organisation on a clock that can be moved.
pub(crate) async fn controller(clock: &TestClock) -> Result<Controller> {
    let mut controller = Controller::prepare(SAMPLE).await?;
    controller.set(TestClock::VARIABLE, text(clock.path())?);
    controller.resume().await?;
    Ok(controller)
}

impl DesktopHarness {
    /// Everything but the app.
    pub(crate) async fn set_up(clock: &TestClock) -> Result<Self> {
        let display = Display::start().await?;
        let mut session = Session::start().await?;
        session.attach(&display);
        session.set(TestClock::VARIABLE, text(clock.path())?);
        // Before the browser starts: it follows these settings.
        desktop::use_gnome(&mut session);
        screen::paint(&session, display.size()).await?;
        let keyring = Keyring::start(&session).await?;
        let panel = TrayHost::start(&session).await?;
        let notifications = Dunst::start(&session).await?;
        desktop::install_icon(&session)?;
        let options = Options {
            arguments: vec!["--ignore-certificate-errors".to_owned()],
            impatient: true,
        };
        let browser = Browser::start_with(&session, "desk", options).await?;
        let opener = Opener::install_for(&session, &browser)?;
        let bus = session.connect().await?;
        Ok(Self {
            app: None,
            browser,
            opener,
            notifications,
            signals: Signals::listen(&bus).await?,
            bus,
            _panel: panel,
            _keyring: keyring,
            session,
            display,
        })
    }

    /// Starts the desktop app, and waits for its icon in the panel.
    pub(crate) async fn start_app(&mut self) -> Result<Item> {
        let app = desktop::start(&self.session)?;
        let icon = app
            .ready("an icon in the panel", async || self.find_icon().await)
            .await?;
        self.app = Some(app);
        Ok(icon)
    }

    /// The app's tray icon.
    pub(crate) async fn icon(&self) -> Result<Item> {
        eventually("the tray icon", async || self.find_icon().await).await
    }

    async fn find_icon(&self) -> Result<Item> {
        for icon in Item::all(&self.bus).await? {
            if icon.title().await.is_ok_and(|title| title == "Hourkey") {
                return Ok(icon);
            }
        }
        anyhow::bail!("the panel has no icon of Hourkey")
    }

    /// Waits until the tray menu has a row that begins like this, and returns it.
    pub(crate) async fn row(&self, begins: &str) -> Result<Row> {
        let icon = self.icon().await?;
        let menu = icon
            .menu_where(&format!("a row {begins:?}"), |menu| {
                menu.labels().iter().any(|label| label.starts_with(begins))
            })
            .await?;
        let row = menu
            .children
            .into_iter()
            .find(|row| row.label.starts_with(begins));
        row.context("the row is there")
    }

    /// Waits until the tray offers to ask for a resource.
    pub(crate) async fn locked(&self, resource: &str) -> Result<()> {
        let icon = self.icon().await?;
        let what = format!("a way to ask for {resource}");
        let path = [resource, "Authenticate…"];
        icon.menu_where(&what, |menu| menu.at(&path).is_ok())
            .await?;
        Ok(())
    }

    /// Clicks Authenticate… of a resource, and waits for the request page in the browser.
    pub(crate) async fn authenticate(&self, resource: &str) -> Result<String> {
        let seen = self.opener.urls()?.len();
        self.click(&[resource, "Authenticate…"]).await?;
        let opened = self.opener.next_after(seen).await?;
        let path = opened.path().to_owned();
        self.browser
            .page
            .switch_to("the request page", |url| url.path() == path)
            .await?;
        Ok(path)
    }

    /// Opens the window from the tray, and takes a picture of it.
    pub(crate) async fn window_shot(&self, theme: Theme, picture: &Path) -> Result<()> {
        self.click(&["Show Hourkey"]).await?;
        screen::shot_of_window(&self.session, "Hourkey", theme.tab_bar(), picture).await
    }

    /// Clicks in the tray menu.
    pub(crate) async fn click(&self, path: &[&str]) -> Result<()> {
        self.icon().await?.click(path).await
    }
}

impl Reviewer {
    /// A browser elsewhere.
    pub(crate) async fn set_up() -> Result<Self> {
        let session = Session::start().await?;
        Ok(Self {
            browser: Browser::start(&session, "reviewer").await?,
            session,
        })
    }

    /// Approves the waiting request with this reason, and stays on its page.
    pub(crate) async fn approve(
        &self,
        controller: &Controller,
        reason: &str,
        button: &str,
    ) -> Result<()> {
        let page = &self.browser.page;
        page.open(controller.url().join("review")?.as_str()).await?;
        page.shows(reason).await?;
        // It is the only one that waits.
        page.click("#queue .card a[href^='/review/']").await?;
        page.shows(reason).await?;
        page.press(button).await
    }
}

/// Takes a picture of a page in both schemes: `NAME-light.png` and `NAME-dark.png`.
pub(crate) async fn page_shots(browser: &Browser, folder: &Path, name: &str) -> Result<()> {
    for (scheme, suffix) in [(Scheme::Dark, "dark"), (Scheme::Light, "light")] {
        browser.emulate(scheme).await?;
        browser
            .page
            .shot(&folder.join(format!("{name}-{suffix}.png")))
            .await?;
    }
    Ok(())
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("the path is not text")
}

/// The desktop's theme.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Theme {
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// As it is called in names of pictures.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// What pages are told of it.
    pub(crate) fn scheme(self) -> Scheme {
        match self {
            Self::Light => Scheme::Light,
            Self::Dark => Scheme::Dark,
        }
    }

    /// The colour of the window's tab bar: `--raised` of `ui/src/tokens.css`.
    fn tab_bar(self) -> &'static str {
        match self {
            Self::Light => "#FFFFFF",
            Self::Dark => "#1E2024",
        }
    }
}
