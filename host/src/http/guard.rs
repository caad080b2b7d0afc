//! The door: who may ask at all.
//!
//! Owns the checks of Host, Origin and token, in this order, for every request. Must not know what the request asks for,
//! beyond the two paths that anyone may read. A page of a foreign site that a browser on this machine shows can send
//! requests here, directly or under a name that it has pointed at this machine: Host and Origin give it away.

use super::access::Token;
use super::error::ApiError;
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::{HeaderMap, Uri};
use std::net::IpAddr;

/// Paths that need no token.
const OPEN: [&str; 2] = ["/healthz", "/readyz"];
const SCHEME: &[u8] = b"Bearer ";

pub struct Guard {
    token: Token,
    bound: IpAddr,
}

impl Guard {
    /// `bound` is the address that the listener is bound to.
    pub fn new(token: Token, bound: IpAddr) -> Self {
        Guard { token, bound }
    }

    pub fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), ApiError> {
        self.check_host(uri, headers)?;
        self.check_origin(headers)?;
        if OPEN.contains(&uri.path()) || self.has_token(headers) { Ok(()) } else { Err(ApiError::Unauthorized) }
    }

    fn check_host(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), ApiError> {
        let host = headers.get(HOST).map(|value| value.as_bytes()).unwrap_or_default();
        let host_is_own = self.is_own(std::str::from_utf8(host).unwrap_or_default());
        let target_is_own = uri.authority().is_none_or(|authority| self.is_own(authority.as_str()));
        if host_is_own && target_is_own { Ok(()) } else { Err(foreign("Host", host)) }
    }

    fn check_origin(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
        let text = origin.to_str().unwrap_or_default();
        let authority = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
        if authority.is_some_and(|authority| self.is_own(authority)) {
            Ok(())
        } else {
            Err(foreign("Origin", origin.as_bytes()))
        }
    }

    /// Whether `host` or `host:port` means this machine. Any port will do, because tunnels change it; names other than
    /// `localhost` will not, because whoever owns a name can point it here.
    fn is_own(&self, authority: &str) -> bool {
        let Some(host) = host_of(authority) else { return false };
        match host.parse::<IpAddr>() {
            Ok(address) => address.is_loopback() || address == self.bound || self.bound.is_unspecified(),
            Err(_) => host.eq_ignore_ascii_case("localhost"),
        }
    }

    fn has_token(&self, headers: &HeaderMap) -> bool {
        let Some(value) = headers.get(AUTHORIZATION).map(|value| value.as_bytes()) else { return false };
        match value.split_at_checked(SCHEME.len()) {
            Some((scheme, given)) => scheme.eq_ignore_ascii_case(SCHEME) && self.token.matches(given),
            None => false,
        }
    }
}

/// The host of `host`, `host:port`, `[v6]` or `[v6]:port`.
fn host_of(authority: &str) -> Option<&str> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let port_is_good = port.is_empty() || port.strip_prefix(':').is_some_and(|p| p.bytes().all(|b| b.is_ascii_digit()));
    port_is_good.then_some(host)
}

fn foreign(header: &'static str, value: &[u8]) -> ApiError {
    let clean = |c: char| if c.is_control() { '?' } else { c };
    let value = String::from_utf8_lossy(value).chars().take(64).map(clean).collect();
    ApiError::Foreign { header, value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn guard() -> Guard {
        Guard::new(Token::parse(&"a".repeat(64)).unwrap(), "127.0.0.1".parse().unwrap())
    }

    fn ask(path: &str, headers: &[(&'static str, &str)]) -> Result<(), String> {
        let map = headers
            .iter()
            .map(|(name, value)| (axum::http::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()));
        guard().check(&path.parse().unwrap(), &map.collect()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_hosts_own_names_pass_and_foreign_ones_do_not() {
        for own in ["localhost", "LocalHost:7070", "127.0.0.1:7070", "[::1]:7070", "[::1]", "127.0.0.2"] {
            assert_eq!(ask("/healthz", &[("host", own)]), Ok(()), "{own}");
        }
        let foreign = ["", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "[::1]evil", "10.0.0.1"];
        for host in foreign {
            assert!(ask("/healthz", &[("host", host)]).is_err(), "{host}");
        }
        assert!(ask("/healthz", &[]).is_err());
    }

    #[test]
    fn the_target_of_an_absolute_request_counts_too() {
        assert!(ask("http://evil.example/healthz", &[("host", "localhost")]).is_err());
        assert_eq!(ask("http://localhost:1/healthz", &[("host", "localhost")]), Ok(()));
    }

    #[test]
    fn a_foreign_origin_is_refused_even_with_the_token() {
        let token = format!("Bearer {}", "a".repeat(64));
        let with =
            |origin| ask("/v1/spaces", &[("host", "localhost"), ("authorization", &token), ("origin", origin)]).is_ok();
        assert!(with("http://localhost:3000"));
        for foreign in ["null", "http://evil.example", "file://localhost", "localhost"] {
            assert!(!with(foreign), "{foreign}");
        }
    }

    #[test]
    fn an_address_bound_to_all_interfaces_takes_numbers_but_no_names() {
        let guard = Guard::new(Token::parse(&"a".repeat(64)).unwrap(), "0.0.0.0".parse().unwrap());
        assert!(guard.is_own("10.1.2.3:7070"));
        assert!(!guard.is_own("evil.example:7070"));
    }

    #[test]
    fn everything_but_health_needs_the_token() {
        let good = "a".repeat(64);
        let with = |value: &str| ask("/v1/spaces", &[("host", "localhost"), ("authorization", value)]).is_ok();
        assert!(with(&format!("Bearer {good}")));
        assert!(with(&format!("bearer {good}")));
        for bad in ["", "Bearer", "Bearer ", "Basic x", &good, &format!("Bearer {}b", &good[1..])] {
            assert!(!with(bad), "{bad}");
        }
        assert!(ask("/healthz/", &[("host", "localhost")]).is_err());
    }
}
