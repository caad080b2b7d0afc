//! Compiling in a process of its own, and what is kept of it: bombs, kills, damage.

use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use spacehost::runtime::{CompileBounds, CompileError, LoadError, Loads, Place};
use spacehost::words::SpaceSettings;
use spacehost_tests::{Daemon, Host, binary, guest, parent_of, raw, until};
use std::fs;
use std::path::PathBuf;

/// A host that compiles in processes with these bounds.
async fn host_with(change: impl FnOnce(&mut CompileBounds)) -> Host {
    let mut bounds = CompileBounds::default();
    change(&mut bounds);
    let program = tokio::task::spawn_blocking(binary).await.expect("the binary builds");
    Host::with(|config| config.compiler = Place::Apart { program, bounds })
}

fn load(host: &Host, name: &str) -> Loads {
    host.runtime.load(guest(name), &SpaceSettings::default()).unwrap();
    host.runtime.loads()
}

/// The entries of a host's cache.
fn entries(host: &Host) -> Vec<PathBuf> {
    let files = fs::read_dir(host.data().join("cache")).unwrap().map(|file| file.unwrap().path());
    files.filter(|file| file.extension().is_some_and(|ending| ending == "code")).collect()
}

#[tokio::test]
async fn what_was_compiled_once_serves_after_a_restart_without_a_compile() {
    let host = Host::durable();
    host.deploy("a", "probe").await;
    assert_eq!(host.run("a", json!([{ "add": 2 }])).await, 2);
    assert_eq!(host.runtime.loads(), Loads { compiled: 1, known: 0 });
    let described = host.status("a").descriptor;
    let host = host.restarted().await;
    host.deploy("a", "probe").await;
    host.deploy("b", "ear").await;
    assert_eq!(host.run("a", json!([{ "add": 2 }])).await, 4);
    assert_eq!(host.runtime.loads(), Loads { compiled: 1, known: 1 });
    assert_eq!(host.status("a").descriptor, described);
}

#[tokio::test]
async fn in_memory_nothing_is_kept() {
    let host = Host::start();
    load(&host, "ear");
    assert_eq!(load(&host, "ear"), Loads { compiled: 2, known: 0 });
}

#[tokio::test]
async fn damaged_cut_and_foreign_entries_are_compiled_anew_and_replaced() {
    let host = Host::durable();
    load(&host, "ear");
    let ear = entries(&host).remove(0);
    load(&host, "probe");
    let probe = entries(&host).into_iter().find(|entry| *entry != ear).unwrap();
    let sound = fs::read(&ear).unwrap();
    let mut damaged = sound.clone();
    damaged[sound.len() / 2] ^= 1;
    let bad = [
        ("damaged", damaged),
        ("cut", sound[..sound.len() - 1].to_vec()),
        ("empty", Vec::new()),
        ("of another component", fs::read(probe).unwrap()),
        ("of an older form", [b"SHCODE0\n", &sound[8..]].concat()),
        ("without a seal", sound[sound.windows(4).position(|part| part == b"\x7fELF").unwrap()..].to_vec()),
    ];
    for (round, (what, entry)) in (1..).zip(bad) {
        fs::write(&ear, entry).unwrap();
        assert_eq!(load(&host, "ear"), Loads { compiled: 2 + round, known: round - 1 }, "{what}");
        assert_eq!(load(&host, "ear"), Loads { compiled: 2 + round, known: round }, "{what}, replaced");
    }
}

#[tokio::test]
async fn with_another_key_nothing_counts_that_was_sealed_before() {
    let host = Host::durable();
    load(&host, "ear");
    fs::write(host.data().join("cache/key"), b"too short").unwrap();
    let host = host.restarted().await;
    assert_eq!(load(&host, "ear"), Loads { compiled: 1, known: 0 });
    assert_eq!(load(&host, "ear"), Loads { compiled: 1, known: 1 });
}

#[tokio::test]
async fn a_compiler_that_runs_out_of_memory_costs_one_line_and_the_next_component_compiles() {
    let host = host_with(|bounds| bounds.memory_bytes = 128 << 20).await;
    let error = host.load_error(&raw::wide(400_000));
    assert!(matches!(error, LoadError::Compile(CompileError::Memory(_))), "{error}");
    assert!(error.to_string().starts_with("the compiler ran out of memory (limit 128 MiB)"), "{error}");
    host.deploy("a", "ear").await;
    assert_eq!(host.run("a", json!([{ "add": 1 }])).await, 1);
}

#[tokio::test]
async fn a_compiler_that_takes_too_long_costs_one_line_and_the_next_component_compiles() {
    let host = host_with(|bounds| bounds.cpu_s = 2).await;
    let error = host.load_error(&raw::deep(100_000));
    assert!(error.to_string().starts_with("the compiler took longer than 2 s of CPU"), "{error}");
    host.deploy("a", "ear").await;
    assert_eq!(host.run("a", json!([{ "add": 1 }])).await, 1);
}

#[tokio::test]
async fn what_is_no_component_is_said_by_either_way_of_compiling() {
    let apart = host_with(|_| {}).await;
    let cut = &guest("ear")[..1_000];
    let here = Host::start().load_error(cut).to_string();
    assert_eq!(apart.load_error(cut).to_string(), here);
    assert!(here.starts_with("the component is invalid: "), "{here}");
}

/// Drops in what takes a minute to compile, and waits until a process is at it.
async fn busy(daemon: &Daemon) -> Pid {
    fs::write(daemon.file("slow.wasm"), raw::deep(300_000)).unwrap();
    until("a compiler runs", async || daemon.children().into_iter().next()).await
}

#[tokio::test]
async fn a_compiler_killed_from_outside_costs_one_line_and_nobody_else_anything() {
    let daemon = Daemon::start().await;
    daemon.install("good", "probe").await;
    let compiler = busy(&daemon).await;
    assert_eq!(daemon.run("good", &json!([{ "add": 1 }])).await, (200, json!(1)));
    kill_process(compiler, Signal::KILL).unwrap();
    let reason = async || daemon.space("slow").await["file"]["reason"].as_str().map(str::to_owned);
    let reason = until("`slow` is refused", reason).await;
    assert!(reason.starts_with("the compiler was killed (signal 9)"), "{reason}");
    daemon.install("later", "ear").await;
    assert_eq!(daemon.run("good", &json!([{ "add": 1 }])).await, (200, json!(2)));
}

#[tokio::test]
async fn a_host_that_ends_or_is_killed_leaves_no_compiler_behind() {
    for signal in [Signal::TERM, Signal::KILL] {
        let daemon = Daemon::start().await;
        let compiler = busy(&daemon).await;
        let status = daemon.end(signal).await;
        assert_eq!(status.success(), signal == Signal::TERM, "{status}");
        until("the compiler is gone", async || parent_of(compiler).is_none().then_some(())).await;
    }
}

#[tokio::test]
async fn compiled_code_in_any_disguise_is_refused() {
    let daemon = Daemon::start().await;
    daemon.install("good", "ear").await;
    let mut kept = fs::read_dir(daemon.folder().join("data/cache")).unwrap().map(|file| file.unwrap().path());
    let entry = fs::read(kept.find(|file| file.extension().is_some()).unwrap()).unwrap();
    let code = &entry[entry.windows(4).position(|part| part == b"\x7fELF").unwrap()..];
    fs::write(daemon.file("entry.wasm"), &entry).unwrap();
    fs::write(daemon.file("code.wasm"), code).unwrap();
    fs::write(daemon.file("headed.wasm"), [b"\0asm\x0d\0\x01\0", code].concat()).unwrap();
    fs::write(daemon.file("wrapped.wasm"), raw::component_of(&[(0, [b"\x04code", code].concat())])).unwrap();
    fs::write(daemon.file("zipped.wasm"), [b"\x1f\x8b\x08\0\0\0\0\0", code].concat()).unwrap();
    fs::write(daemon.file("code.cwasm"), code).unwrap();
    for (name, says) in [
        ("entry", "not WebAssembly"),
        ("code", "not WebAssembly"),
        ("headed", "invalid"),
        ("wrapped", "it does not export"),
        ("zipped", "not WebAssembly"),
    ] {
        let reason = async || daemon.space(name).await["file"]["reason"].as_str().map(str::to_owned);
        let reason = until(&format!("`{name}` is refused"), reason).await;
        assert!(reason.contains(says), "{name}: {reason}");
    }
    let answer = daemon.request(Method::GET, "/v1/spaces").send().await.unwrap().text().await.unwrap();
    assert!(!answer.contains("cwasm"), "only .wasm is looked at: {answer}");
}
