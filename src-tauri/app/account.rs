//! Signing in and out, and what the controller says.

use std::sync::Arc;

use hourkey_client::model::{Connection, Model};
use url::Url;

use super::App;
use crate::command::SessionCommand;
use crate::effects::Effects;
use crate::event::{Reply, ResumeResult, SessionNews, TokenStorage};
use crate::failure::Failure;
use crate::files::Settings;
use crate::message::Topic;
use crate::notify::text;
use crate::state::{NewSession, SessionId, SignIn, Transition};

impl<E: Effects> App<E> {
    /// Changes the sign-in state. False when the event does not apply to it.
    pub(super) fn transition(&mut self, next: impl FnOnce(SignIn) -> Transition) -> bool {
        let (state, applies) = match next(std::mem::take(&mut self.state.sign_in)) {
            Ok(after) => (after, true),
            Err(before) => (before, false),
        };
        self.state.sign_in = state;
        applies
    }

    /// Resumes the stored sign-in; with no controller known, the window asks for one.
    pub(super) fn resume(&mut self) {
        self.transition(SignIn::resume);
        match &self.state.sign_in {
            SignIn::Resuming { controller } => {
                let controller = controller.clone();
                self.order(SessionCommand::Resume(controller));
            }
            SignIn::SignedOut { .. } | SignIn::SigningIn { .. } | SignIn::SignedIn(_) => {
                self.show(None, None);
            }
        }
    }

    /// Signs in at the controller last used; the window asks for one when there is none.
    pub(super) fn sign_in_again(&mut self) {
        match self.state.controller().cloned() {
            Some(controller) => self.sign_in(controller),
            None => self.show(None, None),
        }
    }

    pub(super) fn sign_in(&mut self, controller: Url) {
        // Not while somebody is signed in: an old notification's button, for example.
        if self.transition(|state| state.sign_in(controller.clone())) {
            self.order(SessionCommand::SignIn(controller));
        }
    }

    pub(super) fn cancel_sign_in(&mut self) {
        if self.transition(|state| state.not_signed_in(None)) {
            self.order(SessionCommand::CancelSignIn);
        }
    }

    pub(super) fn sign_out(&mut self) {
        self.order(SessionCommand::SignOut);
        self.end_session(None);
    }

    /// The stored sign-in was read. One that is not wanted any more was signed out meanwhile, which
    /// the session task does next.
    pub(super) fn resumed(&mut self, resumed: ResumeResult) {
        match resumed {
            ResumeResult::Found(new) => {
                if self.transition(|state| state.resumed(new.clone())) {
                    self.begin_session(new);
                }
            }
            ResumeResult::NothingStored => {
                self.transition(|state| state.not_resumed(None));
            }
            ResumeResult::Failed(mut failure) => {
                failure.remedy += " Then choose Sign in. Or sign in anew through the browser.";
                let why = failure.sentences();
                if self.transition(|state| state.not_resumed(Some(why.clone()))) {
                    self.notify_signed_out(why);
                    self.warn("keyring", failure);
                }
            }
        }
    }

    pub(super) fn signed_in(&mut self, result: Result<NewSession, String>) {
        match result {
            Ok(new) => {
                if self.transition(|state| state.signed_in(new.clone())) {
                    self.begin_session(new);
                } else {
                    // Cancelled meanwhile: a session that began all the same is ended.
                    self.order(SessionCommand::SignOut);
                }
            }
            Err(sentence) => {
                if self.transition(|state| state.not_signed_in(Some(sentence))) {
                    self.show(None, None);
                }
            }
        }
    }

    fn begin_session(&mut self, new: NewSession) {
        tracing::info!(session.number = new.id.0, "signed in");
        self.notifications.begin();
        match new.local_proxy {
            Ok(_) => self.set_browser_proxy(),
            Err(why) => self.warn(
                "local_proxy",
                Failure {
                    text: "Programs cannot reach your resources through Hourkey.".to_owned(),
                    remedy: "Sign out and in again, or use hourkey forward in a terminal."
                        .to_owned(),
                    details: Some(why),
                },
            ),
        }
        if self.state.config.controller.as_ref() != Some(&new.controller) {
            self.state.config.controller = Some(new.controller);
            self.save_settings(Reply::App(self.events.clone()));
        }
    }

    /// Ends the session, with all that belongs to it.
    fn end_session(&mut self, error: Option<String>) {
        let number = self.state.session().map(|session| session.id.0);
        tracing::info!(session.number = number, "signed out");
        self.transition(|state| Ok(state.end(error)));
        self.notifications.end();
        self.state.warnings.remove("local_proxy");
        self.set_browser_proxy();
    }

    /// Takes in news of a session. Those of an earlier one are stale.
    pub(super) fn session_news(&mut self, id: SessionId, news: SessionNews) {
        if !self.state.sign_in.is_current(id) {
            return;
        }
        match news {
            SessionNews::Model(model) => self.update(model),
            SessionNews::Stored(stored) => self.stored(stored),
            SessionNews::LocalProxy(news) => self.handle_proxy_event(news),
            SessionNews::DeliveryLog(result) => self.delivery_log_opened(result),
        }
    }

    fn update(&mut self, model: Arc<Model>) {
        let Some(session) = self.state.sign_in.session_mut() else {
            return;
        };
        if session.model.connection != model.connection {
            match &model.connection {
                Connection::Live => tracing::info!("controller stream established"),
                Connection::Lost { why, .. } => tracing::info!(why, "controller stream lost"),
                Connection::Connecting | Connection::Ended => {}
            }
        }
        session.model = model;
        let has_ended = session.model.connection == Connection::Ended;
        self.notifications.retry_opening();
        self.end_moved_forwards();
        self.notify_ended_forwards();
        if has_ended {
            self.order(SessionCommand::SignOut);
            let why = "The session has ended. Sign in again.".to_owned();
            self.end_session(Some(why.clone()));
            self.notify_signed_out(why);
        }
    }

    /// Notifies of the end of a session that the person did not end.
    fn notify_signed_out(&mut self, why: String) {
        let controller = self.state.controller().map(Url::to_string);
        let message = text::signed_out(why, controller.unwrap_or_default());
        self.notify_now(Topic::SignIn, message);
    }

    fn stored(&mut self, stored: TokenStorage) {
        match stored.unsaved {
            Some(mut failure) => {
                failure.remedy += " Until then you stay signed in only as long as Hourkey runs.";
                self.notify_now(Topic::SignIn, text::not_kept(failure.sentences()));
                self.warn("keyring", failure);
                self.state.secret_store =
                    "The sign-in is kept in memory, until Hourkey ends.".to_owned();
            }
            None => {
                self.state.warnings.remove("keyring");
                self.state.secret_store = stored.place;
            }
        }
    }

    /// Saves the settings. A failure is a sentence that says why not, and what to do.
    pub(super) fn save_settings(&mut self, reply: Reply) {
        match self.state.warnings.get("config") {
            // Saving would throw away what the person wrote into the file.
            Some(warning) => reply.fail(warning.text.clone()),
            None => {
                let settings = Settings::from(&self.state.config);
                self.effects.save_settings(settings, reply);
            }
        }
    }

    /// Asks something of the session task that is answered by an event, if at all.
    pub(super) fn order(&mut self, command: SessionCommand) {
        self.effects.session(command, Reply::Nobody);
    }
}
