//! Requests for the local proxy itself: the PAC file, and the return to an address that was locked.

use std::time::Duration;

use http::Method;

use super::pac;
use super::response::ProxyResponse;
use super::return_to::{self, Redirect};
use super::shared::Shared;

/// How much later than a page the proxy may learn of an approval.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(2);

/// Answers a request for the proxy at `port`.
pub(super) async fn answer(
    proxy: &Shared,
    port: u16,
    method: &Method,
    path: &str,
    host: Option<&str>,
) -> ProxyResponse {
    // The query is a content number, for browsers alone.
    let path = path.split('?').next().unwrap_or_default();
    // A page that made its own name point at 127.0.0.1 is known by that name (DNS rebinding).
    if host != Some(&format!("127.0.0.1:{port}")) {
        ProxyResponse::foreign()
    } else if method != Method::GET {
        ProxyResponse::nothing()
    } else if let Some(id) = path.strip_prefix(return_to::PATH) {
        if let Some(Redirect::To { to, .. }) = proxy.return_targets.resolve(id, proxy.dialer.boot())
        {
            // Its page may have heard of the approval before us, and before the tab that waits.
            let ready = async {
                proxy.dialer.opens(&to).await;
                proxy.return_targets.settled(id).await;
            };
            let _ = tokio::time::timeout(CATCH_UP_TIMEOUT, ready).await;
        }
        match proxy.return_targets.resolve(id, proxy.dialer.boot()) {
            Some(Redirect::To { url, .. }) => ProxyResponse::there(url),
            Some(Redirect::Arrived) => ProxyResponse::stay(),
            None => ProxyResponse::nothing(),
        }
    } else if path != proxy.pac {
        ProxyResponse::nothing()
    } else {
        match proxy.dialer.heard().await {
            Ok(()) => ProxyResponse::pac(pac::file(proxy.dialer.routes().addresses(), port)),
            Err(refused) => refused.into(),
        }
    }
}
