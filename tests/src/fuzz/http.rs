//! Bytes on a connection: whatever they are, the next client is answered.
//!
//! `TOKEN` in the input stands for the host's token, which no fuzzer would guess.

use spacehost::http::IDEMPOTENCY_KEYS;
use spacehost::runtime::Place;
use spacehost::store::StoreConfig;
use spacehost::words::AllowedNames;
use spacehost::{Host, RunConfig, shutdown};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::OnceLock;
use std::time::Duration;
use tempfile::TempDir;

/// A host that has no spaces.
struct Bare {
    address: SocketAddr,
    token: String,
    _folder: TempDir,
}

fn bare() -> &'static Bare {
    static BARE: OnceLock<Bare> = OnceLock::new();
    BARE.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let spaces = folder.path().join("spaces");
        std::fs::create_dir(&spaces).expect("a drop folder");
        let config = config(spaces, folder.path().join("data"));
        let (sender, started) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
            tokio.expect("a runtime").block_on(async move {
                let host = Host::start(config).await.expect("a host starts");
                sender.send((host.address(), host.token().reveal().to_owned())).expect("it is awaited");
                // Held, so that it runs as long as the process.
                let (_trigger, shutdown) = shutdown::channel();
                host.serve(shutdown).await.expect("it serves");
            });
        });
        let (address, token) = started.recv().expect("the host has started");
        Bare { address, token, _folder: folder }
    })
}

fn config(spaces: std::path::PathBuf, data: std::path::PathBuf) -> RunConfig {
    RunConfig {
        spaces,
        data,
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        executors: 1,
        names: AllowedNames::default(),
        settings: None,
        development: false,
        swap_wait: Duration::from_secs(1),
        memory: true,
        memory_bytes: None,
        idempotency_keys: IDEMPOTENCY_KEYS,
        store: StoreConfig::default(),
        compiler: Place::Here,
        traces: None,
    }
}

pub fn request(bytes: &[u8]) {
    let host = bare();
    let text = replaced(bytes, b"TOKEN", host.token.as_bytes());
    let text = replaced(&text, b"HOST", host.address.to_string().as_bytes());
    let mut connection = connect(host);
    // The host may have heard enough before all is said.
    let _ = connection.write_all(&text);
    let _ = connection.shutdown(Shutdown::Write);
    let _ = connection.take(1 << 20).read_to_end(&mut Vec::new());
    let mut good = connect(host);
    let asked = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", host.address);
    good.write_all(asked.as_bytes()).expect("the host listens");
    let mut answer = String::new();
    good.read_to_string(&mut answer).expect("the host answers");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

fn connect(host: &Bare) -> TcpStream {
    let connection = TcpStream::connect(host.address).expect("the host accepts");
    connection.set_read_timeout(Some(Duration::from_secs(30))).expect("a time-out");
    connection
}

fn replaced(bytes: &[u8], what: &[u8], by: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = rest.windows(what.len()).position(|window| window == what) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(by);
        rest = &rest[at + what.len()..];
    }
    out.extend_from_slice(rest);
    out
}

pub fn seeds() -> Vec<Vec<u8>> {
    let head = "Host: HOST\r\nAuthorization: Bearer TOKEN\r\n";
    let texts = [
        format!("GET /v1/spaces HTTP/1.1\r\n{head}\r\n"),
        format!(
            "POST /v1/spaces/a/commands/run?wait=false HTTP/1.1\r\n{head}Idempotency-Key: k\r\nContent-Length: 2\r\n\r\n{{}}"
        ),
        format!("POST /v1/events/a.b HTTP/1.1\r\n{head}Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n"),
        format!("GET /v1/spaces/a/state?prefix=x&limit=2&after=aa HTTP/1.1\r\n{head}\r\n"),
        format!(
            "GET /v1/messages/1-2 HTTP/1.1\r\n{head}\r\nDELETE /v1/spaces/a/dead-letters/1-0 HTTP/1.1\r\n{head}\r\n"
        ),
        format!("GET /v1/events?pattern=a.%3E HTTP/1.0\r\n{head}Last-Event-ID: 1-2-3\r\nOrigin: null\r\n\r\n"),
    ];
    texts.map(String::into_bytes).into()
}
