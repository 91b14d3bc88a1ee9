use chrono::{DateTime, FixedOffset, TimeDelta};
use hourkey_domain::Time;
use hourkey_domain::grant::Window;
use hourkey_domain::lock::{LockState, PendingExtension, lock_state, permit};
use hourkey_domain::request::{Ask, DEFAULT_LAPSE, ask};
use hourkey_domain::settings::EffectiveAssignment;
use proptest::option;
use proptest::prelude::*;

use crate::strategies::*;

/// The same situation, everything `by` later. States keep their own times: nothing reads them.
fn later(mut situation: Situation, by: TimeDelta) -> Situation {
    for assignment in &mut situation.assignments {
        assignment.until = assignment.until.map(|until| until + by);
    }
    if let Some(grant) = &mut situation.grant {
        let Window {
            starts_at,
            expires_at,
        } = grant.window;
        grant.window = Window {
            starts_at: starts_at + by,
            expires_at: expires_at + by,
        };
    }
    if let Some(request) = &mut situation.pending {
        request.created_at += by;
        request.lapses_at += by;
    }
    situation.last_used = situation.last_used.map(|at| at + by);
    situation.revoked_at = situation.revoked_at.map(|at| at + by);
    situation
}

/// The same lock state, `by` later.
fn state_later(state: LockState, by: TimeDelta) -> LockState {
    match state {
        LockState::Open { locks_at } => LockState::Open {
            locks_at: locks_at.map(|at| at + by),
        },
        LockState::Granted {
            grant,
            started_at,
            expires_at,
            extension,
        } => LockState::Granted {
            grant,
            started_at: started_at + by,
            expires_at: expires_at + by,
            extension: extension.map(|waits| PendingExtension {
                request: waits.request,
                since: waits.since + by,
                lapses_at: waits.lapses_at + by,
            }),
        },
        LockState::Scheduled {
            grant,
            starts_at,
            expires_at,
        } => LockState::Scheduled {
            grant,
            starts_at: starts_at + by,
            expires_at: expires_at + by,
        },
        LockState::Pending {
            request,
            since,
            lapses_at,
        } => LockState::Pending {
            request,
            since: since + by,
            lapses_at: lapses_at + by,
        },
        LockState::Locked { why } => LockState::Locked { why },
    }
}

fn span() -> impl Strategy<Value = TimeDelta> {
    (-3_000_000_000_000i64..=3_000_000_000_000).prop_map(TimeDelta::milliseconds)
}

proptest! {
    /// Rule 13: time is a parameter: the same situation in another year is the same, that much
    /// later. Nothing asks a clock, a calendar or a time zone.
    #[test]
    fn only_differences_of_time_matter(situation in situation(), now in moment(), by in span()) {
        let shifted = later(situation.clone(), by);
        let (facts, shifted) = (situation.facts(), shifted.facts());
        let expected = lock_state(&facts, now).map(|state| state_later(state, by));
        prop_assert_eq!(lock_state(&shifted, now + by), expected);
        let until = permit(USER, RESOURCE, &facts, now).map(|p| p.until.map(|at| at + by));
        prop_assert_eq!(permit(USER, RESOURCE, &shifted, now + by).map(|p| p.until), until);
    }

    /// Rule 13: nor does anything in asking and approving.
    #[test]
    fn asking_in_another_year(assignment in request_assignment(), asking in asking(), now in moment(), by in span()) {
        let other = EffectiveAssignment { until: assignment.until.map(|until| until + by), ..assignment };
        let asking_later =
            Ask { starts_at: asking.starts_at.map(|at| at + by), ..asking.clone() };
        let first = ask(USER, RESOURCE, &assignment, asking, None, DEFAULT_LAPSE, now);
        let second = ask(USER, RESOURCE, &other, asking_later, None, DEFAULT_LAPSE, now + by);
        prop_assert_eq!(first.is_ok(), second.is_ok());
        let (Ok(first), Ok(second)) = (first, second) else {
            return Ok(());
        };
        prop_assert_eq!(first.lapses_at + by, second.lapses_at);
        let window = |request: hourkey_domain::request::NewRequest, assignment: &EffectiveAssignment, now: Time| {
            let pending = stored(request).pending(now).unwrap();
            pending.approve(Some(REVIEWER.into()), None, text(""), assignment, now).unwrap().1
        };
        let (first, second) = (window(first, &assignment, now), window(second, &other, now + by));
        prop_assert_eq!(first.starts_at + by, second.starts_at);
        prop_assert_eq!(first.expires_at + by, second.expires_at);
    }

    /// Rule 13: a moment is the same in every time zone.
    #[test]
    fn a_time_zone_changes_nothing(now in moment(), quarters in -48i32..=56) {
        let zone = FixedOffset::east_opt(quarters * 900).unwrap();
        let written = now.with_timezone(&zone).to_rfc3339();
        let read: Time = written.parse::<DateTime<FixedOffset>>().unwrap().into();
        prop_assert_eq!(read, now);
    }

    /// Rule 13: no moment, however far off a clock may be, breaks the rules' arithmetic.
    #[test]
    fn a_wild_clock_breaks_nothing(
        mut situation in situation(),
        last_used in option::of(any_moment()),
        revoked_at in option::of(any_moment()),
        now in any_moment(),
    ) {
        situation.last_used = last_used;
        situation.revoked_at = revoked_at;
        let state = lock_state(&situation.facts(), now);
        let shows = matches!(state, Some(LockState::Open { .. } | LockState::Granted { .. }));
        prop_assert_eq!(permit(USER, RESOURCE, &situation.facts(), now).is_some(), shows);
    }
}
