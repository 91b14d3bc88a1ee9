//! The local proxy: lets the programs of this person, on this machine, reach their resources.
//!
//! One loopback port speaks HTTP proxy (CONNECT and absolute form) and SOCKS5, told apart by the
//! first byte, and serves the PAC file under a path that nobody can guess. A [`Forward`] is a port
//! for one resource, for programs that know no proxies.
//!
//! Other users of the machine are refused by the owner of their sockets, web pages by `Host`, and
//! destinations that are no resource of the person by [`crate::dial`].

use std::fs::File;
use std::io;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::dial::Dialer;

mod caller;
mod cross_site;
mod files;
mod forward;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod greeting;
mod http;
mod judge;
mod listen;
mod origin;
mod own;
mod pac;
mod response;
mod return_to;
mod rewrite;
mod serve;
mod shared;
pub(crate) mod socket_owner;
mod socks;
mod tunnel;

use caller::Caller;
pub use files::ProxyFiles;
pub use forward::Forward;
use listen::{Listening, SilentSlot};
use return_to::ReturnTargets;
use shared::Shared;
pub use shared::{BROWSER_HOLD_TIMEOUT, HOLD_TIMEOUT};

/// The running local proxy. It and its connections end when this is dropped.
#[derive(Debug)]
pub struct LocalProxy {
    listening: Listening,
    shared: Arc<Shared>,
    /// Marks the port as ours for our other programs.
    _mark: Option<File>,
}

impl LocalProxy {
    /// Listens on `port` of 127.0.0.1, from then on the usual one; 0 for any free one, this time.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn start(dialer: Dialer, port: u16, files: &ProxyFiles) -> io::Result<Self> {
        Self::listen(dialer, port, files, port != 0).await
    }

    /// Listens on the usual port ([`ProxyFiles::usual_port`]), or on `first` before there is one, or
    /// on any free one. A usual port that is taken at the moment stays the usual one.
    ///
    /// # Errors
    /// When there is none.
    pub async fn start_anywhere(
        dialer: Dialer,
        first: u16,
        files: &ProxyFiles,
    ) -> io::Result<Self> {
        for port in [files.pac_address().await.port, first] {
            if port != 0
                && let Ok(started) = Self::listen(dialer.clone(), port, files, false).await
            {
                return Ok(started);
            }
        }
        Self::listen(dialer, 0, files, false).await
    }

    /// Listens on `port`, which `becomes_usual` if it is asked for, or if there is none yet.
    async fn listen(
        dialer: Dialer,
        port: u16,
        files: &ProxyFiles,
        becomes_usual: bool,
    ) -> io::Result<Self> {
        let mut pac = files.pac_address().await;
        let shared = Arc::new(Shared {
            dialer,
            pac: pac.path.clone(),
            return_targets: ReturnTargets::default(),
        });
        let serving = Arc::clone(&shared);
        let serve = move |caller: Caller, slot: SilentSlot| {
            serve::serve(Arc::clone(&serving), caller, slot)
        };
        let listening =
            listen::listen(port, Arc::new(socket_owner::SystemSocketOwners), serve).await?;
        if becomes_usual || pac.port == 0 {
            pac.port = listening.port;
            files.keep(&pac).await;
        }
        let mark = files.mark(listening.port).inspect_err(|error| {
            tracing::warn!(%error, "cannot mark the local proxy as ours for other programs");
        });
        Ok(Self {
            listening,
            shared,
            _mark: mark.ok(),
        })
    }

    /// Returns the port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.listening.port
    }

    /// Returns the address of the PAC file. It is a secret: the file names the person's resources.
    #[must_use]
    pub fn pac_url(&self) -> String {
        format!("http://127.0.0.1:{}{}", self.port(), self.shared.pac)
    }

    /// Returns the address of the PAC file with a digest of its content, which changes when resources
    /// come, go or move. A browser whose settings follow it reloads the file then.
    #[must_use]
    pub fn versioned_pac_url(&self) -> String {
        let routes = self.shared.dialer.routes();
        let says = pac::file(routes.addresses(), self.port());
        let digest = Sha256::digest(says.as_bytes());
        let version = URL_SAFE_NO_PAD.encode(&digest[..9]);
        format!("{}?v={version}", self.pac_url())
    }
}
