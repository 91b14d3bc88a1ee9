//! The browser's way out and back: a listener on literal 127.0.0.1 and a random port (RFC 8252, 7.3).
//!
//! The browser is opened at [`Listener::start_url`], which sends it on to the controller: so neither
//! the state nor the challenge stands in the arguments of the program that opens it, which every user
//! of the machine can read. Anything on the machine, and any web page in the browser, can call this
//! listener. Other users are turned away by the owner of their sockets, where the system tells it.
//! Only a `GET` of the right path with the right state, from the browser that went out here (it shows
//! the cookie that it was given), ends the wait; everything else is answered 404.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hourkey_protocol::oauth;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use url::Url;

use crate::local_proxy::socket_owner::{SocketOwner, SocketOwners as _, SystemSocketOwners};
use crate::secrets::Secret;

const CALLBACK_PATH: &str = "/callback";
const START_PATH: &str = "/start/";
/// The longest head of a request that is read.
const MAX_HEAD: usize = 16 * 1024;
/// How long a caller may take over its request.
const CALLER_TIMEOUT: Duration = Duration::from_secs(10);
/// How many callers are heard at once.
const MAX_CALLERS: usize = 64;

pub(super) struct Listener {
    listener: TcpListener,
    /// Whether the owner of a socket can be told here.
    knows_owners: bool,
    expected: Arc<Expected>,
}

/// What the browser asks for, and what it must show when it comes back.
struct Expected {
    port: u16,
    /// The path that sends it on.
    start: String,
    /// Where to: the controller's authorization endpoint.
    to: OnceLock<Url>,
    state: Secret,
    cookie: Secret,
}

/// What the controller sent back through the browser.
#[derive(Debug)]
pub(super) struct AuthorizationResponse {
    /// Who says so (RFC 9207).
    pub(super) issuer: Option<String>,
    /// The code, or why there is none.
    pub(super) result: Result<Secret, oauth::Error>,
}

/// The browser tab, which waits to be told how it ended.
#[derive(Debug)]
pub(super) struct Browser(TcpStream);

impl Listener {
    pub(super) async fn bind(state: Secret) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let expected = Expected {
            port,
            start: format!("{START_PATH}{}", Secret::random().expose()),
            to: OnceLock::new(),
            state,
            cookie: Secret::random(),
        };
        Ok(Self {
            listener,
            knows_owners: SystemSocketOwners.check().is_ok(),
            expected: Arc::new(expected),
        })
    }

    pub(super) fn redirect_uri(&self) -> String {
        format!("http://{}{CALLBACK_PATH}", self.expected.host())
    }

    /// The address to open in the browser, which sends it on to `to`.
    pub(super) fn start_url(&self, to: Url) -> Result<Url, url::ParseError> {
        // Set once: there is one sign-in per listener.
        let _ = self.expected.to.set(to);
        format!("http://{}{}", self.expected.host(), self.expected.start).parse()
    }

    /// Waits, without end, for the browser to come back.
    pub(super) async fn wait(&mut self) -> io::Result<(AuthorizationResponse, Browser)> {
        let mut callers = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept(), if callers.len() < MAX_CALLERS => {
                    let (stream, peer) = accepted?;
                    if !self.is_ours(&stream, peer) {
                        tracing::warn!("another user of this machine called the sign-in's listener");
                        continue;
                    }
                    let expected = Arc::clone(&self.expected);
                    callers.spawn(tokio::time::timeout(
                        CALLER_TIMEOUT,
                        async move { hear(stream, &expected).await },
                    ));
                }
                Some(heard) = callers.join_next() => {
                    if let Ok(Ok(Some(found))) = heard {
                        return Ok(found);
                    }
                }
            }
        }
    }

    fn is_ours(&self, stream: &TcpStream, peer: SocketAddr) -> bool {
        let owner = || SystemSocketOwners.owner(peer, stream.local_addr()?);
        !self.knows_owners || owner().is_ok_and(|owner| owner == SocketOwner::Us)
    }
}

impl Expected {
    fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The cookie's name: those of one host are shared by all of its ports.
    fn cookie_name(&self) -> String {
        format!("hourkey-sign-in-{}", self.port)
    }
}

/// What a caller wants.
enum Heard {
    /// To be sent to the controller.
    Start(Url),
    Response(AuthorizationResponse),
    Nothing,
}

async fn hear(
    mut stream: TcpStream,
    expected: &Expected,
) -> Option<(AuthorizationResponse, Browser)> {
    let mut head = Vec::new();
    let heard = loop {
        let mut headers = [httparse::EMPTY_HEADER; 100];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(&head) {
            Ok(httparse::Status::Complete(_)) => break read(&request, expected),
            Ok(httparse::Status::Partial) if head.len() < MAX_HEAD => {}
            Ok(httparse::Status::Partial) | Err(_) => break None,
        }
        let mut part = [0; 2048];
        match stream.read(&mut part).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => head.extend_from_slice(&part[..count]),
        }
    };
    match heard.unwrap_or(Heard::Nothing) {
        Heard::Response(answer) => return Some((answer, Browser(stream))),
        Heard::Start(to) => {
            let (name, cookie) = (expected.cookie_name(), expected.cookie.expose());
            let fields = format!(
                "Location: {to}\r\n\
                 Set-Cookie: {name}={cookie}; HttpOnly; SameSite=Lax; Path={CALLBACK_PATH}; Max-Age=900\r\n"
            );
            let (title, text) = ("Sign in", "Go on at your organisation's Hourkey.");
            respond(&mut stream, "302 Found", &fields, title, text).await;
        }
        Heard::Nothing => {
            let text = "There is nothing here.";
            respond(&mut stream, "404 Not Found", "", "Not found", text).await;
        }
    }
    None
}

fn read(request: &httparse::Request<'_, '_>, expected: &Expected) -> Option<Heard> {
    if request.method != Some("GET") {
        return None;
    }
    // A page that made its own name point at 127.0.0.1 is known by that name (DNS rebinding).
    if only_field(request, "host")? != expected.host() {
        return None;
    }
    let path = request.path?;
    if path == expected.start {
        return expected.to.get().cloned().map(Heard::Start);
    }
    let (path, query) = path.split_once('?')?;
    if path != CALLBACK_PATH || !shows_cookie(request, expected) {
        return None;
    }
    answer(query, &expected.state).map(Heard::Response)
}

/// A header field that stands there once.
fn only_field<'a>(request: &httparse::Request<'_, 'a>, name: &str) -> Option<&'a str> {
    let mut fields = request
        .headers
        .iter()
        .filter(|field| field.name.eq_ignore_ascii_case(name));
    let found = fields.next()?.value;
    match fields.next() {
        None => std::str::from_utf8(found).ok(),
        Some(_) => None,
    }
}

fn shows_cookie(request: &httparse::Request<'_, '_>, expected: &Expected) -> bool {
    let wanted = format!("{}={}", expected.cookie_name(), expected.cookie.expose());
    only_field(request, "cookie")
        .is_some_and(|cookies| cookies.split(';').any(|cookie| cookie.trim() == wanted))
}

fn answer(query: &str, state: &Secret) -> Option<AuthorizationResponse> {
    let mut found: [Option<String>; 5] = Default::default();
    let names = ["state", "iss", "code", "error", "error_description"];
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        if let Some(place) = names.iter().position(|known| *known == name)
            && found[place].replace(value.into_owned()).is_some()
        {
            // Parameters must not be repeated (RFC 6749, 3.1).
            return None;
        }
    }
    let [sent_state, issuer, code, error, description] = found;
    if sent_state? != state.expose() {
        return None;
    }
    let result = match (code, error) {
        (Some(code), None) => Ok(Secret::new(code)),
        (None, Some(error)) => Err(oauth::Error {
            error,
            error_description: description,
        }),
        (Some(_), Some(_)) | (None, None) => return None,
    };
    Some(AuthorizationResponse { issuer, result })
}

impl Browser {
    /// Says in the tab that it worked.
    pub(super) async fn signed_in(mut self) {
        respond(
            &mut self.0,
            "200 OK",
            "",
            "You are signed in",
            "You may close this tab and go back to Hourkey.",
        )
        .await;
    }

    /// Says in the tab that it failed, and why.
    pub(super) async fn failed(mut self, why: &str) {
        respond(&mut self.0, "200 OK", "", "Signing in failed", why).await;
    }
}

/// `fields` are further header fields, each with its line end.
async fn respond(stream: &mut TcpStream, status: &str, fields: &str, title: &str, text: &str) {
    let body = page(title, text);
    let response = format!(
        "HTTP/1.1 {status}\r\n\
         {fields}\
         Content-Type: text/html; charset=utf-8\r\n\
         Content-Length: {}\r\n\
         Cache-Control: no-store\r\n\
         Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
         frame-ancestors 'none'\r\n\
         Referrer-Policy: no-referrer\r\n\
         X-Content-Type-Options: nosniff\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
    // A caller that went away misses only the page.
    let _ = tokio::time::timeout(CALLER_TIMEOUT, async {
        stream.write_all(response.as_bytes()).await?;
        stream.shutdown().await
    })
    .await;
}

fn page(title: &str, text: &str) -> String {
    let (title, text) = (escape(title), escape(text));
    format!(
        "<!doctype html>\n\
         <html lang=\"en\"><meta charset=\"utf-8\"><title>{title} · Hourkey</title>\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <link rel=\"icon\" href=\"data:,\">\n\
         <style>\n\
         :root {{ color-scheme: light dark; --paper: light-dark(#FAFAF8, #16171A); \
         --raised: light-dark(#FFFFFF, #1E2024); --ink: light-dark(#1B1D21, #ECEDEF); \
         --muted: light-dark(#5E636B, #9CA1AA); --line: light-dark(#E4E4DF, #2D3036); \
         --brass: light-dark(#8A5A00, #E0B354); }}\n\
         body {{ margin: 0; min-height: 100vh; display: grid; place-items: center; \
         background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }}\n\
         main {{ max-width: 24rem; margin: 16px; padding: 32px; background: var(--raised); \
         border: 1px solid var(--line); border-radius: 8px; }}\n\
         b {{ color: var(--brass); }} h1 {{ font-size: 20px; margin: 8px 0; }} \
         p {{ margin: 0; color: var(--muted); }}\n\
         </style>\n\
         <main><b>Hourkey</b><h1>{title}</h1><p>{text}</p></main></html>\n"
    )
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATE: &str = "right-state";

    async fn listener() -> (Listener, String) {
        let listener = Listener::bind(Secret::new(STATE)).await.unwrap();
        let uri = listener.redirect_uri();
        (listener, uri)
    }

    /// Sends raw bytes and reads whatever comes back.
    async fn raw(port: u16, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        // The other side may close before everything is written.
        let _ = stream.write_all(bytes).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    #[tokio::test]
    async fn hostile_requests_are_refused_and_the_wait_goes_on() {
        let (mut listener, uri) = listener().await;
        let port = listener.expected.port;
        let cookie = format!(
            "Cookie: other=x; {}={}",
            listener.expected.cookie_name(),
            listener.expected.cookie.expose()
        );
        assert_eq!(uri, format!("http://127.0.0.1:{port}/callback"));
        let wait = tokio::spawn(async move { listener.wait().await.unwrap() });
        let host = format!("Host: 127.0.0.1:{port}\r\n{cookie}\r\n\r\n");
        let no_cookie = format!("Host: 127.0.0.1:{port}\r\n\r\n");
        let long = format!(
            "GET /callback?state={STATE}&code={} HTTP/1.1\r\n",
            "c".repeat(40_000)
        );
        for hostile in [
            format!("GET /callback?code=c HTTP/1.1\r\n{host}"),
            format!("GET /callback?state=wrong&code=c HTTP/1.1\r\n{host}"),
            format!("GET /callback?state={STATE} HTTP/1.1\r\n{host}"),
            format!("GET /callback?state={STATE}&code=c&error=e HTTP/1.1\r\n{host}"),
            format!("GET /callback?state={STATE}&code=c&code=d HTTP/1.1\r\n{host}"),
            format!("GET /callback?state=wrong&state={STATE}&code=c HTTP/1.1\r\n{host}"),
            format!("POST /callback?state={STATE}&code=c HTTP/1.1\r\n{host}"),
            format!("HEAD /callback?state={STATE}&code=c HTTP/1.1\r\n{host}"),
            format!("GET /other?state={STATE}&code=c HTTP/1.1\r\n{host}"),
            format!("GET /callback/?state={STATE}&code=c HTTP/1.1\r\n{host}"),
            format!(
                "GET /callback?state={STATE}&code=c HTTP/1.1\r\nHost: evil\r\n{cookie}\r\n\r\n"
            ),
            format!("GET /callback?state={STATE}&code=c HTTP/1.1\r\n{cookie}\r\n\r\n"),
            format!("GET /callback?state={STATE}&code=c HTTP/1.1\r\n{no_cookie}"),
            format!("GET /callback?state={STATE}&code=c HTTP/1.1\r\n{cookie}x\r\n{no_cookie}"),
            format!("GET /start/{STATE} HTTP/1.1\r\n{host}"),
            format!("{long}{host}"),
            "\0\0\0\0\r\n\r\n".to_owned(),
        ] {
            let answer = raw(port, hostile.as_bytes()).await;
            assert!(
                answer.is_empty() || answer.starts_with("HTTP/1.1 404"),
                "{hostile:.80}: {answer}"
            );
            assert!(!wait.is_finished(), "{hostile:.80}");
        }
        // Silent callers hold nothing up either.
        let mut silent = Vec::new();
        for _ in 0..8 {
            silent.push(TcpStream::connect(("127.0.0.1", port)).await.unwrap());
        }
        let right = format!("GET /callback?state={STATE}&iss=i%3A&code=c%26d HTTP/1.1\r\n{host}");
        let tab = tokio::spawn(async move { raw(port, right.as_bytes()).await });
        let (answer, browser) = wait.await.unwrap();
        assert_eq!(answer.result.unwrap().expose(), "c&d");
        assert_eq!(answer.issuer.as_deref(), Some("i:"));
        browser.signed_in().await;
        assert!(tab.await.unwrap().contains("You are signed in"));
    }

    #[tokio::test]
    async fn an_error_ends_the_wait_and_is_shown_harmlessly() {
        let (mut listener, uri) = listener().await;
        let url = format!(
            "{uri}?state={STATE}&error=access_denied&error_description=%3Cscript%3Ealert(1)"
        );
        // As a browser goes: out by the start, and back with the cookie.
        let start = listener.start_url(url.parse().unwrap()).unwrap();
        assert!(!start.as_str().contains(STATE), "{start}");
        let tab = tokio::spawn(crate::testing::browse(start));
        let (answer, browser) = listener.wait().await.unwrap();
        let error = answer.result.unwrap_err();
        assert_eq!(error.error, "access_denied");
        browser.failed(&error.error_description.unwrap()).await;
        let shown = tab.await.unwrap();
        assert!(shown.contains("Signing in failed"));
        assert!(shown.contains("&lt;script&gt;") && !shown.contains("<script>"));
    }
}
