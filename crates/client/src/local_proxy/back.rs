//! Where a browser was going when it found a resource locked, so that its request page can send it
//! there once access was given.
//!
//! The page's address carries the proxy's port and an id that nobody can guess; what stands behind
//! it, the proxy alone knows. So a page can send a browser nowhere else.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::sync::Notify;
use url::Url;

use crate::dial::Destination;

/// The path of the way back, followed by its id.
pub(super) const PATH: &str = "/back/";

/// The ways that are kept: the oldest goes first.
const KEPT: usize = 64;

/// Of those, so many for one destination.
const KEPT_OF_ONE: usize = 8;

/// For so long after a browser got through by itself, it need not be sent there.
const JUST_NOW: Duration = Duration::from_secs(60);

/// Where a browser that comes back goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Follow {
    /// To where it was going.
    There {
        /// The address.
        url: Url,
        /// The destination in it.
        to: Destination,
    },
    /// Nowhere: the tab that waited is there already.
    Already,
}

/// The ways back. Pure: time comes in, on the boot clock.
#[derive(Debug, Default)]
pub(super) struct Backs {
    state: Mutex<State>,
    /// A browser no longer waits.
    settled: Notify,
}

#[derive(Debug, Default)]
struct State {
    by_id: HashMap<String, Back>,
    made: u64,
}

#[derive(Debug)]
struct Back {
    url: Url,
    to: Destination,
    /// Its place in the order of making.
    made: u64,
    /// How many connections of a browser wait for it.
    waiting: usize,
    /// When a browser last got through by itself.
    through: Option<Duration>,
}

impl Backs {
    /// The id of the way back to this address, with the destination in it.
    pub(super) fn to(&self, url: Url, to: Destination) -> String {
        let mut state = self.state();
        state.made += 1;
        let made = state.made;
        let known = state.by_id.iter_mut().find(|(_, back)| back.url == url);
        if let Some((id, back)) = known {
            back.made = made;
            return id.clone();
        }
        // A page may ask for many addresses of one destination: they push out each other.
        let same = state.by_id.values().filter(|back| back.to == to).count();
        let full = same >= KEPT_OF_ONE || state.by_id.len() >= KEPT;
        let goes = |back: &&Back| full && (same < KEPT_OF_ONE || back.to == to);
        let oldest = state
            .by_id
            .iter()
            .filter(|(_, back)| goes(back))
            .min_by_key(|(_, back)| back.made);
        if let Some(oldest) = oldest.map(|(id, _)| id.clone()) {
            state.by_id.remove(&oldest);
        }
        let id = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>());
        let back = Back {
            url,
            to,
            made,
            waiting: 0,
            through: None,
        };
        state.by_id.insert(id.clone(), back);
        id
    }

    /// A browser's connection waits, until what is returned is dropped.
    pub(super) fn wait<'a>(&'a self, id: &'a str) -> Waiting<'a> {
        if let Some(back) = self.state().by_id.get_mut(id) {
            back.waiting += 1;
        }
        Waiting {
            backs: self,
            id,
            through: None,
        }
    }

    /// Waits until none of a browser's connections waits.
    pub(super) async fn settled(&self, id: &str) {
        loop {
            let settled = self.settled.notified();
            let waits = |back: &Back| back.waiting > 0;
            if !self.state().by_id.get(id).is_some_and(waits) {
                return;
            }
            settled.await;
        }
    }

    /// Where a browser that comes back goes; `None` for an id that is unknown.
    pub(super) fn follow(&self, id: &str, now: Duration) -> Option<Follow> {
        let state = self.state();
        let back = state.by_id.get(id)?;
        let already = back.through.is_some_and(|at| now < at + JUST_NOW);
        Some(if already {
            Follow::Already
        } else {
            Follow::There {
                url: back.url.clone(),
                to: back.to.clone(),
            }
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A browser's connection that waits.
#[derive(Debug)]
pub(super) struct Waiting<'a> {
    backs: &'a Backs,
    id: &'a str,
    through: Option<Duration>,
}

impl Waiting<'_> {
    /// It got through by itself.
    pub(super) fn through(mut self, now: Duration) {
        self.through = Some(now);
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(back) = self.backs.state().by_id.get_mut(self.id) {
            back.waiting = back.waiting.saturating_sub(1);
            // Of several connections, the one that got through counts.
            back.through = self.through.or(back.through);
        }
        self.backs.settled.notify_waiters();
    }
}

/// Where a browser that asks for a tunnel is going, as far as that can be told: `https`, with the
/// path hidden.
pub(super) fn tunnelled(to: &Destination) -> Option<Url> {
    format!("https://{to}/").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(name: &str) -> Url {
        format!("http://{name}.corp/a?b=c").parse().unwrap()
    }

    fn to(name: &str) -> Destination {
        format!("{name}.corp:80").parse().unwrap()
    }

    fn there(name: &str) -> Option<Follow> {
        let (url, to) = (url(name), to(name));
        Some(Follow::There { url, to })
    }

    fn made(backs: &Backs, name: &str) -> String {
        backs.to(url(name), to(name))
    }

    #[test]
    fn a_way_back_leads_to_its_address_and_nothing_else_does() {
        let backs = Backs::default();
        let now = Duration::from_secs(1_000);
        let (wiki, logs) = (made(&backs, "wiki"), made(&backs, "logs"));
        assert_ne!(wiki, logs);
        assert_eq!(made(&backs, "wiki"), wiki, "parallel attempts are one");
        assert_eq!(backs.follow(&wiki, now), there("wiki"));
        assert_eq!(backs.follow(&logs, now), there("logs"));
        for unknown in ["", "x", &wiki[1..]] {
            assert_eq!(backs.follow(unknown, now), None);
        }
    }

    #[test]
    fn whoever_got_through_is_not_sent_there_again() {
        let backs = Backs::default();
        let now = Duration::from_secs(1_000);
        let id = made(&backs, "wiki");
        backs.wait(&id).through(now);
        assert_eq!(backs.follow(&id, now), Some(Follow::Already));
        let later = now + JUST_NOW;
        assert_eq!(backs.follow(&id, later), there("wiki"));
        drop(backs.wait(&id));
        assert_eq!(
            backs.follow(&id, now),
            Some(Follow::Already),
            "another one did"
        );
    }

    #[test]
    fn the_oldest_is_forgotten() {
        let backs = Backs::default();
        let (first, second) = (made(&backs, "first"), made(&backs, "second"));
        made(&backs, "first");
        for number in 1..KEPT {
            made(&backs, &format!("n{number}"));
        }
        assert!(backs.follow(&first, Duration::ZERO).is_some());
        assert!(backs.follow(&second, Duration::ZERO).is_none());
    }

    #[test]
    fn a_page_that_asks_for_many_addresses_pushes_out_only_its_own() {
        let backs = Backs::default();
        let first = made(&backs, "first");
        for number in 0..KEPT {
            let url = format!("http://evil.corp/{number}").parse().unwrap();
            backs.to(url, to("evil"));
        }
        assert!(backs.follow(&first, Duration::ZERO).is_some());
    }
}
