//! One connection to the entry, from its first byte to its last.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;

use super::answer::Answer;
use super::back::{self, Follow};
use super::http::{self, Bad, Forward, Request};
use super::socks::{self, Reply};
use super::{BROWSER_PATIENCE, PATIENCE, Shared, pac};
use crate::dial::{Destination, Refused, Tunnel};
use crate::pages::{self, Back};

/// How long a client may take to say what it wants.
const HEAD: Duration = Duration::from_secs(10);

/// How long the entry may hear of an approval later than a page.
const SOON: Duration = Duration::from_secs(2);

/// What a client wants.
enum Heard {
    Http {
        request: Request,
        /// What it said after the head.
        rest: Vec<u8>,
    },
    BadHttp(Bad),
    Socks(Destination),
    /// It was answered already, or is gone.
    Nothing,
}

/// Serves one connection. `waiting` is given back once it is known what the client wants.
pub(super) async fn serve(
    entry: Arc<Shared>,
    mut stream: TcpStream,
    waiting: OwnedSemaphorePermit,
) {
    let heard = tokio::time::timeout(HEAD, hear(&mut stream)).await;
    drop(waiting);
    let Ok(Ok(heard)) = heard else {
        return;
    };
    match heard {
        Heard::Http { request, rest } => match request {
            Request::Connect { to, browser } => connect(&entry, stream, &to, browser, &rest).await,
            Request::Forward(request) => forward(&entry, stream, &request, &rest).await,
            Request::Own { method, path, host } => {
                own(&entry, stream, &method, &path, host.as_deref()).await;
            }
        },
        Heard::BadHttp(bad) => Answer::from(bad).send(stream).await,
        Heard::Socks(to) => tunnel_for_socks(&entry, stream, &to).await,
        Heard::Nothing => {}
    }
}

async fn hear(stream: &mut TcpStream) -> io::Result<Heard> {
    let mut first = [0];
    if stream.peek(&mut first).await? == 0 {
        return Ok(Heard::Nothing);
    }
    if first == [socks::VERSION] {
        let to = socks::accept(stream).await?;
        return Ok(to.map_or(Heard::Nothing, Heard::Socks));
    }
    let mut said = Vec::with_capacity(2048);
    loop {
        if stream.read_buf(&mut said).await? == 0 {
            return Ok(Heard::Nothing);
        }
        match http::read(&said) {
            Ok(None) => {}
            Ok(Some((request, length))) => {
                let rest = said.split_off(length);
                return Ok(Heard::Http { request, rest });
            }
            Err(bad) => return Ok(Heard::BadHttp(bad)),
        }
    }
}

async fn connect(
    entry: &Shared,
    mut stream: TcpStream,
    to: &Destination,
    browser: bool,
    rest: &[u8],
) {
    let back = match browser {
        true => way_back(entry, &stream, to).await,
        false => None,
    };
    if let Some(back) = &back {
        entry.backs.waits(&back.id);
    }
    let patience = if browser { BROWSER_PATIENCE } else { PATIENCE };
    let dialed = dial(entry, &stream, to, patience, back.as_ref()).await;
    if let Some(back) = &back {
        let through = matches!(dialed, Some(Ok(_))).then(|| entry.dialer.boot());
        entry.backs.waited(&back.id, through);
    }
    let tunnel = match dialed {
        Some(Ok(tunnel)) => tunnel,
        Some(Err(refused)) => return Answer::from(refused).send(stream).await,
        None => return,
    };
    let established = b"HTTP/1.1 200 Connection established\r\n\r\n";
    if stream.write_all(established).await.is_ok() {
        tunnel.serve(stream, rest).await;
    }
}

/// The way back for a browser that finds its resource locked.
async fn way_back(entry: &Shared, stream: &TcpStream, to: &Destination) -> Option<Back> {
    let locked = entry.dialer.locked(to).await;
    locked.ok().flatten()?;
    Some(Back {
        port: stream.local_addr().ok()?.port(),
        id: entry.backs.to(back::tunnelled(to)?, to.clone()),
    })
}

async fn tunnel_for_socks(entry: &Shared, mut stream: TcpStream, to: &Destination) {
    let Some(dialed) = dial(entry, &stream, to, PATIENCE, None).await else {
        return;
    };
    let reply = dialed
        .as_ref()
        .map_or_else(Reply::from, |_| Reply::Succeeded);
    let told = socks::reply(&mut stream, reply).await;
    match (dialed, told) {
        (Ok(tunnel), Ok(())) => tunnel.serve(stream, &[]).await,
        (Err(refused), Ok(())) => {
            tracing::debug!(%refused, "A SOCKS client was refused.");
            // It went away already.
            let _ = stream.shutdown().await;
        }
        (Ok(_) | Err(_), Err(_)) => {}
    }
}

/// Opens a tunnel, as long as the client waits for it.
async fn dial(
    entry: &Shared,
    stream: &TcpStream,
    to: &Destination,
    patience: Duration,
    back: Option<&Back>,
) -> Option<Result<Tunnel, Refused>> {
    tokio::select! {
        dialed = entry.dialer.dial_and_come_back(to, patience, back) => Some(dialed),
        () = gone(stream) => None,
    }
}

/// Ends when the client has closed its connection without a word.
async fn gone(stream: &TcpStream) {
    let mut byte = [0];
    if let Ok(1..) = stream.peek(&mut byte).await {
        // It speaks already, and will hear of the outcome.
        std::future::pending::<()>().await;
    }
}

/// Plain HTTP: a locked resource has a page to go to, in the same tab.
async fn forward(entry: &Shared, stream: TcpStream, request: &Forward, rest: &[u8]) {
    let answer = match entry.dialer.locked(&request.to).await {
        Ok(None) => match entry.dialer.dial(&request.to, Duration::ZERO).await {
            Ok(tunnel) => {
                let (head, body) = (&request.head, request.body);
                return tunnel.exchange(stream, head, rest, body).await;
            }
            Err(refused) => refused.into(),
        },
        Ok(Some(page)) => match (&request.back, stream.local_addr()) {
            (Some(url), Ok(local)) => {
                let id = entry.backs.to(url.clone(), request.to.clone());
                let port = local.port();
                Answer::see(pages::and_back(page, &Back { port, id }))
            }
            (None, _) | (_, Err(_)) => Refused::Locked.into(),
        },
        Err(refused) => refused.into(),
    };
    answer.send(stream).await;
}

/// A request for the entry itself: the PAC file, or the way back to a page that was locked.
async fn own(entry: &Shared, stream: TcpStream, method: &str, path: &str, host: Option<&str>) {
    let port = stream.local_addr().map_or(0, |address| address.port());
    // The query is a content number, for browsers alone.
    let path = path.split('?').next().unwrap_or_default();
    // A page that made its own name point at 127.0.0.1 is known by that name (DNS rebinding).
    let answer = if host != Some(&format!("127.0.0.1:{port}")) {
        Answer::foreign()
    } else if method != "GET" {
        Answer::nothing()
    } else if let Some(id) = path.strip_prefix(back::PATH) {
        if let Some(Follow::There { to, .. }) = entry.backs.follow(id, entry.dialer.boot()) {
            // Its page may have heard of the approval before us, and before the tab that waits.
            let ready = async {
                entry.dialer.opens(&to).await;
                entry.backs.settled(id).await;
            };
            let _ = tokio::time::timeout(SOON, ready).await;
        }
        match entry.backs.follow(id, entry.dialer.boot()) {
            Some(Follow::There { url, .. }) => Answer::there(url),
            Some(Follow::Already) => Answer::stay(),
            None => Answer::nothing(),
        }
    } else if path != entry.pac {
        Answer::nothing()
    } else {
        match entry.dialer.heard().await {
            Ok(()) => Answer::pac(pac::file(entry.dialer.routes().addresses(), port)),
            Err(refused) => refused.into(),
        }
    };
    answer.send(stream).await;
}
