//! Clients that mean harm, against the real daemon: nothing of the space changes, good clients are answered meanwhile, and
//! the host lives.
//!
//! What a time-out does is shown in `host/src/http/accept_tests.rs`, with short ones; here none is waited for.

use reqwest::{Client, Method};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use spacehost_tests::wire::{Answer, Wire};
use spacehost_tests::{Daemon, until};
use std::future::Future;
use std::pin::pin;

const COMMAND: &str = "/v1/spaces/a/commands/run";
/// What a command would do that an attacker has smuggled in.
const HARM: &str = r#"[{"add":1000}]"#;

/// A host with one space, whose total is 1.
async fn served() -> Daemon {
    let daemon = Daemon::start().await;
    daemon.install("a", "probe").await;
    assert_eq!(daemon.run("a", &json!([{ "add": 1 }])).await, (200, json!(1)));
    daemon
}

/// A good client is answered, and what it sees is what there was.
async fn unharmed(daemon: &Daemon) {
    assert_eq!(daemon.run("a", &json!([{ "add": 0 }])).await, (200, json!(1)));
}

/// The outcome of the attack, while a good client asks again and again.
async fn meanwhile<T>(daemon: &Daemon, attack: impl Future<Output = T>) -> T {
    let mut attack = pin!(attack);
    let outcome = loop {
        tokio::select! {
            outcome = attack.as_mut() => break outcome,
            () = unharmed(daemon) => {}
        }
    };
    unharmed(daemon).await;
    outcome
}

/// The head of a request with the token and without a body's length.
fn head(daemon: &Daemon, line: &str, extra: &str) -> String {
    let (host, token) = (daemon.address(), daemon.token());
    format!("{line} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n{extra}\r\n")
}

fn command(daemon: &Daemon, extra: &str, body: &str) -> String {
    head(daemon, &format!("POST {COMMAND}"), extra) + body
}

/// A whole request that would do harm, with other headers than it should have.
fn harm(daemon: &Daemon, host: &str, extra: &str) -> String {
    let (token, length) = (daemon.token(), HARM.len());
    format!(
        "POST {COMMAND} HTTP/1.1\r\n{host}Authorization: Bearer {token}\r\nContent-Length: {length}\r\n{extra}\r\n{HARM}"
    )
}

/// Waits until the audit trail has these causes.
async fn audited(daemon: &Daemon, causes: &[&str]) {
    for cause in causes {
        let told = async || daemon.log().contains(&format!("cause=\"{cause}\"")).then_some(());
        until(&format!("{cause} is told"), told).await;
    }
}

/// Nothing in it that a browser would run or a terminal obey.
fn assert_harmless(answer: &Answer) {
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer:?}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer:?}");
    assert!(answer.header("content-security-policy").is_some_and(|policy| policy.contains("default-src 'none'")));
    assert!(answer.body.len() < 8_192, "{answer:?}");
    assert!(!answer.body.iter().any(u8::is_ascii_control), "{answer:?}");
}

#[tokio::test]
async fn a_request_for_another_name_changes_nothing_even_with_the_token() {
    let daemon = served().await;
    let port = daemon.address().rsplit_once(':').unwrap().1;
    let own = daemon.address();
    let hosts = [
        format!("Host: evil.example:{port}\r\n"),
        format!("Host: localhost.evil.example:{port}\r\n"),
        format!("Host: {own}.evil.example\r\n"),
        "Host: localhost\r\n".to_owned(),
        "Host: localhost:1\r\n".to_owned(),
        "Host: \r\n".to_owned(),
        String::new(),
    ];
    let attack = async {
        for host in &hosts {
            let mut wire = Wire::connect(&daemon).await;
            wire.send(harm(&daemon, host, "")).await;
            let answer = wire.answer().await.unwrap();
            assert_eq!((answer.status, answer.json()["type"].as_str()), (403, Some("urn:spacehost:foreign")), "{host}");
            assert_harmless(&answer);
        }
        let twice = format!("Host: {own}\r\nHost: evil.example\r\n");
        assert_eq!(Wire::connect(&daemon).await.ask(harm(&daemon, &twice, "")).await, 400);
        let absolute = harm(&daemon, &format!("Host: {own}\r\n"), "").replace("POST /", "POST http://evil.example/");
        assert_eq!(Wire::connect(&daemon).await.ask(absolute).await, 403);
    };
    meanwhile(&daemon, attack).await;
    audited(&daemon, &["foreign-host"]).await;
}

#[tokio::test]
async fn a_page_of_another_site_or_of_another_port_changes_nothing_even_with_the_token() {
    let daemon = served().await;
    let own = format!("Host: {}\r\n", daemon.address());
    let pages = [
        "Origin: null",
        "Origin: https://evil.example",
        "Origin: http://localhost:3000",
        "Origin: http://127.0.0.1",
        "Origin:",
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Site: same-site",
    ];
    let attack = async {
        for page in pages {
            let status = Wire::connect(&daemon).await.ask(harm(&daemon, &own, &format!("{page}\r\n"))).await;
            assert_eq!(status, 403, "{page}");
        }
    };
    meanwhile(&daemon, attack).await;
    let page = format!("Origin: http://{}\r\nSec-Fetch-Site: same-origin\r\n", daemon.address());
    let reading = head(&daemon, "GET /v1/spaces", &page);
    assert_eq!(Wire::connect(&daemon).await.ask(reading).await, 200, "its own page may");
    audited(&daemon, &["foreign-origin"]).await;
}

#[tokio::test]
async fn names_and_origins_that_the_operator_lists_are_taken() {
    let daemon = Daemon::start_with("hosts = [\"Spaces.example\"]\norigins = [\"https://ops.example\"]").await;
    let ask = async |host: &str, origin: &str| {
        let token = daemon.token();
        let head = format!(
            "GET /v1/spaces HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\nAuthorization: Bearer {token}\r\n\r\n"
        );
        Wire::connect(&daemon).await.ask(head).await
    };
    assert_eq!(ask("spaces.example", "https://ops.example").await, 200);
    assert_eq!(ask("spaces.example:7070", "https://ops.example").await, 403);
    assert_eq!(ask("spaces.example", "https://evil.example").await, 403);
}

#[tokio::test]
async fn the_command_line_reaches_the_host_by_its_address_and_as_localhost() {
    let daemon = served().await;
    let as_localhost = format!("http://{}", daemon.address().replace("127.0.0.1", "localhost"));
    for words in [&["call", "a", "run", "[]"][..], &["call", "a", "run", "[]", "--url", &as_localhost]] {
        let output = daemon.command(words).await;
        assert!(output.status.success(), "{output:?}");
    }
}

#[tokio::test]
async fn the_form_of_a_foreign_page_changes_nothing_and_a_form_with_the_token_is_a_plain_body() {
    let daemon = served().await;
    let forms = ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"];
    let attack = async {
        for form in forms {
            let post = daemon.anonymous(Method::POST, COMMAND).header("content-type", form).body(HARM);
            assert_eq!(post.send().await.unwrap().status().as_u16(), 401, "{form}");
            let post = daemon.anonymous(Method::POST, COMMAND).header("content-type", form).body(HARM);
            assert_eq!(post.header("origin", "null").send().await.unwrap().status().as_u16(), 403, "{form}");
        }
    };
    meanwhile(&daemon, attack).await;
    for form in forms {
        let post = daemon.request(Method::POST, COMMAND).header("content-type", form).body(r#"[{"add":0}]"#);
        assert_eq!(post.send().await.unwrap().text().await.unwrap(), "1", "{form}");
    }
    audited(&daemon, &["no-token", "foreign-origin"]).await;
}

#[tokio::test]
async fn who_guesses_tokens_is_told_less_and_less_and_the_right_token_passes_throughout() {
    let daemon = served().await;
    let guess = async |number: usize| {
        let mut token = daemon.token().to_owned();
        // Right but for its end: however much of it is right, it is wrong.
        token.replace_range(token.len() - 4.., &format!("{number:04x}").to_uppercase().replace(char::is_numeric, "X"));
        daemon.anonymous(Method::POST, COMMAND).bearer_auth(token).body(HARM).send().await.unwrap()
    };
    let attack = async {
        let (mut told, mut limited) = (0, 0);
        for number in 0..2_000 {
            let answer = guess(number).await;
            match answer.status().as_u16() {
                401 => told += 1,
                429 => {
                    limited += 1;
                    assert!(answer.headers()["retry-after"].to_str().unwrap().parse::<u64>().unwrap() > 0);
                    assert_eq!(answer.headers()["connection"], "close");
                }
                other => panic!("{other}"),
            }
        }
        (told, limited)
    };
    let (told, limited) = meanwhile(&daemon, attack).await;
    assert!(told >= 10 && limited > 0, "{told} told, {limited} limited");
    audited(&daemon, &["wrong-token", "too-many-guesses"]).await;
}

#[tokio::test]
async fn a_declared_body_of_ten_gigabytes_is_refused_before_any_of_it_comes() {
    let daemon = served().await;
    let attack = async {
        for expect in ["", "Expect: 100-continue\r\n"] {
            let mut wire = Wire::connect(&daemon).await;
            wire.send(command(&daemon, &format!("{expect}Content-Length: 10737418240\r\n"), "")).await;
            let answer = wire.answer().await.unwrap();
            assert_eq!((answer.status, answer.json()["type"].as_str()), (413, Some("urn:spacehost:too-large")));
            assert_harmless(&answer);
        }
    };
    meanwhile(&daemon, attack).await;
    audited(&daemon, &["body-too-large"]).await;
}

/// Sends the same piece until the host closes the connection. Panics when it takes more than a body may have.
async fn pour(wire: &mut Wire, piece: &[u8]) {
    const FAR_TOO_MUCH: usize = 256 << 20;
    let mut poured = 0;
    while wire.send(piece).await {
        poured += piece.len();
        assert!(poured < FAR_TOO_MUCH, "it takes whatever comes");
    }
}

#[tokio::test]
async fn a_body_that_does_not_end_is_cut_off_with_or_without_the_token() {
    let daemon = served().await;
    let block = vec![b'x'; 1 << 16];
    let chunk = [b"10000\r\n", &block[..], b"\r\n"].concat();
    let bytes = b"1\r\nx\r\n".repeat(10_000);
    let endless = [
        ("Content-Length: 10737418240\r\n", &block),
        ("Transfer-Encoding: chunked\r\n", &chunk),
        ("Transfer-Encoding: chunked\r\n", &bytes),
    ];
    let attack = async {
        for (declared, piece) in endless {
            let known = command(&daemon, declared, "");
            let stranger = known.replace(daemon.token(), "guess");
            for head in [known, stranger] {
                let mut wire = Wire::connect(&daemon).await;
                wire.send(head).await;
                pour(&mut wire, piece).await;
            }
        }
    };
    meanwhile(&daemon, attack).await;
}

#[tokio::test]
async fn floods_of_chunk_extensions_and_trailers_are_cut_off() {
    let daemon = served().await;
    let flood = vec![b'x'; 1 << 16];
    let attack = async {
        for begun in ["1;", "1;a=b\r\nx\r\n0\r\nX-Trailer: ", "0000000000000000000000000000000"] {
            let mut wire = Wire::connect(&daemon).await;
            wire.send(command(&daemon, "Transfer-Encoding: chunked\r\n", begun)).await;
            pour(&mut wire, &flood).await;
        }
    };
    meanwhile(&daemon, attack).await;
}

/// Lets this process have so many connections, as far as the system allows.
fn raise_open_files(wanted: u64) -> u64 {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).expect("up to the maximum is allowed");
    // The other tests of this process need some.
    maximum.map_or(wanted, |most| most.saturating_sub(1_500).min(wanted))
}

#[tokio::test]
async fn a_thousand_clients_that_send_a_byte_at_a_time_delay_no_one() {
    let daemon = served().await;
    assert!(raise_open_files(1_000) >= 1_000, "`ulimit -Hn` is too small for this test");
    let slow_head = head(&daemon, "GET /v1/spaces", "");
    let slow_body = command(&daemon, &format!("Content-Length: {}\r\n", HARM.len() + 1), "");
    let attack = async {
        let mut slow = Vec::new();
        for number in 0..1_000 {
            let mut wire = Wire::connect(&daemon).await;
            let is_body = number % 2 == 0;
            if is_body {
                wire.send(&slow_body).await;
            }
            slow.push((wire, if is_body { HARM } else { &slow_head }));
        }
        // None comes to its end: the last byte is missing.
        for at in 0..HARM.len() {
            for (wire, text) in &mut slow {
                wire.send(&text.as_bytes()[at..=at]).await;
            }
        }
    };
    meanwhile(&daemon, attack).await;
}

#[tokio::test]
async fn ten_thousand_idle_connections_leave_good_clients_their_places() {
    let daemon = served().await;
    let count = raise_open_files(10_000);
    assert!(count > 3_000, "`ulimit -Hn` is too small for this test: that is no more than the host serves");
    let attack = async {
        let mut idle = Vec::new();
        for number in 0..count {
            let mut wire = Wire::connect(&daemon).await;
            // Some have begun, and some were even answered.
            match number % 3 {
                0 => drop(wire.send("GET /healthz HTTP/1.1\r\nHo").await),
                1 => drop(wire.send(format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", daemon.address())).await),
                _ => {}
            }
            idle.push(wire);
            if number % 500 == 0 {
                // One that comes new each time, without a connection of before.
                let status = Wire::connect(&daemon).await.ask(head(&daemon, "GET /v1/spaces/a", "")).await;
                assert_eq!(status, 200, "after {number}");
            }
        }
        idle
    };
    let mut idle = meanwhile(&daemon, attack).await;
    // Those who came first have given way; this also shows that there were more than there is room for.
    idle[0].ended().await;
    let fresh = Client::new().get(format!("http://{}/v1/spaces/a", daemon.address()));
    assert_eq!(fresh.bearer_auth(daemon.token()).send().await.unwrap().status().as_u16(), 200);
    unharmed(&daemon).await;
    audited(&daemon, &["connection-displaced"]).await;
}

#[tokio::test]
async fn what_is_no_http_ends_its_connection() {
    let daemon = served().await;
    let (good, harm) = (head(&daemon, "GET /v1/spaces/a", ""), harm(&daemon, "Host: x\r\n", ""));
    let garbage: [&[u8]; 8] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\0\0\0\0\0\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /v1/spaces\r\n\r\n",
        b"GET /v1/spaces HTTP/9.9\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
        b"GET /v1/spaces HTTP/1.1\r\nA b: c\r\n\r\n",
        b"GET /v1/spaces HTTP/1.1\r\nA: b\0c\r\n\r\n",
        b"GET /\xff\xfe\x00 HTTP/1.1\r\n\r\n",
    ];
    let attack = async {
        for garbage in garbage {
            let mut wire = Wire::connect(&daemon).await;
            wire.send([good.as_bytes(), garbage, harm.as_bytes()].concat()).await;
            assert_eq!(wire.answer().await.map(|answer| answer.status), Some(200));
            let refused = wire.answer().await.map_or(400, |answer| answer.status);
            assert!((400..500).contains(&refused), "{refused} for {}", garbage.escape_ascii());
            wire.ended().await;
        }
    };
    meanwhile(&daemon, attack).await;
    audited(&daemon, &["malformed"]).await;
}

#[tokio::test]
async fn giant_heads_are_refused() {
    let daemon = served().await;
    let long = "x".repeat(1 << 20);
    let heads = [
        head(&daemon, "GET /v1/spaces", &format!("X-Long: {long}\r\n")),
        head(&daemon, "GET /v1/spaces", &"X-Many: x\r\n".repeat(10_000)),
        head(&daemon, &format!("GET /v1/spaces/{long}"), ""),
        head(&daemon, &format!("{long} /v1/spaces"), ""),
        head(&daemon, "GET /v1/spaces", &format!("{long}: x\r\n")),
    ];
    let attack = async {
        for head in &heads {
            let status = Wire::connect(&daemon).await.ask(head).await;
            // 0: the connection was closed before all of it was sent, and took the answer with it.
            assert!(status == 0 || (400..500).contains(&status), "{status}");
        }
    };
    meanwhile(&daemon, attack).await;
    audited(&daemon, &["head-too-large"]).await;
}

#[tokio::test]
async fn a_client_that_never_reads_holds_up_nobody() {
    let daemon = served().await;
    let mut listener = Wire::connect(&daemon).await;
    listener.send(head(&daemon, "GET /v1/events?pattern=%3E", "")).await;
    let mut asker = Wire::connect(&daemon).await;
    let attack = async {
        let large = json!("x".repeat(500_000));
        for _ in 0..50 {
            let published = daemon.request(Method::POST, "/v1/events/news.large").json(&large).send().await.unwrap();
            assert_eq!(published.status().as_u16(), 202);
        }
        let question = head(&daemon, "GET /v1/spaces", "").repeat(100);
        for _ in 0..100 {
            // Ends when neither side takes any more.
            let send = tokio::time::timeout(std::time::Duration::from_millis(10), asker.send(&question));
            if send.await.is_err() {
                break;
            }
        }
    };
    meanwhile(&daemon, attack).await;
    drop((listener, asker));
}

#[tokio::test]
async fn nothing_is_smuggled_in_behind_a_body_of_two_lengths() {
    let daemon = served().await;
    let hidden = harm(&daemon, &format!("Host: {}\r\n", daemon.address()), "");
    let two_lengths = [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 500\r\n",
        "Content-Length: 5, 500\r\n",
        "Content-Length: +5\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: identity\r\nContent-Length: 5\r\n",
    ];
    let attack = async {
        for lengths in two_lengths {
            let mut wire = Wire::connect(&daemon).await;
            wire.send(command(&daemon, lengths, &format!("0\r\n\r\n{hidden}"))).await;
            let first = wire.answer().await.map_or(400, |answer| answer.status);
            assert!(first >= 400, "{first}: {lengths}");
            assert!(wire.answer().await.is_none(), "nothing after it is taken for a request: {lengths}");
        }
    };
    meanwhile(&daemon, attack).await;
}

#[tokio::test]
async fn odd_paths_lead_nowhere() {
    let daemon = served().await;
    let paths = [
        "/v1/spaces/a/commands/run/../../../../healthz",
        "/healthz/../v1/spaces/a/commands/run",
        "//v1/spaces/a/commands/run",
        "/v1/spaces/a%2fcommands%2frun",
        "/v1/spaces/%61%00/commands/run",
        "/v1/spaces/..%2f..%2fetc%2fpasswd/commands/run",
        "/v1/spaces/%ff%fe/commands/run",
        "/v1/spaces/a/commands/%ff",
        "/v1/spaces/a/commands/run%0d%0aX-Injected:%20yes",
        "/v1/spaces/A/commands/run",
        "/v1/spaces/a/commands/run;x=1",
        "/v1/spaces/a/commands/run?wait=true&wait=false",
        "/V1/spaces/a/commands/run",
        "/v1/spaces/a/commands/",
        "*",
    ];
    let attack = async {
        for path in paths {
            let mut wire = Wire::connect(&daemon).await;
            let length = format!("Content-Length: {}\r\n", HARM.len());
            wire.send(head(&daemon, &format!("POST {path}"), &length) + HARM).await;
            let answer = wire.answer().await.unwrap();
            assert!((400..500).contains(&answer.status), "{path}: {answer:?}");
            assert_harmless(&answer);
            assert_eq!(answer.header("x-injected"), None);
        }
    };
    meanwhile(&daemon, attack).await;
}

#[tokio::test]
async fn what_a_client_sends_comes_back_short_clean_and_as_json_only() {
    let daemon = served().await;
    let script = "%3Cscript%3Ealert(1)%3C%2Fscript%3E%1B%5B2J%0A";
    let long = script.repeat(200);
    let plain = "<script>alert(1)</script>";
    let own = format!("Host: {}\r\n", daemon.address());
    let token = format!("Authorization: Bearer {}\r\n", daemon.token());
    let asking = |line: &str| format!("{line} HTTP/1.1\r\n{own}{token}\r\n");
    let requests = [
        asking(&format!("GET /{script}")),
        asking(&format!("GET /{long}")),
        asking(&format!("GET /v1/spaces/{script}")),
        asking(&format!("GET /v1/spaces/a/history?last={long}")),
        asking(&format!("GET /v1/spaces/a/history?{long}=1")),
        asking(&format!("GET /v1/spaces/a/state?after={long}")),
        asking(&format!("GET /v1/messages/{long}")),
        asking(&format!("POST /v1/spaces/a/commands/{long}")),
        asking(&format!("POST /v1/events/{long}")),
        asking(&format!("{} /v1/spaces", "X".repeat(5_000))),
        format!("GET / HTTP/1.1\r\nHost: {}\r\n{token}\r\n", plain.repeat(300)),
        format!("GET / HTTP/1.1\r\n{own}Origin: {plain}\r\n{token}\r\n"),
        format!("GET /v1/spaces HTTP/1.1\r\n{own}Authorization: Bearer {plain}\r\n\r\n"),
    ];
    let attack = async {
        for request in &requests {
            let mut wire = Wire::connect(&daemon).await;
            wire.send(request).await;
            let answer = wire.answer().await.unwrap_or_else(|| panic!("no answer to {request}"));
            assert!((400..500).contains(&answer.status), "{request}: {answer:?}");
            assert_harmless(&answer);
            let detail = answer.json()["detail"].clone();
            let text = detail.as_str().unwrap_or_else(|| panic!("{answer:?}"));
            assert!(text.chars().count() < 2_100 && !text.contains('\x1b'), "{text}");
        }
    };
    meanwhile(&daemon, attack).await;
}
