//! Traces: what a real receiver of OTLP gets of a message on its way through the host.

use reqwest::{Method, Response};
use rustix::process::Signal;
use serde_json::{Value, json};
use spacehost_tests::{Collector, Daemon, Launch, Received, free_port, until};

const PARENT: &str = "00f067aa0ba902b7";

/// A client's trace of that number.
fn trace(number: u8) -> String {
    format!("4bf92f3577b34da6a3ce929d0e0e47{number:02x}")
}

fn traceparent(number: u8, flags: &str) -> String {
    format!("00-{}-{PARENT}-{flags}", trace(number))
}

fn settings(collector: &Collector, sample: f64) -> String {
    format!("[telemetry.traces]\nendpoint = \"{}\"\nsample = {sample}\n", collector.endpoint())
}

/// A host that sends that share of its traces to the collector, with `a` and `b` in it.
async fn traced(collector: &Collector, sample: f64) -> Daemon {
    let daemon = Daemon::start_with(&settings(collector, sample)).await;
    for space in ["a", "b"] {
        daemon.install(space, "probe").await;
    }
    daemon
}

/// Runs a script as a command in a client's trace.
async fn run_in(daemon: &Daemon, space: &str, traceparent: &str, script: Value) -> Response {
    post_in(daemon, &format!("/v1/spaces/{space}/commands/run"), traceparent, script).await
}

async fn post_in(daemon: &Daemon, path: &str, traceparent: &str, body: Value) -> Response {
    let request = daemon.request(Method::POST, path).header("traceparent", traceparent).json(&body);
    request.send().await.expect("an answer")
}

/// The one span for which all these hold.
fn one<'a>(spans: &'a [Received], name: &str, attributes: &[(&str, &str)]) -> &'a Received {
    let fits = |span: &&Received| span.name == name && attributes.iter().all(|(name, value)| span.is(name, value));
    let found: Vec<_> = spans.iter().filter(fits).collect();
    let [span] = found[..] else { panic!("{} spans are {name} with {attributes:?} in {spans:#?}", found.len()) };
    span
}

#[tokio::test]
async fn one_trace_follows_a_command_through_requests_sends_and_events() {
    let collector = Collector::start().await;
    let daemon = traced(&collector, 0.0).await;
    let script = json!([
        { "say": "first" }, { "request": { "to": "b/run", "body": [{ "say": "asked" }] } }, { "say": "second" },
        { "send": { "to": "b/run", "body": [{ "note": "sent" }] } },
        { "publish": { "to": "news.x.hot", "body": { "steps": [{ "note": "heard" }] } } },
    ]);
    assert_eq!(run_in(&daemon, "a", &traceparent(1, "01"), script).await.status(), 200);
    let spans = collector.trace(&trace(1), 6).await;
    assert_eq!(spans.len(), 6, "{spans:#?}");

    let http = one(&spans, "POST /v1/spaces/{space}/commands/{command}", &[("http.response.status_code", "200")]);
    assert_eq!((http.parent.as_str(), http.kind.as_str()), (PARENT, "SPAN_KIND_SERVER"));
    assert!(http.is("http.request.method", "POST") && http.is("url.path", "/v1/spaces/a/commands/run"), "{http:?}");
    assert_eq!((&*http.resource["service.name"], http.status.as_str()), ("spacehost", "STATUS_CODE_UNSET"));

    let turn = one(&spans, "a/run", &[("spacehost.space", "a"), ("spacehost.attempt", "1")]);
    assert_eq!((&turn.parent, turn.kind.as_str()), (&http.id, "SPAN_KIND_SERVER"));
    let wanted = [("partition", "0"), ("generation", "1"), ("message.kind", "command"), ("message.name", "run")];
    assert!(wanted.iter().all(|(name, value)| turn.is(&format!("spacehost.{name}"), value)), "{turn:?}");
    assert!(turn.is("spacehost.message.source", "client") && turn.attributes.contains_key("spacehost.message.id"));
    assert_eq!(turn.lines(), ["first", "second"]);
    assert_eq!(turn.events[0]["log.severity"], "info");
    assert!(http.begun <= turn.begun && turn.begun <= turn.ended && turn.ended <= http.ended, "{http:?} {turn:?}");

    let asked = spans.iter().find(|span| span.lines() == ["asked"]).expect("the request's turn");
    assert_eq!((asked.name.as_str(), asked.kind.as_str(), &asked.parent), ("b/run", "SPAN_KIND_SERVER", &turn.id));
    assert!(turn.begun <= asked.begun && asked.ended <= turn.ended, "{turn:?} {asked:?}");
    let sent = spans.iter().find(|span| span.name == "b/run" && span.id != asked.id).expect("the command's turn");
    assert_eq!((sent.kind.as_str(), &sent.parent), ("SPAN_KIND_CONSUMER", &turn.id));
    for space in ["a", "b"] {
        let heard = one(&spans, &format!("{space} event"), &[("spacehost.message.name", "news.x.hot")]);
        assert_eq!((&heard.parent, heard.kind.as_str()), (&turn.id, "SPAN_KIND_CONSUMER"));
        assert!(heard.is("spacehost.message.source", "a"), "{heard:?}");
    }
    let ids: std::collections::BTreeSet<_> = spans.iter().map(|span| &span.id).collect();
    assert_eq!(ids.len(), 6);
}

#[tokio::test]
async fn each_attempt_is_a_span_and_the_failed_one_says_why() {
    let collector = Collector::start().await;
    let daemon = traced(&collector, 0.0).await;
    let path = "/v1/spaces/a/commands/run?wait=false";
    let script = json!([{ "say": "again" }, { "first": { "attempts": 1, "steps": [{ "retry": "later" }] } }]);
    assert_eq!(post_in(&daemon, path, &traceparent(1, "01"), script).await.status(), 202);
    let spans = collector.trace(&trace(1), 3).await;
    let http = one(&spans, "POST /v1/spaces/{space}/commands/{command}", &[("http.response.status_code", "202")]);
    let first = one(&spans, "a/run", &[("spacehost.attempt", "1"), ("error.type", "later")]);
    assert_eq!((first.status.as_str(), first.message.as_str()), ("STATUS_CODE_ERROR", "as the script says"));
    let second = one(&spans, "a/run", &[("spacehost.attempt", "2")]);
    assert_eq!((second.status.as_str(), second.attributes.get("error.type")), ("STATUS_CODE_UNSET", None));
    assert!([first, second].iter().all(|span| span.parent == http.id && span.lines() == ["again"]), "{spans:#?}");
    assert_eq!(first.attributes["spacehost.message.id"], second.attributes["spacehost.message.id"]);
}

#[tokio::test]
async fn a_dead_letter_that_is_retried_is_a_span_of_its_own() {
    let collector = Collector::start().await;
    let daemon = traced(&collector, 0.0).await;
    let path = "/v1/spaces/a/commands/run?wait=false";
    assert_eq!(post_in(&daemon, path, &traceparent(1, "01"), json!([{ "fail": "broken" }])).await.status(), 202);
    let spans = collector.trace(&trace(1), 2).await;
    let id = &one(&spans, "a/run", &[("error.type", "broken")]).attributes["spacehost.message.id"];
    let retry = daemon.request(Method::POST, &format!("/v1/spaces/a/dead-letters/{id}/retry"));
    assert_eq!(retry.send().await.unwrap().status(), 202);
    let spans = collector.trace(&trace(1), 3).await;
    let [first, second] = spans.iter().filter(|span| span.name == "a/run").collect::<Vec<_>>()[..] else {
        panic!("two attempts, not {spans:#?}")
    };
    assert_eq!((&first.parent, &first.attributes["spacehost.attempt"]), (&second.parent, &"1".to_owned()));
    assert_ne!(first.id, second.id);
}

#[tokio::test]
async fn a_failure_that_is_answered_and_a_trap_are_told_with_their_codes() {
    let collector = Collector::start().await;
    let daemon = traced(&collector, 0.0).await;
    assert_eq!(run_in(&daemon, "a", &traceparent(1, "01"), json!([{ "fail": "sold-out" }])).await.status(), 422);
    assert_eq!(run_in(&daemon, "a", &traceparent(2, "01"), json!(["trap"])).await.status(), 500);
    let refused = collector.trace(&trace(1), 2).await;
    assert_eq!(one(&refused, "a/run", &[("error.type", "sold-out")]).status, "STATUS_CODE_ERROR");
    // What the space refuses is no fault of the host.
    let http = one(&refused, "POST /v1/spaces/{space}/commands/{command}", &[("http.response.status_code", "422")]);
    assert_eq!(http.status, "STATUS_CODE_UNSET");
    let broken = collector.trace(&trace(2), 2).await;
    assert_eq!(one(&broken, "a/run", &[("error.type", "trapped")]).status, "STATUS_CODE_ERROR");
    assert_eq!(broken.iter().filter(|span| span.status == "STATUS_CODE_ERROR").count(), 2);
}

#[tokio::test]
async fn a_sample_of_nothing_follows_only_what_a_client_wants_followed() {
    let collector = Collector::start().await;
    let daemon = traced(&collector, 0.0).await;
    for _ in 0..20 {
        assert_eq!(daemon.run("a", &json!([{ "publish": { "to": "news.x.hot" } }])).await.0, 200);
    }
    daemon.run("a", &json!([{ "timer": { "name": "tick", "after_ms": 1, "body": 1 } }])).await;
    // The events, the firing.
    daemon.noted("a", 21).await;
    assert_eq!(run_in(&daemon, "a", &traceparent(1, "01"), json!([])).await.status(), 200);
    // What ended before it has been sent before it.
    let spans = collector.trace(&trace(1), 2).await;
    assert_eq!((spans.len(), collector.spans().len()), (2, 2), "{:#?}", collector.spans());
}

#[tokio::test]
async fn a_whole_sample_follows_what_a_client_does_not_forbid_from_a_root_of_its_own() {
    let collector = Collector::start().await;
    let daemon = traced(&collector, 1.0).await;
    assert_eq!(run_in(&daemon, "a", &traceparent(1, "00"), json!([{ "say": "forbidden" }])).await.status(), 200);
    let script = json!([{ "say": "free" }, { "timer": { "name": "later", "after_ms": 1, "body": 1 } }]);
    assert_eq!(run_in(&daemon, "a", "nonsense", script).await.status(), 200);
    let wanted = |spans: Vec<Received>| spans.iter().any(|span| span.name == "a timer").then_some(spans);
    let spans = collector.spans_when("the turn of the timer", wanted).await;
    assert!(spans.iter().all(|span| span.trace != trace(1)), "{spans:#?}");
    let turn = spans.iter().find(|span| span.lines() == ["free"]).expect("the turn");
    let http = spans.iter().find(|span| span.id == turn.parent).expect("the request");
    assert_eq!((http.parent.as_str(), &http.trace), ("", &turn.trace), "{http:?}");

    let firing = one(&spans, "a timer due", &[("spacehost.message.name", "later")]);
    let fired = one(&spans, "a timer", &[("spacehost.message.kind", "timer")]);
    assert_eq!((firing.parent.as_str(), &fired.parent), ("", &firing.id));
    assert!(firing.trace == fired.trace && firing.trace != turn.trace, "a firing begins a trace");
}

#[tokio::test]
async fn listeners_outside_get_the_turn_as_the_parent_of_its_event() {
    let collector = Collector::start().await;
    let daemon = traced(&collector, 0.0).await;
    let mut stream = daemon.request(Method::GET, "/v1/events?pattern=said.*").send().await.expect("a stream");
    let script = json!([{ "publish": { "to": "said.it", "body": 1 } }]);
    assert_eq!(run_in(&daemon, "a", &traceparent(1, "01"), script).await.status(), 200);
    let mut heard = String::new();
    while !heard.contains("traceparent") {
        let chunk = stream.chunk().await.expect("the stream goes on").expect("it has not ended");
        heard.push_str(&String::from_utf8_lossy(&chunk));
    }
    let spans = collector.trace(&trace(1), 2).await;
    let turn = one(&spans, "a/run", &[]);
    assert!(heard.contains(&format!("\"traceparent\":\"00-{}-{}-01\"", trace(1), turn.id)), "{heard}");
}

#[tokio::test]
async fn a_turn_that_is_repeated_after_a_crash_is_the_span_that_it_was() {
    let collector = Collector::start().await;
    let daemon = traced(&collector, 0.0).await;
    daemon.install("c", "probe").await;
    let script = json!([
        { "request": { "to": "b/run", "body": ["note-context"] } },
        { "request": { "to": "c/run", "body": [{ "spin": 0 }], "catch": true } },
    ]);
    let path = "/v1/spaces/a/commands/run?wait=false";
    assert_eq!(post_in(&daemon, path, &traceparent(1, "01"), script).await.status(), 202);
    let noted = daemon.noted("b", 1).await.remove(0);
    // It waits for `c`, which would never answer, and finds it gone when it is done again.
    daemon.kill();
    std::fs::remove_file(daemon.file("c.wasm")).unwrap();
    let daemon = daemon.again(&[]).await;
    let of_a = |spans: Vec<Received>| spans.into_iter().find(|span| span.name == "a/run");
    let turn = collector.spans_when("the turn of `a`", of_a).await;
    assert!(turn.is("spacehost.attempt", "1") && turn.trace == trace(1), "{turn:?}");
    let header = format!("00-{}-{}-01", trace(1), turn.id);
    assert!(noted.to_string().contains(&header), "{header} is what `b` was asked under: {noted}");
    assert_eq!(daemon.noted("b", 1).await.len(), 1, "nobody was asked twice");
}

#[tokio::test]
async fn a_receiver_that_is_away_harms_nothing_and_is_told_of_once() {
    let settings = format!("[telemetry.traces]\nendpoint = \"http://127.0.0.1:{}\"\n", free_port());
    let daemon = Daemon::start_with(&settings).await;
    daemon.install("a", "probe").await;
    for _ in 0..50 {
        assert_eq!(daemon.run("a", &json!([{ "note": 1 }, { "log": 3 }])).await.0, 200);
    }
    until("a line about it", async || daemon.log().contains("could not be sent").then_some(())).await;
    assert_eq!(daemon.noted("a", 50).await.len(), 50);
    assert_eq!(daemon.log().matches("could not be sent").count(), 1, "{}", daemon.log());
    assert!(daemon.end(Signal::TERM).await.success());
}

#[tokio::test]
async fn the_standard_variables_say_where_and_how_much_and_under_what_name() {
    let collector = Collector::start().await;
    let folder = Daemon::new_folder();
    let set = |name, value: &str| (name, value.to_owned());
    let variables = vec![
        set("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint()),
        set("OTEL_TRACES_SAMPLER_ARG", "0"),
        set("OTEL_SERVICE_NAME", "shop"),
    ];
    let daemon = Daemon::start_in(folder, &Launch { variables, ..Launch::default() }).await;
    daemon.install("a", "ear").await;
    daemon.run("a", &json!([])).await;
    assert_eq!(run_in(&daemon, "a", &traceparent(1, "01"), json!([{ "say": "on the sync path" }])).await.status(), 200);
    let spans = collector.trace(&trace(1), 2).await;
    assert_eq!(collector.spans().len(), 2, "{spans:#?}");
    assert!(spans.iter().all(|span| span.resource["service.name"] == "shop"), "{spans:#?}");
    assert_eq!(one(&spans, "a/run", &[]).lines(), ["on the sync path"]);
    // What ends with the host is sent before it does.
    assert_eq!(run_in(&daemon, "a", &traceparent(2, "01"), json!([])).await.status(), 200);
    assert!(daemon.end(Signal::TERM).await.success());
    collector.trace(&trace(2), 2).await;
}

#[tokio::test]
async fn settings_that_can_never_work_end_the_start_with_what_to_write_instead() {
    let folder = Daemon::new_folder();
    let refused = async |settings: &str, variables: Vec<(&'static str, String)>| {
        std::fs::write(folder.path().join("spacehost.toml"), settings).unwrap();
        let launch = Launch { variables, ..Launch::default() };
        Daemon::try_start_in(folder.clone(), &launch).await.err().expect("it does not start").said
    };
    let tls = refused("[telemetry.traces]\nendpoint = \"https://collector\"", Vec::new()).await;
    assert!(tls.contains("speaks no TLS") && tls.contains("http://127.0.0.1:4318"), "{tls}");
    let share = refused("[telemetry.traces]\nsample = 2", Vec::new()).await;
    assert!(share.contains("spacehost.toml: line 2: `sample` must be a share from 0 to 1"), "{share}");
    let variables = vec![
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317".to_owned()),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc".to_owned()),
    ];
    assert!(refused("", variables).await.contains("`http/protobuf` only"));
}
