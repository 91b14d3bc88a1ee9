//! Calls of one person as fast as they are answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;

use anyhow::{Result, anyhow};
use futures_util::future::join_all;
use hourkey_client::api::ApiError;
use hourkey_client::session::Session;
use hourkey_domain::ids::ResourceId;

use super::{request, resource};

/// The least priority of a thread (setpriority(2)).
const LOWEST_PRIORITY: i32 = 19;

/// Calls of one person as fast as they are answered, from a thread of its own.
pub(crate) struct Flood {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    refused: Arc<AtomicU64>,
    thread: JoinHandle<Result<()>>,
}

/// How many calls.
#[derive(Default)]
pub(crate) struct CallCounts {
    pub(crate) answered: u64,
    pub(crate) refused: u64,
}

impl Flood {
    /// `loops` of asking and cancelling, which do not heed that they shall wait, and `tabs` that read.
    pub(crate) async fn begin(session: &Session, loops: usize, tabs: usize) -> Result<Self> {
        let resource = resource(session).await?;
        let (stop, answered) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let refused = Arc::<AtomicU64>::default();
        let flood = FloodWorker {
            session: session.clone(),
            resource,
            stop: Arc::clone(&stop),
            answered: Arc::clone(&answered),
            refused: Arc::clone(&refused),
        };
        let thread = std::thread::spawn(move || {
            // It would run on a machine of its own: here it takes what the others leave.
            rustix::process::setpriority_process(None, LOWEST_PRIORITY)?;
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async {
                let loops = join_all((0..loops).map(|_| flood.asks()));
                let tabs = join_all((0..tabs).map(|_| flood.reads()));
                tokio::join!(loops, tabs);
            });
            Ok(())
        });
        Ok(Self {
            stop,
            answered,
            refused,
            thread,
        })
    }

    /// So far.
    pub(crate) fn calls(&self) -> CallCounts {
        CallCounts {
            answered: self.answered.load(Relaxed),
            refused: self.refused.load(Relaxed),
        }
    }

    pub(crate) fn end(self) -> Result<()> {
        self.stop.store(true, Relaxed);
        let joined = self.thread.join();
        joined.map_err(|_| anyhow!("the flood panicked"))?
    }
}

struct FloodWorker {
    session: Session,
    resource: ResourceId,
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    refused: Arc<AtomicU64>,
}

impl FloodWorker {
    async fn asks(&self) {
        while !self.stop.load(Relaxed) {
            let asked = self.session.ask(&request(self.resource)).await;
            if let Some(asked) = self.count(asked) {
                self.count(self.session.cancel(asked.request.id).await);
            }
        }
    }

    async fn reads(&self) {
        while !self.stop.load(Relaxed) {
            self.count(self.session.snapshot().await);
        }
    }

    fn count<T>(&self, done: Result<T, ApiError>) -> Option<T> {
        let counter = if done.is_ok() {
            &self.answered
        } else {
            &self.refused
        };
        counter.fetch_add(1, Relaxed);
        done.ok()
    }
}
