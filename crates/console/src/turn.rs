//! A call's turn to read: its person has a few at a time ([`hourkey_access::budget`]).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_domain::ids::UserId;
use tokio::sync::OwnedSemaphorePermit;

/// A refusal for now is answered after this: a loop that does not wait by itself waits here.
const REFUSED_AFTER: Duration = Duration::from_millis(250);

/// Holds a call's turn to read until it is answered. A stream is answered when it opens.
#[derive(Clone, Debug, Default)]
struct Turn(Arc<Mutex<Option<OwnedSemaphorePermit>>>);

impl Turn {
    fn held(&self) -> MutexGuard<'_, Option<OwnedSemaphorePermit>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives each call a place for its turn, and the turn back when the call is answered.
pub async fn give_back(mut request: Request, next: Next) -> Response {
    let turn = Turn::default();
    request.extensions_mut().insert(turn.clone());
    let response = next.run(request).await;
    turn.held().take();
    if response.status() == StatusCode::TOO_MANY_REQUESTS {
        tokio::time::sleep(REFUSED_AFTER).await;
    }
    response
}

/// Lets a call that reads wait for its person's turn, as soon as it is known who they are.
///
/// # Errors
/// A refusal for now when too many of their calls wait already.
pub async fn wait(app: &App, parts: &Parts, user: UserId) -> Result<(), AppError> {
    let reads = matches!(parts.method, Method::GET | Method::HEAD);
    let Some(turn) = parts.extensions.get::<Turn>().filter(|_| reads) else {
        return Ok(());
    };
    // A call has one turn, however often it is asked who calls.
    if turn.held().is_none() {
        let taken = app.budgets.turn(user, app.clock.now()).await?;
        *turn.held() = Some(taken);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::middleware::from_fn;
    use axum::routing::get;
    use tokio::time::Instant;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_does_not_wait_by_itself_waits() {
        let router = Router::new()
            .route("/some", get(|| async { "some" }))
            .route("/more", get(|| async { StatusCode::TOO_MANY_REQUESTS }))
            .layer(from_fn(give_back));
        for (path, waits) in [("/some", Duration::ZERO), ("/more", REFUSED_AFTER)] {
            let begin = Instant::now();
            let request = Request::get(path).body(Body::empty()).unwrap();
            router.clone().oneshot(request).await.unwrap();
            assert_eq!(begin.elapsed(), waits, "{path}");
        }
    }
}
