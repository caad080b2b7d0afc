//! What one turn may emit and set: the limits behind the host's calls, for turns that take effect and for those that are
//! only tried.
//!
//! Pure. Must not know where anything goes. Fails with the codes of the contract.

use crate::wasm::{Extras, Schedule};
use crate::words::failure::code;
use crate::words::topic::MAX_TOPIC;
use crate::words::{Failure, Limits};
use bytes::Bytes;
use std::time::Duration;

/// Headers of one message.
const MOST_HEADERS: usize = 64;
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
        if let Some(extras) = extras {
            check_extras(extras)?;
        }
        let headers: usize = extras.map_or(0, |e| e.headers.iter().map(|(n, v)| n.len() + v.len()).sum());
        let bytes = (body.len() + headers) as u64;
        if bytes > limits.message_bytes {
            let message = format!("the message has {bytes} bytes; `message_bytes` allows {}", limits.message_bytes);
            return Err(Failure::last(code::TOO_LARGE, message));
        }
        if self.messages >= limits.emitted_per_turn {
            return Err(self.fan_out(limits));
        }
        self.add(bytes, limits)?;
        if u64::from(hops) > limits.hops {
            return Err(Failure::last(
                code::HOPS,
                format!("{hops} turns led here; `hops` allows {}: is this a loop?", limits.hops),
            ));
        }
        Ok(bytes)
    }

    /// Whether one more timer may be set: what it brings is a message to come.
    pub fn charge_timer(self, limits: &Limits, name: &str, body: &Bytes) -> Result<u64, Failure> {
        check_timer(limits, name, body)?;
        self.add((name.len() + body.len()) as u64, limits)
    }

    fn add(self, bytes: u64, limits: &Limits) -> Result<u64, Failure> {
        if self.bytes + bytes > limits.emitted_bytes_per_turn { Err(self.fan_out(limits)) } else { Ok(bytes) }
    }

    fn fan_out(self, limits: &Limits) -> Failure {
        let message = format!(
            "this turn has emitted {} messages and {} bytes; `emitted_per_turn` allows {}, `emitted_bytes_per_turn` {}",
            self.messages, self.bytes, limits.emitted_per_turn, limits.emitted_bytes_per_turn
        );
        Failure::last(code::FAN_OUT, message)
    }
}

/// A message weighs by its body and headers, so what else it brings must be next to nothing.
fn check_extras(extras: &Extras) -> Result<(), Failure> {
    let key = extras.key.as_ref().map_or(0, String::len);
    if key > MAX_TOPIC || extras.headers.len() > MOST_HEADERS {
        let headers = extras.headers.len();
        let message = format!(
            "the message has {headers} headers and a key of {key} bytes; {MOST_HEADERS} and {MAX_TOPIC} are allowed"
        );
        return Err(Failure::last(code::TOO_LARGE, message));
    }
    Ok(())
}

/// Whether a turn that has set and cancelled so many timers may go on with it: they are kept until it ends.
pub fn check_timer_changes(limits: &Limits, changes: usize) -> Result<(), Failure> {
    let allowed = limits.timers.saturating_mul(2);
    if (changes as u64) < allowed {
        return Ok(());
    }
    let message = format!("one turn may set and cancel {allowed} timers: `timers` allows {}", limits.timers);
    Err(Failure::last(code::TOO_MANY_TIMERS, message))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(extras: &Extras) -> String {
        let charged = Emitted::default().charge(&Limits::default(), &Bytes::new(), Some(extras), 1);
        charged.unwrap_err().to_string()
    }

    #[test]
    fn empty_headers_without_end_and_a_huge_key_are_refused() {
        let headers = vec![(String::new(), String::new()); 300_000];
        let many = Extras { headers, ..Extras::default() };
        assert!(refusal(&many).starts_with("too-large: the message has 300000 headers"), "{}", refusal(&many));
        let long = Extras { key: Some("x".repeat(256)), ..Extras::default() };
        assert!(refusal(&long).contains("a key of 256 bytes; 64 and 255 are allowed"), "{}", refusal(&long));
    }

    #[test]
    fn timers_set_in_one_turn_are_bounded_in_number_and_bytes() {
        let limits = Limits { timers: 2, emitted_bytes_per_turn: 10, ..Limits::default() };
        let body = Bytes::from_static(b"12345678");
        assert_eq!(Emitted::default().charge_timer(&limits, "a", &body), Ok(9));
        let full = Emitted { messages: 0, bytes: 9 }.charge_timer(&limits, "a", &body).unwrap_err();
        assert_eq!(full.code, code::FAN_OUT);
        assert_eq!(check_timer_changes(&limits, 3), Ok(()));
        assert_eq!(check_timer_changes(&limits, 4).unwrap_err().code, code::TOO_MANY_TIMERS);
    }
}
