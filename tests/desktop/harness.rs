//! A harness to test at: display, session bus, tray host, notification service, and the app on it.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use hourkey_client::session::Session as Api;
use hourkey_domain::ids::{RequestId, ResourceId};
use hourkey_protocol::access::{Approve, Comment, NewRequest};
use hourkey_testkit::clock::TestClock;
use hourkey_testkit::controller::Controller;
use hourkey_testkit::desktop;
use hourkey_testkit::display::Display;
use hourkey_testkit::keyring::Keyring;
use hourkey_testkit::notifications::{Notification, Notifications};
use hourkey_testkit::opener::Opener;
use hourkey_testkit::organisation::SAMPLE;
use hourkey_testkit::poll::eventually;
use hourkey_testkit::process::Process;
use hourkey_testkit::session::Session;
use hourkey_testkit::tray::{Item, Row};
use hourkey_testkit::watcher::Watcher;

use hourkey_testkit::test_user::TestUser;

/// Everything around one app, and the controller of its organisation. Dropped from top to bottom.
pub(crate) struct DesktopHarness {
    app: Option<Process>,
    pub(crate) controller: Controller,
    pub(crate) watcher: Watcher,
    pub(crate) notifications: Option<Notifications>,
    pub(crate) keyring: Option<Keyring>,
    pub(crate) opener: Opener,
    pub(crate) clock: TestClock,
    pub(crate) session: Session,
    _display: Display,
}

/// Minutes that may pass between one look at a countdown and the next.
const MAX_MINUTES_LATE: u64 = 2;

/// Ada asks, Marta reviews; both by the API, beside the app.
pub(crate) struct TestUsers {
    pub(crate) ada: Api,
    pub(crate) marta: Api,
}

impl DesktopHarness {
    /// The sample organisation, an unlocked keyring, and an app that knows its controller and was
    /// never started before.
    pub(crate) async fn new() -> Result<Self> {
        let mut harness = Self::without_keyring().await?;
        harness.keyring = Some(Keyring::start(&harness.session).await?);
        Ok(harness)
    }

    /// The same without a keyring.
    pub(crate) async fn without_keyring() -> Result<Self> {
        let display = Display::start().await?;
        let mut session = Session::start().await?;
        session.attach(&display);
        let clock = TestClock::new(&session.home())?;
        let path = clock.path().display().to_string();
        session.set(TestClock::VARIABLE, &path);
        let mut controller = Controller::prepare(SAMPLE).await?;
        controller.set(TestClock::VARIABLE, &path);
        controller.resume().await?;
        desktop::configure(&session, controller.url())?;
        Ok(Self {
            app: None,
            watcher: Watcher::start(&session).await?,
            notifications: Some(Notifications::start(&session).await?),
            keyring: None,
            opener: Opener::install(&session)?,
            controller,
            clock,
            session,
            _display: display,
        })
    }

    /// A harness at which Ada is signed in, with the people of the organisation.
    pub(crate) async fn with_ada() -> Result<(Self, TestUsers)> {
        Self::with("ada").await
    }

    /// A harness at which Ada or Marta is signed in, with the people of the organisation.
    pub(crate) async fn with(login: &str) -> Result<(Self, TestUsers)> {
        let mut harness = Self::new().await?;
        harness.start_app()?;
        let mut ada = harness.person("ada").await?;
        let mut marta = harness.person("marta").await?;
        let user = if login == "ada" { &mut ada } else { &mut marta };
        harness.sign_in(user).await?;
        let people = TestUsers {
            ada: ada.session(&harness.controller).await?,
            marta: marta.session(&harness.controller).await?,
        };
        Ok((harness, people))
    }

    /// A person of the organisation, who gets a password.
    pub(crate) async fn person(&self, login: &'static str) -> Result<TestUser> {
        TestUser::new(&self.controller, login).await
    }

    /// Signs in by the tray and the browser, and waits until the resources are there.
    pub(crate) async fn sign_in(&self, person: &mut TestUser) -> Result<()> {
        let seen = self.opener.urls()?.len();
        self.item().await?.click(&["Sign in…"]).await?;
        person.let_in(&self.opener.next_after(seen).await?).await?;
        self.row("Company wiki").await.map(drop)
    }

    /// Starts the app.
    pub(crate) fn start_app(&mut self) -> Result<()> {
        self.app = Some(desktop::start(&self.session)?);
        Ok(())
    }

    /// Starts the app with a wall clock that is wrong by this much, for example `+1d`.
    pub(crate) async fn start_app_at(&mut self, wrong: &str) -> Result<()> {
        let mut command = self.session.command("faketime");
        command
            .args(["-f", wrong])
            .arg(desktop::binary()?)
            .env("DONT_FAKE_MONOTONIC", "1");
        let app = self.session.spawn("hourkey-desktop", command)?;
        app.ready("a faked clock in the app", async || {
            has_faked_clock(app.id())
        })
        .await?;
        self.app = Some(app);
        Ok(())
    }

    /// Waits until the bus has noticed that the app has ended: another one would end at once.
    async fn nothing_runs(&self) -> Result<()> {
        let bus = self.session.connect().await?;
        let bus = zbus::fdo::DBusProxy::new(&bus).await?;
        eventually("the end of the app on the bus", async || {
            let names = bus.list_names().await?;
            let runs = names.iter().any(|name| name.ends_with(".SingleInstance"));
            ensure!(!runs, "its name is still taken");
            Ok(())
        })
        .await
    }

    /// The app while it runs.
    pub(crate) fn app(&self) -> &Process {
        self.app.as_ref().expect("the app was started")
    }

    /// Ends the app as the system does when the person logs out.
    pub(crate) async fn end_app(&mut self) -> Result<()> {
        let app = self.app.take().context("the app was started")?;
        let status = app.terminate().await?;
        ensure!(status.success(), "the app ended with {status}");
        self.nothing_runs().await
    }

    /// Ends the app as `kill -9` does.
    pub(crate) async fn kill_app(&mut self) -> Result<()> {
        let app = self.app.take().context("the app was started")?;
        app.kill()?;
        self.nothing_runs().await
    }

    pub(crate) async fn item(&self) -> Result<Item> {
        self.watcher.item().await
    }

    /// The row of the tray menu that begins so, once there is one.
    pub(crate) async fn row(&self, begins: &str) -> Result<Row> {
        let what = format!("a row {begins:?} in the tray");
        let menu = self.item().await?;
        let menu = menu.menu_where(&what, |menu| menu.at(&[begins]).is_ok());
        menu.await?
            .at(&[begins])
            .cloned()
            .map_err(anyhow::Error::msg)
    }

    /// Waits until the tray shows that the resource is open for this many minutes more, or up to
    /// [`MAX_MINUTES_LATE`] fewer: the test itself takes time. Returns its row.
    pub(crate) async fn open_for(&self, name: &str, minutes: u64) -> Result<Row> {
        let begins = format!("{name} · ");
        let wanted = minutes.saturating_sub(MAX_MINUTES_LATE)..=minutes;
        let is_wanted = |row: &Row| row.minutes_left().is_some_and(|it| wanted.contains(&it));
        let what = format!("{name} open for {minutes} minutes");
        let item = self.item().await?;
        let menu = item.menu_where(&what, |menu| menu.at(&[&begins]).is_ok_and(is_wanted));
        let menu = menu.await?;
        menu.at(&[&begins]).cloned().map_err(anyhow::Error::msg)
    }

    /// Waits until the tray offers to authenticate at the resource with this name.
    pub(crate) async fn is_locked(&self, name: &str) -> Result<()> {
        let item = self.item().await?;
        let what = format!("{name} locked");
        let menu = item.menu_where(&what, |menu| menu.at(&[name, "Authenticate…"]).is_ok());
        menu.await.map(drop)
    }

    /// Moves the clocks of app and controller on.
    pub(crate) fn pass(&self, minutes: u64) -> Result<()> {
        self.clock.advance(Duration::from_secs(minutes * 60))
    }

    /// The notification with this headline, once it is shown.
    pub(crate) async fn notification(&self, headline: &str) -> Result<Notification> {
        let notifications = self.notifications.as_ref().context("a service")?;
        notifications
            .wait_for(headline, |shown| shown.summary == headline)
            .await
    }

    /// Headlines of everything that was shown so far.
    pub(crate) fn headlines(&self) -> Vec<String> {
        let shown = self.notifications.iter().flat_map(Notifications::shown);
        shown.map(|shown| shown.summary).collect()
    }
}

/// True when the app that a `faketime` with this process id runs, itself or as its child, has
/// loaded the library that answers for the clock.
fn has_faked_clock(wrapper: u32) -> bool {
    let read = |path: String| fs::read_to_string(path).unwrap_or_default();
    let children = read(format!("/proc/{wrapper}/task/{wrapper}/children"));
    let processes = children.split_whitespace().map(str::to_owned);
    processes.chain([wrapper.to_string()]).any(|process| {
        read(format!("/proc/{process}/comm")).starts_with("hourkey-desktop")
            && read(format!("/proc/{process}/maps")).contains("libfaketime")
    })
}

impl TestUsers {
    /// Ada's id of the resource with this name.
    pub(crate) async fn resource(&self, name: &str) -> Result<ResourceId> {
        let resources = self.ada.resources().await?;
        let found = resources.iter().find(|resource| resource.name == name);
        Ok(found.context("visible")?.id)
    }

    /// Ada asks for the resource with this name.
    pub(crate) async fn ask(&self, name: &str, minutes: u64) -> Result<RequestId> {
        let request = NewRequest {
            resource: self.resource(name).await?,
            assignment: None,
            reason: "To test it".to_owned(),
            seconds: Some(minutes * 60),
            starts_at: None,
            extends: false,
        };
        Ok(self.ada.ask(&request).await?.request.id)
    }

    /// Ada asks for more time on what is open to her.
    pub(crate) async fn extend(&self, name: &str, minutes: u64) -> Result<RequestId> {
        let request = NewRequest {
            resource: self.resource(name).await?,
            assignment: None,
            reason: "To test it longer".to_owned(),
            seconds: Some(minutes * 60),
            starts_at: None,
            extends: true,
        };
        Ok(self.ada.ask(&request).await?.request.id)
    }

    /// Marta approves.
    pub(crate) async fn approve(&self, request: RequestId, comment: &str) -> Result<()> {
        let comment = comment.to_owned();
        let how = Approve {
            seconds: None,
            comment,
        };
        Ok(self.marta.approve(request, &how).await.map(drop)?)
    }

    /// Marta denies.
    pub(crate) async fn deny(&self, request: RequestId, comment: &str) -> Result<()> {
        let comment = comment.to_owned();
        Ok(self
            .marta
            .deny(request, &Comment { comment })
            .await
            .map(drop)?)
    }
}
