//! Coming in while the disk is full.
//!
//! Whoever wants to end access has to be signed in first, so sessions go on, and people sign in, in
//! the room that is kept for what ends access ([`Room::Kept`]). Each takes little of it,
//! and nobody can take much: otherwise one person's loop would leave no room for revoking theirs.
//!
//! [`Room::Kept`]: hourkey_store::Room::Kept

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::TimeDelta;
use hourkey_domain::Time;
use hourkey_domain::ids::UserId;

use crate::budget::spend;
use crate::error::AppError;

/// How often a person may come in at once, by signing in or by going on with a session. With half a
/// kilobyte each time, one person takes 80 kB of the 16 MiB in a day.
const TIMES: i32 = 10;

/// One more is earned after this.
const EARNED_IN: TimeDelta = TimeDelta::minutes(10);

/// Until when each person has earned all of theirs again.
#[derive(Debug, Default)]
pub struct FullDisk(Mutex<HashMap<UserId, Time>>);

impl FullDisk {
    /// Whether a person who was refused for this reason may use the room that is kept. Counts as
    /// once.
    pub fn admits(&self, refused: &AppError, user: UserId, now: Time) -> bool {
        refused.is_full_disk() && self.take(user, now)
    }

    fn take(&self, user: UserId, now: Time) -> bool {
        let mut whole_at = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Who has all of theirs again is as good as new.
        whole_at.retain(|_, at| *at > now);
        let at = whole_at.get(&user).copied().unwrap_or(now);
        let spent = spend(at, TIMES, EARNED_IN, now);
        whole_at.extend(spent.map(|at| (user, at)));
        spent.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_comes_in_ten_times_and_then_every_ten_minutes() {
        let disk = FullDisk::default();
        let at = |minutes| Time::UNIX_EPOCH + TimeDelta::minutes(minutes);
        let (ann, ben) = (UserId(1), UserId(2));
        for _ in 0..TIMES {
            assert!(disk.take(ann, at(0)));
        }
        assert!(!disk.take(ann, at(9)));
        assert!(disk.take(ben, at(9)), "each has their own");
        assert!(disk.take(ann, at(10)));
        assert!(!disk.take(ann, at(10)));
        assert!(disk.take(ben, at(1_000)));
        assert_eq!(disk.0.lock().unwrap().len(), 1, "the others are forgotten");
    }
}
