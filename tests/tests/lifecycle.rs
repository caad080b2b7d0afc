//! `start` and `migrate`: what each may do.

use serde_json::{Value, json};
use spacehost::words::SpaceSettings;
use spacehost_tests::{Host, granting_all};

fn start(script: Value) -> SpaceSettings {
    SpaceSettings { config: json!({ "start": script }).as_object().cloned().unwrap(), ..granting_all() }
}

#[tokio::test]
async fn start_may_only_read() {
    let host = Host::start();
    host.deploy("b", "ear").await;
    let writes = [
        json!({ "add": 1 }),
        json!({ "publish": { "to": "news.a" } }),
        json!({ "send": { "to": "b/run", "body": [] } }),
        json!({ "timer": { "name": "tick", "after_ms": 1 } }),
        json!({ "cancel": "tick" }),
    ];
    for write in writes {
        let error = host.deploy_with("a", "one", start(json!([write]))).await.unwrap_err().to_string();
        assert!(error.contains("`start` failed: not-in-turn"), "{write}: {error}");
    }
    host.deploy_with("a", "one", start(json!(["notes", "count", "context", { "log": 1 }]))).await.unwrap();
}

#[tokio::test]
async fn start_runs_for_every_fresh_instance() {
    let host = Host::start();
    host.deploy_with("a", "one", start(json!([{ "log": 1 }]))).await.unwrap();
    host.try_run("a", json!(["trap"])).await.unwrap_err();
    assert_eq!(host.total("a").await, 0);
    let starts = host.log("a").lines().filter(|line| *line == "line 0").count();
    assert_eq!(starts, 2, "{}", host.log("a"));
}

#[tokio::test]
async fn migrate_may_do_what_a_turn_may() {
    let host = Host::start();
    host.deploy("b", "ear").await;
    let script =
        json!([{ "add": 3 }, { "publish": { "to": "news.a" } }, { "send": { "to": "b/run", "body": [{ "add": 1 }] } }]);
    let config = json!({ "migrate": script }).as_object().cloned().unwrap();
    host.deploy_with("a", "one", SpaceSettings { config, ..granting_all() }).await.unwrap();
    assert_eq!(host.total("a").await, 3);
    host.noted("b", 1).await;
    assert_eq!(host.total("b").await, 1);
}

#[tokio::test]
async fn a_space_reads_the_settings_that_came_with_it() {
    let host = Host::start();
    let config = json!({ "start": "no list" }).as_object().cloned().unwrap();
    let settings = SpaceSettings { config, ..granting_all() };
    let error = host.deploy_with("a", "one", settings).await.unwrap_err().to_string();
    assert!(error.contains("bad-config") && error.contains("start"), "{error}");
}
