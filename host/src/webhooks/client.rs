//! The HTTP client of all webhooks.
//!
//! Owns connections and what TLS trusts: the machine's own authorities, read when the first https address is posted to. Follows
//! no redirect, knows no proxy, keeps no cookie, and reads little of what it is answered: receivers are not trusted either.
//! Fails with a sentence in which the address does not occur.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client as Pool, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::time::Duration;
use tokio::sync::OnceCell;

pub type Outgoing = Request<Full<Bytes>>;

/// Of an answer's head.
const MOST_HEADERS: usize = 100;
const HEAD_BYTES: usize = 64 << 10;
/// Connections that nobody uses are kept so long.
const IDLE: Duration = Duration::from_secs(30);
/// What is read of an answer's body, for its first words and so that its connection can be used again.
const BODY_BYTES: usize = 4 << 10;
/// And for how long: what an answer has to say is in its status.
const BODY_TIME: Duration = Duration::from_secs(1);

#[derive(Default)]
pub struct Client {
    plain: OnceCell<Pool<HttpConnector, Full<Bytes>>>,
    secure: OnceCell<Pool<HttpsConnector<HttpConnector>, Full<Bytes>>>,
}

/// An answer, as far as anybody wants to know.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub retry_after: Option<String>,
    /// How its body begins.
    pub said: String,
}

impl Client {
    /// Waits for as long as the caller does.
    pub async fn send(&self, request: Outgoing) -> Result<Answer, String> {
        let answer = if request.uri().scheme_str() == Some("https") {
            let pool = self.secure.get_or_try_init(secure).await?;
            pool.request(request).await
        } else {
            let pool = self.plain.get_or_init(async || pool(connector())).await;
            pool.request(request).await
        };
        Ok(read(answer.map_err(|error| reason(&error))?).await)
    }
}

fn pool<C>(connector: C) -> Pool<C, Full<Bytes>>
where
    C: hyper_util::client::legacy::connect::Connect + Clone,
{
    Pool::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .http1_max_headers(MOST_HEADERS)
        .http1_max_buf_size(HEAD_BYTES)
        .build(connector)
}

fn connector() -> HttpConnector {
    let mut connector = HttpConnector::new();
    // The one above it decides what becomes of https.
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector
}

/// Reads the machine's certificates, which takes a while. What fails is tried again with the next request.
async fn secure() -> Result<Pool<HttpsConnector<HttpConnector>, Full<Bytes>>, String> {
    let build = || {
        let provider = rustls::crypto::ring::default_provider();
        let builder = HttpsConnectorBuilder::new().with_provider_and_native_roots(provider);
        builder.map(|builder| builder.https_only().enable_http1().wrap_connector(connector()))
    };
    match tokio::task::spawn_blocking(build).await {
        Ok(Ok(connector)) => Ok(pool(connector)),
        Ok(Err(error)) => Err(format!(
            "this machine has no certificates of authorities ({error}): install them (ca-certificates), or name them in \
             SSL_CERT_FILE"
        )),
        Err(error) => Err(format!("could not read this machine's certificates: {error}")),
    }
}

async fn read(answer: Response<Incoming>) -> Answer {
    let status = answer.status().as_u16();
    let retry_after = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (mut body, mut begin) = (answer.into_body(), Vec::new());
    let reading = async {
        while begin.len() < BODY_BYTES
            && let Some(Ok(frame)) = body.frame().await
        {
            let room = BODY_BYTES - begin.len();
            let data = frame.into_data().unwrap_or_default();
            begin.extend_from_slice(&data[..data.len().min(room)]);
        }
    };
    // What does not come in time is not missed; dropping the rest of the body ends the connection.
    let _ = tokio::time::timeout(BODY_TIME, reading).await;
    Answer { status, retry_after, said: String::from_utf8_lossy(&begin).into_owned() }
}

/// The innermost reason: those around it say only that something failed.
fn reason(error: &Error) -> String {
    let root = std::iter::successors(std::error::Error::source(error), |error| error.source()).last();
    let why = root.map_or_else(|| error.to_string(), ToString::to_string);
    match error.is_connect() {
        true => format!("no connection: {why}"),
        false => format!("no answer: {why}"),
    }
}
