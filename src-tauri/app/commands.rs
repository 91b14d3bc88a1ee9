//! What people ask for, in the window, the tray menu and notifications.

use std::time::Duration;

use hourkey_client::dial::Destination;
use hourkey_client::pages;
use hourkey_domain::ids::{GrantId, RequestId, ResourceId};
use hourkey_domain::lock::LockState;
use hourkey_protocol::access::Resource;
use url::Url;

use super::App;
use crate::effects::{ControllerCall, Effects};
use crate::event::{Activation, BrowserSwitch, Event, ProxyEvent, Reply, TrayEvent};
use crate::message::Topic;
use crate::notify::text;
use crate::state::{ActiveForward, ProxyAddresses, SignIn};
use crate::trouble::Trouble;
use crate::view::{Command, Tab};

/// How long a snoozed resource causes no access prompts.
const SNOOZE: Duration = Duration::from_secs(60 * 60);

impl<E: Effects> App<E> {
    pub(super) fn tray_clicked(&mut self, event: TrayEvent) {
        let command = match event {
            TrayEvent::SignIn => return self.sign_in_again(),
            TrayEvent::CancelSignIn => return self.cancel_sign_in(),
            TrayEvent::More => return self.show(Some(Tab::Resources), None),
            TrayEvent::Review => return self.show(Some(Tab::Review), None),
            TrayEvent::Inbox => return self.show(Some(Tab::Inbox), None),
            TrayEvent::Show => return self.show(None, None),
            TrayEvent::Settings => return self.show(Some(Tab::Settings), None),
            TrayEvent::Quit => {
                // Through the queue: what was asked before is done before.
                if self.events.try_send(Event::Quit).is_err() {
                    self.effects.quit();
                }
                return;
            }
            TrayEvent::Authenticate(ResourceId(resource)) => Command::Authenticate { resource },
            TrayEvent::Open(ResourceId(resource)) => Command::Open { resource },
            TrayEvent::Copy(ResourceId(resource)) => Command::Copy { resource },
            TrayEvent::Forward(ResourceId(resource)) => Command::Forward { resource },
            TrayEvent::ViewRequest(RequestId(request)) => Command::ViewRequest { request },
            TrayEvent::CancelRequest(RequestId(request)) => Command::Cancel { request },
            TrayEvent::Release(GrantId(grant)) => Command::Release { grant },
        };
        let reply = Reply::App(self.events.clone());
        self.command(command, None, reply);
    }

    pub(super) fn command(
        &mut self,
        command: Command,
        activation: Option<Activation>,
        reply: Reply,
    ) {
        match command {
            Command::Load => {
                self.page_loaded();
                reply.done();
            }
            Command::Authenticate { resource } => {
                let id = ResourceId(resource);
                self.page(activation, reply, |url, login| pages::ask(url, id, login));
            }
            Command::ViewRequest { request } => {
                let id = RequestId(request);
                self.page(activation, reply, |url, login| {
                    pages::request(url, id, login)
                });
            }
            Command::ReviewPage { request } => {
                let id = RequestId(request);
                self.page(activation, reply, |url, login| {
                    pages::review(url, id, login)
                });
            }
            Command::ReadInbox => {
                self.read_inbox();
                reply.done();
            }
            Command::OpenPages => self.page(activation, reply, pages::access),
            Command::Open { resource } => match self.address(resource) {
                Ok(url) => self.effects.open_page(url, activation, reply),
                Err(sentence) => reply.fail(sentence),
            },
            Command::Copy { resource } => match self.resource(resource) {
                Ok(resource) => {
                    let address = resource.copied_address();
                    self.effects.copy(address, reply);
                }
                Err(sentence) => reply.fail(sentence),
            },
            Command::Snooze { resource } => {
                let until = self.clock.boot() + SNOOZE;
                self.state.snoozed.insert(ResourceId(resource), until);
                self.effects
                    .withdraw(Topic::AccessPrompt(ResourceId(resource)));
                reply.done();
            }
            Command::Forward { resource } => self.forward(ResourceId(resource), reply),
            Command::CopyProxy => self.copy_proxy_address(reply, |proxy| &proxy.proxy),
            Command::CopyPac => self.copy_proxy_address(reply, |proxy| &proxy.pac),
            Command::Cancel { request } => {
                self.effects
                    .call(ControllerCall::Cancel(RequestId(request)), reply);
            }
            Command::Release { grant } => {
                self.effects
                    .call(ControllerCall::Release(GrantId(grant)), reply);
            }
            Command::Approve {
                request,
                seconds,
                comment,
            } => {
                let request = RequestId(request);
                let call = ControllerCall::Approve {
                    request,
                    seconds,
                    comment,
                };
                self.effects.call(call, reply);
            }
            Command::Deny { request, comment } => {
                let request = RequestId(request);
                self.effects
                    .call(ControllerCall::Deny { request, comment }, reply);
            }
            Command::SignIn { controller } => {
                match hourkey_protocol::controller_url::parse(&controller) {
                    Ok(url) => {
                        self.sign_in(url);
                        reply.done();
                    }
                    Err(error) => reply.fail(error.to_string()),
                }
            }
            Command::CancelSignIn => {
                self.cancel_sign_in();
                reply.done();
            }
            Command::SignOut => {
                self.sign_out();
                reply.done();
            }
            Command::SetStartAtLogin { on } => {
                self.effects.set_start_at_login(on, reply);
            }
            Command::SetBrowsers { on } => {
                self.state.config.browsers = on;
                self.ask_for_browser_proxy(Some(BrowserSwitch { on, reply }));
            }
            Command::SetNotifications { on } => {
                self.state.config.notifications = on;
                if !on {
                    self.state.warnings.remove("notifications");
                }
                self.save_settings(reply);
            }
            Command::OpenLogs => self.effects.open_folder(&self.state.logs, reply),
            Command::CloseWindow => {
                self.effects.close_window();
                reply.done();
            }
        }
    }

    /// Opens a page of the controller, with the hint of who should be signed in there.
    fn page(
        &mut self,
        activation: Option<Activation>,
        reply: Reply,
        page: impl FnOnce(&Url, &str) -> Url,
    ) {
        match &self.state.controller {
            Some(controller) => {
                let url = page(controller, self.state.login());
                self.effects.open_page(url, activation, reply);
            }
            None => reply.fail("Nobody is signed in. Sign in first."),
        }
    }

    /// Handles an event of the local proxy.
    pub(super) fn handle_proxy_event(&mut self, news: ProxyEvent) {
        if let SignIn::SignedOut { .. } = self.state.sign_in {
            // From a session that has ended.
            return;
        }
        match news {
            ProxyEvent::Listens(addresses) => {
                self.state.warnings.remove("local_proxy");
                self.state.local_proxy = Some(addresses);
                self.set_browser_proxy();
            }
            ProxyEvent::Forwards {
                resource,
                to,
                address,
            } => {
                self.effects
                    .copy(address.clone(), Reply::App(self.events.clone()));
                if let Ok(row) = self.resource(resource.0) {
                    let message = text::forwards(&row.name, &address);
                    self.notify_now(Topic::Forward(resource), message);
                }
                let forwarded = ActiveForward {
                    to,
                    address,
                    is_open: self.is_open(resource),
                };
                self.state.forwards.insert(resource, forwarded);
            }
            ProxyEvent::Failed(why) => self.warn(
                "local_proxy",
                Trouble {
                    text: "Programs cannot reach your resources through Hourkey.".to_owned(),
                    remedy: "Sign out and in again, or use hourkey forward in a terminal."
                        .to_owned(),
                    details: Some(why),
                },
            ),
            ProxyEvent::AccessPrompt {
                resource,
                page: Some(page),
            } if self.resource(resource.0).is_ok() => {
                let reply = Reply::App(self.events.clone());
                self.effects.open_page(page, None, reply);
            }
            ProxyEvent::Blocked(blocked) => {
                self.notify_now(Topic::Failure, text::blocked(&blocked));
            }
            ProxyEvent::AccessPrompt { resource, .. } => {
                let now = self.clock.boot();
                self.state.snoozed.retain(|_, until| now < *until);
                if self.state.snoozed.contains_key(&resource) {
                    return;
                }
                if let Ok(row) = self.resource(resource.0) {
                    let message = text::access_prompt(&row.name, resource);
                    self.notify_now(Topic::AccessPrompt(resource), message);
                }
            }
        }
    }

    /// Lets programs reach a resource at a port of this computer, and copies where.
    fn forward(&mut self, id: ResourceId, reply: Reply) {
        if let Some(forwarded) = self.state.forwards.get(&id) {
            return self.effects.copy(forwarded.address.clone(), reply);
        }
        let to = self.resource(id.0).map(Destination::of);
        match to {
            Ok(Some(to)) => self.effects.forward(id, to, reply),
            Ok(None) => reply.fail(
                "This resource has more than one host or port: run hourkey forward HOST:PORT in a \
                 terminal.",
            ),
            Err(sentence) => reply.fail(sentence),
        }
    }

    /// Ends the forwards whose resource is gone, or elsewhere by now.
    pub(super) fn end_moved_forwards(&mut self) {
        let resources = &self.state.model.resources;
        let moved = |(id, forwarded): (&ResourceId, &ActiveForward)| {
            let to = resources.get(id).and_then(Destination::of);
            (to.as_ref() != Some(&forwarded.to)).then_some(*id)
        };
        let moved: Vec<ResourceId> = self.state.forwards.iter().filter_map(moved).collect();
        for id in moved {
            self.state.forwards.remove(&id);
            self.effects.end_forward(id);
        }
    }

    /// Notifies of forwards whose connections ended with access, which their programs cannot say.
    pub(super) fn notify_ended_forwards(&mut self) {
        let now_open = |id: &ResourceId| (*id, self.is_open(*id));
        let now_open: Vec<(ResourceId, bool)> = self.state.forwards.keys().map(now_open).collect();
        for (id, is_open) in now_open {
            let Some(forwarded) = self.state.forwards.get_mut(&id) else {
                continue;
            };
            let was_open = std::mem::replace(&mut forwarded.is_open, is_open);
            let address = forwarded.address.clone();
            if was_open
                && !is_open
                && let Ok(row) = self.resource(id.0)
            {
                let message = text::forward_ended(&row.name, &address);
                self.notify_now(Topic::Forward(id), message);
            }
        }
    }

    fn is_open(&self, id: ResourceId) -> bool {
        let lock = self.state.model.resources.get(&id).map(|row| &row.lock);
        matches!(
            lock,
            Some(LockState::Open { .. } | LockState::Granted { .. })
        )
    }

    /// Lets browsers follow the local proxy, if that is wanted and there is one.
    pub(super) fn set_browser_proxy(&mut self) {
        self.ask_for_browser_proxy(None);
    }

    fn ask_for_browser_proxy(&mut self, asked: Option<BrowserSwitch>) {
        if !self.state.has_browsers {
            return self.browsers_set(Ok(()), asked);
        }
        let proxy = self.state.local_proxy.as_ref();
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
                let trouble = Trouble {
                    text: format!("Browsers could not be set up. {why}"),
                    remedy: "Until then they do not reach private resources.".to_owned(),
                    details: None,
                };
                self.warn("browsers", trouble);
            }
        }
    }

    fn copy_proxy_address(&mut self, reply: Reply, which: fn(&ProxyAddresses) -> &String) {
        match &self.state.local_proxy {
            Some(proxy) => self.effects.copy(which(proxy).clone(), reply),
            None => reply.fail("Nothing listens for programs now. Sign in first."),
        }
    }

    fn resource(&self, id: i64) -> Result<&Resource, String> {
        let resource = self.state.model.resources.get(&ResourceId(id));
        resource.ok_or_else(|| {
            "You no longer have access to this resource. Ask your administrator if you should."
                .to_owned()
        })
    }

    /// The web address of a resource; none but http and https are handed to the system.
    fn address(&self, id: i64) -> Result<Url, String> {
        let resource = self.resource(id)?;
        let url: Option<Url> = resource.url.as_ref().and_then(|url| url.parse().ok());
        url.filter(|url| matches!(url.scheme(), "http" | "https"))
            .ok_or_else(|| {
                format!(
                    "{} has no web address. Copy its address into the program you use for it.",
                    hourkey_domain::text::one_line(&resource.name, 60)
                )
            })
    }
}
