//! Flow control: full mailboxes, congestion that passes, rings, loops, and subscribers that cannot keep up.

use serde_json::{Value, json};
use spacehost::runtime::api::{Refusal, SpaceState};
use spacehost::words::SpaceSettings;
use spacehost_tests::{Host, limits, until};

fn backlog(messages: u64) -> SpaceSettings {
    limits(|limits| limits.backlog_messages = messages)
}

async fn stop(host: &Host, name: &str) {
    host.runtime.stop(&name.parse().unwrap()).await.unwrap();
}

async fn resume(host: &Host, name: &str) {
    host.runtime.resume(&name.parse().unwrap()).await.unwrap();
}

#[tokio::test]
async fn clients_are_refused_at_four_fifths_and_spaces_at_the_whole() {
    let host = Host::start();
    host.deploy("a", "probe").await;
    host.deploy_with("b", "probe", backlog(10)).await.unwrap();
    host.deploy("c", "probe").await;
    // `b` waits for `c`, which is busy; so what comes meanwhile fills the mailbox of `b`.
    host.send("b", json!([{ "request": { "to": "c/run", "body": [{ "spin": 400_000_000 }], "catch": true } }]))
        .unwrap();
    until("`b` is occupied", async || (host.usage("c").backlog_messages == 1).then_some(())).await;
    for _ in 0..7 {
        host.send("b", json!([])).unwrap();
    }
    assert!(matches!(host.send("b", json!([])), Err(Refusal::Overloaded(_))), "8 of 10 are taken");
    assert!(matches!(host.try_run("b", json!([])).await, Err(Refusal::Overloaded(_))));
    let two = json!([{ "send": { "to": "b/run", "body": [], "times": 2 } }]);
    host.run("a", two.clone()).await;
    let one_in_place_of_its_own = json!([{ "send": { "to": "b/run", "body": [] } }]);
    host.run("a", one_in_place_of_its_own).await;
    assert_eq!(host.failure("a", two).await.code, "overloaded");
    assert!(host.settled("b").await.is_empty());
}

#[tokio::test]
async fn congestion_passes_and_in_the_end_everything_has_arrived_once() {
    let host = Host::start();
    host.deploy("a", "probe").await;
    host.deploy_with("b", "ear", backlog(20)).await.unwrap();
    for n in 0..100 {
        let script = json!([{ "add": 1 }, { "send": { "to": "b/run", "body": [{ "note": n }, { "spin": 20_000 }], "times": 5 } }]);
        host.send_as(1, "a", script).unwrap();
    }
    assert!(host.settled("a").await.is_empty(), "`overloaded` does not count as an attempt");
    assert!(host.settled("b").await.is_empty());
    assert_eq!(host.total("a").await, 100);
    let numbers: Vec<u64> = host.notes("b").await.iter().filter_map(Value::as_u64).collect();
    let expected: Vec<u64> = (0..100).flat_map(|n| [n; 5]).collect();
    assert_eq!(numbers, expected);
}

#[tokio::test]
async fn congestion_that_does_not_pass_is_a_dead_letter_after_its_deadline() {
    let host = Host::start();
    host.deploy_with("a", "probe", limits(|limits| limits.congestion_ms = 50)).await.unwrap();
    host.deploy_with("b", "probe", backlog(2)).await.unwrap();
    stop(&host, "b").await;
    host.send("a", json!([{ "send": { "to": "b/run", "body": [], "times": 9 } }])).unwrap();
    let letters = host.settled("a").await;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].failure.code, "overloaded");
    assert_eq!(host.usage("b").backlog_messages, 0, "nothing of the turn was sent");
}

/// Twelve tokens go round 300 times each, through spaces that have room for five messages.
async fn tokens_go_round(host: Host, spaces: &[&str]) {
    let tight = limits(|limits| (limits.backlog_messages, limits.hops) = (5, 10_000));
    for name in spaces {
        host.deploy_with(name, "probe", tight.clone()).await.unwrap();
    }
    let ring = json!([{ "add": 1 }, { "ring": { "spaces": spaces, "left": 299 } }]);
    for name in spaces.iter().cycle().take(12) {
        // The first tokens are already on their way round and take up room.
        until("room for a token", async || host.send(name, ring.clone()).ok()).await;
    }
    let turns = || spaces.iter().map(|name| host.usage(name).turns).sum::<u64>();
    until("all tokens have gone round", async || (turns() == 12 * 300).then_some(())).await;
    let mut total = 0;
    for name in spaces {
        total += host.total(name).await;
    }
    assert_eq!(total, 12 * 300);
    assert!(spaces.iter().all(|name| host.dead_letters(name).is_empty()), "no innocent message is set aside");
}

#[tokio::test]
async fn a_ring_that_replaces_what_it_consumes_does_not_block_itself() {
    tokens_go_round(Host::start(), &["a", "b", "c"]).await;
    tokens_go_round(Host::durable(), &["a", "b", "c"]).await;
}

#[tokio::test]
async fn a_space_that_sends_to_itself_does_not_block_itself() {
    tokens_go_round(Host::start(), &["a"]).await;
    tokens_go_round(Host::durable(), &["a"]).await;
}

#[tokio::test]
async fn a_loop_of_messages_ends_at_the_hops_limit() {
    let host = Host::start();
    host.deploy("a", "probe").await;
    host.deploy("b", "probe").await;
    host.send("a", json!([{ "add": 1 }, { "ring": { "spaces": ["a", "b"], "left": 1_000 } }])).unwrap();
    let letter = async || host.dead_letters("a").into_iter().chain(host.dead_letters("b")).next();
    let letter = until("the loop is broken", letter).await;
    assert_eq!(letter.failure.code, "hops");
    assert_eq!(host.total("a").await + host.total("b").await, 32, "the client's message and 31 more");
}

#[tokio::test]
async fn a_subscriber_that_cannot_keep_up_is_cut_off_and_the_publisher_does_not_notice() {
    let host = Host::start();
    host.deploy("a", "probe").await;
    host.deploy_with("slow", "ear", backlog(10)).await.unwrap();
    host.deploy("good", "ear").await;
    stop(&host, "slow").await;
    host.run("a", json!([{ "publish": { "to": "news.n", "numbered": true, "times": 100 } }])).await;
    assert_eq!(host.noted("good", 100).await.len(), 100);
    assert_eq!(host.usage("slow").missed_events, 90);
    assert!(host.log("slow").contains("cut off"), "{}", host.log("slow"));
    resume(&host, "slow").await;
    host.settled("slow").await;
    host.publish("news.n", json!("again"));
    let notes = host.noted("slow", 11).await;
    assert_eq!(notes.last().unwrap()["body"], "again", "with room it goes on");
    assert_eq!(host.usage("slow").missed_events, 90);
    assert!(host.log("slow").contains("90 events are lost to it"), "{}", host.log("slow"));
    assert_eq!(host.status("slow").state, SpaceState::Running);
}
