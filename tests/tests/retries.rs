//! One-way messages: retries, what the attempts share, dead letters, and who is held back meanwhile.

use serde_json::{Value, json};
use spacehost::runtime::api::SpaceState;
use spacehost_tests::{Host, fast_retries, limits, until};

async fn host_with_fast_retries() -> Host {
    let host = Host::start();
    host.deploy_with("a", "probe", fast_retries()).await.unwrap();
    host.deploy("b", "ear").await;
    host
}

#[tokio::test]
async fn a_passing_failure_is_tried_again_until_it_succeeds() {
    let host = host_with_fast_retries().await;
    let script = json!([{ "first": { "attempts": 3, "steps": [{ "add": 100 }, { "retry": "busy" }] } }, { "add": 1 }]);
    host.send("a", script).unwrap();
    assert!(host.settled("a").await.is_empty());
    assert_eq!(host.total("a").await, 1);
    assert_eq!(host.usage("a").retries, 3);
}

#[tokio::test]
async fn a_message_that_never_succeeds_is_a_dead_letter_after_its_last_attempt() {
    let host = host_with_fast_retries().await;
    for last in [json!({ "retry": "busy" }), json!("trap")] {
        let before = host.dead_letters("a").len();
        host.send("a", json!([{ "add": 1 }, last])).unwrap();
        let letters = host.settled("a").await;
        assert_eq!(letters.len(), before + 1);
        let letter = letters.last().unwrap();
        assert_eq!((letter.attempts, letter.kind, &*letter.name), (5, "command", "run"));
        assert!(letter.body.starts_with(b"[{\"add\":1}"), "it is kept whole");
    }
    assert_eq!(host.total("a").await, 0);
}

#[tokio::test]
async fn a_final_failure_is_a_dead_letter_at_once() {
    let host = host_with_fast_retries().await;
    host.send("a", json!([{ "fail": "no-such-order" }])).unwrap();
    let letters = host.settled("a").await;
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].failure.code.as_ref(), letters[0].attempts), ("no-such-order", 1));
    assert_eq!(host.usage("a").retries, 0);
}

#[tokio::test]
async fn events_and_timers_are_tried_again_like_commands() {
    let host = host_with_fast_retries().await;
    let steps = json!({ "steps": [{ "first": { "attempts": 2, "steps": [{ "retry": "busy" }] } }, { "add": 1 }] });
    host.publish("news.x.hot", steps.clone());
    assert!(host.settled("a").await.is_empty());
    host.run("a", json!([{ "timer": { "name": "tick", "after_ms": 0, "body": steps } }])).await;
    until("both have succeeded", async || (host.total("a").await == 2).then_some(())).await;
    assert_eq!(host.usage("a").retries, 4);
}

#[tokio::test]
async fn all_attempts_see_the_same_id_time_and_random_numbers_but_their_own_attempt() {
    let host = host_with_fast_retries().await;
    // A log line stays when its turn fails.
    let attempts = json!([
        { "first": { "attempts": 3, "steps": ["log-context", { "retry": "busy" }] } },
        "log-context",
    ]);
    host.send("a", attempts).unwrap();
    assert!(host.settled("a").await.is_empty());
    let log = host.log("a");
    let mut seen: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert_eq!(seen.iter().map(|context| context["attempt"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2, 3, 4]);
    seen.iter_mut().for_each(|context| context["attempt"] = Value::Null);
    assert!(seen.windows(2).all(|two| two[0] == two[1]), "{log}");
}

#[tokio::test]
async fn a_message_in_back_off_holds_back_only_its_own_sender() {
    let host = Host::start();
    // Long enough that whatever is handled at all is handled before the second attempt.
    let slow = limits(|limits| (limits.retry_first_ms, limits.retry_most_ms) = (1_500, 1_500));
    host.deploy_with("a", "probe", slow).await.unwrap();
    host.send_as(1, "a", json!([{ "first": { "attempts": 1, "steps": [{ "retry": "busy" }] } }, { "note": "one" }]))
        .unwrap();
    host.send_as(1, "a", json!([{ "note": "one, later" }])).unwrap();
    for _ in 0..50 {
        host.send_as(2, "a", json!([{ "note": "two" }])).unwrap();
    }
    let notes = host.noted("a", 52).await;
    assert_eq!(notes[..50], vec![json!("two"); 50]);
    assert_eq!(notes[50..], [json!("one"), json!("one, later")]);
}

#[tokio::test]
async fn a_full_dead_letter_table_stops_the_space_and_says_so() {
    let host = Host::start();
    host.deploy_with("a", "probe", limits(|limits| limits.dead_letters = 2)).await.unwrap();
    for _ in 0..2 {
        host.send("a", json!([{ "fail": "no" }])).unwrap();
    }
    until("it is blocked", async || (host.status("a").state == SpaceState::Blocked).then_some(())).await;
    assert!(host.status("a").reason.contains("dead_letters"), "{}", host.status("a").reason);
    assert_eq!(host.dead_letters("a").len(), 2);
    let refusal = host.try_run("a", json!([])).await.unwrap_err();
    assert_eq!(refusal.to_string(), "space `a` is blocked: it takes no messages now");
}

#[tokio::test]
async fn two_messages_that_keep_trapping_do_not_stop_the_others() {
    let host = Host::start();
    let slow = limits(|limits| (limits.retry_first_ms, limits.retry_most_ms) = (20, 20));
    host.deploy_with("a", "probe", slow).await.unwrap();
    for _ in 0..2 {
        host.send("a", json!(["trap"])).unwrap();
    }
    for n in 0..20 {
        host.send("a", json!([{ "note": n }])).unwrap();
    }
    assert_eq!(host.settled("a").await.len(), 2);
    assert_eq!(host.notes("a").await.len(), 20);
    assert_eq!(host.status("a").state, SpaceState::Running);
}
