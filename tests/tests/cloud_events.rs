//! CloudEvents in and out, over HTTP.

use reqwest::{Method, Response};
use serde_json::{Value, json};
use spacehost_tests::{Daemon, json_of};

fn event(id: &str, data: Value) -> Value {
    json!({
        "specversion": "1.0", "id": id, "source": "/till/3", "type": "news.sold", "subject": "tea", "time": "2026-01-02T03:04:05+01:00",
        "colour": "red", "data": data,
    })
}

async fn send(daemon: &Daemon, path: &str, event: &Value) -> Response {
    let request = daemon.request(Method::POST, path).header("content-type", "application/cloudevents+json");
    request.body(event.to_string()).send().await.unwrap()
}

/// The documents of the first so many events that are heard.
async fn heard(mut stream: Response, count: usize) -> Vec<Value> {
    let mut text = String::new();
    loop {
        let events: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("data:")).collect();
        if events.len() >= count && text.ends_with("\n\n") {
            return events.into_iter().map(|json| serde_json::from_str(json).unwrap()).collect();
        }
        let piece = stream.chunk().await.unwrap().expect("the stream goes on");
        text.push_str(std::str::from_utf8(&piece).unwrap());
    }
}

#[tokio::test]
async fn both_forms_are_the_same_event_for_spaces_and_for_listeners() {
    let daemon = Daemon::start().await;
    daemon.install("a", "ear").await;
    let stream = daemon.request(Method::GET, "/v1/events?pattern=news.>").send().await.unwrap();
    assert_eq!(send(&daemon, "/v1/events", &event("1", json!({"cents": 3}))).await.status().as_u16(), 202);
    let binary = daemon.request(Method::POST, "/v1/events/news.sold").body(r#"{"cents":3}"#);
    let binary = binary.header("ce-specversion", "1.0").header("ce-id", "2").header("ce-source", "/till/3");
    let binary = binary.header("ce-type", "news.sold").header("ce-subject", "tea").header("ce-colour", "red");
    let binary = binary.header("ce-time", "2026-01-02T03:04:05+01:00");
    assert_eq!(binary.send().await.unwrap().status().as_u16(), 202);
    assert_eq!(daemon.noted("a", 2).await, vec![json!({ "topic": "news.sold", "body": { "cents": 3 } }); 2]);
    for (id, mut given) in ["1", "2"].into_iter().zip(heard(stream, 2).await) {
        assert_eq!(given["datacontenttype"].take(), "application/json");
        given.as_object_mut().unwrap().remove("datacontenttype");
        assert_eq!(given, event(id, json!({"cents": 3})));
    }
}

#[tokio::test]
async fn source_and_id_make_an_event_the_same_one_also_after_a_crash() {
    let daemon = Daemon::start().await;
    daemon.install("a", "ear").await;
    let first = json_of(send(&daemon, "/v1/events", &event("1", json!(1))).await).await;
    assert_eq!(json_of(send(&daemon, "/v1/events", &event("1", json!(1))).await).await, first);
    let daemon = daemon.killed().await;
    daemon.ready().await;
    assert_eq!(json_of(send(&daemon, "/v1/events/news.sold", &event("1", json!(1))).await).await, first);
    let other = send(&daemon, "/v1/events", &event("1", json!(2))).await;
    assert_eq!(json_of(other).await["type"], "urn:spacehost:key-reused");
    assert_eq!(send(&daemon, "/v1/events", &event("2", json!(2))).await.status().as_u16(), 202);
    let bodies: Vec<_> = daemon.noted("a", 2).await.into_iter().map(|mut note| note["body"].take()).collect();
    assert_eq!(bodies, [json!(1), json!(2)]);
}

#[tokio::test]
async fn what_is_no_event_is_told_what_is_wrong_and_publishes_nothing() {
    let daemon = Daemon::start().await;
    daemon.install("a", "ear").await;
    for (member, value, says) in [
        ("specversion", json!("0.3"), "`specversion` is `0.3`"),
        ("id", Value::Null, "`id` is missing"),
        ("source", json!(""), "`source` is ``"),
        ("type", json!("other"), "`other`"),
        ("time", json!("noon"), "`time` is `noon`"),
        ("data_base64", json!("AA=="), "both `data` and `data_base64`"),
    ] {
        let mut wrong = event("1", json!(1));
        wrong[member] = value;
        let problem = json_of(send(&daemon, "/v1/events/news.sold", &wrong).await).await;
        assert_eq!((&problem["type"], &problem["status"]), (&json!("urn:spacehost:bad-cloud-event"), &json!(400)));
        assert!(problem["detail"].as_str().unwrap().contains(says), "{problem}");
    }
    let batch = daemon.request(Method::POST, "/v1/events").header("content-type", "application/cloudevents-batch+json");
    assert_eq!(batch.body("[]").send().await.unwrap().status().as_u16(), 415);
    let bare = daemon.request(Method::POST, "/v1/events").json(&json!(1)).send().await.unwrap();
    assert_eq!(bare.status().as_u16(), 400);
    assert_eq!(daemon.noted("a", 0).await, [] as [Value; 0]);
}
