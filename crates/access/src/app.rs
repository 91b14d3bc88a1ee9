//! What every use case shares.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use hourkey_domain::Time;
use hourkey_domain::organisation::Organisation;
pub use hourkey_store::Room;
use hourkey_store::{Store, Write, transact};
use tokio::sync::watch;

use crate::budget::Budgets;
use crate::clock::Clock;
use crate::config::Config;
use crate::directory::Directory;
use crate::error::AppError;
use crate::identity::attempts::Attempts;
use crate::identity::authorities::Authorities;
use crate::identity::full_disk::FullDisk;
use crate::identity::password::Hasher;
use crate::quota::StreamQuota;

/// The running controller. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// The server's clock (rule 13).
    pub clock: Arc<dyn Clock>,
    /// Settings, fixed while the controller runs.
    pub config: Arc<Config>,
    /// Limits on attempts to sign in.
    pub attempts: Arc<Attempts>,
    /// What each person may ask for at a time.
    pub budgets: Arc<Budgets>,
    /// How often each person came in while the disk was full.
    pub full_disk: Arc<FullDisk>,
    /// Computes and checks passwords' hashes.
    pub passwords: Hasher,
    /// Issue the certificates of devices and gateways.
    pub authorities: Arc<Authorities>,
    /// The organisation as one value, and what changes of it.
    pub directory: Arc<Directory>,
    /// What the streams may take.
    pub streams: Arc<StreamQuota>,
    /// Turns true when the controller shuts down: streams and background work end.
    pub stop: Arc<watch::Sender<bool>>,
}

impl App {
    /// A controller on this store. Nothing runs by itself before [`crate::background::start`].
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        config: Config,
        authorities: Authorities,
    ) -> Self {
        Self {
            store,
            clock,
            config: Arc::new(config),
            attempts: Arc::new(Attempts::default()),
            budgets: Arc::default(),
            full_disk: Arc::default(),
            passwords: Hasher::default(),
            authorities: Arc::new(authorities),
            directory: Arc::default(),
            streams: Arc::default(),
            stop: Arc::new(watch::Sender::new(false)),
        }
    }

    /// The organisation as it is now ([`Directory::current`]).
    ///
    /// # Errors
    /// The store's failure.
    pub async fn organisation(&self) -> Result<Arc<Organisation>, AppError> {
        self.directory.current(&self.store).await
    }

    /// The organisation, true at this sequence number or a later one ([`Directory::at_least`]).
    ///
    /// # Errors
    /// The store's failure.
    pub async fn organisation_at(&self, seq: i64) -> Result<Arc<Organisation>, AppError> {
        self.directory.at_least(&self.store, seq).await
    }

    /// Runs `work` as a write transaction, and returns what it returns once that is on disk
    /// ([`hourkey_store::transact`]). The time is read inside: later commits never carry earlier
    /// times.
    ///
    /// # Errors
    /// What `work` returned (nothing is kept), or the store's own failure.
    pub async fn transact<T, F>(&self, room: Room, work: F) -> Result<T, AppError>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut dyn Write, Time) -> BoxFuture<'t, Result<T, AppError>>
            + Clone
            + Send
            + Sync
            + 'static,
    {
        let clock = Arc::clone(&self.clock);
        transact(&self.store, room, move |tx| work(tx, clock.now())).await
    }
}
