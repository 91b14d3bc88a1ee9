//! The hosts of plain HTTP/1 requests (RFC 9112).
//!
//! Where each request of a connection counts, their ends have to be known as the origin knows them.
//! What two programs might read differently counts as [`Found::Unnamed`].

use ::http::uri::Authority;
use httparse::{EMPTY_HEADER, Header, Request, Status};

use super::{Found, Read, Start};

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
pub(super) fn start(bytes: &[u8], seen: usize) -> Start {
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
        return Start::Other;
    }
    let new = &bytes[seen.min(bytes.len())..];
    match new.iter().position(|byte| *byte == b'\n') {
        Some(end) if is_request(&bytes[..seen + end]) => Start::Http,
        Some(_) => Start::Other,
        None if bytes.len() > MAX_HEAD || new.iter().any(|byte| is_binary(*byte)) => Start::Other,
        None => Start::Unclear,
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
pub(super) struct Reader {
    /// Not only the first request counts.
    follows: bool,
    next: Next,
    /// Bytes of a head in which there was no end yet.
    seen: usize,
    /// Requests that were read.
    requests: u64,
}

/// What the next bytes are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Head,
    /// So many bytes of a body or a chunk, and what is after them.
    Body(u64, After),
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
enum After {
    Request,
    Chunk,
}

/// It cannot be told where the next request begins.
struct Unclear;

impl Reader {
    /// If it `follows`, every request counts; else the first one, and nothing is known of others.
    pub(super) fn new(follows: bool) -> Self {
        let next = Next::Head;
        Self {
            follows,
            next,
            seen: 0,
            requests: 0,
        }
    }

    /// True when what follows is another protocol if the origin agrees to that.
    pub(super) fn awaits_answer(&self) -> bool {
        self.next == Next::Upgrade
    }

    /// The origin goes on with HTTP.
    pub(super) fn stays(&mut self) {
        self.next = Next::Head;
    }

    /// Reads `bytes`, which begin with those that did not pass before.
    pub(super) fn read(&mut self, bytes: &[u8], found: &mut Vec<Found>) -> Read {
        let mut at = 0;
        while at < bytes.len() {
            match self.step(&bytes[at..], found) {
                Ok(Some(read)) => at += read,
                Ok(None) => break,
                Err(Unclear) => {
                    found.push(Found::Unnamed);
                    return Read {
                        passes: at,
                        done: true,
                    };
                }
            }
        }
        let done = false;
        Read { passes: at, done }
    }

    /// Reads one part; `None` when it is not whole.
    fn step(&mut self, bytes: &[u8], found: &mut Vec<Found>) -> Result<Option<usize>, Unclear> {
        match self.next {
            Next::Head => self.head(bytes, found),
            Next::Upgrade => Ok(None),
            Next::Body(left, after) => {
                let read = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                self.next = match (left - read as u64, after) {
                    (0, After::Request) => Next::Head,
                    (0, After::Chunk) => Next::ChunkEnd,
                    (left, after) => Next::Body(left, after),
                };
                Ok(Some(read))
            }
            Next::Chunk => {
                let Some(line) = line(bytes)? else {
                    return Ok(None);
                };
                self.next = match size(line)? {
                    0 => Next::Trailers,
                    size => Next::Body(size, After::Chunk),
                };
                Ok(Some(line.len() + 2))
            }
            Next::ChunkEnd => match line(bytes)? {
                Some([]) => {
                    self.next = Next::Chunk;
                    Ok(Some(2))
                }
                Some(_) => Err(Unclear),
                None => Ok(None),
            },
            Next::Trailers => {
                let Some(line) = line(bytes)? else {
                    return Ok(None);
                };
                if line.is_empty() {
                    self.next = Next::Head;
                }
                Ok(Some(line.len() + 2))
            }
        }
    }

    fn head(&mut self, bytes: &[u8], found: &mut Vec<Found>) -> Result<Option<usize>, Unclear> {
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
            Ok(_) | Err(_) => return Err(Unclear),
        };
        self.seen = 0;
        found.extend(hosts(&request));
        if !self.follows || request.method == Some("CONNECT") {
            return Err(Unclear);
        }
        self.requests += 1;
        self.next = match body(&request)? {
            // Whose answer a later one would get could not be told. What follows has to read as
            // a request then.
            Next::Upgrade if self.requests > 1 => Next::Head,
            next => next,
        };
        Ok(Some(length))
    }
}

/// Up to the next CRLF; `None` when there is none yet.
fn line(bytes: &[u8]) -> Result<Option<&[u8]>, Unclear> {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) if end <= MAX_CHUNK_LINE => match bytes[..end].split_last() {
            Some((b'\r', line)) if !line.contains(&b'\r') => Ok(Some(line)),
            Some(_) | None => Err(Unclear),
        },
        None if bytes.len() <= MAX_CHUNK_LINE => Ok(None),
        Some(_) | None => Err(Unclear),
    }
}

/// The size of a chunk. There are servers that read no more than 32 bits of it, or 31: nobody sends
/// a chunk that large.
fn size(line: &[u8]) -> Result<u64, Unclear> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
    if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(Unclear);
    }
    let digits = std::str::from_utf8(digits).map_err(|_| Unclear)?;
    match i32::from_str_radix(digits, 16) {
        Ok(size) => u64::try_from(size).map_err(|_| Unclear),
        Err(_) => Err(Unclear),
    }
}

/// The hosts that a request names (RFC 9112, 3.2): several count, each.
fn hosts(request: &Request<'_, '_>) -> Vec<Found> {
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
    named.chain(unclear.then_some(Found::Unnamed)).collect()
}

fn host(authority: &str) -> Found {
    match authority.trim().parse::<Authority>() {
        Ok(authority) if !authority.as_str().contains('@') => {
            Found::Name(authority.host().to_owned())
        }
        Ok(_) | Err(_) => Found::Unnamed,
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

/// What follows a head (RFC 9112, 6.3).
fn body(request: &Request<'_, '_>) -> Result<Next, Unclear> {
    let codings: Vec<_> = all(request.headers, "transfer-encoding").collect();
    let lengths: Vec<_> = all(request.headers, "content-length").collect();
    let upgrades = is_nameless_upgrade(request);
    match (&codings[..], &lengths[..]) {
        ([], []) if upgrades => Ok(Next::Upgrade),
        ([], []) => Ok(Next::Head),
        ([coding], []) if !upgrades && request.version == Some(1) => {
            match coding.value.eq_ignore_ascii_case(b"chunked") {
                true => Ok(Next::Chunk),
                false => Err(Unclear),
            }
        }
        ([], [length]) if !upgrades => {
            let digits = std::str::from_utf8(length.value).map_err(|_| Unclear)?;
            if digits.is_empty() || !digits.bytes().all(|it| it.is_ascii_digit()) {
                return Err(Unclear);
            }
            match digits.parse().map_err(|_| Unclear)? {
                0 => Ok(Next::Head),
                length => Ok(Next::Body(length, After::Request)),
            }
        }
        _ => Err(Unclear),
    }
}
