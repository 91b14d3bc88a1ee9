//! OAuth 2.0 messages (RFC 6749, RFC 7636, RFC 8414, RFC 8628, RFC 9207).

use serde::{Deserialize, Serialize};

/// The desktop app's client id.
pub const DESKTOP_CLIENT: &str = "hourkey-desktop";
/// The CLI's client id.
pub const CLI_CLIENT: &str = "hourkey-cli";
/// Where the metadata lives (RFC 8414, 3).
pub const METADATA_PATH: &str = "/.well-known/oauth-authorization-server";
/// Grant type of the device flow (RFC 8628, 3.4).
pub const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// Authorization server metadata (RFC 8414, 2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Metadata {
    /// The controller's public address; also the `iss` of authorization responses (RFC 9207).
    pub issuer: String,
    /// Where the browser goes to sign in.
    pub authorization_endpoint: String,
    /// Where codes and refresh tokens are exchanged.
    pub token_endpoint: String,
    /// Where tokens are revoked (RFC 7009).
    pub revocation_endpoint: String,
    /// Where the device flow starts, where it is switched on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_authorization_endpoint: Option<String>,
    /// Always `code`.
    pub response_types_supported: Vec<String>,
    /// Grant types.
    pub grant_types_supported: Vec<String>,
    /// Always `S256`.
    pub code_challenge_methods_supported: Vec<String>,
    /// Always `none`: native clients keep no secret.
    pub token_endpoint_auth_methods_supported: Vec<String>,
    /// Always true (RFC 9207, 3).
    pub authorization_response_iss_parameter_supported: bool,
}

/// A successful token response (RFC 6749, 5.1).
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Tokens {
    /// For the `Authorization` header.
    pub access_token: String,
    /// Always `Bearer`.
    pub token_type: String,
    /// Seconds until the access token ends.
    pub expires_in: u32,
    /// Exchanged for the next tokens; the one before stays valid until this one is first used.
    pub refresh_token: String,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens")
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}

/// An error response (RFC 6749, 5.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Error {
    /// For example `invalid_grant`, `authorization_pending`, `slow_down`.
    pub error: String,
    /// A sentence for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_description: Option<String>,
}

/// Answer of the device authorization endpoint (RFC 8628, 3.2).
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeviceAuthorization {
    /// Secret; the client polls with it.
    pub device_code: String,
    /// What the person types.
    pub user_code: String,
    /// Where they type it.
    pub verification_uri: String,
    /// The same with the code filled in.
    pub verification_uri_complete: String,
    /// Seconds until the codes end.
    pub expires_in: u32,
    /// Seconds between polls.
    pub interval: u32,
}

impl std::fmt::Debug for DeviceAuthorization {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeviceAuthorization")
            .field("verification_uri", &self.verification_uri)
            .finish_non_exhaustive()
    }
}
