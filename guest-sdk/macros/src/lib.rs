//! The attribute and the derives of the guest SDK. This crate turns an author's Rust into calls of `spacehost_sdk`; it knows
//! the names of that crate's items, never how they work. It fails by compile errors that point at the author's line and
//! say what to write there.

mod args;
mod cells;
mod describe;
mod dispatch;
mod docs;
mod event;
mod grammar;
mod handler;
mod kind;
mod space;

use proc_macro::TokenStream;

/// On an `impl`: its methods marked `#[command]`, `#[event("…")]`, `#[timer]`, `#[start]` and `#[migrate]` handle the
/// messages of a space. Arguments, all optional: `version = "1.2.0"` (else that of the crate), `doc = "…"` (else the
/// doc comment of the impl), `partitions = 4`, `publishes(Charged, "audit.*")`,
/// `wants(commands("orders/mark-paid"), publish("audit.>"))`.
#[proc_macro_attribute]
pub fn space(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let item = proc_macro2::TokenStream::from(item);
    match space::expand(arguments.into(), item.clone()) {
        Ok(expanded) => expanded.into(),
        Err(error) => space::without_attributes(item, &error).into(),
    }
}

/// Declares a struct as the state of a space: each field is an `Item<T>`, a `Map<K, V>` or the space's `Config<T>`, and is
/// stored under its own name, or under another by `#[cell(name = "…")]`.
#[proc_macro_derive(Cells, attributes(cell))]
pub fn cells(item: TokenStream) -> TokenStream {
    cells::expand(item.into()).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// Declares a type as an event with a topic: `#[event(topic = "orders.{order}.paid")]`, where `{order}` is a field. With
/// `private`, other spaces need a grant to subscribe.
#[proc_macro_derive(Event, attributes(event))]
pub fn event(item: TokenStream) -> TokenStream {
    event::expand(item.into()).unwrap_or_else(|error| error.to_compile_error()).into()
}
