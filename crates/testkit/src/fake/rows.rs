//! Short ways to write the rows that a controller sends.

use chrono::{DateTime, Utc};
use hourkey_domain::address::Ports;
use hourkey_domain::ids::{GrantId, NoticeId, ResourceId, UserId};
use hourkey_domain::lock::{LockState, Why};
use hourkey_domain::visibility::Visibility;
use hourkey_protocol::access::Resource;
use hourkey_protocol::account::Me;
use hourkey_protocol::event::{Changes, Snapshot};
use hourkey_protocol::notice::{Notice, What};

/// A moment, in seconds after the one at which tests begin.
#[must_use]
pub fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

/// Ada, a member.
#[must_use]
pub fn person() -> Me {
    Me {
        id: UserId(7),
        login: "ada".to_owned(),
        name: "Ada".to_owned(),
        roles: Vec::new(),
        reviews: false,
        organisation: "Example".to_owned(),
    }
}

/// A row of a resource on all ports.
#[must_use]
pub fn resource(id: i64, lock: LockState) -> Resource {
    Resource {
        id: ResourceId(id),
        name: format!("Resource {id}"),
        address: format!("r{id}.corp"),
        ports: Ports::default(),
        alias: None,
        network: "Office".to_owned(),
        tags: Vec::new(),
        url: None,
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

/// [`resource`] at this address, on the ports 7, 80 and 443.
#[must_use]
pub fn resource_at(id: i64, address: &str, lock: LockState) -> Resource {
    Resource {
        address: address.to_owned(),
        ports: "80, 443, 7".parse().unwrap(),
        ..resource(id, lock)
    }
}

/// Locked until a reviewer approves.
pub const LOCKED: LockState = LockState::Locked {
    why: Why::NeedsApproval,
};

/// Granted between these moments, in seconds.
#[must_use]
pub fn granted(grant: i64, from: i64, to: i64) -> LockState {
    LockState::Granted {
        grant: GrantId(grant),
        started_at: at(from),
        expires_at: at(to),
        extension: None,
    }
}

/// A notice about resource 1.
#[must_use]
pub fn notice(id: i64, seconds: i64, what: What) -> Notice {
    Notice {
        id: NoticeId(id),
        at: at(seconds),
        resource: ResourceId(1),
        resource_name: "Resource 1".to_owned(),
        what,
    }
}

/// Everything that Ada sees, at this sequence number and moment.
#[must_use]
pub fn snapshot(seq: i64, seconds: i64, resources: Vec<Resource>) -> Snapshot {
    Snapshot {
        seq,
        server_time: at(seconds),
        me: person(),
        resources,
        reviews: Vec::new(),
        notices: Vec::new(),
    }
}

/// The rows that changed.
#[must_use]
pub fn changes(seq: i64, seconds: i64, resources: Vec<Resource>) -> Changes {
    Changes {
        seq,
        server_time: at(seconds),
        me: None,
        networks_changed: false,
        resources,
        removed_resources: Vec::new(),
        reviews: Vec::new(),
        removed_reviews: Vec::new(),
        decided_reviews: Vec::new(),
        notices: Vec::new(),
    }
}

/// An event as it stands on the stream.
///
/// # Panics
/// When it cannot be written as JSON.
#[must_use]
pub fn on_stream(name: &str, id: i64, data: &impl serde::Serialize) -> String {
    let data = serde_json::to_string(data).unwrap();
    format!("event: {name}\nid: {id}\ndata: {data}\n\n")
}
