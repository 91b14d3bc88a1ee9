//! What people ask for, in the window, the tray menu and notifications.

use std::time::Duration;

use hourkey_client::pages;
use hourkey_domain::ids::ResourceId;
use hourkey_protocol::access::Resource;
use url::Url;

use super::App;
use crate::command::SessionCommand;
use crate::effects::Effects;
use crate::event::{Activation, BrowserSwitch, Event, Reply};
use crate::intent::Intent;
use crate::message::Topic;
use crate::state::ProxyAddresses;

/// How long a snoozed resource causes no access prompts.
const SNOOZE: Duration = Duration::from_secs(60 * 60);

impl<E: Effects> App<E> {
    pub(super) fn intent(
        &mut self,
        intent: Intent,
        activation: Option<Activation>,
        reply: Option<Reply>,
    ) {
        let reply = reply.unwrap_or_else(|| Reply::App(self.events.clone()));
        match intent {
            Intent::Load => {
                self.page_loaded();
                reply.done();
            }
            Intent::Authenticate { resource } => {
                self.page(activation, reply, |url, login| {
                    pages::ask(url, resource, login)
                });
            }
            Intent::Extend { resource } => {
                self.page(activation, reply, |url, login| {
                    pages::extend(url, resource, login)
                });
            }
            Intent::ViewRequest { request } => {
                self.page(activation, reply, |url, login| {
                    pages::request(url, request, login)
                });
            }
            Intent::ReviewPage { request } => {
                self.page(activation, reply, |url, login| {
                    pages::review(url, request, login)
                });
            }
            Intent::ReadInbox => {
                self.read_inbox();
                reply.done();
            }
            Intent::OpenPages => self.page(activation, reply, pages::access),
            Intent::Open { resource } => match self.address(resource) {
                Ok(url) => self.effects.open_page(url, activation, reply),
                Err(sentence) => reply.fail(sentence),
            },
            Intent::Copy { resource } => match self.resource(resource) {
                Ok(resource) => {
                    let address = resource.copied_address();
                    self.effects.copy(address, reply);
                }
                Err(sentence) => reply.fail(sentence),
            },
            Intent::Snooze { resource } => {
                let until = self.clock.boot() + SNOOZE;
                if let Some(session) = self.state.sign_in.session_mut() {
                    session.snoozed.insert(resource, until);
                }
                self.effects.withdraw(Topic::AccessPrompt(resource));
                reply.done();
            }
            Intent::Forward { resource } => self.forward(resource, reply),
            Intent::CopyProxy => self.copy_proxy_address(reply, |proxy| &proxy.proxy),
            Intent::CopyPac => self.copy_proxy_address(reply, |proxy| &proxy.pac),
            Intent::Cancel { request } => {
                self.effects.session(SessionCommand::Cancel(request), reply);
            }
            Intent::Release { grant } => {
                self.effects.session(SessionCommand::Release(grant), reply);
            }
            Intent::Approve {
                request,
                seconds,
                comment,
            } => {
                let approve = SessionCommand::Approve {
                    request,
                    seconds,
                    comment,
                };
                self.effects.session(approve, reply);
            }
            Intent::Deny { request, comment } => {
                let deny = SessionCommand::Deny { request, comment };
                self.effects.session(deny, reply);
            }
            Intent::Undo { request } => {
                self.effects.session(SessionCommand::Undo(request), reply);
            }
            Intent::SignIn { controller } => {
                match hourkey_protocol::controller_url::parse(&controller) {
                    Ok(url) => {
                        self.sign_in(url);
                        reply.done();
                    }
                    Err(error) => reply.fail(error.to_string()),
                }
            }
            Intent::CancelSignIn => {
                self.cancel_sign_in();
                reply.done();
            }
            Intent::SignOut => {
                self.sign_out();
                reply.done();
            }
            Intent::SetStartAtLogin { on } => {
                self.effects.set_start_at_login(on, reply);
            }
            Intent::SetBrowsers { on } => {
                self.state.config.browsers = on;
                self.ask_for_browser_proxy(Some(BrowserSwitch { on, reply }));
            }
            Intent::SetNotifications { on } => {
                self.state.config.notifications = on;
                if !on {
                    self.state.warnings.remove("notifications");
                }
                self.save_settings(reply);
            }
            Intent::OpenLogs => self.effects.open_folder(&self.state.logs, reply),
            Intent::CloseWindow => {
                self.effects.close_window();
                reply.done();
            }
            Intent::SignInAgain => {
                self.sign_in_again();
                reply.done();
            }
            Intent::Show { tab } => {
                self.show(tab, activation);
                reply.done();
            }
            Intent::Quit => {
                // Through the queue: what was asked before is done before.
                if self.events.try_send(Event::Quit).is_err() {
                    self.effects.quit();
                }
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
        match self.state.controller() {
            Some(controller) => {
                let url = page(controller, self.state.login());
                self.effects.open_page(url, activation, reply);
            }
            None => reply.fail("Nobody is signed in. Sign in first."),
        }
    }

    fn copy_proxy_address(&mut self, reply: Reply, which: fn(&ProxyAddresses) -> &String) {
        match self.state.local_proxy() {
            Some(proxy) => self.effects.copy(which(proxy).clone(), reply),
            None => reply.fail("Nothing listens for programs now. Sign in first."),
        }
    }

    pub(super) fn resource(&self, id: ResourceId) -> Result<&Resource, String> {
        let resource = self.state.model().row(id);
        resource.ok_or_else(|| {
            "You no longer have access to this resource. Ask your administrator if you should."
                .to_owned()
        })
    }

    /// The web address of a resource; none but http and https are handed to the system.
    fn address(&self, id: ResourceId) -> Result<Url, String> {
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
