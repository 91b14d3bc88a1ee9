//! When a connection to a locked resource opens its request page, and when it only reminds.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use hourkey_domain::ids::ResourceId;
use hourkey_domain::lock::LockState;
use hourkey_protocol::access::Resource;

/// What to do for a connection that finds its resource locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Open the request page.
    OpenPage,
    /// Remind by a notification: background tabs must not open page after page.
    Remind,
    /// Nothing: the person was told just now, or waits already.
    Nothing,
}

/// What was asked so far. Pure: time comes in.
#[derive(Debug, Default)]
pub(crate) struct Asks {
    by_resource: HashMap<ResourceId, Asked>,
    /// When a page was last opened, on the boot clock.
    last_page: Option<Duration>,
}

#[derive(Debug, Default)]
struct Asked {
    /// Connections that are held now.
    held: usize,
    /// When the person was last told, on the boot clock.
    told: Option<Duration>,
    /// The row for which the page was opened, as long as it has not changed since.
    page_for: Option<Row>,
}

/// What of a row shows that somebody acted on it.
type Row = (LockState, Option<DateTime<Utc>>);

/// A page at most this often in all, and a word at most this often for one resource.
const MINUTE: Duration = Duration::from_secs(60);

impl Asks {
    /// A connection to `resource` is held from now on. [`Self::let_go`] must follow.
    pub(crate) fn hold(&mut self, resource: &Resource, now: Duration) -> Step {
        let within_minute = |then: Option<Duration>| then.is_some_and(|then| now < then + MINUTE);
        let asked = self.by_resource.entry(resource.id).or_default();
        asked.held += 1;
        // A browser's parallel attempts, and those that follow a refusal, are one.
        if asked.held > 1 || within_minute(asked.told) || waits(resource.lock) {
            return Step::Nothing;
        }
        asked.told = Some(now);
        if asked.page_for == Some(row(resource)) || within_minute(self.last_page) {
            return Step::Remind;
        }
        asked.page_for = Some(row(resource));
        self.last_page = Some(now);
        Step::OpenPage
    }

    /// A connection is not held any more.
    pub(crate) fn let_go(&mut self, resource: ResourceId) {
        if let Some(asked) = self.by_resource.get_mut(&resource) {
            asked.held = asked.held.saturating_sub(1);
        }
    }

    /// Hears of every change: whoever acted on a resource may be asked anew.
    pub(crate) fn observe<'a>(&mut self, find: impl Fn(ResourceId) -> Option<&'a Resource>) {
        self.by_resource.retain(|id, asked| {
            if asked.page_for != find(*id).map(row) && asked.page_for.take().is_some() {
                asked.told = None;
            }
            asked.held > 0 || asked.told.is_some()
        });
    }
}

/// True when nothing is left to ask for.
fn waits(lock: LockState) -> bool {
    match lock {
        LockState::Pending { .. } | LockState::Scheduled { .. } => true,
        LockState::Open { .. } | LockState::Granted { .. } | LockState::Locked { .. } => false,
    }
}

fn row(resource: &Resource) -> Row {
    (resource.lock, resource.denied_at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{LOCKED, at, resource};

    const PENDING: fn() -> LockState = || LockState::Pending {
        request: hourkey_domain::ids::RequestId(1),
        since: at(0),
        lapses_at: at(3_600),
    };

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(10_000 + seconds)
    }

    /// Held, and let go again at once.
    fn attempt(asks: &mut Asks, resource: &Resource, now: u64) -> Step {
        let step = asks.hold(resource, seconds(now));
        asks.let_go(resource.id);
        step
    }

    #[test]
    fn parallel_attempts_and_retries_are_one_ask() {
        let mut asks = Asks::default();
        let one = resource(1, LOCKED);
        assert_eq!(asks.hold(&one, seconds(0)), Step::OpenPage);
        for _ in 0..9 {
            assert_eq!(asks.hold(&one, seconds(1)), Step::Nothing);
        }
        for _ in 0..10 {
            asks.let_go(one.id);
        }
        assert_eq!(attempt(&mut asks, &one, 26), Step::Nothing);
    }

    #[test]
    fn one_page_until_somebody_acts_and_reminders_by_the_minute() {
        let mut asks = Asks::default();
        let locked = resource(1, LOCKED);
        assert_eq!(attempt(&mut asks, &locked, 0), Step::OpenPage);
        for (now, step) in [
            (59, Step::Nothing),
            (60, Step::Remind),
            (119, Step::Nothing),
            (7_200, Step::Remind),
        ] {
            asks.observe(|_| Some(&locked));
            assert_eq!(attempt(&mut asks, &locked, now), step, "{now}");
        }
        // Asked for and withdrawn: the row is as before, but it did change.
        let pending = resource(1, PENDING());
        asks.observe(|_| Some(&pending));
        assert_eq!(attempt(&mut asks, &pending, 7_201), Step::Nothing);
        asks.observe(|_| Some(&locked));
        assert_eq!(attempt(&mut asks, &locked, 7_202), Step::OpenPage);
    }

    #[test]
    fn a_page_a_minute_in_all() {
        let mut asks = Asks::default();
        let (one, two) = (resource(1, LOCKED), resource(2, LOCKED));
        assert_eq!(attempt(&mut asks, &one, 0), Step::OpenPage);
        assert_eq!(attempt(&mut asks, &two, 1), Step::Remind);
        assert_eq!(attempt(&mut asks, &two, 61), Step::OpenPage);
        assert_eq!(attempt(&mut asks, &one, 62), Step::Remind);
    }

    #[test]
    fn nothing_is_asked_for_what_waits_already() {
        let mut asks = Asks::default();
        assert_eq!(
            attempt(&mut asks, &resource(1, PENDING()), 0),
            Step::Nothing
        );
    }

    #[test]
    fn what_is_over_is_forgotten() {
        let mut asks = Asks::default();
        let locked = resource(1, LOCKED);
        attempt(&mut asks, &locked, 0);
        asks.observe(|_| None);
        assert!(asks.by_resource.is_empty());
    }

    proptest! {
        /// However connections come and rows change: a page a minute at most, one for each state
        /// of a row, and a word a minute for each resource that nobody acts on.
        #[test]
        fn nobody_is_pestered(
            events in prop::collection::vec((1_i64..4, 0_u64..40, any::<bool>(), any::<bool>()), 1..80)
        ) {
            let mut asks = Asks::default();
            let mut rows: Vec<Resource> = (0..4).map(|id| resource(id, LOCKED)).collect();
            let mut now = 0;
            let mut last_page = None;
            let mut told = [None; 4];
            for (id, gap, act, parallel) in events {
                now += gap;
                let index = usize::try_from(id).unwrap();
                if act {
                    rows[index].denied_at = Some(at(now.try_into().unwrap()));
                    told[index] = None;
                }
                asks.observe(|id| rows.get(usize::try_from(id.0).unwrap()));
                let step = asks.hold(&rows[index], seconds(now));
                if parallel {
                    prop_assert_eq!(asks.hold(&rows[index], seconds(now)), Step::Nothing);
                    asks.let_go(ResourceId(id));
                }
                asks.let_go(ResourceId(id));
                if step == Step::OpenPage {
                    prop_assert!(last_page.is_none_or(|last| now >= last + 60));
                    last_page = Some(now);
                }
                if step != Step::Nothing {
                    prop_assert!(told[index].is_none_or(|last| now >= last + 60));
                    told[index] = Some(now);
                }
            }
        }
    }
}
