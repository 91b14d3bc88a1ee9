use std::sync::Mutex;

use super::*;
use crate::model::{Connection, Model};
use crate::testing::{
    FakeController, LOCKED, Play, TestClock, changes, eventually, granted, on_stream, resource,
    session_config, signed_in, snapshot,
};

/// Quick where waiting is, patient where giving up is.
const TEST_TIMINGS: Timings = Timings {
    silence: Duration::from_secs(3_600),
    tick: Duration::from_millis(5),
    proven: Duration::from_secs(10),
    backoff: Backoff {
        initial: Duration::from_millis(10),
        max: Duration::from_millis(50),
    },
    opening: Duration::from_secs(30),
    first_bytes: Duration::from_secs(3_600),
};

struct SubscriptionHarness {
    controller: FakeController,
    clock: Arc<TestClock>,
    model: Arc<Mutex<Model>>,
    updates: Arc<Mutex<Vec<Update>>>,
    subscription: Subscription,
}

async fn subscribed(
    timings: Timings,
    plays: impl IntoIterator<Item = Play>,
) -> SubscriptionHarness {
    let controller = FakeController::start().await;
    for play in plays {
        controller.play(play);
    }
    let clock = TestClock::new();
    let config = session_config(&controller, Arc::clone(&clock));
    signed_in(&controller, &*config.store).await;
    let session = Session::resume(config).await.unwrap().unwrap();
    let (tx, mut rx) = mpsc::channel(8);
    let subscription = subscribe_with(timings, session, tx);
    let model = Arc::new(Mutex::new(Model::default()));
    let updates = Arc::new(Mutex::new(Vec::new()));
    let (heard_model, heard_updates, heard_clock) =
        (Arc::clone(&model), Arc::clone(&updates), Arc::clone(&clock));
    tokio::spawn(async move {
        while let Some(update) = rx.recv().await {
            heard_updates.lock().unwrap().push(update.clone());
            heard_model
                .lock()
                .unwrap()
                .apply(update, heard_clock.boot());
        }
    });
    SubscriptionHarness {
        controller,
        clock,
        model,
        updates,
        subscription,
    }
}

impl SubscriptionHarness {
    async fn until(&self, what: &str, holds: impl Fn(&Model) -> bool) {
        eventually(what, || holds(&self.model.lock().unwrap()).then_some(())).await;
    }

    fn connections(&self) -> Vec<Option<String>> {
        self.controller.seen().last_ids.clone()
    }
}

fn first() -> String {
    on_stream("snapshot", 5, &snapshot(5, 0, vec![resource(1, LOCKED)]))
}

fn second() -> String {
    let row = resource(1, granted(1, 0, 600));
    on_stream("changes", 6, &changes(6, 1, vec![row]))
}

#[tokio::test]
async fn a_broken_stream_is_taken_up_where_it_broke() {
    let subscribed = subscribed(
        TEST_TIMINGS,
        [
            Play::Close(vec![first()]),
            // What was sent before may be sent again, and an event may come in pieces.
            Play::Hang(vec![
                second(),
                second()[..20].to_owned(),
                second()[20..].to_owned(),
            ]),
        ],
    )
    .await;
    subscribed.until("the change", |model| model.seq == 6).await;
    subscribed
        .until("being live", |model| model.connection == Connection::Live)
        .await;
    assert_eq!(subscribed.connections(), [None, Some("5".to_owned())]);
    let model = subscribed.model.lock().unwrap();
    assert_eq!(model.resources.len(), 1);
    // It was over before anybody had to hear of it.
    let updates = subscribed.updates.lock().unwrap();
    let lost = |update: &Update| matches!(update, Update::Lost { .. });
    assert!(!updates.iter().any(lost), "{updates:?}");
}

#[tokio::test]
async fn a_controller_that_is_away_is_tried_until_it_is_back_and_the_state_is_kept() {
    let subscribed = subscribed(TEST_TIMINGS, [Play::Close(vec![first()])]).await;
    subscribed
        .until("being lost", |model| {
            model.seq == 5 && matches!(model.connection, Connection::Lost { since: Some(_), .. })
        })
        .await;
    eventually("several attempts", || {
        (subscribed.connections().len() > 4).then_some(())
    })
    .await;
    assert_eq!(subscribed.model.lock().unwrap().resources.len(), 1);
    // Each reason is said once, not each attempt.
    let said = |updates: &[Update]| {
        let lost = |update: &&Update| matches!(update, Update::Lost { .. });
        updates.iter().filter(lost).count()
    };
    assert!(said(&subscribed.updates.lock().unwrap()) <= 3);
    subscribed.controller.play(Play::Hang(vec![second()]));
    subscribed
        .until("being live again", |model| {
            model.seq == 6 && model.connection == Connection::Live
        })
        .await;
}

#[tokio::test]
async fn a_silent_stream_is_dead() {
    let timings = Timings {
        silence: Duration::from_secs(1),
        ..TEST_TIMINGS
    };
    let subscribed = subscribed(
        timings,
        [Play::Hang(vec![first()]), Play::Hang(vec![second()])],
    )
    .await;
    subscribed.until("the change", |model| model.seq == 6).await;
    assert_eq!(subscribed.connections()[1], Some("5".to_owned()));
    // The first break of a stream that stood is not told.
    let lost = eventually("that it is away", || {
        let updates = subscribed.updates.lock().unwrap();
        updates.iter().find_map(|update| match update {
            Update::Lost { why, .. } => Some(why.clone()),
            _ => None,
        })
    });
    assert_eq!(lost.await, "The controller went silent.", "not buffered");
}

#[tokio::test]
async fn a_stream_that_opens_and_brings_nothing_is_told_as_buffered_on_the_way() {
    let timings = Timings {
        first_bytes: Duration::from_millis(500),
        ..TEST_TIMINGS
    };
    let plays = [Play::Hang(Vec::new()), Play::Hang(vec![first()])];
    let subscribed = subscribed(timings, plays).await;
    subscribed
        .until("the snapshot", |model| model.seq == 5)
        .await;
    let updates = subscribed.updates.lock().unwrap();
    let Some(Update::Lost { why, heard: None }) = updates.first() else {
        panic!("it never was live: {updates:?}");
    };
    assert!(why.contains("buffers it"), "{why}");
}

#[tokio::test]
async fn streams_that_are_closed_at_one_age_are_told_as_limited_on_the_way() {
    let plays = (0..20).map(|_| Play::CloseAfter(vec![first()], Duration::from_millis(1_500)));
    let subscribed = subscribed(TEST_TIMINGS, plays).await;
    eventually("what ends the streams", || {
        let updates = subscribed.updates.lock().unwrap();
        updates.iter().find_map(|update| match update {
            Update::Lost { why, .. } if why.contains("limits how long") => Some(()),
            _ => None,
        })
    })
    .await;
}

#[tokio::test]
async fn after_sleep_the_stream_is_opened_anew_at_once() {
    let subscribed = subscribed(
        TEST_TIMINGS,
        [Play::Hang(vec![first()]), Play::Hang(vec![second()])],
    )
    .await;
    subscribed
        .until("the snapshot", |model| model.seq == 5)
        .await;
    subscribed.clock.advance(Duration::from_secs(8 * 3600));
    subscribed.until("the change", |model| model.seq == 6).await;
}

#[tokio::test]
async fn a_nudge_ends_the_wait() {
    let patient = Timings {
        backoff: Backoff {
            initial: Duration::from_secs(3_600),
            max: Duration::from_secs(3_600),
        },
        ..TEST_TIMINGS
    };
    let subscribed = subscribed(patient, []).await;
    subscribed
        .until("being lost", |model| {
            matches!(model.connection, Connection::Lost { .. })
        })
        .await;
    subscribed
        .controller
        .play(Play::Hang(vec![first(), second()]));
    subscribed.subscription.wake();
    subscribed.until("the change", |model| model.seq == 6).await;
}

#[tokio::test]
async fn an_unreadable_event_leads_to_a_fresh_snapshot() {
    let bad = "event: changes\ndata: {\n\n".to_owned();
    let subscribed = subscribed(
        TEST_TIMINGS,
        [Play::Hang(vec![first(), bad]), Play::Hang(vec![second()])],
    )
    .await;
    subscribed.until("the change", |model| model.seq == 6).await;
    assert_eq!(subscribed.connections(), [None, None]);
}

#[tokio::test]
async fn unknown_events_are_left_alone() {
    let unknown = "event: weather\ndata: rain\n\n: comment\n\n".to_owned();
    let subscribed = subscribed(TEST_TIMINGS, [Play::Hang(vec![first(), unknown, second()])]).await;
    subscribed.until("the change", |model| model.seq == 6).await;
    assert_eq!(subscribed.connections(), [None]);
}

#[tokio::test]
async fn an_ended_session_is_said_and_nothing_follows() {
    let subscribed = subscribed(TEST_TIMINGS, [Play::Close(vec![first()])]).await;
    subscribed
        .until("the snapshot", |model| model.seq == 5)
        .await;
    subscribed.controller.script().ended = true;
    subscribed.controller.forget_access();
    subscribed
        .until("the end", |model| model.connection == Connection::Ended)
        .await;
    eventually("the task's end", || {
        subscribed.subscription.is_finished().then_some(())
    })
    .await;
}
