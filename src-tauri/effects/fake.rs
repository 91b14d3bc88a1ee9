//! Effects that are recorded instead of carried out.

use std::path::Path;

use hourkey_client::config::Folders;
use hourkey_client::delivery::{DeliveryFile, DeliveryStart};
use tokio::sync::mpsc;
use url::Url;

use super::Effects;
use crate::command::SessionCommand;
use crate::event::{Activation, BrowserSwitch, Event, Reply, SessionNews};
use crate::files::{self, Settings};
use crate::message::{Notification, Topic};
use crate::state::SessionId;
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
    Session(SessionCommand),
    StartAtLogin(bool),
    Browsers(Option<String>),
    Quit,
}

type Answer = Box<dyn FnOnce(&mpsc::Sender<Event>) + Send>;

/// Records; every reply is that it went well. Files are read and written in their folders.
pub(crate) struct Fake {
    pub(crate) record: Vec<Effect>,
    /// The person has a proxy that Hourkey must leave alone.
    pub(crate) other_proxy: bool,
    /// Disk and desktop settings hang until [`Self::go_on`].
    pub(crate) hangs: bool,
    folders: Folders,
    events: mpsc::Sender<Event>,
    waiting: Vec<Answer>,
}

impl Fake {
    pub(crate) fn new(folders: Folders, events: mpsc::Sender<Event>) -> Self {
        Self {
            record: Vec::new(),
            other_proxy: false,
            hangs: false,
            folders,
            events,
            waiting: Vec::new(),
        }
    }

    /// Disk and desktop settings work again, on what was asked of them first.
    pub(crate) fn go_on(&mut self) {
        self.hangs = false;
        for act in std::mem::take(&mut self.waiting) {
            act(&self.events);
        }
    }

    fn later(&mut self, act: impl FnOnce(&mpsc::Sender<Event>) + Send + 'static) {
        if self.hangs {
            self.waiting.push(Box::new(act));
        } else {
            act(&self.events);
        }
    }

    /// What was done since the last look.
    pub(crate) fn take(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.record)
    }

    fn did(&mut self, effect: Effect) {
        self.record.push(effect);
    }
}

fn answer(events: &mpsc::Sender<Event>, event: Event) {
    // Full only when a test lets the app answer for too long.
    let _ = events.try_send(event);
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

    fn session(&mut self, command: SessionCommand, reply: Reply) {
        self.did(Effect::Session(command));
        reply.done();
    }

    fn save_settings(&mut self, settings: Settings, reply: Reply) {
        let folders = self.folders.clone();
        self.later(move |_| reply.send(files::save_settings(&folders, settings)));
    }

    fn open_delivery_log(&mut self, session: SessionId, start: DeliveryStart) {
        let folders = self.folders.clone();
        self.later(move |events| {
            let result = files::open_delivery_log(&folders, start);
            let news = SessionNews::DeliveryLog(result);
            answer(events, Event::Session { id: session, news });
        });
    }

    fn save_delivery_log(&mut self, file: DeliveryFile) {
        let folders = self.folders.clone();
        self.later(move |events| {
            let result = files::save_delivery_log(&folders, &file);
            answer(events, Event::DeliveryLogSaved(result));
        });
    }

    fn set_start_at_login(&mut self, on: bool, reply: Reply) {
        self.did(Effect::StartAtLogin(on));
        self.later(move |events| {
            let event = Event::StartAtLogin {
                is_on: Some(on),
                result: Ok(()),
                reply,
            };
            answer(events, event);
        });
    }

    fn set_browsers(&mut self, pac: Option<String>, asked: Option<BrowserSwitch>) {
        self.did(Effect::Browsers(pac.clone()));
        let result = match (&self.other_proxy, pac) {
            (true, Some(_)) => Err("This computer uses a proxy already.".to_owned()),
            (true, None) | (false, _) => Ok(()),
        };
        self.later(move |events| answer(events, Event::BrowsersSet { result, asked }));
    }

    fn quit(&mut self) {
        self.did(Effect::Quit);
    }
}
