//! Tunnels for callers that ask for one, by CONNECT or SOCKS5.

use tokio::io::AsyncWriteExt as _;

use super::caller::Caller;
use super::response::ProxyResponse;
use super::return_to;
use super::shared::{BROWSER_HOLD_TIMEOUT, HOLD_TIMEOUT, Shared};
use super::socks::{self, Reply};
use crate::dial::{CutReason, Destination, DialError, Dialer, RelayError};
use crate::pages::ReturnTo;
use crate::upstream::Tunnel;

/// Serves a CONNECT, of which `rest` was said after its head.
pub(super) async fn connect(
    proxy: &Shared,
    mut caller: Caller,
    to: &Destination,
    browser: bool,
    rest: &[u8],
) {
    let opened = tokio::select! {
        opened = open(proxy, caller.port(), to, browser) => opened,
        () = caller.gone() => return,
    };
    let tunnel = match opened {
        Ok(tunnel) => tunnel,
        Err(refused) => return ProxyResponse::from(refused).send(caller).await,
    };
    let established = b"HTTP/1.1 200 Connection established\r\n\r\n";
    if caller.write_all(established).await.is_ok() {
        carry(&proxy.dialer, tunnel, caller, to, rest).await;
    }
}

/// Serves a SOCKS5 client that has said where to.
pub(super) async fn socks(proxy: &Shared, mut caller: Caller, to: &Destination) {
    let dialed = tokio::select! {
        dialed = proxy.dialer.dial(to, HOLD_TIMEOUT) => dialed,
        () = caller.gone() => return,
    };
    let reply = dialed
        .as_ref()
        .map_or_else(Reply::from, |_| Reply::Succeeded);
    let told = socks::reply(&mut caller, reply).await;
    match (dialed, told) {
        (Ok(tunnel), Ok(())) => carry(&proxy.dialer, tunnel, caller, to, &[]).await,
        (Err(refused), Ok(())) => {
            tracing::info!(destination = %to, %refused, "connection refused");
            if caller.shutdown().await.is_ok() {
                caller.linger().await;
            }
        }
        (Ok(_) | Err(_), Err(_)) => {}
    }
}

/// Opens a tunnel by CONNECT. A browser's page can come back to its destination.
pub(super) async fn open(
    proxy: &Shared,
    port: u16,
    to: &Destination,
    browser: bool,
) -> Result<Tunnel, DialError> {
    let opened = match browser {
        true => open_for_browser(proxy, port, to).await,
        false => proxy.dialer.dial(to, HOLD_TIMEOUT).await,
    };
    // Few programs show what a proxy says to a CONNECT.
    opened.inspect_err(|refused| tracing::info!(destination = %to, %refused, "connection refused"))
}

async fn open_for_browser(
    proxy: &Shared,
    port: u16,
    to: &Destination,
) -> Result<Tunnel, DialError> {
    let return_to = return_target(proxy, port, to).await;
    let waiting = return_to
        .as_ref()
        .map(|it| proxy.return_targets.wait(&it.id));
    let dialed = proxy
        .dialer
        .dial_with_return_to(to, BROWSER_HOLD_TIMEOUT, return_to.as_ref())
        .await;
    if let (Some(waiting), Ok(_)) = (waiting, &dialed) {
        waiting.arrived(proxy.dialer.boot());
    }
    dialed
}

/// Makes a return target for a browser that finds its resource locked.
async fn return_target(proxy: &Shared, port: u16, to: &Destination) -> Option<ReturnTo> {
    let locked = proxy.dialer.locked(to).await;
    locked.ok().flatten()?;
    let id = proxy
        .return_targets
        .add(return_to::https_address(to)?, to.clone());
    Some(ReturnTo { port, id })
}

/// Relays until both sides are done; a connection that breaks or is cut ends abruptly for the
/// caller, so that nobody takes half an answer for a whole one.
pub(super) async fn carry(
    dialer: &Dialer,
    tunnel: Tunnel,
    caller: Caller,
    to: &Destination,
    said: &[u8],
) {
    let cut = tunnel.cut();
    let relayed = tunnel
        .relay(caller.clone(), said, || caller.is_gone())
        .await;
    let Err(error) = relayed else {
        return caller.settle();
    };
    drop(caller);
    match error {
        RelayError::Tunnel(error) => match cut.await {
            // The person has been notified.
            Some(why @ CutReason::Blocked(_)) => {
                tracing::debug!(destination = %to, %why, "connection blocked");
            }
            Some(why) => tracing::info!(destination = %to, %why, "connection lost"),
            None => {
                let why = dialer.why_lost(to, Some(&error)).await;
                tracing::info!(destination = %to, %error, %why, "connection lost");
            }
        },
        RelayError::CallerClosed | RelayError::CallerGone | RelayError::Local(_) => {
            tracing::debug!(destination = %to, %error, "the local program ended its connection");
        }
    }
}
