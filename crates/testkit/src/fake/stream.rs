//! The event stream.

use std::convert::Infallible;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::{self, Stream};
use hourkey_protocol::access::Resource;
use hourkey_protocol::event::{CHANGES, SNAPSHOT};
use hourkey_protocol::problem::Code;
use tokio::sync::watch;

use super::controller::{FakeController, problem};
use super::rows::{changes, snapshot};

pub(super) async fn events(
    State(controller): State<FakeController>,
    headers: HeaderMap,
) -> Response {
    let last = headers.get("Last-Event-ID");
    let last = last.map(|value| value.to_str().unwrap().to_owned());
    controller.seen().last_ids.push(last);
    let play = controller.script().plays.pop_front();
    match play {
        Some(play) => play.response(),
        None if controller.rows().borrow().is_none() => problem(Code::Unavailable),
        None => Sse::new(follow(controller.rows().subscribe())).into_response(),
    }
}

/// A snapshot at first, and whenever there are more rows or fewer; else the rows that changed.
fn follow(
    mut rows: watch::Receiver<Option<Vec<Resource>>>,
) -> impl Stream<Item = Result<Event, Infallible>> {
    struct Sent {
        rows: watch::Receiver<Option<Vec<Resource>>>,
        before: Vec<Resource>,
        seq: i64,
    }
    rows.mark_changed();
    let first = Sent {
        rows,
        before: Vec::new(),
        seq: 1,
    };
    stream::unfold(first, |mut sent| async move {
        sent.rows.changed().await.ok()?;
        let now = sent.rows.borrow_and_update().clone().unwrap_or_default();
        let seq = sent.seq;
        let event = Event::default().id(seq.to_string());
        let event = if now.len() == sent.before.len() && seq > 1 {
            let rows = now.iter().zip(&sent.before);
            let changed = rows.filter(|(now, before)| now != before);
            let changed = changed.map(|(now, _)| now.clone()).collect();
            event.event(CHANGES).json_data(changes(seq, 0, changed))
        } else {
            let all = snapshot(seq, 0, now.clone());
            event.event(SNAPSHOT).json_data(all)
        };
        sent.seq += 1;
        sent.before = now;
        Some((Ok(event.unwrap()), sent))
    })
}
