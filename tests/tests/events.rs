//! Events: who hears which, in which order, and what listeners outside see.

use serde_json::{Value, json};
use spacehost::runtime::api::Heard;
use spacehost::words::Pattern;
use spacehost_tests::{Host, until};

fn topics(notes: &[Value]) -> Vec<&str> {
    notes.iter().filter_map(|note| note["topic"].as_str()).collect()
}

#[tokio::test]
async fn an_event_reaches_every_space_whose_pattern_means_it_and_no_other() {
    let host = Host::start();
    host.deploy("star", "probe").await;
    host.deploy("rest", "ear").await;
    host.deploy("shards", "shards").await;
    for topic in ["news.a.hot", "news.a.cold", "news.a.b.hot", "olds.a.hot", "news"] {
        host.publish(topic, json!(1));
    }
    assert_eq!(topics(&host.noted("rest", 3).await), ["news.a.hot", "news.a.cold", "news.a.b.hot"]);
    assert_eq!(topics(&host.noted("star", 1).await), ["news.a.hot"]);
    assert_eq!(topics(&host.noted("shards", 3).await).len(), 3);
}

#[tokio::test]
async fn a_space_hears_its_own_events_like_any_others() {
    let host = Host::start();
    host.deploy("a", "ear").await;
    host.run("a", json!([{ "publish": { "to": "news.self", "body": 7 } }])).await;
    assert_eq!(host.noted("a", 1).await, [json!({ "topic": "news.self", "body": 7 })]);
}

#[tokio::test]
async fn events_of_one_sender_arrive_in_the_order_published() {
    let host = Host::start();
    host.deploy("a", "probe").await;
    host.deploy("b", "ear").await;
    for _ in 0..3 {
        host.run("a", json!([{ "publish": { "to": "news.n", "numbered": true, "times": 100 } }])).await;
    }
    let heard: Vec<u64> = host.noted("b", 300).await.iter().filter_map(|note| note["body"].as_u64()).collect();
    let expected: Vec<u64> = (0..3).flat_map(|_| 0..100).collect();
    assert_eq!(heard, expected);
}

#[tokio::test]
async fn a_listener_outside_hears_what_matches_with_its_source() {
    let host = Host::start();
    host.deploy("a", "probe").await;
    let mut listener = host.runtime.listen(Pattern::parse("news.*.hot").unwrap());
    host.publish("news.x.cold", json!(0));
    host.publish("news.x.hot", json!(1));
    host.run("a", json!([{ "publish": { "to": "news.y.hot", "body": 2 } }])).await;
    for (source, body) in [("client", "1"), ("a", "2")] {
        let Some(Heard::Event(event)) = listener.next().await else { panic!("an event") };
        assert_eq!((&*event.source, &event.body[..]), (source, body.as_bytes()));
    }
}

#[tokio::test]
async fn an_event_may_start_work_that_emits_events() {
    let host = Host::start();
    host.deploy("a", "probe").await;
    host.deploy("b", "ear").await;
    host.publish("news.go.hot", json!({ "steps": [{ "add": 1 }, { "publish": { "to": "news.done" } }] }));
    until("the second event is heard", async || {
        let notes = host.notes("b").await;
        topics(&notes).contains(&"news.done").then_some(())
    })
    .await;
    assert_eq!(host.total("a").await, 1);
}
