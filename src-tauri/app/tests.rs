//! The app's logic against recorded effects, under a clock that the test moves.

mod account;
mod drawing;
mod intents;
mod local_proxy;
mod notifications;
mod slow;

use std::sync::atomic::{AtomicU64, Ordering};

use hourkey_client::dial::BlockedConnection;
use hourkey_client::model::Model;
use hourkey_client::secrets::SecretError;
use hourkey_client::update::Update;
use hourkey_domain::ids::{GrantId, RequestId, ResourceId};
use hourkey_domain::lock::LockState;
use hourkey_protocol::access::Resource;
use hourkey_protocol::event::Snapshot;
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::*;
use crate::effects::fake::{Effect, Fake};
use crate::event::{ProxyEvent, Reply, ResumeResult, SessionNews, TokenStorage};
use crate::fixtures::{
    approved, at, changes, denied, granted, locked, me, notice, pending, please_review, resource,
    review, snapshot, zone,
};
use crate::intent::{Intent, Tab};
use crate::message::{Notification, NotifyError, Topic};
use crate::state::{NewSession, ProxyAddresses, SessionId};
use crate::view::{InboxKind, SessionState, ViewUpdate};

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
    /// What the controller has said.
    model: Model,
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
            model: Model::default(),
        }
    }

    /// Signed in just now, with a tray.
    fn signed_in(snapshot: Snapshot) -> Self {
        let mut harness = Self::new();
        harness.app.start();
        harness.event(Event::TrayHost(true));
        let controller = "https://hourkey.example".to_owned();
        harness.command(Intent::SignIn { controller }).unwrap();
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
        self.update_of(ID, update)
    }

    /// The controller says this to a session.
    fn update_of(&mut self, id: SessionId, update: Update) -> Vec<Effect> {
        self.model.apply(update, self.clock.boot());
        let news = SessionNews::Model(Arc::new(self.model.clone()));
        self.event(Event::Session { id, news })
    }

    fn command(&mut self, intent: Intent) -> Result<Vec<Effect>, String> {
        let (event, mut answer) = window(intent);
        let effects = self.event(event);
        answer.try_recv().unwrap().map(|()| effects)
    }

    /// A command of the window whose answer is not there yet.
    fn ask(&mut self, intent: Intent) -> oneshot::Receiver<Result<(), String>> {
        let (event, answer) = window(intent);
        self.event(event);
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

/// The id of the first session.
const ID: SessionId = SessionId(1);

fn signed(id: u64, at: Option<Duration>) -> NewSession {
    NewSession {
        id: SessionId(id),
        controller: "https://hourkey.example/".parse().unwrap(),
        at,
        local_proxy: Ok(addresses()),
    }
}

fn addresses() -> ProxyAddresses {
    ProxyAddresses {
        proxy: "http://127.0.0.1:8421".to_owned(),
        pac: "http://127.0.0.1:8421/secret.pac".to_owned(),
        versioned_pac: "http://127.0.0.1:8421/secret.pac?v=1".to_owned(),
    }
}

fn proxy_news(news: ProxyEvent) -> Event {
    let news = SessionNews::LocalProxy(news);
    Event::Session { id: ID, news }
}

/// What the window sends, and where the answer arrives.
fn window(intent: Intent) -> (Event, oneshot::Receiver<Result<(), String>>) {
    let (reply, answer) = oneshot::channel();
    let event = Event::Intent {
        intent,
        activation: None,
        reply: Some(Reply::Window(reply)),
    };
    (event, answer)
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
