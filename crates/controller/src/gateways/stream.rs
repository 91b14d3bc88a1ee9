//! The stream of one gateway.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::response::sse::{Event, Sse};
use futures_util::Stream;
use hourkey_access::app::App;
use hourkey_access::directory::ChangeSubscription;
use hourkey_access::error::AppError;
use hourkey_protocol::gateway::{
    ALL, CHANGES, Connected, Follow, PING, PING_EVERY, Ping, REPLACED,
};
use hourkey_store::gateway::Gateway;
use serde::Serialize;
use tokio::time::{Interval, MissedTickBehavior, interval_at};

use super::asked;
use super::message::{self, Due, Watched};
use super::streams::{GatewayStreams, StreamReceiver};

/// Opens the stream of a gateway of this version; the one that it had before ends. It ends when the gateway is
/// removed, and when the controller shuts down.
///
/// # Errors
/// The store's failure.
pub async fn follow(
    app: &App,
    streams: Arc<GatewayStreams>,
    gateway: Gateway,
    version: Option<String>,
    from: Follow,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>> + use<>>, AppError> {
    // Listen before reading: what happens in between rings.
    let changes = app.directory.subscribe(&app.stop);
    let receiver = streams.open(gateway.id, version, app.clock.now());
    asked::record(app, &streams.asked, gateway.id, &from.devices);
    let mut watched = Watched::default();
    watched.add(&from.devices);
    let all = message::all(app, &gateway, receiver.stream, &mut watched).await?;
    let first = event(ALL, &all)?;
    let mut pings = interval_at(tokio::time::Instant::now() + PING_EVERY, PING_EVERY);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let stream = GatewayStream {
        app: app.clone(),
        streams,
        gateway,
        receiver,
        watched,
        changes,
        pings,
        ping_is_due: false,
        seen: all.seq,
        first: Some(first),
        is_replaced: false,
    };
    let events = futures_util::stream::unfold(stream, |mut stream| async {
        let event = stream.next().await?;
        Some((Ok(event), stream))
    });
    Ok(Sse::new(events))
}

struct GatewayStream {
    app: App,
    streams: Arc<GatewayStreams>,
    gateway: Gateway,
    receiver: StreamReceiver,
    watched: Watched,
    changes: ChangeSubscription,
    pings: Interval,
    /// Whether a ping waits until the change log was looked at.
    ping_is_due: bool,
    /// Everything up to here was sent, or does not concern this gateway. Only events move it: what
    /// is read for a device that came says nothing of the others.
    seen: i64,
    first: Option<Event>,
    /// It has said that a newer stream took over, and ends.
    is_replaced: bool,
}

impl GatewayStream {
    /// The next message; `None` ends the stream.
    async fn next(&mut self) -> Option<Event> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        if self.is_replaced {
            return None;
        }
        loop {
            tokio::select! {
                // What ends something goes before a ping.
                biased;
                event = self.changes.next() => {
                    let event = event?;
                    if event.known.is_some() && event.seq <= self.seen {
                        continue;
                    }
                    self.seen = self.seen.max(event.seq);
                    let changes = event.known.as_ref().map(|known| &*known.changes);
                    let due = Due::of(changes, &self.watched, &self.gateway);
                    if !due.is_nothing() {
                        return self.tell(due).await;
                    }
                }
                said = self.receiver.connected.recv() => {
                    // Closed: a newer stream of this gateway took over.
                    let Some(Connected { stream: _, came, went }) = said else {
                        self.is_replaced = true;
                        return Some(Event::default().event(REPLACED).data("{}"));
                    };
                    self.watched.remove(&went);
                    self.watched.add(&came);
                    if !came.is_empty() {
                        asked::record(&self.app, &self.streams.asked, self.gateway.id, &came);
                        return self.tell(Due::came(&came)).await;
                    }
                }
                _ = self.pings.tick(), if !self.ping_is_due => self.ping_is_due = true,
                // A ping says that nothing else happened: not while nobody knows.
                () = self.app.directory.is_current(), if self.ping_is_due => {
                    self.ping_is_due = false;
                    return event(PING, &self.ping()).ok();
                }
            }
        }
    }

    /// The message about what is due; `None` when the gateway was removed, or comes back after a
    /// failure to start anew.
    async fn tell(&mut self, due: Due) -> Option<Event> {
        let (app, gateway, seen) = (&self.app, &self.gateway, self.seen);
        match message::changes(app, gateway, &mut self.watched, &due, seen).await {
            Ok(Some(changes)) => event(CHANGES, &changes).ok(),
            Ok(None) => None,
            Err(failure) => {
                failure.log();
                None
            }
        }
    }

    fn ping(&self) -> Ping {
        // Read first: what is sent after this was not heard before it.
        let heard = self.receiver.acknowledged_number.load(Ordering::SeqCst);
        Ping {
            server_time: self.app.clock.now(),
            heard,
            seq: Some(self.seen),
        }
    }
}

fn event(name: &str, message: &impl Serialize) -> Result<Event, AppError> {
    let event = Event::default().event(name).json_data(message);
    Ok(event.map_err(anyhow::Error::from)?)
}
