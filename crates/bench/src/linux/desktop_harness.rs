//! The desktop harness of the benchmarks: display, bus, keyring, tray host, notification service,
//! controller, and the app.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use hourkey_client::session::Session as Api;
use hourkey_protocol::access::{Approve, NewRequest, Request};
use hourkey_protocol::problem::Code;
use hourkey_testkit::controller::Controller;
use hourkey_testkit::desktop;
use hourkey_testkit::display::Display;
use hourkey_testkit::keyring::Keyring;
use hourkey_testkit::notifications::Notifications;
use hourkey_testkit::opener::Opener;
use hourkey_testkit::process::Process;
use hourkey_testkit::session::Session;
use hourkey_testkit::test_user::TestUser;
use hourkey_testkit::tray::Row;
use hourkey_testkit::watcher::Watcher;

/// What is asked for again and again: a reviewer decides, the requester says how long.
pub(crate) const RESOURCE: &str = "Grafana";

/// Everything around one app. Dropped from top to bottom.
pub(crate) struct DesktopHarness {
    app: Option<Process>,
    pub(crate) controller: Controller,
    pub(crate) watcher: Watcher,
    pub(crate) notifications: Notifications,
    opener: Opener,
    _keyring: Keyring,
    pub(crate) session: Session,
    _display: Display,
}

/// Ada asks, Marta reviews; both by the API, beside the app.
pub(crate) struct People {
    pub(crate) ada: Api,
    pub(crate) marta: Api,
}

impl DesktopHarness {
    /// Sets up a harness whose app knows its controller, and was never started.
    pub(crate) async fn set_up(organisation: &str) -> Result<Self> {
        let display = Display::start().await?;
        let mut session = Session::start().await?;
        session.attach(&display);
        let controller = Controller::start(organisation).await?;
        desktop::configure(&session, controller.url())?;
        Ok(Self {
            app: None,
            controller,
            watcher: Watcher::start(&session).await?,
            notifications: Notifications::start(&session).await?,
            opener: Opener::install(&session)?,
            _keyring: Keyring::start(&session).await?,
            session,
            _display: display,
        })
    }

    /// Starts the app, signs Ada in by tray and browser, and leaves it running.
    pub(crate) async fn sign_in(&mut self) -> Result<People> {
        self.start_app().await?;
        let mut ada = TestUser::new(&self.controller, "ada").await?;
        let mut marta = TestUser::new(&self.controller, "marta").await?;
        let seen = self.opener.urls()?.len();
        self.click(&["Sign in…"]).await?;
        ada.let_in(&self.opener.next_after(seen).await?).await?;
        self.row("Company wiki").await?;
        Ok(People {
            ada: ada.session(&self.controller).await?,
            marta: marta.session(&self.controller).await?,
        })
    }

    /// Starts the app, and returns how long it took until its icon was registered.
    pub(crate) async fn start_app(&mut self) -> Result<Duration> {
        let seen = self.watcher.registrations().len();
        let begin = Instant::now();
        let app = desktop::start(&self.session)?;
        let icon = async || self.watcher.registered_after(seen);
        let registered = app.ready("a tray icon", icon).await?;
        self.app = Some(app);
        Ok(registered - begin)
    }

    /// Ends the app at once.
    pub(crate) fn kill_app(&mut self) -> Result<()> {
        let app = self.app.take().context("the app runs")?;
        app.kill().map(drop)
    }

    /// The app's process id.
    pub(crate) fn app(&self) -> Result<u32> {
        Ok(self.app.as_ref().context("the app runs")?.id())
    }

    /// Clicks in the tray menu.
    pub(crate) async fn click(&self, path: &[&str]) -> Result<()> {
        self.watcher.item().await?.click(path).await
    }

    /// The menu, once it has a row that begins so.
    pub(crate) async fn row(&self, begins: &str) -> Result<Row> {
        let item = self.watcher.item().await?;
        let what = format!("a row {begins:?} in the tray");
        let there = |menu: &Row| menu.labels().iter().any(|label| label.starts_with(begins));
        item.menu_where(&what, there).await
    }
}

/// Asks, once there is budget for it: who asks also ends, and a reviewer approves as often.
pub(crate) async fn ask(member: &Api, request: &NewRequest) -> Result<Request> {
    match member.ask(request).await {
        Err(error) if error.code() == Some(Code::RateLimited) => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            Ok(member.ask(request).await?.request)
        }
        asked => Ok(asked?.request),
    }
}

impl People {
    /// Ada asks for [`RESOURCE`] for this long.
    pub(crate) async fn ask(&self, minutes: u64) -> Result<Request> {
        let resources = self.ada.resources().await?;
        let found = resources.iter().find(|resource| resource.name == RESOURCE);
        let request = NewRequest {
            resource: found.context("Ada sees the resource")?.id,
            assignment: None,
            reason: "To measure".to_owned(),
            seconds: Some(minutes * 60),
            starts_at: None,
            extends: false,
        };
        ask(&self.ada, &request).await
    }

    /// Marta approves.
    pub(crate) async fn approve(&self, request: &Request) -> Result<Request> {
        let how = Approve {
            seconds: None,
            comment: String::new(),
        };
        Ok(self.marta.approve(request.id, &how).await?)
    }
}
