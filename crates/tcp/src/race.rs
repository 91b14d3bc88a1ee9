//! Happy Eyeballs (RFC 8305): several addresses are tried so that a silent one costs a quarter of a
//! second, not the whole time limit.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::net::TcpStream;

/// How long one attempt runs alone before the next begins beside it (RFC 8305, 5).
pub const CONNECTION_ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Orders addresses so that the families alternate, beginning with the first one's
/// (RFC 8305, 4). Within a family the order stays.
pub fn interleave<A>(addresses: Vec<A>, is_ipv6: impl Fn(&A) -> bool) -> Vec<A> {
    let first = addresses.first().is_some_and(&is_ipv6);
    let (one, other): (Vec<A>, Vec<A>) = addresses.into_iter().partition(|it| is_ipv6(it) == first);
    let (mut one, mut other) = (one.into_iter(), other.into_iter());
    let mut ordered = Vec::with_capacity(one.len() + other.len());
    while one.len() + other.len() > 0 {
        ordered.extend(one.next());
        ordered.extend(other.next());
    }
    ordered
}

/// Runs `attempt` on the candidates in turn, the next one at once when one fails and beside it
/// after [`CONNECTION_ATTEMPT_DELAY`]. Returns the first success and drops the attempts that still
/// run.
///
/// # Errors
/// What each candidate failed of, in the order of their failures; empty without candidates.
pub async fn race<A, F, T, E>(
    candidates: impl IntoIterator<Item = A>,
    attempt: impl Fn(A) -> F,
) -> Result<T, Vec<E>>
where
    F: Future<Output = Result<T, E>>,
{
    let mut untried = candidates.into_iter().peekable();
    let (mut running, mut failed) = (FuturesUnordered::new(), Vec::new());
    loop {
        match untried.next() {
            Some(candidate) => running.push(attempt(candidate)),
            None if running.is_empty() => return Err(failed),
            None => {}
        }
        let is_last = untried.peek().is_none();
        tokio::select! {
            Some(done) = running.next() => match done {
                Ok(connected) => return Ok(connected),
                Err(error) => failed.push(error),
            },
            () = tokio::time::sleep(CONNECTION_ATTEMPT_DELAY), if !is_last => {}
        }
    }
}

/// Connects to the first of `addresses` that accepts; the families alternate.
///
/// # Errors
/// What the last one failed of.
pub async fn connect(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let connected = race(
        interleave(addresses, SocketAddr::is_ipv6),
        TcpStream::connect,
    );
    connected.await.map_err(|mut failed| {
        let none = || io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        failed.pop().unwrap_or_else(none)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::net::TcpListener;

    use tokio::time::Instant;

    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    /// A candidate: how long it takes, and whether it succeeds.
    type Candidate = (u64, bool);

    /// Runs a race; returns its result, how long it took and when each attempt began, in
    /// milliseconds.
    async fn run(candidates: &[Candidate]) -> (Result<u64, Vec<u64>>, u128, Vec<u128>) {
        let start = Instant::now();
        let begun = RefCell::new(Vec::new());
        let attempt = |(takes, succeeds): Candidate| {
            begun.borrow_mut().push(start.elapsed().as_millis());
            async move {
                tokio::time::sleep(MILLISECOND * u32::try_from(takes).unwrap()).await;
                if succeeds { Ok(takes) } else { Err(takes) }
            }
        };
        let result = race(candidates.to_vec(), attempt).await;
        let took = start.elapsed().as_millis();
        (result, took, begun.into_inner())
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_address_costs_one_delay() {
        let silent = (60_000, false);
        let (result, took, begun) = run(&[silent, silent, (10, true), silent]).await;
        assert_eq!(result, Ok(10));
        assert_eq!((took, begun), (510, vec![0, 250, 500]));
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_failure_the_next_begins_at_once() {
        let (result, took, begun) = run(&[(5, false), (5, false), (300, true), (1, true)]).await;
        assert_eq!(result, Ok(1));
        assert_eq!((took, begun), (261, vec![0, 5, 10, 260]));
    }

    #[tokio::test(start_paused = true)]
    async fn an_earlier_attempt_may_still_win() {
        let (result, took, begun) = run(&[(400, true), (60_000, true)]).await;
        assert_eq!(result, Ok(400));
        assert_eq!((took, begun), (400, vec![0, 250]));
    }

    #[tokio::test(start_paused = true)]
    async fn all_failures_are_handed_back() {
        let (result, took, _) = run(&[(400, false), (10, false)]).await;
        assert_eq!((result, took), (Err(vec![10, 400]), 400));
        assert_eq!(run(&[]).await.0, Err(Vec::new()));
    }

    #[tokio::test(start_paused = true)]
    async fn losers_are_dropped_with_the_race() {
        struct Held<'a>(&'a Cell<u32>);
        impl Drop for Held<'_> {
            fn drop(&mut self) {
                self.0.set(self.0.get() - 1);
            }
        }
        let held = Cell::new(0);
        let attempt = |takes: u32| {
            held.set(held.get() + 1);
            let place = Held(&held);
            async move {
                tokio::time::sleep(MILLISECOND * takes).await;
                Ok::<_, ()>(place)
            }
        };
        let won = race([60_000, 60_000, 5], attempt).await;
        assert_eq!(held.get(), 1);
        drop(won);
        assert_eq!(held.get(), 0);
    }

    #[test]
    fn families_alternate_from_the_first() {
        let ordered = |addresses: Vec<&'static str>| interleave(addresses, |it| it.contains(':'));
        assert_eq!(
            ordered(vec!["::1", "::2", "::3", "10.1", "10.2"]),
            ["::1", "10.1", "::2", "10.2", "::3"]
        );
        assert_eq!(ordered(vec!["10.1", "::1"]), ["10.1", "::1"]);
        assert!(ordered(vec![]).is_empty());
    }

    #[tokio::test]
    async fn a_refused_address_is_passed_over() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let good = listener.local_addr().unwrap();
        let refused = SocketAddr::from(([127, 0, 0, 1], 1));
        let connected = connect(vec![refused, good]).await.unwrap();
        assert_eq!(connected.peer_addr().unwrap(), good);
        let error = connect(vec![refused]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }
}
