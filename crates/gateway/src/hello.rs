//! TLS inside a flow must be for the name that the flow was asked for.

use std::future::poll_fn;

use bytes::{Bytes, BytesMut};
use hourkey_domain::address::Host;
use rustls::server::Acceptor;

use crate::relay::{Source, Stop};

/// A TLS record with a handshake message (RFC 8446, 5.1): its first two bytes.
const HANDSHAKE: [u8; 2] = [0x16, 0x03];

/// Reads the first bytes of a flow. When they begin a TLS handshake, all of its first message
/// (ClientHello, RFC 8446, 4.1.2) is read before anything is passed on.
///
/// # Errors
/// [`Stop::ServerName`] when it is for another name (RFC 6066, 3), or cannot be read: what cannot
/// be read cannot be checked, and another parser might see a name in it.
pub(crate) async fn first(source: &mut impl Source, name: &str) -> Result<Bytes, Stop> {
    let mut seen = BytesMut::new();
    let mut acceptor = Acceptor::default();
    let mut fed = 0;
    loop {
        let Some(bytes) = poll_fn(|cx| source.poll_next(cx)).await? else {
            return Ok(seen.freeze());
        };
        seen.extend_from_slice(&bytes);
        let compared = seen.len().min(HANDSHAKE.len());
        if seen[..compared] != HANDSHAKE[..compared] {
            return Ok(seen.freeze());
        }
        while fed < seen.len() {
            match acceptor.read_tls(&mut &seen[fed..])? {
                0 => return Err(Stop::ServerName),
                read => fed += read,
            }
            match acceptor.accept() {
                Ok(Some(accepted)) => {
                    let inside = accepted.client_hello().server_name().map(str::to_owned);
                    return match inside {
                        Some(inside) if !is_same(&inside, name) => Err(Stop::ServerName),
                        Some(_) | None => Ok(seen.freeze()),
                    };
                }
                Ok(None) => {}
                Err(_) => return Err(Stop::ServerName),
            }
        }
    }
}

fn is_same(inside: &str, name: &str) -> bool {
    matches!(inside.parse(), Ok(Host::Name(inside)) if inside == name)
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::io;
    use std::task::{Context, Poll};

    use proptest::prelude::*;

    use super::*;

    struct Chunks(VecDeque<Bytes>);

    impl Source for Chunks {
        fn poll_next(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
            Poll::Ready(Ok(self.0.pop_front()))
        }
    }

    /// What is passed on first; `None` when the flow is cut.
    fn passes(bytes: &[u8], size: usize) -> Option<Bytes> {
        let chunks = bytes.chunks(size).map(Bytes::copy_from_slice).collect();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(first(&mut Chunks(chunks), "db.corp")).ok()
    }

    #[test]
    fn what_is_no_tls_passes_at_once() {
        assert_eq!(passes(b"SSH-2.0-x", 100).unwrap(), "SSH-2.0-x");
        assert_eq!(passes(b"SSH-2.0-x", 1).unwrap(), "S");
        assert_eq!(passes(b"\x16SSH", 1).unwrap(), "\x16S");
        assert_eq!(passes(b"\x16", 1).unwrap(), "\x16");
        assert_eq!(passes(b"", 1).unwrap(), "");
    }

    #[test]
    fn what_looks_like_tls_and_cannot_be_read_is_cut() {
        assert_eq!(passes(b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", 3), None);
        assert_eq!(passes(b"\x16\x03\x01\xff\xff", 3), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(
            tls: bool,
            rest: Vec<u8>,
            size in 1_usize..50,
        ) {
            let head = if tls { &b"\x16\x03\x01"[..] } else { &[] };
            let bytes = [head, &rest].concat();
            if let Some(passed) = passes(&bytes, size) {
                prop_assert!(bytes.starts_with(&passed));
            }
        }
    }
}
