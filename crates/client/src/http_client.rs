//! The HTTP client, and reading answers with a limit.

use std::time::Duration;

use hourkey_pki::NoAnswer;
use hourkey_protocol::oauth::{self, Tokens};
use hourkey_protocol::problem::{self, Problem};
use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{Client, RequestBuilder, Response};
use serde::de::DeserializeOwned;

use crate::api_error::ApiError;
use environment_proxy::named;

pub(crate) mod environment_proxy;

/// The HTTP client of the program: TLS by rustls against the system's trusted authorities and
/// those in the file named by `HOURKEY_CA_FILE`; through the proxy that the environment names, unless
/// it is a local proxy of our own; follows no redirects, since none of the controller's answers to
/// programs is one.
///
/// # Errors
/// When `HOURKEY_CA_FILE` cannot be used.
pub fn http() -> Result<Client, HttpError> {
    client(extra_authorities()?)
}

fn client(extra: Vec<reqwest::Certificate>) -> Result<Client, HttpError> {
    // Fails only when the program chose a provider before, which is fine.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let builder = || {
        Client::builder()
            .user_agent(concat!("hourkey/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .proxy(environment_proxy::of_environment())
            // A connection that stood idle may be dead without anybody knowing, above all after
            // sleep, and a call on it would wait for its time limit; with HTTP/2 even every call.
            .http1_only()
            .pool_idle_timeout(Duration::from_secs(3))
            .connect_timeout(Duration::from_secs(10))
            .tcp_keepalive(Duration::from_secs(30))
    };
    builder()
        .tls_certs_merge(extra.clone())
        .build()
        // A machine without any trusted authorities may still use http on loopback.
        .or_else(|_| builder().tls_certs_only(extra).build())
        .map_err(HttpError::Client)
}

/// Why there is no HTTP client.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The file of extra authorities cannot be used.
    #[error(
        "HOURKEY_CA_FILE names {file}, which cannot be used: {why}. It must hold PEM certificates."
    )]
    Authorities {
        /// The file.
        file: String,
        /// What is wrong with it.
        why: String,
    },
    /// The TLS library refuses its settings.
    #[error("The network cannot be used: {0}.")]
    Client(reqwest::Error),
}

fn extra_authorities() -> Result<Vec<reqwest::Certificate>, HttpError> {
    let Some(file) = std::env::var_os("HOURKEY_CA_FILE").filter(|file| !file.is_empty()) else {
        return Ok(Vec::new());
    };
    std::fs::read(&file)
        .map_err(|error| error.to_string())
        .and_then(|pem| authorities(&pem))
        .map_err(|why| HttpError::Authorities {
            file: file.to_string_lossy().into_owned(),
            why,
        })
}

fn authorities(pem: &[u8]) -> Result<Vec<reqwest::Certificate>, String> {
    let found = reqwest::Certificate::from_pem_bundle(pem)
        .map_err(|error| no_answer(&error).to_string())?;
    if found.is_empty() {
        return Err("there is no certificate in it".to_owned());
    }
    Ok(found)
}

/// How long the controller may take to begin an answer, and to go on with it: an answer that comes
/// steadily may take longer.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// Makes a call, and waits until its answer begins.
pub(crate) async fn answer(call: RequestBuilder) -> Result<Response, NoAnswer> {
    within(ANSWER_TIMEOUT, call.send()).await
}

/// Timeout for a response, and for each further part of it.
pub(crate) async fn within<T>(
    limit: Duration,
    answering: impl Future<Output = reqwest::Result<T>>,
) -> Result<T, NoAnswer> {
    match tokio::time::timeout(limit, answering).await {
        Ok(answered) => answered.map_err(|error| no_answer(&error)),
        Err(_) => Err(NoAnswer::Late),
    }
}

/// Why a call got no answer.
pub(crate) fn no_answer(error: &reqwest::Error) -> NoAnswer {
    if error.is_timeout() {
        return NoAnswer::Late;
    }
    NoAnswer::of(error)
}

/// The largest JSON answer that is read: a snapshot of 100,000 resources is about 60 MB.
const MAX_BODY: usize = 64 << 20;

/// The JSON body of an answer. A page instead is not the controller's.
pub(crate) async fn json<T: DeserializeOwned>(mut response: Response) -> Result<T, ApiError> {
    let body = body(&mut response).await?;
    serde_json::from_slice(&body).map_err(|error| match error.is_data() {
        true => unreadable(&error),
        false => foreign(&response),
    })
}

fn unreadable(error: &serde_json::Error) -> ApiError {
    ApiError::Protocol(format!("an answer cannot be read: {error}"))
}

async fn body(response: &mut Response) -> Result<Vec<u8>, ApiError> {
    let mut body = Vec::new();
    loop {
        match within(ANSWER_TIMEOUT, response.chunk()).await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= MAX_BODY => body.extend(chunk),
            Ok(Some(_)) => return Err(ApiError::Protocol("an answer is too large".to_owned())),
            Ok(None) => return Ok(body),
            Err(why) => return Err(ApiError::unreachable(response.url(), why)),
        }
    }
}

/// What an answer that is no success says. Without a problem of the controller's own, something before
/// it answered, such as a reverse proxy while the controller restarts.
pub(crate) async fn problem(mut response: Response) -> ApiError {
    let body = match body(&mut response).await {
        Ok(body) => body,
        Err(error) => return error,
    };
    let media_type = response.headers().get(CONTENT_TYPE);
    let is_own = media_type.is_some_and(|it| it.as_bytes() == problem::MEDIA_TYPE.as_bytes());
    match serde_json::from_slice::<Problem>(&body) {
        Ok(problem) => ApiError::Problem(problem),
        Err(error) if is_own => unreadable(&error),
        Err(_) => foreign(&response),
    }
}

/// What there is to tell of an answer that is not the controller's own.
fn foreign(response: &Response) -> ApiError {
    let (controller, status) = (named(response.url()), response.status());
    if status.is_server_error() {
        let why = NoAnswer::Other(format!("what stands at its address answered {status}"));
        return ApiError::Unreachable { controller, why };
    }
    let answer = described(response);
    ApiError::Foreign { controller, answer }
}

/// An answer in words: its status, and where it sends a browser, which may have secrets in its query.
pub(crate) fn described(response: &Response) -> String {
    let status = response.status();
    let location = response.headers().get(LOCATION);
    let to = location.and_then(|to| response.url().join(to.to_str().ok()?).ok());
    match to {
        Some(mut to) if status.is_redirection() => {
            to.set_query(None);
            to.set_fragment(None);
            format!("{status}, to {to}")
        }
        _ if status.is_success() => format!("{status}, with another page"),
        _ => status.to_string(),
    }
}

/// The token endpoint's answer (RFC 6749, 5).
pub(crate) async fn tokens(
    mut response: Response,
) -> Result<Result<Tokens, oauth::Error>, ApiError> {
    let status = response.status();
    if status.is_success() {
        return json(response).await.map(Ok);
    }
    if status.is_server_error() {
        return Err(problem(response).await);
    }
    let body = body(&mut response).await?;
    let error = serde_json::from_slice(&body).map_err(|_| foreign(&response))?;
    Ok(Err(error))
}

/// An OAuth error as the end of a sentence.
pub(crate) fn oauth_sentence(error: &oauth::Error) -> String {
    match &error.error_description {
        Some(description) => format!("{} ({})", description.trim_end_matches('.'), error.error),
        None => error.error.clone(),
    }
}

#[cfg(test)]
mod tests {
    use hourkey_protocol::controller_url;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

    use super::*;
    use crate::discover::{DiscoverError, discover};

    /// A server on loopback whose certificate an own authority issued: its address, and the
    /// authority as PEM.
    async fn server() -> (url::Url, String) {
        let authority_key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = authority.self_signed(&authority_key).unwrap().pem();
        let issuer = Issuer::new(authority, authority_key);
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(["127.0.0.1".to_owned()])
            .unwrap()
            .signed_by(&key, &issuer)
            .unwrap();
        // Chooses the process's provider.
        client(Vec::new()).unwrap();
        let tls = axum_server::tls_rustls::RustlsConfig::from_pem(
            certificate.pem().into_bytes(),
            key.serialize_pem().into_bytes(),
        )
        .await
        .unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url =
            controller_url::parse(&format!("https://{}", listener.local_addr().unwrap())).unwrap();
        let app = axum::Router::new().fallback(|| async { "Hello" });
        let serve = axum_server::from_tcp_rustls(listener, tls).unwrap();
        tokio::spawn(serve.serve(app.into_make_service()));
        (url, pem)
    }

    #[tokio::test]
    async fn only_trusted_certificates_are_accepted_and_others_are_named() {
        let (url, authority) = server().await;
        let error = discover(&client(Vec::new()).unwrap(), &url)
            .await
            .unwrap_err();
        assert!(
            matches!(error, DiscoverError::UnknownAuthority { .. }),
            "{error}"
        );
        assert!(error.to_string().contains("HOURKEY_CA_FILE"));
        let trusting = client(authorities(authority.as_bytes()).unwrap()).unwrap();
        let error = discover(&trusting, &url).await.unwrap_err();
        assert!(matches!(error, DiscoverError::Foreign { .. }), "{error}");
    }

    /// A snapshot of 100,000 resources, over a slow line.
    #[tokio::test]
    async fn an_answer_that_comes_steadily_may_take_long() {
        let trickle = || async {
            let parts = ["[1", ",2", ",3", "]"].map(str::to_owned);
            let body = futures_util::stream::unfold(parts.into_iter(), async |mut parts| {
                tokio::time::sleep(Duration::from_secs(14)).await;
                Some((Ok::<_, std::io::Error>(parts.next()?), parts))
            });
            axum::body::Body::from_stream(body)
        };
        let app = axum::Router::new().fallback(trickle);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let client = client(Vec::new()).unwrap();
        tokio::time::pause();
        let answered = answer(client.get(url)).await.unwrap();
        let numbers: Vec<u8> = json(answered).await.unwrap();
        assert_eq!(numbers, [1, 2, 3]);
    }

    #[test]
    fn a_file_of_authorities_needs_certificates() {
        assert!(authorities(b"nonsense").is_err());
    }
}
