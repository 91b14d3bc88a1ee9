//! Connections to resources, for as long as a command runs: the event stream is followed meanwhile.

use std::sync::Arc;

use hourkey_client::api::ApiError;
use hourkey_client::dial::{AccessPrompt, BlockedConnection, Dialer, PromptHandler};
use hourkey_client::live::LiveClient;
use hourkey_client::model::{Connection, Model};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;
use url::Url;

use crate::account::device;
use crate::exit::CommandError;
use crate::print;
use crate::text::visible;

/// The live client of a command, which says on standard error when the controller is away.
pub(crate) struct Live {
    client: LiveClient,
    _teller: AbortOnDropHandle<()>,
}

impl Live {
    /// Starts to follow. `ready` is [`Dialer::new`]'s.
    pub(crate) async fn start(prompts: PromptPrinter, ready: usize) -> Result<Self, CommandError> {
        let client = LiveClient::start(device().await?, Arc::new(prompts), ready);
        let teller = tell_connection(client.model().watch(), "Connected again.");
        Ok(Self {
            client,
            _teller: AbortOnDropHandle::new(tokio::spawn(teller)),
        })
    }

    /// The controller's origin.
    pub(crate) fn controller(&self) -> &Url {
        self.client.session().controller()
    }

    /// What opens connections.
    pub(crate) fn dialer(&self) -> &Dialer {
        self.client.dialer()
    }

    /// The model, now and whenever it changes.
    pub(crate) fn model(&self) -> watch::Receiver<Arc<Model>> {
        self.client.model().watch()
    }

    /// Waits for the first word of the controller, and gets this device its certificate.
    pub(crate) async fn ready(&self) -> Result<(), CommandError> {
        self.client.model().heard().await;
        Ok(self.dialer().prepare().await?)
    }

    /// Waits for the end of the session.
    pub(crate) async fn ended(&self) -> CommandError {
        self.client.model().ended().await;
        ApiError::SessionEnded.into()
    }
}

/// Says whenever the controller is away, for another reason than before, and when it is back. Ends with
/// the session.
pub(crate) async fn tell_connection(mut model: watch::Receiver<Arc<Model>>, back: &str) {
    let mut away = None;
    loop {
        let connection = model.borrow_and_update().connection.clone();
        match connection {
            Connection::Lost { why, .. } if away.as_ref() != Some(&why) => {
                print::note(format_args!("{} Still trying.", visible(&why)));
                away = Some(why);
            }
            Connection::Live if away.take().is_some() => print::note(back),
            Connection::Connecting
            | Connection::Live
            | Connection::Lost { .. }
            | Connection::Ended => {}
        }
        if model.changed().await.is_err() {
            return;
        }
    }
}

/// Opens request pages in the browser, and says on standard error what is going on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PromptPrinter {
    /// For one connection: all that concerns it.
    One,
    /// For many: only what the person should do.
    Many,
}

impl PromptHandler for PromptPrinter {
    fn open_page(&self, prompt: &AccessPrompt) {
        let (name, seconds) = (
            visible(&prompt.resource.name),
            prompt.hold_timeout.as_secs(),
        );
        if has_display() && open::that_detached(prompt.page.as_str()).is_ok() {
            print::note(format_args!(
                "{name} is locked: opened the request page, waiting up to {seconds} s…"
            ));
        } else {
            print::note(format_args!(
                "{name} is locked: ask for access at {}\nWaiting up to {seconds} s…",
                prompt.page
            ));
        }
    }

    fn notify(&self, prompt: &AccessPrompt) {
        print::note(format_args!(
            "{} is locked: ask for access at {}",
            visible(&prompt.resource.name),
            prompt.page
        ));
    }

    fn waits(&self, prompt: &AccessPrompt) {
        match self {
            Self::One => print::note(format_args!(
                "{} is not open yet; waiting up to {} s…",
                visible(&prompt.resource.name),
                prompt.hold_timeout.as_secs()
            )),
            Self::Many => {}
        }
    }

    fn blocked(&self, blocked: &BlockedConnection) {
        print::note(visible(&blocked.to_string()));
    }
}

/// Without a display, a browser in the terminal would take it over.
fn has_display() -> bool {
    let has = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    cfg!(not(all(unix, not(target_os = "macos")))) || has("WAYLAND_DISPLAY") || has("DISPLAY")
}
