//! The local proxy of a session: programs of this person reach their resources through it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use hourkey_client::device::{Device, key_entry};
use hourkey_client::dial::{AccessPrompt, BlockedConnection, Destination, Dialer, PromptHandler};
use hourkey_client::live::LiveClient;
use hourkey_client::local_proxy::{Forward, LocalProxy, ProxyFiles};
use hourkey_client::model::{Model, Rows};
use hourkey_client::secrets::Keyring;
use hourkey_client::session::Session;
use hourkey_domain::ids::ResourceId;
use hourkey_protocol::oauth::DESKTOP_CLIENT;
use tokio::sync::mpsc;
use url::Url;

use crate::event::{Event, ProxyEvent, SessionNews};
use crate::platform;
use crate::state::{ProxyAddresses, SessionId};

/// Warm connections to each gateway in use.
const WARM_CONNECTIONS: usize = 2;

/// The port of the first start, unless it is taken.
const FIRST_PORT: u16 = 8421;

/// Offset from the resource's port to the preferred local port (5432 → 15432).
const PORT_OFFSET: u16 = 10_000;

/// Where the device's key is kept.
pub(crate) fn key(controller: &Url) -> Keyring {
    Keyring::of(&key_entry(DESKTOP_CLIENT), controller)
}

/// The files of the local proxy, in the state folder.
pub(crate) fn files(state: &Path, controller: &Url) -> ProxyFiles {
    ProxyFiles::of(state, DESKTOP_CLIENT, controller)
}

/// The local proxy of one session, and its forwards. Ends when dropped.
pub(crate) struct SessionProxy {
    news: NewsSender,
    dialer: Dialer,
    forwards: BTreeMap<ResourceId, (Destination, Forward)>,
    /// The proxy; why there is none, as a sentence.
    proxy: Result<LocalProxy, String>,
    /// The addresses that the app knows.
    told: Option<ProxyAddresses>,
    /// The rows that they were made of.
    rows: Rows,
}

/// Sends the app news of the local proxy of one session.
struct NewsSender {
    session: SessionId,
    events: mpsc::Sender<Event>,
}

impl NewsSender {
    fn of(session: SessionId, events: &mpsc::Sender<Event>) -> Self {
        let events = events.clone();
        Self { session, events }
    }

    fn event(&self, news: ProxyEvent) -> Event {
        Event::Session {
            id: self.session,
            news: SessionNews::LocalProxy(news),
        }
    }

    async fn send(&self, news: ProxyEvent) {
        // The receiver is gone when the app ends.
        let _ = self.events.send(self.event(news)).await;
    }

    /// False when the queue is full, and the news is lost.
    fn try_send(&self, news: ProxyEvent) -> bool {
        self.events.try_send(self.event(news)).is_ok()
    }
}

/// Returns the live client of a session, whose prompts come as news of `id`.
pub(crate) fn client(id: SessionId, session: &Session, events: &mpsc::Sender<Event>) -> LiveClient {
    let key = Arc::new(key(session.controller()));
    let device = Device::new(session.clone(), key, platform::machine_name());
    let prompts = Arc::new(PromptForwarder(NewsSender::of(id, events)));
    LiveClient::start(device, prompts, WARM_CONNECTIONS)
}

impl SessionProxy {
    /// Starts the proxy. It calls the controller only once a program connects.
    pub(crate) async fn start(
        id: SessionId,
        dialer: Dialer,
        files: &ProxyFiles,
        events: &mpsc::Sender<Event>,
    ) -> Self {
        let proxy = LocalProxy::start_anywhere(dialer.clone(), FIRST_PORT, files).await;
        Self {
            news: NewsSender::of(id, events),
            dialer,
            forwards: BTreeMap::new(),
            told: proxy.as_ref().ok().map(addresses),
            proxy: proxy.map_err(|error| error.to_string()),
            rows: Rows::default(),
        }
    }

    /// Returns the addresses, or why there are none, as a sentence.
    pub(crate) fn addresses(&self) -> Result<ProxyAddresses, String> {
        self.proxy.as_ref().map(addresses).map_err(Clone::clone)
    }

    /// Lets programs reach a resource at a port of this computer, up to the end of the session.
    ///
    /// # Errors
    /// A sentence that says what went wrong.
    pub(crate) async fn forward(
        &mut self,
        resource: ResourceId,
        to: Destination,
    ) -> Result<(), String> {
        if self
            .forwards
            .get(&resource)
            .is_some_and(|(known, _)| *known == to)
        {
            // Asked for twice before the first answer.
            return Ok(());
        }
        let usual = to.port.checked_add(PORT_OFFSET).unwrap_or(0);
        let dialer = self.dialer.clone();
        let forward = match Forward::start(dialer.clone(), to.clone(), usual).await {
            Ok(forward) => forward,
            // Taken: any other port will do.
            Err(_) => Forward::start(dialer, to.clone(), 0)
                .await
                .map_err(|error| format!("No port of this computer can be used: {error}."))?,
        };
        let address = format!("127.0.0.1:{}", forward.port());
        self.forwards.insert(resource, (to.clone(), forward));
        let news = ProxyEvent::Forwards {
            resource,
            to,
            address,
        };
        self.news.send(news).await;
        Ok(())
    }

    /// Ends a forward, and its connections.
    pub(crate) fn end_forward(&mut self, resource: ResourceId) {
        self.forwards.remove(&resource);
    }

    /// Hears of a change. Sends new addresses when resources came, went or moved, for browsers that
    /// follow the app.
    pub(crate) async fn observe(&mut self, model: &Model) {
        if Arc::ptr_eq(&self.rows, &model.resources) {
            return;
        }
        self.rows = Arc::clone(&model.resources);
        if let Ok(now) = self.addresses()
            && self.told.as_ref() != Some(&now)
        {
            self.told = Some(now.clone());
            self.news.send(ProxyEvent::Listens(now)).await;
        }
    }
}

fn addresses(proxy: &LocalProxy) -> ProxyAddresses {
    ProxyAddresses {
        proxy: format!("http://127.0.0.1:{}", proxy.port()),
        pac: proxy.pac_url(),
        versioned_pac: proxy.versioned_pac_url(),
    }
}

/// Forwards access prompts to the app.
struct PromptForwarder(NewsSender);

impl PromptForwarder {
    fn prompt(&self, prompt: &AccessPrompt, page: Option<Url>) {
        let event = ProxyEvent::AccessPrompt {
            resource: prompt.resource.id,
            page,
        };
        if !self.0.try_send(event) {
            tracing::warn!("cannot queue an access prompt; it is dropped");
        }
    }
}

impl PromptHandler for PromptForwarder {
    fn open_page(&self, prompt: &AccessPrompt) {
        self.prompt(prompt, Some(prompt.page.clone()));
    }

    fn notify(&self, prompt: &AccessPrompt) {
        self.prompt(prompt, None);
    }

    fn blocked(&self, blocked: &BlockedConnection) {
        let news = ProxyEvent::Blocked(blocked.clone());
        if !self.0.try_send(news) {
            tracing::warn!(%blocked, "cannot queue a notification of a blocked connection; it is dropped");
        }
    }
}
