//! The real desktop binary on a private session bus, with the real controller.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod browsers;
mod clock;
mod harness;
mod keyring;
mod notifications;
mod tray;
mod window;
