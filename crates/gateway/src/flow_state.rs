//! State of a running flow: its deadline, and whether it was cut.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

use hourkey_domain::ids::{DeviceId, ResourceId, UserId};
use tokio_util::sync::CancellationToken;

/// Why a flow was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The last permit reached its end.
    Expired,
    /// The last permit was taken back.
    Revoked,
    /// The device has ended, or has another key.
    Device,
    /// Another resource governs the destination now, or none does.
    Moved,
    /// The controller was silent for too long.
    Stale,
    /// What goes through is meant for another resource at the address, or may be ([`Mismatch`]).
    Mismatch,
    /// The gateway stops.
    Stopped,
}

/// A host that was sniffed in a flow and may not pass there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The host that the flow was opened for.
    pub asked: String,
    /// The name inside; `None` when there was none that could be read.
    pub inside: Option<String>,
    /// The resource that governs the name, or another one that is known at the address.
    pub other: ResourceId,
}

/// State of one flow, shared by the table, which ends it, and the relay, which obeys.
#[derive(Debug)]
pub struct FlowState {
    /// Names the flow.
    pub id: u64,
    /// Its device.
    pub device: DeviceId,
    /// Its user.
    pub user: UserId,
    /// The resource that it leads to.
    pub resource: ResourceId,
    /// Milliseconds on the boot clock: nothing passes from then on.
    deadline: AtomicU64,
    keep_alive_offline: AtomicBool,
    cause: OnceLock<Cause>,
    mismatch: OnceLock<Mismatch>,
    cut: CancellationToken,
    closed: CancellationToken,
}

impl FlowState {
    /// A new one that runs until `deadline`, in milliseconds on the boot clock.
    #[must_use]
    pub fn new(
        id: u64,
        device: DeviceId,
        user: UserId,
        resource: ResourceId,
        deadline: u64,
    ) -> Self {
        Self {
            id,
            device,
            user,
            resource,
            deadline: AtomicU64::new(deadline),
            keep_alive_offline: AtomicBool::new(false),
            cause: OnceLock::new(),
            mismatch: OnceLock::new(),
            cut: CancellationToken::new(),
            closed: CancellationToken::new(),
        }
    }

    /// Nothing passes from then on, in milliseconds on the boot clock.
    #[must_use]
    pub fn deadline(&self) -> u64 {
        self.deadline.load(SeqCst)
    }

    pub(crate) fn set_deadline(&self, deadline: u64) {
        self.deadline.store(deadline, SeqCst);
    }

    /// Whether the flow goes on to its deadline while the controller is silent.
    #[must_use]
    pub fn keep_alive_offline(&self) -> bool {
        self.keep_alive_offline.load(SeqCst)
    }

    pub(crate) fn set_keep_alive_offline(&self, keep_alive_offline: bool) {
        self.keep_alive_offline.store(keep_alive_offline, SeqCst);
    }

    /// Ends the flow: nothing passes from now on. The first cause counts.
    pub(crate) fn cut(&self, cause: Cause) {
        let _ = self.cause.set(cause);
        self.deadline.store(0, SeqCst);
        self.cut.cancel();
    }

    /// Why it was cut, once it was.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        self.cause.get().copied()
    }

    pub(crate) fn set_mismatch(&self, mismatch: Mismatch) {
        let _ = self.mismatch.set(mismatch);
    }

    /// The mismatch that it was cut for, if the cause was [`Cause::Mismatch`].
    #[must_use]
    pub fn mismatch(&self) -> Option<&Mismatch> {
        self.mismatch.get()
    }

    /// Waits until it is cut.
    pub async fn is_cut(&self) {
        self.cut.cancelled().await;
    }

    pub(crate) fn close(&self) {
        self.closed.cancel();
    }

    /// Waits until its connections are closed.
    pub async fn is_closed(&self) {
        self.closed.cancelled().await;
    }
}
