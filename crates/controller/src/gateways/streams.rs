//! The streams that are open: one for each gateway, the newest.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;
use hourkey_access::error::AppError;
use hourkey_console::HeardOf;
use hourkey_domain::Time;
use hourkey_domain::ids::GatewayId;
use hourkey_protocol::gateway::{Ack, Connected};
use hourkey_protocol::problem::Code;
use tokio::sync::mpsc;

use super::asked::Asked;

/// How many messages about devices may wait for a stream.
const WAITING: usize = 64;

/// A gateway that has not acknowledged anything for this long has let go of its lease.
const LEASE: TimeDelta = TimeDelta::seconds(15);

/// The open streams.
#[derive(Debug, Default)]
pub struct GatewayStreams {
    open: Mutex<HashMap<GatewayId, StreamSender>>,
    /// What they asked about.
    pub(super) asked: Arc<Asked>,
}

/// What a gateway's other calls reach its stream by.
#[derive(Debug)]
struct StreamSender {
    stream: u64,
    connected: mpsc::Sender<Connected>,
    acknowledged_number: Arc<AtomicU64>,
    /// When the gateway opened it, or last acknowledged something.
    heard_at: Time,
    /// The gateway's version, where it says that.
    version: Option<String>,
}

/// A stream's end of its stream.
#[derive(Debug)]
pub(super) struct StreamReceiver {
    /// Its number.
    pub(super) stream: u64,
    /// Which devices came and went. Closed when a newer stream took its place.
    pub(super) connected: mpsc::Receiver<Connected>,
    /// The number of the last acknowledgement.
    pub(super) acknowledged_number: Arc<AtomicU64>,
}

impl GatewayStreams {
    /// Opens a stream; the one before it ends.
    pub(super) fn open(
        &self,
        gateway: GatewayId,
        version: Option<String>,
        now: Time,
    ) -> StreamReceiver {
        let stream = u64::from(rand::random::<u32>());
        let (to_stream, connected) = mpsc::channel(WAITING);
        let acknowledged_number = Arc::new(AtomicU64::new(0));
        let sender = StreamSender {
            stream,
            connected: to_stream,
            acknowledged_number: Arc::clone(&acknowledged_number),
            heard_at: now,
            version,
        };
        self.streams().insert(gateway, sender);
        StreamReceiver {
            stream,
            connected,
            acknowledged_number,
        }
    }

    /// Hands on which devices came and went.
    ///
    /// # Errors
    /// [`Code::NotFound`] when the stream is not the gateway's newest, or gone.
    pub async fn connected(&self, gateway: GatewayId, said: Connected) -> Result<(), AppError> {
        let stream = {
            let streams = self.streams();
            streams
                .get(&gateway)
                .filter(|stream| stream.stream == said.stream)
                .map(|stream| stream.connected.clone())
        };
        let stream = stream.ok_or_else(no_stream)?;
        stream.send(said).await.map_err(|_| no_stream())
    }

    /// Notes an acknowledgement.
    ///
    /// # Errors
    /// [`Code::NotFound`] when the stream is not the gateway's newest.
    pub fn acknowledged(&self, gateway: GatewayId, ack: Ack, now: Time) -> Result<(), AppError> {
        let mut streams = self.streams();
        let stream = streams
            .get_mut(&gateway)
            .filter(|stream| stream.stream == ack.stream)
            .ok_or_else(no_stream)?;
        stream
            .acknowledged_number
            .fetch_max(ack.number, Ordering::SeqCst);
        stream.heard_at = stream.heard_at.max(now);
        Ok(())
    }

    /// What was last heard of a gateway; nothing where it was not heard since this controller started. It is
    /// connected while its stream is open, and it was heard within its lease.
    #[must_use]
    pub fn heard(&self, gateway: GatewayId, now: Time) -> Option<HeardOf> {
        let streams = self.streams();
        streams.get(&gateway).map(|stream| HeardOf {
            at: stream.heard_at,
            version: stream.version.clone(),
            is_connected: !stream.connected.is_closed() && now - stream.heard_at < LEASE,
        })
    }

    /// True while the gateway is connected ([`Self::heard`]).
    #[must_use]
    pub fn is_connected(&self, gateway: GatewayId, now: Time) -> bool {
        self.heard(gateway, now)
            .is_some_and(|heard| heard.is_connected)
    }

    fn streams(&self) -> MutexGuard<'_, HashMap<GatewayId, StreamSender>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn no_stream() -> AppError {
    AppError::refused(Code::NotFound, "This stream has ended. Open another one.")
}
