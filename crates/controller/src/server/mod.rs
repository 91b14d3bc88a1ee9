//! The HTTP server: everything the controller answers, and how it listens.

mod forwarded;
mod layers;
mod listen;
mod router;
pub mod running;

pub use self::layers::MAX_BODY;
pub use self::listen::serve;
pub use self::router::router;
