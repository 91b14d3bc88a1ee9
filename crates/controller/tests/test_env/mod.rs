//! A small organisation on a real store, called as clients call it, under a clock that tests move.
#![allow(clippy::unwrap_used, dead_code, missing_docs, unreachable_pub)]

pub mod description;
pub mod events;
pub mod gateways;
pub mod history;
pub mod shadow;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use chrono::TimeDelta;
use hourkey_access::app::App;
use hourkey_access::clock::Clock;
use hourkey_access::config::Config;
use hourkey_access::directory;
use hourkey_access::error::AppError;
use hourkey_access::identity::authorities::Authorities;
use hourkey_access::identity::secret::new_secret;
use hourkey_access::identity::session;
use hourkey_access::sweep::sweep_now;
use hourkey_controller::server;
use hourkey_domain::Time;
use hourkey_domain::audit::AuditAction;
use hourkey_domain::ids::{AssignmentId, GroupId, ResourceId, UserId};
use hourkey_domain::length::Length;
use hourkey_domain::review::Role;
use hourkey_domain::settings::{Approval, Mode, Override, Period, Settings};
use hourkey_protocol::account::SessionKind;
use hourkey_store::account::NewSession;
use hourkey_store::log::Audited;
use hourkey_store::organisation::{About, Assignment, Group, Resource, User};
use hourkey_store::{Read, Room, Store, StoreError, Work};
use hourkey_store_sqlite::SqliteStore;
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt as _;

use self::shadow::Shadow;

/// All tests start here.
pub const START: &str = "2030-01-01T00:00:00Z";

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct TestClock(AtomicI64);

impl TestClock {
    pub fn at(now: Time) -> Self {
        Self(AtomicI64::new(now.timestamp_millis()))
    }

    pub fn forward(&self, by: TimeDelta) {
        self.0.fetch_add(by.num_milliseconds(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Time {
        Time::from_timestamp_millis(self.0.load(Ordering::SeqCst)).unwrap()
    }

    fn patience(&self) -> Duration {
        Duration::from_millis(5)
    }
}

/// The people, in order of id.
#[derive(Clone, Copy, Debug)]
pub struct People {
    /// A member, in group Engineering.
    pub ann: UserId,
    /// A member, in groups Engineering and On call.
    pub ben: UserId,
    /// An access reviewer, in group Engineering.
    pub rae: UserId,
    /// An access reviewer in no group.
    pub roy: UserId,
    /// A member, in group Database owners, which approves requests for the database.
    pub dan: UserId,
    /// An administrator.
    pub ada: UserId,
    /// A member in no group: sees nothing.
    pub eve: UserId,
    /// An operator in no group.
    pub ola: UserId,
    /// An auditor in no group.
    pub aud: UserId,
}

/// The resources, in order of id.
#[derive(Clone, Copy, Debug)]
pub struct Resources {
    /// Open to Engineering.
    pub wiki: ResourceId,
    /// Manual, up to 8 hours; approved by Database owners, too.
    pub database: ResourceId,
    /// Automatic, up to 4 hours.
    pub logs: ResourceId,
    /// Manual, 1 hour; On call has it automatically for 2 hours.
    pub vault: ResourceId,
    /// Assigned to nobody.
    pub payroll: ResourceId,
}

/// The groups and assignments that tests change.
#[derive(Clone, Copy, Debug)]
pub struct Assignments {
    pub engineering: GroupId,
    pub on_call: GroupId,
    pub wiki: AssignmentId,
    pub database: AssignmentId,
    pub logs: AssignmentId,
    pub vault: AssignmentId,
    pub vault_on_call: AssignmentId,
}

/// The real store, and how often it was read. Reads fail while a test wants them to, and so do
/// writes that a full disk refuses. Each work runs twice, as a store may do, and the first run is undone.
struct Counted {
    store: Arc<SqliteStore>,
    reads: Arc<AtomicUsize>,
    broken: Arc<AtomicBool>,
    full: Arc<AtomicBool>,
}

impl Counted {
    fn count(&self) -> Result<(), StoreError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        match self.broken.load(Ordering::SeqCst) {
            true => Err(StoreError::Unavailable("the test broke it".into())),
            false => Ok(()),
        }
    }
}

fn run(work: &Arc<Work>, undo: bool) -> Work {
    let work = Arc::clone(work);
    Box::new(move |tx| {
        let work = Arc::clone(&work);
        Box::pin(async move {
            let done = work(tx).await;
            match undo {
                true => Err(StoreError::RolledBack),
                false => done,
            }
        })
    })
}

#[async_trait::async_trait]
impl Store for Counted {
    async fn write(&self, room: Room, work: Work) -> Result<(), StoreError> {
        if room == Room::Usual && self.full.load(Ordering::SeqCst) {
            return Err(StoreError::Full);
        }
        let work = Arc::new(work);
        // What it answers and does by its second run must not depend on the first.
        let undone = self.store.write(room, run(&work, true)).await;
        assert!(undone.is_err(), "a run was kept that should be undone");
        self.store.write(room, run(&work, false)).await
    }

    async fn read(&self) -> Result<Box<dyn Read + Send>, StoreError> {
        self.count()?;
        self.store.read().await
    }

    async fn read_reserved(&self) -> Result<Box<dyn Read + Send>, StoreError> {
        self.count()?;
        self.store.read_reserved().await
    }

    fn changed(&self) -> tokio::sync::watch::Receiver<i64> {
        self.store.changed()
    }
}

pub struct TestEnv {
    pub app: App,
    /// How often the store was read.
    pub reads: Arc<AtomicUsize>,
    /// While true, nothing can be read from the store.
    pub broken: Arc<AtomicBool>,
    /// While true, the disk has room only for what ends access.
    pub full: Arc<AtomicBool>,
    pub clock: Arc<TestClock>,
    pub people: People,
    pub resources: Resources,
    pub assignments: Assignments,
    router: Router,
    shadow: Shadow,
    _folder: TempDir,
}

impl TestEnv {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path()).await.unwrap();
        let start: Time = START.parse().unwrap();
        let clock = Arc::new(TestClock::at(start));
        let config = Config {
            data: folder.path().to_owned(),
            listen: "127.0.0.1:0".parse().unwrap(),
            public_url: "http://127.0.0.1:8080".parse().unwrap(),
            tls: None,
            trusted_proxy: None,
            device_flow: false,
            request_lapse: TimeDelta::hours(24),
        };
        let reads = Arc::new(AtomicUsize::new(0));
        let broken = Arc::new(AtomicBool::new(false));
        let full = Arc::new(AtomicBool::new(false));
        let shadow = Shadow::new(Arc::clone(&store) as _);
        let store = Arc::new(Counted {
            store,
            reads: Arc::clone(&reads),
            broken: Arc::clone(&broken),
            full: Arc::clone(&full),
        });
        let authorities = Authorities::open(folder.path(), start).unwrap();
        let app = App::new(store, Arc::clone(&clock) as _, config, authorities);
        let (people, resources, assignments) = found(&app).await;
        let router = server::router(app.clone());
        Self {
            app,
            reads,
            broken,
            full,
            clock,
            people,
            resources,
            assignments,
            router,
            shadow,
            _folder: folder,
        }
    }

    /// An access token of a desktop session.
    pub async fn token(&self, user: UserId) -> String {
        self.token_of(user, SessionKind::Desktop).await
    }

    pub async fn token_of(&self, user: UserId, kind: SessionKind) -> String {
        let (token, digest) = new_secret();
        self.app
            .transact(Room::Usual, move |tx, now| {
                Box::pin(async move {
                    let label = "Hourkey on a test host".to_owned();
                    let new = NewSession {
                        user,
                        kind,
                        label,
                        created_at: now,
                        ends_at: session::ends_at(kind, now, now),
                        cookie: None,
                    };
                    let session = tx.insert_session(new).await?;
                    tx.insert_access_token(digest, session, now + TimeDelta::days(20))
                        .await?;
                    Ok(())
                })
            })
            .await
            .unwrap();
        token
    }

    /// Any call.
    pub async fn send(&self, request: Request<Body>) -> Response {
        let response = self.router.clone().oneshot(request).await.unwrap();
        self.shadow.check().await;
        response
    }

    /// A call of somebody who is signed in anew.
    pub async fn get(&self, user: UserId, path: &str) -> Answer {
        let request = Request::get(api(path));
        self.call(user, request, Body::empty()).await
    }

    pub async fn post(&self, user: UserId, path: &str, body: Value) -> Answer {
        let request = Request::post(api(path)).header(header::CONTENT_TYPE, "application/json");
        self.call(user, request, Body::from(body.to_string())).await
    }

    /// A call with this `Idempotency-Key`.
    pub async fn post_once(&self, user: UserId, path: &str, key: &str, body: Value) -> Answer {
        let request = Request::post(api(path))
            .header(header::CONTENT_TYPE, "application/json")
            .header("Idempotency-Key", key);
        self.call(user, request, Body::from(body.to_string())).await
    }

    /// A call without a body.
    pub async fn act(&self, user: UserId, path: &str) -> Answer {
        self.call(user, Request::post(api(path)), Body::empty())
            .await
    }

    pub async fn call(
        &self,
        user: UserId,
        request: axum::http::request::Builder,
        body: Body,
    ) -> Answer {
        let token = self.token(user).await;
        let request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        let request = request.body(body).unwrap();
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let answer = Answer::read(self.send(request).await).await;
        description::check_answer(&method, &path, &answer);
        answer
    }

    /// Time passes, and what is due is done.
    pub async fn wait(&self, by: TimeDelta) {
        self.clock.forward(by);
        sweep_now(&self.app).await.unwrap();
    }

    /// Changes the organisation as `apply` does: the change, its record, and its consequences.
    pub async fn change<F>(&self, change: F)
    where
        F: for<'t> FnOnce(
                &'t mut dyn hourkey_store::Write,
            ) -> futures_util::future::BoxFuture<'t, Result<(), AppError>>
            + Clone
            + Send
            + Sync
            + 'static,
    {
        let admin = Some(self.people.ada);
        let known = self.shadow.known().await;
        self.app
            .transact(Room::Usual, move |tx, now| {
                Box::pin(async move {
                    let before = directory::advanced(tx, &known).await?;
                    change(tx).await?;
                    tx.record(hourkey_store::log::Entry {
                        at: now,
                        actor: admin,
                        action: AuditAction::ResourceChanged,
                        subject: hourkey_store::log::Subject::Organisation {
                            entity: hourkey_store::log::Entity::Any,
                        },
                        detail: Value::Null,
                    })
                    .await?;
                    hourkey_access::reconcile::reconcile(tx, &before, admin, now).await
                })
            })
            .await
            .unwrap();
    }

    /// What is recorded so far: audit, and the newest sequence number.
    pub async fn seq(&self) -> i64 {
        self.app.store.read().await.unwrap().seq().await.unwrap()
    }

    pub async fn audit(&self, after: i64) -> Vec<Audited> {
        self.app
            .store
            .read()
            .await
            .unwrap()
            .audit(after, 1_000)
            .await
            .unwrap()
    }

    /// The actions recorded after `seq`, with who did them.
    pub async fn actions(&self, after: i64) -> Vec<String> {
        let mut actions = Vec::new();
        for entry in self.audit(after).await {
            let mut tx = self.app.store.read().await.unwrap();
            let by = match entry.actor {
                Some(actor) => tx.user_name(actor).await.unwrap().unwrap().1,
                None => "the system".to_owned(),
            };
            actions.push(format!("{} by {by}", entry.action));
        }
        actions
    }

    /// The kinds of a user's notices, oldest first.
    pub async fn notices(&self, user: UserId) -> Vec<String> {
        let mut tx = self.app.store.read().await.unwrap();
        let notices = tx.notices(user, 0, 200).await.unwrap();
        let kind = |notice| serde_json::to_value(&notice).unwrap()["what"]["kind"].clone();
        notices
            .into_iter()
            .rev()
            .map(|n| kind(n).as_str().unwrap().to_owned())
            .collect()
    }
}

/// A body in chunks of a thousand bytes, without a length.
pub fn chunked(body: &str) -> Body {
    let chunks = body.as_bytes().chunks(1_000).map(<[u8]>::to_vec);
    let chunks: Vec<_> = chunks.map(Ok::<_, std::io::Error>).collect();
    Body::from_stream(futures_util::stream::iter(chunks))
}

fn api(path: &str) -> String {
    format!("/api/v1{path}")
}

/// What came back.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub status: StatusCode,
    pub kind: String,
    pub text: String,
}

impl Answer {
    pub async fn read(response: Response) -> Self {
        let status = response.status();
        let kind = response.headers().get(header::CONTENT_TYPE);
        let kind = kind
            .map(|kind| kind.to_str().unwrap().to_owned())
            .unwrap_or_default();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        Self {
            status,
            kind,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    /// The id in the body.
    pub fn id(&self) -> i64 {
        self.json()["id"].as_i64().unwrap()
    }

    /// The id of the grant in the body.
    pub fn grant(&self) -> i64 {
        self.json()["grant"]["id"].as_i64().unwrap()
    }

    /// Status and code of a problem.
    pub fn code(&self) -> String {
        assert_eq!(self.kind, "application/problem+json", "{}", self.text);
        format!(
            "{} {}",
            self.status.as_u16(),
            self.json()["code"].as_str().unwrap()
        )
    }
}

/// Status and body, indented.
impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{} {}", self.status.as_u16(), self.kind)?;
        f.write_str(&serde_json::to_string_pretty(&self.json()).unwrap())
    }
}

fn hours(hours: u64) -> Length {
    Length::from_seconds(hours * 3_600).unwrap()
}

async fn found(app: &App) -> (People, Resources, Assignments) {
    app.transact(Room::Usual, |tx, _| {
        Box::pin(async move {
            tx.set_organisation_name("Example").await?;
            let person = |login: &str, name: &str, role| User {
                id: UserId(0),
                login: login.to_owned(),
                name: name.to_owned(),
                email: None,
                roles: vec![role],
                disabled: false,
                since: None,
            };
            let people = People {
                ann: tx
                    .insert_user(person("ann", "Ann Member", Role::Member))
                    .await?,
                ben: tx
                    .insert_user(person("ben", "Ben Oncall", Role::Member))
                    .await?,
                rae: tx
                    .insert_user(person("rae", "Rae Reviewer", Role::AccessReviewer))
                    .await?,
                roy: tx
                    .insert_user(person("roy", "Roy Reviewer", Role::AccessReviewer))
                    .await?,
                dan: tx
                    .insert_user(person("dan", "Dan Owner", Role::Member))
                    .await?,
                ada: tx
                    .insert_user(person("ada", "Ada Admin", Role::Admin))
                    .await?,
                eve: tx
                    .insert_user(person("eve", "Eve Nobody", Role::Member))
                    .await?,
                ola: tx
                    .insert_user(person("ola", "Ola Operator", Role::Operator))
                    .await?,
                aud: tx
                    .insert_user(person("aud", "Aud Auditor", Role::Auditor))
                    .await?,
            };
            let group = |name: &str, members| Group {
                id: GroupId(0),
                name: name.into(),
                members,
            };
            let People {
                ann, ben, rae, dan, ..
            } = people;
            let engineering = tx
                .insert_group(group("Engineering", vec![ann, ben, rae]))
                .await?;
            let on_call = tx.insert_group(group("On call", vec![ben])).await?;
            let owners = tx.insert_group(group("Database owners", vec![dan])).await?;
            let network = tx.insert_network("Office").await?;
            let resource = |name: &str, ports: &str, settings, approvers| Resource {
                id: ResourceId(0),
                name: name.to_owned(),
                address: format!("{}.corp", name.to_lowercase()).parse().unwrap(),
                ports: ports.parse().unwrap(),
                alias: None,
                network,
                tags: Vec::new(),
                url: None,
                keep_alive_offline: false,
                settings,
                approvers,
                about: About::default(),
            };
            let settings = |mode, period, approval| Settings {
                mode,
                period,
                approval,
                lock_after: 7,
            };
            let (manual, automatic) = (Approval::Manual, Approval::Automatic);
            let standing = settings(Mode::Standing, Period::Preset(hours(1)), manual);
            let up_to = |length| Period::Custom {
                up_to: length,
                recommended: None,
            };
            let database = settings(Mode::AccessRequest, up_to(hours(8)), manual);
            let logs = settings(Mode::AccessRequest, up_to(hours(4)), automatic);
            let vault = settings(Mode::AccessRequest, Period::Preset(hours(1)), manual);
            let resources = Resources {
                wiki: tx
                    .insert_resource(resource("Wiki", "443", standing, vec![]))
                    .await?,
                database: tx
                    .insert_resource(resource("Database", "5432", database, vec![owners]))
                    .await?,
                logs: tx
                    .insert_resource(resource("Logs", "443", logs, vec![]))
                    .await?,
                vault: tx
                    .insert_resource(resource("Vault", "8200", vault, vec![]))
                    .await?,
                payroll: tx
                    .insert_resource(resource("Payroll", "443", vault, vec![]))
                    .await?,
            };
            let own = Override::default();
            let assignment = |group, resource, own| Assignment {
                auto_locks_since: None,
                id: AssignmentId(0),
                group,
                resource,
                until: None,
                own,
            };
            let faster = Override {
                period: Some(up_to(hours(2))),
                approval: Some(automatic),
                ..Override::default()
            };
            let assignments = Assignments {
                engineering,
                on_call,
                wiki: tx
                    .insert_assignment(assignment(engineering, resources.wiki, own))
                    .await?,
                database: tx
                    .insert_assignment(assignment(engineering, resources.database, own))
                    .await?,
                logs: tx
                    .insert_assignment(assignment(engineering, resources.logs, own))
                    .await?,
                vault: tx
                    .insert_assignment(assignment(engineering, resources.vault, own))
                    .await?,
                vault_on_call: tx
                    .insert_assignment(assignment(on_call, resources.vault, faster))
                    .await?,
            };
            tx.start_counts(START.parse().unwrap()).await?;
            Ok((people, resources, assignments))
        })
    })
    .await
    .unwrap()
}
