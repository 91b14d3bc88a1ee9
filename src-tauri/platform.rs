//! What differs between operating systems, one trait for each concern.

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

/// The proxy settings that this person's browsers follow.
pub trait SystemProxy {
    /// Whether there are such settings here, which need no administrator.
    fn is_here(&self) -> bool;
    /// Lets browsers follow this PAC file, if they follow nothing else.
    ///
    /// # Errors
    /// A sentence that says what went wrong and what to do.
    fn follow(&mut self, pac: &str) -> Result<(), String>;
    /// Puts back what was there before, also what a run that crashed left behind; what somebody
    /// changed since stays.
    ///
    /// # Errors
    /// A sentence that says what went wrong and what to do.
    fn restore(&mut self) -> Result<(), String>;
}

/// Starting the app when the person logs in.
pub trait StartAtLogin {
    /// Whether it does; `None` where this system offers no such thing.
    fn is_on(&self) -> Option<bool>;
    /// Makes it so, or not.
    ///
    /// # Errors
    /// A sentence that says what went wrong and what to do.
    fn set(&self, on: bool) -> Result<(), String>;
}

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
