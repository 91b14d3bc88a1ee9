//! A client of the event stream.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::{Request, StatusCode, header};
use futures_util::StreamExt as _;
use serde_json::Value;

use super::TestEnv;
use super::description::check;

/// Nothing here takes this long.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// An open stream.
pub struct Events {
    body: BodyDataStream,
    buffer: String,
}

/// One message.
#[derive(Clone, Debug)]
pub struct Event {
    pub name: String,
    pub id: i64,
    pub data: Value,
}

impl Events {
    /// Opens the stream, after the message `last`.
    pub async fn open(env: &TestEnv, token: &str, last: Option<&str>) -> Self {
        let mut request =
            Request::get("/api/v1/events").header(header::AUTHORIZATION, format!("Bearer {token}"));
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        let response = env.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "text/event-stream"
        );
        Self {
            body: response.into_body().into_data_stream(),
            buffer: String::new(),
        }
    }

    /// The next message; `None` when the stream has ended.
    pub async fn next(&mut self) -> Option<Event> {
        let next = tokio::time::timeout(DEADLINE, self.read());
        next.await.expect("a message, or the end of the stream")
    }

    async fn read(&mut self) -> Option<Event> {
        loop {
            if let Some((block, rest)) = self.buffer.split_once("\n\n") {
                let event = parse(block);
                self.buffer = rest.to_owned();
                if event.is_some() {
                    return event;
                }
                continue;
            }
            let chunk = self.body.next().await?;
            self.buffer += std::str::from_utf8(&chunk.unwrap()).unwrap();
        }
    }

    /// The next message, which has to be one.
    pub async fn message(&mut self) -> Event {
        self.next().await.expect("the stream ended")
    }
}

/// A block of lines as a message; `None` for comments.
fn parse(block: &str) -> Option<Event> {
    let field = |name: &str| {
        let prefix = format!("{name}: ");
        let line = block.lines().find_map(|line| line.strip_prefix(&prefix));
        line.map(str::to_owned)
    };
    let data = serde_json::from_str(&field("data")?).unwrap();
    let name = field("event").unwrap();
    let schema = match name.as_str() {
        "snapshot" => "/components/schemas/Snapshot",
        "changes" => "/components/schemas/Changes",
        other => panic!("{other} is no event"),
    };
    check(schema, &data);
    let id = field("id").unwrap().parse().unwrap();
    Some(Event { name, id, data })
}
