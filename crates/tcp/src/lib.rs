//! TCP connections: made to the first address that answers ([`race()`], [`connect`]), and ended soon
//! when the other side is gone without a word ([`Watchdog`]).

pub mod link;
mod link_state;
#[cfg(target_os = "linux")]
mod netlink;
pub mod race;
mod registry;
pub mod watchdog;

pub use link::Link;
pub use link_state::LinkError;
pub use race::{connect, interleave, race};
pub use watchdog::Watchdog;
