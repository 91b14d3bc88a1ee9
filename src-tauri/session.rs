//! The session task: signs in, follows the stream, makes calls. What comes of it arrives at the app as
//! [`Event`]s.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hourkey_client::api::ApiError;
use hourkey_client::live::LiveClient;
use hourkey_client::model::Model;
use hourkey_client::secrets::{Keyring, SecretStore};
use hourkey_client::session::{self, Session, SessionConfig};
use hourkey_client::sign_in;
use hourkey_clock::Clock;
use hourkey_protocol::access::{Approve, Comment};
use hourkey_protocol::oauth::DESKTOP_CLIENT;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use url::Url;

use crate::command::SessionCommand;
use crate::event::{Event, Reply, ResumeResult, SessionNews, TokenStorage};
use crate::failure::Failure;
use crate::local_proxy::SessionProxy;
use crate::state::{NewSession, SessionId};
use crate::{local_proxy, opener, platform};

/// Runs the session task. Ends when the sender of `commands` is gone.
pub(crate) async fn run(
    mut commands: mpsc::UnboundedReceiver<(SessionCommand, Reply)>,
    clock: Arc<dyn Clock>,
    state: PathBuf,
    events: mpsc::Sender<Event>,
) {
    let mut task = SessionTask {
        clock,
        state,
        events,
        last: 0,
        running: None,
        attempt: JoinSet::new(),
        try_keyring_again: false,
    };
    loop {
        let command = tokio::select! {
            command = commands.recv() => command,
            model = next_model(&mut task.running) => {
                task.forward(model).await;
                continue;
            }
            result = sign_in_result(&mut task.attempt) => {
                task.finish(result).await;
                continue;
            }
        };
        match command {
            Some((command, reply)) => task.handle(command, reply).await,
            None => return,
        }
    }
}

const NOT_SIGNED_IN: &str = "Nobody is signed in. Sign in first.";

struct SessionTask {
    clock: Arc<dyn Clock>,
    /// The folder of what the programs remember.
    state: PathBuf,
    events: mpsc::Sender<Event>,
    /// The id of the last session; ids grow with each sign-in.
    last: u64,
    running: Option<ActiveSession>,
    /// The sign-in through the browser that is under way, if any. Ends when dropped.
    attempt: JoinSet<Result<Session, String>>,
    /// The keyring refused the kept sign-in: it may be open by the next time somebody asks.
    try_keyring_again: bool,
}

struct ActiveSession {
    id: SessionId,
    client: LiveClient,
    /// The client's model.
    model: watch::Receiver<Arc<Model>>,
    place: String,
    stored: Option<TokenStorage>,
    local_proxy: SessionProxy,
}

impl SessionTask {
    async fn handle(&mut self, command: SessionCommand, reply: Reply) {
        match command {
            SessionCommand::Resume(controller) => {
                let resumed = self.resume(controller).await;
                self.try_keyring_again = matches!(resumed, ResumeResult::Failed(_));
                self.emit(Event::Resumed(resumed)).await;
            }
            SessionCommand::SignIn(controller) => self.sign_in(controller).await,
            SessionCommand::CancelSignIn => self.attempt = JoinSet::new(),
            SessionCommand::SignOut => self.sign_out(),
            SessionCommand::Reconnect => {
                if let Some(running) = &self.running {
                    running.client.model().reconnect();
                }
            }
            SessionCommand::Forward { resource, to } => match &mut self.running {
                Some(running) => reply.send(running.local_proxy.forward(resource, to).await),
                None => reply.fail(NOT_SIGNED_IN),
            },
            SessionCommand::EndForward(resource) => {
                if let Some(running) = &mut self.running {
                    running.local_proxy.end_forward(resource);
                }
            }
            SessionCommand::Cancel(request) => self.call(reply, move |session| async move {
                session.cancel(request).await.map(drop)
            }),
            SessionCommand::Release(grant) => self.call(reply, move |session| async move {
                session.release(grant).await.map(drop)
            }),
            SessionCommand::Approve {
                request,
                seconds,
                comment,
            } => {
                let seconds = seconds.map(u64::from);
                let how = Approve { seconds, comment };
                self.call(reply, move |session| async move {
                    session.approve(request, &how).await.map(drop)
                });
            }
            SessionCommand::Deny { request, comment } => {
                self.call(reply, move |session| async move {
                    session.deny(request, &Comment { comment }).await.map(drop)
                });
            }
            SessionCommand::Undo(request) => self.call(reply, move |session| async move {
                session.undo(request).await.map(drop)
            }),
        }
    }

    /// Calls the controller; the next command need not wait for its answer.
    fn call<C, A>(&self, reply: Reply, call: C)
    where
        C: FnOnce(Session) -> A,
        A: Future<Output = Result<(), ApiError>> + Send + 'static,
    {
        match &self.running {
            Some(running) => {
                let answer = call(running.client.session().clone());
                tokio::spawn(async move {
                    reply.send(answer.await.map_err(|error| error.to_string()));
                });
            }
            None => reply.fail(NOT_SIGNED_IN),
        }
    }

    async fn resume(&mut self, controller: Url) -> ResumeResult {
        let config = match self.session_config(controller) {
            Ok(config) => config,
            Err(why) => {
                return ResumeResult::Failed(Failure {
                    text: "Hourkey cannot use the network as it is set up here.".to_owned(),
                    remedy: "See the details, and change that.".to_owned(),
                    details: Some(why),
                });
            }
        };
        match Session::resume(config).await {
            Ok(Some(session)) => ResumeResult::Found(self.begin(session, None).await),
            Ok(None) => ResumeResult::NothingStored,
            Err(error) => ResumeResult::Failed(error.into()),
        }
    }

    async fn sign_in(&mut self, controller: Url) {
        if std::mem::take(&mut self.try_keyring_again)
            && let ResumeResult::Found(signed) = self.resume(controller.clone()).await
        {
            return self.emit(Event::SignedIn(Ok(signed))).await;
        }
        let config = match self.session_config(controller) {
            Ok(config) => config,
            Err(sentence) => return self.emit(Event::SignedIn(Err(sentence))).await,
        };
        self.attempt = JoinSet::new();
        self.attempt.spawn(async move {
            let (reply, opened) = oneshot::channel();
            let label = format!("Hourkey on {}", platform::machine_name());
            let browser = sign_in::through_browser(config, &label, |url| {
                opener::open(url.as_str(), None, Reply::Window(reply));
            });
            tokio::select! {
                result = browser => result.map_err(|error| error.to_string()),
                // Without a browser there is nothing to wait for.
                Ok(Err(sentence)) = opened => Err(sentence),
            }
        });
    }

    async fn finish(&mut self, result: Result<Session, String>) {
        let result = match result {
            Ok(session) => {
                let at = session.signed_in_at();
                Ok(self.begin(session, at).await)
            }
            Err(sentence) => Err(sentence),
        };
        self.emit(Event::SignedIn(result)).await;
    }

    async fn begin(&mut self, session: Session, at: Option<Duration>) -> NewSession {
        self.last += 1;
        let id = SessionId(self.last);
        let controller = session.controller().clone();
        let client = local_proxy::client(id, &session, &self.events);
        let files = local_proxy::files(&self.state, &controller);
        let dialer = client.dialer().clone();
        let local_proxy = SessionProxy::start(id, dialer, &files, &self.events).await;
        let addresses = local_proxy.addresses();
        self.running = Some(ActiveSession {
            id,
            local_proxy,
            place: Keyring::of(DESKTOP_CLIENT, &controller).describe(),
            model: client.model().watch(),
            client,
            stored: None,
        });
        NewSession {
            id,
            controller,
            at,
            local_proxy: addresses,
        }
    }

    async fn forward(&mut self, model: Arc<Model>) {
        let Some(running) = &mut self.running else {
            return;
        };
        let id = running.id;
        running.local_proxy.observe(&model).await;
        // Each refresh stores the next token, or fails to.
        let stored = TokenStorage {
            place: running.place.clone(),
            unsaved: running.client.session().unsaved().map(Failure::from),
        };
        let is_news = running.stored.as_ref() != Some(&stored);
        running.stored = Some(stored.clone());
        let news = SessionNews::Model(model);
        self.emit(Event::Session { id, news }).await;
        if is_news {
            let news = SessionNews::Stored(stored);
            self.emit(Event::Session { id, news }).await;
        }
    }

    fn sign_out(&mut self) {
        let Some(running) = self.running.take() else {
            return;
        };
        let session = running.client.session().clone();
        let files = local_proxy::files(&self.state, session.controller());
        tokio::spawn(async move {
            files.forget().await;
            if let Err(error) = session.sign_out().await {
                tracing::warn!(%error, "cannot complete signing out");
            }
            // Worth nothing without the session; what stays of it does no harm.
            let _ = local_proxy::key(session.controller()).clear().await;
        });
    }

    fn session_config(&self, controller: Url) -> Result<SessionConfig, String> {
        Ok(SessionConfig {
            http: session::http().map_err(|error| error.to_string())?,
            store: Arc::new(Keyring::of(DESKTOP_CLIENT, &controller)),
            controller,
            client_id: DESKTOP_CLIENT,
            clock: Arc::clone(&self.clock),
            lock_file: None,
        })
    }

    async fn emit(&self, event: Event) {
        // The receiver is gone when the app ends.
        let _ = self.events.send(event).await;
    }
}

/// Returns the session's model once it has changed; never, while no session runs.
async fn next_model(running: &mut Option<ActiveSession>) -> Arc<Model> {
    if let Some(running) = running
        && running.model.changed().await.is_ok()
    {
        return Arc::clone(&running.model.borrow_and_update());
    }
    // Nothing changes after the session has ended.
    std::future::pending().await
}

/// Returns the result of the sign-in through the browser; never, while none is under way.
async fn sign_in_result(attempt: &mut JoinSet<Result<Session, String>>) -> Result<Session, String> {
    match attempt.join_next().await {
        Some(Ok(result)) => result,
        Some(Err(error)) => Err(format!("Signing in failed: {error}. Try again.")),
        None => std::future::pending().await,
    }
}
