//! What cannot be delivered any more is a gap, which is counted and said; and receivers that want nothing more.

use super::*;

fn audit(daemon: &Daemon, cause: &str) -> usize {
    daemon.log().lines().filter(|line| line.contains("audit") && line.contains(cause)).count()
}

#[tokio::test]
async fn a_webhook_that_is_behind_keeps_the_journal_as_far_as_it_may_and_then_has_a_gap() {
    for (backlog_bytes, keeps) in [(1_u64 << 30, true), (0, false)] {
        let receiver = Receiver::start().await;
        let journal = "[journal]\nsegment_bytes = 8_192\nretention_bytes = 0\n";
        let more = format!("attempts = 1000\nbacklog_bytes = {backlog_bytes}");
        let daemon = host(&format!("{journal}{}", billing(&receiver, &more))).await;
        receiver.hold(true);
        publish(&daemon, "orders.paid", &json!("first")).await;
        receiver.got(1).await;
        // More than its inbox takes, so that it has to read them.
        daemon.install("a", "probe").await;
        for _ in 0..2 {
            let steps = json!([{ "publish": { "to": "orders.n", "numbered": true, "times": 990 } }]);
            assert_eq!(daemon.run("a", &steps).await.0, 200);
        }
        let flood = json!([{ "publish": { "to": "other", "bytes": 7_000, "times": 10 } }]);
        let retired = async || {
            assert_eq!(daemon.run("a", &flood).await.0, 200);
            let (_, text) = get(&daemon, "/metrics").await;
            let segments = text.as_str()?.lines().find_map(|line| line.strip_prefix("spacehost_journal_segments "))?;
            let segments: u64 = segments.parse().ok()?;
            if keeps { (segments > 40).then_some(()) } else { (segments < 20).then_some(()) }
        };
        for _ in 0..40 {
            assert_eq!(daemon.run("a", &flood).await.0, 200);
        }
        until("old segments are gone, or kept", retired).await;
        receiver.hold(false);
        publish(&daemon, "orders.paid", &json!("last")).await;
        let last = async || receiver.last().filter(|one| one.data() == "last").map(|_| ());
        until("the last one has come", last).await;
        let hook = hook(&daemon, "billing").await;
        let count = first_data(&receiver.posted()).len();
        if keeps {
            assert_eq!((count, &hook["gaps"], audit(&daemon, "webhook-gap")), (1_982, &json!(0), 0));
        } else {
            assert!(count < 1_982 && hook["gaps"] == 1 && audit(&daemon, "webhook-gap") == 1, "{count} {hook}");
            assert!(hook["last_gap"]["what"].as_str().expect("what").contains("backlog_bytes"), "{hook}");
        }
    }
}

#[tokio::test]
async fn in_memory_events_are_delivered_and_what_is_too_much_is_a_gap() {
    let receiver = Receiver::start().await;
    let launch = Launch { options: vec!["--memory".into()], ..Launch::default() };
    let daemon = start(&billing(&receiver, ""), &launch).await;
    daemon.install("a", "probe").await;
    receiver.hold(true);
    publish(&daemon, "orders.paid", &json!("first")).await;
    receiver.got(1).await;
    for _ in 0..11 {
        let steps = json!([{ "publish": { "to": "orders.n", "numbered": true, "times": 950 } }]);
        assert_eq!(daemon.run("a", &steps).await.0, 200);
    }
    receiver.hold(false);
    let hook = until_hook(&daemon, "billing", "gaps", json!(1)).await;
    assert!(hook["last_gap"]["what"].as_str().expect("what").starts_with("450 events are lost"), "{hook}");
    assert_eq!(receiver.got(10_001).await.len(), 10_001);
    publish(&daemon, "orders.paid", &json!("last")).await;
    assert_eq!(receiver.got(10_002).await[10_001].data(), "last");
    assert_eq!(audit(&daemon, "webhook-gap"), 1);
}

#[tokio::test]
async fn in_memory_a_change_of_settings_loses_nothing() {
    let receiver = Receiver::start().await;
    let launch = Launch { options: vec!["--memory".into()], ..Launch::default() };
    let daemon = start(&billing(&receiver, "attempts = 1000"), &launch).await;
    receiver.answer(500);
    publish_all(&daemon, 0..3).await;
    receiver.got(1).await;
    settle(&daemon, &billing(&receiver, "attempts = 999"));
    let again = async || (daemon.log().contains("spacehost.toml has changed")).then_some(());
    until("the settings are taken up", again).await;
    receiver.answer(204);
    until_hook(&daemon, "billing", "delivered", json!(3)).await;
    assert_eq!(first_data(&receiver.posted()), numbers(0..3));
}

#[tokio::test]
async fn a_receiver_that_is_gone_gets_nothing_more_until_its_settings_change() {
    let receiver = Receiver::start().await;
    let daemon = host(&billing(&receiver, "")).await;
    receiver.answer(410);
    publish_all(&daemon, 0..3).await;
    let hook = until_hook(&daemon, "billing", "state", json!("gone")).await;
    assert!(hook["reason"].as_str().expect("why").contains("410"), "{hook}");
    assert_eq!((receiver.posted().len(), &hook["dead_letters"], audit(&daemon, "webhook-gone")), (1, &json!(0), 1));
    receiver.answer(204);
    settle(&daemon, &billing(&receiver, "timeout_ms = 9_000"));
    let posted = receiver.got(4).await;
    assert_eq!(first_data(&posted), numbers(0..3), "nothing is lost");
}

#[tokio::test]
async fn a_receiver_that_asks_for_patience_gets_it() {
    let receiver = Receiver::start().await;
    let daemon = host(&billing(&receiver, "")).await;
    receiver.answer_once(503, "2000");
    let before = std::time::UNIX_EPOCH.elapsed().expect("a time").as_millis() as u64;
    publish(&daemon, "orders.paid", &json!(1)).await;
    let hook = until_hook(&daemon, "billing", "state", json!("backing-off")).await;
    let next = hook["next_attempt_ms"].as_u64().expect("a time");
    assert!(next >= before + 2_000_000 && next < before + 3_000_000, "{next} {before}");
}
