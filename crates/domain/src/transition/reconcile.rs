//! What a change of the organisation does to what waits or runs.

use super::facts::{AccessFacts, Granted};
use super::kinds::{GrantChange, Transition};
use crate::Time;
use crate::cause::Cause;
use crate::change::approver_lost_role;
use crate::grant::Grant;
use crate::ids::UserId;
use crate::reason::Text;
use crate::request::Request;
use crate::review::{Eligible, Reviewers};

/// What a change of the organisation, or a use that is reported late, does to what waits or runs
/// (rules 7 and 14). `moved` when address, ports or network of the resource changed; `told` are
/// fallback reviewers who know of the pending request.
#[must_use]
pub fn reconcile(
    facts: &AccessFacts,
    moved: bool,
    reviewers: &Reviewers,
    told: &[UserId],
    now: Time,
) -> Vec<Transition> {
    let mut done = Vec::new();
    if let Some(request) = &facts.pending {
        match facts.request_ends(request, moved, now) {
            // Told with the revocation of its grant, whose cause is the same.
            Some(_) if request.terms.purpose.extends().is_some() => {}
            Some(cause) => done.extend(cancelled(request, cause, now)),
            None => {
                let eligible = reviewers.eligible(facts.user);
                done.extend(find_reviewers(request, &eligible, told, now));
            }
        }
    }
    if let Some(granted) = &facts.grant {
        match facts.grant_ends(&granted.grant, moved, now) {
            Some(cause) => {
                let revoked = revoked(&granted.grant, cause, now);
                let with_extension = |revoked| facts.with_extension(revoked, cause, now);
                done.extend(revoked.into_iter().flat_map(with_extension));
            }
            None => done.extend(review_again(granted, facts.deputy_left, reviewers, now)),
        }
    }
    done
}

fn cancelled(request: &Request, cause: Cause, now: Time) -> Option<Transition> {
    let pending = request.clone().pending(now).ok()?;
    let request = pending.cancel(None, cause, now);
    Some(Transition::Cancelled { request })
}

fn revoked(grant: &Grant, cause: Cause, now: Time) -> Option<Transition> {
    let (before, live) = (grant.clone(), grant.clone().live(now).ok()?);
    let after = live.revoke(None, cause, Text::default(), now);
    Some(Transition::Revoked(GrantChange { before, after }))
}

/// What becomes of a pending request whose regular reviewers may be gone (rule 14).
fn find_reviewers(
    request: &Request,
    eligible: &Eligible,
    told: &[UserId],
    now: Time,
) -> Option<Transition> {
    match eligible {
        Eligible::Regulars(_) => None,
        Eligible::Fallback(people) => {
            let untold = people.iter().filter(|person| !told.contains(person));
            let untold: Vec<_> = untold.copied().collect();
            (!untold.is_empty()).then(|| Transition::SentToFallback {
                request: request.clone(),
                people: people.clone(),
                untold,
            })
        }
        Eligible::Nobody => cancelled(request, Cause::NobodyCanApprove, now),
    }
}

/// A scheduled grant goes back to review when the reviewer who approved it lost that role, or the deputy
/// who did on their behalf.
fn review_again(
    granted: &Granted,
    deputy_left: bool,
    reviewers: &Reviewers,
    now: Time,
) -> Vec<Transition> {
    let lost = granted.approved_by().is_some_and(|by| {
        !reviewers.include(by.voter()) || (by.on_behalf_of.is_some() && deputy_left)
    });
    if !lost {
        return Vec::new();
    }
    let (before, asked) = (granted.grant.clone(), granted.request.clone());
    let (after, request) = approver_lost_role(before.clone(), asked.clone(), now);
    if after == before {
        return Vec::new();
    }
    let eligible = reviewers.eligible(request.user);
    // It waits anew: whoever was told before is told again.
    let others = find_reviewers(&request, &eligible, &[], now);
    let reopened = Transition::Reopened {
        before: asked.state,
        request,
        reviewers: eligible.regulars(),
    };
    let revoked = Transition::Revoked(GrantChange { before, after });
    [revoked, reopened].into_iter().chain(others).collect()
}
