//! Calls of the API on connections that stay open, with as little of our own around them as may be.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use hourkey_testkit::controller::Controller;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, ORIGIN};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;

/// A connection to the controller.
pub(crate) struct Connection {
    host: String,
    sender: SendRequest<Full<Bytes>>,
}

impl Connection {
    pub(crate) async fn open(controller: &Controller) -> Result<Self> {
        let host = controller.url().authority().to_owned();
        let stream = TcpStream::connect(&host).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // Its failure is that of the call.
        tokio::spawn(connection);
        Ok(Self { host, sender })
    }

    /// Calls, and returns the answer when its body begins.
    pub(crate) async fn call(
        &mut self,
        method: Method,
        path: &str,
        token: &str,
        body: Vec<u8>,
    ) -> Result<Response<Incoming>> {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header(HOST, &self.host)
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::from(body))?;
        self.sender.ready().await?;
        Ok(self.sender.send_request(request).await?)
    }

    /// Reads something, and returns it as it came, with how long its last byte took.
    pub(crate) async fn get(&mut self, path: &str, token: &str) -> Result<(Bytes, Duration)> {
        let begin = Instant::now();
        let answer = self.call(Method::GET, path, token, Vec::new()).await?;
        let body = whole(answer).await.with_context(|| format!("GET {path}"))?;
        Ok((body, begin.elapsed()))
    }

    /// Opens a page as a browser with this cookie, and returns it, with how long its last byte took.
    pub(crate) async fn page(&mut self, path: &str, cookie: &str) -> Result<(Bytes, Duration)> {
        let request = Request::get(path)
            .header(HOST, &self.host)
            .header(COOKIE, format!("hourkey={cookie}"))
            .body(Full::default())?;
        let begin = Instant::now();
        self.sender.ready().await?;
        let answer = self.sender.send_request(request).await?;
        let body = whole(answer).await.with_context(|| format!("GET {path}"))?;
        Ok((body, begin.elapsed()))
    }

    /// Sends a form of a page as a browser with this cookie, and returns the page, with how long its last
    /// byte took.
    pub(crate) async fn form(
        &mut self,
        path: &str,
        cookie: &str,
        fields: &[(&str, &str)],
    ) -> Result<(Bytes, Duration)> {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let request = Request::post(path)
            .header(HOST, &self.host)
            .header(ORIGIN, format!("http://{}", self.host))
            .header(COOKIE, format!("hourkey={cookie}"))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::from(body))?;
        let begin = Instant::now();
        self.sender.ready().await?;
        let answer = self.sender.send_request(request).await?;
        let body = whole(answer)
            .await
            .with_context(|| format!("POST {path}"))?;
        Ok((body, begin.elapsed()))
    }

    /// Changes something, and returns what it answers, with how long that took.
    pub(crate) async fn post<T: DeserializeOwned>(
        &mut self,
        path: &str,
        token: &str,
        body: &impl Serialize,
    ) -> Result<(T, Duration)> {
        let body = serde_json::to_vec(body)?;
        let begin = Instant::now();
        let answer = self.call(Method::POST, path, token, body).await?;
        let body = whole(answer)
            .await
            .with_context(|| format!("POST {path}"))?;
        let took = begin.elapsed();
        Ok((serde_json::from_slice(&body)?, took))
    }
}

async fn whole(answer: Response<Incoming>) -> Result<Bytes> {
    let status = answer.status();
    let body = answer.into_body().collect().await?.to_bytes();
    ensure!(
        status.is_success(),
        "{status}: {}",
        String::from_utf8_lossy(&body)
    );
    Ok(body)
}
