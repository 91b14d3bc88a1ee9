//! Finds the names inside a flow: what its client says before anything is passed on.
//!
//! A permit is for one resource, and several may live at one address. Which one a connection is
//! for is then said inside: in TLS by the server name (RFC 6066, 3) of each ClientHello, in plain
//! HTTP by the host of each request. Everything else says nothing, and so does a hello that the
//! origin does not answer in TLS.

mod http;
mod tls;

use bytes::{Bytes, BytesMut};

/// What the client's bytes say about where they are meant to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A name, as it stands there; a number is none.
    Name(String),
    /// Nothing that can be read: the bytes are for whatever listens at the address.
    Unnamed,
}

/// How an origin's first answer begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// HTTP's 101: from here on it speaks another protocol (RFC 9110, 15.2.2).
    Switches,
    /// A handshake or an alert of TLS (RFC 8446, 5.1).
    Tls,
    /// Neither.
    Other,
}

impl Answer {
    /// So many bytes leave nothing open.
    pub(crate) const LENGTH: usize = 13;

    /// Reads an answer's first bytes; `None` when they leave it open.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        const SWITCHES: &[u8; Answer::LENGTH] = b"HTTP/1.1 101 ";
        const TLS: [&[u8]; 2] = [b"\x16\x03", b"\x15\x03"];
        let begins = |with: &[u8]| {
            let compared = bytes.len().min(with.len());
            (bytes[..compared] == with[..compared]).then_some(compared == with.len())
        };
        let tls = TLS.iter().find_map(|tls| begins(tls));
        match (begins(SWITCHES), tls) {
            (Some(true), _) => Some(Self::Switches),
            (_, Some(true)) => Some(Self::Tls),
            (Some(false), _) | (_, Some(false)) => None,
            (None, None) => Some(Self::Other),
        }
    }
}

/// Follows a client's bytes for as long as names may come.
#[derive(Default)]
pub(crate) struct Sniffer {
    /// Not passed on yet.
    held: BytesMut,
    state: State,
}

enum State {
    /// So many bytes have left it open what begins.
    Start(usize),
    Tls(tls::Reader),
    Http(http::Reader),
    Done,
}

impl Default for State {
    fn default() -> Self {
        Self::Start(0)
    }
}

/// What a reader makes of some bytes.
struct Read {
    /// So many of them may pass once what was found may.
    passes: usize,
    /// No name can follow: all of them may pass then.
    done: bool,
}

impl Sniffer {
    /// Takes the client's next bytes, and returns those that may pass on once all of `found` may.
    /// `is_shared` tells whether other resources are known at the address: if not, only the first
    /// request of plain HTTP is looked at.
    pub(crate) fn read(
        &mut self,
        bytes: Bytes,
        is_shared: impl FnOnce() -> bool,
        found: &mut Vec<Found>,
    ) -> Bytes {
        if self.held.is_empty() {
            let read = self.look(&bytes, is_shared, found);
            if read.done {
                return bytes;
            }
            self.held.extend_from_slice(&bytes[read.passes..]);
            return bytes.slice(..read.passes);
        }
        let mut held = std::mem::take(&mut self.held);
        held.extend_from_slice(&bytes);
        let read = self.look(&held, is_shared, found);
        if read.done {
            return held.freeze();
        }
        let passes = held.split_to(read.passes).freeze();
        self.held = held;
        passes
    }

    fn look(
        &mut self,
        bytes: &[u8],
        is_shared: impl FnOnce() -> bool,
        found: &mut Vec<Found>,
    ) -> Read {
        if let State::Start(seen) = self.state {
            self.state = match start(bytes, seen) {
                Start::Tls => State::Tls(tls::Reader::default()),
                Start::Http => State::Http(http::Reader::new(is_shared())),
                Start::Unclear => State::Start(bytes.len()),
                Start::Other => {
                    found.push(Found::Unnamed);
                    State::Done
                }
            };
        }
        let (passes, done) = (0, false);
        let read = match &mut self.state {
            State::Start(_) => Read { passes, done },
            State::Tls(reader) => reader.read(bytes, found),
            State::Http(reader) => reader.read(bytes, found),
            State::Done => Read { passes, done: true },
        };
        if read.done {
            self.state = State::Done;
        }
        read
    }

    /// True when what is held may still turn out to be anything.
    pub(crate) fn is_unclear(&self) -> bool {
        let has_begun = match &self.state {
            State::Start(_) => false,
            State::Tls(reader) => reader.has_greeted(),
            State::Http(_) | State::Done => true,
        };
        !has_begun && !self.held.is_empty()
    }

    /// True when nothing may be read on before it is known what the origin answers.
    pub(crate) fn awaits_answer(&self) -> bool {
        match &self.state {
            State::Http(reader) => reader.awaits_answer(),
            State::Tls(reader) => reader.awaits_answer(),
            State::Start(_) | State::Done => false,
        }
    }

    /// The origin has begun to answer like this. Returns what was held back, as [`Self::read`].
    pub(crate) fn answered(&mut self, answer: Answer, found: &mut Vec<Found>) -> Bytes {
        match (&mut self.state, answer) {
            (State::Http(_), Answer::Switches) => self.state = State::Done,
            (State::Http(reader), Answer::Tls | Answer::Other) => reader.stays(),
            (State::Tls(reader), Answer::Tls) => reader.answered(),
            (State::Tls(_), Answer::Switches | Answer::Other) => {
                found.push(Found::Unnamed);
                self.state = State::Done;
            }
            (State::Start(_) | State::Done, _) => {}
        }
        let held = self.held.split().freeze();
        self.read(held, || true, found)
    }

    /// No name can follow: the bytes need not come by here any more.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Nothing more is waited for, or the client has said all it has to say. Returns what was held
    /// back, which may pass on once all of `found` may.
    pub(crate) fn end(&mut self, found: &mut Vec<Found>) -> Bytes {
        if !self.held.is_empty() {
            found.push(Found::Unnamed);
        }
        self.state = State::Done;
        self.held.split().freeze()
    }
}

/// How a flow begins.
enum Start {
    Tls,
    Http,
    /// More has to be seen.
    Unclear,
    Other,
}

fn start(bytes: &[u8], seen: usize) -> Start {
    /// A TLS record with a handshake message (RFC 8446, 5.1): its first two bytes.
    const HANDSHAKE: [u8; 2] = [0x16, 0x03];
    let compared = bytes.len().min(HANDSHAKE.len());
    if bytes[..compared] == HANDSHAKE[..compared] {
        return match compared == HANDSHAKE.len() {
            true => Start::Tls,
            false => Start::Unclear,
        };
    }
    http::start(bytes, seen)
}

#[cfg(test)]
mod tests;
