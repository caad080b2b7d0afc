//! Fuzz targets: what must hold whatever comes from outside. Each takes any bytes and panics when something is broken.
//!
//! `cargo test` feeds each target its seeds and some changed ones; `tests/fuzz/run` lets a coverage-guided fuzzer choose.
//! A target must not keep anything from one input to the next that the input can change.

mod boundary;
mod http;
mod journal;
mod loader;
mod words;

/// One entrance for untrusted bytes.
pub struct Target {
    pub name: &'static str,
    pub run: fn(&[u8]),
    /// Where a fuzzer begins.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

pub const TARGETS: &[Target] = &[
    Target { name: "topics", run: words::topics, seeds: words::topic_seeds },
    Target { name: "settings", run: words::settings, seeds: words::settings_seeds },
    Target { name: "descriptor", run: words::descriptor, seeds: words::descriptor_seeds },
    Target { name: "journal", run: journal::recovery, seeds: journal::seeds },
    Target { name: "loader", run: loader::load, seeds: loader::seeds },
    Target { name: "http", run: http::request, seeds: http::seeds },
    Target { name: "boundary", run: boundary::calls, seeds: boundary::seeds },
];

pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
