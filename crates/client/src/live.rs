//! The live client of a process: its session, the one model that the event stream keeps current, and
//! connections by it.
//!
//! Everybody who looks at the model shares it: the window, the tray, the local proxy. A change makes a
//! new model, which shares every row that did not change with the one before.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio_util::task::AbortOnDropHandle;

use crate::device::Device;
use crate::dial::{Dialer, PromptHandler};
use crate::model::{Connection, Model};
use crate::session::Session;
use crate::sync::{Subscription, subscribe};

/// Updates that wait to be applied.
const MAX_UPDATES: usize = 8;

/// The model of a session, kept current until this is dropped.
#[derive(Debug)]
pub struct LiveModel {
    model: watch::Receiver<Arc<Model>>,
    subscription: Subscription,
    _task: AbortOnDropHandle<()>,
}

impl LiveModel {
    /// Follows the event stream of `session`; call it inside the runtime.
    #[must_use]
    pub fn follow(session: Session) -> Self {
        let clock = Arc::clone(session.clock());
        let (updates, mut received) = mpsc::channel(MAX_UPDATES);
        let (writer, model) = watch::channel(Arc::<Model>::default());
        let subscription = subscribe(session, updates);
        let task = tokio::spawn(async move {
            while let Some(update) = received.recv().await {
                writer.send_modify(|model| Arc::make_mut(model).apply(update, clock.boot()));
            }
        });
        Self {
            model,
            subscription,
            _task: AbortOnDropHandle::new(task),
        }
    }

    /// Returns the model, now and whenever it changes. It changes no more once its
    /// [`Model::connection`] is [`Connection::Ended`].
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Arc<Model>> {
        self.model.clone()
    }

    /// Reconnects now: after a wake from suspend, or when the network came back.
    pub fn reconnect(&self) {
        self.subscription.wake();
    }

    /// Waits for the first word of the controller, or the end of the session.
    pub async fn heard(&self) {
        let heard =
            |model: &Arc<Model>| model.me.is_some() || model.connection == Connection::Ended;
        // The task goes on for as long as this.
        let _ = self.watch().wait_for(heard).await;
    }

    /// Waits for the end of the session.
    pub async fn ended(&self) {
        let ended = |model: &Arc<Model>| model.connection == Connection::Ended;
        let _ = self.watch().wait_for(ended).await;
    }
}

/// A session, its model, and connections by it.
pub struct LiveClient {
    session: Session,
    model: LiveModel,
    dialer: Dialer,
}

impl LiveClient {
    /// Starts the client of `device`; call it inside the runtime. `ready` is [`Dialer::new`]'s.
    #[must_use]
    pub fn start(device: Device, prompts: Arc<dyn PromptHandler>, ready: usize) -> Self {
        let session = device.session().clone();
        let model = LiveModel::follow(session.clone());
        let dialer = Dialer::new(device, model.watch(), prompts, ready);
        Self {
            session,
            model,
            dialer,
        }
    }

    /// Returns the session.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Returns the model.
    #[must_use]
    pub fn model(&self) -> &LiveModel {
        &self.model
    }

    /// Returns what opens connections.
    #[must_use]
    pub fn dialer(&self) -> &Dialer {
        &self.dialer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        FakeController, LOCKED, Play, TestClock, eventually, granted, on_stream, resource,
        session_config, signed_in, snapshot,
    };
    use hourkey_domain::ids::ResourceId;

    async fn session(controller: &FakeController) -> Session {
        let config = session_config(controller, TestClock::new());
        signed_in(controller, &*config.store).await;
        Session::resume(config).await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn everybody_who_looks_has_the_same_model() {
        let controller = FakeController::start().await;
        let rows = vec![resource(1, LOCKED), resource(2, LOCKED)];
        let first = on_stream("snapshot", 5, &snapshot(5, 0, rows));
        let change = vec![resource(1, granted(1, 0, 600))];
        let second = on_stream("changes", 6, &crate::testing::changes(6, 1, change));
        controller.play(Play::Close(vec![first]));
        let live = LiveModel::follow(session(&controller).await);
        live.heard().await;
        let (one, other) = (live.watch(), live.watch());
        let before = Arc::clone(&one.borrow());
        assert!(Arc::ptr_eq(&before, &other.borrow()));

        controller.play(Play::Hang(vec![second]));
        eventually("the change", || (one.borrow().seq == 6).then_some(())).await;
        let after = Arc::clone(&other.borrow());
        assert_eq!(before.row(ResourceId(1)).unwrap().lock, LOCKED, "as it was");
        assert_ne!(after.row(ResourceId(1)).unwrap().lock, LOCKED);
        let second = |model: &Model| Arc::clone(&model.resources[&ResourceId(2)]);
        assert!(Arc::ptr_eq(&second(&before), &second(&after)), "shared");
    }

    #[tokio::test]
    async fn a_session_that_ends_ends_all_waiting() {
        let controller = FakeController::start().await;
        let live = LiveModel::follow(session(&controller).await);
        let mut model = live.watch();
        controller.script().ended = true;
        controller.play(Play::Close(vec![]));
        live.heard().await;
        live.ended().await;
        while model.changed().await.is_ok() {}
        assert_eq!(model.borrow().connection, Connection::Ended);
    }
}
