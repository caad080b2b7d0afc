//! A receiver of webhooks: takes what is posted, checks nothing by itself, and answers as a test wants.
//!
//! Owns the record of what came, in order. It can be away and come back at its address. Signatures are checked by the official
//! library of Standard Webhooks, which is not the host's.

use crate::until;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use standardwebhooks::Webhook;
use std::collections::{HashSet, VecDeque};
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The secret of all webhooks in tests.
pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// One request.
#[derive(Debug, Clone)]
pub struct Posted {
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Posted {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub fn id(&self) -> &str {
        self.header("webhook-id")
    }

    /// The body, which is JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    /// Of a structured CloudEvent.
    pub fn data(&self) -> Value {
        self.json()["data"].clone()
    }

    /// By the official library.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        Webhook::new(secret).expect("a secret").verify(&self.body, &self.headers).is_ok()
    }
}

#[derive(Default)]
struct Book {
    posted: Vec<Posted>,
    ids: HashSet<String>,
    /// The next answers; after them the usual one.
    answers: VecDeque<(u16, &'static str)>,
    usual: u16,
}

type Shared = Arc<(Mutex<Book>, watch::Sender<bool>)>;

pub struct Receiver {
    book: Shared,
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Receiver {
    /// Answers 204 unless told otherwise.
    pub async fn start() -> Self {
        let book = Book { usual: 204, ..Book::default() };
        Receiver::serve(
            "127.0.0.1:0".parse().expect("an address"),
            Arc::new((Mutex::new(book), watch::Sender::new(false))),
        )
        .await
    }

    async fn serve(address: SocketAddr, book: Shared) -> Self {
        let bound = async || TcpListener::bind(address).await.ok();
        let listener = until("the receiver's address is free", bound).await;
        let address = listener.local_addr().expect("an address");
        let router = Router::new().fallback(take).with_state(book.clone());
        let serving = tokio::spawn(async move {
            // It ends with the test.
            let _ = axum::serve(listener, router).await;
        });
        Receiver { book, address, serving }
    }

    /// Nobody listens at its address from now on.
    pub async fn leave(self) -> Absent {
        self.serving.abort();
        // Connections that it has taken are tasks of their own, which end when the host lets go of them.
        let _ = self.serving.await;
        Absent { book: self.book, address: self.address }
    }

    pub fn url(&self) -> String {
        format!("http://{}/hooks?key=s3cret", self.address)
    }

    /// Answers so from now on.
    pub fn answer(&self, status: u16) {
        self.book().usual = status;
    }

    /// Answers so once, before the usual answers.
    pub fn answer_once(&self, status: u16, retry_after: &'static str) {
        self.book().answers.push_back((status, retry_after));
    }

    /// Takes what is posted, and answers nothing until it is told to go on.
    pub fn hold(&self, hold: bool) {
        self.book.1.send_replace(hold);
    }

    /// All that came, in order.
    pub fn posted(&self) -> Vec<Posted> {
        self.book().posted.clone()
    }

    /// What came last.
    pub fn last(&self) -> Option<Posted> {
        self.book().posted.last().cloned()
    }

    /// Waits for so many requests. Looks at their number only: the receiver answers on the same thread, and is not to wait
    /// for a test that reads all that came again and again.
    pub async fn got(&self, count: usize) -> Vec<Posted> {
        let enough = async || (self.book().posted.len() >= count).then_some(());
        until(&format!("{count} requests have come"), enough).await;
        self.posted()
    }

    /// Waits for so many events, each of which may have come more than once.
    pub async fn got_events(&self, count: usize) -> Vec<Posted> {
        let enough = async || (self.book().ids.len() >= count).then_some(());
        until(&format!("{count} events have come"), enough).await;
        self.posted()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.0.lock().expect("no test panics here")
    }
}

/// A receiver that is away.
pub struct Absent {
    book: Shared,
    address: SocketAddr,
}

impl Absent {
    pub async fn come_back(self) -> Receiver {
        Receiver::serve(self.address, self.book).await
    }
}

async fn take(State(book): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let (status, retry_after) = {
        let mut book = book.0.lock().expect("no test panics here");
        let posted = Posted { headers, body };
        book.ids.insert(posted.id().to_owned());
        book.posted.push(posted);
        let usual = (book.usual, "");
        book.answers.pop_front().unwrap_or(usual)
    };
    let mut held = book.1.subscribe();
    // The sender is in the book.
    let _ = held.wait_for(|held| !held).await;
    let mut answer = StatusCode::from_u16(status).expect("a status").into_response();
    if !retry_after.is_empty() {
        answer.headers_mut().insert("retry-after", retry_after.parse().expect("a header"));
    }
    answer
}

/// A file with secrets for the host's eyes alone.
pub fn write_secret(path: &Path, secrets: &str) {
    let file = std::fs::File::options().create(true).truncate(true).write(true).mode(0o600).open(path);
    file.expect("a file").write_all(secrets.as_bytes()).expect("a secret");
}
