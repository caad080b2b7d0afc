//! The method that writes a space's descriptor, as code. It knows the builder in `spacehost_sdk::describe` and nothing of how a
//! descriptor looks. It cannot fail: the words were checked before.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{ItemImpl, Type};

use crate::args::{Arguments, Published};
use crate::docs;
use crate::handler::Handler;
use crate::kind::Kind;

/// `fn describe(descriptor: &mut Descriptor)`.
pub fn method(arguments: &Arguments, block: &ItemImpl, handlers: &[Handler]) -> TokenStream {
    let version = match &arguments.version {
        Some(version) => quote!(#version),
        None => quote!(::core::env!("CARGO_PKG_VERSION")),
    };
    let doc = arguments.doc.as_ref().map_or_else(|| docs::of(&block.attrs), syn::LitStr::value);
    let partitions = arguments.partitions.unwrap_or(1);
    let published = arguments.publishes.iter().map(published);
    let handled = handlers.iter().map(handled);
    let (commands, topics) = (&arguments.wants_commands, &arguments.wants_publish);
    quote! {
        fn describe(descriptor: &mut ::spacehost_sdk::describe::Descriptor) {
            descriptor.head(#version, #doc, #partitions);
            #(#handled)*
            #(#published)*
            #(descriptor.wants_command(#commands);)*
            #(descriptor.wants_publish(#topics);)*
        }
    }
}

fn published(published: &Published) -> TokenStream {
    match published {
        Published::Pattern(pattern) => quote! { descriptor.publishes_untyped(#pattern); },
        Published::Type(ty) => quote_spanned! { ty.span() => descriptor.publishes::<#ty>(); },
    }
}

fn handled(handler: &Handler) -> TokenStream {
    let doc = &handler.doc;
    // A handler that does not look at the body takes anything.
    let anything: Type = syn::parse_quote!(::spacehost_sdk::Bytes);
    let input = handler.input().unwrap_or(&anything);
    match &handler.kind {
        Kind::Command(name) => {
            let nothing: Type = syn::parse_quote!(());
            let output = handler.output.as_ref().unwrap_or(&nothing);
            let input = quote_spanned! { input.span() => ::spacehost_sdk::describe::input::<#input> };
            let output = quote_spanned! { output.span() => ::spacehost_sdk::describe::reply::<#output, _> };
            quote! { descriptor.command(#name, #doc, #input, #output); }
        }
        Kind::Event(patterns) => {
            let input = quote_spanned! { input.span() => ::spacehost_sdk::describe::input::<#input> };
            quote! { #(descriptor.subscribes(#patterns, #doc, #input);)* }
        }
        Kind::Timer(name) => quote! { descriptor.timer(#name, #doc); },
        Kind::Start | Kind::Migrate => TokenStream::new(),
    }
}
