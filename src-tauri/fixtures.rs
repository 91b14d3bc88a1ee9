//! Sample states for the tests of the pure functions and of the app's logic.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use hourkey_client::config::Config;
use hourkey_client::model::{Connection, Model};
use hourkey_client::update::Update;
use hourkey_domain::ids::{GrantId, NoticeId, RequestId, ResourceId, UserId};
use hourkey_domain::length::Length;
use hourkey_domain::lock::{LockState, Why};
use hourkey_domain::request::Purpose;
use hourkey_domain::settings::Approval;
use hourkey_domain::visibility::Visibility;
use hourkey_protocol::access::{Person, Request, RequestStatus, Resource, Review};
use hourkey_protocol::account::Me;
use hourkey_protocol::event::{Changes, Snapshot};
use hourkey_protocol::notice::{Notice, What};

use crate::state::{AppState, NewSession, Session, SessionId, SignIn};
use crate::time_format::Zone;

/// Minutes after the start of all fixtures: 2027-01-15 08:00 UTC, a Friday.
pub(crate) fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap() + TimeDelta::minutes(minutes)
}

/// Two hours east of UTC.
pub(crate) fn zone() -> Zone {
    Zone::Fixed(FixedOffset::east_opt(2 * 3_600).unwrap())
}

pub(crate) fn me() -> Me {
    Me {
        id: UserId(1),
        login: "ada".to_owned(),
        name: "Ada Park".to_owned(),
        roles: vec![],
        reviews: false,
        organisation: "Example".to_owned(),
    }
}

pub(crate) fn resource(id: i64, name: &str, lock: LockState) -> Resource {
    Resource {
        id: ResourceId(id),
        name: name.to_owned(),
        address: format!("r{id}.corp"),
        ports: "443".parse().unwrap(),
        alias: None,
        network: "office".to_owned(),
        tags: vec![],
        url: Some(format!("https://r{id}.corp/")),
        lock,
        visibility: Visibility::default(),
        description: String::new(),
        how_to_use: None,
        denied_at: None,
        last_decision: None,
        approved: None,
        last_touched: None,
    }
}

pub(crate) fn locked() -> LockState {
    LockState::Locked {
        why: Why::NeedsApproval,
    }
}

pub(crate) fn standing() -> LockState {
    LockState::Open { locks_at: None }
}

/// A grant with the id of its end's minute, which started an hour before that.
pub(crate) fn granted(until: i64) -> LockState {
    LockState::Granted {
        grant: GrantId(until),
        started_at: at(until - 60),
        expires_at: at(until),
        extension: None,
    }
}

pub(crate) fn pending(since: i64) -> LockState {
    LockState::Pending {
        request: RequestId(7),
        since: at(since),
        lapses_at: at(since + 24 * 60),
    }
}

pub(crate) fn review(id: i64, may_decide: bool) -> Review {
    let request = Request {
        id: RequestId(id),
        requester: Person {
            on_behalf_of: None,
            id: UserId(9),
            login: "lee".to_owned(),
            name: "Lee Novak".to_owned(),
        },
        resource: ResourceId(1),
        resource_name: "Customer exports".to_owned(),
        resource_address: "exports.corp".to_owned(),
        group_name: "Support".to_owned(),
        purpose: Purpose::Grant,
        reason: "Ticket 4412".to_owned(),
        asked: Some(Length::from_seconds(1_800).unwrap()),
        approval: Approval::Manual,
        starts_at: None,
        created_at: at(-20),
        lapses_at: at(24 * 60 - 20),
        status: RequestStatus::Pending,
        grant: None,
        ends_at: None,
    };
    Review {
        on_behalf_of: None,
        asked_reviewers: Vec::new(),
        request,
        recent_grants: 0,
        ends_by: None,
        may_decide,
    }
}

pub(crate) fn notice(id: i64, minutes: i64, what: What) -> Notice {
    Notice {
        id: NoticeId(id),
        at: at(minutes),
        resource: ResourceId(1),
        resource_name: "Payroll database".to_owned(),
        what,
    }
}

pub(crate) fn approved(until: i64) -> What {
    What::Approved {
        request: RequestId(7),
        grant: GrantId(until),
        by: Some("Marta".to_owned()),
        length: Length::from_seconds(45 * 60).unwrap(),
        starts_at: at(until - 45),
        expires_at: at(until),
        comment: "Only the read replica, please.".to_owned(),
        extends: None,
    }
}

pub(crate) fn denied() -> What {
    What::Denied {
        request: RequestId(7),
        by: "Marta".to_owned(),
        comment: "Not on a Friday.".to_owned(),
        extends: None,
    }
}

pub(crate) fn please_review(request: i64) -> What {
    What::PleaseReview {
        starts_at: None,
        on_behalf_of: None,
        request: RequestId(request),
        requester: "Lee Novak".to_owned(),
        reason: "Ticket 4412".to_owned(),
        asked: Some(Length::from_seconds(1_800).unwrap()),
        extends: None,
    }
}

pub(crate) fn snapshot(minutes: i64, resources: Vec<Resource>) -> Snapshot {
    Snapshot {
        seq: 1,
        server_time: at(minutes),
        me: me(),
        resources,
        reviews: vec![],
        notices: vec![],
    }
}

pub(crate) fn changes(minutes: i64, resources: Vec<Resource>, notices: Vec<Notice>) -> Update {
    Update::Changes(Box::new(Changes {
        seq: 2,
        server_time: at(minutes),
        me: None,
        networks_changed: false,
        resources,
        removed_resources: vec![],
        reviews: vec![],
        removed_reviews: vec![],
        decided_reviews: vec![],
        notices,
    }))
}

/// Signed in and connected, with these resources; the boot clock stands at zero.
pub(crate) fn state(resources: Vec<Resource>) -> AppState {
    let mut session = Session::begin(NewSession {
        id: SessionId(1),
        controller: "https://hourkey.example/".parse().unwrap(),
        at: None,
        local_proxy: Err("none".to_owned()),
    });
    let update = Update::Snapshot(Box::new(snapshot(0, resources)));
    Arc::make_mut(&mut session.model).apply(update, Duration::ZERO);
    AppState {
        sign_in: SignIn::SignedIn(Box::new(session)),
        zone: zone(),
        warnings: BTreeMap::new(),
        config: Config::default(),
        start_at_login: Some(false),
        has_browsers: true,
        secret_store: "The sign-in is kept in the system's keyring.".to_owned(),
        logs: PathBuf::from("/logs"),
    }
}

/// The session of somebody who is signed in.
pub(crate) fn session(state: &mut AppState) -> &mut Session {
    state.sign_in.session_mut().expect("signed in")
}

/// The model of somebody who is signed in.
pub(crate) fn model(state: &mut AppState) -> &mut Model {
    Arc::make_mut(&mut session(state).model)
}

/// Not heard for an hour.
pub(crate) fn offline(mut state: AppState) -> AppState {
    model(&mut state).connection = Connection::Lost {
        since: Some(at(-60)),
        why: "The controller went silent.".to_owned(),
    };
    state
}
