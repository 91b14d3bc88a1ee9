//! Return targets: where a browser was going when it found a resource locked, so that its request page
//! can send it there once access is granted.
//!
//! The page's address carries the proxy's port and an id that nobody can guess; the proxy alone
//! knows the address behind it. So a page can send a browser nowhere else.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::sync::Notify;
use url::Url;

use crate::dial::Destination;

/// The path of a return target, followed by its id.
pub(super) const PATH: &str = "/back/";

/// The most return targets kept; the oldest goes first.
const MAX_TARGETS: usize = 64;

/// The most of them for one destination.
const MAX_PER_DESTINATION: usize = 8;

/// How long after a browser got through by itself it need not be sent there.
const ARRIVED_RECENTLY: Duration = Duration::from_secs(60);

/// Where a browser that comes back goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Redirect {
    /// To where it was going.
    To {
        /// The address.
        url: Url,
        /// The destination in it.
        to: Destination,
    },
    /// Nowhere: the tab that waited is there already.
    Arrived,
}

/// The return targets of one proxy. Pure: time comes in, on the boot clock.
#[derive(Debug, Default)]
pub(super) struct ReturnTargets {
    state: Mutex<Targets>,
    /// A browser no longer waits.
    settled: Notify,
}

#[derive(Debug, Default)]
struct Targets {
    by_id: HashMap<String, Target>,
    made: u64,
}

#[derive(Debug)]
struct Target {
    url: Url,
    to: Destination,
    /// Its place in the order of making.
    made: u64,
    /// How many connections of a browser wait for it.
    waiting: usize,
    /// When a browser last got through by itself.
    arrived: Option<Duration>,
}

impl ReturnTargets {
    /// Adds an address with the destination in it, and returns its id.
    pub(super) fn add(&self, url: Url, to: Destination) -> String {
        let mut state = self.state();
        state.made += 1;
        let made = state.made;
        let known = state.by_id.iter_mut().find(|(_, target)| target.url == url);
        if let Some((id, target)) = known {
            target.made = made;
            return id.clone();
        }
        // A page may ask for many addresses of one destination: they push out each other.
        let same = state
            .by_id
            .values()
            .filter(|target| target.to == to)
            .count();
        let full = same >= MAX_PER_DESTINATION || state.by_id.len() >= MAX_TARGETS;
        let goes = |target: &&Target| full && (same < MAX_PER_DESTINATION || target.to == to);
        let oldest = state
            .by_id
            .iter()
            .filter(|(_, target)| goes(target))
            .min_by_key(|(_, target)| target.made);
        if let Some(oldest) = oldest.map(|(id, _)| id.clone()) {
            state.by_id.remove(&oldest);
        }
        let id = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>());
        let target = Target {
            url,
            to,
            made,
            waiting: 0,
            arrived: None,
        };
        state.by_id.insert(id.clone(), target);
        id
    }

    /// A browser's connection waits, until what is returned is dropped.
    pub(super) fn wait<'a>(&'a self, id: &'a str) -> WaitingBrowser<'a> {
        if let Some(target) = self.state().by_id.get_mut(id) {
            target.waiting += 1;
        }
        WaitingBrowser {
            targets: self,
            id,
            arrived: None,
        }
    }

    /// Waits until none of a browser's connections waits.
    pub(super) async fn settled(&self, id: &str) {
        loop {
            let settled = self.settled.notified();
            let waits = |target: &Target| target.waiting > 0;
            if !self.state().by_id.get(id).is_some_and(waits) {
                return;
            }
            settled.await;
        }
    }

    /// Returns where a browser that comes back goes; `None` for an unknown id.
    pub(super) fn resolve(&self, id: &str, now: Duration) -> Option<Redirect> {
        let state = self.state();
        let target = state.by_id.get(id)?;
        let already = target.arrived.is_some_and(|at| now < at + ARRIVED_RECENTLY);
        Some(if already {
            Redirect::Arrived
        } else {
            Redirect::To {
                url: target.url.clone(),
                to: target.to.clone(),
            }
        })
    }

    fn state(&self) -> MutexGuard<'_, Targets> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A browser's connection that waits.
#[derive(Debug)]
pub(super) struct WaitingBrowser<'a> {
    targets: &'a ReturnTargets,
    id: &'a str,
    arrived: Option<Duration>,
}

impl WaitingBrowser<'_> {
    /// It got through by itself.
    pub(super) fn arrived(mut self, now: Duration) {
        self.arrived = Some(now);
    }
}

impl Drop for WaitingBrowser<'_> {
    fn drop(&mut self) {
        if let Some(target) = self.targets.state().by_id.get_mut(self.id) {
            target.waiting = target.waiting.saturating_sub(1);
            // Of several connections, the one that got through counts.
            target.arrived = self.arrived.or(target.arrived);
        }
        self.targets.settled.notify_waiters();
    }
}

/// Where a browser that asks for a tunnel is going, as far as that can be told: `https`, with the
/// path hidden.
pub(super) fn https_address(to: &Destination) -> Option<Url> {
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

    fn there(name: &str) -> Option<Redirect> {
        let (url, to) = (url(name), to(name));
        Some(Redirect::To { url, to })
    }

    fn made(targets: &ReturnTargets, name: &str) -> String {
        targets.add(url(name), to(name))
    }

    #[test]
    fn a_return_target_leads_to_its_address_and_nothing_else_does() {
        let targets = ReturnTargets::default();
        let now = Duration::from_secs(1_000);
        let (wiki, logs) = (made(&targets, "wiki"), made(&targets, "logs"));
        assert_ne!(wiki, logs);
        assert_eq!(made(&targets, "wiki"), wiki, "parallel attempts are one");
        assert_eq!(targets.resolve(&wiki, now), there("wiki"));
        assert_eq!(targets.resolve(&logs, now), there("logs"));
        for unknown in ["", "x", &wiki[1..]] {
            assert_eq!(targets.resolve(unknown, now), None);
        }
    }

    #[test]
    fn whoever_got_through_is_not_sent_there_again() {
        let targets = ReturnTargets::default();
        let now = Duration::from_secs(1_000);
        let id = made(&targets, "wiki");
        targets.wait(&id).arrived(now);
        assert_eq!(targets.resolve(&id, now), Some(Redirect::Arrived));
        let later = now + ARRIVED_RECENTLY;
        assert_eq!(targets.resolve(&id, later), there("wiki"));
        drop(targets.wait(&id));
        assert_eq!(
            targets.resolve(&id, now),
            Some(Redirect::Arrived),
            "another one did"
        );
    }

    #[test]
    fn the_oldest_is_forgotten() {
        let targets = ReturnTargets::default();
        let (first, second) = (made(&targets, "first"), made(&targets, "second"));
        made(&targets, "first");
        for number in 1..MAX_TARGETS {
            made(&targets, &format!("n{number}"));
        }
        assert!(targets.resolve(&first, Duration::ZERO).is_some());
        assert!(targets.resolve(&second, Duration::ZERO).is_none());
    }

    #[test]
    fn a_page_that_asks_for_many_addresses_pushes_out_only_its_own() {
        let targets = ReturnTargets::default();
        let first = made(&targets, "first");
        for number in 0..MAX_TARGETS {
            let url = format!("http://evil.corp/{number}").parse().unwrap();
            targets.add(url, to("evil"));
        }
        assert!(targets.resolve(&first, Duration::ZERO).is_some());
    }
}
