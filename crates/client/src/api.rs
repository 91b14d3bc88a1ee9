//! The controller's API as calls on a [`Session`].

use std::time::Duration;

use hourkey_domain::Time;
use hourkey_domain::ids::{DeviceId, GrantId, RequestId, ResourceId, SessionId, UserId};
use hourkey_domain::organisation::explain::Explanation;
use hourkey_pki::NoAnswer;
use hourkey_protocol::API;
use hourkey_protocol::access::{
    Approve, AutoLocked, Comment, Grant, NewRequest, NewUnlock, Page, Request, Resource,
    ResourceDetail, Review,
};
use hourkey_protocol::account;
use hourkey_protocol::deputy::{AskReviewers, Deputy, NewDeputy};
use hourkey_protocol::device::{Device, DeviceEnrolment, EnrolDevice, Networks};
use hourkey_protocol::event::Snapshot;
use hourkey_protocol::problem::Code;
use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

pub use crate::api_error::ApiError;
use crate::http_client::{ANSWER_TIMEOUT, json, problem, within};
use crate::session::Session;

/// The result of a request for access.
#[derive(Clone, Debug, PartialEq)]
pub struct AskOutcome {
    /// The request: pending, or approved already.
    pub request: Request,
    /// False when the request was there before (rule 4).
    pub new: bool,
}

/// The controller got a call without the access token that was sent with it.
const NO_CREDENTIAL: &str = "something on the way, such as a reverse proxy or a firewall, removes \
    the Authorization header";
/// How long before a call is made again: a reverse proxy whose controller restarts answers at once.
const RETRY_PAUSE: Duration = Duration::from_millis(500);
/// A call that took longer than this to fail is not retried: the person has waited enough.
const RETRY_WITHIN: Duration = Duration::from_secs(5);

impl Session {
    /// Who is signed in.
    ///
    /// # Errors
    /// As every call here: see [`ApiError`].
    pub async fn me(&self) -> Result<account::Me, ApiError> {
        self.get("/me").await
    }

    /// Everything that the person sees.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn snapshot(&self) -> Result<Snapshot, ApiError> {
        self.get("/snapshot").await
    }

    /// The resources that the person sees.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn resources(&self) -> Result<Vec<Resource>, ApiError> {
        self.get("/resources").await
    }

    /// One resource with the person's assignments to it.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn resource(&self, id: ResourceId) -> Result<ResourceDetail, ApiError> {
        self.get(&format!("/resources/{id}")).await
    }

    /// Asks for access. A connection that breaks is tried once more; the controller recognises
    /// the second call as the first one.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn ask(&self, request: &NewRequest) -> Result<AskOutcome, ApiError> {
        let key = format!("{:032x}", rand::random::<u128>());
        let (status, request) = self
            .call(Method::POST, "/requests", Some(request), Some(&key))
            .await?;
        Ok(AskOutcome {
            request,
            new: status == StatusCode::CREATED,
        })
    }

    /// The person's own requests, newest first; `before` from the page before.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn requests(&self, before: Option<i64>) -> Result<Page<Request>, ApiError> {
        match before {
            Some(before) => self.get(&format!("/requests?before={before}")).await,
            None => self.get("/requests").await,
        }
    }

    /// One request, one's own or one to review.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn request(&self, id: RequestId) -> Result<Request, ApiError> {
        self.get(&format!("/requests/{id}")).await
    }

    /// Cancels one's own pending request.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn cancel(&self, id: RequestId) -> Result<Request, ApiError> {
        self.post(&format!("/requests/{id}/cancel"), None::<&()>)
            .await
    }

    /// Approves a request.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn approve(&self, id: RequestId, how: &Approve) -> Result<Request, ApiError> {
        self.post(&format!("/requests/{id}/approve"), Some(how))
            .await
    }

    /// Takes one's own decision back, within 10 seconds; answers the request, or after a denial the new one.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn undo(&self, id: RequestId) -> Result<Request, ApiError> {
        self.post(&format!("/requests/{id}/undo"), None::<&()>)
            .await
    }

    /// Denies a request.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn deny(&self, id: RequestId, why: &Comment) -> Result<Request, ApiError> {
        self.post(&format!("/requests/{id}/deny"), Some(why)).await
    }

    /// The requests that wait for the person's review, oldest first.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn reviews(&self) -> Result<Vec<Review>, ApiError> {
        self.get("/reviews").await
    }

    /// Gives back one's own grant.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn release(&self, id: GrantId) -> Result<Grant, ApiError> {
        self.post(&format!("/grants/{id}/release"), None::<&()>)
            .await
    }

    /// Takes a grant away.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn revoke(&self, id: GrantId, why: &Comment) -> Result<Grant, ApiError> {
        self.post(&format!("/grants/{id}/revoke"), Some(why)).await
    }

    /// The person's signed-in browsers and clients.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn sessions(&self) -> Result<Vec<account::Session>, ApiError> {
        self.get("/sessions").await
    }

    /// Ends one of the person's sessions.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn end_session(&self, id: SessionId) -> Result<(), ApiError> {
        let path = format!("/sessions/{id}");
        self.send(&Method::DELETE, &path, None::<&()>, None)
            .await
            .map(drop)
    }

    /// Enrols the device of this session, or renews its certificate.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn enrol_device(&self, enrol: &EnrolDevice) -> Result<DeviceEnrolment, ApiError> {
        let (_, enrolled) = self.call(Method::PUT, "/device", Some(enrol), None).await?;
        Ok(enrolled)
    }

    /// The networks of the person's resources, with the gateways that serve them.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn networks(&self) -> Result<Networks, ApiError> {
        self.get("/networks").await
    }

    /// The person's devices; for an administrator, everybody's.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn devices(&self) -> Result<Vec<Device>, ApiError> {
        self.get("/devices").await
    }

    /// What locks when somebody does not use it; administrators only.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn auto_locked(&self, login: &str) -> Result<Vec<AutoLocked>, ApiError> {
        let query: String = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("login", login)
            .finish();
        self.get(&format!("/unlocks?{query}")).await
    }

    /// Why the person may or may not reach a resource, now or later.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn explain(
        &self,
        resource: ResourceId,
        at: Option<Time>,
    ) -> Result<Explanation, ApiError> {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("resource", &resource.to_string());
        if let Some(at) = at {
            query.append_pair("at", &at.to_rfc3339());
        }
        self.get(&format!("/explain?{}", query.finish())).await
    }

    /// Unlocks a resource for somebody; administrators only.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn unlock(&self, unlock: &NewUnlock) -> Result<AutoLocked, ApiError> {
        let key = format!("{:032x}", rand::random::<u128>());
        let called = self
            .call(Method::POST, "/unlocks", Some(unlock), Some(&key))
            .await?;
        Ok(called.1)
    }

    /// Who decides for the person, and for whom they decide; for whoever sees all, everybody's.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn deputies(&self) -> Result<Vec<Deputy>, ApiError> {
        self.get("/deputies").await
    }

    /// Names a deputy.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn name_deputy(&self, new: &NewDeputy) -> Result<Deputy, ApiError> {
        let key = format!("{:032x}", rand::random::<u128>());
        let called = self
            .call(Method::POST, "/deputies", Some(new), Some(&key))
            .await?;
        Ok(called.1)
    }

    /// Ends the deputyship on behalf of this person.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn end_deputy(&self, principal: UserId) -> Result<(), ApiError> {
        let path = format!("/deputies/{principal}");
        self.send(&Method::DELETE, &path, None::<&()>, None)
            .await
            .map(drop)
    }

    /// Asks reviewers to decide a request; administrators only.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn ask_reviewers(
        &self,
        id: RequestId,
        asked: &AskReviewers,
    ) -> Result<Request, ApiError> {
        self.post(&format!("/requests/{id}/reviewers"), Some(asked))
            .await
    }

    /// Ends a device: its certificate stops working at once.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn end_device(&self, id: DeviceId) -> Result<(), ApiError> {
        let path = format!("/devices/{id}");
        self.send(&Method::DELETE, &path, None::<&()>, None)
            .await
            .map(drop)
    }

    /// The event stream, from after `last` on. Its answer never ends.
    pub(crate) async fn events(&self, last: Option<i64>) -> Result<reqwest::Response, ApiError> {
        self.authorised(
            |client, url| {
                let mut call = client
                    .get(url)
                    .header(reqwest::header::ACCEPT, "text/event-stream");
                if let Some(last) = last {
                    call = call.header("Last-Event-ID", last);
                }
                call
            },
            "/events",
            // The follower knows how long to wait for it.
            Duration::MAX,
        )
        .await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ApiError> {
        let (_, answer) = self.call(Method::GET, path, None::<&()>, None).await?;
        Ok(answer)
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<T, ApiError> {
        let (_, answer) = self.call(Method::POST, path, body, None).await?;
        Ok(answer)
    }

    /// Makes a call. What may be sent twice (RFC 9110, 9.2.2, and whatever carries a key) is, when
    /// the controller does not answer, and says so soon.
    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
        key: Option<&str>,
    ) -> Result<(StatusCode, T), ApiError> {
        let repeatable = method == Method::GET || method == Method::PUT || key.is_some();
        let once = || async {
            let response = self.send(&method, path, body, key).await?;
            Ok((response.status(), json(response).await?))
        };
        let began = tokio::time::Instant::now();
        match once().await {
            Err(ApiError::Unreachable { .. } | ApiError::Foreign { .. })
                if repeatable && began.elapsed() < RETRY_WITHIN =>
            {
                tokio::time::sleep(RETRY_PAUSE).await;
                once().await
            }
            result => result,
        }
    }

    async fn send(
        &self,
        method: &Method,
        path: &str,
        body: Option<&impl Serialize>,
        key: Option<&str>,
    ) -> Result<reqwest::Response, ApiError> {
        let call = |client: &reqwest::Client, url| {
            let mut call = client.request(method.clone(), url);
            if let Some(body) = body {
                call = call.json(body);
            }
            if let Some(key) = key {
                call = call.header("Idempotency-Key", key);
            }
            call
        };
        self.authorised(call, path, ANSWER_TIMEOUT).await
    }

    /// Sends a call with an access token, with a fresh one if the controller refuses the first. Its
    /// answer has to begin within `limit`.
    async fn authorised(
        &self,
        call: impl Fn(&reqwest::Client, Url) -> reqwest::RequestBuilder,
        path: &str,
        limit: Duration,
    ) -> Result<reqwest::Response, ApiError> {
        let mut url = self.controller().clone();
        let (path, query) = match path.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (path, None),
        };
        url.set_path(&format!("{API}{path}"));
        url.set_query(query);
        let mut refused = None;
        loop {
            let token = self.access_token(refused.as_ref()).await?;
            let call = call(self.client(), url.clone()).bearer_auth(token.expose());
            let response = within(limit, call.send())
                .await
                .map_err(|why| ApiError::unreachable(self.controller(), why))?;
            if response.status() == StatusCode::UNAUTHORIZED && refused.is_none() {
                refused = Some(token);
                continue;
            }
            if response.status().is_success() {
                return Ok(response);
            }
            return Err(match problem(response).await {
                ApiError::Problem(problem) if problem.code == Code::Unauthenticated => {
                    ApiError::SessionEnded
                }
                ApiError::Problem(problem) if problem.code == Code::NoCredential => {
                    let why = NoAnswer::Other(NO_CREDENTIAL.to_owned());
                    ApiError::unreachable(self.controller(), why)
                }
                error => error,
            });
        }
    }
}
