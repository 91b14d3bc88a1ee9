//! The local proxy: its forwards, its prompts, and the browsers that follow it.

use hourkey_client::dial::Destination;
use hourkey_domain::ids::ResourceId;
use hourkey_domain::lock::LockState;
use hourkey_protocol::access::Resource;

use super::App;
use crate::command::SessionCommand;
use crate::effects::Effects;
use crate::event::{BrowserSwitch, ProxyEvent, Reply};
use crate::failure::Failure;
use crate::message::Topic;
use crate::notify::text;
use crate::state::ActiveForward;

impl<E: Effects> App<E> {
    /// Handles an event of the local proxy.
    pub(super) fn handle_proxy_event(&mut self, news: ProxyEvent) {
        match news {
            ProxyEvent::Listens(addresses) => {
                if let Some(session) = self.state.sign_in.session_mut() {
                    session.local_proxy = Some(addresses);
                }
                self.set_browser_proxy();
            }
            ProxyEvent::Forwards {
                resource,
                to,
                address,
            } => {
                self.effects
                    .copy(address.clone(), Reply::App(self.events.clone()));
                if let Ok(row) = self.resource(resource) {
                    let message = text::forwards(&row.name, &address);
                    self.notify_now(Topic::Forward(resource), message);
                }
                let forwarded = ActiveForward {
                    to,
                    address,
                    is_open: self.resource(resource).is_ok_and(is_open),
                };
                if let Some(session) = self.state.sign_in.session_mut() {
                    session.forwards.insert(resource, forwarded);
                }
            }
            ProxyEvent::AccessPrompt {
                resource,
                page: Some(page),
            } if self.resource(resource).is_ok() => {
                let reply = Reply::App(self.events.clone());
                self.effects.open_page(page, None, reply);
            }
            ProxyEvent::Blocked(blocked) => {
                self.notify_now(Topic::Failure, text::blocked(&blocked));
            }
            ProxyEvent::AccessPrompt { resource, .. } => {
                let now = self.clock.boot();
                let is_snoozed = self.state.sign_in.session_mut().is_some_and(|session| {
                    session.snoozed.retain(|_, until| now < *until);
                    session.snoozed.contains_key(&resource)
                });
                if is_snoozed {
                    return;
                }
                if let Ok(row) = self.resource(resource) {
                    let message = text::access_prompt(&row.name, resource);
                    self.notify_now(Topic::AccessPrompt(resource), message);
                }
            }
        }
    }

    /// Lets programs reach a resource at a port of this computer, and copies where.
    pub(super) fn forward(&mut self, id: ResourceId, reply: Reply) {
        if let Some(forwarded) = self.state.forward(id) {
            let address = forwarded.address.clone();
            return self.effects.copy(address, reply);
        }
        let to = self.resource(id).map(Destination::of);
        match to {
            Ok(Some(to)) => {
                let forward = SessionCommand::Forward { resource: id, to };
                self.effects.session(forward, reply);
            }
            Ok(None) => reply.fail(
                "This resource has more than one host or port: run hourkey forward HOST:PORT in a \
                 terminal.",
            ),
            Err(sentence) => reply.fail(sentence),
        }
    }

    /// Ends the forwards whose resource is gone, or elsewhere by now.
    pub(super) fn end_moved_forwards(&mut self) {
        let Some(session) = self.state.sign_in.session_mut() else {
            return;
        };
        let model = &session.model;
        let has_moved = |id: &ResourceId, forwarded: &mut ActiveForward| {
            let to = model.row(*id).and_then(Destination::of);
            to.as_ref() != Some(&forwarded.to)
        };
        let moved: Vec<ResourceId> = session
            .forwards
            .extract_if(.., has_moved)
            .map(|(id, _)| id)
            .collect();
        for id in moved {
            self.order(SessionCommand::EndForward(id));
        }
    }

    /// Notifies of forwards whose connections ended with access, which their programs cannot say.
    pub(super) fn notify_ended_forwards(&mut self) {
        let Some(session) = self.state.sign_in.session_mut() else {
            return;
        };
        let mut ended = Vec::new();
        for (id, forwarded) in &mut session.forwards {
            let Some(row) = session.model.row(*id) else {
                continue;
            };
            let is_open = is_open(row);
            if std::mem::replace(&mut forwarded.is_open, is_open) && !is_open {
                let message = text::forward_ended(&row.name, &forwarded.address);
                ended.push((Topic::Forward(*id), message));
            }
        }
        for (topic, message) in ended {
            self.notify_now(topic, message);
        }
    }

    /// Lets browsers follow the local proxy, if that is wanted and there is one.
    pub(super) fn set_browser_proxy(&mut self) {
        self.ask_for_browser_proxy(None);
    }

    pub(super) fn ask_for_browser_proxy(&mut self, asked: Option<BrowserSwitch>) {
        if !self.state.has_browsers {
            return self.browsers_set(Ok(()), asked);
        }
        let proxy = self.state.local_proxy();
        let pac = proxy.filter(|_| self.state.config.browsers);
        let pac = pac.map(|proxy| proxy.versioned_pac.clone());
        self.effects.set_browsers(pac, asked);
    }

    /// Browsers follow, or why they do not. Answers come in the order in which they were asked for.
    pub(super) fn browsers_set(
        &mut self,
        result: Result<(), String>,
        asked: Option<BrowserSwitch>,
    ) {
        self.state.warnings.remove("browsers");
        match (result, asked) {
            (Ok(()), None) => {}
            (Ok(()), Some(BrowserSwitch { on, reply })) => {
                self.state.config.browsers = on;
                self.save_settings(reply);
            }
            (Err(why), Some(BrowserSwitch { reply, .. })) => {
                self.state.config.browsers = false;
                self.save_settings(Reply::App(self.events.clone()));
                reply.fail(why);
            }
            (Err(why), None) => {
                let failure = Failure {
                    text: format!("Browsers could not be set up. {why}"),
                    remedy: "Until then they do not reach private resources.".to_owned(),
                    details: None,
                };
                self.warn("browsers", failure);
            }
        }
    }
}

fn is_open(row: &Resource) -> bool {
    matches!(row.lock, LockState::Open { .. } | LockState::Granted { .. })
}
