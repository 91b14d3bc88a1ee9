//! Renews the gateway's certificate well before its end.

use std::sync::Arc;

use hourkey_pki::Key;
use hourkey_protocol::gateway::Renew;
use rustls::ServerConfig;
use tokio::sync::watch;

use crate::api::Api;
use crate::enrolment::{Enrolled, Folder};
use crate::gate::Gate;
use crate::timings::Timings;
use crate::tls::{self, Validity};

/// Renews the certificate for as long as the gateway runs. New connections get the new one at
/// once, running ones go on.
pub(crate) struct CertificateRenewer {
    pub(crate) gate: Arc<Gate>,
    pub(crate) api: Api,
    pub(crate) folder: Folder,
    pub(crate) enrolled: Enrolled,
    pub(crate) key: Key,
    pub(crate) tls: watch::Sender<Arc<ServerConfig>>,
}

impl CertificateRenewer {
    pub(crate) async fn run(mut self, timings: Timings) {
        loop {
            self.gate.heard().await;
            if self.is_due()
                && let Err(error) = self.renew().await
            {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "cannot renew the gateway's certificate"
                );
            }
            tokio::time::sleep(timings.renew_interval).await;
        }
    }

    fn is_due(&self) -> bool {
        let Some(now) = self.gate.server_time() else {
            return false;
        };
        Validity::of_pem(&self.enrolled.certificate.certificate)
            .is_none_or(|validity| validity.is_nearly_over(now))
    }

    async fn renew(&mut self) -> anyhow::Result<()> {
        let request = self.key.request()?;
        let certificate = self.api.certificate(&Renew { request }).await?;
        let config = tls::config(&self.gate, &self.key, &certificate)?;
        self.enrolled.certificate = certificate;
        self.folder.keep(&self.enrolled)?;
        self.tls.send_replace(config);
        tracing::info!("renewed the gateway's certificate");
        Ok(())
    }
}
