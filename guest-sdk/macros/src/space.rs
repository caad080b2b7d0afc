//! `#[space]` on an impl: reads its handlers, checks them against each other, and puts the pieces together. It knows neither the
//! grammar of the words nor the code of a piece. It fails with all errors it finds, not only the first.

use std::collections::HashMap;

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, ImplItem, ItemImpl, Result};

use crate::args::Arguments;
use crate::handler::Handler;
use crate::kind::{self, Kind};
use crate::{describe, dispatch};

/// The impl as written, without our attributes, and what makes a space of it.
pub fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let arguments = Arguments::parse(arguments)?;
    let mut block = parse_impl(item)?;
    let handlers = read(&block)?;
    check(&block, &handlers)?;
    let space = &block.self_ty;
    let describe = describe::method(&arguments, &block, &handlers);
    let dispatch = dispatch::methods(&handlers);
    let export = export(&block, &handlers);
    // Spans of the author's type: a missing `#[derive(Cells)]` is then reported at its name.
    let implementation = quote_spanned! { space.span() => impl ::spacehost_sdk::Space for #space };
    strip(&mut block);
    Ok(quote! {
        #block
        #[automatically_derived]
        #implementation { #describe #dispatch }
        #export
    })
}

/// The impl without our attributes and the error: so the compiler reports the mistake once, not also that it knows no
/// attribute `command`.
pub fn without_attributes(item: TokenStream, error: &Error) -> TokenStream {
    let error = error.to_compile_error();
    match syn::parse2::<ItemImpl>(item.clone()) {
        Ok(mut block) => {
            strip(&mut block);
            quote! { #block #error }
        }
        Err(_) => quote! { #item #error },
    }
}

fn parse_impl(item: TokenStream) -> Result<ItemImpl> {
    let blame = item.clone();
    let why = "`#[space]` goes on the impl with the handlers: write it above `impl Payments { … }`, and `#[derive(Cells)]` above the struct";
    let block: ItemImpl = syn::parse2(item).map_err(|_| Error::new_spanned(blame, why))?;
    if let Some((_, path, _)) = &block.trait_ {
        return Err(Error::new_spanned(
            path,
            "`#[space]` goes on an impl without a trait: write `impl Payments { … }`",
        ));
    }
    if !block.generics.params.is_empty() {
        let why = "a space is not generic: its types are part of the descriptor; write concrete types";
        return Err(Error::new_spanned(&block.generics, why));
    }
    Ok(block)
}

fn read(block: &ItemImpl) -> Result<Vec<Handler>> {
    let mut handlers = Vec::new();
    let mut errors: Option<Error> = None;
    for item in &block.items {
        let ImplItem::Fn(method) = item else { continue };
        match Handler::read(method) {
            Ok(handler) => handlers.extend(handler),
            Err(error) => match &mut errors {
                Some(all) => all.combine(error),
                None => errors = Some(error),
            },
        }
    }
    errors.map_or(Ok(handlers), Err)
}

fn check(block: &ItemImpl, handlers: &[Handler]) -> Result<()> {
    let handles = |handler: &Handler| matches!(handler.kind, Kind::Command(_) | Kind::Event(_) | Kind::Timer(_));
    if !handlers.iter().any(handles) {
        let why = "a space without handlers does nothing: write `#[command]`, `#[event(\"topic\")]` or `#[timer]` above a method";
        return Err(Error::new_spanned(&block.self_ty, why));
    }
    let mut seen = HashMap::new();
    for handler in handlers {
        let (what, way_out) = match &handler.kind {
            Kind::Command(name) => (format!("the command `{name}`"), "; write another by `#[command(name = \"…\")]`"),
            Kind::Timer(name) => (format!("the timer `{name}`"), "; write another by `#[timer(name = \"…\")]`"),
            Kind::Start => ("`#[start]`".to_owned(), ""),
            Kind::Migrate => ("`#[migrate]`".to_owned(), ""),
            Kind::Event(_) => continue,
        };
        if let Some(first) = seen.insert(what.clone(), &handler.method) {
            return Err(Error::new(handler.method.span(), format!("{what} is handled by `{first}` already{way_out}")));
        }
    }
    Ok(())
}

/// A space without a life cycle of its own must not export one: the host would call it for nothing.
fn export(block: &ItemImpl, handlers: &[Handler]) -> TokenStream {
    let space = &block.self_ty;
    let lives = handlers.iter().any(|handler| matches!(handler.kind, Kind::Start | Kind::Migrate));
    let export = if lives { quote!(export_with_lifecycle) } else { quote!(export) };
    quote! { ::spacehost_sdk::#export!(#space); }
}

fn strip(block: &mut ItemImpl) {
    for item in &mut block.items {
        if let ImplItem::Fn(method) = item {
            method.attrs.retain(|attribute| !kind::is_ours(attribute));
        }
    }
}
