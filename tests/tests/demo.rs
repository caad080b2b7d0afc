//! The demo as a visitor runs it who does not wait for its end. What it finds is tested in `systems`.

use rustix::process::{Pid, Signal, kill_process};
use spacehost_tests::{binary, system_into, until};
use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// `spacehost demo shop` with these arguments, and the folder of its spaces, which must be there until they are copied.
async fn demo(arguments: &[&str]) -> (Child, TempDir) {
    let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    let start = move || {
        let guests = tempfile::tempdir().expect("a temporary folder");
        system_into("shop", guests.path());
        let mut command = Command::new(binary());
        command.args(["demo", "shop", "--guests"]).arg(guests.path()).args(arguments);
        // Not at the usual port: other tests may run a demo at the same time.
        command.args(["--listen", "127.0.0.1:0"]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        (command.spawn().expect("the binary starts"), guests)
    };
    tokio::task::spawn_blocking(start).await.expect("the shop builds")
}

fn is_reachable(address: &str) -> bool {
    TcpStream::connect(address).is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_demo_ends_well_and_leaves_no_host_behind() {
    let (mut demo, _guests) = demo(&["--no-kill"]).await;
    let mut output = BufReader::new(demo.stdout.take().expect("its output"));
    let mut said = String::new();
    output.read_line(&mut said).expect("a first line");
    let address = said.trim().rsplit_once("http://").expect("an address").1.to_owned();
    assert!(is_reachable(&address), "{said}");
    kill_process(Pid::from_child(&demo), Signal::INT).expect("it still runs");
    // Read on, so that it can write on.
    let rest = tokio::task::spawn_blocking(move || output.read_to_string(&mut String::new()));
    let status = until("the demo has ended", async || demo.try_wait().expect("its status")).await;
    assert!(status.success(), "{status}");
    assert!(!is_reachable(&address), "the host is still there");
    rest.await.expect("no panic").expect("its output");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_demo_takes_its_host_with_it() {
    let (mut demo, _guests) = demo(&["--no-kill"]).await;
    let mut said = String::new();
    BufReader::new(demo.stdout.take().expect("its output")).read_line(&mut said).expect("a first line");
    let address = said.trim().rsplit_once("http://").expect("an address").1.to_owned();
    demo.kill().expect("it still runs");
    demo.wait().expect("its status");
    until("the host has ended", async || (!is_reachable(&address)).then_some(())).await;
}
