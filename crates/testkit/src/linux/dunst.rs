//! A real notification daemon, for pictures.

use std::collections::HashMap;
use std::fs;
use std::sync::{Arc, Mutex, MutexGuard};

use anyhow::{Result, bail};
use futures_util::StreamExt as _;
use tokio::task::JoinHandle;
use zbus::fdo::MonitoringProxy;
use zbus::message::Type;
use zbus::{Connection, MatchRule, Message, MessageStream};

use crate::desktop::ICONS;
use crate::notifications::{Arguments, NAME, Notification, first};
use crate::process::Process;
use crate::session::Session;

/// The dunst daemon, drawing notifications on the session's display; what passes between it and
/// the programs is read from the bus.
#[derive(Debug)]
pub struct Dunst {
    record: Record,
    reading: JoinHandle<()>,
    _daemon: Process,
}

type Record = Arc<Mutex<DunstState>>;

#[derive(Debug, Default)]
struct DunstState {
    /// Calls without an answer yet, by caller and serial number.
    asked: HashMap<(String, u32), Arguments>,
    shown: Vec<Notification>,
}

impl Dunst {
    /// Starts the daemon and waits until it owns the service.
    ///
    /// # Errors
    /// When it does not start, or the session has a notification service already.
    pub async fn start(session: &Session) -> Result<Self> {
        let configuration = session.config().join("dunstrc");
        let icons = session.data().join(ICONS);
        let folders = format!("[global]\n    icon_path = {}\n", icons.display());
        fs::write(&configuration, format!("{CONFIGURATION}\n{folders}"))?;
        let mut command = session.command("dunst");
        command.arg("-config").arg(&configuration);
        let daemon = session.spawn("dunst", command)?;
        let owner = session.owner(&daemon, NAME).await?;

        let record = Record::default();
        let messages = monitor(session.connect().await?, owner).await?;
        let reading = tokio::spawn(read(messages, Arc::clone(&record)));
        Ok(Self {
            record,
            reading,
            _daemon: daemon,
        })
    }

    /// Everything that was shown so far, in order.
    #[must_use]
    pub fn shown(&self) -> Vec<Notification> {
        lock(&self.record).shown.clone()
    }

    /// The first notification that is as wanted, once the daemon has taken it.
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

    /// Does what a click on the newest notification does.
    ///
    /// # Errors
    /// When nothing is shown.
    pub async fn click_newest(&self, session: &Session) -> Result<()> {
        let count = session.run("dunstctl", &["count", "displayed"]).await?;
        if count.trim() == "0" {
            bail!("no notification is shown");
        }
        session.run("dunstctl", &["action", "0"]).await?;
        Ok(())
    }

    /// Takes every notification off the display.
    ///
    /// # Errors
    /// When the daemon is gone.
    pub async fn close_all(&self, session: &Session) -> Result<()> {
        session.run("dunstctl", &["close-all"]).await?;
        Ok(())
    }
}

impl Drop for Dunst {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

/// Turns a connection into one that sees what others say to notification services.
async fn monitor(connection: Connection, daemon: String) -> Result<MessageStream> {
    let calls = MatchRule::builder()
        .msg_type(Type::MethodCall)
        .interface(NAME)?
        .member("Notify")?
        .build();
    let answers = MatchRule::builder()
        .msg_type(Type::MethodReturn)
        .sender(daemon)?
        .build();
    let monitoring = MonitoringProxy::new(&connection).await?;
    monitoring.become_monitor(&[calls, answers], 0).await?;
    Ok(MessageStream::from(connection))
}

async fn read(mut messages: MessageStream, record: Record) {
    while let Some(Ok(message)) = messages.next().await {
        note(&message, &mut lock(&record));
    }
}

fn note(message: &Message, state: &mut DunstState) {
    let header = message.header();
    match message.message_type() {
        Type::MethodCall => {
            if let (Some(sender), Ok(arguments)) = (header.sender(), message.body().deserialize()) {
                let serial = header.primary().serial_num().get();
                state.asked.insert((sender.to_string(), serial), arguments);
            }
        }
        Type::MethodReturn => {
            let (Some(caller), Some(serial)) = (header.destination(), header.reply_serial()) else {
                return;
            };
            let Some(arguments) = state.asked.remove(&(caller.to_string(), serial.get())) else {
                return;
            };
            if let Ok(id) = message.body().deserialize() {
                state.shown.push(Notification::new(id, arguments));
            }
        }
        Type::Error | Type::Signal => {}
    }
}

fn lock(record: &Record) -> MutexGuard<'_, DunstState> {
    record
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

const CONFIGURATION: &str = r##"[global]
    monitor = 0
    origin = top-right
    offset = 16x48
    width = (280, 380)
    height = 220
    notification_limit = 4
    font = DejaVu Sans 10
    frame_width = 1
    frame_color = "#2D3036"
    separator_height = 1
    corner_radius = 8
    padding = 12
    horizontal_padding = 14
    markup = full
    format = "<b>%s</b>\n%b"
    word_wrap = yes
    icon_position = left
    min_icon_size = 32
    max_icon_size = 32
    show_indicators = no
    mouse_left_click = do_action, close_current
    mouse_right_click = close_current

[urgency_low]
    background = "#1E2024"
    foreground = "#ECEDEF"
    timeout = 0

[urgency_normal]
    background = "#1E2024"
    foreground = "#ECEDEF"
    timeout = 0

[urgency_critical]
    background = "#1E2024"
    foreground = "#ECEDEF"
    frame_color = "#F08087"
    timeout = 0
"##;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::display::Display;
    use crate::notifications::PATH;
    use zbus::zvariant::Value;

    #[tokio::test]
    async fn a_notification_is_drawn_read_and_clicked() {
        let display = Display::start().await.unwrap();
        let mut session = Session::start().await.unwrap();
        session.attach(&display);
        let dunst = Dunst::start(&session).await.unwrap();

        let connection = session.connect().await.unwrap();
        let service = zbus::Proxy::new(&connection, NAME, PATH, NAME)
            .await
            .unwrap();
        let mut clicks = service.receive_signal("ActionInvoked").await.unwrap();
        let hints = HashMap::<&str, Value<'_>>::new();
        let actions = vec!["default", "Open"];
        let id: u32 = service
            .call(
                "Notify",
                &("me", 0u32, "", "Approved", "by Ann", actions, hints, -1),
            )
            .await
            .unwrap();
        let shown = dunst
            .wait_for("approval", |shown| shown.summary == "Approved")
            .await
            .unwrap();
        assert_eq!((shown.id, shown.body.as_str()), (id, "by Ann"));

        let picture = session.home().join("notification.png");
        // The display has one single colour until then.
        let shot = async || crate::screen::shot(&session, &picture).await;
        crate::poll::eventually("it on the display", shot)
            .await
            .unwrap();
        dunst.click_newest(&session).await.unwrap();
        let click = clicks.next().await.unwrap();
        let told: (u32, String) = click.body().deserialize().unwrap();
        assert_eq!(told, (id, "default".to_owned()));
    }
}
