//! Test kit: starts the real counterparts that tests, benchmarks and the demo need.
//!
//! Everything here starts the real thing (a bus, a browser, a keyring, the products) in folders
//! and on ports of its own, inherits nothing from the person's session, and ends what it started.
//! Waiting is always polling for a condition ([`poll::eventually`]); a wait that runs out says
//! what it saw last.
//!
//! A test that needs people and resources builds an [`organisation`]. Only where a test must script
//! what a controller answers is there a [`fake`] one.
//!
//! ```no_run
//! # #[cfg(target_os = "linux")]
//! # async fn example() -> anyhow::Result<()> {
//! use hourkey_testkit::{notifications::Notifications, session::Session, watcher::Watcher};
//!
//! let session = Session::start().await?;
//! let watcher = Watcher::start(&session).await?;
//! let notifications = Notifications::start(&session).await?;
//! // … start the desktop app in `session`, then:
//! watcher.item().await?.click(&["Payroll database", "Authenticate…"]).await?;
//! let told = notifications.wait_for("an approval", |n| n.summary.contains("approved")).await?;
//! notifications.invoke(told.id, "default").await?;
//! # Ok(())
//! # }
//! ```

pub mod fake;
#[cfg(target_os = "linux")]
mod linux;
pub mod organisation;
pub mod poll;

#[cfg(target_os = "linux")]
pub use linux::*;
