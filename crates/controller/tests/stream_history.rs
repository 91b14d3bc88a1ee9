//! The event stream over random histories: whoever applies its messages has what a snapshot says.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, missing_docs)]

mod test_env;

use std::collections::BTreeMap;

use hourkey_access::queries;
use hourkey_domain::audit::AuditAction;
use hourkey_domain::ids::{GatewayId, RequestId, ResourceId, UserId};
use hourkey_protocol::access::{Resource, Review};
use hourkey_protocol::account::Me;
use hourkey_protocol::event::{Changes, Snapshot};
use hourkey_store::Room;
use hourkey_store::log::{Entry, Subject};
use proptest::prelude::*;
use serde_json::Value;
use test_env::TestEnv;
use test_env::events::{Event, Events};
use test_env::history::{History, Step, adjusting, step};

/// What a client knows by the messages that it was sent.
#[derive(Debug, Default, PartialEq)]
struct Model {
    me: Option<Me>,
    resources: BTreeMap<ResourceId, Resource>,
    reviews: BTreeMap<RequestId, Review>,
}

impl Model {
    fn of(snapshot: Snapshot) -> Self {
        let resources = snapshot.resources.into_iter();
        let reviews = snapshot.reviews.into_iter();
        Self {
            me: Some(snapshot.me),
            resources: resources.map(|it| (it.id, it)).collect(),
            reviews: reviews.map(|it| (it.request.id, it)).collect(),
        }
    }

    fn apply(&mut self, event: Event) {
        if event.name == "snapshot" {
            *self = Self::of(serde_json::from_value(event.data).unwrap());
            return;
        }
        let changes: Changes = serde_json::from_value(event.data).unwrap();
        self.me = changes.me.or(self.me.take());
        for gone in changes.removed_resources {
            self.resources.remove(&gone);
        }
        let resources = changes.resources.into_iter();
        self.resources.extend(resources.map(|it| (it.id, it)));
        for gone in changes.removed_reviews {
            self.reviews.remove(&gone);
        }
        let reviews = changes.reviews.into_iter();
        self.reviews.extend(reviews.map(|it| (it.request.id, it)));
    }
}

/// Somebody with an open stream.
struct Client {
    user: UserId,
    events: Events,
    model: Model,
}

impl Client {
    /// `None` for somebody who cannot sign in now.
    async fn open(env: &TestEnv, user: UserId) -> Option<Self> {
        if env.get(user, "/me").await.status != 200 {
            return None;
        }
        let token = env.token(user).await;
        let events = Events::open(env, &token, None).await;
        let model = Model::default();
        Some(Self {
            user,
            events,
            model,
        })
    }

    /// Reads all messages up to the change `seq`; false when the stream has ended.
    async fn read_up_to(&mut self, seq: i64) -> bool {
        loop {
            let Some(event) = self.events.next().await else {
                return false;
            };
            let id = event.id;
            self.model.apply(event);
            if id >= seq {
                return true;
            }
        }
    }
}

/// A change that is told to everybody, and is nothing to them.
async fn marked(env: &TestEnv) -> i64 {
    let marked = env.app.transact(Room::Usual, |tx, at| {
        Box::pin(async move {
            let entry = Entry {
                at,
                actor: None,
                action: AuditAction::GatewayAdded,
                subject: Subject::Gateway {
                    gateway: GatewayId(1_000),
                },
                detail: Value::Null,
            };
            Ok(tx.record(entry).await?)
        })
    });
    let seq = marked.await.unwrap();
    env.app.directory.look(&env.app.store).await.unwrap();
    seq
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn whoever_applies_its_messages_has_what_a_snapshot_says(
        steps in proptest::collection::vec((step(), any::<bool>()), 1..20),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(history(steps));
    }

    /// Each change by itself: a message is made of what it names, without a look at the rest.
    #[test]
    fn also_where_the_organisation_changes_one_thing_at_a_time(steps in adjusting()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(history(steps.into_iter().map(|step| (step, true)).collect()));
    }
}

/// Each step comes with whether the clients read right after it.
async fn history(steps: Vec<(Step, bool)>) {
    let mut history = History::new().await;
    let people = history.env.people;
    let everybody = [people.ada, people.ann, people.ben, people.rae];
    let mut clients: BTreeMap<UserId, Client> = BTreeMap::new();
    for (step, reads) in steps {
        let text = format!("{step:?}");
        history.happens(step).await;
        if !reads {
            continue;
        }
        let env = &history.env;
        // By itself: what comes before the mark is a message of its own.
        env.app.directory.look(&env.app.store).await.unwrap();
        let seq = marked(env).await;
        for user in everybody {
            if let Some(client) = clients.get_mut(&user)
                && client.read_up_to(seq).await
            {
                let snapshot = queries::snapshot(&env.app, user).await.unwrap();
                assert_eq!(client.model, Model::of(snapshot), "after {text}");
                continue;
            }
            clients.remove(&user);
            if let Some(mut client) = Client::open(env, user).await {
                assert!(client.read_up_to(seq).await, "a stream that was opened");
                clients.insert(client.user, client);
            }
        }
    }
}
