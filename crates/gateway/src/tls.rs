//! TLS: 1.3 alone, both sides with certificates of the controller's authorities.

use std::sync::{Arc, PoisonError, RwLock};

use anyhow::Context as _;
use hourkey_protocol::gateway::Certificate;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

use crate::state::State;
use crate::time::ServerTime;

/// The TLS settings in force; swapped when the certificate is renewed.
#[derive(Debug)]
pub(crate) struct Tls {
    config: RwLock<Arc<ServerConfig>>,
    time: Arc<ServerTime>,
}

impl Tls {
    pub(crate) fn new(state: &State, time: Arc<ServerTime>) -> anyhow::Result<Self> {
        Ok(Self {
            config: RwLock::new(config(state, &time)?),
            time,
        })
    }

    /// The settings for the next connection.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        let config = self.config.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&config)
    }

    /// Uses a renewed certificate from now on.
    pub(crate) fn renew(&self, state: &State) -> anyhow::Result<()> {
        let fresh = config(state, &self.time)?;
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }
}

fn config(state: &State, time: &Arc<ServerTime>) -> anyhow::Result<Arc<ServerConfig>> {
    let Certificate {
        certificate,
        devices_authority,
        ..
    } = &state.enrolment.certificate;
    let read = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes());
    let mut devices = RootCertStore::empty();
    devices.add(read(devices_authority).context("the devices' authority cannot be read")?)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(devices), Arc::clone(&provider))
            .build()?;
    let certificate = read(certificate).context("the gateway's certificate cannot be read")?;
    let mut config = ServerConfig::builder_with_details(provider, Arc::clone(time) as _)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![certificate], state.key()?.to_tls())?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // Early data could be replayed.
    config.max_early_data_size = 0;
    Ok(Arc::new(config))
}
