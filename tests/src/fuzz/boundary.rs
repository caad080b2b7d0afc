//! The boundary between guest and host: a component that calls the host in any order, with any numbers for places, lengths
//! and handles, and answers whatever then lies in its memory. Its neighbour is answered rightly all the same.

use super::loader::runtime;
use crate::hostile::{Hostile, SCRATCH};
use crate::{granting_all, limits};
use bytes::Bytes;
use spacehost::runtime::api::Delivery;
use spacehost::words::{SpaceName, SpaceSettings};
use std::fmt::Write;
use std::sync::OnceLock;

/// Functions of the host, each with the types of its parameters (i: 32 bits, I: 64) and whether it has a result.
const CALLS: &[(&str, &str, bool)] = &[
    ("now", "", true),
    ("log", "iii", false),
    ("config-all", "i", false),
    ("get", "iii", false),
    ("set", "iiiii", false),
    ("scan", "iiiiiii", false),
    ("scan-back", "iiiiiii", false),
    ("timer-set", "iiiiIi", false),
    ("timer-cancel", "iii", false),
    ("publish", "iiiii", false),
    ("request", "iiiii", false),
    ("publish-with", "iiiiiiiiii", false),
    ("pollable", "I", true),
    ("block", "i", false),
    ("poll", "iii", false),
    ("random-bytes", "Ii", false),
    ("stdin", "", true),
    ("stdout", "", true),
    ("read", "iIi", false),
    ("write", "iiii", false),
    ("new-thing", "i", true),
];

/// Numbers at which something changes: beginnings and ends of the memory, of its parts, and of numbers.
const NUMBERS: [u32; 16] = [
    0,
    1,
    2,
    16,
    32,
    64,
    1_024,
    SCRATCH,
    SCRATCH + 1,
    SCRATCH + 64,
    0x1_fff8,
    0x1_ffff,
    0x2_0000,
    0x7fff_ffff,
    0x8000_0000,
    u32::MAX,
];
const MOST_CALLS: usize = 24;

/// The first half is what lies in the memory, the second what is called with what.
pub fn calls(bytes: &[u8]) {
    let (memory, program) = bytes.split_at(bytes.len() / 2);
    let data: String = memory.iter().take(4_096).map(|byte| format!("\\{byte:02x}")).collect();
    let component = Hostile { command: instructions(program), ..Hostile::default() }
        .with(&format!("(data (i32.const {SCRATCH}) \"{data}\")"))
        .component();
    let artifact = runtime().load(&component, &SpaceSettings::default()).expect("it is a space");
    tokio().block_on(async {
        let tight = limits(|limits| (limits.cpu_per_turn_ms, limits.wall_per_turn_ms) = (50, 500));
        runtime().deploy(&name("bad"), artifact, tight).await.expect("it is deployed");
        let run = |space| runtime().call(space, "run", Bytes::from_static(b"{}"), Delivery::default());
        // However it ends is right.
        let _ = run("bad").await;
        assert_eq!(run(good().await).await.expect("the neighbour answers"), "1");
    });
}

fn instructions(program: &[u8]) -> String {
    let mut text = String::new();
    let mut bytes = program.iter().copied();
    for _ in 0..MOST_CALLS {
        let Some(choice) = bytes.next() else { break };
        let mut number = || NUMBERS[usize::from(bytes.next().unwrap_or_default()) % NUMBERS.len()];
        // Every fifth is a write into what it will answer, or pass on.
        if choice % 5 == 4 {
            let (at, value) = (number() & 0xfff8, number());
            let _ = writeln!(text, "(i32.store (i32.const {at}) (i32.const {}))", value as i32);
            continue;
        }
        let (call, parameters, has_result) = CALLS[usize::from(choice / 5) % CALLS.len()];
        let mut arguments = String::new();
        for kind in parameters.chars() {
            let word = if kind == 'I' { "i64" } else { "i32" };
            let _ = write!(arguments, " ({word}.const {})", number() as i32);
        }
        let call = format!("(call ${call}{arguments})");
        let _ = writeln!(text, "{}", if has_result { format!("(drop {call})") } else { call });
    }
    text
}

/// The neighbour, deployed once.
async fn good() -> &'static str {
    static DEPLOYED: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();
    let deploy = async || {
        let artifact = runtime().load(&Hostile::default().component(), &SpaceSettings::default()).expect("a space");
        runtime().deploy(&name("good"), artifact, granting_all()).await.expect("it is deployed");
    };
    DEPLOYED.get_or_init(deploy).await;
    "good"
}

fn tokio() -> &'static tokio::runtime::Runtime {
    static TOKIO: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    TOKIO.get_or_init(|| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1).enable_all().build().expect("a runtime")
    })
}

fn name(name: &str) -> SpaceName {
    SpaceName::parse(name).expect("a legal name")
}

pub fn seeds() -> Vec<Vec<u8>> {
    let every_call: Vec<u8> = (0..CALLS.len() as u8).flat_map(|call| [call * 5, 7, 6, 7, 5, 7, 5, 7]).collect();
    let padded = |program: &[u8]| [vec![b'a'; program.len()], program.to_vec()].concat();
    vec![vec![], padded(&every_call), padded(&[4, 4, 15, 4, 5, 15]), padded(&[20, 7, 15, 7, 15, 10])]
}
