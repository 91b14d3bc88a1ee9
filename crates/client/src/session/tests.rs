use std::sync::Mutex as StdMutex;

use async_trait::async_trait;
use hourkey_domain::ids::ResourceId;
use hourkey_protocol::access::NewRequest;
use hourkey_protocol::problem::Code;

use super::*;
use crate::secrets::File;
use crate::testing::{FakeController, TestClock, session_config, signed_in};

async fn session() -> (
    FakeController,
    Arc<TestClock>,
    Session,
    Arc<dyn SecretStore>,
) {
    let controller = FakeController::start().await;
    let clock = TestClock::new();
    let config = session_config(&controller, Arc::clone(&clock));
    let store = Arc::clone(&config.store);
    signed_in(&controller, &*store).await;
    let session = Session::resume(config).await.unwrap().unwrap();
    (controller, clock, session, store)
}

fn log(controller: &FakeController) -> Vec<String> {
    controller.seen().log.clone()
}

#[tokio::test]
async fn without_a_stored_sign_in_there_is_no_session() {
    let controller = FakeController::start().await;
    let config = session_config(&controller, TestClock::new());
    assert!(Session::resume(config).await.unwrap().is_none());
}

#[tokio::test]
async fn many_callers_make_one_refresh() {
    let (controller, clock, session, _) = session().await;
    for _ in 0..2 {
        let calls = (0..20).map(|_| session.me());
        for answer in futures_util::future::join_all(calls).await {
            answer.unwrap();
        }
        clock.advance(Duration::from_secs(590));
    }
    let refreshes = log(&controller).iter().filter(|it| *it != "me").count();
    assert_eq!(refreshes, 2, "{:?}", log(&controller));
}

#[tokio::test]
async fn a_refused_access_token_is_replaced_once() {
    let (controller, _, session, _) = session().await;
    session.me().await.unwrap();
    controller.forget_access();
    session.me().await.unwrap();
    assert_eq!(
        log(&controller),
        ["refresh-1 used", "me", "refresh-2 used", "me"]
    );
}

/// Notes in the controller's log when something is stored, and fails on demand.
struct Noted {
    controller: FakeController,
    failing: StdMutex<bool>,
    inner: crate::secrets::MemoryOnly,
}

#[async_trait]
impl SecretStore for Noted {
    async fn load(&self) -> Result<Option<Secret>, SecretError> {
        self.inner.load().await
    }

    async fn save(&self, secret: &Secret) -> Result<(), SecretError> {
        if *self.failing.lock().unwrap() {
            return Err(SecretError::Locked);
        }
        let line = format!("{} stored", secret.expose());
        self.controller.seen().log.push(line);
        self.inner.save(secret).await
    }

    async fn clear(&self) -> Result<(), SecretError> {
        self.inner.clear().await
    }

    fn describe(&self) -> String {
        self.inner.describe()
    }
}

async fn noted() -> (FakeController, Arc<TestClock>, Session, Arc<Noted>) {
    let controller = FakeController::start().await;
    let clock = TestClock::new();
    let mut config = session_config(&controller, Arc::clone(&clock));
    let store = Arc::new(Noted {
        controller: controller.clone(),
        failing: StdMutex::new(false),
        inner: crate::secrets::MemoryOnly::default(),
    });
    config.store = Arc::clone(&store) as Arc<dyn SecretStore>;
    signed_in(&controller, &*store).await;
    controller.seen().log.clear();
    let session = Session::resume(config).await.unwrap().unwrap();
    (controller, clock, session, store)
}

#[tokio::test]
async fn the_new_refresh_token_is_stored_before_the_new_access_token_is_used() {
    let (controller, _, session, _) = noted().await;
    session.me().await.unwrap();
    assert_eq!(
        log(&controller),
        ["refresh-1 used", "refresh-2 stored", "me"]
    );
}

#[tokio::test]
async fn a_store_that_fails_costs_only_the_next_start() {
    let (controller, clock, session, store) = noted().await;
    *store.failing.lock().unwrap() = true;
    session.me().await.unwrap();
    assert_eq!(session.unsaved(), Some(SecretError::Locked));
    *store.failing.lock().unwrap() = false;
    clock.advance(Duration::from_secs(600));
    session.me().await.unwrap();
    assert_eq!(session.unsaved(), None);
    assert!(log(&controller).contains(&"refresh-3 stored".to_owned()));
}

#[tokio::test]
async fn a_program_that_dies_before_it_stored_the_successor_stays_signed_in() {
    let (controller, clock, session, store) = noted().await;
    // As if it died: the successor reached nobody.
    *store.failing.lock().unwrap() = true;
    session.me().await.unwrap();
    *store.failing.lock().unwrap() = false;
    let mut config = session_config(&controller, clock);
    config.store = Arc::clone(&store) as Arc<dyn SecretStore>;
    let again = Session::resume(config).await.unwrap().unwrap();
    again.me().await.unwrap();
}

#[tokio::test]
async fn an_ended_family_is_forgotten() {
    let (controller, _, session, store) = session().await;
    controller.script().ended = true;
    assert_eq!(session.me().await, Err(ApiError::SessionEnded));
    assert_eq!(store.load().await, Ok(None));
    // And the controller is not asked again and again.
    let asked = log(&controller).len();
    assert_eq!(session.me().await, Err(ApiError::SessionEnded));
    assert_eq!(log(&controller).len(), asked);
}

#[tokio::test]
async fn processes_that_share_a_sign_in_take_turns() {
    let controller = FakeController::start().await;
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn SecretStore> = Arc::new(File::new(folder.path().join("token")));
    signed_in(&controller, &*store).await;
    let mut processes = Vec::new();
    for _ in 0..8 {
        let mut config = session_config(&controller, TestClock::new());
        config.store = Arc::clone(&store);
        config.lock_file = Some(folder.path().join("lock"));
        processes.push(Session::resume(config).await.unwrap().unwrap());
    }
    let calls = processes.iter().map(Session::me);
    for answer in futures_util::future::join_all(calls).await {
        answer.unwrap();
    }
    let log = log(&controller);
    assert!(!log.iter().any(|it| it.starts_with("reuse")), "{log:?}");
}

#[tokio::test]
async fn signing_out_revokes_and_forgets() {
    let (controller, _, session, store) = session().await;
    session.me().await.unwrap();
    session.sign_out().await.unwrap();
    assert_eq!(log(&controller).last().unwrap(), "refresh-2 revoked");
    assert_eq!(store.load().await, Ok(None));
    assert_eq!(session.me().await, Err(ApiError::SessionEnded));
}

#[tokio::test]
async fn signing_out_forgets_also_when_the_controller_is_away() {
    let controller = FakeController::start().await;
    let mut config = session_config(&controller, TestClock::new());
    let store = Arc::clone(&config.store);
    signed_in(&controller, &*store).await;
    config.controller = hourkey_protocol::controller_url::parse("http://127.0.0.1:1").unwrap();
    let session = Session::resume(config).await.unwrap().unwrap();
    let error = session.sign_out().await.unwrap_err();
    assert!(matches!(error, SignOutError::Revoke(_)), "{error}");
    assert_eq!(store.load().await, Ok(None));
}

fn wanted() -> NewRequest {
    NewRequest {
        resource: ResourceId(1),
        assignment: None,
        reason: String::new(),
        seconds: None,
        starts_at: None,
        extends: false,
    }
}

#[tokio::test]
async fn a_broken_connection_is_tried_once_more_with_the_same_key() {
    let (controller, _, session, _) = session().await;
    controller.script().break_requests = 1;
    let error = session.ask(&wanted()).await.unwrap_err();
    assert_eq!(error.code(), Some(Code::BlankText));
    let error = session.ask(&wanted()).await.unwrap_err();
    assert_eq!(error.to_string(), "Said the test.");
    let keys = controller.seen().keys.clone();
    assert_eq!(keys.len(), 3);
    assert_eq!(keys[0], keys[1]);
    assert_ne!(keys[1], keys[2]);
    assert_eq!(keys[0].len(), 32);
}

#[tokio::test]
async fn a_connection_that_stays_broken_is_an_error_that_says_so() {
    let (controller, _, session, _) = session().await;
    controller.script().break_requests = 2;
    let error = session.ask(&wanted()).await.unwrap_err();
    assert!(matches!(error, ApiError::Unreachable { .. }), "{error}");
    assert_eq!(controller.seen().keys.len(), 2);
}

#[tokio::test]
async fn an_absent_controller_is_named() {
    let controller = FakeController::start().await;
    let mut config = session_config(&controller, TestClock::new());
    signed_in(&controller, &*config.store).await;
    config.controller = hourkey_protocol::controller_url::parse("http://127.0.0.1:1").unwrap();
    let session = Session::resume(config).await.unwrap().unwrap();
    assert_eq!(
        session.me().await.unwrap_err().to_string(),
        "The controller at http://127.0.0.1:1 cannot be reached: nothing answers at its address. \
         Check the network, or ask whoever runs it."
    );
}

#[tokio::test]
async fn a_controller_that_takes_calls_and_answers_none_is_given_up_soon() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let controller = FakeController::start().await;
    let mut config = session_config(&controller, TestClock::new());
    signed_in(&controller, &*config.store).await;
    let address = format!("http://{}", silent.local_addr().unwrap());
    config.controller = hourkey_protocol::controller_url::parse(&address).unwrap();
    let session = Session::resume(config).await.unwrap().unwrap();
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let error = session.me().await.unwrap_err();
    assert!(
        began.elapsed() <= Duration::from_secs(20),
        "{:?}",
        began.elapsed()
    );
    assert!(
        error.to_string().contains("did not answer in time"),
        "{error}"
    );
}

/// Every call, whatever stands before the controller answers in its place.
#[tokio::test]
async fn whatever_answers_in_the_controllers_place_is_told_as_such_and_asked_again() {
    // What is made again is made after a pause.
    tokio::time::pause();
    let statuses = [500, 502, 503, 504, 408, 429, 401, 403, 407, 413, 302, 200];
    for (at, path) in statuses.into_iter().flat_map(|status| {
        let paths = [
            "/api/v1/me",
            "/oauth/token",
            "/.well-known/oauth-authorization-server",
        ];
        paths.map(|path| (status, path))
    }) {
        let status = axum::http::StatusCode::from_u16(at).unwrap();
        let (controller, _, session, _) = session().await;
        controller.script().broken = Some((path, status, u32::MAX));
        let error = session.me().await.unwrap_err();
        let told = match &error {
            ApiError::Unreachable { why, .. } if status.is_server_error() => why.to_string(),
            ApiError::Foreign { answer, .. } => answer.clone(),
            _ => panic!("{status} at {path}: {error:?}"),
        };
        assert!(told.contains(&at.to_string()), "{error}");

        controller.script().broken = Some((path, status, 1));
        session.me().await.unwrap();
    }
}

#[tokio::test]
async fn the_stream_of_a_controller_that_is_away_says_so() {
    let (controller, _, session, _) = session().await;
    let away = axum::http::StatusCode::BAD_GATEWAY;
    controller.script().broken = Some(("/api/v1/events", away, u32::MAX));
    let error = session.events(None).await.unwrap_err();
    assert!(matches!(error, ApiError::Unreachable { .. }), "{error}");
}
