//! The contract as the host sees it: which functions it offers and expects, and with which types.
//!
//! wasmtime would refuse a component that does not fit, too; this check exists for its messages, which name the function
//! and show both types.

use wasmtime::Engine;
use wasmtime::component::Component;
use wasmtime::component::types::{ComponentFunc, ComponentItem, Type};

const FAILURE: &str = "record { code: string, message: string, retryable: bool }";
const PREFIX: &str = "spacehost:space/";
const MAJOR: &str = "@1.";

/// interface, function, parameters, result; `F` stands for a failure and `B` for bytes.
const OFFERED: &[(&str, &str, &str, &str)] = &[
    ("messaging", "publish", "string, B", "result<_, F>"),
    ("messaging", "send", "string, B", "result<_, F>"),
    ("messaging", "request", "string, B", "result<B, F>"),
    ("messaging", "publish-with", "string, B, option<string>, list<tuple<string, string>>", "result<_, F>"),
    ("messaging", "send-with", "string, B, option<string>, list<tuple<string, string>>", "result<_, F>"),
    (
        "messaging",
        "request-with",
        "string, B, option<string>, list<tuple<string, string>>, option<u32>",
        "result<B, F>",
    ),
    ("state", "get", "B", "option<B>"),
    ("state", "set", "B, B", "result<_, F>"),
    ("state", "delete", "B", "result<_, F>"),
    ("state", "scan", "B, u32, option<B>", "record { entries: list<tuple<B, B>>, next: option<B> }"),
    ("state", "scan-back", "B, u32, option<B>", "record { entries: list<tuple<B, B>>, next: option<B> }"),
    ("timers", "set", "string, B, u64", "result<_, F>"),
    ("timers", "set-interval", "string, B, u64", "result<_, F>"),
    ("timers", "cancel", "string", "result<_, F>"),
    ("context", "id", "", "string"),
    ("context", "source", "", "string"),
    ("context", "key", "", "option<string>"),
    ("context", "attempt", "", "u32"),
    ("context", "headers", "", "list<tuple<string, string>>"),
    ("context", "now", "", "u64"),
    ("context", "random", "", "u64"),
    ("context", "space", "", "string"),
    ("context", "partition", "", "u32"),
    ("log", "log", "enum { trace, debug, info, warn, error }, string", ""),
    ("config", "get", "string", "option<string>"),
    ("config", "all", "", "string"),
];

const EXPECTED: &[(&str, &str, &str, &str)] = &[
    ("handler", "describe", "", "string"),
    ("handler", "command", "string, B", "result<B, F>"),
    ("handler", "event", "string, B", "result<_, F>"),
    ("handler", "timer", "string, B", "result<_, F>"),
    ("lifecycle", "start", "", "result<_, F>"),
    ("lifecycle", "migrate", "option<string>", "result<_, F>"),
];

/// Where a component and the contract part.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum Mismatch {
    #[error("it imports `{0}`, which this host does not offer: import `spacehost:space` interfaces only")]
    UnknownImport(String),
    #[error(
        "it imports the function `{function}` of `{interface}`, which this host does not offer: update the host, or build with an older SDK"
    )]
    UnknownFunction { interface: String, function: String },
    #[error("it imports `{function}` of `{interface}` as `{found}`; this host offers `{offered}`")]
    ImportType { interface: String, function: String, found: String, offered: String },
    #[error("it does not export `{0}`: build it for the world `spacehost:space/space@1.0.0`")]
    MissingExport(String),
    #[error("it exports `{function}` of `{interface}` as `{found}`; this host expects `{expected}`")]
    ExportType { interface: String, function: String, found: String, expected: String },
}

/// What a component that fits uses of the contract.
#[derive(Debug, Clone, Default)]
pub struct Shape {
    /// `messaging.publish` and so on, and the WASI interfaces.
    pub imports: Vec<String>,
    /// Whether a call may have to wait in the host.
    pub may_wait: bool,
    pub uses_wasi: bool,
    pub has_lifecycle: bool,
}

pub fn check(engine: &Engine, component: &Component) -> Result<Shape, Mismatch> {
    let mut shape = Shape::default();
    let ty = component.component_type();
    for (name, import) in ty.imports(engine) {
        check_import(engine, name, &import.ty, &mut shape)?;
    }
    shape.imports.sort();
    check_export(engine, component, "handler")?.ok_or_else(|| missing("handler"))?;
    shape.has_lifecycle = check_export(engine, component, "lifecycle")?.is_some();
    Ok(shape)
}

fn missing(interface: &str) -> Mismatch {
    Mismatch::MissingExport(format!("{PREFIX}{interface}@1.0.0"))
}

fn check_import(engine: &Engine, name: &str, item: &ComponentItem, shape: &mut Shape) -> Result<(), Mismatch> {
    if name.starts_with("wasi:") {
        // What WASI does not offer becomes a trap when called; Rust components import more than they call.
        shape.uses_wasi = true;
        shape.may_wait = true;
        shape.imports.push(name.to_owned());
        return Ok(());
    }
    let unknown = || Mismatch::UnknownImport(name.chars().take(128).collect());
    let interface = interface_of(name).ok_or_else(unknown)?;
    let ComponentItem::ComponentInstance(instance) = item else { return Err(unknown()) };
    if interface != "types" && !OFFERED.iter().any(|(offered, ..)| *offered == interface) {
        return Err(unknown());
    }
    for (function, item) in instance.exports(engine) {
        let ComponentItem::ComponentFunc(found) = &item.ty else { continue };
        check_import_function(interface, function, found)?;
        shape.may_wait |= function.starts_with("request");
        shape.imports.push(format!("{interface}.{function}"));
    }
    Ok(())
}

fn check_import_function(interface: &str, function: &str, found: &ComponentFunc) -> Result<(), Mismatch> {
    let names = || (interface.to_owned(), function.chars().take(128).collect::<String>());
    let Some(offered) = signature(OFFERED, interface, function) else {
        let (interface, function) = names();
        return Err(Mismatch::UnknownFunction { interface, function });
    };
    let found = show_function(found);
    if found == offered {
        return Ok(());
    }
    let (interface, function) = names();
    Err(Mismatch::ImportType { interface, function, found, offered })
}

/// None when the component has no such export.
fn check_export(engine: &Engine, component: &Component, interface: &str) -> Result<Option<()>, Mismatch> {
    let ty = component.component_type();
    let Some(item) = ty.exports(engine).find(|(name, _)| interface_of(name) == Some(interface)) else {
        return Ok(None);
    };
    let ComponentItem::ComponentInstance(instance) = item.1.ty else { return Err(missing(interface)) };
    for (_, function, ..) in EXPECTED.iter().filter(|(expected, ..)| *expected == interface) {
        let expected = signature(EXPECTED, interface, function).unwrap_or_default();
        let found = instance.exports(engine).find(|(name, _)| name == function).map(|(_, item)| item.ty);
        let Some(ComponentItem::ComponentFunc(found)) = found else {
            return Err(Mismatch::MissingExport(format!("{PREFIX}{interface}@1.0.0#{function}")));
        };
        let found = show_function(&found);
        if found != expected {
            let (interface, function) = (interface.to_owned(), (*function).to_owned());
            return Err(Mismatch::ExportType { interface, function, found, expected });
        }
    }
    Ok(Some(()))
}

/// `spacehost:space/state@1.2.0` is `state`; other packages and major versions are not ours.
fn interface_of(name: &str) -> Option<&str> {
    let (interface, version) = name.strip_prefix(PREFIX)?.split_once('@')?;
    format!("@{version}").starts_with(MAJOR).then_some(interface)
}

fn signature(table: &[(&str, &str, &str, &str)], interface: &str, function: &str) -> Option<String> {
    let (_, _, params, result) = table.iter().find(|(i, f, ..)| *i == interface && *f == function)?;
    let expand = |text: &str| {
        let words = text.replace('B', "list<u8>");
        words.replace("F>", &format!("{FAILURE}>"))
    };
    Some(func_text(&expand(params), &expand(result)))
}

fn func_text(params: &str, result: &str) -> String {
    if result.is_empty() { format!("func({params})") } else { format!("func({params}) -> {result}") }
}

fn show_function(function: &ComponentFunc) -> String {
    let params = join(function.params().map(|(_, ty)| show(&ty, 0)));
    func_text(&params, &join(function.results().map(|ty| show(&ty, 0))))
}

/// Types come from untrusted components, so depth and width of what is shown are bounded.
fn show(ty: &Type, depth: usize) -> String {
    const DEEPEST: usize = 6;
    if depth > DEEPEST {
        return "…".to_owned();
    }
    let inner = |ty: Type| show(&ty, depth + 1);
    let maybe = |ty: Option<Type>| ty.map_or("_".to_owned(), inner);
    match ty {
        Type::Bool => "bool".into(),
        Type::U8 => "u8".into(),
        Type::U32 => "u32".into(),
        Type::U64 => "u64".into(),
        Type::S32 => "s32".into(),
        Type::S64 => "s64".into(),
        Type::Float64 => "f64".into(),
        Type::Char => "char".into(),
        Type::String => "string".into(),
        Type::List(list) => format!("list<{}>", inner(list.ty())),
        Type::Option(option) => format!("option<{}>", inner(option.ty())),
        Type::Result(result) => match (result.ok(), result.err()) {
            (None, None) => "result".into(),
            (ok, None) => format!("result<{}>", maybe(ok)),
            (ok, err) => format!("result<{}, {}>", maybe(ok), maybe(err)),
        },
        Type::Tuple(tuple) => format!("tuple<{}>", join(tuple.types().map(inner))),
        Type::Record(record) => {
            format!("record {{ {} }}", join(record.fields().map(|f| format!("{}: {}", f.name, inner(f.ty)))))
        }
        Type::Enum(names) => format!("enum {{ {} }}", join(names.names().map(str::to_owned))),
        other => format!("{other:?}").chars().take_while(|c| c.is_alphanumeric()).collect(),
    }
}

fn join(items: impl Iterator<Item = String>) -> String {
    const WIDEST: usize = 16;
    items.take(WIDEST).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_written_out() {
        assert_eq!(signature(OFFERED, "state", "get").unwrap(), "func(list<u8>) -> option<list<u8>>");
        assert_eq!(
            signature(EXPECTED, "handler", "event").unwrap(),
            format!("func(string, list<u8>) -> result<_, {FAILURE}>")
        );
        assert_eq!(signature(OFFERED, "state", "frobnicate"), None);
    }

    #[test]
    fn only_the_first_major_version_is_ours() {
        assert_eq!(interface_of("spacehost:space/state@1.0.0"), Some("state"));
        assert_eq!(interface_of("spacehost:space/state@1.7.2"), Some("state"));
        assert_eq!(interface_of("spacehost:space/state@2.0.0"), None);
        assert_eq!(interface_of("other:space/state@1.0.0"), None);
    }
}
