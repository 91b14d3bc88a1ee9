//! TLS towards devices: 1.3 only, both sides with certificates of their own authorities.

use std::sync::Arc;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use hourkey_pki::Key;
use hourkey_protocol::gateway::Certificate;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::{ServerSessionMemoryCache, WebPkiClientVerifier};
use rustls::time_provider::TimeProvider;
use rustls::{RootCertStore, ServerConfig};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::gate::Gate;
use crate::limits;

/// ALPN (RFC 7301) of HTTP/2.
pub(crate) const H2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// The settings of the listener.
///
/// # Errors
/// When the certificate or the devices' authority cannot be used.
pub(crate) fn config(
    gate: &Arc<Gate>,
    key: &Key,
    certificate: &Certificate,
) -> anyhow::Result<Arc<ServerConfig>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut authorities = RootCertStore::empty();
    for authority in chain(&certificate.devices_authority)? {
        authorities.add(authority)?;
    }
    let devices =
        WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), Arc::clone(&provider))
            .build()?;
    let mut config =
        ServerConfig::builder_with_details(provider, Arc::new(ServerTime(Arc::clone(gate))))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_client_cert_verifier(devices)
            .with_single_cert(chain(&certificate.certificate)?, key.to_tls())?;
    config.alpn_protocols = vec![H2.to_vec(), HTTP1.to_vec()];
    // 0-RTT could be replayed (RFC 8446, 8).
    config.max_early_data_size = 0;
    config.session_storage = ServerSessionMemoryCache::new(limits::MAX_TLS_SESSIONS);
    Ok(Arc::new(config))
}

fn chain(pem: &str) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty());
    chain.context("the controller sent a certificate that cannot be read")
}

/// Certificates are judged by the server's time: a wrong wall clock lets no expired one in, and
/// keeps no good one out.
struct ServerTime(Arc<Gate>);

impl std::fmt::Debug for ServerTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServerTime")
    }
}

impl TimeProvider for ServerTime {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.server_time()?.timestamp()).ok()?;
        Some(UnixTime::since_unix_epoch(std::time::Duration::from_secs(
            seconds,
        )))
    }
}

/// From when to when a certificate is valid (RFC 5280, 4.1.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Validity {
    pub(crate) from: DateTime<Utc>,
    pub(crate) until: DateTime<Utc>,
}

impl Validity {
    pub(crate) fn of(certificate: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
        let validity = certificate.validity();
        Some(Self {
            from: DateTime::from_timestamp(validity.not_before.timestamp(), 0)?,
            until: DateTime::from_timestamp(validity.not_after.timestamp(), 0)?,
        })
    }

    pub(crate) fn of_pem(pem: &str) -> Option<Self> {
        Self::of(&CertificateDer::from_pem_slice(pem.as_bytes()).ok()?)
    }

    /// True when less than a third is left.
    pub(crate) fn is_nearly_over(&self, now: DateTime<Utc>) -> bool {
        (self.until - now) * 3 < self.until - self.from
    }
}
