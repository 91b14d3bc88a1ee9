//! Headers of all pages: what a browser may do with them.

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;

/// Everything comes from here, nothing is inline, and nobody may frame a page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

/// The policy of a page whose form ends in a redirect to `source` too.
pub(super) fn policy_with_form_to(source: &str) -> HeaderValue {
    let policy = POLICY.replace(
        "form-action 'self'",
        &format!("form-action 'self' {source}"),
    );
    HeaderValue::from_str(&policy).unwrap_or_else(|_| HeaderValue::from_static(POLICY))
}

/// Adds them, where the page does not bring its own.
///
/// The referrer goes to the controller alone (`same-origin`). `no-referrer` would also make
/// browsers send `Origin: null` with forms (Fetch, 3.2), which is what the check for other sites
/// rests on.
pub(super) fn add(mut response: Response) -> Response {
    let all: [(HeaderName, &'static str); 6] = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
    ];
    for (name, value) in all {
        response
            .headers_mut()
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}
