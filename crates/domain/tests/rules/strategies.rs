//! What the properties draw from. Ids and moments come from small pools, so that things meet.

use chrono::{TimeDelta, TimeZone, Utc};
use hourkey_domain::Time;
use hourkey_domain::cause::Cause;
use hourkey_domain::grant::{Grant, State as GrantState, Window};
use hourkey_domain::ids::{AssignmentId, GrantId, GroupId, RequestId, ResourceId, UserId};
use hourkey_domain::length::Length;
use hourkey_domain::lock::Facts;
use hourkey_domain::reason::Text;
use hourkey_domain::request::{
    Ask, CannotAsk, DEFAULT_LAPSE, NewRequest, Purpose, Request, State as RequestState, Terms, ask,
};
use hourkey_domain::review::{Reviewers, Role};
use hourkey_domain::settings::{
    Approval, EffectiveAssignment, MAX_CUSTOM, Mode, Override, Period, Settings,
};
use hourkey_domain::transition::{self, AccessFacts, Asked, Granted};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// Whoever asks.
pub(crate) const USER: UserId = UserId(1);
/// Somebody else, who reviews.
pub(crate) const REVIEWER: UserId = UserId(2);
/// What is asked for.
pub(crate) const RESOURCE: ResourceId = ResourceId(7);

/// The middle of all moments drawn.
pub(crate) fn noon() -> Time {
    Utc.with_ymd_and_hms(2031, 5, 14, 12, 0, 0).unwrap()
}

/// This many hours after (or before) noon.
pub(crate) fn hour(hours: i64) -> Time {
    noon() + TimeDelta::hours(hours)
}

/// A length of this many hours.
pub(crate) fn hours(hours: u64) -> Length {
    Length::from_seconds(hours * 3_600).unwrap()
}

/// A text of at most 2,000 characters.
pub(crate) fn text(text: &str) -> Text {
    Text::new(text).unwrap()
}

/// Within ten days of noon: half of them on the hour, so that equal instants occur.
pub(crate) fn moment() -> impl Strategy<Value = Time> + Clone {
    prop_oneof![
        (-240i64..=240).prop_map(hour),
        (-864_000_000i64..=864_000_000).prop_map(|ms| noon() + TimeDelta::milliseconds(ms)),
    ]
}

/// Any moment there is, often at either end of the range.
pub(crate) fn any_moment() -> impl Strategy<Value = Time> + Clone {
    prop_oneof![
        moment(),
        Just(Time::MIN_UTC),
        Just(Time::MAX_UTC),
        (0u32..=691_200).prop_map(|s| Time::MAX_UTC - TimeDelta::seconds(s.into())),
    ]
}

pub(crate) fn length() -> impl Strategy<Value = Length> + Clone {
    prop_oneof![
        Just(Length::MIN),
        Just(Length::MAX),
        Just(Length::WEEK),
        (1u64..=168).prop_map(hours),
        (8u64..=365).prop_map(|days| hours(days * 24)),
        (60u64..=31_536_000).prop_map(|seconds| Length::from_seconds(seconds).unwrap()),
    ]
    // Trees of it are part of many others, on a small stack.
    .boxed()
}

/// So long ago, in seconds: half of the draws lie within a week.
pub(crate) fn passed() -> impl Strategy<Value = i64> + Clone {
    prop_oneof![0i64..=604_800, 0i64..=31_536_000]
}

pub(crate) fn mode() -> impl Strategy<Value = Mode> + Clone {
    prop::sample::select(vec![Mode::Standing, Mode::AutoLock, Mode::AccessRequest])
}

pub(crate) fn approval() -> impl Strategy<Value = Approval> + Clone {
    prop::sample::select(vec![Approval::Manual, Approval::Automatic])
}

pub(crate) fn period() -> impl Strategy<Value = Period> + Clone {
    prop_oneof![
        length().prop_map(Period::Preset),
        (length(), proptest::option::of(length())).prop_map(|(up_to, recommended)| {
            let up_to = up_to.min(MAX_CUSTOM);
            let recommended = recommended.map(|length| length.min(up_to));
            Period::Custom { up_to, recommended }
        }),
    ]
}

pub(crate) fn settings() -> impl Strategy<Value = Settings> + Clone {
    (mode(), period(), approval(), 1u16..=9).prop_map(|(mode, period, approval, lock_after)| {
        Settings {
            mode,
            period,
            approval,
            lock_after,
        }
    })
}

pub(crate) fn overrides() -> impl Strategy<Value = Override> {
    let fields = (
        option::of(mode()),
        option::of(period()),
        option::of(approval()),
        option::of(1u16..=9),
    );
    fields.prop_map(|(mode, period, approval, lock_after)| Override {
        mode,
        period,
        approval,
        lock_after,
    })
}

pub(crate) fn assignment() -> impl Strategy<Value = EffectiveAssignment> + Clone {
    let parts = (1i64..=4, settings(), length(), option::of(moment()));
    parts.prop_map(|(id, settings, longest, until)| {
        let settings = settings.within(longest);
        EffectiveAssignment {
            counts_from: None,
            assignment: AssignmentId(id),
            group: GroupId(id * 10),
            settings,
            total: settings.period.total(longest),
            until,
        }
    })
}

/// An assignment that takes requests.
pub(crate) fn request_assignment() -> impl Strategy<Value = EffectiveAssignment> + Clone {
    assignment().prop_map(|mut assignment| {
        assignment.settings.mode = Mode::AccessRequest;
        assignment
    })
}

/// An assignment that takes requests, and has no end.
pub(crate) fn endless_request_assignment() -> impl Strategy<Value = EffectiveAssignment> + Clone {
    request_assignment().prop_map(|mut assignment| {
        assignment.until = None;
        assignment
    })
}

/// Up to four assignments with distinct assignments, in any order.
pub(crate) fn assignments() -> impl Strategy<Value = Vec<EffectiveAssignment>> {
    (
        vec(assignment(), 0..=4),
        Just([1i64, 2, 3, 4]).prop_shuffle(),
    )
        .prop_map(|(mut assignments, ids)| {
            for (assignment, id) in assignments.iter_mut().zip(ids) {
                assignment.assignment = AssignmentId(id);
                assignment.group = GroupId(id * 10);
            }
            assignments
        })
}

/// What somebody might ask for, sensible or not.
pub(crate) fn asking() -> impl Strategy<Value = Ask> + Clone {
    ("\\PC{0,12}", option::of(length()), option::of(moment())).prop_map(
        |(reason, length, starts_at)| Ask {
            reason: text(&reason),
            length,
            starts_at,
        },
    )
}

/// Asks for all there is, with a reason, at once.
pub(crate) fn plain_ask() -> Ask {
    Ask {
        reason: text("to restore a backup"),
        length: None,
        starts_at: None,
    }
}

fn request_state() -> impl Strategy<Value = RequestState> + Clone {
    prop_oneof![
        4 => Just(RequestState::Pending),
        1 => (moment(), option::of(Just(REVIEWER)), length()).prop_map(|(at, by, length)| {
            RequestState::Approved {
                at, by, on_behalf_of: None, length, comment: text("go ahead"),
            }
        }),
        1 => moment().prop_map(|at| RequestState::Denied {
            at, by: REVIEWER, on_behalf_of: None, comment: text("not today"),
        }),
        1 => (moment(), option::of(Just(USER)), cause())
            .prop_map(|(at, by, cause)| RequestState::Cancelled { at, by, cause }),
        1 => moment().prop_map(|at| RequestState::Lapsed { at }),
    ]
}

pub(crate) fn cause() -> impl Strategy<Value = Cause> + Clone {
    prop::sample::select(vec![
        Cause::Person,
        Cause::NoLongerNeeded,
        Cause::UserDisabled,
        Cause::MembershipRemoved,
        Cause::AssignmentRemoved,
        Cause::AssignmentEnded,
        Cause::ResourceRemoved,
        Cause::ResourceChanged,
        Cause::TermsTightened,
        Cause::ApproverLostRole,
        Cause::NobodyCanApprove,
    ])
}

/// A request of [`USER`] in any state.
pub(crate) fn request() -> impl Strategy<Value = Request> + Clone {
    let parts = (
        request_assignment(),
        asking(),
        moment(),
        1i64..=72,
        request_state(),
        prop_oneof![Just(Purpose::Grant), Just(Purpose::Extension(GrantId(1)))],
    );
    parts.prop_map(
        |(assignment, ask, created_at, lapse, state, purpose)| Request {
            id: RequestId(1),
            user: USER,
            resource: RESOURCE,
            terms: Terms {
                purpose,
                assignment: assignment.assignment,
                group: assignment.group,
                period: assignment.settings.period,
                approval: assignment.settings.approval,
                until: assignment.until,
            },
            reason: ask.reason,
            asked: ask.length.unwrap_or(assignment.settings.period.longest()),
            starts_at: None,
            created_at,
            lapses_at: created_at + TimeDelta::hours(lapse),
            state,
        },
    )
}

fn grant_state() -> impl Strategy<Value = GrantState> + Clone {
    prop_oneof![
        2 => Just(GrantState::Scheduled),
        4 => Just(GrantState::Active),
        1 => moment().prop_map(|at| GrantState::Expired { at }),
        1 => moment().prop_map(|at| GrantState::Released { at }),
        1 => (moment(), option::of(Just(REVIEWER)), cause()).prop_map(|(at, by, cause)| {
            GrantState::Revoked { at, by, on_behalf_of: None, cause, comment: text("enough") }
        }),
    ]
}

/// A grant of [`USER`] in any state.
pub(crate) fn grant() -> impl Strategy<Value = Grant> + Clone {
    (1i64..=4, moment(), length(), grant_state()).prop_map(|(id, starts_at, length, state)| Grant {
        id: GrantId(1),
        request: RequestId(1),
        user: USER,
        resource: RESOURCE,
        assignment: AssignmentId(id),
        window: Window {
            starts_at,
            expires_at: length.after(starts_at),
        },
        state,
    })
}

/// Everything that bears on one user and one resource, owned.
#[derive(Clone, Debug)]
pub(crate) struct Situation {
    pub(crate) assignments: Vec<EffectiveAssignment>,
    pub(crate) grant: Option<Grant>,
    pub(crate) pending: Option<Request>,
    pub(crate) last_used: Option<Time>,
    pub(crate) revoked_at: Option<Time>,
}

impl Situation {
    pub(crate) fn facts(&self) -> Facts<'_> {
        Facts {
            resource_enabled: true,
            assignments: &self.assignments,
            grant: self.grant.as_ref(),
            pending: self.pending.as_ref(),
            last_used: self.last_used,
            revoked_at: self.revoked_at,
        }
    }
}

pub(crate) fn situation() -> impl Strategy<Value = Situation> {
    let parts = (
        assignments(),
        option::of(grant()),
        option::of(request()),
        option::of(moment()),
        option::of(moment()),
    );
    parts.prop_map(
        |(assignments, grant, pending, last_used, revoked_at)| Situation {
            assignments,
            grant,
            pending,
            last_used,
            revoked_at,
        },
    )
}

pub(crate) fn roles() -> impl Strategy<Value = Vec<Role>> {
    prop::sample::subsequence(
        vec![
            Role::Member,
            Role::AccessReviewer,
            Role::Operator,
            Role::Auditor,
            Role::Admin,
        ],
        0..=3,
    )
}

/// A new request as the store keeps it.
pub(crate) fn stored(new: NewRequest) -> Request {
    Request {
        id: RequestId(1),
        user: new.user,
        resource: new.resource,
        terms: new.terms,
        reason: new.reason,
        asked: new.asked,
        starts_at: new.starts_at,
        created_at: new.created_at,
        lapses_at: new.lapses_at,
        state: RequestState::Pending,
    }
}

/// The pending request that `asking` makes on `assignment` at `now`.
pub(crate) fn pending_request(assignment: &EffectiveAssignment, asking: Ask, now: Time) -> Request {
    stored(ask(USER, RESOURCE, assignment, asking, None, DEFAULT_LAPSE, now).unwrap())
}

/// The grant that the store would make of an approved request.
pub(crate) fn granted(request: &Request, window: Window) -> Grant {
    let state = match request.starts_at {
        Some(_) => GrantState::Scheduled,
        None => GrantState::Active,
    };
    Grant {
        id: GrantId(1),
        request: request.id,
        user: request.user,
        resource: request.resource,
        assignment: request.terms.assignment,
        window,
        state,
    }
}

/// Somebody can always approve.
pub(crate) fn reviewers() -> Reviewers {
    Reviewers {
        regular: vec![REVIEWER],
        ..Reviewers::default()
    }
}

/// A grant of [`USER`] that a reviewer approved, and that runs from `starts_at` for `length` by this
/// assignment.
pub(crate) fn running(
    assignment: &EffectiveAssignment,
    starts_at: Time,
    length: Length,
) -> AccessFacts {
    let endless = EffectiveAssignment {
        until: None,
        ..*assignment
    };
    let request = pending_request(&endless, plain_ask(), starts_at);
    let state = RequestState::Approved {
        at: starts_at,
        by: Some(REVIEWER),
        on_behalf_of: None,
        length,
        comment: text(""),
    };
    let window = Window {
        starts_at,
        expires_at: length.after(starts_at),
    };
    let grant = granted(&request, window);
    AccessFacts {
        user: USER,
        resource: RESOURCE,
        user_enabled: true,
        resource_exists: true,
        resource_enabled: true,
        assignments: vec![*assignment],
        former: None,
        pending: None,
        grant: Some(Granted {
            grant,
            request: Request { state, ..request },
        }),
        last_used: None,
        revoked_at: None,
        deputy_left: false,
    }
}

/// Asks for more time; there is somebody to approve it.
pub(crate) fn extend(facts: &AccessFacts, asking: Ask, now: Time) -> Result<Asked, CannotAsk> {
    transition::extend(facts, &reviewers(), asking, None, DEFAULT_LAPSE, now)
}

/// The same facts with the extension that was asked for, as the store keeps it.
pub(crate) fn with_extension(facts: &AccessFacts, asking: Ask, now: Time) -> Option<AccessFacts> {
    match extend(facts, asking, now) {
        Ok(Asked::New { request, .. }) => Some(AccessFacts {
            pending: Some(request.numbered(EXTENSION)),
            ..facts.clone()
        }),
        Ok(Asked::AlreadyThere(_)) | Err(_) => None,
    }
}

/// The id of what [`with_extension`] asks.
pub(crate) const EXTENSION: RequestId = RequestId(2);
