//! The controller's faces, put together: the JSON API, OAuth, the streams of clients and gateways,
//! and the server that answers them beside the pages of `hourkey-console`. What happens is
//! `hourkey-access`'s. `docs/ARCHITECTURE.md` walks through one request.

pub mod api;
pub mod gateways;
mod oauth;
pub mod server;
mod stream;
