//! Serves what pages load.

use axum::Router;
use axum::extract::{Path, RawQuery};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use hourkey_access::app::App;
use hourkey_access::error::AppError;

use super::assets;
use super::error::PageError;

pub(super) fn router() -> Router<App> {
    Router::new().route("/static/{name}", get(serve))
}

async fn serve(
    Path(name): Path<String>,
    RawQuery(wanted): RawQuery,
    headers: HeaderMap,
) -> Response {
    let Some((kind, text)) = assets::file(&name) else {
        return PageError::from(AppError::not_found()).into_response();
    };
    let version = assets::version(text);
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
