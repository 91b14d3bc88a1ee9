//! What pages load: one style sheet, one script with its modules, one icon, all from the binary.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::{Path, RawQuery};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_access::identity::secret::digest;

use super::error::PageError;

const STYLE: &str = concat!(
    include_str!("../../../ui/src/tokens.css"),
    include_str!("../assets/pages.css")
);
const SCRIPTS: [(&str, &str); 7] = [
    ("pages.js", include_str!("../assets/pages.js")),
    ("drafts.js", include_str!("../assets/drafts.js")),
    ("forms.js", include_str!("../assets/forms.js")),
    ("lengths.js", include_str!("../assets/lengths.js")),
    ("live.js", include_str!("../assets/live.js")),
    ("steady.js", include_str!("../assets/steady.js")),
    ("time.js", include_str!("../assets/time.js")),
];
const ICON: &str = include_str!("../../../icons/app.svg");

/// The modules that the script of the pages imports.
pub(super) fn modules() -> impl Iterator<Item = &'static str> {
    SCRIPTS.iter().skip(1).map(|(name, _)| *name)
}

/// The address of the style sheet, another one for every version. It is kept for good, so it is
/// there before a page is laid out: on a page without it, a late second click hits whatever lies
/// under the pointer then.
pub(super) fn style() -> &'static str {
    static STYLE_ADDRESS: LazyLock<String> =
        LazyLock::new(|| format!("/static/pages.css?{}", version(STYLE)));
    &STYLE_ADDRESS
}

fn version(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(text))
}

pub(super) fn router() -> Router<App> {
    Router::new().route("/static/{name}", get(serve))
}

async fn serve(
    Path(name): Path<String>,
    RawQuery(wanted): RawQuery,
    headers: HeaderMap,
) -> Response {
    let (kind, text) = match name.as_str() {
        "pages.css" => ("text/css; charset=utf-8", STYLE),
        "icon.svg" => ("image/svg+xml", ICON),
        name => match SCRIPTS.iter().find(|(script, _)| *script == name) {
            Some((_, script)) => ("text/javascript; charset=utf-8", *script),
            None => return PageError::from(AppError::not_found()).into_response(),
        },
    };
    let version = version(text);
    let tag = format!("\"{version}\"");
    let known = headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|known| known == tag.as_str());
    let control = match wanted {
        Some(wanted) if wanted == version => "public, max-age=31536000, immutable",
        // Asked for again each time, sent again only when the binary has changed.
        Some(_) | None => "no-cache",
    };
    let common = [
        (header::CACHE_CONTROL, HeaderValue::from_static(control)),
        (
            header::ETAG,
            HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\"")),
        ),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
    ];
    if known {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    (common, [(header::CONTENT_TYPE, kind)], text).into_response()
}
