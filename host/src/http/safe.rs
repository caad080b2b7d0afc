//! The headers that every answer has: what a browser may do with it, which is nothing but read it as what it says it is.
//!
//! Must not know what is answered. Cannot fail.

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue};

const ALWAYS: [(HeaderName, HeaderValue); 5] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
];
const NOTHING_ACTIVE: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

pub fn add(headers: &mut HeaderMap) {
    headers.reserve(ALWAYS.len() + 1);
    // What says which version it is may be kept and asked about again.
    let kept = headers.contains_key(ETAG).then(|| headers.remove(CACHE_CONTROL)).flatten();
    for (name, value) in ALWAYS {
        headers.insert(name, value);
    }
    headers.extend(kept.map(|kept| (CACHE_CONTROL, kept)));
    // A page says itself what it needs.
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(NOTHING_ACTIVE);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_keeps_its_own_policy_and_nothing_else_of_its_own() {
        let mut headers = HeaderMap::new();
        add(&mut headers);
        assert_eq!(headers.len(), 6);
        assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff");
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'self'"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("public"));
        add(&mut headers);
        assert_eq!(headers[CONTENT_SECURITY_POLICY], "default-src 'self'");
        assert_eq!(headers[CACHE_CONTROL], "no-store");
    }

    #[test]
    fn only_what_has_a_version_may_be_kept() {
        let mut headers = HeaderMap::from_iter([(CACHE_CONTROL, HeaderValue::from_static("no-cache"))]);
        add(&mut headers);
        assert_eq!(headers[CACHE_CONTROL], "no-store");
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(ETAG, HeaderValue::from_static("\"1\""));
        add(&mut headers);
        assert_eq!(headers.get_all(CACHE_CONTROL).iter().collect::<Vec<_>>(), ["no-cache"]);
    }
}
