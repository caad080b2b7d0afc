//! A client of the host's API.
//!
//! Owns the HTTP connection, the token's header and the reading of problems. Must not know commands. Fails with
//! "not reachable", with the problem that the host answered, or with what broke off.

use super::connect::Found;
use super::failure::Failure;
use super::sse::{Frame, Parser};
use anyhow::{Context, Result};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use std::collections::VecDeque;
use std::io::Write;
use std::time::Duration;

/// Longer than any turn may take by default, so that it is the host who says that it took too long.
const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    authorization: String,
}

/// What a problem document says that a person wants to know.
#[derive(Deserialize)]
struct Problem {
    title: String,
    detail: String,
    #[serde(default)]
    next: String,
    code: Option<String>,
    #[serde(default)]
    retryable: bool,
}

impl Client {
    pub fn new(found: &Found) -> Result<Self> {
        // A proxy has no business between us and a host on this machine.
        let http = reqwest::Client::builder().no_proxy().connect_timeout(Duration::from_secs(5)).build()?;
        Ok(Client { http, url: found.url.clone(), authorization: format!("Bearer {}", found.token.reveal()) })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub async fn get(&self, path: &str) -> Result<Value> {
        let response = self.send(self.request(Method::GET, path).timeout(PATIENCE)).await?;
        response.json().await.context("the host's answer broke off")
    }

    /// With parameters that may hold anything.
    pub async fn get_with(&self, path: &str, query: &[(&str, String)]) -> Result<Value> {
        let response = self.send(self.request(Method::GET, path).query(query).timeout(PATIENCE)).await?;
        response.json().await.context("the host's answer broke off")
    }

    /// Writes the answer to `out` as it comes, however long that takes.
    pub async fn download(&self, path: &str, out: &mut impl Write) -> Result<()> {
        let mut response = self.send(self.request(Method::GET, path)).await?;
        while let Some(bytes) = response.chunk().await.context("the host's answer broke off")? {
            out.write_all(&bytes)?;
        }
        Ok(())
    }

    pub async fn text(&self, path: &str) -> Result<String> {
        let response = self.send(self.request(Method::GET, path).timeout(PATIENCE)).await?;
        response.text().await.context("the host's answer broke off")
    }

    /// Sends a body; the answer as it came.
    pub async fn post(&self, path: &str, body: Vec<u8>, headers: &[(&str, &str)]) -> Result<Vec<u8>> {
        let mut request = self.request(Method::POST, path).timeout(PATIENCE).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.send(request).await?;
        Ok(response.bytes().await.context("the host's answer broke off")?.to_vec())
    }

    pub async fn delete(&self, path: &str) -> Result<()> {
        self.send(self.request(Method::DELETE, path).timeout(PATIENCE)).await?;
        Ok(())
    }

    /// The same for what has an answer.
    pub async fn delete_with_answer(&self, path: &str) -> Result<Value> {
        let response = self.send(self.request(Method::DELETE, path).timeout(PATIENCE)).await?;
        response.json().await.context("the host's answer broke off")
    }

    pub async fn order(&self, path: &str) -> Result<Value> {
        let answer = self.post(path, Vec::new(), &[]).await?;
        serde_json::from_slice(&answer).context("the host's answer is no JSON")
    }

    /// Returns when the host listens: what is published after that will be heard.
    pub async fn listen(&self, path: &str, query: &[(&str, &str)]) -> Result<Stream> {
        self.stream(self.request(Method::GET, path).query(query)).await
    }

    /// Listens to events, and first hears all those since the one of that id.
    pub async fn listen_since(&self, pattern: &str, id: &str) -> Result<Stream> {
        let request = self.request(Method::GET, "/v1/events").query(&[("pattern", pattern)]);
        self.stream(request.header("last-event-id", id)).await
    }

    async fn stream(&self, request: RequestBuilder) -> Result<Stream> {
        let response = self.send(request.header("accept", "text/event-stream")).await?;
        Ok(Stream { response, parser: Parser::default(), ready: VecDeque::new() })
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).header("authorization", &self.authorization)
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response> {
        let response = request.send().await.map_err(|error| self.unsent(error))?;
        if response.status().is_success() { Ok(response) } else { Err(problem(response).await) }
    }

    fn unsent(&self, error: reqwest::Error) -> anyhow::Error {
        if error.is_connect() {
            let root = std::iter::successors(std::error::Error::source(&error), |error| error.source()).last();
            let why = root.map_or_else(|| error.to_string(), ToString::to_string);
            return Failure::Unreachable { url: self.url.clone(), why }.into();
        }
        anyhow::Error::new(error).context(format!("the host at {} gave no answer", self.url))
    }
}

async fn problem(response: Response) -> anyhow::Error {
    let status = response.status();
    let body = response.bytes().await.unwrap_or_default();
    let failure = match serde_json::from_slice(&body) {
        Ok(Problem { title, detail, next, code, retryable }) => {
            Failure::Problem { title, detail, code, next, retryable }
        }
        Err(_) => not_ours(status),
    };
    failure.into()
}

fn not_ours(status: StatusCode) -> Failure {
    Failure::Problem {
        title: "Unexpected answer".to_owned(),
        detail: format!("status {status}, without a problem document"),
        code: None,
        next: "Is this the address of a spacehost?".to_owned(),
        retryable: false,
    }
}

/// Whether the same request may succeed later: nobody answered, the answer broke off, or it says so.
pub fn may_pass(error: &anyhow::Error) -> bool {
    match error.downcast_ref::<Failure>() {
        Some(Failure::Unreachable { .. }) => true,
        Some(Failure::Problem { retryable, .. }) => *retryable,
        Some(Failure::Usage(_)) => false,
        None => error.is::<reqwest::Error>(),
    }
}

/// Server-sent events, one by one.
pub struct Stream {
    response: Response,
    parser: Parser,
    ready: VecDeque<Frame>,
}

impl Stream {
    /// None when the host has ended the stream.
    pub async fn next(&mut self) -> Result<Option<Frame>> {
        while self.ready.is_empty() {
            match self.response.chunk().await.context("the stream broke off")? {
                Some(bytes) => self.ready.extend(self.parser.feed(&bytes)),
                None => return Ok(None),
            }
        }
        Ok(self.ready.pop_front())
    }
}
