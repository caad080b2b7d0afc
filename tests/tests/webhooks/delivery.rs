//! What arrives: signed, in order, all of it, and nothing before it is on disk.

use super::*;
use rustix::process::Signal;
use spacehost_tests::strace::{Recording, Strace, What, calls};

#[tokio::test]
async fn events_arrive_signed_in_order_and_in_the_form_that_was_chosen() {
    let (receiver, other) = (Receiver::start().await, Receiver::start().await);
    let binary = section("binary", &other.url(), "orders.paid", "format = \"binary\"");
    let daemon = host(&(billing(&receiver, "") + &binary)).await;
    daemon.install("a", "probe").await;
    let steps = json!([
        { "publish": { "to": "orders.paid", "numbered": true, "times": 20, "key": "k" } },
        { "publish": { "to": "other.paid", "body": 1 } },
    ]);
    assert_eq!(daemon.run("a", &steps).await.0, 200);
    publish(&daemon, "orders.1.paid", &json!("last")).await;
    let posted = receiver.got(21).await;
    assert!(posted.iter().all(|one| one.is_signed_with(SECRET)), "{posted:?}");
    assert!(!posted[0].is_signed_with("whsec_c29tZSBvdGhlciBzZWNyZXQgdGhhdCBpcyBsb25n"));
    let mut expected = numbers(0..20);
    expected.push(json!("last"));
    assert_eq!(first_data(&posted), expected);
    let first = posted[0].json();
    assert_eq!(posted[0].header("content-type"), "application/cloudevents+json");
    for (member, value) in
        [("specversion", "1.0"), ("type", "orders.paid"), ("source", "/spaces/a"), ("partitionkey", "k")]
    {
        assert_eq!(first[member], value, "{first}");
    }
    assert_eq!(first["id"], posted[0].id());
    let binary = other.got(20).await;
    assert!(binary.iter().all(|one| one.is_signed_with(SECRET)), "{binary:?}");
    assert_eq!(binary.iter().map(Posted::json).collect::<Vec<_>>(), numbers(0..20));
    let one = &binary[7];
    assert_eq!((one.header("ce-type"), one.header("ce-source")), ("orders.paid", "/spaces/a"));
    assert_eq!((one.header("ce-id"), one.header("content-type")), (one.id(), "application/json"));
    assert_eq!(one.id(), posted[7].id(), "an event has one id, wherever it goes");
    until_hook(&daemon, "billing", "delivered", json!(21)).await;
}

#[tokio::test]
async fn what_a_client_sent_as_a_cloud_event_in_a_trace_goes_on_as_it_came() {
    let receiver = Receiver::start().await;
    let daemon = host(&billing(&receiver, "")).await;
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
    let event = json!({ "specversion": "1.0", "id": "1", "source": "/till", "type": "orders.sold", "subject": "tea", "data": 3 });
    let request = daemon.request(Method::POST, "/v1/events").header("content-type", "application/cloudevents+json");
    let answer = request.header("traceparent", trace).body(event.to_string()).send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 202);
    let posted = &receiver.got(1).await[0];
    let json = posted.json();
    assert_eq!((&json["id"], &json["source"], &json["subject"]), (&json!("1"), &json!("/till"), &json!("tea")));
    assert!(posted.id() != "1" && !posted.id().is_empty(), "the id that removes duplicates is the host's");
    assert_eq!((posted.header("traceparent"), json["traceparent"].as_str()), (trace, Some(trace)));
}

#[tokio::test]
async fn a_new_webhook_begins_with_what_happens_then_and_goes_on_after_an_end_where_it_was() {
    let receiver = Receiver::start().await;
    let daemon = host("").await;
    publish_all(&daemon, 0..3).await;
    settle(&daemon, &billing(&receiver, ""));
    until_hook(&daemon, "billing", "state", json!("idle")).await;
    publish_all(&daemon, 3..6).await;
    receiver.got(3).await;
    until_hook(&daemon, "billing", "delivered", json!(3)).await;
    let folder = daemon.shared_folder();
    assert!(daemon.end(Signal::TERM).await.success());
    let daemon = Daemon::start_in(folder, &Launch::default()).await;
    daemon.ready().await;
    publish_all(&daemon, 6..9).await;
    let posted = receiver.got(6).await;
    assert_eq!(
        posted.iter().map(Posted::data).collect::<Vec<_>>(),
        numbers(3..9),
        "none comes again after a clean end"
    );
}

#[tokio::test]
async fn a_receiver_that_was_away_gets_all_in_order_when_it_is_back() {
    let receiver = Receiver::start().await;
    let daemon = host(&billing(&receiver, "attempts = 1000")).await;
    publish_all(&daemon, 0..3).await;
    receiver.got(3).await;
    let away = receiver.leave().await;
    publish_all(&daemon, 3..50).await;
    let failing = until_hook(&daemon, "billing", "state", json!("backing-off")).await;
    assert!(failing["last_failure"]["why"].as_str().expect("why").starts_with("no connection: "), "{failing}");
    let receiver = away.come_back().await;
    let posted = receiver.got(50).await;
    assert_eq!(first_data(&posted), numbers(0..50));
    let there = until_hook(&daemon, "billing", "delivered", json!(50)).await;
    assert_eq!((&there["dead_letters"], &there["gaps"]), (&json!(0), &json!(0)));
}

#[tokio::test]
async fn events_beyond_what_is_kept_in_memory_are_read_from_the_journal_in_order() {
    let receiver = Receiver::start().await;
    let daemon = host(&billing(&receiver, "")).await;
    daemon.install("a", "probe").await;
    receiver.hold(true);
    publish(&daemon, "orders.first", &json!("first")).await;
    receiver.got(1).await;
    for _ in 0..3 {
        let steps = json!([{ "publish": { "to": "orders.n", "numbered": true, "times": 900 } }]);
        assert_eq!(daemon.run("a", &steps).await.0, 200);
    }
    receiver.hold(false);
    let posted = receiver.got(2_701).await;
    let expected: Vec<_> = [json!("first")].into_iter().chain((0..3).flat_map(|_| numbers(0..900))).collect();
    assert_eq!(first_data(&posted), expected);
    // And it hears what comes after it has caught up.
    publish(&daemon, "orders.last", &json!("last")).await;
    assert_eq!(receiver.got(2_702).await[2_701].data(), "last");
}

#[tokio::test]
async fn after_kills_nothing_is_lost_and_what_comes_again_has_its_id() {
    let receiver = Receiver::start().await;
    let mut daemon = host(&billing(&receiver, "attempts = 1000")).await;
    for round in 0..8 {
        publish_all(&daemon, round * 20..round * 20 + 20).await;
        // Wherever it is by now: some are delivered, and of these some are not written down.
        daemon = daemon.killed().await;
        daemon.ready().await;
    }
    let posted = receiver.got_events(160).await;
    assert_eq!(first_data(&posted), numbers(0..160), "first arrivals are in order");
}

/// The moment of each request that posts an event with that text.
fn posts(log: &str, text: &str) -> Vec<usize> {
    let has = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    let sends =
        calls(log, 0).into_iter().filter(|call| matches!(&*call.name, "sendto" | "write" | "writev" | "sendmsg"));
    let to_receiver = sends.filter(|call| call.descriptor().is_some_and(|to| to.what.starts_with("TCP")));
    to_receiver
        .filter(|call| has(&call.bytes(1), text) && has(&call.bytes(1), "webhook-id"))
        .map(|call| call.began)
        .collect()
}

/// Neither the host nor a build of it without the output gate posts what is not on disk: webhooks have no other source.
#[tokio::test]
async fn nothing_is_posted_before_it_is_on_disk() {
    for build in [None, Some("spacehost-ungated")] {
        let receiver = Receiver::start().await;
        // The recorder wants to see a folder that a host has used before.
        let first = host(&billing(&receiver, "")).await;
        let folder = first.shared_folder();
        first.end(Signal::TERM).await;
        let mut recording = Recording::begin(&folder.path().join("data"));
        let strace = Strace::new(&folder.path().join("calls"));
        let launch = Launch { strace: Some(strace.clone()), build, ..Launch::default() };
        let daemon = Daemon::start_in(folder.clone(), &launch).await;
        daemon.ready().await;
        for number in 0..40 {
            publish(&daemon, "orders.paid", &json!(format!("marked-{number}-"))).await;
        }
        receiver.got(40).await;
        daemon.kill();
        until("the recorder is done", async || strace.is_complete(daemon.process()).then_some(())).await;
        recording.add(&strace.log);
        let log = fs::read_to_string(&strace.log).expect("a log");
        for number in 0..40 {
            let text = format!("marked-{number}-");
            let writes = |bytes: &[u8]| bytes.windows(text.len()).any(|window| window == text.as_bytes());
            let written = recording.changes().iter().find(|change| match &change.what {
                What::Write { bytes, .. } => writes(bytes),
                _ => false,
            });
            let durable = written.expect("the event is in the journal").durable;
            let posted = posts(&log, &text);
            assert!(!posted.is_empty() && posted.iter().all(|began| *began > durable), "{text}: {durable}, {posted:?}");
        }
    }
}
