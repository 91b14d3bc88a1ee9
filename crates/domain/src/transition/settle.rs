//! What time alone does.

use super::facts::{AccessFacts, Granted};
use super::kinds::{GrantChange, Transition};
use crate::Time;
use crate::grant::State as GrantState;
use crate::reason::Text;

/// What time alone has done: the facts afterwards, and the transitions.
#[must_use]
pub fn settle(mut facts: AccessFacts, now: Time) -> (AccessFacts, Vec<Transition>) {
    let mut done = Vec::new();
    if let Some(request) = facts.pending.take() {
        match request.pending(now) {
            Err(request) => done.push(Transition::Lapsed { request }),
            Ok(pending) => {
                let request = pending.request();
                let ended = facts.has_ended(request.terms.assignment, now);
                let cause = ended.then(|| facts.request_ends(request, false, now));
                match cause.flatten() {
                    Some(cause) => done.push(Transition::Cancelled {
                        request: pending.cancel(None, cause, now),
                    }),
                    None => facts.pending = Some(pending.into_request()),
                }
            }
        }
    }
    if let Some(granted) = facts.grant.take() {
        let transition = settle_grant(&facts, &granted, now);
        facts.grant = match &transition {
            None => Some(granted),
            Some(Transition::Started(change)) => Some(Granted {
                grant: change.after.clone(),
                ..granted
            }),
            Some(_) => None,
        };
        done.extend(transition);
    }
    (facts, done)
}

/// What time has done to a grant; a scheduled one is rechecked at its start (rule 7).
fn settle_grant(facts: &AccessFacts, granted: &Granted, now: Time) -> Option<Transition> {
    let before = granted.grant.clone();
    let change = |after| GrantChange {
        before: before.clone(),
        after,
    };
    let grant = before.clone().at(now);
    if let GrantState::Expired { .. } = grant.state {
        return Some(Transition::Expired(change(grant)));
    }
    let due = grant.clone().due(now).ok();
    if due.is_some() || facts.has_ended(grant.assignment, now) {
        let live = grant.clone().live(now).ok();
        if let (Some(cause), Some(live)) = (facts.grant_ends(&grant, false, now), live) {
            let after = live.revoke(None, cause, Text::default(), now);
            return Some(Transition::Revoked(change(after)));
        }
    }
    let live = facts.assignment(grant.assignment)?;
    let after = due?.start(granted.approved_by(), live, now);
    match after.state {
        GrantState::Active => Some(Transition::Started(change(after))),
        GrantState::Revoked { .. } => Some(Transition::Revoked(change(after))),
        GrantState::Expired { .. } => Some(Transition::Expired(change(after))),
        GrantState::Scheduled | GrantState::Released { .. } => None,
    }
}
