//! Traffic to resources: the real controller, gateways, `hourkey` and its local proxy, with real clients.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(clippy::print_stdout, reason = "the times that things took")]

mod addresses;
mod auto_lock;
mod browsers;
mod clients;
mod clocks;
mod connection;
mod ending;
mod ends;
mod faults;
mod http_conformance;
mod ingress;
mod local_proxy;
mod names;
mod network;
mod origin;
mod partitions;
mod remote_env;
mod scripted_server;
mod shared;
mod test_env;
mod vanished;
mod web_clients;
