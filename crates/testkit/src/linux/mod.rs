//! What exists on Linux alone: the products as processes, and a desktop session for them.

pub mod binaries;
pub mod browser;
pub mod chaos_proxy;
pub mod clock;
pub mod controller;
pub mod desktop;
pub mod display;
pub mod dunst;
pub mod firefox;
pub mod gateway;
pub mod keyring;
pub mod notifications;
pub mod opener;
pub mod page;
pub mod process;
pub mod reverse_proxy;
pub mod screen;
pub mod servers;
pub mod session;
pub mod test_user;
pub mod tray;
pub mod tray_host;
pub mod watcher;
pub mod web;
pub mod webdriver;
pub mod webview;
