//! Where two tellings of one turn part: recorded and tried, side by side, as lines `- recorded` and `+ candidate`.
//!
//! Pure. Says what differs, not whether that is good. No line: they do the same.

use super::effects::{Effects, Sent, Timer};
use super::shown;
use crate::words::Failure;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Nobody reads more lines of one message.
const ENOUGH: usize = 100;

/// The lines of what differs.
pub fn differences(recorded: &Effects, tried: &Effects, now_ms: u64) -> Vec<String> {
    let mut lines = Lines::default();
    if !same_outcome(&recorded.outcome, &tried.outcome) {
        lines.pair(Some(outcome(&recorded.outcome)), Some(outcome(&tried.outcome)));
    }
    lines.requests(recorded, tried);
    lines.emitted(&recorded.emitted, &tried.emitted);
    lines.each(&recorded.writes, &tried.writes, same_write, |key, value| write(key, value));
    lines.each(&recorded.timers, &tried.timers, same_timer, |name, setting| timer(name, setting, now_ms));
    lines.0
}

#[derive(Default)]
struct Lines(Vec<String>);

impl Lines {
    fn pair(&mut self, recorded: Option<String>, tried: Option<String>) {
        let (recorded, tried) = match (recorded, tried) {
            (Some(recorded), Some(tried)) => {
                let (recorded, tried) = shown::pair(&recorded, &tried);
                (Some(recorded), Some(tried))
            }
            (recorded, tried) => (recorded.map(|line| shown::short(&line)), tried.map(|line| shown::short(&line))),
        };
        self.0.extend(recorded.map(|line| format!("- {line}")));
        self.0.extend(tried.map(|line| format!("+ {line}")));
    }

    /// A request has an effect of its own, so one that is not made is a difference. One more is no difference: it has no
    /// reply on record, and the message cannot be compared at all.
    fn requests(&mut self, recorded: &Effects, tried: &Effects) {
        for ordinal in recorded.requests.difference(&tried.requests) {
            self.pair(Some(format!("request {ordinal}")), None);
        }
    }

    /// What both begin and end with is left out.
    fn emitted(&mut self, recorded: &[Sent], tried: &[Sent]) {
        let begin = recorded.iter().zip(tried).take_while(|(a, b)| same_sent(a, b)).count();
        let (recorded, tried) = (&recorded[begin..], &tried[begin..]);
        let end = recorded.iter().rev().zip(tried.iter().rev()).take_while(|(a, b)| same_sent(a, b)).count();
        let (recorded, tried) = (&recorded[..recorded.len() - end], &tried[..tried.len() - end]);
        for at in 0..recorded.len().max(tried.len()) {
            if self.0.len() >= ENOUGH {
                return;
            }
            self.pair(recorded.get(at).map(sent), tried.get(at).map(sent));
        }
    }

    fn each<K: Ord, V>(
        &mut self,
        recorded: &BTreeMap<K, V>,
        tried: &BTreeMap<K, V>,
        same: fn(&V, &V) -> bool,
        line: impl Fn(&K, &V) -> String,
    ) {
        let new = tried.keys().filter(|key| !recorded.contains_key(key));
        for key in recorded.keys().chain(new) {
            if self.0.len() >= ENOUGH {
                return;
            }
            match (recorded.get(key), tried.get(key)) {
                (Some(a), Some(b)) if same(a, b) => {}
                (a, b) => self.pair(a.map(|a| line(key, a)), b.map(|b| line(key, b))),
            }
        }
    }
}

/// What a failure says to people is no part of what a turn does.
fn same_outcome(a: &Result<Bytes, Failure>, b: &Result<Bytes, Failure>) -> bool {
    match (a, b) {
        (Ok(a), Ok(b)) => shown::same(a, b),
        (Err(a), Err(b)) => a.code == b.code && a.retryable == b.retryable,
        _ => false,
    }
}

fn same_sent(a: &Sent, b: &Sent) -> bool {
    a.target == b.target && a.key == b.key && a.headers == b.headers && shown::same(&a.body, &b.body)
}

fn same_write(a: &Option<Bytes>, b: &Option<Bytes>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => shown::same(a, b),
        (a, b) => a.is_none() && b.is_none(),
    }
}

fn same_timer(a: &Timer, b: &Timer) -> bool {
    match (a, b) {
        (
            Timer::Set { body, due_ms, every_ms },
            Timer::Set { body: other_body, due_ms: other_due, every_ms: other_every },
        ) => due_ms == other_due && every_ms == other_every && shown::same(body, other_body),
        (a, b) => a == b,
    }
}

fn outcome(outcome: &Result<Bytes, Failure>) -> String {
    match outcome {
        Ok(reply) if reply.is_empty() => "done".to_owned(),
        Ok(reply) => format!("reply {}", shown::value(reply)),
        Err(failure) => {
            let again = if failure.retryable { " (may pass)" } else { "" };
            shown::printable(&format!("failure {}{again}: {}", failure.code, failure.message))
        }
    }
}

fn sent(sent: &Sent) -> String {
    let mut line = shown::printable(&sent.target);
    if let Some(key) = &sent.key {
        let _ = write!(line, " key {}", shown::printable(key));
    }
    if !sent.headers.is_empty() {
        let _ = write!(line, " headers {}", shown::printable(&format!("{:?}", sent.headers)));
    }
    format!("{line} {}", shown::value(&sent.body))
}

fn write(key: &[u8], value: &Option<Bytes>) -> String {
    match value {
        Some(value) => format!("write {} = {}", shown::text(key), shown::value(value)),
        None => format!("delete {}", shown::text(key)),
    }
}

fn timer(name: &str, timer: &Timer, now_ms: u64) -> String {
    let name = shown::printable(name);
    match timer {
        Timer::Cancelled => format!("cancel timer {name}"),
        Timer::Set { body, due_ms, every_ms } => {
            let after = due_ms.saturating_sub(now_ms);
            let when = every_ms.map_or_else(|| format!("in {after} ms"), |every| format!("every {every} ms"));
            format!("timer {name} {when} {}", shown::value(body))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn nothing() -> Effects {
        Effects {
            outcome: Ok(Bytes::new()),
            emitted: Vec::new(),
            writes: BTreeMap::new(),
            timers: BTreeMap::new(),
            requests: BTreeSet::new(),
        }
    }

    fn replied(reply: &'static str) -> Effects {
        Effects { outcome: Ok(reply.into()), ..nothing() }
    }

    fn failed(code: &'static str, message: &str) -> Effects {
        Effects { outcome: Err(Failure::last(code, message)), ..nothing() }
    }

    fn event(topic: &str, body: &'static str) -> Sent {
        Sent { target: format!("event {topic}"), body: body.into(), key: None, headers: BTreeMap::new() }
    }

    #[test]
    fn a_reply_is_compared_as_a_value_and_a_failure_by_its_code() {
        assert!(differences(&replied(r#"{"a":1,"b":2}"#), &replied(r#"{ "b": 2, "a": 1 }"#), 0).is_empty());
        assert_eq!(differences(&replied("5"), &replied("6"), 0), ["- reply 5", "+ reply 6"]);
        assert!(differences(&failed("sold-out", "none"), &failed("sold-out", "no more"), 0).is_empty());
        let found = differences(&replied("5"), &failed("sold-out", "none"), 0);
        assert_eq!(found, ["- reply 5", "+ failure sold-out: none"]);
    }

    #[test]
    fn messages_are_compared_in_order_and_what_is_alike_around_a_difference_is_left_out() {
        let emitted = |list: &[Sent]| Effects { emitted: list.to_vec(), ..nothing() };
        let (a, b, c, d) = (event("a", "1"), event("b", "2"), event("c", "3"), event("d", "4"));
        let recorded = emitted(&[a.clone(), b.clone(), d.clone()]);
        assert!(differences(&recorded, &recorded.clone(), 0).is_empty());
        let tried = emitted(&[a.clone(), c.clone(), d.clone()]);
        assert_eq!(differences(&recorded, &tried, 0), ["- event b 2", "+ event c 3"]);
        assert_eq!(differences(&recorded, &emitted(&[a.clone(), d.clone()]), 0), ["- event b 2"]);
        let swapped = emitted(&[b.clone(), a.clone(), d]);
        assert_eq!(differences(&recorded, &swapped, 0).len(), 4);
        let keyed = emitted(&[Sent { key: Some("k".into()), ..a.clone() }]);
        assert_eq!(differences(&emitted(&[a]), &keyed, 0), ["- event a 1", "+ event a key k 1"]);
    }

    #[test]
    fn writes_and_timers_are_compared_name_by_name() {
        let wrote = |key: &str, value: Option<&'static str>| Effects {
            writes: BTreeMap::from([(key.into(), value.map(Bytes::from))]),
            ..nothing()
        };
        assert_eq!(differences(&wrote("n", Some("1")), &wrote("n", Some("2")), 0), ["- write n = 1", "+ write n = 2"]);
        assert_eq!(differences(&wrote("n", None), &wrote("m", Some("2")), 0), ["- delete n", "+ write m = 2"]);
        let set = |due_ms, every_ms| Effects {
            timers: BTreeMap::from([("t".into(), Timer::Set { body: Bytes::new(), due_ms, every_ms })]),
            ..nothing()
        };
        let found = differences(&set(1_500, None), &set(1_700, Some(700)), 1_000);
        assert_eq!(found, ["- timer t in 500 ms (empty)", "+ timer t every 700 ms (empty)"]);
    }

    #[test]
    fn a_request_that_is_not_made_any_more_is_a_difference() {
        let asked = |ordinals: &[u32]| Effects { requests: ordinals.iter().copied().collect(), ..nothing() };
        assert_eq!(differences(&asked(&[0, 1]), &asked(&[1]), 0), ["- request 0"]);
    }
}
