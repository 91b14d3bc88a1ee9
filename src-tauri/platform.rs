//! What differs between operating systems, one trait for each concern.

mod start_at_login;
mod system_proxy;
pub use start_at_login::StartAtLogin;
pub use system_proxy::SystemProxy;

#[cfg(target_os = "linux")]
mod gnome;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub use gnome::{GnomeProxy as Proxy, watch_if_asked};
#[cfg(target_os = "linux")]
pub use linux::{AutostartFile as Login, avoid_broken_rendering, session_bus, watch_sleep};

#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "macos")]
pub use macos::LaunchAgent as Login;

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
mod other;
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
pub use other::NotHere as Login;

#[cfg(not(target_os = "linux"))]
mod by_hand;
#[cfg(not(target_os = "linux"))]
pub use by_hand::ByHand as Proxy;

/// This machine's name, for the list of sessions.
#[must_use]
pub fn machine_name() -> String {
    let name = if cfg!(target_os = "linux") {
        std::fs::read_to_string("/proc/sys/kernel/hostname").ok()
    } else {
        std::env::var("COMPUTERNAME")
            .or_else(|_| std::env::var("HOSTNAME"))
            .ok()
    };
    let name = name
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty());
    name.unwrap_or_else(|| "this computer".to_owned())
}
