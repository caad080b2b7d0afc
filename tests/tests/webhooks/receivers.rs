//! Receivers that misbehave harm their own webhook and nobody else; and receivers behind TLS.

use super::*;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// What a server does with a connection from which it has read something.
type Way = fn(TcpStream) -> futures::future::BoxFuture<'static, ()>;

async fn read_some(stream: &mut (impl AsyncReadExt + Unpin)) {
    let _ = stream.read(&mut [0; 1 << 16]).await;
}

/// The address of a server that does that.
async fn bad_server(way: Way) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                read_some(&mut stream).await;
                way(stream).await;
            });
        }
    });
    format!("http://{address}/")
}

fn never_answers(stream: TcpStream) -> futures::future::BoxFuture<'static, ()> {
    Box::pin(async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
}

fn closes(stream: TcpStream) -> futures::future::BoxFuture<'static, ()> {
    Box::pin(async move { drop(stream) })
}

/// A byte of the head at a time, without end.
fn dawdles(mut stream: TcpStream) -> futures::future::BoxFuture<'static, ()> {
    Box::pin(async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nx: ").await;
        while stream.write_all(b"y").await.is_ok() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
}

fn floods_the_head(mut stream: TcpStream) -> futures::future::BoxFuture<'static, ()> {
    Box::pin(async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
        while stream
            .write_all(&b"x: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n".repeat(100))
            .await
            .is_ok()
        {}
    })
}

fn talks_nonsense(mut stream: TcpStream) -> futures::future::BoxFuture<'static, ()> {
    Box::pin(async move {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2p1\r\n").await;
    })
}

/// Success, and then a body without end.
fn floods_the_body(mut stream: TcpStream) -> futures::future::BoxFuture<'static, ()> {
    Box::pin(async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n").await;
        while stream.write_all(&[b'x'; 1 << 14]).await.is_ok() {}
    })
}

#[tokio::test]
async fn bad_receivers_harm_nobody_but_their_own_webhooks() {
    let good = Receiver::start().await;
    let bad: [(&str, Way); 5] = [
        ("silent", never_answers),
        ("closing", closes),
        ("slow", dawdles),
        ("flooding", floods_the_head),
        ("foreign", talks_nonsense),
    ];
    let mut settings = billing(&good, "") + &section("endless", &bad_server(floods_the_body).await, "orders.>", "");
    for (name, way) in bad {
        settings += &section(name, &bad_server(way).await, "orders.>", "timeout_ms = 300\nattempts = 2");
    }
    let daemon = host(&settings).await;
    daemon.install("a", "probe").await;
    publish_all(&daemon, 0..20).await;
    assert_eq!(daemon.run("a", &json!([{ "add": 1 }])).await, (200, json!(1)));
    assert_eq!(first_data(&good.got(20).await), numbers(0..20));
    for (name, _) in bad {
        let failing = async || {
            let hook = hook(&daemon, name).await;
            (hook["dead_letters"].as_u64() > Some(0)).then_some(hook)
        };
        let hook = until(&format!("{name} gives an event up"), failing).await;
        assert_eq!(hook["delivered"], 0, "{hook}");
        let why = hook["last_failure"]["why"].as_str().expect("why");
        assert!(why.starts_with("no answer"), "{name}: {why}");
    }
    let endless = async || (hook(&daemon, "endless").await["delivered"].as_u64() > Some(2)).then_some(());
    until("a success is one, whatever follows", endless).await;
    assert_eq!(hook(&daemon, "endless").await["failed_attempts"], 0);
}

/// An authority, and a server's configuration for 127.0.0.1 that it vouches for.
fn authority() -> (String, Arc<ServerConfig>) {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let root = params.self_signed(&key).expect("a certificate");
    let issuer = Issuer::new(params, key);
    let server_key = KeyPair::generate().expect("a key");
    let server = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("a name");
    let certificate = server.signed_by(&server_key, &issuer).expect("a certificate");
    let private = PrivateKeyDer::try_from(server_key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    let config = config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], private);
    (root.pem(), Arc::new(config.expect("a configuration")))
}

/// The address of a server behind TLS that answers 204, one request to a connection.
async fn secure_server(config: Arc<ServerConfig>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let acceptor = TlsAcceptor::from(config);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                read_some(&mut stream).await;
                let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await;
                let _ = stream.shutdown().await;
            });
        }
    });
    format!("https://{address}/hooks")
}

#[tokio::test]
async fn https_is_spoken_with_receivers_that_the_machine_trusts_and_with_no_others() {
    let (trusted, strange) = (authority(), authority());
    let [good, bad] = [secure_server(trusted.1).await, secure_server(strange.1).await];
    let roots = tempfile::tempdir().expect("a temporary folder");
    let file = roots.path().join("roots.pem");
    fs::write(&file, trusted.0).expect("a file");
    let variables = vec![("SSL_CERT_FILE", file.display().to_string())];
    let settings = section("good", &good, "orders.>", "") + &section("bad", &bad, "orders.>", "attempts = 1");
    let daemon = start(&settings, &Launch { variables, ..Launch::default() }).await;
    publish_all(&daemon, 0..2).await;
    until_hook(&daemon, "good", "delivered", json!(2)).await;
    let refused = until_hook(&daemon, "bad", "dead_letters", json!(2)).await;
    let why = refused["last_failure"]["why"].as_str().expect("why");
    assert!(why.starts_with("no connection: invalid peer certificate"), "{why}");
}

#[tokio::test]
async fn the_numbers_of_a_scrape_are_what_came_of_it() {
    let receiver = Receiver::start().await;
    let daemon = host(&billing(&receiver, "attempts = 2")).await;
    for _ in 0..3 {
        receiver.answer_once(500, "");
    }
    publish_all(&daemon, 0..3).await;
    until_hook(&daemon, "billing", "delivered", json!(2)).await;
    let (_, text) = get(&daemon, "/metrics").await;
    let text = text.as_str().expect("text");
    for line in [
        "spacehost_webhook_delivered_total{webhook=\"billing\"} 2",
        "spacehost_webhook_failures_total{webhook=\"billing\"} 3",
        "spacehost_webhook_dead_letters{webhook=\"billing\"} 1",
        "spacehost_webhook_dead_lettered_events_total{webhook=\"billing\"} 1",
        "spacehost_webhook_attempt_duration_seconds_count{webhook=\"billing\"} 5",
        "spacehost_webhook_gaps_total{webhook=\"billing\"} 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
}
