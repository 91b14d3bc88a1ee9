//! Native notifications: what is said ([`text`]), and the one notifier that shows it.

pub mod text;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod other;

#[cfg(target_os = "linux")]
pub use linux::Notifier;
#[cfg(not(target_os = "linux"))]
pub use other::Notifier;
