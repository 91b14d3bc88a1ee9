//! Throttles access prompts: when a connection to a locked resource opens its request page, and when
//! it only notifies.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use hourkey_domain::ids::ResourceId;
use hourkey_domain::lock::LockState;
use hourkey_protocol::access::Resource;

/// What to do for a connection that finds its resource locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prompt {
    /// Open the request page.
    OpenPage,
    /// Show a notification: background tabs must not open page after page.
    Notify,
    /// Nothing: the person was prompted just now, or waits already.
    None,
}

/// What the person was prompted for so far. Pure: time comes in.
#[derive(Debug, Default)]
pub(crate) struct PromptThrottle {
    by_resource: HashMap<ResourceId, ResourcePrompts>,
    /// When a page was last opened, on the boot clock.
    last_page: Option<Duration>,
}

#[derive(Debug, Default)]
struct ResourcePrompts {
    /// Connections that are held now.
    held: usize,
    /// When the person was last prompted, on the boot clock.
    prompted_at: Option<Duration>,
    /// The row for which the page was opened, as long as it has not changed since.
    page_for: Option<Row>,
}

/// What of a row shows that somebody acted on it.
type Row = (LockState, Option<DateTime<Utc>>);

/// How often at most: a page in all, and a notification for one resource.
const PROMPT_INTERVAL: Duration = Duration::from_secs(60);

impl PromptThrottle {
    /// A connection to `resource` is held from now on. [`Self::release`] must follow.
    pub(crate) fn hold(&mut self, resource: &Resource, now: Duration) -> Prompt {
        let is_recent =
            |then: Option<Duration>| then.is_some_and(|then| now < then + PROMPT_INTERVAL);
        let prompts = self.by_resource.entry(resource.id).or_default();
        prompts.held += 1;
        // A browser's parallel attempts, and those that follow a refusal, are one.
        if prompts.held > 1 || is_recent(prompts.prompted_at) || waits(resource.lock) {
            return Prompt::None;
        }
        prompts.prompted_at = Some(now);
        if prompts.page_for == Some(row(resource)) || is_recent(self.last_page) {
            return Prompt::Notify;
        }
        prompts.page_for = Some(row(resource));
        self.last_page = Some(now);
        Prompt::OpenPage
    }

    /// A connection is not held any more.
    pub(crate) fn release(&mut self, resource: ResourceId) {
        if let Some(prompts) = self.by_resource.get_mut(&resource) {
            prompts.held = prompts.held.saturating_sub(1);
        }
    }

    /// Hears of every change: whoever acted on a resource may be prompted again.
    pub(crate) fn observe<'a>(&mut self, find: impl Fn(ResourceId) -> Option<&'a Resource>) {
        self.by_resource.retain(|id, prompts| {
            if prompts.page_for != find(*id).map(row) && prompts.page_for.take().is_some() {
                prompts.prompted_at = None;
            }
            prompts.held > 0 || prompts.prompted_at.is_some()
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
    fn attempt(throttle: &mut PromptThrottle, resource: &Resource, now: u64) -> Prompt {
        let prompt = throttle.hold(resource, seconds(now));
        throttle.release(resource.id);
        prompt
    }

    #[test]
    fn parallel_attempts_and_retries_are_one_prompt() {
        let mut throttle = PromptThrottle::default();
        let one = resource(1, LOCKED);
        assert_eq!(throttle.hold(&one, seconds(0)), Prompt::OpenPage);
        for _ in 0..9 {
            assert_eq!(throttle.hold(&one, seconds(1)), Prompt::None);
        }
        for _ in 0..10 {
            throttle.release(one.id);
        }
        assert_eq!(attempt(&mut throttle, &one, 26), Prompt::None);
    }

    #[test]
    fn one_page_until_somebody_acts_and_reminders_by_the_minute() {
        let mut throttle = PromptThrottle::default();
        let locked = resource(1, LOCKED);
        assert_eq!(attempt(&mut throttle, &locked, 0), Prompt::OpenPage);
        for (now, prompt) in [
            (59, Prompt::None),
            (60, Prompt::Notify),
            (119, Prompt::None),
            (7_200, Prompt::Notify),
        ] {
            throttle.observe(|_| Some(&locked));
            assert_eq!(attempt(&mut throttle, &locked, now), prompt, "{now}");
        }
        // ResourcePrompts for and withdrawn: the row is as before, but it did change.
        let pending = resource(1, PENDING());
        throttle.observe(|_| Some(&pending));
        assert_eq!(attempt(&mut throttle, &pending, 7_201), Prompt::None);
        throttle.observe(|_| Some(&locked));
        assert_eq!(attempt(&mut throttle, &locked, 7_202), Prompt::OpenPage);
    }

    #[test]
    fn a_page_a_minute_in_all() {
        let mut throttle = PromptThrottle::default();
        let (one, two) = (resource(1, LOCKED), resource(2, LOCKED));
        assert_eq!(attempt(&mut throttle, &one, 0), Prompt::OpenPage);
        assert_eq!(attempt(&mut throttle, &two, 1), Prompt::Notify);
        assert_eq!(attempt(&mut throttle, &two, 61), Prompt::OpenPage);
        assert_eq!(attempt(&mut throttle, &one, 62), Prompt::Notify);
    }

    #[test]
    fn nothing_is_prompted_for_what_waits_already() {
        let mut throttle = PromptThrottle::default();
        assert_eq!(
            attempt(&mut throttle, &resource(1, PENDING()), 0),
            Prompt::None
        );
    }

    #[test]
    fn what_is_over_is_forgotten() {
        let mut throttle = PromptThrottle::default();
        let locked = resource(1, LOCKED);
        attempt(&mut throttle, &locked, 0);
        throttle.observe(|_| None);
        assert!(throttle.by_resource.is_empty());
    }

    proptest! {
        /// However connections come and rows change: a page a minute at most, one for each state
        /// of a row, and a word a minute for each resource that nobody acts on.
        #[test]
        fn prompts_are_throttled(
            events in prop::collection::vec((1_i64..4, 0_u64..40, any::<bool>(), any::<bool>()), 1..80)
        ) {
            let mut throttle = PromptThrottle::default();
            let mut rows: Vec<Resource> = (0..4).map(|id| resource(id, LOCKED)).collect();
            let mut now = 0;
            let mut last_page = None;
            let mut prompted_at = [None; 4];
            for (id, gap, act, parallel) in events {
                now += gap;
                let index = usize::try_from(id).unwrap();
                if act {
                    rows[index].denied_at = Some(at(now.try_into().unwrap()));
                    prompted_at[index] = None;
                }
                throttle.observe(|id| rows.get(usize::try_from(id.0).unwrap()));
                let prompt = throttle.hold(&rows[index], seconds(now));
                if parallel {
                    prop_assert_eq!(throttle.hold(&rows[index], seconds(now)), Prompt::None);
                    throttle.release(ResourceId(id));
                }
                throttle.release(ResourceId(id));
                if prompt == Prompt::OpenPage {
                    prop_assert!(last_page.is_none_or(|last| now >= last + 60));
                    last_page = Some(now);
                }
                if prompt != Prompt::None {
                    prop_assert!(prompted_at[index].is_none_or(|last| now >= last + 60));
                    prompted_at[index] = Some(now);
                }
            }
        }
    }
}
