//! What stands in the headers Host and Origin: `name:port`, and a scheme before it.
//!
//! Pure. Owns their one spelling, so that whoever compares them compares text. Knows no names that are good or bad. What is
//! not in the form is `None`.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Longer than any DNS name with a port.
const LONGEST: usize = 262;

/// `name`, `name:port`, `1.2.3.4:port` or `[::1]:port`, in lower case.
pub fn authority(text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase();
    let good = text.len() <= LONGEST && {
        let (host, port) = split(&text)?;
        port.is_none_or(is_port) && is_host(host)
    };
    good.then_some(text)
}

/// `http://…` or `https://…` with an authority and nothing after it; without the port that the scheme has anyway, as browsers
/// write it.
pub fn origin(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let (scheme, usual) = match scheme.to_ascii_lowercase().as_str() {
        "http" => ("http", ":80"),
        "https" => ("https", ":443"),
        _ => return None,
    };
    let authority = authority(rest)?;
    Some(format!("{scheme}://{}", authority.strip_suffix(usual).unwrap_or(&authority)))
}

fn split(text: &str) -> Option<(&str, Option<&str>)> {
    if text.starts_with('[') {
        let (host, rest) = text.split_at(text.find(']')? + 1);
        return match rest {
            "" => Some((host, None)),
            rest => Some((host, Some(rest.strip_prefix(':')?))),
        };
    }
    match text.split_once(':') {
        Some((host, port)) => Some((host, Some(port))),
        None => Some((text, None)),
    }
}

fn is_port(port: &str) -> bool {
    let digits = port.bytes().all(|byte| byte.is_ascii_digit()) && !port.starts_with('0');
    digits && port.parse::<u16>().is_ok()
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().is_ok();
    }
    let label = |label: &str| {
        let letters = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        !label.is_empty() && letters
    };
    host.parse::<Ipv4Addr>().is_ok() || host.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_a_host_and_perhaps_a_port() {
        for good in ["localhost", "a.example:7070", "127.0.0.1:1", "[::1]", "[::1]:65535", "under_score-1.example"] {
            assert_eq!(authority(good).as_deref(), Some(good));
        }
        assert_eq!(authority("Spaces.Example:80").as_deref(), Some("spaces.example:80"));
        let bad = [
            "", ":1", "a:", "a:0", "a:01", "a:65536", "a:b", "a b", "a/b", "me@a", "a..b", "[::1", "[a]", "[::1]1", "*",
        ];
        for bad in bad {
            assert_eq!(authority(bad), None, "{bad}");
        }
        assert_eq!(authority(&"a".repeat(300)), None);
    }

    #[test]
    fn an_origin_has_a_scheme_and_no_path() {
        assert_eq!(origin("https://Ops.example").as_deref(), Some("https://ops.example"));
        assert_eq!(origin("https://ops.example:443").as_deref(), Some("https://ops.example"));
        assert_eq!(origin("http://ops.example:443").as_deref(), Some("http://ops.example:443"));
        for bad in ["null", "ops.example", "ftp://ops.example", "https://ops.example/", "https://", "https://a@b", "*"]
        {
            assert_eq!(origin(bad), None, "{bad}");
        }
    }
}
