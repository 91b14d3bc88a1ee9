//! Signing in on a host without a browser (RFC 8628).

use std::time::Duration;

use hourkey_protocol::oauth::{DEVICE_GRANT, DeviceAuthorization, Error, Tokens};

use super::error::SignInError;
use super::token_endpoint::post;
use crate::api_error::ApiError;
use crate::discover::discover;
use crate::http_client::{answer, json, oauth_sentence, problem};
use crate::session::{Session, SessionConfig};

/// Signs in by a code that the person types on another machine; `show` is handed the code and
/// where to type it.
///
/// # Errors
/// See [`SignInError`]. Waits until the code expires.
pub async fn by_device(
    config: SessionConfig,
    label: &str,
    show: impl FnOnce(&DeviceAuthorization),
) -> Result<Session, SignInError> {
    let metadata = discover(&config.http, &config.controller).await?;
    let Some(endpoint) = &metadata.device_authorization_endpoint else {
        return Err(SignInError::NoDeviceFlow);
    };
    let form = [("client_id", config.client_id), ("label", label)];
    let sent = answer(config.http.post(endpoint).form(&form)).await;
    let response = sent.map_err(|why| ApiError::unreachable(&config.controller, why))?;
    if !response.status().is_success() {
        return Err(problem(response).await.into());
    }
    let device: DeviceAuthorization = json(response).await?;
    show(&device);
    let expires = config.clock.boot() + Duration::from_secs(device.expires_in.into());
    let mut interval = Duration::from_secs(device.interval.into());
    let form = [
        ("grant_type", DEVICE_GRANT),
        ("device_code", &device.device_code),
        ("client_id", config.client_id),
    ];
    loop {
        tokio::time::sleep(interval).await;
        if config.clock.boot() >= expires {
            return Err(SignInError::CodeExpired);
        }
        let answer = post(&config, &metadata.token_endpoint, &form).await;
        match step(answer, interval)? {
            PollResult::Done(tokens) => return Ok(Session::begin(config, metadata, tokens).await),
            PollResult::Wait(next) => interval = next,
        }
    }
}

#[derive(Debug)]
enum PollResult {
    Done(Tokens),
    /// Ask again after this long.
    Wait(Duration),
}

/// What an answer of the token endpoint means (RFC 8628, 3.5).
fn step(
    answer: Result<Result<Tokens, Error>, ApiError>,
    interval: Duration,
) -> Result<PollResult, SignInError> {
    let error = match answer {
        Ok(Ok(tokens)) => return Ok(PollResult::Done(tokens)),
        Ok(Err(error)) => error,
        Err(ApiError::Unreachable { .. } | ApiError::Foreign { .. }) => {
            return Ok(PollResult::Wait((interval * 2).max(Duration::from_secs(1))));
        }
        Err(error @ (ApiError::Problem(_) | ApiError::SessionEnded | ApiError::Protocol(_))) => {
            return Err(error.into());
        }
    };
    match error.error.as_str() {
        "authorization_pending" => Ok(PollResult::Wait(interval)),
        "slow_down" => Ok(PollResult::Wait(interval + Duration::from_secs(5))),
        "expired_token" => Err(SignInError::CodeExpired),
        _ => Err(SignInError::Refused(oauth_sentence(&error))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIVE: Duration = Duration::from_secs(5);

    fn error(code: &str) -> Result<Result<Tokens, Error>, ApiError> {
        Ok(Err(Error {
            error: code.to_owned(),
            error_description: None,
        }))
    }

    fn wait(step: Result<PollResult, SignInError>) -> Duration {
        match step.unwrap() {
            PollResult::Wait(interval) => interval,
            PollResult::Done(_) => panic!("not signed in yet"),
        }
    }

    #[test]
    fn keeps_asking_and_slows_down_when_told_so() {
        assert_eq!(wait(step(error("authorization_pending"), FIVE)), FIVE);
        assert_eq!(wait(step(error("slow_down"), FIVE)), FIVE * 2);
        let broken = ApiError::Unreachable {
            controller: String::new(),
            why: hourkey_pki::NoAnswer::Late,
        };
        assert_eq!(wait(step(Err(broken), FIVE)), FIVE * 2);
    }

    #[test]
    fn gives_up_when_it_is_over() {
        let over = step(error("expired_token"), FIVE);
        assert!(matches!(over, Err(SignInError::CodeExpired)));
        let denied = step(error("access_denied"), FIVE);
        assert!(matches!(denied, Err(SignInError::Refused(_))));
    }
}
