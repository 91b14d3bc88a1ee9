//! Signing in and out, and what the controller says.

use hourkey_client::model::{Connection, Model};
use hourkey_client::sync::Update;
use url::Url;

use super::App;
use crate::effects::Effects;
use crate::event::{NewSession, Reply, ResumeResult, TokenStorage};
use crate::files::Settings;
use crate::message::Topic;
use crate::notify::text;
use crate::state::SignIn;

impl<E: Effects> App<E> {
    /// Signs in at the controller last used; the window asks for one when there is none.
    pub(super) fn sign_in_again(&mut self) {
        match self.state.controller.clone() {
            Some(controller) => self.sign_in(controller),
            None => self.show(None, None),
        }
    }

    pub(super) fn sign_in(&mut self, controller: Url) {
        if self.state.sign_in == SignIn::SignedIn {
            // An old notification's button, for example.
            return;
        }
        self.state.sign_in = SignIn::SigningIn;
        self.state.controller = Some(controller.clone());
        self.effects.sign_in(controller);
    }

    pub(super) fn cancel_sign_in(&mut self) {
        if self.state.sign_in == SignIn::SigningIn {
            self.effects.cancel_sign_in();
            self.drop_local_proxy();
            self.state.sign_in = SignIn::SignedOut { error: None };
        }
    }

    pub(super) fn sign_out(&mut self) {
        self.effects.sign_out();
        self.forget(None);
    }

    pub(super) fn resumed(&mut self, resumed: ResumeResult) {
        if self.state.sign_in != SignIn::SignedIn {
            // Signed out while the keyring was asked; the session task does that next.
            return;
        }
        match resumed {
            ResumeResult::Found(signed) => self.begin(signed),
            ResumeResult::NothingStored => self.forget(None),
            ResumeResult::Failed(mut trouble) => {
                trouble.remedy += " Then choose Sign in. Or sign in anew through the browser.";
                self.signed_out(trouble.sentences());
                self.warn("keyring", trouble);
            }
        }
    }

    pub(super) fn signed_in(&mut self, result: Result<NewSession, String>) {
        if self.state.sign_in != SignIn::SigningIn {
            // Cancelled meanwhile: a session that began all the same is ended.
            if result.is_ok() {
                self.effects.sign_out();
            }
            return;
        }
        match result {
            Ok(signed) => self.begin(signed),
            Err(sentence) => {
                self.state.sign_in = SignIn::SignedOut {
                    error: Some(sentence),
                };
                self.show(None, None);
            }
        }
    }

    fn begin(&mut self, signed: NewSession) {
        tracing::info!(session.number = signed.session, "signed in");
        self.session = signed.session;
        self.state.sign_in = SignIn::SignedIn;
        self.state.model = Model::default();
        self.state.endings.clear();
        self.notifications.begin(signed.at);
        if self.state.config.controller.as_ref() != Some(&signed.controller) {
            self.state.controller = Some(signed.controller.clone());
            self.state.config.controller = Some(signed.controller);
            self.save_settings(Reply::App(self.events.clone()));
        }
    }

    /// Clears everything of the session.
    fn forget(&mut self, error: Option<String>) {
        tracing::info!(session.number = self.session, "signed out");
        self.session = 0;
        self.state.model = Model::default();
        self.state.endings.clear();
        self.notifications.end();
        self.drop_local_proxy();
        self.state.sign_in = SignIn::SignedOut { error };
    }

    /// Forgets the local proxy, which ends with its session.
    fn drop_local_proxy(&mut self) {
        self.state.local_proxy = None;
        self.state.forwards.clear();
        self.state.snoozed.clear();
        self.state.warnings.remove("local_proxy");
        self.set_browser_proxy();
    }

    pub(super) fn update(&mut self, update: Update) {
        if self.state.sign_in != SignIn::SignedIn {
            return;
        }
        match &update {
            Update::Live => tracing::info!("controller stream established"),
            Update::Lost { why, .. } => tracing::info!(why, "controller stream lost"),
            Update::Snapshot(_) | Update::Changes(_) | Update::SessionEnded => {}
        }
        self.state.model.apply(update, self.clock.boot());
        self.notifications.retry_opening();
        self.end_moved_forwards();
        self.notify_ended_forwards();
        if self.state.model.connection == Connection::Ended {
            self.effects.sign_out();
            self.signed_out("The session has ended. Sign in again.".to_owned());
        }
    }

    /// Handles the end of a session that the person did not end.
    fn signed_out(&mut self, why: String) {
        self.forget(Some(why.clone()));
        let controller = self.state.controller.as_ref().map(Url::to_string);
        let message = text::signed_out(why, controller.unwrap_or_default());
        self.notify_now(Topic::SignIn, message);
    }

    pub(super) fn stored(&mut self, stored: TokenStorage) {
        match stored.unsaved {
            Some(mut trouble) => {
                trouble.remedy += " Until then you stay signed in only as long as Hourkey runs.";
                self.notify_now(Topic::SignIn, text::not_kept(trouble.sentences()));
                self.warn("keyring", trouble);
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
}
