//! SOCKS5 (RFC 1928), as far as the proxy speaks it: no authentication, CONNECT alone.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hourkey_domain::address::Host;
use hourkey_protocol::gateway::Refusal;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::dial::{Destination, DialError};

/// The version, and so the first byte of a SOCKS5 client.
pub(super) const VERSION: u8 = 5;

/// The first byte of a SOCKS4 client.
pub(super) const VERSION_4: u8 = 4;

/// The longest user id, or host name, that is read of a SOCKS4 client.
const MAX_TEXT_4: usize = 256;

/// A reply code (RFC 1928, 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    Succeeded = 0,
    GeneralFailure = 1,
    NotAllowed = 2,
    HostUnreachable = 4,
    CommandNotSupported = 7,
    AddressNotSupported = 8,
}

impl From<&DialError> for Reply {
    fn from(refused: &DialError) -> Self {
        match refused {
            DialError::NoResource
            | DialError::Locked
            | DialError::Disabled
            | DialError::Denied
            | DialError::SignedOut
            | DialError::Gateway(Refusal::NoPermit | Refusal::Device) => Self::NotAllowed,
            DialError::Gateway(Refusal::Unreachable) => Self::HostUnreachable,
            DialError::NothingHeard(_)
            | DialError::NoGateway(_)
            | DialError::NoAnswer(_)
            | DialError::Device(_)
            | DialError::Gateway(Refusal::Stale | Refusal::Malformed | Refusal::Busy) => {
                Self::GeneralFailure
            }
        }
    }
}

/// Takes a client's greeting and its request: where it wants to go. `None` when it was told that
/// this cannot be.
///
/// # Errors
/// When the client goes away, or does not speak SOCKS5.
pub(super) async fn accept<S>(client: &mut S) -> io::Result<Option<Destination>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    // The greeting (section 3): 0 is "no authentication required".
    version(client).await?;
    let mut methods = vec![0; client.read_u8().await?.into()];
    client.read_exact(&mut methods).await?;
    if !methods.contains(&0) {
        client.write_all(&[VERSION, 0xff]).await?;
        return Ok(None);
    }
    client.write_all(&[VERSION, 0]).await?;
    // The request (section 4).
    version(client).await?;
    let command = client.read_u8().await?;
    let _reserved = client.read_u8().await?;
    let host = match client.read_u8().await? {
        1 => Ok(Host::Ip(Ipv4Addr::from(client.read_u32().await?).into())),
        4 => {
            let ip: IpAddr = Ipv6Addr::from(client.read_u128().await?).into();
            Ok(Host::Ip(ip.to_canonical()))
        }
        3 => {
            let mut name = vec![0; client.read_u8().await?.into()];
            client.read_exact(&mut name).await?;
            let name = String::from_utf8(name).ok();
            let host = name.and_then(|name| name.parse().ok());
            host.ok_or(Reply::NotAllowed)
        }
        _ => Err(Reply::AddressNotSupported),
    };
    let host = match host {
        Ok(host) => host,
        Err(refusal) => {
            reply(client, refusal).await?;
            return Ok(None);
        }
    };
    let port = client.read_u16().await?;
    // 2 is BIND, 3 is UDP ASSOCIATE.
    let refusal = match (command, port) {
        (1, 1..) => return Ok(Some(Destination { host, port })),
        (1, 0) => Reply::NotAllowed,
        (_, _) => Reply::CommandNotSupported,
    };
    reply(client, refusal).await?;
    Ok(None)
}

/// Refuses a SOCKS4 client, of which the first byte was read. Its request is read first: some clients
/// write all of it before they read.
///
/// # Errors
/// When the client goes away.
pub(super) async fn refuse_4<S>(client: &mut S) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut request = [0; 7];
    client.read_exact(&mut request).await?;
    let [.., a, b, c, d] = request;
    // 4a: an address of this kind says that a name follows the user id.
    let texts = if [a, b, c] == [0; 3] && d != 0 { 2 } else { 1 };
    for _ in 0..texts {
        for _ in 0..MAX_TEXT_4 {
            if client.read_u8().await? == 0 {
                break;
            }
        }
    }
    client.write_all(&[0, 0x5b, 0, 0, 0, 0, 0, 0]).await
}

/// Answers a request (section 6). The bound address says nothing, as it is the gateway's.
pub(super) async fn reply<S>(client: &mut S, reply: Reply) -> io::Result<()>
where
    S: AsyncWrite + Unpin,
{
    let answer = [VERSION, reply as u8, 0, 1, 0, 0, 0, 0, 0, 0];
    client.write_all(&answer).await
}

async fn version<S: AsyncRead + Unpin>(client: &mut S) -> io::Result<()> {
    if client.read_u8().await? == VERSION {
        return Ok(());
    }
    Err(io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What becomes of what a client says, and what it is answered.
    fn heard(said: &[u8]) -> (io::Result<Option<Destination>>, Vec<u8>) {
        let mut answered = Vec::new();
        let mut client = tokio::io::join(said, &mut answered);
        let runtime = tokio::runtime::Builder::new_current_thread();
        let accepted = { runtime }.build().unwrap().block_on(accept(&mut client));
        (accepted, answered)
    }

    const GREETING: &[u8] = &[5, 1, 0];

    #[test]
    fn names_and_addresses_are_taken() {
        let name = b"\x05\x01\x00\x03\x09Wiki.Corp\x01\xbb";
        let v4 = [5, 1, 0, 1, 10, 0, 0, 1, 0, 22];
        let mut v6 = vec![5, 1, 0, 4];
        v6.extend("::ffff:10.0.0.1".parse::<Ipv6Addr>().unwrap().octets());
        v6.extend([0, 22]);
        for (request, to) in [
            (name.to_vec(), "wiki.corp:443"),
            (v4.to_vec(), "10.0.0.1:22"),
            (v6, "10.0.0.1:22"),
        ] {
            let (accepted, answered) = heard(&[GREETING, &request].concat());
            assert_eq!(accepted.unwrap().unwrap().to_string(), to);
            assert_eq!(answered, [5, 0]);
        }
    }

    #[test]
    fn the_rest_is_refused_with_its_own_code() {
        for (request, code) in [
            (vec![5, 2, 0, 1, 10, 0, 0, 1, 0, 22], 7),
            (vec![5, 3, 0, 1, 0, 0, 0, 0, 0, 0], 7),
            (vec![5, 1, 0, 2], 8),
            (vec![5, 1, 0, 1, 10, 0, 0, 1, 0, 0], 2),
            (vec![5, 1, 0, 3, 1, 0xff], 2),
        ] {
            let (accepted, answered) = heard(&[GREETING, &request].concat());
            assert_eq!(accepted.unwrap(), None);
            assert_eq!(
                answered,
                [5, 0, 5, code, 0, 1, 0, 0, 0, 0, 0, 0],
                "{request:?}"
            );
        }
        let (accepted, answered) = heard(&[5, 1, 2]);
        assert_eq!((accepted.unwrap(), answered), (None, vec![5, 0xff]));
        assert!(heard(&[4, 1, 0, 22]).0.is_err());
    }

    #[test]
    fn socks_4_is_refused_in_its_own_words() {
        for request in [
            &b"\x01\x00\x50\x0a\x00\x00\x01ada\0"[..],
            b"\x01\x00\x50\x00\x00\x00\x01\0wiki.corp\0",
        ] {
            let (mut unread, mut answered) = (request, Vec::new());
            let mut client = tokio::io::join(&mut unread, &mut answered);
            let runtime = tokio::runtime::Builder::new_current_thread();
            { runtime }
                .build()
                .unwrap()
                .block_on(refuse_4(&mut client))
                .unwrap();
            assert_eq!(answered, [0, 0x5b, 0, 0, 0, 0, 0, 0]);
            assert!(unread.is_empty());
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(
            bytes in prop::collection::vec(any::<u8>(), 0..300),
            greeted in any::<bool>(),
        ) {
            let greeting = if greeted { GREETING } else { &[] };
            let _ = heard(&[greeting, &bytes].concat());
        }
    }
}
