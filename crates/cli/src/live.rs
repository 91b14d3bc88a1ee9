//! Connections to resources, for as long as a command runs: the event stream is followed meanwhile.

use std::sync::Arc;

use hourkey_client::api::ApiError;
use hourkey_client::dial::{AccessPrompt, BlockedConnection, Dialer, PromptHandler};
use hourkey_client::model::{Connection, Model};
use hourkey_client::sync::{Update, subscribe};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use url::Url;

use crate::account::device;
use crate::exit::CommandError;
use crate::print;
use crate::text::visible;

/// What is known of the controller's state, kept up to date, and connections by it.
pub(crate) struct Live {
    pub(crate) controller: Url,
    pub(crate) dialer: Dialer,
    pub(crate) model: watch::Receiver<Model>,
    subscription: JoinHandle<()>,
}

impl Live {
    /// Starts to follow. `ready` is [`Dialer::new`]'s.
    pub(crate) async fn start(prompts: PromptPrinter, ready: usize) -> Result<Self, CommandError> {
        let device = device().await?;
        let session = device.session().clone();
        let controller = session.controller().clone();
        let (tx, mut updates) = mpsc::channel(8);
        let (writer, model) = watch::channel(Model::default());
        let dialer = Dialer::new(device, model.clone(), Arc::new(prompts), ready);
        let subscription = tokio::spawn(async move {
            let _subscription = subscribe(session.clone(), tx);
            let mut lost = false;
            while let Some(update) = updates.recv().await {
                match &update {
                    Update::Lost { why, .. } => {
                        lost = true;
                        print::note(format_args!("{} Still trying.", visible(why)));
                    }
                    Update::Live if std::mem::take(&mut lost) => print::note("Connected again."),
                    Update::Live
                    | Update::Snapshot(_)
                    | Update::Changes(_)
                    | Update::SessionEnded => {}
                }
                writer.send_modify(|model| model.apply(update, session.clock().boot()));
            }
        });
        Ok(Self {
            controller,
            dialer,
            model,
            subscription,
        })
    }
}

impl Live {
    /// Waits for the first word of the controller, and gets this device its certificate.
    pub(crate) async fn ready(&self) -> Result<(), CommandError> {
        let mut model = self.model.clone();
        let heard = |model: &Model| model.me.is_some() || model.connection == Connection::Ended;
        // Gone only with the subscription, which lives as long as this.
        let _ = model.wait_for(heard).await;
        Ok(self.dialer.prepare().await?)
    }

    /// Waits for the end of the session.
    pub(crate) async fn ended(&self) -> CommandError {
        let mut model = self.model.clone();
        let _ = model
            .wait_for(|model| model.connection == Connection::Ended)
            .await;
        ApiError::SessionEnded.into()
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.subscription.abort();
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
