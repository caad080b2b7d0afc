//! Timers: once, again and again, replaced, cancelled, and missed.

use serde_json::{Value, json};
use spacehost_tests::{Host, limits, until};

async fn one(guest: &str) -> Host {
    let host = Host::start();
    host.deploy("a", guest).await;
    host
}

fn fired(notes: &[Value]) -> Vec<&Value> {
    notes.iter().filter(|note| note.get("timer").is_some()).map(|note| &note["body"]).collect()
}

#[tokio::test]
async fn a_timer_fires_once_with_its_body_and_as_the_timer() {
    for guest in ["probe", "ear"] {
        let host = one(guest).await;
        let body = json!({ "steps": ["note-attempt", { "note": "fired" }] });
        host.run("a", json!([{ "timer": { "name": "tick/4711", "after_ms": 1, "body": body } }])).await;
        let notes = host.noted("a", 3).await;
        assert_eq!(notes[0]["timer"], "tick/4711");
        assert_eq!(notes[1..], [json!(1), json!("fired")]);
        until("no timer is left", async || (host.usage("a").timers == 0).then_some(())).await;
    }
}

#[tokio::test]
async fn an_interval_goes_on_until_it_is_cancelled() {
    let host = one("probe").await;
    host.run("a", json!([{ "timer": { "name": "tick", "every_ms": 10 } }])).await;
    host.noted("a", 5).await;
    host.run("a", json!([{ "cancel": "tick" }])).await;
    let before = host.notes("a").await.len();
    until("no timer is left", async || (host.usage("a").timers == 0).then_some(())).await;
    // A timer set after the cancellation, with a longer delay than the period, tells that time has passed.
    host.run("a", json!([{ "timer": { "name": "tick/last", "after_ms": 50 } }])).await;
    assert_eq!(host.noted("a", before + 1).await.len(), before + 1);
}

#[tokio::test]
async fn setting_a_timer_again_replaces_it() {
    let host = one("probe").await;
    host.run("a", json!([{ "timer": { "name": "tick", "after_ms": 3_600_000, "body": "first" } }])).await;
    host.run("a", json!([{ "timer": { "name": "tick", "after_ms": 1, "body": "second" } }])).await;
    assert_eq!(fired(&host.noted("a", 1).await), ["second"]);
    until("no timer is left", async || (host.usage("a").timers == 0).then_some(())).await;
}

#[tokio::test]
async fn timers_fire_in_the_order_in_which_they_are_due() {
    let host = one("probe").await;
    let set = |name: &str, after: u64| json!({ "timer": { "name": name, "after_ms": after, "body": name } });
    host.run("a", json!([set("tick/c", 60), set("tick/a", 20), set("tick/b", 40)])).await;
    assert_eq!(fired(&host.noted("a", 3).await), ["tick/a", "tick/b", "tick/c"]);
}

#[tokio::test]
async fn a_timer_that_sets_itself_again_at_once_does_not_shut_messages_out() {
    let host = one("probe").await;
    let now = |steps: Value| json!({ "timer": { "name": "tick", "after_ms": 0, "body": { "steps": steps } } });
    let chain = (0..10).fold(now(json!([])), |next, _| now(json!([next])));
    // The first timer and the message wait from the same moment on.
    host.run("a", json!([chain, { "send": { "to": "a/run", "body": [{ "note": "handled" }] } }])).await;
    let notes = host.noted("a", 12).await;
    assert_eq!(notes.iter().position(|note| *note == "handled"), Some(1), "{notes:?}");
}

#[tokio::test]
async fn firings_missed_while_the_space_did_not_run_collapse_into_one() {
    let host = one("probe").await;
    host.deploy("clock", "probe").await;
    host.run("a", json!([{ "timer": { "name": "tick", "every_ms": 300 } }])).await;
    host.noted("a", 1).await;
    host.runtime.stop(&"a".parse().unwrap()).await.unwrap();
    // Another space's timer tells that several periods have passed.
    host.run("clock", json!([{ "timer": { "name": "tick", "after_ms": 1_500 } }])).await;
    host.noted("clock", 1).await;
    // It waits for the space to run again, and comes after the firing that is due.
    host.publish("news.x.hot", json!({ "steps": [{ "cancel": "tick" }, { "note": "end" }] }));
    host.runtime.resume(&"a".parse().unwrap()).await.unwrap();
    let ended = async || Some(host.notes("a").await).filter(|notes| notes.contains(&json!("end")));
    let notes = until("the interval is cancelled", ended).await;
    assert!(fired(&notes).len() <= 3, "one before, one when it ran again, and none for each period: {notes:?}");
}

#[tokio::test]
async fn a_firing_starts_a_new_chain_of_hops() {
    let host = Host::start();
    host.deploy_with("a", "probe", limits(|limits| limits.hops = 2)).await.unwrap();
    host.deploy("b", "probe").await;
    // Each firing sets the next one: a chain longer than the limit on hops, were it counted on.
    let chain = json!({ "steps": [{ "send": { "to": "b/run", "body": [{ "add": 1 }] } }] });
    host.run("a", json!([{ "timer": { "name": "tick", "every_ms": 10, "body": chain } }])).await;
    until("many firings", async || (host.total("b").await >= 10).then_some(())).await;
    assert!(host.dead_letters("a").is_empty());
}

#[tokio::test]
async fn timers_are_counted() {
    let host = Host::start();
    host.deploy_with("a", "probe", limits(|limits| limits.timers = 2)).await.unwrap();
    let set = |name: &str| json!({ "timer": { "name": name, "after_ms": 3_600_000 } });
    assert_eq!(host.failure("a", json!([set("tick/a"), set("tick/b"), set("tick/c")])).await.code, "too-many-timers");
    host.run("a", json!([set("tick/a"), set("tick/b")])).await;
    host.run("a", json!([set("tick/a"), set("tick/b")])).await;
    assert_eq!(host.failure("a", json!([set("tick/c")])).await.code, "too-many-timers");
    until("both are counted", async || (host.usage("a").timers == 2).then_some(())).await;
}
