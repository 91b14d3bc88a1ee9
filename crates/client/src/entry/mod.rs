//! The local entry: lets the programs of this person, on this machine, reach their resources.
//!
//! One loopback port speaks HTTP proxy (CONNECT and absolute form) and SOCKS5, told apart by the
//! first byte, and serves the PAC file under a path that nobody can guess. A [`Forward`] is a port
//! for one resource, for programs that know no proxies.
//!
//! Other users of the machine are refused by the owner of their sockets, web pages by `Host`, and
//! destinations that are no resource of the person by [`crate::dial`].

use std::io;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;

use crate::dial::Dialer;

mod answer;
mod back;
mod forward;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod http;
mod listen;
mod pac;
pub(crate) mod peer;
mod serve;
mod socks;

use back::Backs;
pub use forward::Forward;
use listen::Listening;
use peer::Peers;

/// How long a browser's CONNECT is held while its resource is locked: Chromium gives up at 30 s.
pub const BROWSER_PATIENCE: Duration = Duration::from_secs(25);
/// How long other connections to a locked resource are held.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// The running entry. It and its connections end when this is dropped.
#[derive(Debug)]
pub struct Entry {
    listening: Listening,
    shared: Arc<Shared>,
}

struct Shared {
    dialer: Dialer,
    /// The path of the PAC file.
    pac: String,
    backs: Backs,
}

impl Entry {
    /// Listens on `port` of 127.0.0.1; 0 for any free one.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn start(dialer: Dialer, port: u16) -> io::Result<Self> {
        Self::start_for(Arc::new(peer::System), dialer, port).await
    }

    async fn start_for(peers: Arc<dyn Peers>, dialer: Dialer, port: u16) -> io::Result<Self> {
        let secret: [u8; 16] = rand::random();
        let shared = Arc::new(Shared {
            dialer,
            pac: format!("/{}.pac", URL_SAFE_NO_PAD.encode(secret)),
            backs: Backs::default(),
        });
        let serving = Arc::clone(&shared);
        let serve = move |stream: TcpStream, waiting: OwnedSemaphorePermit| {
            serve::serve(Arc::clone(&serving), stream, waiting)
        };
        let listening = listen::listen(port, peers, serve).await?;
        Ok(Self { listening, shared })
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.listening.port
    }

    /// Where the PAC file is. Whoever knows this address can read the names of the person's
    /// resources.
    #[must_use]
    pub fn pac_url(&self) -> String {
        format!("http://127.0.0.1:{}{}", self.port(), self.shared.pac)
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}
