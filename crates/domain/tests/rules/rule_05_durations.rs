use chrono::TimeDelta;
use hourkey_domain::Time;
use hourkey_domain::extension::{AddsNothing, Limit};
use hourkey_domain::grant::Window;
use hourkey_domain::ids::{AssignmentId, GroupId};
use hourkey_domain::length::{BadLength, Length, OutOfRange};
use hourkey_domain::organisation::Assignment;
use hourkey_domain::request::{
    Ask, CannotApprove, CannotAsk, DEFAULT_LAPSE, Request, State as RequestState, ask,
};
use hourkey_domain::settings::{Approval, EffectiveAssignment, Mode, Period, Settings};
use hourkey_domain::transition::{self, AccessFacts, Asked, Gives, Transition};
use proptest::option;
use proptest::prelude::*;

use crate::strategies::*;

proptest! {
    /// Rule 5: a length is 1 minute to 365 days, and nothing else is one.
    #[test]
    fn one_minute_to_365_days(
        seconds: u64,
        near in prop::sample::select(vec![0, 59, 60, 61, 31_535_999, 31_536_000, 31_536_001]),
    ) {
        for seconds in [seconds, near] {
            let valid = (60..=365 * 24 * 60 * 60).contains(&seconds);
            prop_assert_eq!(Length::from_seconds(seconds).is_ok(), valid);
            let json = seconds.to_string();
            prop_assert_eq!(serde_json::from_str::<Length>(&json).is_ok(), valid);
        }
    }

    /// Rule 5: a length that people type means its sum of units; no text makes an invalid one.
    #[test]
    fn typed_lengths(days in 0u64..400, hours in 0u64..30, minutes in 0u64..90, any in "\\PC{0,12}") {
        let total = days * 86_400 + hours * 3_600 + minutes * 60;
        let typed = format!("{days}d {hours}h{minutes}m").parse::<Length>();
        prop_assert_eq!(typed.is_ok(), (60..=31_536_000).contains(&total));
        if let Ok(length) = typed {
            prop_assert_eq!(u64::from(length.seconds()), total);
        }
        if let Ok(length) = any.parse::<Length>() {
            prop_assert!((Length::MIN..=Length::MAX).contains(&length));
        }
    }

    /// Rule 5: nobody may ask for more than the period, for a start that is past or more than 7
    /// days away, or through an assignment that ends within a minute of the start.
    #[test]
    fn asking_stays_within_the_period(
        assignment in request_assignment(),
        asking in asking(),
        edge in option::of(prop::sample::select(vec![-1, 0, 1, 604_800_000, 604_800_001])),
        now in moment(),
    ) {
        let edge = edge.map(|milliseconds| now + TimeDelta::milliseconds(milliseconds));
        let starts_at = edge.or(asking.starts_at);
        let longest = assignment.settings.period.longest();
        let wanted = asking.length.unwrap_or(assignment.settings.period.usual());
        let start_is_fine =
            starts_at.is_none_or(|at| now < at && at <= now + TimeDelta::days(7));
        let start = starts_at.unwrap_or(now);
        let room = assignment.until.is_none_or(|until| until - start >= TimeDelta::minutes(1));
        let asking = Ask { reason: text("a reason"), starts_at, ..asking };
        match ask(USER, RESOURCE, &assignment, asking, None, DEFAULT_LAPSE, now) {
            Ok(request) => {
                prop_assert!(wanted <= longest && start_is_fine && room);
                prop_assert_eq!(request.asked, wanted);
            }
            Err(CannotAsk::TooLong(limit)) => {
                prop_assert_eq!(limit, longest);
                prop_assert!(wanted > longest);
            }
            Err(CannotAsk::BadStart) => prop_assert!(!start_is_fine),
            Err(CannotAsk::EndsTooSoon) => prop_assert!(!room),
            Err(
                other @ (CannotAsk::NotVisible
                | CannotAsk::NotNeeded
                | CannotAsk::BlankReason
                | CannotAsk::UnlockHasNoLength
                | CannotAsk::AnotherStart { .. }
                | CannotAsk::NothingToExtend
                | CannotAsk::Disabled
                | CannotAsk::ExtensionHasNoStart
                | CannotAsk::AddsNothing(_)
                | CannotAsk::OpenWhileUsed(_)
                | CannotAsk::NobodyCanApprove { .. }),
            ) => {
                prop_assert!(false, "{other}");
            }
        }
    }

    /// Rule 5: of what was asked, what the reviewer allows, and what the terms allow, the shortest
    /// holds; it never passes the assignment's end, and a reviewer never lengthens.
    #[test]
    fn the_shortest_holds(
        request in request(),
        live in request_assignment(),
        allowed in option::of(length()),
        starts_in in option::of(1i64..=168),
    ) {
        let now = request.created_at;
        let starts_at = starts_in.map(|hours| now + TimeDelta::hours(hours));
        let request = Request { state: RequestState::Pending, starts_at, ..request };
        let lapses_at = starts_at.unwrap_or(request.lapses_at);
        let request = Request { lapses_at, ..request };
        let shortest = [
            request.asked,
            request.terms.period.longest(),
            live.settings.period.longest(),
            allowed.unwrap_or(Length::MAX),
        ];
        let shortest = TimeDelta::seconds(shortest.iter().min().unwrap().seconds().into());
        let start = starts_at.unwrap_or(now);
        let ends = [Some(start + shortest), request.terms.until, live.until];
        let end = ends.into_iter().flatten().min().unwrap();

        let pending = request.clone().pending(now).unwrap();
        match pending.approve(Some(REVIEWER.into()), allowed, text(""), &live, now) {
            Ok((approved, window)) => {
                prop_assert!(allowed.is_none_or(|allowed| allowed <= request.asked));
                prop_assert_eq!((window.starts_at, window.expires_at), (start, end));
                prop_assert!(end - start >= TimeDelta::minutes(1));
                let custom = [request.terms.period, live.settings.period]
                    .iter()
                    .any(|period| matches!(period, Period::Custom { .. }));
                let most = TimeDelta::days(if custom { 7 } else { 365 });
                prop_assert!(end - start <= most);
                let RequestState::Approved { length, .. } = approved.state else {
                    panic!("approved, and yet {:?}", approved.state);
                };
                prop_assert_eq!(i64::from(length.seconds()), (end - start).num_seconds());
            }
            Err(CannotApprove::Lengthened(limit)) => {
                prop_assert_eq!(limit, request.asked);
                prop_assert!(allowed.is_some_and(|allowed| allowed > request.asked));
            }
            Err(CannotApprove::EndsTooSoon) => prop_assert!(end - start < TimeDelta::minutes(1)),
            Err(
                other @ (CannotApprove::TooLate
                | CannotApprove::Lapsed
                | CannotApprove::UnlockHasNoLength
                | CannotApprove::AddsNothing(_)
                | CannotApprove::OpenWhileUsed(_)
                | CannotApprove::OwnRequest
                | CannotApprove::NeedsReviewer),
            ) => prop_assert!(false, "{other}"),
        }
    }

    /// Rule 5: after an extension at most what was asked, and so at most one period, lies ahead of now,
    /// access ends within the organisation's maximum from its start (7 days where its user says how long)
    /// and within the assignment, and a minute later than before at least. Everything else is refused, and says until when access runs and why not longer.
    #[test]
    fn an_extension_stays_within_its_bounds(
        assignment in request_assignment(),
        live in request_assignment(),
        lasts in length(),
        asked in option::of(length()),
        allowed in option::of(length()),
        passed in passed(),
        waited in 0i64..=10_000,
    ) {
        let start = noon();
        let facts = running(&assignment, start, lasts);
        let asked_at = start + TimeDelta::seconds(passed);
        let asking = Ask { length: asked, ..plain_ask() };
        let Some(facts) = with_extension(&facts, asking, asked_at) else {
            return Ok(());
        };
        let live = EffectiveAssignment { assignment: assignment.assignment, group: assignment.group, ..live };
        let facts = AccessFacts { assignments: vec![live], ..facts };
        let request = facts.pending.clone().unwrap();
        let before = facts.grant.clone().unwrap().grant.window;
        let now = asked_at + TimeDelta::seconds(waited);
        let shortest = [
            request.asked,
            allowed.unwrap_or(Length::MAX),
            assignment.settings.period.longest(),
            live.settings.period.longest(),
        ];
        let shortest = shortest.into_iter().min().unwrap();
        let ends = [
            Some(shortest.after(now)),
            Some(start + total([assignment, live])),
            assignment.until,
            live.until,
        ];
        let end = ends.into_iter().flatten().min().unwrap();
        match transition::approve(&facts, EXTENSION, Some(REVIEWER.into()), allowed, text(""), now) {
            Ok(Transition::Approved { request, gives: Gives::Extension { grant, before: old, window } }) => {
                prop_assert_eq!(grant, facts.grant.unwrap().grant.id);
                prop_assert_eq!(old, before);
                prop_assert_eq!(window, Window { expires_at: end, ..before });
                prop_assert!(end >= before.expires_at + TimeDelta::minutes(1));
                prop_assert!(end - now <= TimeDelta::seconds(shortest.seconds().into()));
                prop_assert!(end - start <= total([assignment, live]));
                let RequestState::Approved { length, .. } = request.state else {
                    panic!("approved, and yet {:?}", request.state);
                };
                prop_assert_eq!(i64::from(length.seconds()), (end - now).num_seconds());
            }
            Ok(other) => prop_assert!(false, "{other:?}"),
            Err(CannotApprove::AddsNothing(why)) => {
                let runs = [assignment.until, live.until].into_iter().flatten().fold(before.expires_at, Ord::min);
                prop_assert_eq!(why.ends_at, runs);
                prop_assert!(end < runs + TimeDelta::minutes(1));
            }
            Err(CannotApprove::Lengthened(limit)) => {
                prop_assert_eq!(limit, request.asked);
                prop_assert!(allowed.is_some_and(|allowed| allowed > request.asked));
            }
            Err(CannotApprove::TooLate) => prop_assert!(now >= request.lapses_at),
            Err(other) => prop_assert!(false, "{other}"),
        }
    }

    /// Rule 5: asking for more than the period is refused, and so is asking for what would end access no
    /// minute later: it says the present end and which bound is in the way.
    #[test]
    fn an_extension_that_adds_nothing_is_refused(
        assignment in request_assignment(),
        lasts in length(),
        asked in option::of(length()),
        passed in passed(),
    ) {
        let start = noon();
        let facts = running(&assignment, start, lasts);
        let now = start + TimeDelta::seconds(passed);
        let period = assignment.settings.period;
        let wanted = asked.unwrap_or(period.usual());
        let ends = facts.grant.as_ref().unwrap().grant.window.expires_at;
        let runs_until = assignment.until.map_or(ends, |until| until.min(ends));
        let bounds = [
            (wanted.after(now), if wanted < period.longest() { Limit::Asked } else { Limit::Period(period.longest()) }),
            (start + total([assignment]), Limit::Total(assignment.total)),
            (assignment.until.unwrap_or(Time::MAX_UTC), Limit::Assignment),
        ];
        let end = bounds.iter().map(|(end, _)| *end).min().unwrap();
        match extend(&facts, Ask { length: asked, ..plain_ask() }, now) {
            Ok(Asked::New { request, .. }) => {
                prop_assert!(wanted <= period.longest());
                prop_assert!(end >= runs_until + TimeDelta::minutes(1));
                prop_assert_eq!(request.lapses_at, (now + DEFAULT_LAPSE).min(ends));
            }
            Err(CannotAsk::TooLong(limit)) => {
                prop_assert!(wanted > limit && limit == period.longest());
            }
            Err(CannotAsk::AddsNothing(why)) => {
                prop_assert_eq!(why.ends_at, runs_until);
                prop_assert!(end < runs_until + TimeDelta::minutes(1));
                prop_assert!(bounds.contains(&(end, why.limit)));
            }
            Err(CannotAsk::EndsTooSoon) => {
                prop_assert!(assignment.until.is_some_and(|until| until < now + TimeDelta::minutes(1)));
            }
            Err(CannotAsk::NothingToExtend | CannotAsk::NotVisible) => prop_assert!(now >= runs_until),
            other => prop_assert!(false, "{other:?}"),
        }
    }

    /// Rule 5: whatever is set, nobody may ask for more than the organisation's maximum, nor choose more
    /// than 7 days; what lies within both is as it was set.
    #[test]
    fn no_period_is_longer_than_the_maximum(
        settings in settings(),
        own in overrides(),
        longest in length(),
    ) {
        let set = settings.with(own).period;
        let assignment = Assignment {
            id: AssignmentId(1),
            group: GroupId(1),
            resource: RESOURCE,
            until: None,
            own,
            auto_locks_since: None,
        };
        let live = assignment.effective(settings, longest);
        let maximum = match set {
            Period::Preset(_) => longest,
            Period::Custom { .. } => longest.min(days(7)),
        };
        let period = live.settings.period;
        prop_assert_eq!(live.total, maximum);
        prop_assert_eq!(period.longest(), set.longest().min(maximum));
        prop_assert!(period.usual() <= period.longest());
        if set.longest() <= maximum {
            prop_assert_eq!(period, set);
        }
    }

    /// Rule 5: no moment, however far, breaks the sums: what is granted still has an end after its
    /// start.
    #[test]
    fn far_moments_break_nothing(
        assignment in request_assignment(),
        until in option::of(any_moment()),
        starts_at in option::of(any_moment()),
        revoked_at in option::of(any_moment()),
        now in any_moment(),
    ) {
        let assignment = EffectiveAssignment { until, ..assignment };
        let asking = Ask { starts_at, ..plain_ask() };
        let Ok(new) = ask(USER, RESOURCE, &assignment, asking, revoked_at, TimeDelta::MAX, now) else {
            return Ok(());
        };
        let Ok(pending) = stored(new).pending(now) else {
            return Ok(());
        };
        if let Ok((_, window)) = pending.approve(Some(REVIEWER.into()), None, text(""), &assignment, now) {
            prop_assert!(window.starts_at < window.expires_at);
        }
    }
}

/// Rule 5: zero, negative, overlong and overflowing lengths are told apart from unreadable ones.
#[test]
fn typed_nonsense() {
    for (text, why) in [
        ("0m", OutOfRange::TooShort),
        ("0 days", OutOfRange::TooShort),
        ("59s", OutOfRange::TooShort),
        ("365d1s", OutOfRange::TooLong),
        ("366d", OutOfRange::TooLong),
        ("3650 days", OutOfRange::TooLong),
        ("99999999999999999999d", OutOfRange::TooLong),
        ("18446744073709551615d", OutOfRange::TooLong),
    ] {
        assert_eq!(text.parse::<Length>(), Err(why.into()), "{text}");
    }
    for text in ["", " ", "-5m", "h", "2w", "1:30"] {
        assert_eq!(text.parse::<Length>(), Err(BadLength::Unreadable), "{text}");
    }
    for text in ["5", "1h30"] {
        assert_eq!(text.parse::<Length>(), Err(BadLength::NoUnit), "{text}");
    }
}

/// Rule 5: under a preset one may ask for less; under a custom period one says how long.
#[test]
fn less_than_the_preset() {
    let assignment = assignment_with(Period::Preset(hours(12)));
    let asking = Ask {
        length: Some(hours(2)),
        ..plain_ask()
    };
    assert_eq!(pending_request(&assignment, asking, noon()).asked, hours(2));
}

/// Rule 5: without a length asked for it is the preset, the recommended length, or else an hour, as far as the
/// period allows.
#[test]
fn the_usual_length() {
    let custom = |up_to, recommended| Period::Custom { up_to, recommended };
    let minutes = |minutes: u64| Length::from_seconds(minutes * 60).unwrap();
    for (period, asked) in [
        (Period::Preset(hours(12)), hours(12)),
        (custom(hours(48), None), hours(1)),
        (custom(hours(48), Some(hours(3))), hours(3)),
        (custom(minutes(20), None), minutes(20)),
        // What was lowered since holds.
        (custom(minutes(20), Some(hours(3))), minutes(20)),
    ] {
        let assignment = assignment_with(period);
        assert_eq!(
            pending_request(&assignment, plain_ask(), noon()).asked,
            asked,
            "{period:?}"
        );
    }
}

/// Rule 5: a custom period that is longer all the same, as no form and no file takes it, counts as 7 days.
#[test]
fn nobody_chooses_more_than_seven_days() {
    let eight = Period::Custom {
        up_to: days(8),
        recommended: Some(days(8)),
    };
    let week = Period::Custom {
        up_to: days(7),
        recommended: Some(days(7)),
    };
    assert_eq!(eight.within(Length::MAX), week);
}

/// Rule 5: a year of access, day by day: an extension of a preset goes on to the organisation's maximum, and
/// no minute further.
#[test]
fn extensions_up_to_the_maximum() {
    for longest in [days(7), days(30), days(365)] {
        let own = EffectiveAssignment {
            total: Period::Preset(days(1)).total(longest),
            ..assignment_with(Period::Preset(days(1)))
        };
        let mut facts = running(&own, noon(), days(1));
        let limit = loop {
            let end = facts.grant.as_ref().unwrap().grant.window.expires_at;
            let now = end - TimeDelta::hours(1);
            let Some(asked) = with_extension(&facts, plain_ask(), now) else {
                break extend(&facts, plain_ask(), now);
            };
            let by = Some(REVIEWER.into());
            let approved = transition::approve(&asked, EXTENSION, by, None, text(""), now).unwrap();
            let Transition::Approved {
                gives: Gives::Extension { window, .. },
                ..
            } = approved
            else {
                panic!("{approved:?}");
            };
            facts.grant.as_mut().unwrap().grant.window = window;
        };
        let why = AddsNothing {
            ends_at: longest.after(noon()),
            limit: Limit::Total(longest),
        };
        assert_eq!(limit, Err(CannotAsk::AddsNothing(why)));
    }
}

fn days(days: u64) -> Length {
    hours(days * 24)
}

/// How long access may last under all of these terms.
fn total<const N: usize>(terms: [EffectiveAssignment; N]) -> TimeDelta {
    let totals = terms.iter().map(|own| match own.settings.period {
        Period::Preset(_) => Length::MAX,
        Period::Custom { .. } => days(7),
    });
    let live = terms.last().unwrap().total;
    let total = totals.chain([live]).min().unwrap();
    TimeDelta::seconds(total.seconds().into())
}

fn assignment_with(period: Period) -> EffectiveAssignment {
    EffectiveAssignment {
        counts_from: None,
        assignment: AssignmentId(1),
        group: GroupId(1),
        settings: Settings {
            mode: Mode::AccessRequest,
            period,
            approval: Approval::Manual,
            lock_after: 1,
        },
        total: Length::WEEK,
        until: None,
    }
}
