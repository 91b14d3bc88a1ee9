//! Where nobody could approve (rule 14).

use serde::Serialize;

use super::models::Resource;
use super::value::Organisation;
use crate::Time;
use crate::ids::UserId;
use crate::review::Regulars;
use crate::settings::{Approval, EffectiveAssignment, Mode, most_permissive};

/// Those whose requests for a resource nobody could approve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unreviewed {
    /// Everybody.
    Everybody,
    /// One person, who is the only reviewer.
    User(UserId),
}

impl Organisation {
    /// Those whose requests for a resource nobody could approve, among those who need an approval;
    /// `fallback` as [`Organisation::fallback_reviewers`] has them.
    #[must_use]
    pub fn unreviewed(
        &self,
        resource: &Resource,
        fallback: &[UserId],
        now: Time,
    ) -> Option<Unreviewed> {
        // Nobody may ask for it.
        if !resource.about.enabled {
            return None;
        }
        let only = match (self.regulars(resource.id), fallback) {
            (Regulars::Several, _) => return None,
            (Regulars::Nobody, []) => None,
            (Regulars::Nobody, [one]) => Some(*one),
            (Regulars::One(one), others) if others.iter().all(|other| *other == one) => Some(one),
            (Regulars::Nobody | Regulars::One(_), _) => return None,
        };
        match only {
            Some(user) => {
                let own = self.facts(user, resource.id)?;
                let best = most_permissive(&own.assignments, now)?;
                needs_approval(best).then_some(Unreviewed::User(user))
            }
            None => {
                let assigned = self.assignments_of(resource.id);
                let mut valid = assigned
                    .map(|own| own.effective(resource.settings, self.periods.longest()))
                    .filter(|own| own.is_valid(now));
                let needed = valid.any(|own| needs_approval(&own));
                needed.then_some(Unreviewed::Everybody)
            }
        }
    }

    /// True when nobody is the only reviewer of anything, so that [`Organisation::unreviewed`] is
    /// `None` everywhere.
    pub(super) fn is_reviewed_everywhere(&self) -> bool {
        self.index.review_all.len() > 1
    }
}

/// True when a person has to approve what is asked for by this assignment.
pub(super) fn needs_approval(assignment: &EffectiveAssignment) -> bool {
    match (assignment.settings.mode, assignment.settings.approval) {
        (Mode::Standing, _) | (_, Approval::Automatic) => false,
        (Mode::AutoLock | Mode::AccessRequest, Approval::Manual) => true,
    }
}
