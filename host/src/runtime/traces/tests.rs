//! What is followed, what is passed on, and what becomes of spans that nobody takes.

use super::*;
use crate::runtime::api::LogLine;
use crate::runtime::space::envelope::Envelope;
use crate::runtime::space::mailbox::Room;
use crate::words::message::{Kind, Sender};
use crate::words::{MessageId, SpaceName};
use bytes::Bytes;

fn message() -> Message {
    Message {
        id: MessageId { sequence: 7, ordinal: 0 },
        sender: Sender::Host,
        kind: Kind::Event("a.b".into()),
        body: Bytes::new(),
        key: None,
        headers: None,
        hops: 0,
    }
}

fn place() -> PartitionName {
    PartitionName { space: SpaceName::parse("orders").unwrap(), index: 0 }
}

fn turn(context: TraceContext) -> Box<TurnSpan> {
    let place = Place { host: "h", partition: &place(), generation: 3 };
    TurnSpan::begin(context, &place, &Envelope::new(message(), Room::unbounded(), 0))
}

fn given(value: impl ToString) -> Option<Vec<(String, String)>> {
    Some(vec![(TRACEPARENT.to_owned(), value.to_string())])
}

#[test]
fn the_share_of_new_traces_that_is_followed_is_the_one_wanted() {
    let followed = |share: f64| {
        let traces = Traces::sampling(share);
        (0..20_000).filter_map(|_| traces.begin()).count()
    };
    assert_eq!((followed(0.0), followed(1.0)), (0, 20_000));
    // Eight standard deviations.
    assert!((4_500..5_500).contains(&followed(0.25)), "{}", followed(0.25));
    assert!(Traces::default().begin().is_none());
}

#[test]
fn new_traces_have_ids_of_their_own() {
    let traces = Traces::sampling(1.0);
    let ids: std::collections::HashSet<_> = (0..10_000).filter_map(|_| traces.begin()).map(|new| new.trace).collect();
    assert_eq!(ids.len(), 10_000);
    let root = traces.begin().unwrap();
    let child = traces.within(root).unwrap();
    assert!(child.trace == root.trace && child.span != root.span);
    assert_eq!(traces.within(TraceContext { sampled: false, ..root }), None);
}

#[test]
fn spans_that_nobody_takes_are_dropped_and_counted_to_the_span() {
    let traces = Traces::sampling(1.0);
    let root = traces.begin().unwrap();
    for _ in 0..QUEUE + 7 {
        traces.ended(firing(root, &place(), &message()));
    }
    traces.could_not_be_sent(3);
    assert_eq!(traces.lost(), LostSpans { dropped: 7, unsent: 3 });
    let mut spans = traces.take_spans().unwrap();
    assert!(traces.take_spans().is_none(), "one takes them");
    assert_eq!(std::iter::from_fn(|| spans.try_recv().ok()).count(), QUEUE);
}

#[test]
fn a_turn_that_is_followed_is_the_parent_of_what_it_sends() {
    let traces = Traces::sampling(0.0);
    let client = TraceContext { trace: 1, span: 2, sampled: true };
    let turn = turn(client);
    let own = turn.context();
    assert_eq!(traces.passed_on(Some(&turn), None), given(own));
    // A step of the guest's own, within the trace.
    let step = client.at(99);
    assert_eq!(traces.passed_on(Some(&turn), given(step)), given(step));
    for other in [TraceContext { trace: 3, ..step }, TraceContext { sampled: false, ..step }] {
        assert_eq!(traces.passed_on(Some(&turn), given(other)), given(own), "{other}");
    }
}

#[test]
fn a_guest_cannot_have_followed_what_is_not() {
    let traces = Traces::sampling(1.0);
    let forged = TraceContext { trace: 3, span: 4, sampled: true };
    assert_eq!(traces.passed_on(None, given(forged)), Some(vec![]));
    let quiet = TraceContext { sampled: false, ..forged };
    assert_eq!(traces.passed_on(None, given(quiet)), given(quiet));
    assert_eq!(Traces::default().passed_on(None, given(forged)), given(forged), "where nothing is traced it is theirs");
}

#[test]
fn a_flood_of_lines_leaves_what_there_is_room_for_and_a_count() {
    let traces = Traces::sampling(1.0);
    let mut spans = traces.take_spans().unwrap();
    let mut turn = turn(traces.begin().unwrap());
    let line = |message: String| LogLine {
        time_ms: 5,
        level: "info",
        message,
        id: None,
        attempt: 1,
        space: SpaceName::parse("orders").unwrap(),
        partition: 0,
        generation: 1,
        trace_id: None,
    };
    turn.note(&line("ä".repeat(5_000)), true);
    (0..1_000).for_each(|_| turn.note(&line("x".repeat(1_000)), true));
    turn.note(&line("unseen".to_owned()), false);
    turn.end(&traces, &place(), &Envelope::new(message(), Room::unbounded(), 0), None);
    let span = spans.try_recv().unwrap();
    assert_eq!(span.lines[0].message.len(), 4_096);
    let bytes: usize = span.lines.iter().map(|line| line.message.len()).sum();
    assert!(bytes <= 16_384, "{bytes}");
    assert_eq!(span.lines.len() as u32 + span.lines_dropped, 1_002);
    assert_eq!((span.name.as_str(), span.kind), ("orders event", SpanKind::Consumer));
    assert!(span.attributes.contains(&("spacehost.generation", 3.into())));
}
