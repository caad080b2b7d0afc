//! Faults of the host itself, which a test build has on request: they end a turn, or a space, and nothing else.

use reqwest::Method;
use serde_json::{Value, json};
use spacehost_tests::{Daemon, Launch, until};

async fn faulty() -> Daemon {
    let launch = Launch { build: Some("spacehost-faulty"), ..Launch::default() };
    let daemon = Daemon::start_in(Daemon::new_folder(), &launch).await;
    daemon.ready().await;
    for (name, guest) in [("waits", "probe"), ("never-waits", "ear"), ("good", "probe")] {
        daemon.install(name, guest).await;
    }
    daemon
}

async fn add(daemon: &Daemon, name: &str) -> (u16, Value) {
    daemon.run(name, &json!([{ "add": 1 }])).await
}

#[tokio::test]
async fn a_panic_in_a_host_function_ends_the_turn_and_nothing_else() {
    let daemon = faulty().await;
    for name in ["waits", "never-waits"] {
        assert_eq!(add(&daemon, name).await, (200, json!(1)));
        let (status, said) = daemon.run(name, &json!([{ "add": 1 }, { "say": "a fault in a host call" }])).await;
        assert_eq!(status, 500, "{said}");
        assert!(said.to_string().contains("the host panicked"), "{said}");
        assert_eq!(add(&daemon, name).await, (200, json!(2)), "it serves on, and the turn had no effect");
        assert_eq!(add(&daemon, "good").await.0, 200);
    }
}

#[tokio::test]
async fn a_panic_while_a_turn_commits_quarantines_the_space_and_nothing_else() {
    let daemon = faulty().await;
    assert_eq!(add(&daemon, "waits").await, (200, json!(1)));
    daemon.run("waits", &json!([{ "add": 1 }, { "say": "a fault in a commit" }])).await;
    let quarantined = async || Some(daemon.space("waits").await).filter(|space| space["state"] == "quarantined");
    let space = until("the space is in quarantine", quarantined).await;
    assert!(space["reason"].as_str().unwrap().contains("restart the host"), "{space}");
    assert_eq!(add(&daemon, "good").await, (200, json!(1)));
    // The order is obeyed as far as it can be, and whoever gave it gets an answer.
    daemon.request(Method::POST, "/v1/spaces/waits/start").send().await.unwrap();
    until("it stays there", quarantined).await;
    daemon.kill();
    let daemon = daemon.again(&[]).await;
    daemon.ready().await;
    assert_eq!(add(&daemon, "waits").await, (200, json!(2)), "what was on disk is whole");
}
