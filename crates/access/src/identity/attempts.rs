//! Limits on attempts to sign in: per login and per client address, in memory, bounded.
//!
//! A few attempts are free; after them each failure doubles the wait. A login waits a minute at
//! most, and from an address where it signed in before it is counted by itself, so that strangers'
//! attempts elsewhere never lock its owner out; an address waits up to a quarter of an hour. A
//! browser in which the login signed in before is counted by itself in both respects, so that
//! strangers behind the same address lock nobody out there.
//! Attempts are counted when they are admitted, so that many at once are no way around the limit;
//! a success takes its own attempt back and clears the login.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use chrono::TimeDelta;
use hourkey_domain::Time;
use hourkey_domain::ids::UserId;
use hourkey_store::account::Digest;

/// A limit: so many are free, then each failure doubles the wait up to the longest.
#[derive(Clone, Copy, Debug)]
struct Limit {
    free: u32,
    longest: TimeDelta,
}

const LOGIN: Limit = Limit {
    free: 5,
    longest: TimeDelta::minutes(1),
};
const ADDRESS: Limit = Limit {
    free: 20,
    longest: TimeDelta::minutes(15),
};

/// A code is one of a million, and three are good at a time: whoever has somebody's password guesses a
/// hundred times a day. Strangers without it never get here, so that nobody is locked out by them.
const SECOND_FACTOR: Limit = Limit {
    free: 5,
    longest: TimeDelta::minutes(15),
};

/// Failures are forgotten after this much time without another one.
const MEMORY: TimeDelta = TimeDelta::hours(1);
/// The most keys remembered. When full, those tried least recently are dropped.
const MOST_KEYS: usize = 10_000;

/// What is limited.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Login(String),
    /// A login from an address where it signed in before.
    Home(String, IpAddr),
    /// A login in a browser where it signed in before.
    Browser(String, Digest),
    /// See [`network`].
    Address(IpAddr),
    /// Codes of the device flow that were asked for from an address: they do not get into the way of
    /// passwords.
    NewCodes(IpAddr),
    /// Codes of the device flow that a signed-in person typed.
    TypedCodes(UserId),
    /// Codes of a second factor, whose password was shown already; in a browser where its person signed in
    /// before they are counted by themselves.
    SecondFactor(UserId, Option<Digest>),
}

#[derive(Clone, Copy, Debug)]
struct Count {
    attempts: u32,
    /// When the latest attempt was admitted.
    latest: Time,
    /// True once somebody was refused since then.
    refused: bool,
}

/// Counts attempts to sign in.
#[derive(Debug, Default)]
pub struct Attempts {
    counts: Mutex<HashMap<Key, Count>>,
}

/// Come back later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// After this long.
    pub left: TimeDelta,
    /// True for the first refusal in a row: the one that is worth a line in the log.
    pub first: bool,
}

/// In words, rounded up: `40 seconds`, `2 minutes`.
impl std::fmt::Display for Wait {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = self.seconds();
        let (count, unit) = if seconds <= 60 {
            (seconds, "second")
        } else {
            (seconds.div_ceil(60), "minute")
        };
        let plural = if count == 1 { "" } else { "s" };
        write!(f, "{count} {unit}{plural}")
    }
}

impl Wait {
    /// In whole seconds, for `Retry-After` (RFC 9110, 10.2.3).
    #[must_use]
    pub fn seconds(&self) -> u64 {
        let seconds = (self.left.num_milliseconds() + 999) / 1000;
        seconds.max(1).unsigned_abs()
    }
}

/// From where somebody tries to sign in.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    /// The client's address.
    pub address: IpAddr,
    /// The browser, if the login signed in there before.
    pub browser: Option<Digest>,
}

impl Attempts {
    /// Admits an attempt and counts it as failed until [`Attempts::succeeded`] takes it back.
    ///
    /// # Errors
    /// [`Wait`] when it comes too early; it is not counted then.
    pub fn admit(&self, login: &str, origin: Origin, now: Time) -> Result<(), Wait> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(browser) = origin.browser {
            let browser = Key::Browser(canonical(login), browser);
            return admit(&mut counts, &[(browser, LOGIN)], now);
        }
        let from = origin.address;
        let home = Key::home(login, from);
        let login = if counts.contains_key(&home) {
            home
        } else {
            Key::login(login)
        };
        let address = Key::Address(network(from));
        admit(&mut counts, &[(login, LOGIN), (address, ADDRESS)], now)
    }

    /// Admits the making of a code of the device flow.
    ///
    /// # Errors
    /// [`Wait`] when it comes too early; it is not counted then.
    pub fn admit_new_code(&self, from: IpAddr, now: Time) -> Result<(), Wait> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let key = Key::NewCodes(network(from));
        admit(&mut counts, &[(key, ADDRESS)], now)
    }

    /// Admits the typing of a code of the device flow.
    ///
    /// # Errors
    /// [`Wait`] when it comes too early; it is not counted then.
    pub fn admit_typed_code(&self, user: UserId, now: Time) -> Result<(), Wait> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        admit(&mut counts, &[(Key::TypedCodes(user), ADDRESS)], now)
    }

    /// Admits the typing of a code of a second factor. `browser` is the browser, if its person signed in
    /// there before.
    ///
    /// # Errors
    /// [`Wait`] when it comes too early; it is not counted then.
    pub fn admit_second_factor(
        &self,
        user: UserId,
        browser: Option<Digest>,
        now: Time,
    ) -> Result<(), Wait> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let key = Key::SecondFactor(user, browser);
        admit(&mut counts, &[(key, SECOND_FACTOR)], now)
    }

    /// Notes that an attempt admitted by [`Attempts::admit_second_factor`] was a success.
    pub fn succeeded_second_factor(&self, user: UserId, browser: Option<Digest>) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.remove(&Key::SecondFactor(user, browser));
    }

    /// Notes that the attempt was a success: the login starts afresh, the address gets back the
    /// one attempt. (Not more: else an attacker's own account would clear their address.)
    pub fn succeeded(&self, login: &str, origin: Origin, now: Time) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let from = origin.address;
        let home = Key::home(login, from);
        if let Some(browser) = origin.browser {
            counts.remove(&Key::Browser(canonical(login), browser));
        } else {
            // What strangers tried elsewhere still counts against them.
            if !counts.contains_key(&home) {
                counts.remove(&Key::login(login));
            }
            take_back(&mut counts, &Key::Address(network(from)));
        }
        make_room(&mut counts, &home, now);
        let fresh = Count {
            attempts: 0,
            latest: now,
            refused: false,
        };
        counts.insert(home, fresh);
    }

    /// Notes that an attempt admitted by [`Attempts::admit_typed_code`] was a success.
    pub fn succeeded_typed_code(&self, user: UserId) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        take_back(&mut counts, &Key::TypedCodes(user));
    }
}

impl Key {
    fn login(login: &str) -> Self {
        Self::Login(canonical(login))
    }

    fn home(login: &str, from: IpAddr) -> Self {
        Self::Home(canonical(login), network(from))
    }
}

/// A login as it is compared. What nobody could have as one is cut, so that keys stay small.
fn canonical(login: &str) -> String {
    login.trim().to_lowercase().chars().take(100).collect()
}

impl Limit {
    /// How long the next attempt must still wait, if at all.
    fn wait(self, count: &Count, now: Time) -> Option<TimeDelta> {
        let beyond = count.attempts.checked_sub(self.free)?;
        let seconds = 1_i64.checked_shl(beyond.min(20)).unwrap_or(i64::MAX);
        let delay = TimeDelta::seconds(seconds).min(self.longest);
        let left = count.latest + delay - now;
        (left > TimeDelta::zero()).then_some(left)
    }
}

/// Admits and counts an attempt on all of these keys, or on none.
fn admit(counts: &mut HashMap<Key, Count>, keys: &[(Key, Limit)], now: Time) -> Result<(), Wait> {
    let wait = |(key, limit): &(Key, Limit)| limit.wait(counts.get(key)?, now);
    if let Some(left) = keys.iter().filter_map(wait).max() {
        let mut first = true;
        for (key, _) in keys {
            if let Some(count) = counts.get_mut(key) {
                first &= !count.refused;
                count.refused = true;
            }
        }
        return Err(Wait { left, first });
    }
    for (key, _) in keys {
        make_room(counts, key, now);
        let count = counts.entry(key.clone()).or_insert(Count {
            attempts: 0,
            latest: now,
            refused: false,
        });
        if now - count.latest >= MEMORY {
            count.attempts = 0;
        }
        count.attempts = count.attempts.saturating_add(1);
        count.latest = now;
        count.refused = false;
    }
    Ok(())
}

/// What stands for an address: itself, or the /64 network of an IPv6 address, since one host has all
/// of it.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) & (u128::MAX << 64))),
    }
}

fn take_back(counts: &mut HashMap<Key, Count>, key: &Key) {
    if let Some(count) = counts.get_mut(key) {
        count.attempts = count.attempts.saturating_sub(1);
    }
}

fn make_room(counts: &mut HashMap<Key, Count>, key: &Key, now: Time) {
    if counts.len() < MOST_KEYS || counts.contains_key(key) {
        return;
    }
    counts.retain(|_, count| now - count.latest < MEMORY);
    if counts.len() < MOST_KEYS {
        return;
    }
    // A tenth at once, so that the next ones find room without a search.
    let mut times: Vec<Time> = counts.values().map(|count| count.latest).collect();
    let (_, oldest, _) = times.select_nth_unstable(MOST_KEYS / 10);
    let oldest = *oldest;
    counts.retain(|_, count| count.latest > oldest);
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: Origin = Origin {
        address: IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)),
        browser: None,
    };

    fn stranger(last: u8) -> Origin {
        Origin {
            address: IpAddr::from([198, 51, 100, last]),
            browser: None,
        }
    }

    fn at(seconds: i64) -> Time {
        Time::from_timestamp_millis(1_000_000_000_000 + seconds * 1000).unwrap()
    }

    #[test]
    fn waits_of_a_login_grow_and_stay_below_a_minute() {
        let attempts = Attempts::default();
        let mut now = 0;
        let mut waits = Vec::new();
        // From a new address each time, so that only the login counts.
        for last in 0..40_u8 {
            let from = stranger(last);
            if let Err(Wait { left: wait, .. }) = attempts.admit("ada", from, at(now)) {
                waits.push(wait.num_seconds());
                now += wait.num_seconds();
                attempts.admit("ada", from, at(now)).unwrap();
            }
        }
        assert_eq!(waits[..7], [1, 2, 4, 8, 16, 32, 60]);
        assert!(waits[7..].iter().all(|wait| *wait == 60));
    }

    #[test]
    fn waiting_attempts_are_not_counted() {
        let attempts = Attempts::default();
        for _ in 0..5 {
            attempts.admit("ada", HOME, at(0)).unwrap();
        }
        let refused: Vec<Wait> = (0..100)
            .map(|_| attempts.admit("Ada ", HOME, at(0)).unwrap_err())
            .collect();
        assert!(
            refused
                .iter()
                .all(|wait| wait.left == TimeDelta::seconds(1))
        );
        // One line in the log for all of them.
        assert_eq!(refused.iter().filter(|wait| wait.first).count(), 1);
        attempts.admit("ada", HOME, at(1)).unwrap();
        assert!(attempts.admit("ada", HOME, at(1)).unwrap_err().first);
    }

    #[test]
    fn a_success_clears_the_login_but_not_the_address() {
        let attempts = Attempts::default();
        for other in 0..20 {
            attempts
                .admit(&format!("user{other}"), HOME, at(0))
                .unwrap();
        }
        assert!(attempts.admit("own", HOME, at(0)).is_err());
        attempts.admit("own", HOME, at(1)).unwrap();
        attempts.succeeded("own", HOME, at(1));
        assert!(attempts.admit("victim", HOME, at(1)).is_err());
    }

    #[test]
    fn strangers_do_not_lock_an_owner_out_at_home() {
        let attempts = Attempts::default();
        attempts.admit("ada", HOME, at(0)).unwrap();
        attempts.succeeded("ada", HOME, at(0));
        for last in 0..5 {
            attempts.admit("ada", stranger(last), at(1)).unwrap();
        }
        let stranger = stranger(9);
        assert!(attempts.admit("ada", stranger, at(1)).is_err());
        attempts.admit("ada", HOME, at(1)).unwrap();
        attempts.succeeded("ada", HOME, at(1));
        let still = attempts.admit("ada", stranger, at(1));
        assert!(still.is_err(), "the owner's success frees no stranger");
        for _ in 0..5 {
            attempts.admit("ada", HOME, at(2)).unwrap();
        }
        assert!(attempts.admit("ada", HOME, at(2)).is_err(), "limited too");
    }

    #[test]
    fn strangers_behind_an_address_do_not_lock_its_known_browsers_out() {
        let attempts = Attempts::default();
        for other in 0..30 {
            let _ = attempts.admit(&format!("user{other}"), HOME, at(0));
            let _ = attempts.admit("ada", HOME, at(0));
        }
        assert!(attempts.admit("ada", HOME, at(0)).is_err());
        let known = Origin {
            browser: Some([1; 32]),
            ..HOME
        };
        attempts.admit("ada", known, at(0)).unwrap();
        attempts.succeeded("ada", known, at(0));
        let others = attempts.admit("ben", HOME, at(0));
        assert!(others.is_err(), "the owner's success frees no stranger");
        for _ in 0..5 {
            attempts.admit("ada", known, at(0)).unwrap();
        }
        assert!(attempts.admit("ada", known, at(0)).is_err(), "limited too");
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let attempts = Attempts::default();
        for host in 0..20_u16 {
            let from = IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, host]);
            attempts.admit_new_code(from, at(0)).unwrap();
        }
        let neighbour = IpAddr::from([0x2001, 0xdb8, 0, 0, 9, 9, 9, 9]);
        let elsewhere = IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, 0]);
        assert!(attempts.admit_new_code(neighbour, at(0)).is_err());
        assert!(attempts.admit_new_code(elsewhere, at(0)).is_ok());
    }

    #[test]
    fn failures_are_forgotten_and_memory_is_bounded() {
        let attempts = Attempts::default();
        for _ in 0..5 {
            attempts.admit("ada", HOME, at(0)).unwrap();
        }
        assert!(attempts.admit("ada", HOME, at(0)).is_err());
        attempts.admit("ada", HOME, at(3600)).unwrap();
        attempts.admit("ada", HOME, at(3600)).unwrap();
        for stranger in 0..30_000_u32 {
            let from = IpAddr::from((0x0a00_0000 + stranger).to_be_bytes());
            attempts
                .admit_new_code(from, at(3601 + i64::from(stranger)))
                .unwrap();
        }
        assert!(attempts.counts.lock().unwrap().len() <= MOST_KEYS);
    }

    #[test]
    fn waits_in_words() {
        let words = |left| Wait { left, first: true }.to_string();
        assert_eq!(words(TimeDelta::milliseconds(1)), "1 second");
        assert_eq!(words(TimeDelta::seconds(40)), "40 seconds");
        assert_eq!(words(TimeDelta::seconds(61)), "2 minutes");
    }
}
