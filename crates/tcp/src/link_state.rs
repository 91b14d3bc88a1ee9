//! Whether a connection is lost, and why.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};

use futures_util::task::AtomicWaker;

/// Why a connection ended although neither side closed it. It lies inside the [`io::Error`] of
/// every later call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The other side leaves everything unanswered.
    #[error("the other side does not answer any more")]
    Silent,
    /// The address that the connection was made from is no longer this machine's.
    #[error("the network has changed")]
    Network,
}

impl LinkError {
    /// Returns the link error inside of an I/O error, if there is one.
    #[must_use]
    pub fn of(error: &io::Error) -> Option<Self> {
        if let Some(lost) = error.get_ref().and_then(|it| it.downcast_ref::<Self>()) {
            return Some(*lost);
        }
        // What the kernel says when keepalive goes unanswered (tcp(7)).
        let silent = [
            io::ErrorKind::TimedOut,
            io::ErrorKind::HostUnreachable,
            io::ErrorKind::NetworkUnreachable,
        ];
        (error.raw_os_error().is_some() && silent.contains(&error.kind())).then_some(Self::Silent)
    }

    pub(crate) fn error(self) -> io::Error {
        let kind = match self {
            Self::Silent => io::ErrorKind::TimedOut,
            Self::Network => io::ErrorKind::NetworkDown,
        };
        io::Error::new(kind, self)
    }
}

/// State of a link: whether it is lost, and the tasks that wait for it.
#[derive(Debug)]
pub(crate) struct LinkState {
    pub(crate) local: SocketAddr,
    pub(crate) peer: SocketAddr,
    lost: AtomicU8,
    pub(crate) reader: AtomicWaker,
    pub(crate) writer: AtomicWaker,
}

impl LinkState {
    pub(crate) fn new(local: SocketAddr, peer: SocketAddr) -> Self {
        Self {
            local,
            peer,
            lost: AtomicU8::new(0),
            reader: AtomicWaker::new(),
            writer: AtomicWaker::new(),
        }
    }

    pub(crate) fn lost(&self) -> Option<LinkError> {
        match self.lost.load(SeqCst) {
            0 => None,
            1 => Some(LinkError::Silent),
            _ => Some(LinkError::Network),
        }
    }

    /// Ends the connection.
    pub(crate) fn lose(&self, lost: LinkError) {
        let code = match lost {
            LinkError::Silent => 1,
            LinkError::Network => 2,
        };
        self.lost.store(code, SeqCst);
        self.reader.wake();
        self.writer.wake();
    }
}
