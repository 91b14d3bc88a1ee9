//! What a reviewer has just decided.

use hourkey_access::app::App;
use hourkey_access::queries;
use hourkey_domain::ids::{RequestId, UserId};
use hourkey_domain::outcome::Outcome;
use hourkey_protocol::access::Request;
use maud::{Markup, html};
use serde::Deserialize;

/// How many settled requests the queue shows at most.
pub(super) const SETTLED: usize = 20;

/// The requests that a reviewer decided one after the other. They keep their places in the queue:
/// a late second click must not hit the button of a request that moved up.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "String")]
pub(super) struct Settled(Vec<RequestId>);

impl From<String> for Settled {
    fn from(list: String) -> Self {
        let ids = list.split('.').filter_map(|id| id.parse().ok());
        Self(ids.take(SETTLED).map(RequestId).collect())
    }
}

impl std::fmt::Display for Settled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ids: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&ids.join("."))
    }
}

impl maud::Render for Settled {
    fn render(&self) -> Markup {
        html! { (self.to_string()) }
    }
}

impl Settled {
    /// The same with one more.
    pub(super) fn with(mut self, id: RequestId) -> Self {
        self.0.retain(|settled| *settled != id);
        self.0.insert(0, id);
        self.0.truncate(SETTLED);
        self
    }

    /// What of it is decided and may be seen.
    pub(super) async fn load(&self, app: &App, viewer: UserId) -> Vec<Request> {
        let mut requests = Vec::new();
        for id in &self.0 {
            requests.extend(queries::request(app, viewer, *id).await);
        }
        requests.retain(|request| !matches!(request.outcome(), Outcome::Waiting { .. }));
        requests
    }
}
