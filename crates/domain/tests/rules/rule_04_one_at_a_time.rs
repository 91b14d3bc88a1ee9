use chrono::TimeDelta;
use hourkey_domain::Time;
use hourkey_domain::change::Cause;
use hourkey_domain::grant::{Grant, State as GrantState};
use hourkey_domain::ids::{GrantId, RequestId};
use hourkey_domain::lock::{Facts, Outstanding, outstanding};
use hourkey_domain::request::{Ask, DEFAULT_LAPSE, Request, State as RequestState, ask};
use hourkey_domain::settings::{Approval, EffectiveAssignment};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::strategies::*;

/// What people and time do to one user and one resource.
#[derive(Clone, Debug)]
enum Step {
    Ask { starts_in: Option<i64> },
    Approve,
    Deny,
    Cancel,
    Release,
    Revoke,
    Wait { minutes: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => prop::option::of(1i64..=600).prop_map(|starts_in| Step::Ask { starts_in }),
        3 => Just(Step::Approve),
        1 => Just(Step::Deny),
        1 => Just(Step::Cancel),
        1 => Just(Step::Release),
        1 => Just(Step::Revoke),
        3 => (1i64..=2_000).prop_map(|minutes| Step::Wait { minutes }),
    ]
}

/// Everything ever asked for and granted, moved on by the domain's transitions alone.
struct History {
    assignment: EffectiveAssignment,
    requests: Vec<Request>,
    grants: Vec<Grant>,
    now: Time,
}

impl History {
    /// The pending requests, scheduled grants and active grants, counted from the records.
    fn alive(&self) -> usize {
        let pending = self.requests.iter().filter(|request| {
            request.state == RequestState::Pending && self.now < request.lapses_at
        });
        let running = self.grants.iter().filter(|grant| {
            let ended = match grant.state {
                GrantState::Scheduled | GrantState::Active => false,
                GrantState::Expired { .. }
                | GrantState::Released { .. }
                | GrantState::Revoked { .. } => true,
            };
            !ended && self.now < grant.window.expires_at
        });
        pending.count() + running.count()
    }

    fn outstanding(&self) -> Option<Outstanding> {
        let assignments = [self.assignment];
        let facts = Facts {
            assignments: &assignments,
            grant: self.grants.last(),
            pending: self.requests.last(),
            last_used: None,
            revoked_at: None,
        };
        outstanding(&facts, self.now)
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Wait { minutes } => self.now += TimeDelta::minutes(*minutes),
            Step::Ask { starts_in } => self.ask(*starts_in),
            Step::Approve => self.decide(|pending, assignment, now| {
                let approved = pending.approve(Some(REVIEWER), None, text(""), assignment, now);
                approved.ok().map(|(request, window)| {
                    let grant = granted(&request, window);
                    (request, Some(grant))
                })
            }),
            Step::Deny => {
                self.decide(|pending, _, now| Some((pending.deny(REVIEWER, text("no"), now), None)))
            }
            Step::Cancel => self.decide(|pending, _, now| {
                Some((pending.cancel(Some(USER), Cause::Person, now), None))
            }),
            Step::Release => self.end(|live, now| live.release(now)),
            Step::Revoke => {
                self.end(|live, now| live.revoke(Some(REVIEWER), Cause::Person, text(""), now))
            }
        }
        let (assignment, now) = (self.assignment, self.now);
        if let Some(grant) = self.grants.pop() {
            let started = grant.due(now).map_or_else(
                |grant| grant,
                |due| due.start(Some(REVIEWER), &assignment, now),
            );
            self.grants.push(started);
        }
    }

    /// Asks as the controller does: only when nothing is there to return.
    fn ask(&mut self, starts_in: Option<i64>) {
        if self.outstanding().is_some() {
            return;
        }
        let asking = Ask {
            starts_at: starts_in.map(|minutes| self.now + TimeDelta::minutes(minutes)),
            ..plain_ask()
        };
        let id = RequestId(i64::try_from(self.requests.len()).unwrap());
        let request = pending_request(&self.assignment, asking, self.now);
        self.requests.push(Request { id, ..request });
    }

    fn decide(
        &mut self,
        decision: impl FnOnce(
            hourkey_domain::request::Pending,
            &EffectiveAssignment,
            Time,
        ) -> Option<(Request, Option<Grant>)>,
    ) {
        let Some(request) = self.requests.last().cloned() else {
            return;
        };
        let Ok(pending) = request.pending(self.now) else {
            return;
        };
        if let Some((request, grant)) = decision(pending, &self.assignment, self.now) {
            *self.requests.last_mut().unwrap() = request;
            let id = GrantId(i64::try_from(self.grants.len()).unwrap());
            self.grants.extend(grant.map(|grant| Grant { id, ..grant }));
        }
    }

    fn end(&mut self, ending: impl FnOnce(hourkey_domain::grant::Live, Time) -> Grant) {
        let Some(grant) = self.grants.last().cloned() else {
            return;
        };
        if let Ok(live) = grant.live(self.now) {
            *self.grants.last_mut().unwrap() = ending(live, self.now);
        }
    }
}

proptest! {
    /// Rule 4: whatever people and time do, at most one pending request, scheduled grant or active
    /// grant exists, and asking again is answered with it.
    #[test]
    fn at_most_one(assignment in endless_request_assignment(), steps in vec(step(), 1..60)) {
        let mut history = History { assignment, requests: vec![], grants: vec![], now: noon() };
        for step in &steps {
            history.take(step);
            prop_assert!(history.alive() <= 1, "after {step:?}");
            prop_assert_eq!(history.outstanding().is_some(), history.alive() == 1);
        }
    }

    /// Rule 4: asking again returns that very request, or that very grant.
    #[test]
    fn asking_again_returns_what_is_there(mut assignment in endless_request_assignment(), now in moment()) {
        assignment.settings.approval = Approval::Manual;
        let assignments = [assignment];
        let request = pending_request(&assignment, plain_ask(), now);
        let mut facts = Facts {
            assignments: &assignments,
            grant: None,
            pending: Some(&request),
            last_used: None,
            revoked_at: None,
        };
        prop_assert_eq!(outstanding(&facts, now), Some(Outstanding::Request(request.id)));
        let pending = request.clone().pending(now).unwrap();
        let (approved, window) =
            pending.approve(Some(REVIEWER), None, text(""), &assignment, now).unwrap();
        let grant = granted(&approved, window);
        facts.grant = Some(&grant);
        facts.pending = None;
        prop_assert_eq!(outstanding(&facts, now), Some(Outstanding::Grant(grant.id)));
    }

    /// Rule 4: a pending request lapses after the configured time, a scheduled one at its start.
    #[test]
    fn requests_lapse(
        assignment in endless_request_assignment(),
        now in moment(),
        lapse in 1i64..=200,
        starts_in in prop::option::of(1i64..=168),
    ) {
        let lapse = TimeDelta::hours(lapse);
        let starts_at = starts_in.map(|hours| now + TimeDelta::hours(hours));
        let asking = Ask { starts_at, ..plain_ask() };
        let new = ask(USER, RESOURCE, &assignment, asking, None, lapse, now).unwrap();
        prop_assert_eq!(new.lapses_at, starts_at.unwrap_or(now + lapse));
    }

    /// Rule 4: a request can be decided before it lapses, and not from that moment on.
    #[test]
    fn the_lapsed_cannot_be_decided(
        assignment in endless_request_assignment(),
        created in moment(),
        milliseconds in prop_oneof![-3i64..=3, -100_000_000i64..=100_000_000],
    ) {
        let request = pending_request(&assignment, plain_ask(), created);
        let lapses_at = created + DEFAULT_LAPSE;
        match request.pending(lapses_at + TimeDelta::milliseconds(milliseconds)) {
            Ok(_) => prop_assert!(milliseconds < 0),
            Err(request) => {
                prop_assert!(milliseconds >= 0);
                prop_assert_eq!(request.state, RequestState::Lapsed { at: lapses_at });
            }
        }
    }
}
