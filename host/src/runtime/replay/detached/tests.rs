//! Detached turns without a guest: what they answer from the record, and when they say that nothing can be said.

use super::*;
use crate::words::message::{Kind, Sender};
use futures::executor::block_on;
use std::collections::HashMap;
use std::time::Duration;

fn taped() -> Taped {
    let did = Effects {
        outcome: Ok(Bytes::new()),
        emitted: Vec::new(),
        writes: BTreeMap::new(),
        timers: BTreeMap::new(),
        requests: BTreeSet::new(),
    };
    Taped {
        sequence: 9,
        partition: 0,
        id: crate::store::record::MessageId { sequence: 7, ordinal: 0 },
        direct: None,
        attempt: 1,
        now_ms: Some(1_000),
        time_ms: 2_000,
        did,
        writes: BTreeMap::new(),
        former: BTreeMap::new(),
        requests: Vec::new(),
        refused: HashMap::new(),
        refused_more: false,
    }
}

fn refused(call: u32, code: &'static str) -> Taped {
    Taped { refused: HashMap::from([(call, Failure::passing(code, "then"))]), ..taped() }
}

fn asked(ordinal: u32, body: &str, reply: &'static str) -> (u32, [u8; 32], Result<Bytes, Failure>) {
    (ordinal, digest_of("b/run", body.as_bytes()), Ok(Bytes::from(reply)))
}

fn begun(taped: Taped) -> Detached {
    let partition = PartitionName { space: "a".parse().unwrap(), index: 0 };
    let mut turn =
        Detached::new(Arc::default(), Access::of_client(), "host".into(), partition, PartitionState::default());
    begin(&mut turn, taped);
    turn
}

fn begin(turn: &mut Detached, taped: Taped) {
    let message = Message {
        id: MessageId { sequence: 7, ordinal: 0 },
        sender: Sender::Client(0),
        kind: Kind::Command("run".into()),
        body: Bytes::new(),
        key: Some("k".into()),
        headers: None,
        hops: 0,
    };
    turn.begin(Arc::new(taped), message);
}

fn send(turn: &mut Detached) -> Result<(), Failure> {
    turn.send("b/run", Bytes::from("1"), None)
}

fn request(turn: &mut Detached, body: &'static str) -> Option<Bytes> {
    block_on(turn.request("b/run".into(), Bytes::from(body), None)).ok().map(|reply| reply.unwrap())
}

fn end(mut turn: Detached) -> Result<Effects, String> {
    turn.end(Ok(Bytes::new()))
}

#[test]
fn a_call_that_was_refused_is_refused_again_and_others_are_not() {
    let mut turn = begun(refused(1, code::OVERLOADED));
    send(&mut turn).unwrap();
    assert_eq!(send(&mut turn).unwrap_err().code, code::OVERLOADED);
    let effects = end(turn).unwrap();
    let [sent] = &effects.emitted[..] else { panic!("one message but {effects:?}") };
    assert_eq!((sent.target.as_str(), sent.key.as_deref()), ("command b/run", Some("k")));
}

#[test]
fn where_the_calls_do_not_line_up_with_a_refusal_nothing_can_be_said() {
    let mut turn = begun(refused(0, code::OVERLOADED));
    turn.set(b"k".to_vec(), Bytes::new()).unwrap();
    assert!(end(turn).unwrap_err().starts_with("call 0 of the recorded turn was refused with `overloaded`"));
    let mut turn = begun(refused(1, code::OVERLOADED));
    send(&mut turn).unwrap();
    assert!(end(turn).unwrap_err().contains("a refusal of the host that this one does not come to"));
}

#[test]
fn requests_are_answered_from_the_record_each_once_and_in_whatever_order() {
    let recorded =
        || Taped { requests: vec![asked(0, "1", "one"), asked(1, "2", "two"), asked(2, "1", "three")], ..taped() };
    let mut turn = begun(recorded());
    let replies = ["2", "1", "1"].map(|body| request(&mut turn, body).unwrap());
    assert_eq!(replies, ["two", "one", "three"]);
    assert_eq!(end(turn).unwrap().requests, BTreeSet::from([0, 1, 2]));
    let mut turn = begun(recorded());
    assert_eq!((request(&mut turn, "2").unwrap(), request(&mut turn, "2")), (Bytes::from("two"), None));
    assert!(end(turn).unwrap_err().contains("a request to `b/run` that the recorded turn did not make"));
}

#[test]
fn time_comes_from_the_record_and_where_it_is_not_there_nothing_can_be_said() {
    let mut turn = begun(taped());
    turn.set_timer("t".into(), Bytes::new(), Schedule::Once(Duration::from_millis(5))).unwrap();
    assert_eq!(turn.now(), 1_000);
    let set = Timer::Set { body: Bytes::new(), due_ms: 1_005, every_ms: None };
    assert_eq!(end(turn).unwrap().timers, BTreeMap::from([("t".to_owned(), set)]));
    let mut turn = begun(Taped { now_ms: None, ..taped() });
    turn.now();
    assert!(end(turn).unwrap_err().contains("asks for the time"));
}

#[test]
fn a_turn_that_fails_has_made_its_requests_and_nothing_else() {
    let mut turn = begun(Taped { requests: vec![asked(0, "1", "one")], ..taped() });
    request(&mut turn, "1").unwrap();
    send(&mut turn).unwrap();
    turn.set(b"k".to_vec(), Bytes::from("v")).unwrap();
    turn.cancel_timer("t").unwrap();
    let effects = turn.end(Err(Failure::last("no", ""))).unwrap();
    assert_eq!(effects.requests, BTreeSet::from([0]));
    assert!(effects.emitted.is_empty() && effects.writes.is_empty() && effects.timers.is_empty());
    assert_eq!(turn.get(b"k"), None, "the state is as it was");
}

#[test]
fn what_a_migration_wrote_is_seen_by_the_message_and_is_none_of_its_writes() {
    let mut turn = begun(taped());
    turn.discard();
    turn.begin_migration();
    turn.set(b"old".to_vec(), Bytes::from("form")).unwrap();
    send(&mut turn).unwrap();
    begin(&mut turn, taped());
    assert_eq!(turn.get(b"old").unwrap(), "form");
    turn.set(b"new".to_vec(), Bytes::from("1")).unwrap();
    let effects = turn.end(Ok(Bytes::new())).unwrap();
    assert_eq!(effects.writes, BTreeMap::from([(b"new".to_vec(), Some(Bytes::from("1")))]));
    assert!(effects.emitted.is_empty());
    assert_eq!((turn.get(b"old"), turn.get(b"new")), (None, None));
}

#[test]
fn outside_of_a_turn_nothing_can_be_written() {
    let mut turn = begun(taped());
    turn.discard();
    assert_eq!(turn.set(b"k".to_vec(), Bytes::new()).unwrap_err().code, code::NOT_IN_TURN);
    assert_eq!(send(&mut turn).unwrap_err().code, code::NOT_IN_TURN);
}
