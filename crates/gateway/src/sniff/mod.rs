//! Finds the names inside a flow: what its client says before anything is passed on.
//!
//! A permit is for one resource, and several may live at one address. Which one a connection is
//! for is then said inside: in TLS by the server name (RFC 6066, 3) of each ClientHello, in plain
//! HTTP by the host of each request. Everything else says nothing, and so does a hello that the
//! origin does not answer in TLS.

mod http;
mod tls;

use bytes::{Bytes, BytesMut};

/// The host that a client's bytes name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SniffedHost {
    /// A name, as it stands there; a number is none.
    Name(String),
    /// Nothing that can be read: the bytes are for whatever listens at the address.
    Unnamed,
}

/// The kind of an origin's first answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FirstAnswer {
    /// HTTP's 101 Switching Protocols (RFC 9110, 15.2.2).
    Switches,
    /// A handshake or an alert of TLS (RFC 8446, 5.1).
    Tls,
    /// Neither.
    Other,
}

impl FirstAnswer {
    /// Bytes that are enough to tell the kind.
    pub(crate) const LENGTH: usize = 13;

    /// Classifies an answer by its first bytes; `None` when more are needed.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        const SWITCHES: &[u8; FirstAnswer::LENGTH] = b"HTTP/1.1 101 ";
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
    /// Bytes that are not passed on yet.
    held: BytesMut,
    state: SnifferState,
}

enum SnifferState {
    /// The protocol is still unknown after this many bytes.
    Start(usize),
    Tls(tls::RecordReader),
    Http(http::RequestReader),
    Done,
}

impl Default for SnifferState {
    fn default() -> Self {
        Self::Start(0)
    }
}

/// How far a reader came with some bytes.
struct Progress {
    /// Bytes that may pass once the hosts found may.
    passes: usize,
    /// No name can follow: all bytes may pass.
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
        found: &mut Vec<SniffedHost>,
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
        found: &mut Vec<SniffedHost>,
    ) -> Progress {
        if let SnifferState::Start(seen) = self.state {
            self.state = match start(bytes, seen) {
                FirstBytes::Tls => SnifferState::Tls(tls::RecordReader::default()),
                FirstBytes::Http => SnifferState::Http(http::RequestReader::new(is_shared())),
                FirstBytes::Unclear => SnifferState::Start(bytes.len()),
                FirstBytes::Other => {
                    found.push(SniffedHost::Unnamed);
                    SnifferState::Done
                }
            };
        }
        let (passes, done) = (0, false);
        let read = match &mut self.state {
            SnifferState::Start(_) => Progress { passes, done },
            SnifferState::Tls(reader) => reader.read(bytes, found),
            SnifferState::Http(reader) => reader.read(bytes, found),
            SnifferState::Done => Progress { passes, done: true },
        };
        if read.done {
            self.state = SnifferState::Done;
        }
        read
    }

    /// Returns true while the protocol of the held bytes is unknown.
    pub(crate) fn is_unclear(&self) -> bool {
        let has_begun = match &self.state {
            SnifferState::Start(_) => false,
            SnifferState::Tls(reader) => reader.has_hello(),
            SnifferState::Http(_) | SnifferState::Done => true,
        };
        !has_begun && !self.held.is_empty()
    }

    /// Returns true when the origin's answer is needed before more is read.
    pub(crate) fn awaits_answer(&self) -> bool {
        match &self.state {
            SnifferState::Http(reader) => reader.awaits_answer(),
            SnifferState::Tls(reader) => reader.awaits_answer(),
            SnifferState::Start(_) | SnifferState::Done => false,
        }
    }

    /// The origin has begun to answer like this. Returns what was held back, as [`Self::read`].
    pub(crate) fn answered(&mut self, answer: FirstAnswer, found: &mut Vec<SniffedHost>) -> Bytes {
        match (&mut self.state, answer) {
            (SnifferState::Http(_), FirstAnswer::Switches) => self.state = SnifferState::Done,
            (SnifferState::Http(reader), FirstAnswer::Tls | FirstAnswer::Other) => reader.stays(),
            (SnifferState::Tls(reader), FirstAnswer::Tls) => reader.answered(),
            (SnifferState::Tls(_), FirstAnswer::Switches | FirstAnswer::Other) => {
                found.push(SniffedHost::Unnamed);
                self.state = SnifferState::Done;
            }
            (SnifferState::Start(_) | SnifferState::Done, _) => {}
        }
        let held = self.held.split().freeze();
        self.read(held, || true, found)
    }

    /// Returns true once no name can follow.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self.state, SnifferState::Done)
    }

    /// Nothing more is waited for, or the client has said all it has to say. Returns what was held
    /// back, which may pass on once all of `found` may.
    pub(crate) fn end(&mut self, found: &mut Vec<SniffedHost>) -> Bytes {
        if !self.held.is_empty() {
            found.push(SniffedHost::Unnamed);
        }
        self.state = SnifferState::Done;
        self.held.split().freeze()
    }
}

/// The protocol that a flow's first bytes begin.
enum FirstBytes {
    Tls,
    Http,
    /// More has to be seen.
    Unclear,
    Other,
}

fn start(bytes: &[u8], seen: usize) -> FirstBytes {
    /// A TLS record with a handshake message (RFC 8446, 5.1): its first two bytes.
    const HANDSHAKE: [u8; 2] = [0x16, 0x03];
    let compared = bytes.len().min(HANDSHAKE.len());
    if bytes[..compared] == HANDSHAKE[..compared] {
        return match compared == HANDSHAKE.len() {
            true => FirstBytes::Tls,
            false => FirstBytes::Unclear,
        };
    }
    http::start(bytes, seen)
}

#[cfg(test)]
mod tests;
