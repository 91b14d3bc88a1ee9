//! A loopback port for this person's own programs alone.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::mem::MaybeUninit;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::caller::Caller;
use super::socket_owner::{SocketOwner, SocketOwners};

/// The most silent connections at one port. When there are more, those that have been silent for
/// [`SILENT_GRACE`] are closed, the oldest first, so that they keep no other program waiting.
const MAX_SILENT: usize = 256;
/// How long a new connection may be silent: what it sent may not have been read yet.
const SILENT_GRACE: Duration = Duration::from_secs(1);
/// Delay after a failure to accept (too many open files).
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

/// A port that is listened on, with its connections: all end when this is dropped.
#[derive(Debug)]
pub(super) struct Listening {
    pub(super) port: u16,
    task: JoinHandle<()>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Listens on `port` of 127.0.0.1 (0 for any free one), and hands each connection of our own user
/// to `serve`, with a slot to be dropped once it is known what the connection asks.
///
/// # Errors
/// When the port is taken, or when this system cannot identify the owners of connections.
pub(super) async fn listen<F, S>(
    port: u16,
    owners: Arc<dyn SocketOwners>,
    serve: S,
) -> io::Result<Listening>
where
    F: Future<Output = ()> + Send + 'static,
    S: Fn(Caller, SilentSlot) -> F + Clone + Send + Sync + 'static,
{
    owners.check()?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let port = listener.local_addr()?.port();
    let task = tokio::spawn(async move {
        let silent = Silent::default();
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        // At once: of one that is closed already nobody can tell whose it was.
                        if !is_ours(&stream, port, &*owners) {
                            continue;
                        }
                        let (owners, serve) = (Arc::clone(&owners), serve.clone());
                        let silent = silent.clone();
                        connections.spawn(async move {
                            let (slot, evicted) = silent.take();
                            let caller = Caller::new(stream, owners);
                            let unread = caller.unread();
                            let serving = serve(caller, slot);
                            tokio::pin!(serving);
                            tokio::select! {
                                () = &mut serving => {}
                                () = evicted.cancelled() => {
                                    if unread.is_there() {
                                        serving.await;
                                    } else {
                                        tracing::info!(
                                            local.port = port,
                                            "closed a local connection that had said nothing, \
                                             since too many do"
                                        );
                                    }
                                }
                            }
                        });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept a local connection");
                        tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
                    }
                },
                Some(_) = connections.join_next() => {}
            }
        }
    });
    Ok(Listening { port, task })
}

/// The silent connections.
#[derive(Clone, Debug, Default)]
struct Silent(Arc<Mutex<Slots>>);

#[derive(Debug, Default)]
struct Slots {
    /// Oldest first.
    by_number: BTreeMap<u64, Slot>,
    last: u64,
}

#[derive(Debug)]
struct Slot {
    since: Instant,
    evicted: CancellationToken,
}

impl Silent {
    /// A slot for one more connection, and what ends it while it holds the slot: a newer one that
    /// needs the place.
    fn take(&self) -> (SilentSlot, CancellationToken) {
        let mut slots = self.slots();
        slots.last += 1;
        let (number, evicted) = (slots.last, CancellationToken::new());
        let slot = Slot {
            since: Instant::now(),
            evicted: evicted.clone(),
        };
        slots.by_number.insert(number, slot);
        while slots.by_number.len() > MAX_SILENT
            && let Some(oldest) = slots.by_number.first_entry()
            && oldest.get().since.elapsed() >= SILENT_GRACE
        {
            oldest.remove().evicted.cancel();
        }
        let silent = self.clone();
        (SilentSlot { silent, number }, evicted)
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One silent connection's slot: dropped once its request is known.
#[derive(Debug)]
pub(super) struct SilentSlot {
    silent: Silent,
    number: u64,
}

impl Drop for SilentSlot {
    fn drop(&mut self) {
        self.silent.slots().by_number.remove(&self.number);
    }
}

fn is_ours(stream: &TcpStream, port: u16, owners: &dyn SocketOwners) -> bool {
    let (Ok(peer), Ok(local)) = (stream.peer_addr(), stream.local_addr()) else {
        return false;
    };
    match owners.owner(peer, local) {
        Ok(SocketOwner::Us) => stream.set_nodelay(true).is_ok(),
        Ok(SocketOwner::Nobody) => {
            if SockRef::from(stream)
                .peek(&mut [MaybeUninit::uninit()])
                .is_ok_and(|it| it > 0)
            {
                tracing::warn!(
                    local.port = port,
                    peer.port = peer.port(),
                    "refused a local connection that was closed before it was known whose it was: \
                     what it sent goes nowhere; have the program wait before it closes"
                );
            }
            false
        }
        Ok(SocketOwner::Another) => {
            tracing::warn!(
                local.port = port,
                peer.port = peer.port(),
                "refused a local connection that belongs to another user of this computer"
            );
            false
        }
        Err(error) => {
            tracing::warn!(
                local.port = port,
                peer.port = peer.port(),
                %error,
                "refused a local connection whose owner cannot be determined"
            );
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// What is found out about each connection.
    struct Found(Option<SocketOwner>);

    impl SocketOwners for Found {
        fn owner(&self, _peer: SocketAddr, _local: SocketAddr) -> io::Result<SocketOwner> {
            self.0.ok_or_else(|| io::Error::other("unknown"))
        }

        fn is_held(&self, _peer: SocketAddr, _local: SocketAddr) -> bool {
            true
        }

        fn check(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn only_our_own_connections_are_served() {
        for (found, served) in [
            (Some(SocketOwner::Us), "served"),
            (Some(SocketOwner::Another), ""),
            (Some(SocketOwner::Nobody), ""),
            (None, ""),
        ] {
            let serve = |mut caller: Caller, _slot| async move {
                caller.write_all(b"served").await.unwrap();
                caller.settle();
            };
            let listening = listen(0, Arc::new(Found(found)), serve).await.unwrap();
            let address = (Ipv4Addr::LOCALHOST, listening.port);
            let mut client = TcpStream::connect(address).await.unwrap();
            let mut heard = String::new();
            client.read_to_string(&mut heard).await.unwrap();
            assert_eq!(heard, served, "{found:?}");
        }
    }

    #[tokio::test]
    async fn everything_ends_with_the_listener() {
        let serve = |caller: Caller, _slot| async move {
            std::future::pending::<()>().await;
            drop(caller);
        };
        let listening = listen(0, Arc::new(Found(Some(SocketOwner::Us))), serve)
            .await
            .unwrap();
        let address = (Ipv4Addr::LOCALHOST, listening.port);
        let mut client = TcpStream::connect(address).await.unwrap();
        tokio::task::yield_now().await;
        drop(listening);
        // An end or a reset, whichever comes first.
        assert!(matches!(client.read(&mut [0]).await, Ok(0) | Err(_)));
    }

    #[tokio::test]
    async fn silent_connections_hold_nobody_up() {
        let serve = |mut caller: Caller, slot| async move {
            let mut said = [0];
            if caller.read_exact(&mut said).await.is_ok() {
                drop(slot);
                caller.write_all(b"served").await.unwrap();
                caller.settle();
            }
        };
        let listening = listen(0, Arc::new(Found(Some(SocketOwner::Us))), serve)
            .await
            .unwrap();
        let address = (Ipv4Addr::LOCALHOST, listening.port);
        let connect = async || TcpStream::connect(address).await.unwrap();
        let served = async |mut client: TcpStream| {
            client.write_all(b"x").await.unwrap();
            let mut heard = String::new();
            client.read_to_string(&mut heard).await.unwrap();
            assert_eq!(heard, "served");
        };
        let mut silent = Vec::new();
        for _ in 0..MAX_SILENT + 50 {
            silent.push(connect().await);
        }
        // None has been silent for long.
        served(silent.remove(0)).await;
        // In time the oldest has to go, once there is a newer one.
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            served(connect().await).await;
            let oldest = silent[0].try_read(&mut [0]);
            if !matches!(&oldest, Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
                break;
            }
            assert!(Instant::now() < deadline, "the oldest one stays");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // The newest still waits.
        served(silent.remove(silent.len() - 1)).await;
    }
}
