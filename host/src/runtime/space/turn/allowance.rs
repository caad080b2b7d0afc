//! What one turn may emit and set: the limits behind the host's calls, for turns that take effect and for those that are
//! only tried.
//!
//! Pure. Must not know where anything goes. Fails with the codes of the contract.

use crate::wasm::{Extras, Schedule};
use crate::words::failure::code;
use crate::words::{Failure, Limits};
use bytes::Bytes;
use std::time::Duration;

/// The shortest period of an interval.
const SHORTEST_PERIOD: Duration = Duration::from_millis(10);
pub const LONGEST_TIMER_NAME: usize = 255;

/// What a turn has emitted so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Emitted {
    /// Requests too.
    pub messages: u64,
    pub bytes: u64,
}

impl Emitted {
    /// Whether one more message may follow, which `hops` turns led to; answers what it adds in bytes.
    pub fn charge(self, limits: &Limits, body: &Bytes, extras: Option<&Extras>, hops: u16) -> Result<u64, Failure> {
        let headers: usize = extras.map_or(0, |e| e.headers.iter().map(|(n, v)| n.len() + v.len()).sum());
        let bytes = (body.len() + headers) as u64;
        if bytes > limits.message_bytes {
            let message = format!("the message has {bytes} bytes; `message_bytes` allows {}", limits.message_bytes);
            return Err(Failure::last(code::TOO_LARGE, message));
        }
        if self.messages >= limits.emitted_per_turn || self.bytes + bytes > limits.emitted_bytes_per_turn {
            let message = format!(
                "this turn has emitted {} messages and {} bytes; `emitted_per_turn` allows {}, `emitted_bytes_per_turn` {}",
                self.messages, self.bytes, limits.emitted_per_turn, limits.emitted_bytes_per_turn
            );
            return Err(Failure::last(code::FAN_OUT, message));
        }
        if u64::from(hops) > limits.hops {
            return Err(Failure::last(
                code::HOPS,
                format!("{hops} turns led here; `hops` allows {}: is this a loop?", limits.hops),
            ));
        }
        Ok(bytes)
    }
}

/// Whether a timer may have that name and body.
pub fn check_timer(limits: &Limits, name: &str, body: &Bytes) -> Result<(), Failure> {
    let allowed = limits.message_bytes;
    if name.is_empty() || name.len() > LONGEST_TIMER_NAME || body.len() as u64 > allowed {
        let message = format!("a timer has a name of 1 to {LONGEST_TIMER_NAME} bytes and a body of at most {allowed}");
        return Err(Failure::last(code::TOO_LARGE, message));
    }
    Ok(())
}

/// When a timer that is set at `now_ms` fires, and its period.
pub fn due(now_ms: u64, schedule: Schedule) -> (u64, Option<u64>) {
    let (delay, every) = match schedule {
        Schedule::Once(delay) => (delay, None),
        Schedule::Every(period) => (period.max(SHORTEST_PERIOD), Some(period.max(SHORTEST_PERIOD))),
    };
    let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    (now_ms.saturating_add(ms(delay)), every.map(ms))
}

/// Why that reply cannot be one.
pub fn check_reply(limits: &Limits, reply: &[u8]) -> Result<(), Failure> {
    let (bytes, allowed) = (reply.len() as u64, limits.message_bytes);
    if bytes <= allowed {
        return Ok(());
    }
    Err(Failure::last(code::TOO_LARGE, format!("the reply has {bytes} bytes; `message_bytes` allows {allowed}")))
}
