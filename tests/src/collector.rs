//! A real receiver of OTLP: rotel, a collector that comes as a Python package. What has reached it is read from its own
//! account of it.
//!
//! Installs it on first use into `target/tools`. Knows its words and nothing of what a test claims.

use crate::until;
use std::collections::BTreeMap;
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use tempfile::TempDir;

const PACKAGE: &str = "rotel==0.0.1a15";

pub struct Collector {
    child: Child,
    folder: TempDir,
    http: u16,
}

/// A span as the collector tells of it: ids in hex, values as text.
#[derive(Debug, Clone, Default)]
pub struct Received {
    pub trace: String,
    /// Empty: it has none.
    pub parent: String,
    pub id: String,
    pub name: String,
    pub kind: String,
    pub begun: u128,
    pub ended: u128,
    pub status: String,
    pub message: String,
    pub attributes: BTreeMap<String, String>,
    /// The attributes of its events.
    pub events: Vec<BTreeMap<String, String>>,
    /// Of whoever sent it.
    pub resource: BTreeMap<String, String>,
}

impl Received {
    pub fn is(&self, name: &str, value: &str) -> bool {
        self.attributes.get(name).is_some_and(|found| found == value)
    }

    /// The lines that were logged in it.
    pub fn lines(&self) -> Vec<&str> {
        self.events.iter().filter_map(|event| event.get("log.message")).map(String::as_str).collect()
    }
}

impl Collector {
    pub async fn start() -> Self {
        let program = tokio::task::spawn_blocking(installed).await.expect("the collector is installed");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (grpc, http) = (free_port(), free_port());
        let said = File::create(folder.path().join("said")).expect("a file for what it says");
        let address = |port| format!("127.0.0.1:{port}");
        let child = Command::new(program)
            .args(["start", "--otlp-grpc-endpoint", &address(grpc), "--otlp-http-endpoint", &address(http)])
            .args(["--debug-log", "traces", "--debug-log-verbosity", "detailed", "--exporter", "blackhole"])
            .current_dir(folder.path())
            .stdout(said.try_clone().expect("the same file"))
            .stderr(said)
            .stdin(Stdio::null())
            .spawn()
            .expect("the collector starts");
        let collector = Collector { child, folder, http };
        let listens = async || TcpStream::connect((Ipv4Addr::LOCALHOST, http)).ok();
        until("the collector listens", listens).await;
        collector
    }

    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.http)
    }

    /// All that has come so far.
    pub fn spans(&self) -> Vec<Received> {
        parse(&self.said())
    }

    /// Waits until so many spans of a trace have come, and answers them.
    pub async fn trace(&self, trace: &str, count: usize) -> Vec<Received> {
        self.spans_when(&format!("{count} spans of trace {trace}"), |spans| {
            let of_trace: Vec<_> = spans.into_iter().filter(|span| span.trace == trace).collect();
            (of_trace.len() >= count).then_some(of_trace)
        })
        .await
    }

    /// Waits until `wanted` finds what it looks for among all spans.
    pub async fn spans_when<T>(&self, what: &str, mut wanted: impl FnMut(Vec<Received>) -> Option<T>) -> T {
        let mut before = String::new();
        let look = async || {
            // It may be in the middle of a span: what is read has to be what was there at the last look.
            let said = self.said();
            let rests = said == before;
            before = said;
            rests.then(|| wanted(parse(&before)))?
        };
        until(what, look).await
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("said")).expect("what it said is text")
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What no process listens on now; whoever takes it in between makes a test fail, and not pass.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}

fn installed() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools");
        let (folder, part) = (tools.join(PACKAGE), tools.join(format!("{PACKAGE}.part")));
        if !folder.exists() {
            let _ = std::fs::remove_dir_all(&part);
            let mut pip = Command::new("python3");
            pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--target"]);
            let status = pip.arg(&part).arg(PACKAGE).env("PIP_ROOT_USER_ACTION", "ignore").status();
            assert!(status.is_ok_and(|status| status.success()), "python3 with pip installs {PACKAGE}");
            std::fs::rename(&part, &folder).expect("a whole package takes its place");
        }
        folder.join("rotel/rotel-agent")
    })
}

/// Where an attribute belongs that comes next.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Resource,
    Span,
    Event,
}

fn parse(said: &str) -> Vec<Received> {
    let (mut spans, mut resource, mut part) = (Vec::<Received>::new(), BTreeMap::new(), Part::Resource);
    for line in said.lines().map(str::trim) {
        if line.starts_with("ResourceSpans #") {
            (resource, part) = (BTreeMap::new(), Part::Resource);
        } else if line.starts_with("Span #") {
            spans.push(Received { resource: resource.clone(), ..Received::default() });
            part = Part::Span;
        } else if line.starts_with("SpanEvent #") {
            spans.last_mut().expect("an event is of a span").events.push(BTreeMap::new());
            part = Part::Event;
        } else if let Some((name, value)) = line.strip_prefix("-> ").and_then(|pair| pair.split_once(": ")) {
            let attributes = match part {
                Part::Resource => &mut resource,
                Part::Span => &mut spans.last_mut().expect("a span").attributes,
                Part::Event => spans.last_mut().and_then(|span| span.events.last_mut()).expect("an event"),
            };
            attributes.insert(name.to_owned(), plain(value));
        } else if let (Some(span), Some((name, value))) = (spans.last_mut(), line.split_once(':')) {
            span.field(name.trim(), value.trim());
        }
    }
    spans
}

impl Received {
    fn field(&mut self, name: &str, value: &str) {
        let number = || value.parse().unwrap_or_default();
        match name {
            "Trace ID" => self.trace = value.to_owned(),
            "Parent ID" => self.parent = value.to_owned(),
            "ID" => self.id = value.to_owned(),
            "Name" => self.name = value.to_owned(),
            "Kind" => self.kind = value.to_owned(),
            "Start time" => self.begun = number(),
            "End time" => self.ended = number(),
            "Status code" => self.status = value.to_owned(),
            "Status message" => self.message = value.to_owned(),
            _ => {}
        }
    }
}

/// `Str(x)` and `Int(1)` without their kind.
fn plain(value: &str) -> String {
    let inner = value.strip_suffix(')').and_then(|value| value.split_once('('));
    inner.map_or(value, |(_, inner)| inner).to_owned()
}
