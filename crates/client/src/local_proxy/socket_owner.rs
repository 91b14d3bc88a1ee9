//! Identifies the user whose process is at the other end of a local connection.
//!
//! Anybody who may log in to this machine can reach its loopback ports, so each connection's owner
//! is looked up before a byte of it is read.

use std::io;
use std::net::SocketAddr;

/// The owner of a local connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SocketOwner {
    /// This program's own user.
    Us,
    /// Another user of this machine.
    Another,
    /// None: the connection is closed.
    Nobody,
}

/// Identifies the owner of a local connection.
pub(crate) trait SocketOwners: Send + Sync {
    /// Returns the owner of the connection from `peer` to our `local` address. Must not block: other
    /// connections wait meanwhile.
    ///
    /// # Errors
    /// When the owner cannot be determined: refuse the connection then.
    fn owner(&self, peer: SocketAddr, local: SocketAddr) -> io::Result<SocketOwner>;

    /// False once the program at `peer` has closed its connection to our `local` address
    /// altogether. One that has only said all it has to say (`shutdown(2)`) still holds it.
    fn is_held(&self, peer: SocketAddr, local: SocketAddr) -> bool;

    /// Checks that this system can identify owners.
    ///
    /// # Errors
    /// When it cannot: do not listen then.
    fn check(&self) -> io::Result<()>;
}

/// Asks the operating system.
pub(crate) struct SystemSocketOwners;

/// Asks the kernel for the socket (sock_diag(7)).
#[cfg(target_os = "linux")]
impl SocketOwners for SystemSocketOwners {
    fn owner(&self, peer: SocketAddr, local: SocketAddr) -> io::Result<SocketOwner> {
        match linux::find(peer, local) {
            Ok(socket) if !linux::is_held(&socket) => Ok(SocketOwner::Nobody),
            Ok(socket) if socket.uid == rustix::process::geteuid().as_raw() => Ok(SocketOwner::Us),
            Ok(_) => Ok(SocketOwner::Another),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(SocketOwner::Nobody),
            Err(error) => Err(error),
        }
    }

    fn is_held(&self, peer: SocketAddr, local: SocketAddr) -> bool {
        match linux::find(peer, local) {
            Ok(socket) => linux::is_held(&socket),
            // A kernel that cannot tell just now ends nothing.
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        }
    }

    fn check(&self) -> io::Result<()> {
        // No socket is bound to port 0, and only a kernel that can look says so.
        let nobody = SocketAddr::from(([127, 0, 0, 1], 0));
        match linux::find(nobody, nobody) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl SocketOwners for SystemSocketOwners {
    fn owner(&self, _peer: SocketAddr, _local: SocketAddr) -> io::Result<SocketOwner> {
        Ok(SocketOwner::Another)
    }

    fn is_held(&self, _peer: SocketAddr, _local: SocketAddr) -> bool {
        true
    }

    fn check(&self) -> io::Result<()> {
        let why = "the local proxy is not available on this system yet";
        Err(io::Error::new(io::ErrorKind::Unsupported, why))
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io;
    use std::net::SocketAddr;

    use netlink_packet_core::{NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
    use netlink_packet_sock_diag::SockDiagMessage;
    use netlink_packet_sock_diag::constants::{AF_INET, IPPROTO_TCP, TCP_LISTEN, TCP_TIME_WAIT};
    use netlink_packet_sock_diag::inet::{
        ExtensionFlags, InetRequest, InetResponseHeader, SocketId, StateFlags,
    };
    use netlink_sys::Socket;
    use netlink_sys::protocols::NETLINK_SOCK_DIAG;

    /// The socket of ours or somebody else's that is bound to `own` and connected to `other`.
    pub(super) fn find(own: SocketAddr, other: SocketAddr) -> io::Result<InetResponseHeader> {
        let socket_id = SocketId {
            source_port: own.port(),
            destination_port: other.port(),
            source_address: own.ip(),
            destination_address: other.ip(),
            cookie: [0xff; 8],
            ..SocketId::new_v4()
        };
        let request = InetRequest {
            family: AF_INET,
            protocol: IPPROTO_TCP,
            extensions: ExtensionFlags::empty(),
            states: StateFlags::all(),
            socket_id: socket_id.clone(),
        };
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST;
        let mut message = NetlinkMessage::new(header, SockDiagMessage::InetRequest(request).into());
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);

        let kernel = Socket::new(NETLINK_SOCK_DIAG)?;
        // The kernel answers within the call that asks.
        kernel.set_non_blocking(true)?;
        kernel.connect(&netlink_sys::SocketAddr::new(0, 0))?;
        kernel.send(&bytes, 0)?;
        let (answer, from) = kernel.recv_from_full()?;
        if from.port_number() != 0 {
            return Err(io::Error::other("somebody else than the kernel answered"));
        }
        let answer = NetlinkMessage::<SockDiagMessage>::deserialize(&answer);
        match answer.map_err(io::Error::other)?.payload {
            NetlinkPayload::InnerMessage(SockDiagMessage::InetResponse(found))
                if is_same(&found.header.socket_id, &socket_id) =>
            {
                Ok(found.header)
            }
            NetlinkPayload::Error(error) => Err(error.to_io()),
            _ => Err(io::Error::other("the kernel's answer cannot be read")),
        }
    }

    /// One that nobody holds any more has no owner, and reads as if it were root's; a listening one
    /// is found when there is no connection.
    pub(super) fn is_held(socket: &InetResponseHeader) -> bool {
        socket.inode != 0 && ![TCP_LISTEN, TCP_TIME_WAIT].contains(&socket.state)
    }

    fn is_same(found: &SocketId, wanted: &SocketId) -> bool {
        let place = |id: &SocketId| {
            (
                id.source_address.to_canonical(),
                id.source_port,
                id.destination_address.to_canonical(),
                id.destination_port,
            )
        };
        place(found) == place(wanted)
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, listener.accept().unwrap().0)
    }

    #[test]
    fn a_connection_of_our_own_is_found_to_be_ours() {
        let (client, server) = pair();
        let peer = server.peer_addr().unwrap();
        let local = server.local_addr().unwrap();
        assert_eq!(
            SystemSocketOwners.owner(peer, local).unwrap(),
            SocketOwner::Us
        );
        drop(client);
        assert_eq!(
            SystemSocketOwners.owner(peer, local).unwrap(),
            SocketOwner::Nobody
        );
    }

    #[test]
    fn a_half_closed_connection_is_held_and_a_closed_one_is_not() {
        let (client, server) = pair();
        let peer = server.peer_addr().unwrap();
        let local = server.local_addr().unwrap();
        assert!(SystemSocketOwners.is_held(peer, local));
        client.shutdown(std::net::Shutdown::Write).unwrap();
        assert!(SystemSocketOwners.is_held(peer, local));
        let copy = client.try_clone().unwrap();
        drop(client);
        assert!(
            SystemSocketOwners.is_held(peer, local),
            "another process may share it"
        );
        drop(copy);
        assert!(!SystemSocketOwners.is_held(peer, local));
        drop(server);
        assert!(!SystemSocketOwners.is_held(peer, local));
    }

    #[test]
    fn owners_can_be_told_here() {
        SystemSocketOwners.check().unwrap();
    }

    #[test]
    fn what_is_no_connection_is_nobodys() {
        let (client, server) = pair();
        let mut other = client.local_addr().unwrap();
        other.set_port(1);
        let owner = SystemSocketOwners.owner(other, server.local_addr().unwrap());
        assert_eq!(owner.unwrap(), SocketOwner::Nobody);
    }
}
