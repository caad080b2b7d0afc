//! The port of a native test: each function asks the thread's mock host. It owns nothing; without a mock host it panics and says
//! how to make one.

use crate::mock::world::{self, Effects};
use crate::mock::{Message, Timer};
use crate::port::{Headers, Page};
use crate::{Level, Result, mock};

pub fn publish(topic: &str, body: &[u8]) -> Result<()> {
    publish_with(topic, body, None, &[])
}

pub fn send(address: &str, body: &[u8]) -> Result<()> {
    send_with(address, body, None, &[])
}

pub fn request(address: &str, body: &[u8]) -> Result<Vec<u8>> {
    request_with(address, body, None, &[], None)
}

pub fn publish_with(topic: &str, body: &[u8], key: Option<&str>, headers: &Headers) -> Result<()> {
    mock::rules::topic(topic)?;
    change(|effects| effects.published.push(Message::new(topic, body, key, headers)))
}

pub fn send_with(address: &str, body: &[u8], key: Option<&str>, headers: &Headers) -> Result<()> {
    mock::rules::address(address)?;
    change(|effects| effects.sent.push(Message::new(address, body, key, headers)))
}

pub fn request_with(
    address: &str,
    body: &[u8],
    key: Option<&str>,
    headers: &Headers,
    _timeout_ms: Option<u32>,
) -> Result<Vec<u8>> {
    mock::rules::address(address)?;
    world::with(|world| {
        world.check_turn()?;
        world.requested.push(Message::new(address, body, key, headers));
        world.reply_of(address)
    })
}

pub fn state_get(key: &[u8]) -> Option<Vec<u8>> {
    world::with(|world| world.effects.state.get(key).cloned())
}

pub fn state_set(key: &[u8], value: &[u8]) -> Result<()> {
    change(|effects| {
        effects.state.insert(key.to_vec(), value.to_vec());
    })
}

pub fn state_delete(key: &[u8]) -> Result<()> {
    change(|effects| {
        effects.state.remove(key);
    })
}

pub fn state_scan(prefix: &[u8], limit: u32, after: Option<&[u8]>) -> Page {
    world::with(|world| world.effects.scan(prefix, limit as usize, after))
}

pub fn state_scan_back(prefix: &[u8], limit: u32, before: Option<&[u8]>) -> Page {
    world::with(|world| world.effects.scan_back(prefix, limit as usize, before))
}

pub fn timer_set(name: &str, body: &[u8], delay_ms: u64) -> Result<()> {
    set_timer(name, body, delay_ms, None)
}

pub fn timer_set_interval(name: &str, body: &[u8], period_ms: u64) -> Result<()> {
    let period_ms = period_ms.max(10);
    set_timer(name, body, period_ms, Some(period_ms))
}

pub fn timer_cancel(name: &str) -> Result<()> {
    change(|effects| {
        effects.timers.remove(name);
    })
}

pub fn id() -> String {
    world::with(|world| world.hand.id())
}

pub fn source() -> String {
    world::with(|world| world.hand.source.clone())
}

pub fn key() -> Option<String> {
    world::with(|world| world.hand.key.clone())
}

pub fn attempt() -> u32 {
    world::with(|world| world.hand.attempt)
}

pub fn headers() -> Vec<(String, String)> {
    world::with(|world| world.hand.headers.clone())
}

pub fn now() -> u64 {
    world::with(|world| world.hand.now)
}

pub fn random() -> u64 {
    world::with(|world| world.hand.next_random())
}

pub fn space() -> String {
    world::with(|world| world.space.clone())
}

pub fn partition() -> u32 {
    world::with(|world| world.partition)
}

pub fn log(level: Level, message: &str) {
    world::with(|world| world.logs.push((level, message.to_owned())));
}

pub fn config_all() -> String {
    world::with(|world| world.config.to_string())
}

fn set_timer(name: &str, body: &[u8], delay_ms: u64, period_ms: Option<u64>) -> Result<()> {
    let timer = Timer { name: name.to_owned(), body: body.to_vec(), due: now() + delay_ms, period_ms };
    change(|effects| {
        effects.timers.insert(name.to_owned(), timer);
    })
}

fn change(effect: impl FnOnce(&mut Effects)) -> Result<()> {
    world::with(|world| {
        world.check_turn()?;
        effect(&mut world.effects);
        Ok(())
    })
}
