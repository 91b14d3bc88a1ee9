//! This device: its key, which never leaves it, and the certificate with which gateways know it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use hourkey_clock::{Clock, ServerClock};
use hourkey_pki::{Key, KeyError};
use hourkey_protocol::device::{EnrolDevice, Network, Networks};
use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{CipherSuite, ClientConfig, RootCertStore};
use tokio::sync::Mutex;

use crate::api_error::ApiError;
use crate::secrets::{Secret, SecretError, SecretStore};
use crate::session::Session;

/// The name under which a client's device key is kept, for [`crate::secrets::Keyring::of`] and
/// [`crate::secrets::File::of`].
#[must_use]
pub fn key_entry(client_id: &str) -> String {
    format!("{client_id}-device-key")
}

/// The device of a session.
pub struct Device {
    session: Session,
    store: Arc<dyn SecretStore>,
    name: String,
    held: Mutex<Option<Credentials>>,
    outdated: Outdated,
}

/// Says to a [`Device`] that the gateways that it knows may not be the controller's any more.
#[derive(Clone, Debug, Default)]
pub struct Outdated(Arc<AtomicBool>);

impl Outdated {
    /// The next connection asks for the networks first.
    pub fn set(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn take(&self) -> bool {
        self.0.swap(false, Ordering::SeqCst)
    }
}

/// The device's key, certificate and gateways, held in memory.
struct Credentials {
    key: Key,
    certificate: String,
    /// On the boot clock.
    renew_at: Duration,
    /// On the boot clock.
    ends_at: Duration,
    /// When the networks were last asked for, on the boot clock.
    asked_at: Duration,
    /// The gateways' authority, PEM.
    authority: String,
    gateways: Arc<Gateways>,
}

/// What a connection to a gateway needs. Replaced whole when the certificate is renewed, or when
/// the networks change.
pub struct Gateways {
    /// The networks of the person's resources.
    pub networks: Vec<Network>,
    /// TLS 1.3 with the device's certificate, trusting the gateways' authority alone.
    pub tls: Arc<ClientConfig>,
}

/// Why this device has no certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// The controller does not issue one now.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The key cannot be read.
    #[error("This device's key cannot be read. {0}")]
    Store(#[from] SecretError),
    /// The key cannot be made or used.
    #[error("This device's key cannot be used: {0}.")]
    Key(#[from] KeyError),
    /// What the controller sent cannot be used for TLS.
    #[error("The controller's certificates cannot be used: {0}.")]
    Tls(String),
}

/// How long to wait before renewing a certificate again after a failure.
const RENEWAL_RETRY_DELAY: Duration = Duration::from_secs(60);
/// Minimum time between two requests for the networks.
const MIN_REFRESH_INTERVAL: Duration = Duration::from_secs(5);

impl Device {
    /// The device of `session`, with its key in `store`; nothing is asked or made yet. `name` is
    /// what the person sees in their list of devices.
    #[must_use]
    pub fn new(session: Session, store: Arc<dyn SecretStore>, name: impl Into<String>) -> Self {
        Self {
            session,
            store,
            name: name.into(),
            held: Mutex::new(None),
            outdated: Outdated::default(),
        }
    }

    /// For whoever hears that gateways changed.
    #[must_use]
    pub fn outdated(&self) -> Outdated {
        self.outdated.clone()
    }

    /// The session that it belongs to.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// What a connection to a gateway needs. Enrols the device when that was not done yet, and
    /// renews its certificate when less than a third of its life is left. `now` is the server's
    /// time.
    ///
    /// # Errors
    /// See [`DeviceError`]; while the certificate is still valid, a failed renewal is none.
    pub async fn ensure(&self, now: DateTime<Utc>) -> Result<Arc<Gateways>, DeviceError> {
        let mut held = self.held.lock().await;
        let boot = self.session.clock().boot();
        if let Some(held) = &mut *held
            && boot < held.renew_at
        {
            if self.outdated.take() {
                self.ask_again(held, now).await;
            }
            return Ok(Arc::clone(&held.gateways));
        }
        match (self.enrol(now).await, held.as_mut()) {
            (Ok(new), _) => Ok(Arc::clone(&held.insert(new).gateways)),
            (Err(error), Some(held)) if boot < held.ends_at => {
                tracing::warn!(%error, "cannot renew the device's certificate yet");
                held.renew_at = boot + RENEWAL_RETRY_DELAY;
                Ok(Arc::clone(&held.gateways))
            }
            (Err(error), Some(_) | None) => Err(error),
        }
    }

    /// A certificate anew, for a caller whom a gateway does not know by `known`: the controller's
    /// clock may have been set forward past the end of the one that is held. Returns `known` when
    /// it was asked for just now, or cannot be had.
    ///
    /// # Errors
    /// See [`DeviceError`].
    pub async fn renew(
        &self,
        known: &Arc<Gateways>,
        now: DateTime<Utc>,
    ) -> Result<Arc<Gateways>, DeviceError> {
        if let Some(held) = &mut *self.held.lock().await {
            let boot = self.session.clock().boot();
            if !Arc::ptr_eq(&held.gateways, known) || boot < held.asked_at + MIN_REFRESH_INTERVAL {
                return Ok(Arc::clone(&held.gateways));
            }
            held.asked_at = boot;
            held.renew_at = boot;
        }
        self.ensure(now).await
    }

    /// The networks anew, for a caller to whom `known` is of no use any more: a gateway may have
    /// come since. Returns `known` when it was asked for just now.
    ///
    /// # Errors
    /// See [`DeviceError`].
    pub async fn look_again(
        &self,
        known: &Arc<Gateways>,
        now: DateTime<Utc>,
    ) -> Result<Arc<Gateways>, DeviceError> {
        let mut held = self.held.lock().await;
        let Some(held) = &mut *held else {
            return Ok(Arc::clone(known));
        };
        let boot = self.session.clock().boot();
        if !Arc::ptr_eq(&held.gateways, known) || boot < held.asked_at + MIN_REFRESH_INTERVAL {
            return Ok(Arc::clone(&held.gateways));
        }
        held.asked_at = boot;
        let networks = self.session.networks().await?;
        held.gateways = self.connecting(&held.key, &held.certificate, &networks, now)?;
        held.authority = networks.authority;
        Ok(Arc::clone(&held.gateways))
    }

    /// The networks anew; what connects by the ones before is given up if they differ. A controller
    /// that cannot be asked is asked again for the next connection.
    async fn ask_again(&self, held: &mut Credentials, now: DateTime<Utc>) {
        let networks = match self.session.networks().await {
            Ok(networks) => networks,
            Err(error) => {
                tracing::warn!(%error, "cannot ask for changed gateways yet");
                return self.outdated.set();
            }
        };
        if networks.networks == held.gateways.networks && networks.authority == held.authority {
            return;
        }
        match self.connecting(&held.key, &held.certificate, &networks, now) {
            Ok(gateways) => {
                held.gateways = gateways;
                held.authority = networks.authority;
            }
            Err(error) => {
                tracing::warn!(%error, "cannot use the changed gateways");
                self.outdated.set();
            }
        }
    }

    async fn enrol(&self, now: DateTime<Utc>) -> Result<Credentials, DeviceError> {
        let key = self.key().await?;
        let asked_at = self.session.clock().boot();
        let enrol = EnrolDevice {
            name: self.name.clone(),
            request: key.request()?,
        };
        let enrolled = self.session.enrol_device(&enrol).await?;
        // Counted from before the call: the certificate must not seem to live longer than it does.
        let life = (enrolled.expires_at - now).to_std().unwrap_or_default();
        // What is heard from now on is newer than the answer.
        self.outdated.take();
        let networks = self.session.networks().await?;
        Ok(Credentials {
            gateways: self.connecting(&key, &enrolled.certificate, &networks, now)?,
            authority: networks.authority,
            key,
            certificate: enrolled.certificate,
            renew_at: asked_at + life * 2 / 3,
            ends_at: asked_at + life,
            asked_at,
        })
    }

    /// The stored key, or a new one. One that cannot be stored lasts until the program ends.
    async fn key(&self) -> Result<Key, DeviceError> {
        // Two processes must not each make one: the second would end the device of the first.
        let _guard = self.session.lock_processes().await;
        if let Some(stored) = self.store.load().await? {
            match Key::from_pem(stored.expose()) {
                Ok(key) => return Ok(key),
                Err(error) => {
                    tracing::warn!(%error, "cannot use the stored device key; it is replaced")
                }
            }
        }
        let key = Key::generate()?;
        if let Err(error) = self.store.save(&Secret::new(key.to_pem())).await {
            tracing::warn!(%error, "cannot store the device's key; it lasts until the program ends");
        }
        Ok(key)
    }

    /// What a connection to one of these networks' gateways needs.
    fn connecting(
        &self,
        key: &Key,
        certificate: &str,
        networks: &Networks,
        now: DateTime<Utc>,
    ) -> Result<Arc<Gateways>, DeviceError> {
        let time = ServerTime::new(Arc::clone(self.session.clock()), now);
        let tls = tls(key, certificate, &networks.authority, time).map_err(DeviceError::Tls)?;
        Ok(Arc::new(Gateways {
            networks: networks.networks.clone(),
            tls: Arc::new(tls),
        }))
    }
}

impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Device")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

fn tls(
    key: &Key,
    certificate: &str,
    authority: &str,
    time: ServerTime,
) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    for root in certificates(authority)? {
        roots.add(root).map_err(|error| error.to_string())?;
    }
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    // The cheapest first (docs/PERFORMANCE.md); the gateway takes the client's choice.
    provider
        .cipher_suites
        .sort_by_key(|suite| suite.suite() != CipherSuite::TLS13_AES_128_GCM_SHA256);
    let provider = Arc::new(provider);
    let mut config = ClientConfig::builder_with_details(provider, Arc::new(time))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_client_auth_cert(certificates(certificate)?, key.to_tls())
        .map_err(|error| error.to_string())?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // A ticket each for the warm connections to every gateway.
    config.resumption = Resumption::in_memory_sessions(256);
    Ok(config)
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let found = found.map_err(|error| error.to_string())?;
    if found.is_empty() {
        return Err("there is no certificate".to_owned());
    }
    Ok(found)
}

/// The server's time for TLS: a wrong wall clock must not make good certificates look bad.
struct ServerTime {
    clock: Arc<dyn Clock>,
    server: ServerClock,
}

impl ServerTime {
    fn new(clock: Arc<dyn Clock>, now: DateTime<Utc>) -> Self {
        let mut server = ServerClock::default();
        server.sync(now, clock.boot());
        Self { clock, server }
    }
}

impl TimeProvider for ServerTime {
    fn current_time(&self) -> Option<UnixTime> {
        let now = self.server.now(self.clock.boot())?;
        let seconds = u64::try_from(now.timestamp()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

impl std::fmt::Debug for ServerTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServerTime")
    }
}
