//! The Hourkey desktop app: a tray icon, a window on demand, and native notifications.
//!
//! [`app`] owns all state and decides; [`effects`] is all that it does to the outside;
//! [`tray::menu`], [`tray::icon`], [`notify::text`] and [`view_models`] are pure functions that say what
//! is shown; the rest carries it out.

pub mod app;
mod clipboard;
pub mod command;
mod desktop;
pub mod effects;
pub mod event;
pub mod failure;
pub mod files;
#[cfg(test)]
mod fixtures;
pub mod intent;
pub mod local_proxy;
mod log;
pub mod message;
pub mod notify;
mod opener;
pub mod platform;
mod session;
pub mod state;
pub mod time_format;
pub mod timer;
pub mod tray;

pub mod view;
pub mod view_models;
mod window;
mod worker;

use std::process::ExitCode;
use std::sync::Arc;

use hourkey_client::config::{Config, Folders};
use hourkey_clock::BootClock;
use tauri::{AppHandle, RunEvent, WindowEvent};
use tokio::sync::{mpsc, oneshot};

use crate::app::{App, FoundSettings};
use crate::event::{Event, Reply};
use crate::intent::Intent;
use crate::platform::{StartAtLogin as _, SystemProxy as _};
use crate::worker::Worker;

/// Capacity of the event queue. Clicks are dropped when it is full: the app hangs then.
const MAX_EVENTS: usize = 256;

/// Runs the app until it is quit.
///
/// # Errors
/// When there is no home folder, no display, or no async runtime.
pub fn run() -> anyhow::Result<ExitCode> {
    #[cfg(target_os = "linux")]
    if platform::watch_if_asked() {
        return Ok(ExitCode::SUCCESS);
    }
    let folders = Folders::find()?;
    log::start(&folders.state.join("logs"));
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "app started");
    #[cfg(target_os = "linux")]
    platform::avoid_broken_rendering();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    tauri::async_runtime::set(runtime.handle().clone());
    let (events, received) = mpsc::channel(MAX_EVENTS);
    let app = build(events.clone(), received, folders)?;
    let code = app.run_return(move |_, event| match event {
        // The app goes on without a window; `exit` carries a code.
        RunEvent::ExitRequested {
            code: None, api, ..
        } => api.prevent_exit(),
        RunEvent::WindowEvent {
            event: WindowEvent::Destroyed,
            ..
        } => queue_event(&events, Event::WindowClosed),
        // Tauri's enum has more, and grows.
        _ => {}
    });
    tracing::info!("app stopped");
    // A keyring or a launcher that hangs must not keep the process.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    Ok(u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from))
}

#[expect(
    clippy::disallowed_methods,
    reason = "generate_context! ends the process when it cannot start a thread"
)]
fn build(
    events: mpsc::Sender<Event>,
    received: mpsc::Receiver<Event>,
    folders: Folders,
) -> anyhow::Result<tauri::App> {
    let (second_launch, menu) = (events.clone(), events.clone());
    let app = tauri::Builder::default()
        // First of all: a second launch must change nothing before it hands over.
        .plugin(tauri_plugin_single_instance::init(move |_, _, _| {
            queue_event(&second_launch, Event::click(Intent::Show { tab: None }));
        }))
        .manage(events.clone())
        .invoke_handler(tauri::generate_handler![send])
        .on_menu_event(move |_, event| {
            if let Some(intent) = tray::backend::intent(event.id().as_ref()) {
                queue_event(&menu, Event::click(intent));
            }
        })
        .setup(move |app| {
            #[cfg(target_os = "macos")]
            app.set_activation_policy(tauri::ActivationPolicy::Accessory);
            tokio_spawn(engine(app.handle().clone(), events, received, folders));
            Ok(())
        })
        .build(tauri::generate_context!())?;
    Ok(app)
}

/// Carries out a command of the window. Fails with a sentence for the person.
#[tauri::command]
async fn send(
    command: Intent,
    events: tauri::State<'_, mpsc::Sender<Event>>,
) -> Result<(), String> {
    let (reply, answer) = oneshot::channel();
    let event = Event::Intent {
        intent: command,
        activation: None,
        reply: Some(Reply::Window(reply)),
    };
    let ending = || "Hourkey is ending. Start it again.".to_owned();
    let sent = events.send(event).await;
    sent.map_err(|_| ending())?;
    answer.await.unwrap_or_else(|_| Err(ending()))
}

/// Starts everything that is not the main thread's, and runs the app's logic.
async fn engine(
    app: AppHandle,
    events: mpsc::Sender<Event>,
    received: mpsc::Receiver<Event>,
    folders: Folders,
) {
    tokio::spawn(end_by_signal(events.clone()));
    let clock = Arc::new(BootClock);
    let (commands, received_commands) = mpsc::unbounded_channel();
    tokio::spawn(session::run(
        received_commands,
        clock.clone(),
        folders.state.clone(),
        events.clone(),
    ));
    let in_folders = folders.clone();
    let looked = tokio::task::spawn_blocking(move || look_around(&in_folders));
    let (notifier, looked) = tokio::join!(notifier(&events), looked);
    let (login, proxy, found) = match looked {
        Ok(looked) => looked,
        Err(error) => return tracing::error!(%error, "cannot look at this machine's settings"),
    };
    let files = desktop::Files {
        folders: folders.clone(),
        login,
    };
    let effects = desktop::Desktop {
        notifier,
        copier: clipboard::Copier::default(),
        files: Worker::start(files),
        proxy: Worker::start(proxy),
        session: commands,
        events: events.clone(),
        app,
    };
    App::new(effects, clock, folders, found, events)
        .run(received)
        .await;
}

/// Looks at the settings of the app and of this machine. Blocks.
fn look_around(folders: &Folders) -> (platform::Login, platform::Proxy, FoundSettings) {
    let login = platform::Login::default();
    let proxy = platform::Proxy::new(&folders.state);
    let found = FoundSettings {
        config: Config::load(&folders.config_file()).map_err(|error| error.to_string()),
        start_at_login: login.is_on(),
        has_browsers: proxy.is_here(),
    };
    (login, proxy, found)
}

/// The notifier, and on Linux the watches, which share its connection to the session bus.
#[cfg(target_os = "linux")]
async fn notifier(events: &mpsc::Sender<Event>) -> notify::Notifier {
    let bus = platform::session_bus().await;
    tokio::spawn(tray::watch::watch(bus.clone(), events.clone()));
    tokio::spawn(platform::watch_sleep(events.clone()));
    notify::Notifier::start(bus, events.clone())
}

/// The notifier. The tray is always there.
#[cfg(not(target_os = "linux"))]
async fn notifier(events: &mpsc::Sender<Event>) -> notify::Notifier {
    queue_event(events, Event::TrayHost(true));
    notify::Notifier::start(events.clone())
}

/// Ends the app like Quit does, when the system asks.
async fn end_by_signal(events: mpsc::Sender<Event>) {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut end), Ok(mut interrupt)) = (
            signal(SignalKind::terminate()),
            signal(SignalKind::interrupt()),
        ) else {
            return tracing::warn!(
                "cannot install signal handlers; SIGTERM will not shut down cleanly"
            );
        };
        tokio::select! {
            _ = end.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
    #[cfg(not(unix))]
    if tokio::signal::ctrl_c().await.is_err() {
        return;
    }
    let _ = events.send(Event::Quit).await;
}

/// Queues an event from a callback, which must not block.
fn queue_event(events: &mpsc::Sender<Event>, event: Event) {
    // Closed when the app ends: nothing is lost then. What an event holds is not for the log.
    if let Err(mpsc::error::TrySendError::Full(_)) = events.try_send(event) {
        tracing::warn!("cannot queue an event; it is dropped");
    }
}

fn tokio_spawn(task: impl Future<Output = ()> + Send + 'static) {
    drop(tauri::async_runtime::spawn(task));
}
