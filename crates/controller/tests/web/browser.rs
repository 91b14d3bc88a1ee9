//! A browser without a window: keeps cookies, sends forms with the token of the page before.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Mutex;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use axum::response::Response;
use hourkey_access::app::App;
use hourkey_access::config::Config;
use hourkey_access::identity::password::{Hasher, Priority};
use hourkey_access::identity::session;
use hourkey_controller::server;
use hourkey_domain::ids::UserId;
use hourkey_store::Room;
use tokio::sync::OnceCell;
use tower::ServiceExt as _;

use crate::test_env::TestEnv;

/// Everybody's password.
pub const PASSWORD: &str = "correct horse battery";

/// Its hash, which takes a while to compute.
static HASH: OnceCell<String> = OnceCell::const_new();

/// A controller whose people can sign in.
pub struct Site {
    pub env: TestEnv,
    pub app: App,
    router: Router,
}

impl Site {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// With other settings.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let env = TestEnv::new().await;
        let mut config = (*env.app.config).clone();
        change(&mut config);
        let app = App {
            config: config.into(),
            ..env.app.clone()
        };
        let hash = HASH.get_or_init(|| async {
            let hasher = Hasher::default();
            let hash = hasher.hash(PASSWORD.into(), Priority::Known);
            hash.await.unwrap()
        });
        let hash = hash.await.clone();
        let people = app
            .store
            .read()
            .await
            .unwrap()
            .organisation()
            .await
            .unwrap()
            .users;
        app.transact(Room::Usual, move |tx, _| {
            Box::pin(async move {
                for user in people {
                    tx.set_password_hash(user.id, &hash).await?;
                }
                Ok(())
            })
        })
        .await
        .unwrap();
        let router = server::router(app.clone());
        Self { env, app, router }
    }

    /// A new browser, at an address of its own.
    pub fn browser(&self) -> Browser<'_> {
        self.browser_at([192, 0, 2, 1].into())
    }

    pub fn browser_at(&self, address: IpAddr) -> Browser<'_> {
        Browser {
            site: self,
            address: SocketAddr::new(address, 40_000),
            cookies: Mutex::default(),
            token: Mutex::default(),
        }
    }

    /// A new browser in which somebody is signed in.
    pub async fn signed_in(&self, login: &str) -> Browser<'_> {
        let browser = self.browser();
        browser.sign_in(login).await;
        browser
    }

    pub async fn seq(&self) -> i64 {
        self.env.seq().await
    }

    /// Sends a call as it is.
    pub async fn send(&self, request: Request<Body>) -> Page {
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let page = Page::read(answer).await;
        // The server would break off where it is not.
        if let Some(length) = page.headers.get(header::CONTENT_LENGTH) {
            assert_eq!(length.to_str().unwrap(), page.body.len().to_string());
        }
        page
    }

    /// The answer to a call itself, for streams.
    pub async fn open(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Sends a form as a client does.
    pub async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(encoded(fields)));
        self.send(request.unwrap()).await
    }

    /// The status of `GET /api/v1/me` with this token.
    pub async fn me(&self, token: &str) -> u16 {
        let request = Request::get("/api/v1/me")
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .body(Body::empty());
        self.send(request.unwrap()).await.status.as_u16()
    }

    /// The requests that wait, and the grants that run.
    pub async fn open_requests(&self) -> String {
        let mut tx = self.app.store.read().await.unwrap();
        let open = tx.open(hourkey_store::access::OpenFilter::default()).await;
        format!("{:?}", open.unwrap())
    }

    pub async fn disable(&self, id: UserId) {
        self.app
            .transact(Room::Usual, move |tx, _| {
                Box::pin(async move {
                    let mut user = tx.user(id).await?.unwrap();
                    user.disabled = true;
                    Ok(tx.update_user(user).await?)
                })
            })
            .await
            .unwrap();
    }

    /// How many running sessions a user has.
    pub async fn sessions(&self, user: UserId) -> usize {
        let now = self.app.clock.now();
        let mut tx = self.app.store.read().await.unwrap();
        let sessions = tx.sessions_of(user).await.unwrap();
        sessions
            .iter()
            .filter(|session| session::is_running(session, now))
            .count()
    }
}

pub struct Browser<'a> {
    pub site: &'a Site,
    address: SocketAddr,
    cookies: Mutex<BTreeMap<String, String>>,
    /// The form token of the page seen last.
    token: Mutex<String>,
}

impl Browser<'_> {
    pub async fn get(&self, path: &str) -> Page {
        self.send(Method::GET, path, &[], String::new()).await
    }

    /// Sends a form of the page seen last to this address.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let token = self.token();
        let fields = [fields, &[("token", token.as_str())]].concat();
        self.post_as_is(path, &fields, &[("origin", "http://127.0.0.1:8080")])
            .await
    }

    /// Sends a form of the page seen last as it is written here, with the token.
    pub async fn post_raw(&self, path: &str, body: String) -> Page {
        let body = format!("{body}&token={}", self.token());
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("origin", "http://127.0.0.1:8080"),
        ];
        self.send(Method::POST, path, &headers, body).await
    }

    /// Sends a form without the token, with these headers.
    pub async fn post_as_is(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Page {
        let kind = [("content-type", "application/x-www-form-urlencoded")];
        let headers = [&kind, headers].concat();
        self.send(Method::POST, path, &headers, encoded(fields))
            .await
    }

    pub async fn sign_in(&self, login: &str) {
        self.get("/sign-in").await;
        let page = self
            .post("/sign-in", &[("login", login), ("password", PASSWORD)])
            .await;
        assert_eq!(page.location(), "/access", "{}", page.text);
        self.get("/sessions").await;
    }

    pub fn token(&self) -> String {
        self.token.lock().unwrap().clone()
    }

    pub fn cookies(&self) -> BTreeMap<String, String> {
        self.cookies.lock().unwrap().clone()
    }

    pub fn set_cookies(&self, cookies: BTreeMap<String, String>) {
        *self.cookies.lock().unwrap() = cookies;
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Page {
        let request = self.request(method, path, headers, body);
        let page = self.site.send(request).await;
        for cookie in page.headers.get_all(header::SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            let mut cookies = self.cookies.lock().unwrap();
            if value.is_empty() {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        if let Some(token) = page.field("token") {
            *self.token.lock().unwrap() = token;
        }
        page
    }

    /// A call with this browser's cookies, from its address.
    pub fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Request<Body> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let cookies: Vec<String> = self
            .cookies()
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if !cookies.is_empty() {
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        let mut request = request.body(Body::from(body)).unwrap();
        request.extensions_mut().insert(ConnectInfo(self.address));
        request
    }

    /// The answer itself, for streams.
    pub async fn open(&self, path: &str) -> Response {
        let request = self.request(Method::GET, path, &[], String::new());
        self.site.router.clone().oneshot(request).await.unwrap()
    }
}

/// What came back.
pub struct Page {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Empty where it is no text.
    pub text: String,
}

impl Page {
    async fn read(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap_or_default();
        Self {
            status: parts.status,
            headers: parts.headers,
            body,
            text,
        }
    }

    /// Where it redirects to.
    pub fn location(&self) -> &str {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.text);
        self.header("location")
    }

    /// A header; empty when it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The value of a hidden field.
    pub fn field(&self, name: &str) -> Option<String> {
        let (_, rest) = self.text.split_once(&format!("name=\"{name}\" value=\""))?;
        Some(rest.split('"').next()?.to_owned())
    }

    /// The words between the tags, one space between them.
    pub fn words(&self) -> String {
        let main = self.text.split_once("<main").map_or("", |(_, main)| main);
        let pieces = main.split('<').filter_map(|piece| piece.split_once('>'));
        let words: Vec<&str> = pieces
            .flat_map(|(_, text)| text.split_whitespace())
            .collect();
        words.join(" ")
    }

    #[track_caller]
    pub fn says(&self, words: &str) {
        assert!(
            self.words().contains(words),
            "not said: {words}\n{}",
            self.words()
        );
    }

    #[track_caller]
    pub fn refuses(&self, status: u16, words: &str) {
        assert_eq!(self.status.as_u16(), status, "{}", self.words());
        self.says(words);
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.text).unwrap()
    }
}

pub fn encoded(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish()
}
