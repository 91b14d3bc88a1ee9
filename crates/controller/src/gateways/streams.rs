//! The streams that are open: one for each gateway, the newest.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hourkey_domain::ids::GatewayId;
use hourkey_protocol::gateway::{Ack, Connected};
use hourkey_protocol::problem::Code;
use tokio::sync::mpsc;

use super::asked::Asked;
use crate::failure::Failure;

/// How many messages about devices may wait for a stream.
const WAITING: usize = 64;

/// The open streams.
#[derive(Debug, Default)]
pub struct Streams {
    open: Mutex<HashMap<GatewayId, Line>>,
    /// What they asked about.
    pub(super) asked: Asked,
}

/// What a gateway's other calls reach its stream by.
#[derive(Debug)]
struct Line {
    stream: u64,
    connected: mpsc::Sender<Connected>,
    heard: Arc<AtomicU64>,
}

/// A stream's end of its line.
#[derive(Debug)]
pub(super) struct Ear {
    /// Its number.
    pub(super) stream: u64,
    /// Which devices came and went. Closed when a newer stream took its place.
    pub(super) connected: mpsc::Receiver<Connected>,
    /// The number of the last acknowledgement.
    pub(super) heard: Arc<AtomicU64>,
}

impl Streams {
    /// Opens a stream; the one before it ends.
    pub(super) fn open(&self, gateway: GatewayId) -> Ear {
        let stream = u64::from(rand::random::<u32>());
        let (sender, connected) = mpsc::channel(WAITING);
        let heard = Arc::new(AtomicU64::new(0));
        let line = Line {
            stream,
            connected: sender,
            heard: Arc::clone(&heard),
        };
        self.lines().insert(gateway, line);
        Ear {
            stream,
            connected,
            heard,
        }
    }

    /// Hands on which devices came and went.
    ///
    /// # Errors
    /// [`Code::NotFound`] when the stream is not the gateway's newest, or gone.
    pub async fn connected(&self, gateway: GatewayId, said: Connected) -> Result<(), Failure> {
        let line = {
            let lines = self.lines();
            lines
                .get(&gateway)
                .filter(|line| line.stream == said.stream)
                .map(|line| line.connected.clone())
        };
        let line = line.ok_or_else(no_stream)?;
        line.send(said).await.map_err(|_| no_stream())
    }

    /// Notes an acknowledgement.
    ///
    /// # Errors
    /// [`Code::NotFound`] when the stream is not the gateway's newest.
    pub fn acknowledged(&self, gateway: GatewayId, ack: Ack) -> Result<(), Failure> {
        let lines = self.lines();
        let line = lines
            .get(&gateway)
            .filter(|line| line.stream == ack.stream)
            .ok_or_else(no_stream)?;
        line.heard.fetch_max(ack.number, Ordering::SeqCst);
        Ok(())
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<GatewayId, Line>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn no_stream() -> Failure {
    Failure::refused(Code::NotFound, "This stream has ended. Open another one.")
}
