//! What a change does not give its maker yet (rule 6): for a day it counts for everybody else, and not
//! for them.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use serde::{Deserialize, Serialize};

use super::models::{Assignment, Resource};
use super::value::Organisation;
use crate::address::Ports;
use crate::ids::{AssignmentId, UserId};
use crate::length::Length;
use crate::settings::{Approval, EffectiveAssignment, Mode, Settings};
use crate::{Time, later};

/// How long a change that gives its maker more does not count for them (rule 6).
pub const HELD_BACK_FOR: TimeDelta = TimeDelta::hours(24);

/// An assignment that counts for one person as it was before they changed something themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldBack {
    /// Who made the change.
    pub user: UserId,
    /// Through which assignment it gives them more.
    pub assignment: AssignmentId,
    /// Up to when it does not count. Whoever keeps this ends it then: time alone opens nothing.
    pub until: DateTime<Utc>,
    /// What they had through it; nothing where they had nothing.
    pub earlier: Option<Earlier>,
}

/// What somebody had through an assignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earlier {
    /// Its effective settings.
    pub settings: Settings,
    /// The longest that a grant could last through it; what was kept before this was told knew 7 days.
    #[serde(default = "week")]
    pub total: Length,
    /// Its end.
    pub until: Option<DateTime<Utc>>,
}

fn week() -> Length {
    Length::WEEK
}

impl HeldBack {
    /// The assignment as it counts until then: what was, or what is now, whichever gives less. `None`
    /// where it gave nothing.
    #[must_use]
    pub fn applied(&self, live: EffectiveAssignment) -> Option<EffectiveAssignment> {
        let earlier = self.earlier?;
        Some(EffectiveAssignment {
            settings: least(earlier.settings, live.settings),
            total: earlier.total.min(live.total),
            until: sooner(earlier.until, live.until),
            ..live
        })
    }

    /// Both together: a second change of one's own brings back nothing that the first held back.
    fn and(self, other: Self) -> Self {
        let both = self.earlier.zip(other.earlier);
        Self {
            until: self.until.max(other.until),
            earlier: both.map(|(one, other)| Earlier {
                settings: least(one.settings, other.settings),
                total: one.total.min(other.total),
                until: sooner(one.until, other.until),
            }),
            ..self
        }
    }
}

/// What `after` holds back from `maker`, who made it of `before` at `now`: what was held back already, as far
/// as it is still there, and all through which they would have more.
#[must_use]
pub fn held_back(
    before: &Organisation,
    after: &Organisation,
    maker: UserId,
    now: Time,
) -> Vec<HeldBack> {
    let until = later(now, HELD_BACK_FOR);
    let enabled = |(_, resource, _): &(_, &Arc<Resource>, _)| resource.about.enabled;
    let had: BTreeMap<_, _> = { before.live(maker, None).filter(enabled) }
        .map(|(own, _, live)| ((own.id, own.resource), live))
        .collect();
    let freed = Freed::between(before, after, maker);
    let gains = |own: &Assignment, resource: &Resource, live: &EffectiveAssignment| {
        let leads_elsewhere =
            { before.resource(own.resource) }.is_some_and(|before| !resource.lies_within(before));
        let held = |earlier| HeldBack {
            user: maker,
            assignment: own.id,
            until,
            earlier,
        };
        match had.get(&(own.id, own.resource)) {
            _ if !live.is_valid(now) || !resource.about.enabled => None,
            None => Some(held(None)),
            Some(_) if leads_elsewhere || freed.gives(resource, live) => Some(held(None)),
            Some(had) => {
                let gives_more = is_more(live, had) || end(live.until) > end(had.until);
                gives_more.then(|| {
                    held(Some(Earlier {
                        settings: had.settings,
                        total: had.total,
                        until: had.until,
                    }))
                })
            }
        }
    };
    let mut all: BTreeMap<AssignmentId, HeldBack> = { after.held_back_from(maker) }
        .map(|held| (held.assignment, *held))
        .collect();
    for (own, resource, live) in after.live(maker, None) {
        let Some(new) = gains(own, resource, &live) else {
            continue;
        };
        let held = all.get(&own.id).map_or(new, |known| known.and(new));
        all.insert(own.id, held);
    }
    all.into_values().collect()
}

/// Destinations that a change takes from the resources which governed them (rule 9): what else matches
/// them may govern them now.
struct Freed<'a> {
    /// The resources that were there, the ports that are theirs no more, and what their maker had through
    /// them.
    all: Vec<(&'a Resource, Ports, Vec<EffectiveAssignment>)>,
}

impl<'a> Freed<'a> {
    fn between(before: &'a Organisation, after: &Organisation, maker: UserId) -> Self {
        let all = before.resources().filter_map(|it| {
            let ports = match after.resource(it.id) {
                Some(now) if Arc::ptr_eq(it, now) => return None,
                Some(now) if now.address == it.address && now.network == it.network => {
                    it.ports.without(&now.ports)?
                }
                Some(_) | None => it.ports.clone(),
            };
            let had = before.facts(maker, it.id).filter(|_| it.about.enabled);
            Some((
                &**it,
                ports,
                had.map_or_else(Vec::new, |had| had.assignments),
            ))
        });
        Self { all: all.collect() }
    }

    /// True where some of it may be reached through this now, unless it was open all along: whether a lock
    /// is open, and who opens it, differs from one resource to the next.
    fn gives(&self, resource: &Resource, live: &EffectiveAssignment) -> bool {
        let was_open = |had: &EffectiveAssignment| {
            had.settings.mode == Mode::Standing && end(had.until) >= end(live.until)
        };
        self.all.iter().any(|(gone, ports, had)| {
            gone.id != resource.id
                && gone.network == resource.network
                && ports.overlap(&resource.ports)
                && resource.address.may_cover(&gone.address)
                && !had.iter().any(was_open)
        })
    }
}

/// Whether an assignment gives more than it did in any way that counts under its mode.
fn is_more(live: &EffectiveAssignment, before: &EffectiveAssignment) -> bool {
    let (settings, had) = (live.settings, before.settings);
    let easier = settings.approval == Approval::Automatic && had.approval == Approval::Manual;
    match (settings.mode, had.mode) {
        (_, Mode::Standing) => false,
        (Mode::Standing, _) | (Mode::AutoLock, Mode::AccessRequest) => true,
        (Mode::AutoLock, Mode::AutoLock) => easier || settings.lock_after > had.lock_after,
        (Mode::AccessRequest, Mode::AutoLock) => easier,
        (Mode::AccessRequest, Mode::AccessRequest) => {
            easier || settings.period.longest() > had.period.longest() || live.total > before.total
        }
    }
}

/// What both give: of `earlier` what counted under its mode, and of `live` the rest.
fn least(earlier: Settings, live: Settings) -> Settings {
    let approval = match (earlier.approval, live.approval) {
        (Approval::Automatic, Approval::Automatic) => Approval::Automatic,
        (Approval::Manual, _) | (_, Approval::Manual) => Approval::Manual,
    };
    match earlier.mode {
        Mode::Standing => live,
        Mode::AutoLock => Settings {
            mode: match live.mode {
                Mode::AccessRequest => Mode::AccessRequest,
                Mode::AutoLock | Mode::Standing => Mode::AutoLock,
            },
            approval,
            lock_after: live.lock_after.min(earlier.lock_after),
            ..live
        },
        Mode::AccessRequest => Settings {
            mode: Mode::AccessRequest,
            approval,
            ..live.within(earlier.period.longest())
        },
    }
}

fn end(until: Option<DateTime<Utc>>) -> DateTime<Utc> {
    until.unwrap_or(Time::MAX_UTC)
}

fn sooner(one: Option<DateTime<Utc>>, other: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    one.into_iter().chain(other).min()
}

impl Organisation {
    /// What is held back from somebody, in order of the assignment's id.
    pub fn held_back_from(&self, user: UserId) -> impl Iterator<Item = &HeldBack> {
        let own = (user, AssignmentId(i64::MIN))..=(user, AssignmentId(i64::MAX));
        self.held_back.range(own).map(|(_, held)| held)
    }

    /// An assignment as it counts for somebody, with what is held back from them.
    pub(super) fn counted(
        &self,
        user: UserId,
        live: EffectiveAssignment,
    ) -> Option<EffectiveAssignment> {
        let held = self.held_back.get(&(user, live.assignment));
        held.map_or(Some(live), |held| held.applied(live))
    }

    /// The same once what is held back until this moment, or an earlier one, counts.
    #[must_use]
    pub(super) fn counting_at(&self, at: Time) -> Self {
        let mut later = self.clone();
        let ended = self.held_back.iter().filter(|(_, held)| held.until <= at);
        for (key, _) in ended {
            later.held_back.remove(key);
        }
        later
    }

    /// True when an enabled person other than this one has the role Admin.
    #[must_use]
    pub fn has_other_admin(&self, than: UserId) -> bool {
        self.users()
            .any(|user| user.id != than && user.administers())
    }
}
