//! The controller's OAuth metadata (RFC 8414).

use hourkey_pki::NoAnswer;
use hourkey_protocol::oauth::{METADATA_PATH, Metadata};
use reqwest::Client;
use url::Url;

use crate::api_error::ApiError;
use crate::http_client::environment_proxy::named;
use crate::http_client::{answer, described, json};

/// Why an address cannot be used as a controller, as a sentence that says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DiscoverError {
    /// Nothing answered.
    #[error(
        "The controller at {controller} cannot be reached: {why}. Check the address and the network."
    )]
    Unreachable {
        /// Its origin, and the proxy on the way there.
        controller: String,
        /// What went wrong.
        why: NoAnswer,
    },
    /// Its certificate is of an authority that is not trusted here.
    #[error(
        "The controller at {controller} cannot be reached: {}. If your organisation has its own \
         certificate authority, add that to the system's trusted ones, or name its PEM file in \
         HOURKEY_CA_FILE.",
        NoAnswer::UnknownAuthority
    )]
    UnknownAuthority {
        /// Its origin, and the proxy on the way there.
        controller: String,
    },
    /// Its certificate is outside its time, or this machine's clock is wrong.
    #[error("The controller at {controller} cannot be reached: {why}.")]
    Clock {
        /// Its origin, and the proxy on the way there.
        controller: String,
        /// What the clock says, what the certificate, and what to do.
        why: NoAnswer,
    },
    /// Something else answers there, or stands before it.
    #[error("{controller} is not a Hourkey controller: it answered {answer}. Check the address.")]
    Foreign {
        /// The origin, and the proxy on the way there.
        controller: String,
        /// The status, and what else can be said of the answer.
        answer: String,
    },
    /// It says of itself what no controller does.
    #[error("{controller} is not a Hourkey controller: {why}. Check the address.")]
    NotAController {
        /// The origin, and the proxy on the way there.
        controller: String,
        /// What gave it away.
        why: String,
    },
    /// The controller has another public address.
    #[error("The controller at {controller} calls itself {issuer}. Sign in there.")]
    OtherIssuer {
        /// The origin that was asked.
        controller: String,
        /// What it says it is.
        issuer: String,
    },
}

/// Fetches the metadata and compares its issuer with the address it came from (RFC 8414, 3.3).
pub(crate) async fn discover(http: &Client, controller: &Url) -> Result<Metadata, DiscoverError> {
    let origin = named(controller);
    let not = |why: &str| DiscoverError::NotAController {
        controller: origin.clone(),
        why: why.to_owned(),
    };
    let mut url = controller.clone();
    url.set_path(METADATA_PATH);
    let response = answer(http.get(url)).await.map_err(|why| match why {
        NoAnswer::UnknownAuthority => DiscoverError::UnknownAuthority {
            controller: origin.clone(),
        },
        NoAnswer::Clock { .. } => DiscoverError::Clock {
            controller: origin.clone(),
            why,
        },
        NoAnswer::Late
        | NoAnswer::Refused
        | NoAnswer::BrokenOff
        | NoAnswer::NotTls
        | NoAnswer::Untrusted(_)
        | NoAnswer::Other(_) => DiscoverError::Unreachable {
            controller: origin.clone(),
            why,
        },
    })?;
    let status = response.status();
    if status.is_server_error() {
        return Err(DiscoverError::Unreachable {
            controller: origin,
            why: NoAnswer::Other(format!("what stands at its address answered {status}")),
        });
    }
    if !status.is_success() {
        return Err(DiscoverError::Foreign {
            controller: origin,
            answer: described(&response),
        });
    }
    let metadata: Metadata = match json(response).await {
        Ok(metadata) => metadata,
        Err(ApiError::Unreachable { controller, why }) => {
            return Err(DiscoverError::Unreachable { controller, why });
        }
        Err(ApiError::Foreign { controller, answer }) => {
            return Err(DiscoverError::Foreign { controller, answer });
        }
        Err(ApiError::Protocol(_) | ApiError::Problem(_) | ApiError::SessionEnded) => {
            return Err(not("it answers something else"));
        }
    };
    let same_origin = |address: &str| {
        address
            .parse::<Url>()
            .is_ok_and(|address| address.origin() == controller.origin())
    };
    if !same_origin(&metadata.issuer) {
        return Err(DiscoverError::OtherIssuer {
            controller: origin,
            issuer: metadata.issuer,
        });
    }
    let endpoints = [
        Some(&metadata.authorization_endpoint),
        Some(&metadata.token_endpoint),
        Some(&metadata.revocation_endpoint),
        metadata.device_authorization_endpoint.as_ref(),
    ];
    if !endpoints.into_iter().flatten().all(|it| same_origin(it)) {
        return Err(not("it sends sign-ins elsewhere"));
    }
    let speaks_pkce = |method: &String| method == "S256";
    if !metadata
        .code_challenge_methods_supported
        .iter()
        .any(speaks_pkce)
    {
        return Err(not("it does not support PKCE (S256)"));
    }
    Ok(metadata)
}

impl From<DiscoverError> for ApiError {
    fn from(error: DiscoverError) -> Self {
        match error {
            DiscoverError::Unreachable { controller, why }
            | DiscoverError::Clock { controller, why } => Self::Unreachable { controller, why },
            DiscoverError::UnknownAuthority { controller } => {
                let why = NoAnswer::UnknownAuthority;
                Self::Unreachable { controller, why }
            }
            // It was a controller when the person signed in.
            DiscoverError::Foreign { controller, answer } => Self::Foreign { controller, answer },
            DiscoverError::NotAController { .. } | DiscoverError::OtherIssuer { .. } => {
                Self::Protocol(error.to_string().trim_end_matches('.').to_owned())
            }
        }
    }
}
