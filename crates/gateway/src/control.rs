//! Follows the controller's stream and acknowledges what it says (`protocol::gateway`).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use hourkey_protocol::follower::Follower;
use hourkey_protocol::gateway::{
    ALL, Ack, All, CHANGES, Changes, Connected, Follow, PING, Ping, REPLACED,
};
use hourkey_protocol::problem::{Code, Problem};
use hourkey_protocol::sse::{Event, EventQueue};
use reqwest::Response;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;

use crate::api::{Api, ApiError, unreachable};
use crate::flow_state::{Cause, FlowState};
use crate::gate::Gate;
use crate::limits;
use crate::timings::{Timings, while_running};

/// Follows the stream for as long as the gateway runs.
pub async fn run(gate: Arc<Gate>, api: Api, timings: Timings) {
    let mut follower = Follower::new(timings.backoff);
    // The last stream brought no ping, and the controller answered all the same. Twice in a row is
    // more than a controller that goes on just then.
    let mut was_mute = false;
    loop {
        let mut stream = ControllerStream::new(&gate, &api, timings);
        let mut why = stream.follow().await;
        // A stream that brought pings before is not buffered: the controller stood still.
        let is_mute = matches!(why, ApiError::Silent(_)) && !stream.is_heard && api.answers().await;
        if is_mute && was_mute {
            why = ApiError::HeldBack;
        }
        was_mute = is_mute;
        if stream.is_established
            && let ApiError::Unreachable(_) = why
            && let Some(age) = follower.closed(stream.age())
        {
            tracing::warn!(
                stream.age_s = age.as_secs(),
                "the controller's stream is closed at the same age again and again: something \
                 between here and the controller, such as a reverse proxy, limits how long an \
                 answer may last; raise its timeouts (docs/admin/controller.md)"
            );
        }
        // Two processes that take the stream from each other do so ever less often.
        if stream.is_heard && !matches!(why, ApiError::Replaced) {
            follower.start_over();
            follower.heard();
        }
        if matches!(why, ApiError::Removed) {
            gate.fail_closed(Cause::Stale);
        }
        let text = why.to_string();
        if follower.is_news(&text) {
            match why {
                ApiError::Removed => tracing::error!(
                    "the controller does not know this gateway any more: all connections are closed; \
                     enrol it again if that is a mistake"
                ),
                ApiError::Replaced => tracing::error!(
                    "another process has taken over the controller's stream with this gateway's \
                     credential: it uses this state folder, or a copy of it; stop one of the two; \
                     a second gateway needs a state folder and an enrolment of its own \
                     (docs/admin/gateway.md)"
                ),
                _ => tracing::warn!(why = text, "controller is away"),
            }
        }
        tokio::time::sleep(follower.next_wait(rand::random())).await;
    }
}

/// One stream.
struct ControllerStream<'a> {
    gate: &'a Gate,
    api: &'a Api,
    timings: Timings,
    /// When the call that opened it was sent, in milliseconds on the boot clock.
    opened_at: u64,
    /// True once the first event, with everything, was applied.
    is_established: bool,
    /// True once the controller has received an acknowledgement as well: both ways work.
    is_heard: bool,
    offsets: Offsets,
    /// The last sequence number.
    seq: i64,
    sent: SentAcks,
}

/// An event to acknowledge.
struct PendingAck {
    /// Its sequence number.
    seq: i64,
    /// The flows it ended: closed before it is acknowledged.
    ended: Vec<Arc<FlowState>>,
}

impl<'a> ControllerStream<'a> {
    fn new(gate: &'a Gate, api: &'a Api, timings: Timings) -> Self {
        Self {
            gate,
            api,
            timings,
            opened_at: 0,
            is_established: false,
            is_heard: false,
            offsets: Offsets::default(),
            seq: 0,
            sent: SentAcks::default(),
        }
    }

    /// Returns how long ago the call that opened it was sent.
    fn age(&self) -> Duration {
        Duration::from_millis(self.gate.now().saturating_sub(self.opened_at))
    }

    /// Follows until it breaks; returns why it did.
    async fn follow(&mut self) -> ApiError {
        let devices = self.gate.begin();
        self.opened_at = self.gate.now();
        let mut reader = match self.api.stream(&Follow { devices }).await {
            Ok(response) => EventReader::new(response, self.timings.stream_timeout),
            Err(error) => return error,
        };
        let first = match self.first(&mut reader).await {
            Ok(first) => first,
            Err(error) => return error,
        };
        self.is_established = true;
        let (gate, api, sent) = (self.gate, self.api, self.sent.clone());
        let (tx, rx) = mpsc::unbounded_channel();
        // The receiver lives as long as the sender.
        let _ = tx.send(first.1);
        let refused = tokio::select! {
            error = self.read(&mut reader, &tx) => return error,
            error = acknowledge(gate, api, first.0, &sent, rx) => error,
            error = tell_devices(gate, api, first.0) => error,
        };
        let ApiError::Refused(Problem {
            code: Code::NotFound,
            ..
        }) = refused
        else {
            return refused;
        };
        // The stream has ended there, and says itself why.
        let (call_timeout, read) = (self.timings.call_timeout, self.read(&mut reader, &tx));
        while_running(call_timeout, read).await.unwrap_or(refused)
    }

    /// The stream begins with everything, and with its own number.
    async fn first(&mut self, reader: &mut EventReader) -> Result<(u64, PendingAck), ApiError> {
        let event = reader.next().await?;
        if event.name != ALL {
            return Err(broken("it does not begin with everything"));
        }
        let All { stream, .. } = parse(&event)?;
        match self.take(&event)? {
            Some(heard) => Ok((stream, heard)),
            None => Err(broken("it does not begin with everything")),
        }
    }

    async fn read(
        &mut self,
        reader: &mut EventReader,
        heard: &mpsc::UnboundedSender<PendingAck>,
    ) -> ApiError {
        loop {
            let taken = match reader.next().await {
                Ok(event) => self.take(&event),
                Err(error) => return error,
            };
            match taken {
                Ok(Some(it)) => {
                    let _ = heard.send(it);
                }
                Ok(None) => {}
                Err(error) => return error,
            }
        }
    }

    /// Applies an event. `None` for an event type of a later version.
    fn take(&mut self, event: &Event) -> Result<Option<PendingAck>, ApiError> {
        let unreadable = |error: crate::table::InvalidAddress| broken(&error.to_string());
        let mut ended = Vec::new();
        match event.name.as_str() {
            ALL => {
                let all: All = parse(event)?;
                self.seq = all.seq;
                self.sync(all.server_time);
                ended = self.gate.all(all).map_err(unreadable)?;
                // What would end before the next word comes is not begun: connections would be let in
                // and cut at once.
                if self.age() < self.timings.lease / 2 {
                    self.gate.renew(self.opened_at);
                }
            }
            CHANGES => {
                let changes: Changes = parse(event)?;
                self.seq = changes.seq;
                self.sync(changes.server_time);
                ended = self.gate.changes(changes).map_err(unreadable)?;
            }
            PING => {
                let ping: Ping = parse(event)?;
                self.sync(ping.server_time);
                let vouched = ping.seq.unwrap_or(self.seq);
                // One for less than was said says nothing about the rest.
                if vouched >= self.seq
                    && let Some(basis) = self.sent.at(ping.heard)
                {
                    self.gate.renew(basis);
                    if !std::mem::replace(&mut self.is_heard, true) {
                        tracing::info!("controller stream established");
                    }
                }
                self.seq = self.seq.max(vouched);
            }
            REPLACED => return Err(ApiError::Replaced),
            _ => return Ok(None),
        }
        let seq = self.seq;
        Ok(Some(PendingAck { seq, ended }))
    }

    fn sync(&mut self, server_time: DateTime<Utc>) {
        self.gate
            .sync(self.offsets.smallest(self.gate.now(), server_time));
    }
}

/// How far the boot clock was ahead of the server's at each of the last messages, in milliseconds.
/// A message that was long under way makes it look further ahead than it is, and would prolong
/// deadlines: so the smallest counts.
#[derive(Default)]
struct Offsets(VecDeque<i64>);

impl Offsets {
    const MAX_OFFSETS: usize = 20;

    fn smallest(&mut self, now: u64, server_time: DateTime<Utc>) -> i64 {
        let offset = now.cast_signed() - server_time.timestamp_millis();
        self.0.push_back(offset);
        if self.0.len() > Self::MAX_OFFSETS {
            self.0.pop_front();
        }
        self.0.iter().copied().min().unwrap_or(offset)
    }
}

/// When each acknowledgement was sent, in milliseconds on the boot clock; oldest first.
#[derive(Clone, Default)]
struct SentAcks(Arc<Mutex<VecDeque<(u64, u64)>>>);

impl SentAcks {
    fn all(&self) -> MutexGuard<'_, VecDeque<(u64, u64)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, number: u64, at: u64) {
        self.all().push_back((number, at));
    }

    /// When this one was sent. Forgets those before it.
    fn at(&self, number: u64) -> Option<u64> {
        let mut all = self.all();
        while all.front().is_some_and(|(older, _)| *older < number) {
            all.pop_front();
        }
        let (found, at) = *all.front()?;
        (found == number).then_some(at)
    }
}

/// Acknowledges events in order. Those that queue behind a slow call are acknowledged together:
/// each number says that everything up to it is in force.
async fn acknowledge(
    gate: &Gate,
    api: &Api,
    stream: u64,
    sent: &SentAcks,
    mut heard: mpsc::UnboundedReceiver<PendingAck>,
) -> ApiError {
    let (mut number, mut seq) = (0, 0);
    loop {
        let mut next = tokio::select! {
            next = heard.recv() => match next {
                Some(next) => next,
                None => return broken("it is over"),
            },
            // The sooner this is on its way, the sooner a ping says that it was heard.
            () = gate.stopped(), if number > 0 => PendingAck { seq, ended: Vec::new() },
        };
        while let Ok(later) = heard.try_recv() {
            next.seq = later.seq;
            next.ended.extend(later.ended);
        }
        let closed = async {
            for state in &next.ended {
                state.is_closed().await;
            }
        };
        if tokio::time::timeout(limits::CLOSE_TIMEOUT, closed)
            .await
            .is_err()
        {
            return broken("connections that were cut do not end");
        }
        number += 1;
        sent.push(number, gate.now());
        seq = next.seq;
        if let Err(error) = api
            .ack(&Ack {
                stream,
                number,
                seq,
            })
            .await
        {
            return error;
        }
    }
}

/// Tells the controller which devices connected and disconnected.
async fn tell_devices(gate: &Gate, api: &Api, stream: u64) -> ApiError {
    loop {
        let (came, went) = gate.presence();
        if !(came.is_empty() && went.is_empty())
            && let Err(error) = api.devices(&Connected { stream, came, went }).await
        {
            return error;
        }
        gate.presence_changed().await;
    }
}

/// Reads the stream event by event.
struct EventReader {
    response: Response,
    events: EventQueue,
    silence: Duration,
}

impl EventReader {
    fn new(response: Response, silence: Duration) -> Self {
        Self {
            response,
            events: EventQueue::default(),
            silence,
        }
    }

    async fn next(&mut self) -> Result<Event, ApiError> {
        loop {
            if let Some(event) = self.events.next_event() {
                return Ok(event);
            }
            let chunk = while_running(self.silence, self.response.chunk())
                .await
                .ok_or_else(|| ApiError::Silent("its stream went silent".to_owned()))?
                .map_err(unreachable)?
                .ok_or_else(|| broken("it was closed"))?;
            self.events
                .feed(&chunk)
                .map_err(|error| broken(&error.to_string()))?;
        }
    }
}

fn parse<T: DeserializeOwned>(event: &Event) -> Result<T, ApiError> {
    serde_json::from_str(&event.data).map_err(|error| broken(&error.to_string()))
}

fn broken(why: &str) -> ApiError {
    ApiError::Unreachable(format!("its stream broke: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_message_prolongs_nothing() {
        let at = |ms: i64| DateTime::from_timestamp_millis(1_800_000_000_000 + ms).unwrap();
        let mut offsets = Offsets::default();
        let first = offsets.smallest(1_000, at(0));
        assert_eq!(offsets.smallest(9_000, at(1_000)), first);
        assert_eq!(offsets.smallest(9_990, at(9_000)), first - 10);
        for late in 0..20 {
            offsets.smallest(20_000 + late, at(12_000));
        }
        // In the long run the clocks may drift apart.
        assert!(offsets.smallest(20_020, at(12_000)) > first);
    }

    #[test]
    fn an_acknowledgement_is_found_again_once_it_was_heard() {
        let sent = SentAcks::default();
        for number in 1..=5 {
            sent.push(number, number * 100);
        }
        assert_eq!(sent.at(0), None);
        assert_eq!(sent.at(3), Some(300));
        assert_eq!(sent.at(3), Some(300));
        assert_eq!(sent.at(2), None);
        assert_eq!(sent.at(9), None);
    }
}
