//! The hosts of plain HTTP/1 requests (RFC 9112).
//!
//! Where each request of a connection counts, their ends have to be known as the origin knows them.
//! What two programs might read differently counts as [`SniffedHost::Unnamed`].

use ::http::uri::Authority;
use httparse::{EMPTY_HEADER, Header, Request, Status};

use super::{FirstBytes, Progress, SniffedHost};

/// The longest method that is known as one, in bytes.
const MAX_METHOD: usize = 64;
/// The largest head of a request, in bytes; one that is larger cannot be read.
const MAX_HEAD: usize = 64 << 10;
/// The most fields of a request.
const MAX_FIELDS: usize = 256;
/// The longest line that begins a chunk.
const MAX_CHUNK_LINE: usize = 1 << 10;

/// How a flow begins that is no TLS: with a request if its first line reads as one, whatever the
/// method (RFC 9112, 3). `PRI` is HTTP/2 without TLS, whose hosts are compressed: it is another
/// protocol, and so are HTTP's versions before 1.0. Of `bytes`, `seen` left it open.
pub(super) fn start(bytes: &[u8], seen: usize) -> FirstBytes {
    let word = &bytes[..bytes.len().min(MAX_METHOD + 1)];
    let (method, ended) = match word.iter().position(|byte| *byte == b' ' || *byte == b'\n') {
        Some(end) => (&word[..end], true),
        None => (word, false),
    };
    // ssh's first words (RFC 4253, 4.2) could be a method.
    let is_ssh = bytes.starts_with(b"SSH-");
    let is_method = method.iter().all(|byte| is_token(*byte));
    let is_empty = ended && method.is_empty();
    if is_ssh || !is_method || is_empty || (!ended && word.len() > MAX_METHOD) {
        return FirstBytes::Other;
    }
    let new = &bytes[seen.min(bytes.len())..];
    match new.iter().position(|byte| *byte == b'\n') {
        Some(end) if is_request(&bytes[..seen + end]) => FirstBytes::Http,
        Some(_) => FirstBytes::Other,
        None if bytes.len() > MAX_HEAD || new.iter().any(|byte| is_binary(*byte)) => {
            FirstBytes::Other
        }
        None => FirstBytes::Unclear,
    }
}

/// True for a first line that ends in a version of HTTP/1.
fn is_request(line: &[u8]) -> bool {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let version = line.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
    [&b"HTTP/1.0"[..], b"HTTP/1.1"].contains(&version)
}

/// True for what no line of text has.
fn is_binary(byte: u8) -> bool {
    byte.is_ascii_control() && byte != b'\r'
}

/// True for the characters of a method (RFC 9110, 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Reads the requests of one connection.
pub(super) struct RequestReader {
    /// Reads all requests, not only the first.
    follows: bool,
    next: Expected,
    /// Bytes of a head in which there was no end yet.
    seen: usize,
    /// Requests that were read.
    requests: u64,
}

/// The kind of bytes that are expected next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    Head,
    /// This many bytes of a body or a chunk, and what follows them.
    Body(u64, ThenExpected),
    /// The line that begins a chunk (RFC 9112, 7.1).
    Chunk,
    /// The line after a chunk's data.
    ChunkEnd,
    /// Fields after the last chunk, up to an empty line.
    Trailers,
    /// What the origin's answer makes of it: another request, or a protocol without names.
    Upgrade,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ThenExpected {
    Request,
    Chunk,
}

/// The end of a request is ambiguous.
struct Ambiguous;

impl RequestReader {
    /// If it `follows`, every request counts; else the first one, and nothing is known of others.
    pub(super) fn new(follows: bool) -> Self {
        let next = Expected::Head;
        Self {
            follows,
            next,
            seen: 0,
            requests: 0,
        }
    }

    /// True when what follows is another protocol if the origin agrees to that.
    pub(super) fn awaits_answer(&self) -> bool {
        self.next == Expected::Upgrade
    }

    /// The origin goes on with HTTP.
    pub(super) fn stays(&mut self) {
        self.next = Expected::Head;
    }

    /// Reads `bytes`, which begin with those that did not pass before.
    pub(super) fn read(&mut self, bytes: &[u8], found: &mut Vec<SniffedHost>) -> Progress {
        let mut at = 0;
        while at < bytes.len() {
            match self.step(&bytes[at..], found) {
                Ok(Some(read)) => at += read,
                Ok(None) => break,
                Err(Ambiguous) => {
                    found.push(SniffedHost::Unnamed);
                    return Progress {
                        passes: at,
                        done: true,
                    };
                }
            }
        }
        let done = false;
        Progress { passes: at, done }
    }

    /// Reads one part; `None` when it is not whole.
    fn step(
        &mut self,
        bytes: &[u8],
        found: &mut Vec<SniffedHost>,
    ) -> Result<Option<usize>, Ambiguous> {
        match self.next {
            Expected::Head => self.head(bytes, found),
            Expected::Upgrade => Ok(None),
            Expected::Body(left, after) => {
                let read = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                self.next = match (left - read as u64, after) {
                    (0, ThenExpected::Request) => Expected::Head,
                    (0, ThenExpected::Chunk) => Expected::ChunkEnd,
                    (left, after) => Expected::Body(left, after),
                };
                Ok(Some(read))
            }
            Expected::Chunk => {
                let Some(line) = line(bytes)? else {
                    return Ok(None);
                };
                self.next = match size(line)? {
                    0 => Expected::Trailers,
                    size => Expected::Body(size, ThenExpected::Chunk),
                };
                Ok(Some(line.len() + 2))
            }
            Expected::ChunkEnd => match line(bytes)? {
                Some([]) => {
                    self.next = Expected::Chunk;
                    Ok(Some(2))
                }
                Some(_) => Err(Ambiguous),
                None => Ok(None),
            },
            Expected::Trailers => {
                let Some(line) = line(bytes)? else {
                    return Ok(None);
                };
                if line.is_empty() {
                    self.next = Expected::Head;
                }
                Ok(Some(line.len() + 2))
            }
        }
    }

    fn head(
        &mut self,
        bytes: &[u8],
        found: &mut Vec<SniffedHost>,
    ) -> Result<Option<usize>, Ambiguous> {
        // Only a line that ended brings something new.
        if !bytes[self.seen.min(bytes.len())..].contains(&b'\n') && bytes.len() <= MAX_HEAD {
            self.seen = bytes.len();
            return Ok(None);
        }
        self.seen = bytes.len();
        let mut fields = [EMPTY_HEADER; MAX_FIELDS];
        let mut request = Request::new(&mut fields);
        let length = match request.parse(bytes) {
            Ok(Status::Complete(length)) if length <= MAX_HEAD => length,
            Ok(Status::Partial) if bytes.len() <= MAX_HEAD => return Ok(None),
            Ok(_) | Err(_) => return Err(Ambiguous),
        };
        self.seen = 0;
        found.extend(hosts(&request));
        if !self.follows || request.method == Some("CONNECT") {
            return Err(Ambiguous);
        }
        self.requests += 1;
        self.next = match body(&request)? {
            // Whose answer a later one would get could not be told. What follows has to read as
            // a request then.
            Expected::Upgrade if self.requests > 1 => Expected::Head,
            next => next,
        };
        Ok(Some(length))
    }
}

/// Up to the next CRLF; `None` when there is none yet.
fn line(bytes: &[u8]) -> Result<Option<&[u8]>, Ambiguous> {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) if end <= MAX_CHUNK_LINE => match bytes[..end].split_last() {
            Some((b'\r', line)) if !line.contains(&b'\r') => Ok(Some(line)),
            Some(_) | None => Err(Ambiguous),
        },
        None if bytes.len() <= MAX_CHUNK_LINE => Ok(None),
        Some(_) | None => Err(Ambiguous),
    }
}

/// The size of a chunk. There are servers that read no more than 32 bits of it, or 31: nobody sends
/// a chunk that large.
fn size(line: &[u8]) -> Result<u64, Ambiguous> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
    if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(Ambiguous);
    }
    let digits = std::str::from_utf8(digits).map_err(|_| Ambiguous)?;
    match i32::from_str_radix(digits, 16) {
        Ok(size) => u64::try_from(size).map_err(|_| Ambiguous),
        Err(_) => Err(Ambiguous),
    }
}

/// The hosts that a request names (RFC 9112, 3.2): several count, each.
fn hosts(request: &Request<'_, '_>) -> Vec<SniffedHost> {
    let target = request.path.unwrap_or_default();
    let absolute = target.split_once("://").map(|(_, rest)| {
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        &rest[..end]
    });
    let authority = match request.method {
        Some("CONNECT") => Some(target),
        _ if target.starts_with('/') => None,
        _ => absolute,
    };
    let fields = all(request.headers, "host").map(|it| std::str::from_utf8(it.value).unwrap_or(""));
    let fields: Vec<&str> = fields.collect();
    // One is needed, and programs differ in which of several counts.
    let unclear = fields.len() > 1 || (fields.is_empty() && authority.is_none());
    let named = authority.into_iter().chain(fields).map(host);
    named
        .chain(unclear.then_some(SniffedHost::Unnamed))
        .collect()
}

fn host(authority: &str) -> SniffedHost {
    match authority.trim().parse::<Authority>() {
        Ok(authority) if !authority.as_str().contains('@') => {
            SniffedHost::Name(authority.host().to_owned())
        }
        Ok(_) | Err(_) => SniffedHost::Unnamed,
    }
}

fn all<'a>(
    fields: &'a [Header<'a>],
    name: &'static str,
) -> impl Iterator<Item = &'a Header<'a>> + 'a {
    fields
        .iter()
        .filter(move |it| it.name.eq_ignore_ascii_case(name))
}

/// The protocols that a connection may be switched to in which no name can follow: of WebSocket (RFC
/// 6455, 4.1), of Docker, and of Kubernetes. HTTP/2 and TLS name hosts of their own.
const NAMELESS: [&str; 3] = ["websocket", "tcp", "SPDY/3.1"];

/// True when a request offers to switch (RFC 9110, 7.8) to protocols without names, and to no
/// others. A connection that is switched to any other has to read as HTTP on.
fn is_nameless_upgrade(request: &Request<'_, '_>) -> bool {
    let listed = |name| {
        let values = all(request.headers, name).map(|it| it.value);
        values.flat_map(|it| it.split(|byte| *byte == b',').map(<[u8]>::trim_ascii))
    };
    let is_nameless = |it: &[u8]| {
        let mut known = NAMELESS.iter();
        known.any(|known| it.eq_ignore_ascii_case(known.as_bytes()))
    };
    let mut offered = listed("upgrade").peekable();
    let says_so = listed("connection").any(|it| it.eq_ignore_ascii_case(b"upgrade"));
    says_so && offered.peek().is_some() && offered.all(is_nameless)
}

/// Returns what follows a head (RFC 9112, 6.3).
fn body(request: &Request<'_, '_>) -> Result<Expected, Ambiguous> {
    let codings: Vec<_> = all(request.headers, "transfer-encoding").collect();
    let lengths: Vec<_> = all(request.headers, "content-length").collect();
    let upgrades = is_nameless_upgrade(request);
    match (&codings[..], &lengths[..]) {
        ([], []) if upgrades => Ok(Expected::Upgrade),
        ([], []) => Ok(Expected::Head),
        ([coding], []) if !upgrades && request.version == Some(1) => {
            match coding.value.eq_ignore_ascii_case(b"chunked") {
                true => Ok(Expected::Chunk),
                false => Err(Ambiguous),
            }
        }
        ([], [length]) if !upgrades => {
            let digits = std::str::from_utf8(length.value).map_err(|_| Ambiguous)?;
            if digits.is_empty() || !digits.bytes().all(|it| it.is_ascii_digit()) {
                return Err(Ambiguous);
            }
            match digits.parse().map_err(|_| Ambiguous)? {
                0 => Ok(Expected::Head),
                length => Ok(Expected::Body(length, ThenExpected::Request)),
            }
        }
        _ => Err(Ambiguous),
    }
}
