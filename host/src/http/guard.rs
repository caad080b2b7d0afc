//! The door: who may ask at all.
//!
//! Owns the checks of Host, Origin and token, in this order, for every request. Must not know what the request asks for,
//! beyond the two paths that anyone may read. A page of a foreign site that a browser on this machine shows can send
//! requests here, directly or under a name that it has pointed at this machine: Host, Origin and Sec-Fetch-Site give it away.

use super::access::Token;
use super::error::ApiError;
use super::guesses::Guesses;
use super::kinds::{Kind, PAGES};
use super::names::Names;
use super::shown;
use axum::http::header::{AUTHORIZATION, HOST, HeaderName, ORIGIN};
use axum::http::{HeaderMap, Uri};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Paths that need no token.
const OPEN: [&str; 2] = ["/healthz", "/readyz"];
const SCHEME: &[u8] = b"Bearer ";
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

pub struct Guard {
    token: Token,
    names: Names,
    /// Locked for wrong tokens only.
    guesses: Mutex<Guesses>,
}

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// Has shown the token.
    Known,
    /// Asks for what anyone may read.
    Stranger,
}

impl Guard {
    pub fn new(token: Token, names: Names) -> Self {
        Guard { token, names, guesses: Mutex::new(Guesses::new(Instant::now())) }
    }

    pub fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<Caller, ApiError> {
        let host = self.check_host(uri, headers)?;
        self.check_page(headers, host)?;
        match bearer(headers)? {
            Some(given) if self.token.matches(given) => Ok(Caller::Known),
            _ if is_open(uri.path()) => Ok(Caller::Stranger),
            Some(_) => Err(self.wrong_token()),
            None => Err(ApiError::Unauthorized),
        }
    }

    fn check_host<'a>(&self, uri: &Uri, headers: &'a HeaderMap) -> Result<&'a str, ApiError> {
        let host = only(headers, &HOST)?.unwrap_or_default();
        let text = std::str::from_utf8(host).unwrap_or_default();
        let target_is_own = uri.authority().is_none_or(|target| self.names.is_host(target.as_str()));
        if target_is_own && self.names.is_host(text) { Ok(text) } else { Err(foreign("Host", host)) }
    }

    /// A request that no page has made has neither header. Without an Origin a page can read only, but not even that is
    /// for others; a browser says whether it was one of ours, or the user himself.
    fn check_page(&self, headers: &HeaderMap, host: &str) -> Result<(), ApiError> {
        if let Some(origin) = only(headers, &ORIGIN)? {
            let text = std::str::from_utf8(origin).unwrap_or_default();
            return if self.names.is_origin(text, host) { Ok(()) } else { Err(foreign("Origin", origin)) };
        }
        match only(headers, &SEC_FETCH_SITE)? {
            None | Some(b"same-origin" | b"none") => Ok(()),
            Some(site) => Err(foreign("Sec-Fetch-Site", site)),
        }
    }

    fn wrong_token(&self) -> ApiError {
        let mut guesses = self.guesses.lock().unwrap_or_else(PoisonError::into_inner);
        match guesses.wrong(Instant::now()) {
            Ok(()) => ApiError::WrongToken,
            Err(wait) => ApiError::TooManyGuesses { wait },
        }
    }
}

/// What anyone may read: whether the host is alive, and what types of problems there are.
fn is_open(path: &str) -> bool {
    OPEN.contains(&path) || path.strip_prefix(PAGES).is_some_and(|name| Kind::find(name).is_some())
}

/// What is given as the token.
fn bearer(headers: &HeaderMap) -> Result<Option<&[u8]>, ApiError> {
    let value = only(headers, &AUTHORIZATION)?.unwrap_or_default();
    let (scheme, given) = value.split_at_checked(SCHEME.len()).unwrap_or_default();
    Ok((scheme.eq_ignore_ascii_case(SCHEME) && !given.is_empty()).then_some(given))
}

/// A header that is there twice means one thing here and may mean another to whoever passed it on.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a [u8]>, ApiError> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    match values.next() {
        Some(_) => Err(ApiError::BadRequest(format!("the header {name} is there more than once"))),
        None => Ok(first.map(|value| value.as_bytes())),
    }
}

fn foreign(header: &'static str, value: &[u8]) -> ApiError {
    ApiError::Foreign { header, value: shown::word(&String::from_utf8_lossy(value)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::guesses::AT_ONCE;
    use crate::http::problem::problem;
    use crate::words::AllowedNames;
    use axum::http::HeaderValue;

    const HOST_HERE: (&str, &str) = ("host", "localhost:7070");

    fn guard() -> Guard {
        let allowed = AllowedNames { hosts: vec![], origins: vec!["https://ops.example".into()] };
        Guard::new(Token::parse(&good()).unwrap(), Names::new("127.0.0.1:7070".parse().unwrap(), allowed))
    }

    fn good() -> String {
        "a".repeat(64)
    }

    /// Who it is, or the type of the problem.
    fn ask_at(guard: &Guard, path: &str, headers: &[(&'static str, &str)]) -> Result<Caller, &'static str> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        guard.check(&path.parse().unwrap(), &map).map_err(|error| problem(&error).kind)
    }

    fn ask(path: &str, headers: &[(&'static str, &str)]) -> Result<Caller, &'static str> {
        ask_at(&guard(), path, headers)
    }

    fn with_token(extra: &[(&'static str, &str)]) -> Result<Caller, &'static str> {
        let token = format!("Bearer {}", good());
        ask("/v1/spaces", &[&[HOST_HERE, ("authorization", &token)], extra].concat())
    }

    #[test]
    fn a_request_for_another_name_is_refused_even_with_the_token() {
        assert_eq!(ask("/healthz", &[HOST_HERE]), Ok(Caller::Stranger));
        for host in ["", "localhost", "localhost:7071", "evil.example:7070"] {
            assert_eq!(ask("/healthz", &[("host", host)]), Err("foreign"), "{host}");
        }
        assert_eq!(ask("/healthz", &[]), Err("foreign"));
        assert_eq!(with_token(&[("host", "evil.example")]), Err("bad-request"), "two names");
        assert_eq!(ask("http://evil.example/healthz", &[HOST_HERE]), Err("foreign"));
        assert_eq!(ask("http://me@localhost:7070/healthz", &[HOST_HERE]), Err("foreign"));
        assert_eq!(ask("http://localhost:7070/healthz", &[HOST_HERE]), Ok(Caller::Stranger));
    }

    #[test]
    fn a_page_from_elsewhere_is_refused_even_with_the_token() {
        for own in ["http://localhost:7070", "http://127.0.0.1:7070", "https://ops.example"] {
            assert_eq!(with_token(&[("origin", own)]), Ok(Caller::Known), "{own}");
        }
        for foreign in ["null", "", "http://localhost:3000", "http://evil.example", "http://ops.example"] {
            assert_eq!(with_token(&[("origin", foreign)]), Err("foreign"), "{foreign}");
        }
        assert_eq!(with_token(&[("origin", "http://localhost:7070"), ("origin", "null")]), Err("bad-request"));
    }

    #[test]
    fn what_a_browser_calls_a_foreign_site_is_refused_unless_its_origin_is_listed() {
        for own in ["same-origin", "none"] {
            assert_eq!(with_token(&[("sec-fetch-site", own)]), Ok(Caller::Known), "{own}");
        }
        for foreign in ["cross-site", "same-site", "", "other"] {
            assert_eq!(with_token(&[("sec-fetch-site", foreign)]), Err("foreign"), "{foreign}");
        }
        let listed = [("origin", "https://ops.example"), ("sec-fetch-site", "cross-site")];
        assert_eq!(with_token(&listed), Ok(Caller::Known));
    }

    #[test]
    fn everything_but_health_needs_the_token() {
        let with = |value: &str| ask("/v1/spaces", &[HOST_HERE, ("authorization", value)]);
        assert_eq!(with(&format!("Bearer {}", good())), Ok(Caller::Known));
        assert_eq!(with(&format!("bearer {}", good())), Ok(Caller::Known));
        for none in ["", "Bearer", "Bearer ", "Basic x", &good()] {
            assert_eq!(with(none), Err("unauthorized"), "{none}");
        }
        let token = good();
        for wrong in [&token[1..], &format!("{}b", &token[1..]), &format!("{token}a"), &format!(" {token}"), "x"] {
            assert_eq!(with(&format!("Bearer {wrong}")), Err("unauthorized"), "{wrong}");
        }
        for path in [
            "/healthz/",
            "//healthz",
            "/healthz%2f",
            "/%68ealthz",
            "/healthz/../v1/spaces",
            "/problems/",
            "/problems/x",
        ] {
            assert_eq!(ask(path, &[HOST_HERE]), Err("unauthorized"), "{path}");
        }
        let twice = [("authorization", "Bearer x"), ("authorization", "Bearer y")];
        assert_eq!(ask("/v1/spaces", &[&[HOST_HERE], &twice[..]].concat()), Err("bad-request"));
    }

    #[test]
    fn who_guesses_is_slowed_down_and_who_knows_is_not() {
        let guard = guard();
        let ask = |value: &str| ask_at(&guard, "/v1/spaces", &[HOST_HERE, ("authorization", value)]);
        let guesses: Vec<_> = (0..1_000).map(|n| ask(&format!("Bearer {n}"))).collect();
        let answered = guesses.iter().filter(|answer| **answer == Err("unauthorized")).count();
        assert!(guesses[..AT_ONCE as usize].iter().all(|answer| *answer == Err("unauthorized")));
        assert!(answered < 500 && guesses.contains(&Err("too-many-guesses")), "{answered}");
        assert_eq!(ask(&format!("Bearer {}", good())), Ok(Caller::Known));
        assert_eq!(ask(""), Err("unauthorized"), "no token is no guess");
        assert_eq!(ask_at(&guard, "/problems/foreign", &[HOST_HERE]), Ok(Caller::Stranger));
        assert_eq!(ask_at(&guard, "/healthz", &[HOST_HERE, ("authorization", "Bearer x")]), Ok(Caller::Stranger));
    }
}
