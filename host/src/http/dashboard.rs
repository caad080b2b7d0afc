//! The dashboard: a page, and what it is made of, as `host/dashboard` was built into `host/dashboard/dist`.
//!
//! Owns the list of these files, their types and the policy of the page. Must not know what the page asks for: that goes
//! through the API, with the token, like any client's. The files hold no secret, so that whoever asks may have them. Cannot
//! fail. Names do not change with the contents; a browser asks each time whether what it has is still right.

use super::only;
use axum::Router;
use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH,
};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use bytes::Bytes;

/// Where the page itself is.
pub const PAGE: &str = "/";

struct File {
    path: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
}

macro_rules! file {
    ($path:literal, $name:literal, $kind:literal) => {
        File { path: $path, kind: $kind, bytes: include_bytes!(concat!("../../dashboard/dist/", $name)) }
    };
}

static FILES: [File; 7] = [
    file!("/", "index.html", "text/html; charset=utf-8"),
    file!("/assets/index.js", "assets/index.js", "text/javascript; charset=utf-8"),
    file!("/assets/index.css", "assets/index.css", "text/css; charset=utf-8"),
    file!("/assets/icon.svg", "assets/icon.svg", "image/svg+xml"),
    file!("/assets/inter.woff2", "assets/inter.woff2", "font/woff2"),
    file!("/assets/mono.woff2", "assets/mono.woff2", "font/woff2"),
    file!("/assets/licenses.md", "assets/licenses.md", "text/plain; charset=utf-8"),
];

/// Its own scripts, styles, fonts and pictures, its own API, and nothing else: no inline script, no form that is sent
/// anywhere, no frame around it.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
const OPENER: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
/// Kept, but asked about each time.
const ASK: HeaderValue = HeaderValue::from_static("no-cache");

/// Whether it is one of the files, which need no token.
pub fn is_file(path: &str) -> bool {
    FILES.iter().any(|file| file.path == path)
}

/// The routes of all files.
pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    FILES.iter().fold(Router::new(), |router, file| {
        let tag = tag(file.bytes);
        router.route(file.path, only(get(move |headers: HeaderMap| async move { answer(file, tag, &headers) })))
    })
}

fn tag(bytes: &[u8]) -> [u8; 18] {
    let mut tag = [b'"'; 18];
    tag[1..17].copy_from_slice(&blake3::hash(bytes).to_hex().as_bytes()[..16]);
    tag
}

fn answer(file: &'static File, tag: [u8; 18], asked: &HeaderMap) -> Response<Body> {
    let known = asked.get_all(IF_NONE_MATCH).iter().any(|given| names(given.as_bytes(), &tag));
    let mut response = match known {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => Body::from(Bytes::from_static(file.bytes)).into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(file.kind));
    headers.insert(CACHE_CONTROL, ASK);
    // Hexadecimal digits between quotes.
    headers.extend(HeaderValue::from_bytes(&tag).ok().map(|tag| (ETAG, tag)));
    if file.path == PAGE {
        headers.insert(CONTENT_SECURITY_POLICY, POLICY);
        headers.insert(OPENER, HeaderValue::from_static("same-origin"));
    }
    response
}

/// Whether one of the tags of an If-None-Match is this one. A proxy may have made it a weak one.
fn names(given: &[u8], tag: &[u8]) -> bool {
    given.split(|byte| *byte == b',').any(|one| {
        let one = one.trim_ascii();
        one.strip_prefix(b"W/").unwrap_or(one) == tag
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;
    use http_body_util::BodyExt;
    use tower_service::Service;

    async fn ask(path: &str, known: Option<&HeaderValue>) -> (StatusCode, HeaderMap, Bytes) {
        let mut request = Request::get(path);
        if let Some(known) = known {
            request = request.header(IF_NONE_MATCH, known);
        }
        let response = routes::<()>().with_state(()).call(request.body(Body::empty()).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        (head.status, head.headers, body.collect().await.unwrap().to_bytes())
    }

    #[tokio::test]
    async fn the_page_and_all_that_it_names_are_there() {
        let (status, headers, page) = ask(PAGE, None).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(headers[CONTENT_TYPE], "text/html; charset=utf-8");
        let page = String::from_utf8(page.to_vec()).unwrap();
        let named: Vec<_> = page.split('"').filter(|word| word.starts_with("/assets/")).collect();
        assert!(named.len() >= 3, "{page}");
        for path in named {
            assert!(is_file(path), "{path}");
            assert_eq!(ask(path, None).await.0, StatusCode::OK, "{path}");
        }
    }

    #[tokio::test]
    async fn the_page_runs_its_own_files_only() {
        let policy = ask(PAGE, None).await.1[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        for rule in ["default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"] {
            assert!(policy.split("; ").any(|one| one == rule), "{rule} in {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
    }

    #[tokio::test]
    async fn a_browser_that_has_a_file_gets_it_again_only_when_it_has_changed() {
        let (_, headers, script) = ask("/assets/index.js", None).await;
        assert_eq!(headers[CACHE_CONTROL], "no-cache");
        let tag = &headers[ETAG];
        let (status, _, body) = ask("/assets/index.js", Some(tag)).await;
        assert_eq!((status, body.len()), (StatusCode::NOT_MODIFIED, 0));
        let several = HeaderValue::from_str(&format!("\"x\", W/{}", tag.to_str().unwrap())).unwrap();
        assert_eq!(ask("/assets/index.js", Some(&several)).await.0, StatusCode::NOT_MODIFIED);
        let (status, _, body) = ask("/assets/index.js", Some(&HeaderValue::from_static("\"x\""))).await;
        assert_eq!((status, body.len()), (StatusCode::OK, script.len()));
    }

    #[test]
    fn nothing_but_the_files_is_one() {
        for path in
            ["", "//", "/assets", "/assets/", "/assets/x.js", "/assets/index.js/", "/assets/../v1/spaces", "/v1"]
        {
            assert!(!is_file(path), "{path}");
        }
    }
}
