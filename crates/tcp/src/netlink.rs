//! Asks the kernel about connections and the network by netlink (Linux).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_REQUEST, NetlinkBuffer, NetlinkHeader, NetlinkMessage,
};
use netlink_packet_sock_diag::SockDiagMessage;
use netlink_packet_sock_diag::constants::{AF_INET, AF_INET6, IPPROTO_TCP};
use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, SocketId, StateFlags};
use netlink_sys::protocols::{NETLINK_ROUTE, NETLINK_SOCK_DIAG};
use netlink_sys::{AsyncSocket as _, AsyncSocketExt as _, Socket, TokioSocket};

/// Larger than any message of a dump.
const BUFFER_SIZE: usize = 64 << 10;
/// The length of a message's header, and the alignment of messages (netlink(7)).
const HEADER: usize = 16;
const ALIGNMENT: usize = 4;
/// Types of messages (netlink(7), sock_diag(7)).
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const SOCK_DIAG_BY_FAMILY: u16 = 20;

/// A TCP socket, as the kernel sees it.
pub(crate) struct SocketInfo {
    pub(crate) local: SocketAddr,
    pub(crate) peer: SocketAddr,
    /// How often in a row the other side left a retransmission or a window probe unanswered.
    pub(crate) unanswered: u8,
}

/// Calls `see` with each connected TCP socket of this machine (sock_diag(7)).
///
/// # Errors
/// When the kernel does not say.
pub(crate) fn each_socket(mut see: impl FnMut(SocketInfo)) -> io::Result<()> {
    for family in [AF_INET, AF_INET6] {
        let kernel = Socket::new(NETLINK_SOCK_DIAG)?;
        // The kernel prepares each part of its answer within the call that asks for it.
        kernel.set_non_blocking(true)?;
        kernel.connect(&netlink_sys::SocketAddr::new(0, 0))?;
        kernel.send(&dump_request(family), 0)?;
        while read_part(&kernel, &mut see)? {}
    }
    Ok(())
}

fn dump_request(family: u8) -> Vec<u8> {
    let request = InetRequest {
        family,
        protocol: IPPROTO_TCP,
        extensions: ExtensionFlags::empty(),
        states: StateFlags::all()
            - StateFlags::LISTEN
            - StateFlags::TIME_WAIT
            - StateFlags::CLOSE
            - StateFlags::SYN_RECV,
        socket_id: SocketId::new_v4(),
    };
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    let mut message = NetlinkMessage::new(header, SockDiagMessage::InetRequest(request).into());
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

/// True when there are more parts.
fn read_part(kernel: &Socket, see: &mut impl FnMut(SocketInfo)) -> io::Result<bool> {
    let mut part = Vec::with_capacity(BUFFER_SIZE);
    kernel.recv(&mut part, 0)?;
    let mut rest = &part[..];
    while rest.len() >= HEADER {
        let message = NetlinkBuffer::new_checked(rest).map_err(io::Error::other)?;
        let length = message.length() as usize;
        match message.message_type() {
            NLMSG_DONE => return Ok(false),
            NLMSG_ERROR => return Err(io::Error::other("the kernel refuses to list sockets")),
            SOCK_DIAG_BY_FAMILY => {
                if let Some(socket) = rest.get(HEADER..length).and_then(parse) {
                    see(socket);
                }
            }
            _ => {}
        }
        rest = rest
            .get(length.next_multiple_of(ALIGNMENT)..)
            .unwrap_or_default();
    }
    Ok(true)
}

/// Reads a `struct inet_diag_msg` (linux/inet_diag.h). The crate's own type leaves out how many
/// window probes went unanswered.
fn parse(message: &[u8]) -> Option<SocketInfo> {
    /// Values of `idiag_timer`: the ones under which `idiag_retrans` counts what is unanswered.
    const RETRANSMIT: u8 = 1;
    const WINDOW_PROBE: u8 = 4;
    let (family, timer, count) = (*message.first()?, *message.get(2)?, *message.get(3)?);
    let at = |port: usize, address: usize| {
        let port: [u8; 2] = message.get(port..port + 2)?.try_into().ok()?;
        let ip: [u8; 16] = message.get(address..address + 16)?.try_into().ok()?;
        let ip = match family {
            AF_INET => IpAddr::V4(Ipv4Addr::new(ip[0], ip[1], ip[2], ip[3])),
            _ => Ipv6Addr::from(ip).to_canonical(),
        };
        Some(SocketAddr::new(ip, u16::from_be_bytes(port)))
    };
    let counts = timer == RETRANSMIT || timer == WINDOW_PROBE;
    Some(SocketInfo {
        local: at(4, 8)?,
        peer: at(6, 24)?,
        unanswered: if counts { count } else { 0 },
    })
}

/// Receives changes of addresses and routes (rtnetlink(7)).
pub(crate) struct NetworkChanges(TokioSocket);

impl NetworkChanges {
    pub(crate) fn new() -> io::Result<Self> {
        /// RTNLGRP_IPV4_IFADDR, _IPV4_ROUTE, _IPV6_IFADDR and _IPV6_ROUTE (linux/rtnetlink.h).
        const GROUPS: [u32; 4] = [5, 7, 9, 11];
        let mut kernel = TokioSocket::new(NETLINK_ROUTE)?;
        kernel.socket_mut().bind_auto()?;
        for group in GROUPS {
            kernel.socket_mut().add_membership(group)?;
        }
        Ok(Self(kernel))
    }

    /// Waits for a change. What it was is not read: there may have been too many to keep.
    pub(crate) async fn next(&self) {
        // An error says that some were lost.
        let _ = self.0.recv(&mut Vec::with_capacity(BUFFER_SIZE)).await;
    }

    /// Forgets the changes so far.
    pub(crate) fn drain(&self) {
        let mut part = Vec::with_capacity(BUFFER_SIZE);
        while self.0.socket_ref().recv(&mut part, 0).is_ok() {
            part.clear();
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn connections_of_both_families_are_seen() {
        for at in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(at).unwrap();
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let own = (client.local_addr().unwrap(), client.peer_addr().unwrap());
            let mut found = Vec::new();
            each_socket(|socket| {
                if (socket.local, socket.peer) == own {
                    found.push(socket.unanswered);
                }
            })
            .unwrap();
            assert_eq!(found, [0], "{at}");
        }
    }

    #[test]
    fn short_messages_are_no_sockets() {
        assert!(parse(&[]).is_none());
        assert!(parse(&[AF_INET; 39]).is_none());
        assert!(parse(&[AF_INET; 40]).is_some());
    }
}
