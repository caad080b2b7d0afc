//! A client that sends whatever it is told to, byte by byte, and reads what comes back.
//!
//! Knows just enough HTTP to read an answer. A connection that has ended is no failure here: it is what many tests wait for.

use crate::Daemon;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

pub struct Wire {
    stream: BufReader<TcpStream>,
}

/// An answer as it came.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// With names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Wire {
    pub async fn connect(daemon: &Daemon) -> Self {
        let stream = TcpStream::connect(daemon.address()).await.expect("the host accepts connections");
        Wire { stream: BufReader::new(stream) }
    }

    /// False when the host has closed the connection.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.get_mut().write_all(bytes.as_ref()).await.is_ok()
    }

    /// The next answer; none when the connection has ended.
    pub async fn answer(&mut self) -> Option<Answer> {
        let status = self.line().await?.split(' ').nth(1)?.parse().ok()?;
        let mut headers = Vec::new();
        while let (name, value) = self.line().await?.split_once(':').map_or_else(Default::default, named)
            && !name.is_empty()
        {
            headers.push((name, value));
        }
        let mut answer = Answer { status, headers, body: Vec::new() };
        let length = answer.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        answer.body.resize(length, 0);
        self.stream.read_exact(&mut answer.body).await.ok()?;
        Some(answer)
    }

    /// Sends this, and answers the status of what comes back, or 0 when the connection ends without.
    pub async fn ask(&mut self, bytes: impl AsRef<[u8]>) -> u16 {
        self.send(bytes).await;
        self.answer().await.map_or(0, |answer| answer.status)
    }

    /// Reads over what comes until the connection has ended.
    pub async fn ended(&mut self) {
        let mut bytes = vec![0; 1 << 16];
        while self.stream.read(&mut bytes).await.is_ok_and(|read| read > 0) {}
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.stream.read_line(&mut line).await.ok()?;
        (read > 0).then(|| line.trim_end().to_owned())
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

fn named((name, value): (&str, &str)) -> (String, String) {
    (name.to_ascii_lowercase(), value.trim().to_owned())
}
