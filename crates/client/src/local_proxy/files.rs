//! What a local proxy keeps in files: the port and path of its PAC file, which browsers were given, and
//! the mark by which this person's other programs know that its port is ours.

use std::fs::File;
use std::io;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use url::Url;

use crate::own_ports::Ports;
use crate::secrets::{self, Secret, SecretStore as _};

/// The files of one client's local proxies at one controller.
pub struct ProxyFiles {
    /// As `8421/AAAAAAAAAAAAAAAAAAAAAA.pac`.
    pac: secrets::File,
    ports: Ports,
}

/// Where a PAC file is, the same from one start to the next: a browser that was given it finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PacAddress {
    /// The usual port; 0 before the first start.
    pub(super) port: u16,
    /// 128 random bits as `/AAAAAAAAAAAAAAAAAAAAAA.pac`.
    pub(super) path: String,
}

impl ProxyFiles {
    /// The files in `folder`, which is [`crate::config::Folders::state`].
    #[must_use]
    pub fn of(folder: &Path, client_id: &str, controller: &Url) -> Self {
        let name = format!("{client_id}-pac");
        Self {
            pac: secrets::File::of(folder, &name, controller),
            ports: Ports::of(folder),
        }
    }

    /// Forgets the PAC file's address: browsers that were given it are led nowhere from the next start on.
    /// Belongs to signing out.
    pub async fn forget(&self) {
        if let Err(error) = self.pac.clear().await {
            tracing::warn!(%error, "cannot forget the address of the PAC file");
        }
    }

    /// Returns the port at which browsers look for the PAC file, if there was one.
    pub async fn usual_port(&self) -> Option<u16> {
        Some(self.pac_address().await.port).filter(|port| *port != 0)
    }

    /// Returns the stored address, or a new one.
    pub(super) async fn pac_address(&self) -> PacAddress {
        let kept = self.pac.load().await.ok().flatten();
        let kept = kept.and_then(|kept| PacAddress::read(kept.expose()));
        kept.unwrap_or_else(|| {
            let drawn = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>());
            let path = format!("/{drawn}.pac");
            PacAddress { port: 0, path }
        })
    }

    /// Stores an address for the next start.
    pub(super) async fn keep(&self, address: &PacAddress) {
        if self.pac_address().await == *address {
            return;
        }
        let text = format!("{}{}", address.port, address.path);
        if let Err(error) = self.pac.save(&Secret::new(text)).await {
            tracing::warn!(%error, "cannot keep the address of the PAC file; the next start has another");
        }
    }

    pub(super) fn mark(&self, port: u16) -> io::Result<File> {
        self.ports.mark(port)
    }
}

impl PacAddress {
    fn read(text: &str) -> Option<Self> {
        let (port, name) = text.split_once('/')?;
        let drawn = URL_SAFE_NO_PAD.decode(name.strip_suffix(".pac")?).ok()?;
        (drawn.len() == 16).then_some(Self {
            port: port.parse().ok()?,
            path: format!("/{name}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &Path) -> ProxyFiles {
        let controller = "https://hourkey.example/".parse().unwrap();
        ProxyFiles::of(folder, "hourkey-cli", &controller)
    }

    #[tokio::test]
    async fn the_address_stays_until_it_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = files(folder.path()).pac_address().await;
        assert_eq!(first.port, 0);
        first.port = 8421;
        files(folder.path()).keep(&first).await;
        assert_eq!(files(folder.path()).pac_address().await, first);
        files(folder.path()).forget().await;
        let next = files(folder.path()).pac_address().await;
        assert_eq!(next.port, 0);
        assert_ne!(next.path, first.path);
    }

    #[tokio::test]
    async fn what_cannot_be_an_address_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        for damaged in [
            "",
            "8421",
            "8421/.pac",
            "8421/AAAA.pac",
            "8421/back/x.pac",
            "70000/AAAAAAAAAAAAAAAAAAAAAA.pac",
            "8421AAAAAAAAAAAAAAAAAAAAAA.pac",
        ] {
            let files = files(folder.path());
            files.pac.save(&Secret::new(damaged)).await.unwrap();
            assert_eq!(files.pac_address().await.port, 0, "{damaged}");
        }
    }
}
