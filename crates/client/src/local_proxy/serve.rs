//! One connection to the local proxy, from its first byte to its last.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;

use super::caller::Caller;
use super::greeting::{Greeting, hear};
use super::listen::SilentSlot;
use super::response::ProxyResponse;
use super::shared::Shared;
use super::{http, tunnel};

/// How long a client may take to say what it wants.
const GREETING_TIMEOUT: Duration = Duration::from_secs(10);

/// Serves one connection. `slot` is given back once it is known what the client wants.
pub(super) async fn serve(proxy: Arc<Shared>, mut caller: Caller, slot: SilentSlot) {
    let heard = tokio::time::timeout(GREETING_TIMEOUT, hear(&mut caller)).await;
    drop(slot);
    let Ok(Ok(greeting)) = heard else {
        return;
    };
    match greeting {
        Greeting::Connect { to, browser, rest } => {
            tunnel::connect(&proxy, caller, &to, browser, &rest).await;
        }
        Greeting::Socks(to) => tunnel::socks(&proxy, caller, &to).await,
        Greeting::Http {
            said,
            is_for_server,
        } => http::serve(proxy, caller, said, is_for_server).await,
        Greeting::Bad(bad) => ProxyResponse::from(bad).send(caller).await,
        Greeting::Nothing => {
            // It may have been told why not.
            if caller.shutdown().await.is_ok() {
                caller.linger().await;
            }
        }
    }
}
