use chrono::TimeDelta;
use hourkey_domain::Time;
use hourkey_domain::cause::Cause;
use hourkey_domain::grant::{Grant, State as GrantState};
use hourkey_domain::ids::{GrantId, RequestId};
use hourkey_domain::request::{Ask, CannotAsk, DEFAULT_LAPSE, Request, State as RequestState, ask};
use hourkey_domain::settings::{Approval, EffectiveAssignment};
use hourkey_domain::transition::{
    self, AccessFacts, Asked, CannotUndo, Gives, Granted, Replaced, TakenBack, Transition, UNDO,
    Undoable, settle,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::strategies::*;

/// What people and time do to one user and one resource.
#[derive(Clone, Debug)]
enum Step {
    Ask { starts_in: Option<i64> },
    Extend,
    Approve,
    Deny,
    Cancel,
    Release,
    Revoke,
    Undo { seconds: i64 },
    Wait { minutes: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => prop::option::of(1i64..=600).prop_map(|starts_in| Step::Ask { starts_in }),
        2 => Just(Step::Extend),
        3 => Just(Step::Approve),
        1 => Just(Step::Deny),
        1 => Just(Step::Cancel),
        1 => Just(Step::Release),
        1 => Just(Step::Revoke),
        2 => (0i64..=11).prop_map(|seconds| Step::Undo { seconds }),
        3 => (1i64..=2_000).prop_map(|minutes| Step::Wait { minutes }),
    ]
}

/// Everything ever asked for and granted, changed by transitions alone, as the controller records
/// them.
struct History {
    assignment: EffectiveAssignment,
    requests: Vec<Request>,
    grants: Vec<Grant>,
    /// The last decision, until it is taken back.
    decision: Option<Undoable>,
    now: Time,
}

impl History {
    fn of(assignment: EffectiveAssignment, now: Time) -> Self {
        Self {
            assignment,
            requests: Vec::new(),
            grants: Vec::new(),
            decision: None,
            now,
        }
    }

    /// The pending extensions, counted from the records; each with whether its grant runs.
    fn extensions(&self) -> Vec<bool> {
        let pending = self.requests.iter().filter(|request| {
            request.state == RequestState::Pending && self.now < request.lapses_at
        });
        let extended = pending.filter_map(|request| request.terms.purpose.extends());
        let runs = extended.map(|grant| {
            self.grants[usize::try_from(grant.0).unwrap()].state == GrantState::Active
        });
        runs.collect()
    }

    /// The pending requests for access, scheduled grants and active grants, counted from the records.
    fn alive(&self) -> usize {
        let pending = self.requests.iter().filter(|request| {
            request.state == RequestState::Pending
                && self.now < request.lapses_at
                && request.terms.purpose.extends().is_none()
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

    /// As the store's rows have them: what is open by its recorded state.
    fn facts(&self) -> AccessFacts {
        let mut pending = self.requests.iter();
        let pending = pending
            .find(|it| it.state == RequestState::Pending)
            .cloned();
        let mut open = self.grants.iter();
        let open = open.find(|it| matches!(it.state, GrantState::Scheduled | GrantState::Active));
        let grant = open.map(|grant| Granted {
            grant: grant.clone(),
            request: self.requests[grant.request.0 as usize].clone(),
        });
        AccessFacts {
            user: USER,
            resource: RESOURCE,
            user_enabled: true,
            resource_exists: true,
            resource_enabled: true,
            assignments: vec![self.assignment],
            former: None,
            pending,
            grant,
            last_used: None,
            revoked_at: None,
            deputy_left: false,
        }
    }

    /// Settled to this moment.
    fn settled(&mut self) -> AccessFacts {
        let (facts, done) = settle(self.facts(), self.now);
        self.record(done);
        facts
    }

    fn record(&mut self, done: impl IntoIterator<Item = Transition>) {
        for transition in done {
            self.note(&transition);
            match transition {
                Transition::Approved { request, gives } => {
                    let (window, scheduled) = match gives {
                        Gives::Grant { window, scheduled } => (window, scheduled),
                        Gives::Extension { grant, window, .. } => {
                            self.grants[usize::try_from(grant.0).unwrap()].window = window;
                            self.replace(request);
                            continue;
                        }
                        Gives::Unlock { .. } => panic!("an unlock of what needs none"),
                    };
                    let grant = granted(&request, window);
                    let id = GrantId(i64::try_from(self.grants.len()).unwrap());
                    let state = match scheduled {
                        true => GrantState::Scheduled,
                        false => GrantState::Active,
                    };
                    self.grants.push(Grant { id, state, ..grant });
                    self.replace(request);
                }
                Transition::Denied { request }
                | Transition::Cancelled { request }
                | Transition::Superseded { request }
                | Transition::Lapsed { request }
                | Transition::Reopened { request, .. } => self.replace(request),
                Transition::Started(change)
                | Transition::Expired(change)
                | Transition::Released(change)
                | Transition::Revoked(change) => {
                    let id = change.after.id.0 as usize;
                    self.grants[id] = change.after;
                }
                Transition::TakenBack { request, taken, .. } => {
                    if let TakenBack::End(change) = taken {
                        let id = change.after.id.0 as usize;
                        self.grants[id] = change.after;
                    }
                    self.replace(request);
                }
                Transition::Requested { request, .. } => {
                    let id = RequestId(i64::try_from(self.requests.len()).unwrap());
                    self.requests.push(request.numbered(id));
                }
                Transition::SentToFallback { .. } | Transition::Unlocked { .. } => {
                    panic!("nobody does this here");
                }
            }
        }
    }

    /// Keeps what a reviewer decides, as the controller does.
    fn note(&mut self, transition: &Transition) {
        let (request, replaced) = match transition {
            Transition::Approved { request, gives } => {
                let replaced = match *gives {
                    Gives::Grant { .. } => {
                        let grant = GrantId(i64::try_from(self.grants.len()).unwrap());
                        Replaced::NoGrant { grant }
                    }
                    Gives::Extension {
                        grant,
                        before,
                        window,
                    } => Replaced::End {
                        grant,
                        before,
                        after: window,
                    },
                    Gives::Unlock { .. } => panic!("an unlock of what needs none"),
                };
                (request, replaced)
            }
            Transition::Denied { request } => (request, Replaced::Waiting),
            _ => return,
        };
        let by = match request.state {
            RequestState::Approved { by, .. } => by,
            RequestState::Denied { by, .. } => Some(by),
            _ => None,
        };
        self.decision = by.map(|by| Undoable {
            request: request.id,
            by,
            at: self.now,
            replaced,
        });
    }

    /// Takes the last decision back (rule 12): what it gave is gone, and no deadline is later than before.
    fn undo(&mut self, seconds: i64) -> Option<Vec<Transition>> {
        let decision = self.decision.take()?;
        self.now += TimeDelta::seconds(seconds);
        let facts = self.settled();
        let request = self.requests[decision.request.0 as usize].clone();
        let undo = |by| {
            let how = (by, DEFAULT_LAPSE);
            transition::undo(&facts, &reviewers(), &decision, &request, how, self.now)
        };
        assert_eq!(undo(USER), Err(CannotUndo::NotTheirs));
        let done = undo(REVIEWER);
        if self.now >= decision.at + UNDO {
            assert_eq!(done, Err(CannotUndo::TooLate));
        }
        let done = done.ok()?;
        for transition in &done {
            match transition {
                Transition::Revoked(change) => assert_eq!(
                    change.after.state,
                    GrantState::Revoked {
                        at: self.now,
                        by: None,
                        on_behalf_of: None,
                        cause: Cause::Undone,
                        comment: text(""),
                    }
                ),
                Transition::TakenBack { taken, .. } => {
                    let TakenBack::End(change) = taken else {
                        panic!("nothing was unlocked");
                    };
                    assert!(change.after.window.expires_at < change.before.window.expires_at);
                    assert!(change.after.window.expires_at > self.now);
                }
                Transition::Requested { request: new, .. } => {
                    assert_eq!((&new.terms, &new.reason), (&request.terms, &request.reason));
                    assert!(new.lapses_at > self.now);
                }
                Transition::Superseded { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        Some(done)
    }

    fn replace(&mut self, request: Request) {
        let id = request.id.0 as usize;
        self.requests[id] = request;
    }

    fn take(&mut self, step: &Step) {
        let facts = self.settled();
        let now = self.now;
        let request = facts.pending.as_ref().map(|it| it.id);
        let grant = facts.grant.as_ref().map(|it| it.grant.id);
        // What is not there any more is tried all the same.
        let request = request.unwrap_or(RequestId(0));
        let grant = grant.unwrap_or(GrantId(0));
        let done = match step {
            Step::Wait { minutes } => {
                self.now += TimeDelta::minutes(*minutes);
                self.settled();
                None
            }
            Step::Ask { starts_in } => {
                let asked = self.ask(&facts, *starts_in);
                if let Err(why) = asked {
                    let until = facts.grant.as_ref().map(|it| it.grant.window.expires_at);
                    assert_eq!(why, CannotAsk::AnotherStart { until });
                    assert!(starts_in.is_some() && self.alive() == 1);
                }
                None
            }
            Step::Extend => {
                self.extend(&facts);
                None
            }
            Step::Approve => {
                let comment = text("");
                let approved =
                    transition::approve(&facts, request, Some(REVIEWER.into()), None, comment, now);
                approved.ok().map(|done| vec![done])
            }
            Step::Deny => {
                let denied = transition::deny(&facts, request, REVIEWER, text("no"), now);
                denied.ok().map(|done| vec![done])
            }
            Step::Cancel => {
                let cancelled = transition::cancel(&facts, request, now);
                cancelled.ok().map(|done| vec![done])
            }
            Step::Release => transition::release(&facts, grant, now).ok(),
            Step::Undo { seconds } => self.undo(*seconds),
            Step::Revoke => transition::revoke(&facts, grant, REVIEWER, text(""), now).ok(),
        };
        self.record(done.into_iter().flatten());
    }

    /// Asks for more time, where some runs.
    fn extend(&mut self, facts: &AccessFacts) {
        let asked = transition::extend(
            facts,
            &reviewers(),
            plain_ask(),
            None,
            DEFAULT_LAPSE,
            self.now,
        );
        let Ok(asked) = asked else { return };
        let before = self.requests.len();
        let id = self.keep(asked);
        let again = transition::extend(
            &self.facts(),
            &reviewers(),
            plain_ask(),
            None,
            DEFAULT_LAPSE,
            self.now,
        );
        // Asking again, while it waits, returns it.
        if self.extensions() == [true] {
            assert_eq!(again, Ok(Asked::AlreadyThere(id)));
        }
        assert!(self.requests.len() <= before + 1);
    }

    /// Asks, and returns the request that waits, or whose grant is scheduled or runs.
    fn ask(&mut self, facts: &AccessFacts, starts_in: Option<i64>) -> Result<RequestId, CannotAsk> {
        let asking = Ask {
            starts_at: starts_in.map(|minutes| self.now + TimeDelta::minutes(minutes)),
            ..plain_ask()
        };
        let asked = transition::ask(facts, &reviewers(), asking, None, DEFAULT_LAPSE, self.now);
        Ok(self.keep(asked?))
    }

    /// Records what came of asking, and its approval where that is automatic.
    fn keep(&mut self, asked: Asked) -> RequestId {
        let id = RequestId(i64::try_from(self.requests.len()).unwrap());
        match asked {
            Asked::AlreadyThere(request) => request,
            Asked::New { request, .. } => {
                let request = request.numbered(id);
                let approval = request.terms.approval;
                self.requests.push(request);
                if approval == Approval::Automatic {
                    let facts = self.facts();
                    let approved = transition::approve(&facts, id, None, None, text(""), self.now);
                    self.record([approved.unwrap()]);
                }
                id
            }
        }
    }
}

proptest! {
    /// Rule 4: whatever people and time do, at most one pending request, scheduled grant or active
    /// grant exists, and asking again is answered with it. A pending extension stands beside its
    /// active grant alone, and never without it.
    #[test]
    fn at_most_one(assignment in endless_request_assignment(), steps in vec(step(), 1..60)) {
        let mut history = History::of(assignment, noon());
        for step in &steps {
            history.take(step);
            prop_assert!(history.alive() <= 1, "after {step:?}");
            let extensions = history.extensions();
            prop_assert!(extensions.is_empty() || extensions == [true], "after {step:?}");
            let facts = history.settled();
            let open = facts.pending.is_some() || facts.grant.is_some();
            prop_assert_eq!(open, history.alive() == 1, "after {:?}", step);
            if open {
                let before = history.requests.len();
                history.ask(&facts, None).unwrap();
                prop_assert_eq!(history.requests.len(), before, "after {:?}", step);
            }
        }
    }

    /// Rule 4: asking again returns that very request, or the one whose grant is scheduled or runs; another
    /// start is refused, and says until when.
    #[test]
    fn asking_again_returns_what_is_there(
        mut assignment in endless_request_assignment(),
        now in moment(),
        starts_in in prop::option::of(1i64..=600),
    ) {
        assignment.settings.approval = Approval::Manual;
        let mut history = History::of(assignment, now);
        let request = history.ask(&history.facts(), starts_in);
        prop_assert!(request.is_ok());
        prop_assert_eq!(&history.ask(&history.facts(), None), &request);
        let waits = history.ask(&history.facts(), Some(601));
        prop_assert_eq!(waits, Err(CannotAsk::AnotherStart { until: None }));
        history.take(&Step::Approve);
        prop_assert_eq!(history.grants.len(), 1);
        prop_assert_eq!(history.ask(&history.facts(), starts_in), request);
        let until = Some(history.grants[0].window.expires_at);
        let other = history.ask(&history.facts(), Some(601));
        prop_assert_eq!(other, Err(CannotAsk::AnotherStart { until }));
        prop_assert_eq!(history.requests.len(), 1);
    }

    /// Rule 4: what time has done is done once, and deciding afterwards finds nothing more of it.
    #[test]
    fn what_is_settled_is_settled(
        assignment in request_assignment(),
        steps in vec(step(), 1..20),
        minutes in 0i64..=20_000,
    ) {
        let endless = EffectiveAssignment { until: None, ..assignment };
        let mut history = History::of(endless, noon());
        for step in &steps {
            history.take(step);
        }
        history.assignment = assignment;
        history.now += TimeDelta::minutes(minutes);
        let facts = history.settled();
        let (again, done) = settle(facts.clone(), history.now);
        prop_assert_eq!(done, []);
        prop_assert_eq!(&again.pending, &facts.pending);
        prop_assert_eq!(&again.grant, &facts.grant);
        let asked = transition::ask(
            &facts, &reviewers(), plain_ask(), None, DEFAULT_LAPSE, history.now,
        );
        if asked == Err(CannotAsk::NotVisible) {
            let ended = assignment.until.is_some_and(|until| until <= history.now);
            prop_assert!(ended && history.alive() == 0);
        }
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
