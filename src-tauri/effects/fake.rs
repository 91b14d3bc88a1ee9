//! Effects that are recorded instead of carried out.

use std::path::Path;

use hourkey_client::dial::Destination;
use hourkey_domain::ids::ResourceId;
use url::Url;

use super::{Activation, ControllerCall, Effects, Reply};
use crate::notify::{Notification, Topic};
use crate::tray::Tray;
use crate::view::ViewUpdate;

/// What the app wanted to do.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Effect {
    Tray(Tray),
    Notify(Notification),
    Withdraw(Topic),
    OpenPage(String),
    OpenFolder(String),
    Copy(String),
    ShowWindow,
    CloseWindow,
    Push(ViewUpdate),
    Resume(Url),
    SignIn(Url),
    CancelSignIn,
    SignOut,
    Call(ControllerCall),
    Reconnect,
    Forward(ResourceId, String),
    EndForward(ResourceId),
    StartAtLogin(bool),
    Browsers(Option<String>),
    Quit,
}

/// Records; every reply is that it went well.
#[derive(Default)]
pub(crate) struct Fake {
    pub(crate) record: Vec<Effect>,
    pub(crate) starts_at_login: bool,
    /// The person has a proxy that Hourkey must leave alone.
    pub(crate) other_proxy: bool,
}

impl Fake {
    /// What was done since the last look.
    pub(crate) fn take(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.record)
    }

    fn did(&mut self, effect: Effect) {
        self.record.push(effect);
    }
}

impl Effects for Fake {
    fn set_tray(&mut self, tray: Tray) {
        self.did(Effect::Tray(tray));
    }

    fn notify(&mut self, notification: Notification) {
        self.did(Effect::Notify(notification));
    }

    fn withdraw(&mut self, topic: Topic) {
        self.did(Effect::Withdraw(topic));
    }

    fn open_page(&mut self, url: Url, _activation: Option<Activation>, reply: Reply) {
        self.did(Effect::OpenPage(url.into()));
        reply.done();
    }

    fn open_folder(&mut self, folder: &Path, reply: Reply) {
        self.did(Effect::OpenFolder(folder.display().to_string()));
        reply.done();
    }

    fn copy(&mut self, text: String, reply: Reply) {
        self.did(Effect::Copy(text));
        reply.done();
    }

    fn show_window(&mut self, _activation: Option<Activation>) {
        self.did(Effect::ShowWindow);
    }

    fn close_window(&mut self) {
        self.did(Effect::CloseWindow);
    }

    fn push(&mut self, update: ViewUpdate) {
        self.did(Effect::Push(update));
    }

    fn resume(&mut self, controller: Url) {
        self.did(Effect::Resume(controller));
    }

    fn sign_in(&mut self, controller: Url) {
        self.did(Effect::SignIn(controller));
    }

    fn cancel_sign_in(&mut self) {
        self.did(Effect::CancelSignIn);
    }

    fn sign_out(&mut self) {
        self.did(Effect::SignOut);
    }

    fn call(&mut self, call: ControllerCall, reply: Reply) {
        self.did(Effect::Call(call));
        reply.done();
    }

    fn forward(&mut self, resource: ResourceId, to: Destination, reply: Reply) {
        self.did(Effect::Forward(resource, to.to_string()));
        reply.done();
    }

    fn end_forward(&mut self, resource: ResourceId) {
        self.did(Effect::EndForward(resource));
    }

    fn reconnect(&mut self) {
        self.did(Effect::Reconnect);
    }

    fn set_start_at_login(&mut self, on: bool) -> Result<(), String> {
        self.starts_at_login = on;
        self.did(Effect::StartAtLogin(on));
        Ok(())
    }

    fn start_at_login(&self) -> Option<bool> {
        Some(self.starts_at_login)
    }

    fn set_browsers(&mut self, pac: Option<&str>) -> Result<(), String> {
        self.did(Effect::Browsers(pac.map(str::to_owned)));
        match (&self.other_proxy, pac) {
            (true, Some(_)) => Err("This computer uses a proxy already.".to_owned()),
            (true, None) | (false, _) => Ok(()),
        }
    }

    fn has_browsers(&self) -> bool {
        true
    }

    fn quit(&mut self) {
        self.did(Effect::Quit);
    }
}
