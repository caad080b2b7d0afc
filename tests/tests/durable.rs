//! What outlives the process: state, timers, dead letters, answers under a key, outcomes, events and history.

use reqwest::{Method, Response};
use serde_json::{Value, json};
use spacehost_tests::{Daemon, GIVE_UP, json_of, until};

/// The next events of a stream, as their ids and topics; a gap shows as `gap` and its reason.
async fn next(stream: &mut Response, count: usize) -> Vec<(String, String)> {
    let mut text = String::new();
    let complete = async {
        while text.matches("\n\n").count() < count {
            let chunk = stream.chunk().await.expect("the stream goes on").expect("the stream does not end");
            text.push_str(std::str::from_utf8(&chunk).expect("text"));
        }
    };
    tokio::time::timeout(GIVE_UP, complete).await.unwrap_or_else(|_| panic!("only this: {text}"));
    text.split("\n\n").filter(|frame| frame.contains("data:")).map(frame).collect()
}

fn frame(frame: &str) -> (String, String) {
    let line = |name: &str| frame.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim();
    let data: Value = serde_json::from_str(line("data:")).expect("data is JSON");
    match line("event:") {
        "gap" => ("gap".to_owned(), data["reason"].as_str().unwrap_or_default().to_owned()),
        _ => (line("id:").to_owned(), data["type"].as_str().unwrap_or_default().to_owned()),
    }
}

async fn listen(daemon: &Daemon, last: Option<&str>) -> Response {
    let mut request = daemon.request(Method::GET, "/v1/events?pattern=news.*");
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    request.send().await.expect("a stream")
}

async fn publish(daemon: &Daemon, topic: &str) {
    let published = daemon.request(Method::POST, &format!("/v1/events/{topic}")).json(&json!(1)).send().await;
    assert_eq!(published.expect("an answer").status().as_u16(), 202);
}

async fn get(daemon: &Daemon, path: &str) -> Value {
    json_of(daemon.request(Method::GET, path).send().await.expect("an answer")).await
}

async fn killed(daemon: &Daemon) -> Daemon {
    let again = daemon.killed().await;
    again.ready().await;
    again
}

#[tokio::test]
async fn state_and_generation_outlive_the_host_and_nothing_migrates_again() {
    let daemon = Daemon::start().await;
    let before = daemon.install("a", "probe").await;
    assert_eq!(daemon.run("a", &json!([{ "add": 7 }])).await, (200, json!(7)));
    let daemon = killed(&daemon).await;
    assert_eq!(daemon.run("a", &json!([{ "add": 1 }])).await, (200, json!(8)));
    assert_eq!(daemon.space("a").await["generation"], before["generation"]);
}

#[tokio::test]
async fn the_same_key_gets_the_same_answer_from_the_next_host() {
    let daemon = Daemon::start().await;
    daemon.install("a", "probe").await;
    let ask = async |daemon: &Daemon, wait: bool| {
        let path = format!("/v1/spaces/a/commands/run?wait={wait}");
        let request = daemon.request(Method::POST, &path).header("idempotency-key", format!("k{wait}"));
        json_of(request.json(&json!([{ "add": 5 }])).send().await.expect("an answer")).await
    };
    let (waited, accepted) = (ask(&daemon, true).await, ask(&daemon, false).await);
    let outcome = format!("/v1/messages/{}", accepted["id"].as_str().expect("an id"));
    until("the command is done", async || (get(&daemon, &outcome).await["status"] == "done").then_some(())).await;
    let daemon = killed(&daemon).await;
    assert_eq!((ask(&daemon, true).await, ask(&daemon, false).await), (waited, accepted));
    assert_eq!(get(&daemon, &outcome).await["status"], "done");
    assert_eq!(daemon.run("a", &json!([{ "add": 0 }])).await, (200, json!(10)), "each was done once");
}

#[tokio::test]
async fn a_dead_letter_is_there_after_a_restart_and_can_be_retried_or_dropped() {
    let daemon = Daemon::start().await;
    daemon.install("a", "probe").await;
    for _ in 0..2 {
        let path = "/v1/spaces/a/commands/run?wait=false";
        daemon.request(Method::POST, path).json(&json!([{ "fail": "no" }])).send().await.expect("an answer");
    }
    let letters = async |daemon: &Daemon| get(daemon, "/v1/spaces/a/dead-letters").await["dead_letters"].clone();
    let ids = async |daemon: &Daemon| {
        let letters = letters(daemon).await;
        letters.as_array().expect("a list").iter().map(|letter| letter["id"].clone()).collect::<Vec<_>>()
    };
    until("both are dead letters", async || (ids(&daemon).await.len() == 2).then_some(())).await;
    let before = letters(&daemon).await;
    let daemon = killed(&daemon).await;
    assert_eq!(letters(&daemon).await, before);
    let path = |id: &Value, rest: &str| format!("/v1/spaces/a/dead-letters/{}{rest}", id.as_str().expect("an id"));
    let dead = ids(&daemon).await;
    let status =
        async |method, path: String| daemon.request(method, &path).send().await.expect("an answer").status().as_u16();
    assert_eq!(status(Method::DELETE, path(&dead[0], "")).await, 204);
    assert_eq!(status(Method::DELETE, path(&dead[0], "")).await, 404);
    let turns = daemon.space("a").await["usage"]["failures"].as_u64();
    assert_eq!(status(Method::POST, path(&dead[1], "/retry")).await, 202);
    let retried = async || (daemon.space("a").await["usage"]["failures"].as_u64() > turns).then_some(());
    until("it has been tried again", retried).await;
    until("it is a dead letter again", async || (ids(&daemon).await == dead[1..]).then_some(())).await;
    let daemon = killed(&daemon).await;
    assert_eq!(ids(&daemon).await, dead[1..]);
}

#[tokio::test]
async fn a_listener_that_comes_back_hears_all_that_it_missed_across_a_restart() {
    let daemon = Daemon::start().await;
    let mut stream = listen(&daemon, None).await;
    publish(&daemon, "news.a").await;
    let heard = next(&mut stream, 1).await;
    for topic in ["news.b", "other.c", "news.d"] {
        publish(&daemon, topic).await;
    }
    let daemon = killed(&daemon).await;
    let mut stream = listen(&daemon, Some(&heard[0].0)).await;
    publish(&daemon, "news.e").await;
    let topics: Vec<_> = next(&mut stream, 3).await.into_iter().map(|(_, topic)| topic).collect();
    assert_eq!(topics, ["news.b", "news.d", "news.e"]);
}

#[tokio::test]
async fn a_listener_with_an_id_of_another_host_is_told_of_a_gap_and_hears_what_comes() {
    let daemon = Daemon::start().await;
    let mut stream = listen(&daemon, Some("elsewhere-1-0")).await;
    publish(&daemon, "news.a").await;
    let heard = next(&mut stream, 2).await;
    assert_eq!((heard[0].0.as_str(), heard[1].1.as_str()), ("gap", "news.a"), "{heard:?}");
}

#[tokio::test]
async fn the_history_of_a_space_shows_its_turns_and_how_they_ended() {
    let daemon = Daemon::start().await;
    daemon.install("a", "probe").await;
    daemon.run("a", &json!([{ "add": 1 }])).await;
    daemon.run("a", &json!([{ "fail": "sold-out" }])).await;
    let path = "/v1/spaces/a/commands/run?wait=false";
    daemon.request(Method::POST, path).json(&json!([{ "add": 1 }])).send().await.expect("an answer");
    let turns = async |daemon: &Daemon| get(daemon, "/v1/spaces/a/history?last=3").await["turns"].clone();
    let all = async || (turns(&daemon).await.as_array().expect("a list").len() == 3).then_some(());
    until("the last turn is on disk", all).await;
    let daemon = killed(&daemon).await;
    let turns = turns(&daemon).await;
    let seen = |index: usize| (turns[index]["name"].clone(), turns[index]["failure"]["code"].clone());
    assert_eq!(
        [seen(0), seen(1), seen(2)],
        [(json!("run"), Value::Null), (json!("run"), json!("sold-out")), (json!("run"), Value::Null),]
    );
    assert_eq!((&turns[2]["source"], &turns[2]["writes"]), (&json!("client"), &json!(1)));
}

#[tokio::test]
async fn a_second_host_in_the_same_data_folder_is_refused() {
    let daemon = Daemon::start().await;
    let said = daemon.second_host().await;
    assert!(said.contains("is in use by process"), "{said}");
    assert_eq!(daemon.anonymous(Method::GET, "/healthz").send().await.expect("an answer").status().as_u16(), 200);
}
