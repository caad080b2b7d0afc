//! Hostile components: a small core module whose handlers are given as WebAssembly text, wrapped into a component of the
//! contract. Whatever is left out is harmless: it answers at once.
//!
//! Owns the shape that all of them share. Must not know what an attack does or how it is to end. A text that is no
//! WebAssembly is a panic.

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

const CONTRACT: &str = include_str!("../../wit/space.wit");

/// The parts of WASI that attacks use, as WASI has them.
const WASI: &str = "
package wasi:io@0.2.6 {
    interface poll {
        resource pollable { block: func(); ready: func() -> bool; }
        poll: func(in: list<borrow<pollable>>) -> list<u32>;
    }
    interface error { resource error; }
    interface streams {
        use error.{error};
        variant stream-error { last-operation-failed(error), closed }
        resource input-stream { read: func(len: u64) -> result<list<u8>, stream-error>; }
        resource output-stream {
            blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>;
        }
    }
}
package wasi:clocks@0.2.6 {
    interface monotonic-clock {
        use wasi:io/poll@0.2.6.{pollable};
        now: func() -> u64;
        subscribe-duration: func(when: u64) -> pollable;
    }
}
package wasi:random@0.2.6 { interface random { get-random-bytes: func(len: u64) -> list<u8>; } }
package wasi:cli@0.2.6 {
    interface stdin { use wasi:io/streams@0.2.6.{input-stream}; get-stdin: func() -> input-stream; }
    interface stdout { use wasi:io/streams@0.2.6.{output-stream}; get-stdout: func() -> output-stream; }
    interface stderr { use wasi:io/streams@0.2.6.{output-stream}; get-stderr: func() -> output-stream; }
}
";

const WORLD: &str = "
interface hoard { resource thing { constructor(); } }
world hostile {
    include space-with-lifecycle;
    import wasi:io/poll@0.2.6;
    import wasi:io/streams@0.2.6;
    import wasi:clocks/monotonic-clock@0.2.6;
    import wasi:random/random@0.2.6;
    import wasi:cli/stdin@0.2.6;
    import wasi:cli/stdout@0.2.6;
    import wasi:cli/stderr@0.2.6;
    export hoard;
}
";

/// Where things lie in the memory: what `describe` answers, an answer without fault, its reply, the descriptor. From
/// `SCRATCH` on all is the attack's.
const DESCRIBED: u32 = 16;
const ANSWER: u32 = 32;
const REPLY: u32 = 64;
const DESCRIPTOR: u32 = 1_024;
pub const SCRATCH: u32 = 0x1_0000;

/// What a component does, each as the text of instructions that leave nothing on the stack.
#[derive(Clone, Default)]
pub struct Hostile {
    pub describe: String,
    pub command: String,
    pub event: String,
    pub timer: String,
    pub start: String,
    pub migrate: String,
    /// Further fields of the module: functions, tables, memories, a start function.
    pub fields: String,
    /// Its memory, if not two pages that may grow.
    pub memory: Option<&'static str>,
    pub descriptor: Option<String>,
}

/// One whose command does that.
pub fn command(does: &str) -> Hostile {
    Hostile { command: does.to_owned(), ..Hostile::default() }
}

/// Instructions that do that without end. What the host passes in takes the same place each time.
pub fn forever(does: &str) -> String {
    format!("(loop $forever {does} (global.set $top (i32.const {HEAP})) (br $forever))")
}

impl Hostile {
    pub fn with(mut self, fields: &str) -> Self {
        self.fields.push_str(fields);
        self
    }

    pub fn component(&self) -> Vec<u8> {
        let mut module = wat::parse_str(self.text()).unwrap_or_else(|error| panic!("{error}"));
        let mut resolve = Resolve::default();
        // Nested packages come before the one that uses them.
        let contract = format!("{}\n{WORLD}\n{WASI}", CONTRACT);
        let package = resolve.push_str("hostile.wit", &contract).expect("the contract parses");
        let world = resolve.select_world(&[package], Some("hostile")).expect("the world is there");
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("metadata");
        let encoder = ComponentEncoder::default().module(&module).expect("a module of the world");
        encoder.validate(false).encode().unwrap_or_else(|error| panic!("{error:#}"))
    }

    fn text(&self) -> String {
        let descriptor = self.descriptor.clone().unwrap_or_else(|| DEFAULT_DESCRIPTOR.to_owned());
        let described = [DESCRIPTOR.to_le_bytes(), (descriptor.len() as u32).to_le_bytes()].concat();
        let answer = [0_u32, REPLY, 1].map(u32::to_le_bytes).concat();
        let memory = self.memory.unwrap_or("2");
        let used: Vec<&str> = IMPORTS.iter().filter(|import| self.uses(import)).copied().collect();
        let data = |at: u32, bytes: &[u8]| {
            let bytes: String = bytes.iter().map(|byte| format!("\\{byte:02x}")).collect();
            format!("(data (i32.const {at}) \"{bytes}\")\n")
        };
        let data = [data(DESCRIBED, &described), data(ANSWER, &answer), data(REPLY, b"1")].concat()
            + &data(DESCRIPTOR, descriptor.as_bytes());
        let handler = |name: &str, params: &str, does: &str, answer: u32| {
            format!(
                "(func (export \"spacehost:space/{name}\") {params} (result i32)
                    (global.set $top (i32.const {HEAP})) {does} (i32.const {answer}))\n"
            )
        };
        let four = "(param i32 i32 i32 i32)";
        let handlers = [
            handler("handler@1.0.0#describe", "", &self.describe, DESCRIBED),
            handler("handler@1.0.0#command", four, &self.command, ANSWER),
            handler("handler@1.0.0#event", four, &self.event, ANSWER),
            handler("handler@1.0.0#timer", four, &self.timer, ANSWER),
            handler("lifecycle@1.0.0#start", "", &self.start, ANSWER),
            handler("lifecycle@1.0.0#migrate", "(param i32 i32 i32)", &self.migrate, ANSWER),
        ];
        format!(
            "(module {} (memory $memory (export \"memory\") {memory}) {COMMON} {data} {} {})",
            used.concat(),
            self.fields,
            handlers.concat()
        )
    }

    /// Whether any of its instructions calls that import.
    fn uses(&self, import: &str) -> bool {
        let name = import.split("(func ").nth(1).and_then(|rest| rest.split([' ', ')']).next()).unwrap_or_default();
        let all = [&self.describe, &self.command, &self.event, &self.timer, &self.start, &self.migrate, &self.fields];
        all.iter().any(|text| text.split([' ', ')', '(', '\n']).any(|word| word == name))
    }
}

/// Hears `attack.>`; takes the command `run`.
pub const DEFAULT_DESCRIPTOR: &str = r#"{"descriptor":1,"version":"1","commands":[{"name":"run"}],
    "subscriptions":[{"pattern":"attack.>"}],"timers":[{"name":"tick"}]}"#;

/// Where what the host passes in is put; from there on each time.
const HEAP: u32 = 0x1_8000;

/// An allocator that gives nothing back, and the constructor that the exported resource must have.
const COMMON: &str = r#"
    (global $spins (mut i32) (i32.const 0))
    (global $top (mut i32) (i32.const 0x18000))
    (func $realloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
        (local $at i32)
        (loop $forever (br_if $forever (global.get $spins)))
        (local.set $at (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
        (global.set $top (i32.add (local.get $at) (local.get 3)))
        (block $fits
            (br_if $fits (i32.le_u (global.get $top) (i32.mul (memory.size) (i32.const 0x10000))))
            (drop (memory.grow (i32.add (i32.shr_u (local.get 3) (i32.const 16)) (i32.const 1)))))
        (local.get $at))
    (func (export "spacehost:space/hoard@1.0.0#[constructor]thing") (result i32) (i32.const 0))
"#;

/// What attacks call. Parameters are those of the canonical ABI: texts and lists as place and length, and last the place
/// where a longer result goes.
const IMPORTS: &[&str] = &[
    r#"(import "spacehost:space/context@1.0.0" "now" (func $now (result i64)))"#,
    r#"(import "spacehost:space/log@1.0.0" "log" (func $log (param i32 i32 i32)))"#,
    r#"(import "spacehost:space/config@1.0.0" "all" (func $config-all (param i32)))"#,
    r#"(import "spacehost:space/state@1.0.0" "get" (func $get (param i32 i32 i32)))"#,
    r#"(import "spacehost:space/state@1.0.0" "set" (func $set (param i32 i32 i32 i32 i32)))"#,
    r#"(import "spacehost:space/state@1.0.0" "scan" (func $scan (param i32 i32 i32 i32 i32 i32 i32)))"#,
    r#"(import "spacehost:space/state@1.0.0" "scan-back" (func $scan-back (param i32 i32 i32 i32 i32 i32 i32)))"#,
    r#"(import "spacehost:space/timers@1.0.0" "set" (func $timer-set (param i32 i32 i32 i32 i64 i32)))"#,
    r#"(import "spacehost:space/timers@1.0.0" "cancel" (func $timer-cancel (param i32 i32 i32)))"#,
    r#"(import "spacehost:space/messaging@1.0.0" "publish" (func $publish (param i32 i32 i32 i32 i32)))"#,
    r#"(import "spacehost:space/messaging@1.0.0" "request" (func $request (param i32 i32 i32 i32 i32)))"#,
    r#"(import "spacehost:space/messaging@1.0.0" "publish-with"
        (func $publish-with (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))"#,
    r#"(import "wasi:clocks/monotonic-clock@0.2.6" "subscribe-duration" (func $pollable (param i64) (result i32)))"#,
    r#"(import "wasi:io/poll@0.2.6" "[method]pollable.block" (func $block (param i32)))"#,
    r#"(import "wasi:io/poll@0.2.6" "poll" (func $poll (param i32 i32 i32)))"#,
    r#"(import "wasi:random/random@0.2.6" "get-random-bytes" (func $random-bytes (param i64 i32)))"#,
    r#"(import "wasi:cli/stdin@0.2.6" "get-stdin" (func $stdin (result i32)))"#,
    r#"(import "wasi:cli/stdout@0.2.6" "get-stdout" (func $stdout (result i32)))"#,
    r#"(import "wasi:cli/stderr@0.2.6" "get-stderr" (func $stderr (result i32)))"#,
    r#"(import "wasi:io/streams@0.2.6" "[method]input-stream.read" (func $read (param i32 i64 i32)))"#,
    r#"(import "wasi:io/streams@0.2.6" "[method]output-stream.blocking-write-and-flush"
        (func $write (param i32 i32 i32 i32)))"#,
    r#"(import "[export]spacehost:space/hoard@1.0.0" "[resource-new]thing" (func $new-thing (param i32) (result i32)))"#,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_imports_what_its_instructions_call_and_nothing_else() {
        let calls = command("(drop (call $now))");
        let used: Vec<_> = IMPORTS.iter().filter(|import| calls.uses(import)).collect();
        assert!(used.len() == 1 && used[0].contains("context@1.0.0"), "{used:?}");
        assert!(!calls.component().is_empty());
    }

    #[test]
    fn every_import_is_that_of_the_contract() {
        let name = |import: &str| import.split("(func ").nth(1).unwrap().split([' ', ')']).next().unwrap().to_owned();
        let refs: String = IMPORTS.iter().map(|import| format!("(elem declare func {})", name(import))).collect();
        assert!(!Hostile::default().with(&refs).component().is_empty());
    }
}
