//! What a test lets the event stream say, byte by byte.

use std::io;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use futures_util::stream::{self, StreamExt as _};

/// What one connection to the event stream plays.
pub enum Play {
    /// These chunks, then the end.
    Close(Vec<String>),
    /// These chunks, and the end after a while.
    CloseAfter(Vec<String>, Duration),
    /// These chunks, then silence.
    Hang(Vec<String>),
}

impl Play {
    pub(super) fn response(self) -> Response {
        let chunks = |chunks: Vec<String>| stream::iter(chunks.into_iter().map(Ok::<_, io::Error>));
        let body = match self {
            Self::Close(say) => Body::from_stream(chunks(say)),
            Self::CloseAfter(say, wait) => {
                let end = stream::once(async move {
                    tokio::time::sleep(wait).await;
                    Ok(String::new())
                });
                Body::from_stream(chunks(say).chain(end))
            }
            Self::Hang(say) => Body::from_stream(chunks(say).chain(stream::pending())),
        };
        Response::new(body)
    }
}
