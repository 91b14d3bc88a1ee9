//! TCP connections: made to the first address that answers ([`race()`], [`connect`]), and ended soon
//! when the other side is gone without a word ([`Watchdog`]).

pub mod link;
#[cfg(target_os = "linux")]
mod netlink;
pub mod race;
pub mod watchdog;

pub use link::{Link, LinkError};
pub use race::{connect, interleave, race};
pub use watchdog::Watchdog;
