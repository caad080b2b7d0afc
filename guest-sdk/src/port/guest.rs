//! The port of a component: each function is one import. It owns the translation between the generated types and those of the SDK
//! and nothing else.

use crate::guest::bindings::space::spacehost::space as host;
use crate::port::{Headers, Page};
use crate::{Failure, Level, Result};

impl From<host::types::Failure> for Failure {
    fn from(failure: host::types::Failure) -> Self {
        Failure { code: failure.code, message: failure.message, retryable: failure.retryable }
    }
}

impl From<Failure> for host::types::Failure {
    fn from(failure: Failure) -> Self {
        host::types::Failure { code: failure.code, message: failure.message, retryable: failure.retryable }
    }
}

pub fn publish(topic: &str, body: &[u8]) -> Result<()> {
    Ok(host::messaging::publish(topic, body)?)
}

pub fn send(address: &str, body: &[u8]) -> Result<()> {
    Ok(host::messaging::send(address, body)?)
}

pub fn request(address: &str, body: &[u8]) -> Result<Vec<u8>> {
    Ok(host::messaging::request(address, body)?)
}

pub fn publish_with(topic: &str, body: &[u8], key: Option<&str>, headers: &Headers) -> Result<()> {
    Ok(host::messaging::publish_with(topic, body, key, headers)?)
}

pub fn send_with(address: &str, body: &[u8], key: Option<&str>, headers: &Headers) -> Result<()> {
    Ok(host::messaging::send_with(address, body, key, headers)?)
}

pub fn request_with(
    address: &str,
    body: &[u8],
    key: Option<&str>,
    headers: &Headers,
    timeout_ms: Option<u32>,
) -> Result<Vec<u8>> {
    Ok(host::messaging::request_with(address, body, key, headers, timeout_ms)?)
}

pub fn state_get(key: &[u8]) -> Option<Vec<u8>> {
    host::state::get(key)
}

pub fn state_set(key: &[u8], value: &[u8]) -> Result<()> {
    Ok(host::state::set(key, value)?)
}

pub fn state_delete(key: &[u8]) -> Result<()> {
    Ok(host::state::delete(key)?)
}

pub fn state_scan(prefix: &[u8], limit: u32, after: Option<&[u8]>) -> Page {
    let page = host::state::scan(prefix, limit, after);
    (page.entries, page.next)
}

pub fn state_scan_back(prefix: &[u8], limit: u32, before: Option<&[u8]>) -> Page {
    let page = host::state::scan_back(prefix, limit, before);
    (page.entries, page.next)
}

pub fn timer_set(name: &str, body: &[u8], delay_ms: u64) -> Result<()> {
    Ok(host::timers::set(name, body, delay_ms)?)
}

pub fn timer_set_interval(name: &str, body: &[u8], period_ms: u64) -> Result<()> {
    Ok(host::timers::set_interval(name, body, period_ms)?)
}

pub fn timer_cancel(name: &str) -> Result<()> {
    Ok(host::timers::cancel(name)?)
}

pub fn log(level: Level, message: &str) {
    let level = match level {
        Level::Trace => host::log::Level::Trace,
        Level::Debug => host::log::Level::Debug,
        Level::Info => host::log::Level::Info,
        Level::Warn => host::log::Level::Warn,
        Level::Error => host::log::Level::Error,
    };
    host::log::log(level, message);
}

pub fn config_all() -> String {
    host::config::all()
}

pub use host::context::{attempt, headers, id, key, now, partition, random, source, space};
