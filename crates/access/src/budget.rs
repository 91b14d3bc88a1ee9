//! What one person may ask of the controller at a time, so that nobody's loop keeps the others
//! waiting or fills the disk. Ending access costs nothing here: it must always work.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use hourkey_domain::Time;
use hourkey_domain::ids::UserId;
use hourkey_protocol::problem::Code;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep};

use crate::error::AppError;

/// How many changes a person may make at once; so many are earned again within a minute.
pub const CHANGES: i32 = 30;

/// One change is earned again after this.
const CHANGE_EARNED_IN: TimeDelta = TimeDelta::milliseconds(60_000 / CHANGES as i64);

/// How many calls of one person may read at the same time.
pub const READERS: usize = 4;

/// How many more of their calls may wait for their turn to read.
pub const WAITING: usize = 64;

/// How many reads a person may make in a row; each is earned again after [`READ_EARNED_IN`], and
/// whoever has none left waits for the next. Fifty tabs that open at once wait for nothing.
const READS: u32 = 100;

/// One read is earned again after this: a loop that reads takes fifty a second.
const READ_EARNED_IN: Duration = Duration::from_millis(20);

/// People who have their whole budget are forgotten this often.
const FORGET_EVERY: TimeDelta = TimeDelta::minutes(1);

/// What each person has left.
#[derive(Debug, Default)]
pub struct Budgets(Mutex<People>);

#[derive(Debug, Default)]
struct People {
    by_id: HashMap<UserId, Person>,
    forgotten_at: Time,
}

#[derive(Debug)]
struct Person {
    /// When all changes that they made are earned again.
    whole_at: Time,
    /// When all reads that they made are earned again. By the machine's own clock: it paces work, and
    /// is no moment of the rules.
    reads_whole_at: Instant,
    /// Each call that reads, or waits to read, holds one more reference.
    turns: Arc<Semaphore>,
}

impl Person {
    /// Calls that read or wait.
    fn reading(&self) -> usize {
        Arc::strong_count(&self.turns) - 1
    }

    /// True when they have their whole budget.
    fn has_all(&self, now: Time) -> bool {
        self.whole_at <= now && self.reads_whole_at <= Instant::now() && self.reading() == 0
    }

    /// Takes one read, and returns how long to wait for it.
    fn read(&mut self) -> Duration {
        let now = Instant::now();
        self.reads_whole_at = self.reads_whole_at.max(now) + READ_EARNED_IN;
        (self.reads_whole_at - now).saturating_sub(READ_EARNED_IN * READS)
    }
}

impl Budgets {
    /// Takes one change from what a person has left.
    ///
    /// # Errors
    /// [`Code::RateLimited`] when nothing is left.
    pub fn change(&self, user: UserId, now: Time) -> Result<(), AppError> {
        self.with(user, now, |person| {
            let spent = spend(person.whole_at, CHANGES, CHANGE_EARNED_IN, now);
            person.whole_at = spent.map_err(|wait| {
                later(
                    format!("You made {CHANGES} changes within a minute; nothing was changed now."),
                    wait,
                )
            })?;
            Ok(())
        })
    }

    /// Waits for a person's turn to read, first come, first served, and for the read itself where
    /// they have none left.
    ///
    /// # Errors
    /// [`Code::RateLimited`] when too many of their calls wait already.
    pub async fn turn(&self, user: UserId, now: Time) -> Result<OwnedSemaphorePermit, AppError> {
        let turns = self.with(user, now, |person| {
            if person.reading() >= READERS + WAITING {
                return Err(later(
                    format!(
                        "{} of your calls wait for an answer already.",
                        person.reading()
                    ),
                    TimeDelta::seconds(1),
                ));
            }
            Ok(Arc::clone(&person.turns))
        })?;
        let turn = turns.acquire_owned().await.map_err(anyhow::Error::from)?;
        let rest = self.with(user, now, Person::read);
        if !rest.is_zero() {
            sleep(rest).await;
        }
        Ok(turn)
    }

    fn with<T>(&self, user: UserId, now: Time, spend: impl FnOnce(&mut Person) -> T) -> T {
        let mut people = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if people.forgotten_at + FORGET_EVERY <= now {
            people.forgotten_at = now;
            people.by_id.retain(|_, person| !person.has_all(now));
        }
        spend(people.by_id.entry(user).or_insert_with(|| Person {
            whole_at: now,
            reads_whole_at: Instant::now(),
            turns: Arc::new(Semaphore::new(READERS)),
        }))
    }
}

/// Takes one of `times`, each of which is earned again in `earned_in`, and returns when all of them
/// are there again, which is kept.
///
/// # Errors
/// How long to wait, when none is left.
pub fn spend(
    whole_at: Time,
    times: i32,
    earned_in: TimeDelta,
    now: Time,
) -> Result<Time, TimeDelta> {
    let whole_at = whole_at.max(now) + earned_in;
    let wait = whole_at - now - earned_in * times;
    match wait > TimeDelta::zero() {
        true => Err(wait),
        false => Ok(whole_at),
    }
}

/// A refusal that says when to try again, in whole seconds.
fn later(why: String, wait: TimeDelta) -> AppError {
    let seconds = u64::try_from((wait.num_milliseconds() + 999) / 1_000).unwrap_or(1);
    let unit = if seconds == 1 { "second" } else { "seconds" };
    let problem = Code::RateLimited.problem(format!("{why} Try again in {seconds} {unit}."));
    AppError::Later { problem, seconds }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use tokio::time::Instant;

    use super::*;

    const ANN: UserId = UserId(1);
    const BEN: UserId = UserId(2);

    fn at(seconds: i64) -> Time {
        Time::from_timestamp(1_000_000 + seconds, 0).unwrap()
    }

    fn known(budgets: &Budgets) -> usize {
        budgets.0.lock().unwrap().by_id.len()
    }

    #[test]
    fn changes_are_earned_again_and_everybody_has_their_own() {
        let budgets = Budgets::default();
        for _ in 0..CHANGES {
            budgets.change(ANN, at(0)).unwrap();
        }
        let refused = budgets.change(ANN, at(0)).unwrap_err().into_problem();
        assert_eq!(
            refused.detail,
            "You made 30 changes within a minute; nothing was changed now. Try again in 2 seconds."
        );
        assert!(budgets.change(ANN, at(1)).is_err());
        assert!(budgets.change(BEN, at(1)).is_ok());
        assert!(budgets.change(ANN, at(2)).is_ok());
        assert!(budgets.change(ANN, at(2)).is_err());
        for _ in 0..CHANGES {
            budgets.change(ANN, at(62)).unwrap();
        }
        assert!(budgets.change(ANN, at(62)).is_err());
    }

    #[tokio::test]
    async fn four_read_the_next_wait_in_order_and_too_many_are_refused() {
        let budgets = Budgets::default();
        let mut reading = Vec::new();
        for _ in 0..READERS {
            reading.push(budgets.turn(ANN, at(0)).await.unwrap());
        }
        let mut waiting: Vec<_> = (0..WAITING)
            .map(|_| Box::pin(budgets.turn(ANN, at(0))))
            .collect();
        for turn in &mut waiting {
            assert!(turn.as_mut().now_or_never().is_none());
        }
        let refused = budgets.turn(ANN, at(0)).await.unwrap_err();
        assert_eq!(
            refused.into_problem().detail,
            "68 of your calls wait for an answer already. Try again in 1 second."
        );
        assert!(budgets.turn(BEN, at(0)).await.is_ok());

        reading.pop();
        assert!(waiting[1].as_mut().now_or_never().is_none());
        assert!(waiting[0].as_mut().now_or_never().is_some());
        // Whoever went away leaves their place.
        drop(waiting);
        let turn = budgets.turn(ANN, at(0)).now_or_never();
        assert!(turn.unwrap().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn who_reads_in_a_loop_reads_fifty_times_a_second() {
        let budgets = Budgets::default();
        let begin = Instant::now();
        for _ in 0..READS {
            drop(budgets.turn(ANN, at(0)).await.unwrap());
        }
        assert_eq!(begin.elapsed(), Duration::ZERO);
        for _ in 0..50 {
            drop(budgets.turn(ANN, at(0)).await.unwrap());
        }
        assert_eq!(begin.elapsed(), Duration::from_secs(1));
        drop(budgets.turn(BEN, at(0)).await.unwrap());
        assert_eq!(
            begin.elapsed(),
            Duration::from_secs(1),
            "others have their own"
        );
        sleep(READ_EARNED_IN * READS).await;
        let rested = Instant::now();
        for _ in 0..READS {
            drop(budgets.turn(ANN, at(0)).await.unwrap());
        }
        assert_eq!(rested.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_their_whole_budget_is_forgotten() {
        let budgets = Budgets::default();
        for id in 10..1_000 {
            budgets.change(UserId(id), at(0)).unwrap();
        }
        let turn = budgets.turn(ANN, at(0)).await.unwrap();
        budgets.change(BEN, at(60)).unwrap();
        assert_eq!(known(&budgets), 2, "who reads, and who changed something");
        drop(turn);
        sleep(READ_EARNED_IN).await;
        budgets.change(UserId(3), at(120)).unwrap();
        assert_eq!(known(&budgets), 1);
    }
}
