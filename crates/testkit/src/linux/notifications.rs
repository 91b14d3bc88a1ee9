//! A notification service owned by the test.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use anyhow::Result;
use zbus::Connection;
use zbus::zvariant::{DynamicType, OwnedValue};

use crate::poll::eventually;
use crate::session::Session;

pub(crate) const NAME: &str = "org.freedesktop.Notifications";
pub(crate) const PATH: &str = "/org/freedesktop/Notifications";

/// A notification as it was asked for.
#[derive(Clone, Debug)]
pub struct Notification {
    /// The id that the service gave it.
    pub id: u32,
    /// The program's name.
    pub application: String,
    /// The id of the notification that it replaces, or 0.
    pub replaces: u32,
    /// Headline.
    pub summary: String,
    /// Text.
    pub body: String,
    /// Keys and labels of the actions. The key `default` is a click on the notification itself.
    pub actions: Vec<(String, String)>,
    /// Hints by name.
    pub hints: HashMap<String, OwnedValue>,
    /// When it arrived.
    pub at: Instant,
}

/// The arguments of `Notify`.
pub(crate) type Arguments = (
    String,
    u32,
    String,
    String,
    String,
    Vec<String>,
    HashMap<String, OwnedValue>,
    i32,
);

impl Notification {
    pub(crate) fn new(id: u32, arguments: Arguments) -> Self {
        let (application, replaces, _icon, summary, body, actions, hints, _timeout) = arguments;
        Self {
            id,
            application,
            replaces,
            summary,
            body,
            actions: actions
                .chunks_exact(2)
                .map(|pair| (pair[0].clone(), pair[1].clone()))
                .collect(),
            hints,
            at: Instant::now(),
        }
    }

    /// A hint that is a text, for example `desktop-entry`.
    #[must_use]
    pub fn text_hint(&self, name: &str) -> Option<String> {
        self.hints.get(name)?.downcast_ref().ok()
    }

    /// How urgent it is: 0 low, 1 normal, 2 critical.
    #[must_use]
    pub fn urgency(&self) -> u8 {
        let hint = self
            .hints
            .get("urgency")
            .and_then(|hint| hint.downcast_ref().ok());
        hint.unwrap_or(1)
    }
}

/// Why a notification is closed, as the specification numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// It timed out.
    Expired = 1,
    /// The person closed it.
    Dismissed = 2,
    /// Its program closed it.
    Withdrawn = 3,
}

/// An `org.freedesktop.Notifications` that shows nothing and remembers everything.
#[derive(Debug)]
pub struct Notifications {
    connection: Connection,
    record: Record,
}

type Record = Arc<Mutex<ServiceState>>;

#[derive(Debug, Default)]
struct ServiceState {
    shown: Vec<Notification>,
    withdrawn: Vec<u32>,
}

impl Notifications {
    /// Appears on the session's bus, with actions and body text without markup.
    ///
    /// # Errors
    /// When the session has a notification service already.
    pub async fn start(session: &Session) -> Result<Self> {
        Self::start_with(session, &["actions", "body", "persistence"]).await
    }

    /// Appears on the session's bus with these capabilities.
    ///
    /// # Errors
    /// When the session has a notification service already.
    pub async fn start_with(session: &Session, capabilities: &[&str]) -> Result<Self> {
        let record = Record::default();
        let service = NotificationService {
            record: Arc::clone(&record),
            capabilities: capabilities.iter().map(ToString::to_string).collect(),
        };
        let builder = session.connection()?.serve_at(PATH, service)?.name(NAME)?;
        Ok(Self {
            connection: builder.build().await?,
            record,
        })
    }

    /// Everything that was shown so far, in order.
    #[must_use]
    pub fn shown(&self) -> Vec<Notification> {
        lock(&self.record).shown.clone()
    }

    /// Ids of the notifications that their program closed.
    #[must_use]
    pub fn withdrawn(&self) -> Vec<u32> {
        lock(&self.record).withdrawn.clone()
    }

    /// The first notification that is as wanted, once it has come.
    ///
    /// # Errors
    /// When none comes in time; lists those that did.
    pub async fn wait_for(
        &self,
        what: &str,
        wanted: impl Fn(&Notification) -> bool,
    ) -> Result<Notification> {
        first(what, wanted, || self.shown()).await
    }

    /// Clicks an action, and closes the notification as daemons do.
    ///
    /// # Errors
    /// When the bus is gone.
    pub async fn invoke(&self, id: u32, action: &str) -> Result<()> {
        let token = format!("hourkey-test-{id}");
        self.tell("ActivationToken", &(id, token)).await?;
        self.tell("ActionInvoked", &(id, action)).await?;
        self.close(id, CloseReason::Dismissed).await
    }

    /// Closes a notification.
    ///
    /// # Errors
    /// When the bus is gone.
    pub async fn close(&self, id: u32, why: CloseReason) -> Result<()> {
        self.tell(CLOSED, &(id, why as u32)).await
    }

    /// Leaves the bus, as when a daemon ends.
    ///
    /// # Errors
    /// When the bus is gone.
    pub async fn stop(self) -> Result<()> {
        Ok(self.connection.close().await?)
    }

    async fn tell<B>(&self, signal: &str, body: &B) -> Result<()>
    where
        B: serde::Serialize + DynamicType,
    {
        let connection = &self.connection;
        Ok(connection
            .emit_signal(None::<&str>, PATH, NAME, signal, body)
            .await?)
    }
}

const CLOSED: &str = "NotificationClosed";

/// Waits for a notification among those that are shown.
pub(crate) async fn first(
    what: &str,
    wanted: impl Fn(&Notification) -> bool,
    shown: impl Fn() -> Vec<Notification>,
) -> Result<Notification> {
    eventually(&format!("the notification: {what}"), async || {
        let shown = shown();
        if let Some(found) = shown.iter().find(|shown| wanted(shown)) {
            return Ok(found.clone());
        }
        let texts = shown
            .iter()
            .map(|shown| format!("{} / {}", shown.summary, shown.body));
        Err(format!("only {:?}", texts.collect::<Vec<_>>()))
    })
    .await
}

struct NotificationService {
    record: Record,
    capabilities: Vec<String>,
}

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl NotificationService {
    fn get_capabilities(&self) -> Vec<String> {
        self.capabilities.clone()
    }

    fn get_server_information(&self) -> (&str, &str, &str, &str) {
        (
            "hourkey-testkit",
            "Hourkey",
            env!("CARGO_PKG_VERSION"),
            "1.2",
        )
    }

    #[expect(clippy::too_many_arguments, reason = "the specification's signature")]
    fn notify(
        &self,
        application: String,
        replaces: u32,
        icon: String,
        summary: String,
        body: String,
        actions: Vec<String>,
        hints: HashMap<String, OwnedValue>,
        timeout: i32,
    ) -> u32 {
        let mut state = lock(&self.record);
        let next = state.shown.iter().map(|shown| shown.id).max().unwrap_or(0) + 1;
        let id = if replaces == 0 { next } else { replaces };
        let arguments = (
            application,
            replaces,
            icon,
            summary,
            body,
            actions,
            hints,
            timeout,
        );
        state.shown.push(Notification::new(id, arguments));
        id
    }

    async fn close_notification(
        &self,
        id: u32,
        #[zbus(connection)] connection: &Connection,
    ) -> zbus::fdo::Result<()> {
        lock(&self.record).withdrawn.push(id);
        let body = (id, CloseReason::Withdrawn as u32);
        Ok(connection
            .emit_signal(None::<&str>, PATH, NAME, CLOSED, &body)
            .await?)
    }
}

fn lock(record: &Record) -> MutexGuard<'_, ServiceState> {
    record
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::StreamExt as _;

    #[tokio::test]
    async fn what_is_shown_is_kept_and_clicks_are_told() {
        let session = Session::start().await.unwrap();
        let notifications = Notifications::start(&session).await.unwrap();

        let connection = session.connect().await.unwrap();
        let service = zbus::Proxy::new(&connection, NAME, PATH, NAME)
            .await
            .unwrap();
        let mut clicks = service.receive_signal("ActionInvoked").await.unwrap();
        let hints = HashMap::from([("desktop-entry", zbus::zvariant::Value::from("hourkey"))]);
        let actions = vec!["default", "Open"];
        let id: u32 = service
            .call(
                "Notify",
                &("me", 0u32, "", "Approved", "by Ann", actions, hints, -1),
            )
            .await
            .unwrap();

        let shown = notifications.wait_for("approval", |shown| shown.summary == "Approved");
        let shown = shown.await.unwrap();
        assert_eq!((shown.id, shown.body.as_str()), (id, "by Ann"));
        assert_eq!(shown.actions, [("default".to_owned(), "Open".to_owned())]);
        assert_eq!(shown.text_hint("desktop-entry").as_deref(), Some("hourkey"));
        assert_eq!(shown.urgency(), 1);

        notifications.invoke(id, "default").await.unwrap();
        let click = clicks.next().await.unwrap();
        let told: (u32, String) = click.body().deserialize().unwrap();
        assert_eq!(told, (id, "default".to_owned()));
    }
}
