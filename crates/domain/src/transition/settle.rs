//! What time alone does.

use super::facts::{AccessFacts, Granted};
use super::kinds::{GrantChange, Transition};
use crate::Time;
use crate::cause::Cause;
use crate::grant::State as GrantState;
use crate::reason::Text;
use crate::request::{Purpose, Request, State as RequestState};

/// What time alone has done: the facts afterwards, and the transitions.
#[must_use]
pub fn settle(mut facts: AccessFacts, now: Time) -> (AccessFacts, Vec<Transition>) {
    let mut done = Vec::new();
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
    if let Some(request) = facts.pending.take() {
        let ended = facts.grant.is_none();
        match request.terms.purpose {
            Purpose::Extension(_) if ended => done.push(goes_with_its_grant(request, &done, now)),
            Purpose::Extension(_) | Purpose::Grant | Purpose::Unlock => {
                let (still, transition) = settle_request(&facts, request, now);
                facts.pending = still;
                done.extend(transition);
            }
        }
    }
    (facts, done)
}

/// What time has done to a pending request whose grant, if it has one, still runs.
fn settle_request(
    facts: &AccessFacts,
    request: Request,
    now: Time,
) -> (Option<Request>, Option<Transition>) {
    let pending = match request.pending(now) {
        Ok(pending) => pending,
        Err(request) => return (None, Some(Transition::Lapsed { request })),
    };
    let request = pending.request();
    let ended = facts.has_ended(request.terms.assignment, now);
    let cause = ended.then(|| facts.request_ends(request, false, now));
    match cause.flatten() {
        Some(cause) => {
            let request = pending.cancel(None, cause, now);
            (None, Some(Transition::Cancelled { request }))
        }
        None => (Some(pending.into_request()), None),
    }
}

/// An extension whose grant ended with `ends`: nobody answered in time, or, at equal instants, the
/// ending won (rule 7).
fn goes_with_its_grant(request: Request, ends: &[Transition], now: Time) -> Transition {
    let revoked = ends.iter().find_map(|transition| match transition {
        Transition::Revoked(change) => match change.after.state {
            GrantState::Revoked { cause, .. } => Some(cause),
            _ => None,
        },
        _ => None,
    });
    if let Some(cause) = revoked {
        let request = request.ended_with_its_grant(cause, now);
        return Transition::Superseded { request };
    }
    let ended_at = ends.iter().find_map(|transition| match transition {
        Transition::Expired(change) => Some(change.after.window.expires_at),
        _ => None,
    });
    match ended_at.is_some_and(|at| request.lapses_at < at) {
        true => {
            let at = request.lapses_at;
            let state = RequestState::Lapsed { at };
            Transition::Lapsed {
                request: Request { state, ..request },
            }
        }
        false => Transition::Cancelled {
            request: request.ended_with_its_grant(Cause::GrantEnded, now),
        },
    }
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
