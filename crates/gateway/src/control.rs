//! Follows the controller: what it says goes through the gate, and is acknowledged once it is in
//! force.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use futures_util::StreamExt as _;
use hourkey_domain::ids::DeviceId;
use hourkey_protocol::gateway::{ALL, Ack, All, CHANGES, Changes, Connected, Follow, PING, Ping};
use hourkey_protocol::sse::{Event, Parser};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::enrol::{Controller, Unknown};
use crate::gate::{Gate, Move};
use crate::lease::Pace;

/// The first wait before the controller is tried again is anywhere up to this long.
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// A gateway that the controller does not know is tried again after this.
const UNKNOWN_WAIT: Duration = Duration::from_secs(30);

/// Follows until `stop` is cancelled.
pub(crate) async fn run(
    controller: Controller,
    gate: Arc<Gate>,
    mut moves: mpsc::UnboundedReceiver<Move>,
    pace: Pace,
    stop: CancellationToken,
) {
    let mut wait = FIRST_WAIT;
    let mut said = String::new();
    loop {
        let mut stream = Stream {
            controller: &controller,
            gate: &gate,
            moves: &mut moves,
            pace,
            stream: 0,
            number: 0,
            sent: HashMap::new(),
            told: HashSet::new(),
        };
        let (heard, why) = tokio::select! {
            ended = stream.follow() => ended,
            () = stop.cancelled() => return,
        };
        if heard {
            wait = FIRST_WAIT;
            said.clear();
        }
        let why_text = format!("{why:#}");
        // Said once, not at each try.
        if said != why_text {
            tracing::warn!(error = why_text, "the controller is away");
            said = why_text;
        }
        let longest = if why.is::<Unknown>() {
            UNKNOWN_WAIT
        } else {
            wait
        };
        let share = rand::random_range(0.0..1.0);
        tokio::select! {
            () = tokio::time::sleep(longest.mul_f64(share)) => {}
            () = stop.cancelled() => return,
        }
        wait = (wait * 2).min(pace.longest_wait);
    }
}

/// One stream.
struct Stream<'g> {
    controller: &'g Controller,
    gate: &'g Arc<Gate>,
    moves: &'g mut mpsc::UnboundedReceiver<Move>,
    pace: Pace,
    stream: u64,
    /// The number of the last acknowledgement.
    number: u64,
    /// When each acknowledgement was sent, on the boot clock, as long as a ping may name it.
    sent: HashMap<u64, u64>,
    /// The devices that the controller knows to be connected.
    told: HashSet<DeviceId>,
}

impl Stream<'_> {
    /// Follows until the stream ends: whether it was heard at all, and why it ended.
    async fn follow(&mut self) -> (bool, anyhow::Error) {
        let mut heard = false;
        match self.read(&mut heard).await {
            Ok(never) => match never {},
            Err(error) => (heard, error),
        }
    }

    async fn read(&mut self, heard: &mut bool) -> anyhow::Result<std::convert::Infallible> {
        self.told = self.gate.connected();
        let devices = self.told.iter().copied().collect();
        let opened_at = self.gate.lease.now();
        self.gate.time.start_anew();
        let response = self
            .controller
            .stream("stream", &Follow { devices })
            .await?;
        let mut body = response.bytes_stream();
        let mut parser = Parser::default();
        let mut events = Vec::new();
        let mut seen = tokio::time::Instant::now();
        loop {
            tokio::select! {
                chunk = body.next() => {
                    let chunk = chunk.context("the controller ended the stream")?;
                    let chunk = chunk.map_err(reqwest::Error::without_url)?;
                    seen = tokio::time::Instant::now();
                    parser.feed(&chunk, |event| events.push(event))?;
                    for event in events.drain(..) {
                        self.take(event, opened_at).await?;
                        *heard = true;
                    }
                }
                moved = self.moves.recv(), if self.stream != 0 => {
                    let first = moved.context("the gateway stops")?;
                    self.tell_moves(first).await?;
                }
                () = tokio::time::sleep_until(seen + self.pace.silence) => {
                    bail!("the controller has fallen silent");
                }
            }
        }
    }

    async fn take(&mut self, event: Event, opened_at: u64) -> anyhow::Result<()> {
        let seq = match event.name.as_str() {
            ALL => {
                let all: All = read(&event)?;
                self.gate.time.heard(all.server_time);
                self.stream = all.stream;
                let seq = all.seq;
                self.gate.replace(all);
                self.gate.lease.heard(opened_at);
                tracing::info!(change.seq = seq, "the controller is there");
                seq
            }
            CHANGES => {
                let changes: Changes = read(&event)?;
                self.gate.time.heard(changes.server_time);
                let seq = changes.seq;
                self.gate.change(changes);
                seq
            }
            PING => {
                let ping: Ping = read(&event)?;
                self.gate.time.heard(ping.server_time);
                if let Some(sent_at) = self.sent.get(&ping.heard) {
                    self.gate.lease.heard(*sent_at);
                }
                self.sent.retain(|number, _| *number >= ping.heard);
                0
            }
            // Of a later version.
            _ => return Ok(()),
        };
        self.acknowledge(seq);
        Ok(())
    }

    /// Says that everything up to here is in force. Not waited for: the next ping tells whether it
    /// was heard, and only that counts.
    fn acknowledge(&mut self, seq: i64) {
        self.number += 1;
        let ack = Ack {
            stream: self.stream,
            number: self.number,
            seq,
        };
        self.sent.insert(self.number, self.gate.lease.now());
        let controller = self.controller.clone();
        tokio::spawn(async move {
            if let Err(error) = controller.post("ack", &ack).await {
                tracing::debug!(error = format!("{error:#}"), "an acknowledgement was lost");
            }
        });
    }

    /// Tells the controller which devices came and went, all that are in line at once.
    async fn tell_moves(&mut self, first: Move) -> anyhow::Result<()> {
        let mut last = HashMap::new();
        let mut note = |moved| match moved {
            Move::Came(device) => last.insert(device, true),
            Move::Went(device) => last.insert(device, false),
        };
        note(first);
        while let Ok(moved) = self.moves.try_recv() {
            note(moved);
        }
        let (mut came, mut went) = (Vec::new(), Vec::new());
        for (device, is_there) in last {
            if is_there {
                // Also one that went and came again: what is known of it was forgotten.
                self.told.insert(device);
                came.push(device);
            } else if self.told.remove(&device) {
                went.push(device);
            }
        }
        if came.is_empty() && went.is_empty() {
            return Ok(());
        }
        let connected = Connected {
            stream: self.stream,
            came,
            went,
        };
        self.controller.post("devices", &connected).await?;
        Ok(())
    }
}

fn read<T: serde::de::DeserializeOwned>(event: &Event) -> anyhow::Result<T> {
    serde_json::from_str(&event.data)
        .with_context(|| format!("the controller's {} cannot be read", event.name))
}
