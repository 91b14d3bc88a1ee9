//! The server names in a TLS handshake, as far as it is plain (RFC 8446, 4 and 5; RFC 5246, 7.4).
//!
//! Several ClientHellos may come: the second one after a HelloRetryRequest, cut into records as the
//! client likes, behind a ChangeCipherSpec that means nothing, and even behind early data.

use tls_parser::{TlsExtension, parse_tls_extension_sni_content, parse_tls_handshake_client_hello};

use super::{Progress, SniffedHost};

/// The types of records (RFC 8446, 5.1; RFC 6520).
const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
const HEARTBEAT: u8 = 24;

const CLIENT_HELLO: u8 = 1;
/// Certificate, CertificateVerify and ClientKeyExchange: plain up to TLS 1.2.
const LATER_MESSAGES: [u8; 3] = [11, 15, 16];
/// The largest ClientHello: what it can hold at most in OpenSSL.
const MAX_HELLO: usize = 131_396;
/// The most that is held back for one: no client cuts it into records of a few bytes.
const MAX_HELD: usize = 2 * MAX_HELLO;
const RECORD_HEADER: usize = 5;
const MESSAGE_HEADER: usize = 4;

/// The extensions that matter here (IANA, TLS ExtensionType Values).
const SERVER_NAME: u16 = 0;
const EARLY_DATA: u16 = 42;

/// Reads records, and the handshake messages in them.
#[derive(Default)]
pub(super) struct RecordReader {
    /// Bytes that were read already, and wait for the rest of their message.
    waiting: usize,
    /// Bytes of the current record that pass unread.
    skip: usize,
    /// A handshake message whose end has not come yet.
    message: Vec<u8>,
    /// Bytes of a message that is no ClientHello and has not ended yet.
    rest: usize,
    /// A ClientHello was complete.
    has_hello: bool,
    /// The origin answered in TLS.
    answered: bool,
    /// Messages came that come up to TLS 1.2 only: what follows the ChangeCipherSpec is encrypted.
    is_old: bool,
    /// A ChangeCipherSpec came.
    changed: bool,
    /// Application data may come before a second ClientHello (RFC 8446, 4.2.10).
    early_data: bool,
}

impl RecordReader {
    /// Reads `bytes`, which begin with those that did not pass before.
    pub(super) fn read(&mut self, bytes: &[u8], found: &mut Vec<SniffedHost>) -> Progress {
        let (mut at, mut passes) = (self.waiting, 0);
        loop {
            let skipped = self.skip.min(bytes.len() - at);
            (at, self.skip) = (at + skipped, self.skip - skipped);
            if self.message.is_empty() {
                passes = at;
            }
            if self.awaits_answer() {
                break;
            }
            let header = bytes[at..].first_chunk::<RECORD_HEADER>();
            let Some(&[kind, major, _, high, low]) = header else {
                break;
            };
            let length = usize::from(u16::from_be_bytes([high, low]));
            let body = at + RECORD_HEADER;
            match kind {
                _ if major != 3 || !(CHANGE_CIPHER_SPEC..=HEARTBEAT).contains(&kind) => {
                    return no_record(found);
                }
                _ if at - passes > MAX_HELD => return self.over(found),
                _ if !self.has_hello && (kind != HANDSHAKE || length == 0) => {
                    return self.over(found);
                }
                HANDSHAKE if bytes.len() < body + length => break,
                HANDSHAKE => {
                    at = body + length;
                    if self.record(&bytes[body..at], found).is_none() {
                        return self.over(found);
                    }
                }
                CHANGE_CIPHER_SPEC if self.is_old => return self.over(found),
                CHANGE_CIPHER_SPEC | ALERT | HEARTBEAT => {
                    self.changed |= kind == CHANGE_CIPHER_SPEC;
                    (at, self.skip) = (body, length);
                }
                APPLICATION_DATA if self.early_data => (at, self.skip) = (body, length),
                _ => return self.over(found),
            }
        }
        self.waiting = at - passes;
        let done = false;
        Progress { passes, done }
    }

    /// Returns true once a ClientHello was complete.
    pub(super) fn has_hello(&self) -> bool {
        self.has_hello
    }

    /// True when nothing may follow the first hello yet: where the origin does not answer it in TLS,
    /// it is for something that takes the rest for lines, say, and that has no names.
    pub(super) fn awaits_answer(&self) -> bool {
        self.has_hello && !self.answered
    }

    /// The origin speaks TLS.
    pub(super) fn answered(&mut self) {
        self.answered = true;
    }

    /// Reads a handshake record. `None` when nothing plain follows.
    fn record(&mut self, mut bytes: &[u8], found: &mut Vec<SniffedHost>) -> Option<()> {
        while !bytes.is_empty() {
            if self.rest > 0 {
                let passed = self.rest.min(bytes.len());
                (bytes, self.rest) = (&bytes[passed..], self.rest - passed);
                continue;
            }
            let wanted = match self.message.first_chunk::<MESSAGE_HEADER>() {
                Some(&header) => MESSAGE_HEADER + self.length(header)?,
                None => MESSAGE_HEADER,
            };
            let taken = (wanted - self.message.len()).min(bytes.len());
            self.message.extend_from_slice(&bytes[..taken]);
            bytes = &bytes[taken..];
            self.message(found)?;
        }
        Some(())
    }

    /// How long a message is, without its header; `None` for one that nobody sends plainly.
    fn length(&self, [kind, a, b, c]: [u8; MESSAGE_HEADER]) -> Option<usize> {
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        match kind {
            CLIENT_HELLO => (length <= MAX_HELLO).then_some(length),
            _ => (self.has_hello && !self.changed && LATER_MESSAGES.contains(&kind))
                .then_some(length),
        }
    }

    /// Looks at the message, whole or not. `None` when nothing plain follows.
    fn message(&mut self, found: &mut Vec<SniffedHost>) -> Option<()> {
        let Some(&header) = self.message.first_chunk::<MESSAGE_HEADER>() else {
            return Some(());
        };
        let length = self.length(header)?;
        if header[0] != CLIENT_HELLO {
            (self.is_old, self.rest) = (true, length);
            self.message.clear();
        } else if self.message.len() == MESSAGE_HEADER + length {
            let hello = ClientHello::read(&self.message[MESSAGE_HEADER..]);
            self.has_hello = true;
            self.early_data |= hello.early_data;
            found.extend(hello.names);
            self.message.clear();
        }
        Some(())
    }

    /// No name can follow, or none that can be read.
    fn over(&mut self, found: &mut Vec<SniffedHost>) -> Progress {
        // Before the first hello, or in the middle of one.
        if !self.has_hello || (!self.message.is_empty() && self.message[0] == CLIENT_HELLO) {
            found.push(SniffedHost::Unnamed);
        }
        Progress {
            passes: 0,
            done: true,
        }
    }
}

/// Ends reading: what follows is not TLS.
fn no_record(found: &mut Vec<SniffedHost>) -> Progress {
    found.push(SniffedHost::Unnamed);
    Progress {
        passes: 0,
        done: true,
    }
}

/// The parts of a ClientHello that matter here (RFC 8446, 4.1.2).
struct ClientHello {
    /// All its server names; [`SniffedHost::Unnamed`] when there is none, or one that cannot be read.
    names: Vec<SniffedHost>,
    early_data: bool,
}

impl ClientHello {
    /// Reads its body, as leniently as any server might.
    fn read(bytes: &[u8]) -> Self {
        let mut hello = Self {
            names: Vec::new(),
            early_data: false,
        };
        let (rest, mut extensions) = match parse_tls_handshake_client_hello(bytes) {
            Ok((rest, it)) => (rest, it.ext.unwrap_or_default()),
            Err(_) => (bytes, &[][..]),
        };
        while let Some((kind, content, rest)) = extension(extensions) {
            extensions = rest;
            match kind {
                SERVER_NAME => hello.names.extend(server_names(content)),
                EARLY_DATA => hello.early_data = true,
                _ => {}
            }
        }
        if hello.names.is_empty() || !(extensions.is_empty() && rest.is_empty()) {
            hello.names.push(SniffedHost::Unnamed);
        }
        hello
    }
}

/// Splits the first extension off: its type, its content, and what follows.
fn extension(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let (&[a, b, high, low], rest) = bytes.split_first_chunk()?;
    let length = usize::from(u16::from_be_bytes([high, low]));
    let (content, rest) = rest.split_at_checked(length)?;
    Some((u16::from_be_bytes([a, b]), content, rest))
}

fn server_names(content: &[u8]) -> Vec<SniffedHost> {
    let Ok((rest, TlsExtension::SNI(names))) = parse_tls_extension_sni_content(content) else {
        return vec![SniffedHost::Unnamed];
    };
    // Each with its type and its length, after the length of the list.
    let read: usize = 2 + names.iter().map(|(_, name)| 3 + name.len()).sum::<usize>();
    let is_whole = rest.is_empty() && read == content.len() && !names.is_empty();
    let named = names
        .into_iter()
        .map(|(_, name)| match std::str::from_utf8(name) {
            Ok(name) => SniffedHost::Name(name.to_owned()),
            Err(_) => SniffedHost::Unnamed,
        });
    named
        .chain((!is_whole).then_some(SniffedHost::Unnamed))
        .collect()
}
