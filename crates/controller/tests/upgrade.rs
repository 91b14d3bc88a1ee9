//! What an older version left open goes on after an upgrade: who may use what, ends by time, and
//! requests that wait.
#![allow(clippy::unwrap_used, missing_docs)]

mod test_env;

use std::sync::Arc;

use chrono::TimeDelta;
use hourkey_access::app::App;
use hourkey_access::config::Config;
use hourkey_access::decide::approve;
use hourkey_access::identity::authorities::Authorities;
use hourkey_access::sweep::sweep_now;
use hourkey_domain::Time;
use hourkey_domain::ids::{NetworkId, RequestId, ResourceId, UserId};
use hourkey_protocol::access::Approve;
use hourkey_store::access::OpenFilter;
use hourkey_store_sqlite::SqliteStore;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, raw_sql};
use tempfile::TempDir;
use test_env::TestClock;

const VERSION_12: &str = include_str!("../../store-sqlite/tests/version_12.sql");

/// When it was written.
const WRITTEN: &str = "2030-01-09T00:30:00Z";

const ANN: UserId = UserId(1);
const BEN: UserId = UserId(2);
const RAE: UserId = UserId(3);
const ROY: UserId = UserId(4);
const DAN: UserId = UserId(5);

const WIKI: ResourceId = ResourceId(1);
const DATABASE: ResourceId = ResourceId(2);
const LOGS: ResourceId = ResourceId(3);
const PAYROLL: ResourceId = ResourceId(5);

/// Ben's request for the database, and Rae's for an unlock of Payroll.
const WAIT: [RequestId; 2] = [RequestId(8), RequestId(2)];

/// A controller that was upgraded, half an hour into the last night of the older one.
struct Upgraded {
    app: App,
    clock: Arc<TestClock>,
    _folder: TempDir,
}

impl Upgraded {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = SqliteConnectOptions::new()
            .filename(folder.path().join("hourkey.db"))
            .create_if_missing(true);
        let mut connection = options.connect().await.unwrap();
        raw_sql(VERSION_12).execute(&mut connection).await.unwrap();
        drop(connection);
        let store = SqliteStore::open(folder.path()).await.unwrap();
        let now = time(WRITTEN);
        let clock = Arc::new(TestClock::at(now));
        let config = Config {
            data: folder.path().to_owned(),
            listen: "127.0.0.1:0".parse().unwrap(),
            public_url: "http://127.0.0.1:8080".parse().unwrap(),
            tls: None,
            trusted_proxy: None,
            device_flow: false,
            request_lapse: TimeDelta::hours(24),
        };
        let authorities = Authorities::open(folder.path(), now).unwrap();
        let app = App::new(store, Arc::clone(&clock) as _, config, authorities);
        Self {
            app,
            clock,
            _folder: folder,
        }
    }

    /// Time passes up to this moment, and what is due is done.
    async fn until(&self, at: &str) {
        self.clock.forward(time(at) - self.app.clock.now());
        sweep_now(&self.app).await.unwrap();
    }

    /// Who may use what, and until when.
    async fn permits(&self) -> Vec<(UserId, ResourceId, Option<Time>)> {
        let organisation = self.app.organisation().await.unwrap();
        let now = self.app.clock.now();
        let mut all = Vec::new();
        for user in organisation.users() {
            let here = organisation.permits(user.id, NetworkId(1), now);
            let own = here.permits.into_iter();
            all.extend(own.map(|permit| (user.id, permit.resource, permit.until)));
        }
        all
    }

    /// The states of all grants, in order of id.
    async fn grants(&self) -> Vec<String> {
        let mut read = self.app.store.read().await.unwrap();
        let mut states = Vec::new();
        for id in 1..=4 {
            let grant = read.grant(hourkey_domain::ids::GrantId(id)).await;
            let state = serde_json::to_value(grant.unwrap().unwrap().state).unwrap();
            states.push(format!(
                "{} {}",
                state["state"].as_str().unwrap(),
                state["at"].as_str().unwrap_or("")
            ));
        }
        states
    }
}

fn time(text: &str) -> Time {
    text.parse().unwrap()
}

/// What is open to a person, always or to a moment.
fn open(user: UserId, resource: ResourceId, until: &str) -> (UserId, ResourceId, Option<Time>) {
    (user, resource, until.parse().ok())
}

#[tokio::test]
async fn who_could_use_what_still_can_and_no_longer_than_before() {
    let upgraded = Upgraded::new().await;
    let always = [
        open(ANN, WIKI, ""),
        open(BEN, WIKI, ""),
        open(RAE, WIKI, ""),
    ];
    let [of_ann, of_ben, of_rae] = always;
    let database = open(ANN, DATABASE, "2030-01-09T02:00:00Z");
    let payroll = open(ANN, PAYROLL, "2030-01-16T00:00:00Z");
    let logs = open(BEN, LOGS, "2030-01-09T01:00:00Z");
    let expected = [of_ann, database, payroll, of_ben, logs, of_rae];
    assert_eq!(upgraded.permits().await, expected);

    upgraded.until("2030-01-09T01:00:00Z").await;
    let ended = [
        "revoked 2030-01-09T00:00:00Z",
        "active ",
        "expired 2030-01-09T01:00:00Z",
        "scheduled ",
    ];
    assert_eq!(upgraded.grants().await, ended);
    let expected = [of_ann, database, payroll, of_ben, of_rae];
    assert_eq!(upgraded.permits().await, expected);

    upgraded.until("2030-01-09T02:00:00Z").await;
    assert_eq!(upgraded.grants().await[1], "expired 2030-01-09T02:00:00Z");
    assert_eq!(upgraded.permits().await, [of_ann, payroll, of_ben, of_rae]);

    // What was scheduled begins and ends; what waits has lapsed by then.
    upgraded.until("2030-01-10T20:00:00Z").await;
    let logs = open(ANN, LOGS, "2030-01-10T21:00:00Z");
    let expected = [of_ann, logs, payroll, of_ben, of_rae];
    assert_eq!(upgraded.permits().await, expected);
    upgraded.until("2030-01-10T21:00:00Z").await;
    assert_eq!(upgraded.grants().await[3], "expired 2030-01-10T21:00:00Z");
    let mut read = upgraded.app.store.read().await.unwrap();
    let open = read.open(OpenFilter::default()).await.unwrap();
    assert_eq!(open, hourkey_store::access::Open::default());

    // Unused for seven days.
    upgraded.until("2030-01-16T00:00:00Z").await;
    assert_eq!(upgraded.permits().await, always);
}

#[tokio::test]
async fn what_waits_is_approved() {
    let upgraded = Upgraded::new().await;
    let before = upgraded.permits().await;
    let [grant, unlock] = WAIT;
    for (reviewer, request) in [(DAN, grant), (ROY, unlock)] {
        let approved = approve(&upgraded.app, reviewer, request, Approve::default());
        approved.await.unwrap();
    }
    let new = [
        open(BEN, DATABASE, "2030-01-09T01:30:00Z"),
        // Seven unused days.
        open(RAE, PAYROLL, "2030-01-16T00:30:00Z"),
    ];
    let mut expected = [before, new.to_vec()].concat();
    expected.sort_by_key(|(user, resource, _)| (*user, *resource));
    assert_eq!(upgraded.permits().await, expected);
    upgraded.until("2030-01-09T01:30:00Z").await;
    let permits = upgraded.permits().await;
    assert!(
        permits
            .iter()
            .all(|(user, resource, _)| (*user, *resource) != (BEN, DATABASE))
    );
    assert!(permits.contains(&new[1]));
}
