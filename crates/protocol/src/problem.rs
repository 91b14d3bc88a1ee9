//! Problem details (RFC 9457) with stable codes.

use serde::{Deserialize, Serialize};

/// The media type of [`Problem`].
pub const MEDIA_TYPE: &str = "application/problem+json";

/// An error answer (RFC 9457, 3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// `urn:hourkey:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The code's meaning, the same for every problem of this code.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened this time, why, and what to do.
    pub detail: String,
    /// The stable code that programs branch on.
    pub code: Code,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Problem {}

macro_rules! codes {
    // The code is a token tree: utoipa does not see a literal behind a captured `literal`.
    ($($(#[$doc:meta])* $name:ident = $status:literal, $code:tt, $title:literal;)*) => {
        /// Stable codes of problems.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub enum Code {
            $($(#[$doc])* #[serde(rename = $code)] $name,)*
        }

        impl Code {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// As it stands in JSON.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The HTTP status that goes with it.
            #[must_use]
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// What it means.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// A problem of this code.
            #[must_use]
            pub fn problem(self, detail: impl Into<String>) -> Problem {
                Problem {
                    kind: format!("urn:hourkey:problem:{}", self.as_str()),
                    title: self.title().to_owned(),
                    status: self.status(),
                    detail: detail.into(),
                    code: self,
                }
            }
        }
    };
}

codes! {
    /// The body or a parameter cannot be read.
    Malformed = 400, "malformed", "The call cannot be read";
    /// No valid token or session.
    Unauthenticated = 401, "unauthenticated", "Sign in first";
    /// No token at all. A client that sent one knows that it was removed on the way.
    NoCredential = 401, "no_credential", "No credential arrived";
    /// Known, but not allowed.
    Forbidden = 403, "forbidden", "This is not yours to do";
    /// Nobody decides their own request (rule 6).
    OwnRequest = 403, "own_request", "Nobody decides their own request";
    /// Unknown, or not visible: both answer alike (rule 1).
    NotFound = 404, "not_found", "There is no such thing, or it is not yours to see";
    /// The method does not exist here.
    MethodNotAllowed = 405, "method_not_allowed", "This address does not take that method";
    /// The request is decided already.
    AlreadyDecided = 409, "already_decided", "The request is decided already";
    /// The grant ended already.
    AlreadyEnded = 409, "already_ended", "The grant has ended already";
    /// The resource is open, or has a grant already.
    NotNeeded = 409, "not_needed", "No request is needed";
    /// The resource is disabled: it opens for nobody.
    ResourceDisabled = 409, "resource_disabled", "The resource is disabled";
    /// No access runs that could be extended.
    NothingToExtend = 409, "nothing_to_extend", "There is nothing to extend";
    /// Nobody may approve what is asked for (rule 14).
    NobodyCanApprove = 409, "nobody_can_approve", "Nobody can approve this request";
    /// The idempotency key was used for another call.
    KeyReused = 409, "key_reused", "This Idempotency-Key belongs to another call";
    /// The body is larger than allowed.
    TooLarge = 413, "too_large", "The body is too large";
    /// The body is not JSON.
    UnsupportedMedia = 415, "unsupported_media", "Send JSON";
    /// A needed reason or comment is blank.
    BlankText = 422, "blank_text", "A text is needed";
    /// A reason or comment is too long.
    TextTooLong = 422, "text_too_long", "A text is too long";
    /// A length is outside what is allowed.
    BadLength = 422, "bad_length", "This length is not allowed";
    /// A start is outside what is allowed.
    BadStart = 422, "bad_start", "This start is not allowed";
    /// Too many calls.
    RateLimited = 429, "rate_limited", "Too many attempts";
    /// Something broke on the server's side; nothing was changed.
    Internal = 500, "internal", "Something broke here";
    /// The store cannot be reached; try again.
    Unavailable = 503, "unavailable", "The controller cannot answer now";
}
