//! What the host is called: the exact lists that Host and Origin are looked up in.
//!
//! Owns the comparison. Must not know requests or tokens. Nothing is on the lists but the address that the listener is bound
//! to, each with its port, and what the operator has put there: whoever owns a name can point it at this machine, and
//! another port of this machine is another program.

use crate::words::AllowedNames;
use std::net::{IpAddr, SocketAddr};

const PORT_THAT_NOBODY_WRITES: u16 = 80;

pub struct Names {
    bound: SocketAddr,
    hosts: Vec<String>,
    origins: Vec<String>,
}

impl Names {
    /// `bound` is the address that the listener is bound to.
    pub fn new(bound: SocketAddr, allowed: AllowedNames) -> Self {
        let mut hosts = allowed.hosts;
        let ip = bound.ip();
        if ip.is_unspecified() || ip.is_loopback() {
            hosts.extend(spellings("localhost", bound.port()));
        }
        if !ip.is_unspecified() {
            hosts.extend(spellings(&literal(ip), bound.port()));
        }
        Names { bound, hosts, origins: allowed.origins }
    }

    /// Whether a request for this `name:port` is meant for this host.
    pub fn is_host(&self, authority: &str) -> bool {
        self.hosts.iter().any(|host| host.eq_ignore_ascii_case(authority)) || self.is_any_address(authority)
    }

    /// Whether a page from there may ask: one of this host, under its own address or the name that is asked for, or one that
    /// the operator lists.
    pub fn is_origin(&self, origin: &str, asked: &str) -> bool {
        let own = |page: &str| page.eq_ignore_ascii_case(asked) || (!self.is_open() && self.is_host(page));
        origin.strip_prefix("http://").is_some_and(own) || self.origins.iter().any(|o| o.eq_ignore_ascii_case(origin))
    }

    /// Bound to all addresses, the host does not know its own; but no page can make a number mean another machine.
    fn is_any_address(&self, authority: &str) -> bool {
        let port = self.bound.port();
        let with_port = |address: SocketAddr| address.port() == port && authority == address.to_string();
        let without = || port == PORT_THAT_NOBODY_WRITES && is_literal(authority);
        self.is_open() && (authority.parse().is_ok_and(with_port) || without())
    }

    fn is_open(&self) -> bool {
        self.bound.ip().is_unspecified()
    }
}

/// With the port, and without the one that clients leave out.
fn spellings(host: &str, port: u16) -> impl Iterator<Item = String> {
    let bare = (port == PORT_THAT_NOBODY_WRITES).then(|| host.to_owned());
    std::iter::once(format!("{host}:{port}")).chain(bare)
}

fn literal(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

fn is_literal(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    address.parse::<IpAddr>().is_ok_and(|ip| literal(ip) == host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(bound: &str, hosts: &[&str], origins: &[&str]) -> Names {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        Names::new(bound.parse().unwrap(), AllowedNames { hosts: texts(hosts), origins: texts(origins) })
    }

    #[test]
    fn the_own_address_counts_with_its_own_port_alone() {
        let names = names("127.0.0.1:7070", &[], &[]);
        for own in ["localhost:7070", "LocalHost:7070", "127.0.0.1:7070"] {
            assert!(names.is_host(own), "{own}");
        }
        let foreign = [
            "",
            "localhost",
            "127.0.0.1",
            "localhost:7071",
            "127.0.0.1:80",
            "127.0.0.2:7070",
            "[::1]:7070",
            "0.0.0.0:7070",
            "localhost.:7070",
            "localhost.evil.example:7070",
            "127.0.0.1.evil.example:7070",
            "evil.example:7070",
            "me@localhost:7070",
            "127.1:7070",
            "2130706433:7070",
            "localhost:07070",
        ];
        for foreign in foreign {
            assert!(!names.is_host(foreign), "{foreign}");
        }
    }

    #[test]
    fn the_port_of_http_may_be_left_out() {
        let v6 = names("[::1]:80", &[], &[]);
        assert!(v6.is_host("[::1]") && v6.is_host("[::1]:80") && v6.is_host("localhost"));
        assert!(!v6.is_host("[::1]:7070") && !v6.is_host("127.0.0.1"));
    }

    #[test]
    fn the_operators_names_count_exactly_as_listed() {
        let names = names("127.0.0.1:7070", &["spaces.example", "tunnel.example:9000"], &["https://ops.example"]);
        assert!(names.is_host("Spaces.Example") && names.is_host("tunnel.example:9000"));
        assert!(!names.is_host("spaces.example:7070") && !names.is_host("tunnel.example"));
        assert!(names.is_origin("https://ops.example", "spaces.example"));
        assert!(!names.is_origin("http://ops.example", "spaces.example"));
        assert!(!names.is_origin("https://ops.example:8443", "spaces.example"));
    }

    #[test]
    fn a_page_of_this_host_may_ask_and_one_of_another_port_may_not() {
        let names = names("127.0.0.1:7070", &["spaces.example"], &[]);
        assert!(names.is_origin("http://localhost:7070", "127.0.0.1:7070"));
        assert!(names.is_origin("http://spaces.example", "spaces.example"));
        let foreign = [
            "null",
            "",
            "http://localhost:3000",
            "http://localhost",
            "https://localhost:7070",
            "localhost:7070",
            "file://localhost:7070",
            "http://evil.example",
            "http://localhost:7070.evil.example",
            "http://localhost:7070/",
        ];
        for foreign in foreign {
            assert!(!names.is_origin(foreign, "127.0.0.1:7070"), "{foreign}");
        }
    }

    #[test]
    fn bound_to_all_addresses_it_takes_numbers_but_no_names() {
        let names = names("0.0.0.0:7070", &[], &[]);
        assert!(names.is_host("10.1.2.3:7070") && names.is_host("[fe80::1]:7070") && names.is_host("localhost:7070"));
        for foreign in ["evil.example:7070", "10.1.2.3", "10.1.2.3:80", "[FE80::1]:7070", "10.1.2.3:07070"] {
            assert!(!names.is_host(foreign), "{foreign}");
        }
        assert!(names.is_origin("http://10.1.2.3:7070", "10.1.2.3:7070"));
        assert!(
            !names.is_origin("http://10.6.6.6:7070", "10.1.2.3:7070"),
            "another machine, though the port is the same"
        );
        let usual = super::tests::names("0.0.0.0:80", &[], &[]);
        assert!(usual.is_host("10.1.2.3") && usual.is_host("[::1]") && !usual.is_host("::1"));
    }
}
