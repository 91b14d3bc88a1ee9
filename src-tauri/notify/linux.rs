//! Desktop Notifications Specification 1.3 over one D-Bus connection, which is held open.
//!
//! The connection listens for signals before it sends the first notification, so that no click is
//! lost, however quick; and it stays open, since some servers take a notification back when its
//! sender is gone.

mod on_screen;

use std::collections::HashMap;
use std::pin::pin;

use futures_util::future::{Fuse, FutureExt as _};
use futures_util::{StreamExt as _, select_biased};
use tokio::sync::mpsc;
use zbus::Connection;
use zbus::zvariant::Value;

use self::on_screen::OnScreen;
use crate::event::Event;
use crate::message::{Message, Notification, NotificationId, NotifyError, Topic};

/// The name of the installed `.desktop` file: servers show the app's name and icon by it.
const DESKTOP_ENTRY: &str = "Hourkey";
/// The installed icon's name.
const ICON: &str = "hourkey-desktop";

/// Shows notifications, and tells what is clicked.
pub struct Notifier {
    commands: mpsc::UnboundedSender<NotifierCommand>,
}

enum NotifierCommand {
    Show(Notification),
    Withdraw(Topic),
}

impl Notifier {
    /// Starts the notifier on the session bus; `None` when there is no session bus.
    #[must_use]
    pub fn start(bus: Option<Connection>, events: mpsc::Sender<Event>) -> Self {
        let (commands, received) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            match bus {
                Some(bus) => match Server::connect(&bus).await {
                    Ok(server) => serve(server, received, events).await,
                    Err(error) => refuse(received, events, &error.to_string()).await,
                },
                None => refuse(received, events, "there is no session bus").await,
            }
        });
        Self { commands }
    }

    /// Shows it, in the place of what was shown about the same topic.
    pub fn show(&self, notification: Notification) {
        // The task ends only with the app.
        let _ = self.commands.send(NotifierCommand::Show(notification));
    }

    /// Takes back what was shown about the topic.
    pub fn withdraw(&self, topic: Topic) {
        let _ = self.commands.send(NotifierCommand::Withdraw(topic));
    }
}

#[zbus::proxy(
    interface = "org.freedesktop.Notifications",
    default_service = "org.freedesktop.Notifications",
    default_path = "/org/freedesktop/Notifications"
)]
trait Notifications {
    #[expect(clippy::too_many_arguments, reason = "the specification's signature")]
    fn notify(
        &self,
        app_name: &str,
        replaces_id: u32,
        app_icon: &str,
        summary: &str,
        body: &str,
        actions: &[&str],
        hints: HashMap<&str, Value<'_>>,
        expire_timeout: i32,
    ) -> zbus::Result<u32>;

    fn close_notification(&self, id: u32) -> zbus::Result<()>;

    fn get_capabilities(&self) -> zbus::Result<Vec<String>>;
}

/// The notification server, and the signals of it.
struct Server {
    proxy: NotificationsProxy<'static>,
    signals: zbus::proxy::SignalStream<'static>,
}

impl Server {
    async fn connect(bus: &Connection) -> zbus::Result<Self> {
        let proxy = NotificationsProxy::builder(bus)
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .await?;
        let signals = proxy.inner().receive_all_signals().await?;
        Ok(Self { proxy, signals })
    }
}

/// Without a session bus, every command is answered with why it cannot be.
async fn refuse(
    mut commands: mpsc::UnboundedReceiver<NotifierCommand>,
    events: mpsc::Sender<Event>,
    why: &str,
) {
    while let Some(command) = commands.recv().await {
        let NotifierCommand::Show(Notification { id, .. }) = command else {
            continue;
        };
        let result = Err(NotifyError(why.to_owned()));
        let _ = events.send(Event::Notified { id, result }).await;
    }
}

async fn serve(
    server: Server,
    mut commands: mpsc::UnboundedReceiver<NotifierCommand>,
    events: mpsc::Sender<Event>,
) {
    let Server { proxy, signals } = server;
    let mut signals = signals.fuse();
    let mut shown = OnScreen::default();
    // One command at a time, so that they stay in order; signals are read meanwhile, since a
    // server may be slow.
    let mut at_work = pin!(Fuse::terminated());
    loop {
        let is_idle = futures_util::future::FusedFuture::is_terminated(&at_work);
        let next = async {
            if is_idle {
                commands.recv().await
            } else {
                std::future::pending().await
            }
        };
        let mut next = pin!(next.fuse());
        select_biased! {
            done = at_work => {
                let (id, topic, message, answer) = done;
                let result = match answer {
                    Ok(id) => {
                        for clicked in shown.add(id, topic, message) {
                            let _ = events.send(clicked).await;
                        }
                        Ok(())
                    }
                    Err(error) => Err(NotifyError(sentence(&error))),
                };
                let _ = events.send(Event::Notified { id, result }).await;
            }
            signal = signals.next() => {
                let Some(signal) = signal else { return };
                if let Some(clicked) = shown.heard(&signal, is_idle) {
                    let _ = events.send(clicked).await;
                }
            }
            command = next => match command {
                None => return,
                Some(NotifierCommand::Withdraw(topic)) => {
                    if let Some(id) = shown.forget(topic) {
                        close(&proxy, id).await;
                    }
                }
                Some(NotifierCommand::Show(notification)) => {
                    let before = shown.forget(notification.topic);
                    at_work.set(send(proxy.clone(), before, notification).fuse());
                }
            },
        }
    }
}

type Sent = (NotificationId, Topic, Message, zbus::Result<u32>);

async fn send(
    proxy: NotificationsProxy<'static>,
    before: Option<u32>,
    notification: Notification,
) -> Sent {
    let Notification { id, topic, message } = notification;
    if let Some(before) = before {
        close(&proxy, before).await;
    }
    let answer = notify(&proxy, &message).await;
    (id, topic, message, answer)
}

async fn notify(proxy: &NotificationsProxy<'_>, message: &Message) -> zbus::Result<u32> {
    // Asked each time: another server may have taken over.
    let can = proxy.get_capabilities().await?;
    let can = |what: &str| can.iter().any(|capability| capability == what);
    let body = if can("body-markup") {
        escaped(&message.body)
    } else {
        message.body.clone()
    };
    let mut actions = Vec::new();
    if can("actions") {
        actions.extend(["default", "Show"]);
        for button in &message.buttons {
            // The label is its own key: no two of one notification are the same.
            actions.extend([button.label, button.label]);
        }
    }
    let hints = HashMap::from([
        ("desktop-entry", Value::from(DESKTOP_ENTRY)),
        ("urgency", Value::from(1_u8)),
    ]);
    const SERVER_DECIDES: i32 = -1;
    proxy
        .notify(
            "Hourkey",
            0,
            ICON,
            &message.title,
            &body,
            &actions,
            hints,
            SERVER_DECIDES,
        )
        .await
}

async fn close(proxy: &NotificationsProxy<'_>, id: u32) {
    // The person may have closed it, or the server restarted: both are fine.
    if let Err(error) = proxy.close_notification(id).await {
        tracing::debug!(%error, "cannot withdraw a notification");
    }
}

/// Some servers read the body as markup.
fn escaped(body: &str) -> String {
    body.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn sentence(error: &zbus::Error) -> String {
    match error {
        zbus::Error::MethodError(name, _, _)
            if name.as_str() == "org.freedesktop.DBus.Error.ServiceUnknown" =>
        {
            "no notification service is running".to_owned()
        }
        // The enum is not ours, and grows.
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn what_others_wrote_is_no_markup() {
        assert_eq!(escaped("<b>a&b</b>"), "&lt;b&gt;a&amp;b&lt;/b&gt;");
    }
}
