//! The stream of one gateway.

use std::convert::Infallible;
use std::sync::atomic::Ordering;

use axum::response::sse::{Event, Sse};
use futures_util::Stream;
use hourkey_protocol::gateway::{
    ALL, CHANGES, Connected, Follow, PING, PING_EVERY, Ping, REPLACED,
};
use hourkey_store::gateway::Gateway;
use serde::Serialize;
use tokio::sync::{broadcast, watch};
use tokio::time::{Interval, MissedTickBehavior, interval_at};

use super::asked;
use super::message::{self, Due, Watched};
use super::streams::Ear;
use crate::app::{App, stopped};
use crate::failure::Failure;
use crate::stream::feed::Bell;

/// Opens the stream of a gateway; the one that it had before ends. It ends when the gateway is
/// removed, and when the controller shuts down.
///
/// # Errors
/// The store's failure.
pub async fn follow(
    app: &App,
    gateway: Gateway,
    from: Follow,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>> + use<>>, Failure> {
    // Listen before reading: what happens in between rings.
    let bells = app.feed.listen();
    let stop = app.stop.subscribe();
    let ear = app.gateways.open(gateway.id);
    asked::record(app, gateway.id, &from.devices);
    let mut watched = Watched::default();
    watched.add(&from.devices);
    let all = message::all(app, &gateway, ear.stream, &mut watched).await?;
    let first = event(ALL, &all)?;
    let mut pings = interval_at(tokio::time::Instant::now() + PING_EVERY, PING_EVERY);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let line = Feed {
        app: app.clone(),
        gateway,
        ear,
        watched,
        bells,
        stop,
        pings,
        ping_is_due: false,
        seen: all.seq,
        first: Some(first),
        is_replaced: false,
    };
    let events = futures_util::stream::unfold(line, |mut line| async {
        let event = line.next().await?;
        Some((Ok(event), line))
    });
    Ok(Sse::new(events))
}

struct Feed {
    app: App,
    gateway: Gateway,
    ear: Ear,
    watched: Watched,
    bells: broadcast::Receiver<Bell>,
    stop: watch::Receiver<bool>,
    pings: Interval,
    /// Whether a ping waits until the change log was looked at.
    ping_is_due: bool,
    /// Everything up to here was sent, or does not concern this gateway. Only bells move it: what
    /// is read for a device that came says nothing of the others.
    seen: i64,
    first: Option<Event>,
    /// It has said that a newer stream took over, and ends.
    is_replaced: bool,
}

impl Feed {
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
                () = stopped(&mut self.stop) => return None,
                bell = self.bells.recv() => {
                    let due = match bell {
                        Ok(bell) if bell.seq <= self.seen => continue,
                        Ok(bell) => {
                            let due =
                                Due::of(bell.changes.as_deref(), &self.watched, &self.gateway);
                            self.seen = bell.seq;
                            due
                        }
                        Err(broadcast::error::RecvError::Lagged(_)) => {
                            Due::of(None, &self.watched, &self.gateway)
                        }
                        Err(broadcast::error::RecvError::Closed) => return None,
                    };
                    if !due.is_nothing() {
                        return self.tell(due).await;
                    }
                }
                said = self.ear.connected.recv() => {
                    // Closed: a newer stream of this gateway took over.
                    let Some(Connected { stream: _, came, went }) = said else {
                        self.is_replaced = true;
                        return Some(Event::default().event(REPLACED).data("{}"));
                    };
                    self.watched.remove(&went);
                    self.watched.add(&came);
                    if !came.is_empty() {
                        asked::record(&self.app, self.gateway.id, &came);
                        return self.tell(Due::came(&came)).await;
                    }
                }
                _ = self.pings.tick(), if !self.ping_is_due => self.ping_is_due = true,
                // A ping says that nothing else happened: not while nobody knows.
                () = self.app.feed.is_current(), if self.ping_is_due => {
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
        let heard = self.ear.heard.load(Ordering::SeqCst);
        Ping {
            server_time: self.app.clock.now(),
            heard,
            seq: Some(self.seen),
        }
    }
}

fn event(name: &str, message: &impl Serialize) -> Result<Event, Failure> {
    let event = Event::default().event(name).json_data(message);
    Ok(event.map_err(anyhow::Error::from)?)
}
