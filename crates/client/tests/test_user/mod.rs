//! A person whose model the test moves.
#![allow(dead_code, reason = "each test uses some of it")]

use std::sync::{Arc, Mutex};

use hourkey_client::device::Device;
use hourkey_client::dial::{AccessPrompt, Dialer, PromptHandler};
use hourkey_client::local_proxy::{LocalProxy, ProxyFiles};
use hourkey_client::model::Model;
use hourkey_client::secrets::{MemoryOnly, Secret, SecretStore as _};
use hourkey_client::session::{self, Session, SessionConfig};
use hourkey_client::update::Update;
use hourkey_clock::Clock as _;
use hourkey_protocol::access::Resource;
use hourkey_protocol::event::Changes;
use hourkey_testkit::fake::{FakeController, TestClock, changes, snapshot};
use tokio::sync::watch;
use url::Url;

/// Keeps what a person would see.
#[derive(Default)]
pub struct Recorder(Mutex<Vec<String>>);

impl Recorder {
    pub fn seen(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn note(&self, what: &str, prompt: &AccessPrompt) {
        let path = prompt.page.path();
        self.0.lock().unwrap().push(format!("{what} {path}"));
    }
}

impl PromptHandler for Recorder {
    fn open_page(&self, prompt: &AccessPrompt) {
        self.note("page", prompt);
    }

    fn notify(&self, prompt: &AccessPrompt) {
        self.note("notify", prompt);
    }
}

/// A session with the controller at this address, by a refresh token of it.
pub async fn session(controller: &Url, refresh: String, clock: Arc<TestClock>) -> Session {
    let store = MemoryOnly::default();
    store.save(&Secret::new(refresh)).await.unwrap();
    let config = SessionConfig {
        http: session::http().unwrap(),
        controller: controller.clone(),
        client_id: "hourkey-cli",
        store: Arc::new(store),
        clock,
        lock_file: None,
    };
    Session::resume(config).await.unwrap().unwrap()
}

/// A person's model, moved by the test.
pub struct TestUser {
    pub model: watch::Sender<Arc<Model>>,
    pub prompts: Arc<Recorder>,
    pub dialer: Dialer,
    pub clock: Arc<TestClock>,
    controller: Url,
    state: tempfile::TempDir,
}

impl TestUser {
    pub async fn new(controller: &FakeController, resources: Vec<Resource>) -> Self {
        let clock = TestClock::new();
        let model = watch::Sender::new(Arc::<Model>::default());
        let snapshot = snapshot(1, 0, resources);
        let update = Update::Snapshot(Box::new(snapshot));
        model.send_modify(|model| Arc::make_mut(model).apply(update, clock.boot()));
        let store = Arc::new(MemoryOnly::default());
        let device = Device::new(
            session(&controller.url, controller.sign_in(), clock.clone()).await,
            store,
            "test",
        );
        let prompts = Arc::<Recorder>::default();
        let handler: Arc<dyn PromptHandler> = prompts.clone();
        let dialer = Dialer::new(device, model.subscribe(), handler, 2);
        Self {
            model,
            prompts,
            dialer,
            clock,
            controller: controller.url.clone(),
            state: tempfile::tempdir().unwrap(),
        }
    }

    /// A local proxy of this user.
    pub async fn local_proxy(&self) -> LocalProxy {
        let files = ProxyFiles::of(self.state.path(), "hourkey-test", &self.controller);
        LocalProxy::start(self.dialer.clone(), 0, &files)
            .await
            .unwrap()
    }

    /// The controller sends this row.
    pub fn change(&self, resource: Resource) {
        self.hear(vec![resource], false);
    }

    /// The controller says that gateways changed.
    pub fn networks_changed(&self) {
        self.hear(Vec::new(), true);
    }

    fn hear(&self, resources: Vec<Resource>, networks_changed: bool) {
        self.model.send_modify(|model| {
            let server_time = model.clock.now(self.clock.boot()).unwrap();
            let changes = Changes {
                server_time,
                networks_changed,
                ..changes(model.seq + 1, 0, resources)
            };
            let update = Update::Changes(Box::new(changes));
            Arc::make_mut(model).apply(update, self.clock.boot());
        });
    }
}
