//! A change that concerns everybody, until each of very many people's clients has heard of it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use hourkey_protocol::access::{NewRequest, Request};
use hourkey_testkit::controller::Controller;
use http_body_util::BodyExt as _;
use hyper::Method;
use hyper::body::Incoming;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::Build;
use super::calls::Connection;
use super::data::{Data, Shape};
use crate::linux::figures::{Figure, Table, Times, short};
use crate::linux::process_load::{Memory, processor};

const SIZES: [usize; 2] = [1_000, 10_000];

/// What everybody sees.
const RESOURCES: i64 = 20;
const SHAPE: Shape = Shape {
    people: 10_100,
    groups: 100,
    groups_of_each: 9,
    resources: 1_000,
    of_everybody: RESOURCES,
    auto_lock: false,
    groups_with_each: 1,
};

/// People with clients have these ids and above; those before do other things.
const FIRST: i64 = 50;

/// Who asks for something right after the change.
const REQUESTERS: std::ops::Range<i64> = 2..40;

/// How many clients connect at the same time.
const AT_ONCE: usize = 32;

const WARM_UP: usize = 1;
const ROUNDS: usize = 10;

/// After this, what a round has begun is done.
const REST: Duration = Duration::from_secs(1);

/// Until the memory of what was opened is what it stays.
const SETTLED: Duration = Duration::from_secs(5);

const DEADLINE: Duration = Duration::from_secs(120);

/// The budget, in milliseconds.
const MAX_REACH_MS: f64 = 500.0;

pub(crate) async fn measure(builds: &[Build], table: &mut Table) -> Result<()> {
    for size in SIZES {
        for build in builds {
            of_size(size, build, table).await?;
        }
    }
    Ok(())
}

async fn of_size(size: usize, build: &Build, table: &mut Table) -> Result<()> {
    let mut controller = build.controller().await?;
    let mut data = Data::open(&controller).await?;
    data.fill(SHAPE).await?;
    let last = FIRST + i64::try_from(size)?;
    let tokens = data.sign_in(FIRST..last).await?;
    let requesters = data.sign_in(REQUESTERS).await?;
    controller.resume().await?;
    let id = controller.id().context("the controller runs")?;
    let mut calls = Connection::open(&controller).await?;
    calls.get("/me", &requesters[0]).await?;
    let without = Memory::of(id)?.total();

    let mut clients = Clients::open(&controller, tokens).await?;
    tokio::time::sleep(SETTLED).await;
    let with = Memory::of(id)?.total();
    let (mut heard, mut first, mut bytes) = (Vec::new(), Vec::new(), 0);
    let (mut theirs, mut ours) = (Duration::ZERO, Duration::ZERO);
    for (round, token) in requesters.iter().enumerate().take(WARM_UP + ROUNDS) {
        tokio::time::sleep(REST).await;
        let before = [processor(id)?, processor(std::process::id())?];
        data.change(1, 3_600 + 60 * i64::try_from(round)?).await?;
        let begin = Instant::now();
        // The controller hears by itself what it writes, and looks twice a second for what others
        // have written: what is asked for now lets it look at once.
        let request = NewRequest {
            resource: hourkey_domain::ids::ResourceId(RESOURCES),
            assignment: None,
            reason: "To measure".to_owned(),
            seconds: None,
            starts_at: None,
            extends: false,
        };
        let asked = calls.post::<Request>("/requests", token, &request);
        let (asked, arrivals) = tokio::join!(asked, clients.all_hear());
        asked?;
        let arrivals = arrivals?;
        let after = [processor(id)?, processor(std::process::id())?];
        if round < WARM_UP {
            continue;
        }
        // The controller is a child of this program, and counts with it.
        theirs += after[0] - before[0];
        ours += (after[1] - after[0]).saturating_sub(before[1] - before[0]);
        let times = arrivals.iter().map(|arrival| arrival.at - begin);
        first.push(times.clone().min().unwrap_or_default());
        heard.extend(times);
        bytes = arrivals.iter().map(|arrival| arrival.bytes).sum::<usize>();
    }

    let suffix = build.suffix();
    let of = format!("{size} clients of different people{suffix}");
    let (heard, first) = (Times::of(heard), Times::of(first));
    let what = format!("change for everybody → event at {of}");
    table.add(heard.figure(&what));
    let worst = Figure::new(format!("{what}, p99"), heard.percentile(99), "ms");
    table.add(match build.folder {
        None => worst.budget(MAX_REACH_MS),
        Some(_) => worst,
    });
    table.add(first.figure(format!("{what}: the first of them")));
    #[expect(clippy::cast_precision_loss, reason = "thousands")]
    let clients_in_all = (size * ROUNDS) as f64;
    let [theirs, ours] = [theirs, ours].map(|time| time.as_secs_f64() * 1e6 / clients_in_all);
    let what = format!("the controller’s processor time for each of {of}");
    let spread = format!("{} µs more by the clients themselves", short(ours));
    table.add(Figure::new(what, theirs, "µs").spread(spread));
    #[expect(clippy::cast_precision_loss, reason = "thousands")]
    let [kib, count] = [bytes as f64 / 1024.0, size as f64];
    table.add(Figure::new(
        format!("bytes to each of {of}"),
        kib / count,
        "KiB",
    ));
    let what = format!("the controller’s memory for each of {of}");
    let each = (with - without) * 1024.0 / count;
    let spread = format!("{} MiB without them; http on loopback", short(without));
    table.add(Figure::new(what, each, "KiB").spread(spread));
    clients.close();
    Ok(())
}

/// Clients that follow the event stream, each on a connection of its own.
struct Clients {
    events: mpsc::UnboundedReceiver<Arrival>,
    readers: Vec<JoinHandle<()>>,
}

/// An event was received whole.
struct Arrival {
    at: Instant,
    /// Of the event.
    bytes: usize,
}

impl Clients {
    /// Opens one for each of these people, and waits until each has its first event.
    async fn open(controller: &Controller, tokens: Vec<String>) -> Result<Self> {
        let (tx, events) = mpsc::unbounded_channel();
        let mut clients = Self {
            events,
            readers: Vec::new(),
        };
        for tokens in tokens.chunks(AT_ONCE) {
            let opened = tokens.iter().map(|token| open(controller, token));
            for body in futures_util::future::try_join_all(opened).await? {
                clients.readers.push(tokio::spawn(read(body, tx.clone())));
            }
            clients.hear(tokens.len()).await?;
        }
        Ok(clients)
    }

    /// Waits until each has received one event.
    async fn all_hear(&mut self) -> Result<Vec<Arrival>> {
        self.hear(self.readers.len()).await
    }

    async fn hear(&mut self, count: usize) -> Result<Vec<Arrival>> {
        let mut arrivals = Vec::with_capacity(count);
        let all = async {
            while arrivals.len() < count {
                let arrival = self.events.recv().await;
                arrivals.push(arrival.context("the clients read")?);
            }
            anyhow::Ok(())
        };
        match tokio::time::timeout(DEADLINE, all).await {
            Ok(heard) => heard?,
            Err(_) => bail!("{} of {count} clients have heard of it", arrivals.len()),
        }
        let lost = self.readers.iter().filter(|it| it.is_finished()).count();
        ensure!(lost == 0, "{lost} clients lost their streams");
        Ok(arrivals)
    }

    fn close(self) {
        for reader in self.readers {
            reader.abort();
        }
    }
}

async fn open(controller: &Controller, token: &str) -> Result<Incoming> {
    let mut connection = Connection::open(controller).await?;
    let answer = connection.call(Method::GET, "/events", token, Vec::new());
    let answer = answer.await?;
    ensure!(answer.status().is_success(), "{}", answer.status());
    Ok(answer.into_body())
}

/// Notes each event that has come whole. Nothing of it is kept.
async fn read(mut body: Incoming, arrivals: mpsc::UnboundedSender<Arrival>) {
    let mut event = Event::default();
    while let Some(Ok(frame)) = body.frame().await {
        let Some(data) = frame.data_ref() else {
            continue;
        };
        for bytes in event.feed(data) {
            let at = Instant::now();
            // Nobody listens any more once all is measured.
            let _ = arrivals.send(Arrival { at, bytes });
        }
    }
}

/// How much of an event has come (WHATWG HTML, section 9.2). Comments are none.
#[derive(Default)]
struct Event {
    bytes: usize,
    /// How long the line is, so far.
    line: usize,
    /// Its first byte.
    begins: u8,
    /// A line of this event was no comment.
    says_something: bool,
}

impl Event {
    /// Takes what has come, and returns the sizes of the events that it completes.
    fn feed(&mut self, data: &[u8]) -> Vec<usize> {
        let mut whole = Vec::new();
        for line in data.split_inclusive(|byte| *byte == b'\n') {
            if self.line == 0 {
                self.begins = line[0];
            }
            self.bytes += line.len();
            self.line += line.len();
            if !line.ends_with(b"\n") {
                continue;
            }
            if self.line > 1 {
                self.says_something |= self.begins != b':';
            } else {
                if self.says_something {
                    whole.push(self.bytes);
                }
                (self.bytes, self.says_something) = (0, false);
            }
            self.line = 0;
        }
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_counted_however_they_come_and_comments_are_not() {
        let text = b": still here\n\nid: 7\nevent: changes\ndata: {}\n\n: still\n\ndata: 1\n\n";
        for step in 1..text.len() {
            let mut event = Event::default();
            let whole: Vec<usize> = text.chunks(step).flat_map(|it| event.feed(it)).collect();
            assert_eq!(whole, [31, 9], "in pieces of {step}");
        }
    }
}
