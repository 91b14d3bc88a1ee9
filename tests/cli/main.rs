//! The real `hourkey` command against a real controller.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod account;
mod ask;
mod clipboard;
mod explain;
mod in_place;
mod output;
mod ports;
mod review;
mod server;
