//! Real connections to a door with a few paths behind it, with limits so small that nothing has to be waited for.

use super::super::access::Token;
use super::super::names::Names;
use super::*;
use crate::shutdown::{self, Trigger};
use crate::words::AllowedNames;
use axum::routing::{get, post};
use bytes::Bytes;
use futures::stream;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;

const SHORT: Duration = Duration::from_millis(30);

struct Served {
    address: SocketAddr,
    /// Ends `/v1/wait`.
    release: Arc<Notify>,
    /// Whether the answer of `/v1/endless` was given up.
    given_up: Arc<AtomicBool>,
    told: Arc<Mutex<Vec<&'static str>>>,
    _running: Trigger,
}

/// Says when it is dropped.
struct Told(Arc<AtomicBool>);

impl Drop for Told {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

async fn served(limits: ClientLimits) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (release, given_up) = (Arc::new(Notify::new()), Arc::new(AtomicBool::new(false)));
    let (waiting, telling) = (release.clone(), given_up.clone());
    let endless = move || {
        let told = Told(telling.clone());
        let pieces = stream::repeat_with(move || {
            let _ = &told;
            Ok::<_, Infallible>(Bytes::from_static(&[0; 1 << 16]))
        });
        std::future::ready(Body::from_stream(pieces))
    };
    let router = Router::new()
        .route("/healthz", get(async || "alive"))
        .route("/v1/quick", get(async || "quick").post(async || "not read"))
        .route("/v1/read", post(async |body: Bytes| body.len().to_string()))
        .route("/v1/whole", get(async || Bytes::from_static(&[0; 32 << 20])))
        .route("/v1/wait", get(async move || waiting.notified().await))
        .route("/v1/endless", get(endless));
    let guard = Guard::new(Token::parse(&"a".repeat(64)).unwrap(), Names::new(address, AllowedNames::default()));
    let (trigger, shutdown) = shutdown::channel();
    let told: Arc<Mutex<Vec<&'static str>>> = Arc::default();
    let telling = told.clone();
    let tell = Box::new(move |incident: &Incident| telling.lock().unwrap().push(incident.cause));
    tokio::spawn(run(listener, Door { guard, router, limits, tell }, shutdown));
    Served { address, release, given_up, told, _running: trigger }
}

impl Served {
    /// Waits until it is told.
    async fn tells(&self, cause: &str) {
        while !self.told.lock().unwrap().contains(&cause) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn connect(&self) -> Client {
        Client { stream: TcpStream::connect(self.address).await.unwrap(), host: self.address }
    }

    /// A connection that has shown the token. On a slow machine it may come too late for short limits; then another one.
    async fn known(&self) -> Client {
        loop {
            let mut client = self.connect().await;
            if client.get("/v1/quick").await == 200 {
                return client;
            }
        }
    }
}

struct Client {
    stream: TcpStream,
    host: SocketAddr,
}

impl Client {
    fn head(&self, line: &str, extra: &str) -> String {
        format!("{line} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n{extra}\r\n", self.host, "a".repeat(64))
    }

    async fn ask(&mut self, path: &str) {
        let head = self.head(&format!("GET {path}"), "");
        // If the connection has ended, there is no answer.
        let _ = self.stream.write_all(head.as_bytes()).await;
    }

    /// The status of the next answer, and its head; the body is read over. 0 when the connection ends before.
    async fn answer(&mut self) -> (u16, String) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match self.stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => return (0, String::new()),
            }
        }
        let head = String::from_utf8(head).unwrap();
        let length =
            head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
        self.stream.read_exact(&mut vec![0; length]).await.unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), head)
    }

    async fn get(&mut self, path: &str) -> u16 {
        self.ask(path).await;
        self.answer().await.0
    }

    /// Waits for the end of the connection.
    async fn ended(&mut self) {
        let mut rest = Vec::new();
        let _ = self.stream.read_to_end(&mut rest).await;
        assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
    }
}

#[tokio::test]
async fn a_head_that_does_not_come_or_does_not_end_closes_the_connection() {
    let served = served(ClientLimits { first_head: SHORT, ..ClientLimits::default() }).await;
    let (mut silent, mut slow) = (served.connect().await, served.connect().await);
    let sending = async {
        // A byte now and then: it ends when the other side has closed.
        for byte in std::iter::repeat(b"GET /healthz HTTP/1.1\r\nX: ".iter().chain(b"xxxxxxxxxxxxxxxx")).flatten() {
            if slow.stream.write_all(&[*byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(SHORT / 10).await;
        }
    };
    tokio::join!(silent.ended(), sending);
    served.tells("too-slow").await;
}

#[tokio::test]
async fn a_connection_that_was_answered_may_be_idle_for_its_time_and_no_longer() {
    let patient = served(ClientLimits { first_head: SHORT, ..ClientLimits::default() }).await;
    let mut client = patient.known().await;
    tokio::time::sleep(SHORT * 2).await;
    assert_eq!(client.get("/healthz").await, 200, "the time for the first head is over, but it has come");
    let impatient = served(ClientLimits { idle: SHORT, ..ClientLimits::default() }).await;
    impatient.known().await.ended().await;
}

#[tokio::test]
async fn an_answer_that_is_not_read_is_given_up() {
    let served = served(ClientLimits { unread: SHORT, ..ClientLimits::default() }).await;
    let mut client = served.connect().await;
    client.ask("/v1/endless").await;
    served.tells("does-not-read").await;
    assert!(served.given_up.load(SeqCst));
}

#[tokio::test]
async fn the_longest_silent_stranger_gives_way_to_a_newcomer() {
    let served = served(ClientLimits { connections: 2, ..ClientLimits::default() }).await;
    let (mut first, mut second) = (served.connect().await, served.connect().await);
    assert_eq!(second.get("/healthz").await, 200, "both have their places");
    let mut third = served.connect().await;
    first.ended().await;
    served.tells("connection-displaced").await;
    assert_eq!(third.get("/v1/quick").await, 200);
    assert_eq!(second.get("/v1/quick").await, 200);
}

#[tokio::test]
async fn a_flood_of_strangers_costs_no_known_client_its_connection() {
    let served = served(ClientLimits { connections: 3, ..ClientLimits::default() }).await;
    let mut known = served.known().await;
    let mut flood = Vec::new();
    for _ in 0..200 {
        flood.push(served.connect().await);
        assert_eq!(known.get("/v1/quick").await, 200);
    }
    assert_eq!(served.connect().await.get("/v1/quick").await, 200, "a new one is served, too");
}

#[tokio::test]
async fn a_request_in_hand_is_not_given_up_and_the_newcomer_waits_for_its_end() {
    let served = served(ClientLimits { connections: 1, ..ClientLimits::default() }).await;
    let mut busy = served.known().await;
    busy.ask("/v1/wait").await;
    let mut newcomer = served.connect().await;
    newcomer.ask("/v1/quick").await;
    let early = tokio::time::timeout(SHORT, newcomer.answer()).await;
    assert!(early.is_err(), "there is one place only");
    served.release.notify_one();
    assert_eq!(busy.answer().await.0, 200);
    assert_eq!(newcomer.answer().await.0, 200);
    busy.ended().await;
}

#[tokio::test]
async fn an_answer_on_its_way_is_not_cut_off_for_a_newcomer() {
    let served = served(ClientLimits { connections: 1, ..ClientLimits::default() }).await;
    let mut busy = served.known().await;
    busy.ask("/v1/whole").await;
    // It has begun, and cannot go on: more than the kernel holds is still to be read.
    busy.stream.peek(&mut [0]).await.unwrap();
    let mut newcomer = served.connect().await;
    newcomer.ask("/v1/quick").await;
    assert!(tokio::time::timeout(SHORT * 2, newcomer.answer()).await.is_err(), "there is one place only");
    assert_eq!(busy.answer().await.0, 200);
    assert_eq!(newcomer.answer().await.0, 200);
}

#[tokio::test]
async fn a_refused_upload_gets_its_answer_although_nobody_reads_it() {
    let served = served(ClientLimits::default()).await;
    for (line, refused) in [("POST /v1/quick", 200), ("POST /v1/none", 404), ("DELETE /v1/quick", 405)] {
        let mut client = served.connect().await;
        let head = client.head(line, "Content-Length: 1000000\r\n");
        client.stream.write_all(head.as_bytes()).await.unwrap();
        client.stream.write_all(&vec![b'x'; 1_000_000]).await.unwrap();
        assert_eq!(client.answer().await.0, refused, "{line}");
        assert_eq!(client.get("/v1/quick").await, 200, "and the connection serves on");
    }
}

#[tokio::test]
async fn heads_are_bounded_in_size_and_number_of_headers() {
    let served = served(ClientLimits::default()).await;
    let large = format!("X-Large: {}\r\n", "x".repeat(HEAD_BYTES));
    let many = "X-Many: x\r\n".repeat(101);
    // What was not read when the connection is closed may take the answer with it.
    for (extra, statuses) in [(large, &[431, 0][..]), (many, &[431]), ("X-Some: x\r\n".repeat(50), &[200])] {
        let mut client = served.connect().await;
        let head = client.head("GET /v1/quick", &extra);
        client.stream.write_all(head.as_bytes()).await.unwrap();
        let status = client.answer().await.0;
        assert!(statuses.contains(&status), "{status}");
    }
    served.tells("head-too-large").await;
}

#[tokio::test]
async fn every_answer_forbids_a_browser_to_do_anything_with_it() {
    let served = served(ClientLimits::default()).await;
    for line in ["GET /v1/quick", "GET /nothing", "DELETE /v1/quick", "GET http://evil.example/"] {
        let mut client = served.connect().await;
        let head = client.head(line, "");
        client.stream.write_all(head.as_bytes()).await.unwrap();
        let (_, head) = client.answer().await;
        for (name, value) in [("x-content-type-options", "nosniff"), ("content-security-policy", "default-src 'none'")]
        {
            assert!(head.contains(&format!("{name}: {value}")), "{line}: {head}");
        }
    }
    served.tells("foreign-host").await;
}
