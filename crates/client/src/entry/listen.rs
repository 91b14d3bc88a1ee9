//! A loopback port for this person's own programs alone.

use std::future::Future;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinHandle, JoinSet};

use super::peer::Peers;

/// How many connections may be waiting for what they ask, at one port.
const WAITING: usize = 256;
/// After a failure to accept (too many open files), the next try comes this much later.
const RECOVER: Duration = Duration::from_millis(100);

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
/// to `serve`, with a permit to be dropped once it is known what the connection asks.
///
/// # Errors
/// When the port is taken, or when it cannot be told here whose connections are.
pub(super) async fn listen<F, S>(
    port: u16,
    peers: Arc<dyn Peers>,
    serve: S,
) -> io::Result<Listening>
where
    F: Future<Output = ()> + Send + 'static,
    S: Fn(TcpStream, OwnedSemaphorePermit) -> F + Clone + Send + Sync + 'static,
{
    peers.check()?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let port = listener.local_addr()?.port();
    let task = tokio::spawn(async move {
        let waiting = Arc::new(Semaphore::new(WAITING));
        let mut connections = JoinSet::new();
        loop {
            // Closed by nobody.
            let Ok(permit) = Arc::clone(&waiting).acquire_owned().await else {
                return;
            };
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        let (peers, serve) = (Arc::clone(&peers), serve.clone());
                        connections.spawn(async move {
                            if is_ours(&stream, &*peers) {
                                serve(stream, permit).await;
                            }
                        });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "A local connection could not be accepted.");
                        tokio::time::sleep(RECOVER).await;
                    }
                },
                Some(_) = connections.join_next() => {}
            }
        }
    });
    Ok(Listening { port, task })
}

fn is_ours(stream: &TcpStream, peers: &dyn Peers) -> bool {
    let (Ok(peer), Ok(local)) = (stream.peer_addr(), stream.local_addr()) else {
        return false;
    };
    match peers.is_ours(peer, local) {
        Ok(true) => stream.set_nodelay(true).is_ok(),
        Ok(false) => {
            tracing::warn!("A connection of another user of this machine was refused.");
            false
        }
        Err(error) => {
            tracing::warn!(%error, "A local connection was refused: whose it is cannot be told.");
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
    struct Found(Option<bool>);

    impl Peers for Found {
        fn is_ours(&self, _peer: SocketAddr, _local: SocketAddr) -> io::Result<bool> {
            self.0.ok_or_else(|| io::Error::other("unknown"))
        }

        fn check(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn only_our_own_connections_are_served() {
        for (found, served) in [(Some(true), "served"), (Some(false), ""), (None, "")] {
            let serve = |mut stream: TcpStream, _waiting| async move {
                stream.write_all(b"served").await.unwrap();
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
        let serve = |stream: TcpStream, _waiting| async move {
            std::future::pending::<()>().await;
            drop(stream);
        };
        let listening = listen(0, Arc::new(Found(Some(true))), serve).await.unwrap();
        let address = (Ipv4Addr::LOCALHOST, listening.port);
        let mut client = TcpStream::connect(address).await.unwrap();
        tokio::task::yield_now().await;
        drop(listening);
        // An end or a reset, whichever comes first.
        assert!(matches!(client.read(&mut [0]).await, Ok(0) | Err(_)));
    }
}
