//! The gate: the one owner of what is known, of the lease, and of every flow that was let in.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use hourkey_domain::address::Host;
use hourkey_domain::ids::{DeviceId, UserId};
use hourkey_protocol::gateway::{All, Changes, Ended, Refusal};
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::lease::{Lease, Standing};
use crate::table::{Admission, Deadline, Table, Target, Verdict};
use crate::time::ServerTime;

/// Flows of one device at a time: one that floods leaves room for the rest.
const FLOWS_OF_A_DEVICE: usize = 512;

/// Flows in all.
const FLOWS: usize = 20_000;

/// The gate.
pub(crate) struct Gate {
    pub(crate) lease: Lease,
    pub(crate) time: Arc<ServerTime>,
    table: Mutex<Table<Arc<Line>>>,
    devices: Mutex<Devices>,
    /// Rings when devices became known.
    known: Notify,
    /// Tells the controller which devices came and went.
    moves: mpsc::UnboundedSender<Move>,
}

/// A device came, or its last connection went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    Came(DeviceId),
    Went(DeviceId),
}

/// How many connections each device has.
type Devices = HashMap<DeviceId, usize>;

/// What a flow and the gate share.
#[derive(Debug)]
pub(crate) struct Line {
    until: AtomicI64,
    cut: CancellationToken,
    why: OnceLock<Ended>,
}

impl Line {
    fn new(until: Deadline) -> Arc<Self> {
        Arc::new(Self {
            until: AtomicI64::new(until),
            cut: CancellationToken::new(),
            why: OnceLock::new(),
        })
    }

    /// Cuts the flow; the first reason stands.
    pub(crate) fn cut(&self, why: Ended) {
        let _ = self.why.set(why);
        self.cut.cancel();
    }

    /// Returns once the flow is cut.
    pub(crate) async fn is_cut(&self) {
        self.cut.cancelled().await;
    }

    /// Why it was cut, if it was.
    pub(crate) fn why(&self) -> Option<Ended> {
        self.why.get().copied()
    }
}

/// Whether a flow may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    Yes,
    /// Not before the controller is heard.
    Wait,
    /// It is cut.
    No,
}

impl Gate {
    pub(crate) fn new(
        lease: Lease,
        time: Arc<ServerTime>,
    ) -> (Arc<Self>, mpsc::UnboundedReceiver<Move>) {
        let (moves, moved) = mpsc::unbounded_channel();
        let gate = Self {
            lease,
            time,
            table: Mutex::default(),
            devices: Mutex::default(),
            known: Notify::new(),
            moves,
        };
        (Arc::new(gate), moved)
    }

    /// Takes everything anew.
    pub(crate) fn replace(&self, all: All) {
        let verdicts = self.table().replace(all);
        self.carry_out(verdicts);
        self.known.notify_waiters();
    }

    /// Takes what changed.
    pub(crate) fn change(&self, changes: Changes) {
        let verdicts = self.table().change(changes);
        self.carry_out(verdicts);
        self.known.notify_waiters();
    }

    /// Takes what an exact name resolves to.
    pub(crate) fn resolved(&self, name: &str, addresses: &[IpAddr]) {
        let verdicts = self.table().resolved(name, addresses);
        self.carry_out(verdicts);
    }

    /// The exact names of the network.
    pub(crate) fn names(&self) -> Vec<String> {
        self.table().names()
    }

    /// Cuts what is over: called at least every tick.
    pub(crate) fn reap(&self) {
        if self.lease.standing() == Standing::Over {
            for line in self.table().handles() {
                line.cut(Ended::Stale);
            }
            return;
        }
        let now = self.time.now_ms();
        for line in self.table().due(now) {
            line.cut(Ended::Permit);
        }
    }

    /// Cuts everything: the gateway stops.
    pub(crate) fn close(&self) {
        for line in self.table().handles() {
            line.cut(Ended::Stopped);
        }
    }

    /// Notes a connection of a device; it counts until the return value is dropped.
    pub(crate) fn arrive(self: &Arc<Self>, device: DeviceId) -> Arrival {
        let mut devices = self.devices();
        let count = devices.entry(device).or_default();
        *count += 1;
        if *count == 1 {
            let _ = self.moves.send(Move::Came(device));
        }
        drop(devices);
        Arrival {
            gate: Arc::clone(self),
            device,
        }
    }

    /// The devices that are connected.
    pub(crate) fn connected(&self) -> HashSet<DeviceId> {
        self.devices().keys().copied().collect()
    }

    /// Whether a device has become known by now.
    pub(crate) fn knows(&self, device: DeviceId) -> bool {
        self.table().knows(device)
    }

    /// Returns the next time that devices become known.
    pub(crate) fn news(&self) -> tokio::sync::futures::Notified<'_> {
        self.known.notified()
    }

    /// Whose a device is.
    ///
    /// # Errors
    /// [`Refusal::Stale`] or [`Refusal::Device`].
    pub(crate) fn holder(&self, device: DeviceId, key: &str) -> Result<UserId, Refusal> {
        self.check_lease()?;
        self.table().holder(device, key)
    }

    /// True when the user may use something at all.
    pub(crate) fn has_permits(&self, user: UserId) -> bool {
        self.table().has_permits(user, self.time.now_ms())
    }

    /// True when the host and port alone, wherever they lead, are a resource's.
    pub(crate) fn is_resource(&self, host: &Host, port: u16) -> bool {
        self.table().is_resource(host, port)
    }

    /// True when one of the resources is exactly this address.
    pub(crate) fn names_exactly(&self, ip: IpAddr, port: u16) -> bool {
        self.table().names_exactly(ip, port)
    }

    /// Whether a device may go there now.
    ///
    /// # Errors
    /// [`Refusal::Stale`], [`Refusal::Device`] or [`Refusal::NoPermit`].
    pub(crate) fn check(
        &self,
        device: DeviceId,
        key: &str,
        target: &Target,
    ) -> Result<Admission, Refusal> {
        self.check_lease()?;
        self.table().admit(device, key, target, self.time.now_ms())
    }

    /// Lets a flow in: checks once more, and from here on cuts it when its permit goes.
    ///
    /// # Errors
    /// As [`Self::check`], and [`Refusal::Busy`].
    pub(crate) fn admit(
        self: &Arc<Self>,
        device: DeviceId,
        key: &str,
        target: Target,
    ) -> Result<Admitted, Refusal> {
        self.check_lease()?;
        let mut table = self.table();
        let admission = table.admit(device, key, &target, self.time.now_ms())?;
        let (theirs, all) = table.count(device);
        if theirs >= FLOWS_OF_A_DEVICE || all >= FLOWS {
            return Err(Refusal::Busy);
        }
        let line = Line::new(admission.until);
        let number = table.begin(device, admission, target, Arc::clone(&line));
        drop(table);
        Ok(Admitted {
            gate: Arc::clone(self),
            number,
            admission,
            line,
        })
    }

    fn check_lease(&self) -> Result<(), Refusal> {
        match self.lease.standing() {
            Standing::Open => Ok(()),
            Standing::Held | Standing::Over => Err(Refusal::Stale),
        }
    }

    fn carry_out(&self, verdicts: Vec<(Arc<Line>, Verdict)>) {
        for (line, verdict) in verdicts {
            match verdict {
                Verdict::Until(until) => line.until.store(until, Ordering::SeqCst),
                Verdict::Cut(why) => line.cut(why),
            }
        }
    }

    fn table(&self) -> MutexGuard<'_, Table<Arc<Line>>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn devices(&self) -> MutexGuard<'_, Devices> {
        self.devices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection of a device.
pub(crate) struct Arrival {
    gate: Arc<Gate>,
    device: DeviceId,
}

impl Drop for Arrival {
    fn drop(&mut self) {
        let mut devices = self.gate.devices();
        if let Some(count) = devices.get_mut(&self.device) {
            *count -= 1;
            if *count == 0 {
                devices.remove(&self.device);
                self.gate.table().forget(self.device);
                let _ = self.gate.moves.send(Move::Went(self.device));
            }
        }
    }
}

/// A flow that was let in. Forgotten when dropped.
pub(crate) struct Admitted {
    gate: Arc<Gate>,
    number: u64,
    pub(crate) admission: Admission,
    pub(crate) line: Arc<Line>,
}

impl Admitted {
    /// Whether the flow may write now: asked before each write.
    pub(crate) fn may_pass(&self) -> Pass {
        if self.line.cut.is_cancelled() {
            return Pass::No;
        }
        match self.gate.lease.standing() {
            Standing::Open => {}
            Standing::Held => return Pass::Wait,
            Standing::Over => {
                self.line.cut(Ended::Stale);
                return Pass::No;
            }
        }
        if self.gate.time.now_ms() >= self.line.until.load(Ordering::SeqCst) {
            self.line.cut(Ended::Permit);
            return Pass::No;
        }
        Pass::Yes
    }

    /// Rings each time the controller was heard.
    pub(crate) fn bell(&self) -> watch::Receiver<u64> {
        self.gate.lease.bell()
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.gate.table().end(self.number);
    }
}
