//! The methods that route a message to its handler, as code. It knows the signatures of the trait `Space` and the functions of
//! `spacehost_sdk::dispatch`; it knows nothing of the descriptor. It cannot fail.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Ident;
use syn::spanned::Spanned;

use crate::handler::{Handler, Parameter};
use crate::kind::Kind;

/// All methods of `Space` but `describe`.
pub fn methods(handlers: &[Handler]) -> TokenStream {
    let command = command(handlers);
    let event = event(handlers);
    let timer = timer(handlers);
    let life = handlers.iter().map(life);
    quote! { #command #event #timer #(#life)* }
}

fn command(handlers: &[Handler]) -> TokenStream {
    let arms = handlers.iter().filter_map(|handler| match &handler.kind {
        Kind::Command(name) => Some((name, answer(handler, "reply"))),
        _ => None,
    });
    let arms = arms.map(|(name, call)| quote! { #name => #call, });
    quote! {
        #[allow(unused_variables)]
        fn command(&self, ctx: &::spacehost_sdk::Context, name: &str, body: &[u8]) -> ::spacehost_sdk::Result<::std::vec::Vec<u8>> {
            match name {
                #(#arms)*
                _ => ::spacehost_sdk::dispatch::unknown("command", name),
            }
        }
    }
}

/// Every handler whose pattern matches runs, in the order of the source, all in one turn.
fn event(handlers: &[Handler]) -> TokenStream {
    let calls = handlers.iter().filter_map(|handler| match &handler.kind {
        Kind::Event(patterns) => Some((patterns, answer(handler, "done"))),
        _ => None,
    });
    let calls = calls.map(|(patterns, call)| {
        quote! {
            if #(::spacehost_sdk::dispatch::matches(#patterns, topic))||* {
                handled = true;
                #call?;
            }
        }
    });
    quote! {
        #[allow(unused_variables, unused_mut)]
        fn event(&self, ctx: &::spacehost_sdk::Context, topic: &str, body: &[u8]) -> ::spacehost_sdk::Result<()> {
            let mut handled = false;
            #(#calls)*
            if handled { ::core::result::Result::Ok(()) } else { ::spacehost_sdk::dispatch::unknown("topic", topic) }
        }
    }
}

fn timer(handlers: &[Handler]) -> TokenStream {
    let arms = handlers.iter().filter_map(|handler| match &handler.kind {
        Kind::Timer(name) => Some((name, answer(handler, "done"))),
        _ => None,
    });
    let arms = arms.map(|(name, call)| quote! { #name => #call, });
    quote! {
        #[allow(unused_variables)]
        fn timer(&self, ctx: &::spacehost_sdk::Context, name: &str, body: &[u8]) -> ::spacehost_sdk::Result<()> {
            match ::spacehost_sdk::dispatch::timer_family(name) {
                #(#arms)*
                _ => ::spacehost_sdk::dispatch::unknown("timer", name),
            }
        }
    }
}

fn life(handler: &Handler) -> TokenStream {
    let call = answer(handler, "done");
    match handler.kind {
        Kind::Start => quote! {
            #[allow(unused_variables)]
            fn start(&self, ctx: &::spacehost_sdk::Context) -> ::spacehost_sdk::Result<()> { #call }
        },
        Kind::Migrate => quote! {
            #[allow(unused_variables)]
            fn migrate(&self, ctx: &::spacehost_sdk::Context, from: ::core::option::Option<&str>) -> ::spacehost_sdk::Result<()> { #call }
        },
        _ => TokenStream::new(),
    }
}

/// The call of the method, its result turned into what the contract returns. Spans of the author's types, so that one that
/// does not fit is reported where it stands.
fn answer(handler: &Handler, into: &str) -> TokenStream {
    let method = &handler.method;
    let arguments = handler.parameters.iter().map(|parameter| match parameter {
        Parameter::Context => quote!(ctx),
        Parameter::From => quote!(from),
        Parameter::Input(ty) => {
            quote_spanned! { ty.span() => ::spacehost_sdk::dispatch::input::<#ty>(body)? }
        }
    });
    let span = handler.output.as_ref().map_or_else(|| method.span(), Spanned::span);
    let into = Ident::new(into, span);
    quote_spanned! { span => ::spacehost_sdk::dispatch::#into(self.#method(#(#arguments),*)) }
}
