//! Traffic to resources: the real controller, gateways, `hourkey` and its entry, with real clients.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(clippy::print_stdout, reason = "the times that things took")]

mod addresses;
mod apart;
mod auto_lock;
mod browsers;
mod clients;
mod clocks;
mod connection;
mod ending;
mod ends;
mod entry;
mod far;
mod faults;
mod names;
mod network;
mod origin;
mod puppet;
mod same;
mod shared;
#[path = "../cli/terminal.rs"]
#[allow(dead_code, reason = "shared with the tests of the command")]
mod terminal;
mod vanished;
mod ways;
mod web_clients;
mod world;
