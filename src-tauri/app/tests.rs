//! The app's logic against recorded effects, under a clock that the test moves.

mod notifications;
mod slow;

use std::sync::atomic::{AtomicU64, Ordering};

use hourkey_client::dial::BlockedConnection;
use hourkey_client::secrets::SecretError;
use hourkey_client::sync::Update;
use hourkey_domain::ids::{GrantId, RequestId, ResourceId};
use hourkey_domain::lock::LockState;
use hourkey_protocol::access::Resource;
use hourkey_protocol::event::Snapshot;
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::*;
use crate::effects::fake::{Effect, Fake};
use crate::event::{NewSession, ProxyEvent, ResumeResult, TokenStorage, TrayEvent};
use crate::fixtures::{
    approved, at, changes, denied, granted, locked, me, notice, pending, please_review, resource,
    review, snapshot, zone,
};
use crate::message::{Notification, NotifyError, Topic};
use crate::state::ProxyAddresses;
use crate::view::{Command, InboxKind, SessionState, Tab, ViewUpdate};

/// A clock that stands until it is moved.
#[derive(Default)]
struct ManualClock(AtomicU64);

impl Clock for ManualClock {
    fn boot(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }
}

/// An app with recorded effects, at minute 0 of the fixtures.
struct AppHarness {
    app: App<Fake>,
    clock: Arc<ManualClock>,
    events: mpsc::Receiver<Event>,
    folder: TempDir,
}

impl AppHarness {
    fn new() -> Self {
        Self::in_folder(TempDir::new().unwrap(), Arc::default())
    }

    /// The app as after a restart, with what it keeps in `folder`.
    fn in_folder(folder: TempDir, clock: Arc<ManualClock>) -> Self {
        let (sender, events) = mpsc::channel(16);
        let folders = Folders {
            config: folder.path().join("config"),
            state: folder.path().join("state"),
        };
        let found = FoundSettings {
            config: Config::load(&folders.config_file()).map_err(|error| error.to_string()),
            start_at_login: Some(false),
            has_browsers: true,
        };
        let effects = Fake::new(folders.clone(), sender.clone());
        let mut app = App::new(effects, clock.clone(), folders, found, sender);
        app.state.zone = zone();
        Self {
            app,
            clock,
            events,
            folder,
        }
    }

    /// Signed in just now, with a tray.
    fn signed_in(snapshot: Snapshot) -> Self {
        let mut harness = Self::new();
        harness.app.start();
        harness.event(Event::TrayHost(true));
        let controller = "https://hourkey.example".to_owned();
        harness.command(Command::SignIn { controller }).unwrap();
        harness.event(Event::SignedIn(Ok(signed(1, Some(Duration::ZERO)))));
        harness.update(Update::Snapshot(Box::new(snapshot)));
        harness
    }

    fn restarted(self) -> Self {
        let mut harness = Self::in_folder(self.folder, self.clock);
        harness.app.start();
        harness.event(Event::Resumed(ResumeResult::Found(signed(1, None))));
        harness
    }

    fn event(&mut self, event: Event) -> Vec<Effect> {
        self.app.handle(event);
        self.settle()
    }

    /// Lets the app handle what it was answered, and draw itself.
    fn settle(&mut self) -> Vec<Effect> {
        loop {
            while let Ok(event) = self.events.try_recv() {
                self.app.handle(event);
            }
            self.app.refresh();
            if self.events.is_empty() {
                return self.app.effects.take();
            }
        }
    }

    fn update(&mut self, update: Update) -> Vec<Effect> {
        self.event(Event::Update { session: 1, update })
    }

    fn command(&mut self, command: Command) -> Result<Vec<Effect>, String> {
        let (reply, mut answer) = oneshot::channel();
        let reply = Reply::Window(reply);
        let effects = self.event(Event::Command { command, reply });
        answer.try_recv().unwrap().map(|()| effects)
    }

    /// A command of the window whose answer is not there yet.
    fn ask(&mut self, command: Command) -> oneshot::Receiver<Result<(), String>> {
        let (reply, answer) = oneshot::channel();
        let reply = Reply::Window(reply);
        self.event(Event::Command { command, reply });
        answer
    }

    /// Moves the clock on to this minute, waking as the app's own timer would.
    fn until(&mut self, minute: u64) -> Vec<Effect> {
        let end = Duration::from_secs(minute * 60);
        let mut effects = Vec::new();
        while let Some(wake) = self.app.next_wake().filter(|wake| *wake <= end) {
            assert!(wake > self.clock.boot(), "the app must not spin");
            self.set(wake);
            effects.extend(self.event(Event::Tick));
        }
        self.set(end);
        effects
    }

    fn set(&self, boot: Duration) {
        let millis = u64::try_from(boot.as_millis()).unwrap();
        self.clock.0.store(millis, Ordering::Relaxed);
    }

    /// Answers for the notification server, and says what was shown.
    fn shown(&mut self, effects: &[Effect]) -> Vec<String> {
        let mut said = Vec::new();
        for Notification { id, message, .. } in notifications(effects) {
            said.push(format!("{}: {}", message.title, message.body));
            let result = Ok(());
            self.event(Event::Notified { id, result });
        }
        said
    }
}

fn signed(session: u64, at: Option<Duration>) -> NewSession {
    NewSession {
        session,
        controller: "https://hourkey.example/".parse().unwrap(),
        at,
    }
}

fn notifications(effects: &[Effect]) -> Vec<Notification> {
    let notifications = effects.iter().filter_map(|effect| match effect {
        Effect::Notify(notification) => Some(notification.clone()),
        _ => None,
    });
    notifications.collect()
}

fn trays(effects: &[Effect]) -> usize {
    let is_tray = |effect: &&Effect| matches!(effect, Effect::Tray(_));
    effects.iter().filter(is_tray).count()
}

fn view_updates(effects: &[Effect]) -> Vec<ViewUpdate> {
    let updates = effects.iter().filter_map(|effect| match effect {
        Effect::Push(update) => Some(update.clone()),
        _ => None,
    });
    updates.collect()
}

fn payroll(lock: LockState) -> Vec<Resource> {
    vec![resource(1, "Payroll database", lock)]
}

#[test]
fn the_first_start_shows_the_window_and_asks_for_the_controller() {
    let mut harness = AppHarness::new();
    harness.app.start();
    let first = [Effect::Browsers(None), Effect::ShowWindow];
    assert_eq!(harness.app.effects.take(), first);
    let effects = harness.command(Command::Load).unwrap();
    let ViewUpdate::Session(session) = &view_updates(&effects)[0] else {
        panic!("the session comes first");
    };
    let SessionState::SignedOut { controller, .. } = &session.state else {
        panic!("signed out");
    };
    assert_eq!(controller, "");

    let bad = "http://hourkey.example".to_owned();
    let refused = harness.command(Command::SignIn { controller: bad });
    assert!(refused.unwrap_err().contains("https"));
    let good = "hourkey.example".to_owned();
    let effects = harness
        .command(Command::SignIn { controller: good })
        .unwrap();
    let url = "https://hourkey.example/".parse().unwrap();
    assert_eq!(effects[0], Effect::SignIn(url));
}

#[test]
fn the_controller_is_remembered_for_the_next_start() {
    let harness = AppHarness::signed_in(snapshot(0, vec![]));
    let mut harness = AppHarness::in_folder(harness.folder, harness.clock);
    harness.app.start();
    let url = "https://hourkey.example/".parse().unwrap();
    let first = [Effect::Browsers(None), Effect::Resume(url)];
    assert_eq!(harness.app.effects.take(), first);
}

#[test]
fn a_sign_in_that_was_called_off_does_not_happen() {
    let mut harness = AppHarness::new();
    harness.app.start();
    let controller = "hourkey.example".to_owned();
    harness.command(Command::SignIn { controller }).unwrap();
    let effects = harness.event(Event::Tray(TrayEvent::CancelSignIn));
    assert_eq!(effects, [Effect::CancelSignIn, Effect::Browsers(None)]);
    let effects = harness.event(Event::SignedIn(Ok(signed(1, Some(Duration::ZERO)))));
    assert_eq!(effects, [Effect::SignOut], "the late session is given up");
    assert_eq!(harness.app.state.sign_in, SignIn::SignedOut { error: None });
}

#[test]
fn tray_clicks_open_pages_with_ids_and_the_hint_and_nothing_else() {
    let mut harness = AppHarness::signed_in(snapshot(0, payroll(locked())));
    let mut opens = |event| match &harness.event(Event::Tray(event))[..] {
        [Effect::OpenPage(url)] => url.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        opens(TrayEvent::Authenticate(ResourceId(1))),
        "https://hourkey.example/resources/1/request?as=ada"
    );
    assert_eq!(
        opens(TrayEvent::ViewRequest(RequestId(7))),
        "https://hourkey.example/requests/7?as=ada"
    );
    assert_eq!(opens(TrayEvent::Open(ResourceId(1))), "https://r1.corp/");
    let effects = harness.event(Event::Tray(TrayEvent::Copy(ResourceId(1))));
    assert_eq!(effects, [Effect::Copy("r1.corp:443".to_owned())]);
    let effects = harness.event(Event::Tray(TrayEvent::Release(GrantId(3))));
    assert_eq!(
        effects,
        [Effect::Call(crate::effects::ControllerCall::Release(
            GrantId(3)
        ))]
    );
}

#[test]
fn only_web_addresses_are_handed_to_the_system() {
    let mut sly = resource(1, "Sly", granted(30));
    sly.url = Some("file:///etc/passwd".to_owned());
    let mut harness = AppHarness::signed_in(snapshot(0, vec![sly]));
    let refused = harness.command(Command::Open { resource: 1 });
    assert!(refused.unwrap_err().contains("no web address"));
    let effects = harness.event(Event::Tray(TrayEvent::Open(ResourceId(1))));
    let shown = harness.shown(&effects);
    assert_eq!(
        shown.len(),
        1,
        "outside of the window a notification says so"
    );
    assert!(shown[0].starts_with("That did not work: Sly has no web address."));
}

#[test]
fn labels_tick_by_the_minute_and_nothing_ticks_without_a_reason() {
    let mut harness = AppHarness::signed_in(snapshot(0, payroll(granted(45))));
    let effects = harness.until(5);
    assert_eq!(trays(&effects), 5, "{effects:?}");
    let mut idle = AppHarness::signed_in(snapshot(0, payroll(locked())));
    assert_eq!(idle.app.next_wake(), None);
    assert_eq!(
        trays(&idle.event(Event::Tick)),
        0,
        "an equal tray is not sent"
    );
}

#[test]
fn an_open_window_hears_the_time_each_minute_and_only_what_changed() {
    let mut harness = AppHarness::signed_in(snapshot(0, payroll(locked())));
    harness.event(Event::Show);
    assert_eq!(
        view_updates(&harness.command(Command::Load).unwrap()).len(),
        6
    );
    let effects = harness.until(3);
    let updates = view_updates(&effects);
    assert_eq!(updates.len(), 3);
    assert!(
        updates
            .iter()
            .all(|update| matches!(update, ViewUpdate::Session(_)))
    );
    harness.event(Event::WindowClosed);
    assert_eq!(harness.app.next_wake(), None);
}

#[test]
fn the_window_opens_on_the_wanted_tab_also_before_its_page_is_there() {
    let mut harness = AppHarness::signed_in(snapshot(0, vec![]));
    harness.command(Command::Load).unwrap();
    let effects = harness.event(Event::Tray(TrayEvent::Settings));
    assert_eq!(
        effects,
        [
            Effect::ShowWindow,
            Effect::Push(ViewUpdate::Show(Tab::Settings))
        ]
    );
    harness.event(Event::WindowClosed);
    harness.event(Event::Tray(TrayEvent::Review));
    let effects = harness.command(Command::Load).unwrap();
    assert_eq!(
        effects.last(),
        Some(&Effect::Push(ViewUpdate::Show(Tab::Review)))
    );
}

#[test]
fn without_a_tray_host_the_window_comes_up_and_says_so() {
    let mut harness = AppHarness::new();
    let effects = harness.event(Event::TrayHost(false));
    assert_eq!(effects, [Effect::ShowWindow]);
    assert!(harness.app.state.warnings.contains_key("tray"));
    assert_eq!(trays(&harness.event(Event::Tick)), 0);
    assert_eq!(trays(&harness.event(Event::TrayHost(true))), 1);
    assert!(!harness.app.state.warnings.contains_key("tray"));
}

#[test]
fn a_panel_that_restarts_brings_no_window_up() {
    let mut harness = AppHarness::signed_in(snapshot(0, vec![]));
    assert_eq!(harness.event(Event::TrayHost(false)), []);
    assert!(harness.app.state.warnings.contains_key("tray"));
    assert_eq!(trays(&harness.event(Event::TrayHost(true))), 1);
}

#[test]
fn a_tray_that_cannot_be_made_is_tried_again_when_a_host_registers() {
    let mut harness = AppHarness::new();
    assert_eq!(trays(&harness.event(Event::TrayHost(true))), 1);
    let effects = harness.event(Event::TrayFailed("(no host)".to_owned()));
    assert_eq!(effects, [Effect::ShowWindow]);
    let warning = &harness.app.state.warnings["tray"];
    assert_eq!(warning.details.as_deref(), Some("(no host)"));
    assert!(!warning.text.contains("(no host)"), "{}", warning.text);
    assert_eq!(trays(&harness.event(Event::Tick)), 0);
    assert_eq!(trays(&harness.event(Event::TrayHost(true))), 1);
}

#[test]
fn an_ended_session_signs_out_and_says_so() {
    let mut harness = AppHarness::signed_in(snapshot(0, payroll(granted(45))));
    let effects = harness.update(Update::SessionEnded);
    assert!(effects.contains(&Effect::SignOut));
    let SignIn::SignedOut { error: Some(why) } = &harness.app.state.sign_in else {
        panic!("signed out");
    };
    assert!(why.contains("Sign in again"));
    assert_eq!(harness.app.state.model.resources.len(), 0);
}

#[test]
fn late_news_of_an_earlier_session_change_nothing() {
    let mut harness = AppHarness::signed_in(snapshot(0, vec![]));
    harness.command(Command::SignOut).unwrap();
    let late = Update::Snapshot(Box::new(snapshot(0, payroll(locked()))));
    let effects = harness.update(late);
    assert_eq!(effects, []);
    assert_eq!(harness.app.state.model.resources.len(), 0);
}

#[test]
fn a_keyring_that_fails_is_said_aloud_and_forgotten_when_it_works_again() {
    let mut harness = AppHarness::signed_in(snapshot(0, vec![]));
    let place = "The sign-in is kept in the system's keyring.".to_owned();
    let unsaved = Some(SecretError::Locked.into());
    let stored = TokenStorage {
        place: place.clone(),
        unsaved,
    };
    harness.event(Event::Stored(stored));
    assert!(
        harness.app.state.warnings["keyring"]
            .text
            .contains("locked")
    );
    assert!(harness.app.state.secret_store.contains("memory"));
    let unsaved = None;
    harness.event(Event::Stored(TokenStorage { place, unsaved }));
    assert!(harness.app.state.warnings.is_empty());
    assert!(harness.app.state.secret_store.contains("keyring"));
}

#[test]
fn settings_with_a_mistake_are_never_overwritten() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("config/config.toml");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, "notificatons = false\n").unwrap();
    let mut harness = AppHarness::in_folder(folder, Arc::default());
    harness.app.start();
    let refused = harness.command(Command::SetNotifications { on: false });
    assert!(refused.unwrap_err().contains("line 1"));
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        "notificatons = false\n"
    );
    assert!(harness.app.state.warnings.contains_key("config"));
}

#[test]
fn what_the_command_line_wrote_into_the_settings_meanwhile_stays() {
    let mut harness = AppHarness::signed_in(snapshot(0, vec![]));
    let file = harness.app.folders.config_file();
    let store = hourkey_client::config::StoreKind::File;
    Config::change(&file, |config| config.cli.store = store).unwrap();
    harness
        .command(Command::SetNotifications { on: false })
        .unwrap();
    let config = Config::load(&file).unwrap();
    assert_eq!((config.notifications, config.cli.store), (false, store));
}

#[test]
fn quitting_ends_the_loop_and_then_the_app() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let AppHarness {
            app, mut events, ..
        } = AppHarness::new();
        let (sender, received) = mpsc::channel(4);
        sender.send(Event::Tray(TrayEvent::Quit)).await.unwrap();
        let run = tokio::spawn(app.run(received));
        while !matches!(events.recv().await, Some(Event::Quit)) {}
        sender.send(Event::Quit).await.unwrap();
        run.await.unwrap();
    });
}

#[test]
fn programs_learn_the_entry_and_locked_resources_ask_for_access() {
    let mut harness = AppHarness::signed_in(snapshot(0, payroll(locked())));
    let addresses = ProxyAddresses {
        proxy: "http://127.0.0.1:8421".to_owned(),
        pac: "http://127.0.0.1:8421/secret.pac".to_owned(),
        versioned_pac: "http://127.0.0.1:8421/secret.pac?v=1".to_owned(),
    };
    harness.event(Event::LocalProxy(ProxyEvent::Listens(addresses.clone())));
    let shown = crate::view_models::view_models(&harness.app.state, harness.app.now());
    let shows = shown.iter().any(|update| match update {
        ViewUpdate::Settings(settings) => settings
            .local_proxy
            .as_ref()
            .is_some_and(|proxy| proxy.pac == addresses.pac),
        _ => false,
    });
    assert!(shows, "the settings show it");
    harness.command(Command::CopyPac).unwrap();
    harness.command(Command::CopyProxy).unwrap();

    let resource = ResourceId(1);
    let access_prompt = |page: Option<&str>| {
        let page = page.map(|page| page.parse().unwrap());
        Event::LocalProxy(ProxyEvent::AccessPrompt { resource, page })
    };
    let page =
        "https://hourkey.example/resources/1/request?as=ada&back=8421-AAAAAAAAAAAAAAAAAAAAAA";
    let opened = harness.event(access_prompt(Some(page)));
    assert!(
        opened.contains(&Effect::OpenPage(page.to_owned())),
        "with the return target: {opened:?}"
    );
    let reminded = harness.event(access_prompt(None));
    assert!(
        reminded
            .iter()
            .any(|effect| matches!(effect, Effect::Notify(notification)
            if notification.message.title == "Payroll database is locked")),
        "{reminded:?}"
    );
    let blocked = harness.event(Event::LocalProxy(ProxyEvent::Blocked(BlockedConnection {
        asked: "wiki.corp".to_owned(),
        inside: Some("other.corp".to_owned()),
    })));
    let names_both = |text: &str| text.contains("wiki.corp") && text.contains("other.corp");
    assert!(
        blocked
            .iter()
            .any(|effect| matches!(effect, Effect::Notify(notification)
        if names_both(&notification.message.body)))
    );
    // Put off, it is not reminded of for an hour.
    harness.command(Command::Snooze { resource: 1 }).unwrap();
    let reminds = |effects: &[Effect]| effects.iter().any(|it| matches!(it, Effect::Notify(_)));
    let early = harness.event(access_prompt(None));
    assert!(!reminds(&early), "{early:?}");
    harness.until(61);
    let later = harness.event(access_prompt(None));
    assert!(reminds(&later), "{later:?}");

    // A port of this computer leads to a database, once, and its address is copied.
    let mut database = self::resource(1, "Payroll database", self::granted(45));
    (database.url, database.ports) = (None, "5432".parse().unwrap());
    harness.update(changes(0, vec![database], vec![]));
    let forward = harness.event(Event::Tray(TrayEvent::Forward(resource)));
    let to = "r1.corp:5432".to_owned();
    assert!(
        forward.contains(&Effect::Forward(resource, to.clone())),
        "{forward:?}"
    );
    let address = "127.0.0.1:15432".to_owned();
    let news = ProxyEvent::Forwards {
        resource,
        to: to.parse().unwrap(),
        address: address.clone(),
    };
    let effects = harness.event(Event::LocalProxy(news));
    assert!(
        effects.contains(&Effect::Copy(address.clone())),
        "{effects:?}"
    );
    let again = harness.event(Event::Tray(TrayEvent::Forward(resource)));
    assert_eq!(again, [Effect::Copy(address)]);
    // Given back, its connections end, and that is said once.
    let mut database = self::resource(1, "Payroll database", locked());
    (database.url, database.ports) = (None, "5432".parse().unwrap());
    let says = |effects: &[Effect]| {
        effects.iter().any(|effect| {
            matches!(effect, Effect::Notify(notification)
                if notification.message.body.starts_with("Connections through 127.0.0.1:15432"))
        })
    };
    let given_back = harness.update(changes(0, vec![database.clone()], vec![]));
    assert!(says(&given_back), "{given_back:?}");
    let later = harness.update(changes(0, vec![database], vec![]));
    assert!(!says(&later), "{later:?}");
    let moved = harness.update(changes(0, payroll(self::granted(45)), vec![]));
    assert!(moved.contains(&Effect::EndForward(resource)), "{moved:?}");
    assert!(harness.app.state.forwards.is_empty());

    // Browsers are set up when the person says so, and not where another proxy is.
    let follows = |effects: &[Effect], pac: Option<&str>| {
        effects.contains(&Effect::Browsers(pac.map(str::to_owned)))
    };
    harness.app.effects.other_proxy = true;
    assert!(harness.command(Command::SetBrowsers { on: true }).is_err());
    assert!(!harness.app.state.config.browsers);
    harness.app.effects.other_proxy = false;
    let followed = harness.command(Command::SetBrowsers { on: true }).unwrap();
    assert!(
        follows(&followed, Some(&addresses.versioned_pac)),
        "{followed:?}"
    );
    assert!(
        Config::load(&harness.app.folders.config_file())
            .unwrap()
            .browsers,
        "remembered for the next start"
    );
    let moved = ProxyAddresses {
        versioned_pac: "http://127.0.0.1:8421/secret.pac?v=2".to_owned(),
        ..addresses
    };
    let followed = harness.event(Event::LocalProxy(ProxyEvent::Listens(moved.clone())));
    assert!(
        follows(&followed, Some(&moved.versioned_pac)),
        "{followed:?}"
    );

    // Nothing of it is left once nobody is signed in.
    let restored = harness.command(Command::SignOut).unwrap();
    assert!(follows(&restored, None), "{restored:?}");
    assert!(harness.app.state.local_proxy.is_none());
    assert!(harness.command(Command::CopyPac).is_err());
    // And what a session that is given up still says counts for nothing.
    harness.event(Event::LocalProxy(ProxyEvent::Listens(moved)));
    assert!(harness.app.state.local_proxy.is_none());
}
