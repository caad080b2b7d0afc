//! `#[derive(Event)]`: a type and the topic it is published on, whose tokens may come from fields. It knows nothing of the spaces
//! that publish it. It fails with an error at the topic or the attribute.

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Ident, LitStr, Result};

use crate::{args, docs, grammar};

/// The implementation of `Event`.
pub fn expand(item: TokenStream) -> Result<TokenStream> {
    let item: DeriveInput = syn::parse2(item)?;
    let (topic, private) = attribute(&item)?;
    let tokens = tokens(&item, &topic)?;
    let pattern = tokens.iter().map(|token| token.as_ref().map_or("*", |word| word)).collect::<Vec<_>>().join(".");
    args::checked(&LitStr::new(&pattern, topic.span()), grammar::pattern)?;
    let (name, doc) = (&item.ident, docs::of(&item.attrs));
    let (before, parameters, after) = item.generics.split_for_impl();
    let topic = topic_body(&topic, &tokens);
    Ok(quote! {
        #[automatically_derived]
        impl #before ::spacehost_sdk::Event for #name #parameters #after {
            const PATTERN: &'static str = #pattern;
            const PRIVATE: bool = #private;
            const DOC: &'static str = #doc;
            fn topic(&self) -> ::std::string::String { #topic }
        }
    })
}

fn attribute(item: &DeriveInput) -> Result<(LitStr, bool)> {
    let (mut topic, mut private) = (None, false);
    for attribute in item.attrs.iter().filter(|attribute| attribute.path().is_ident("event")) {
        attribute.parse_nested_meta(|meta| {
            match args::name(&meta).as_str() {
                "topic" => topic = Some(meta.value()?.parse()?),
                "private" => private = true,
                other => {
                    let known = "`#[event]` takes `topic = \"…\"` and `private`";
                    return Err(meta.error(format!("unknown argument `{other}`: {known}")));
                }
            }
            Ok(())
        })?;
    }
    let missing = || {
        Error::new_spanned(
            &item.ident,
            "an event has a topic: write `#[event(topic = \"payments.charged\")]` above the type",
        )
    };
    Ok((topic.ok_or_else(missing)?, private))
}

/// The tokens of the topic: a word, or none where a field fills it.
fn tokens(item: &DeriveInput, topic: &LitStr) -> Result<Vec<Option<String>>> {
    let text = topic.value();
    text.split('.')
        .map(|token| match token.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(field) if has_field(item, field) => Ok(None),
            Some(field) => Err(Error::new(topic.span(), format!("`{}` has no field `{field}`: write one that it has", item.ident))),
            None if token == "*" || token == ">" => {
                let why = "an event knows its whole topic: write a field for each token that varies, such as \"orders.{order}.paid\"";
                Err(Error::new(topic.span(), why))
            }
            None => Ok(Some(token.to_owned())),
        })
        .collect()
}

fn has_field(item: &DeriveInput, name: &str) -> bool {
    match &item.data {
        Data::Struct(data) => data.fields.iter().any(|field| field.ident.as_ref().is_some_and(|ident| ident == name)),
        _ => false,
    }
}

fn topic_body(topic: &LitStr, tokens: &[Option<String>]) -> TokenStream {
    let text = topic.value();
    let varying = text.split('.').zip(tokens).filter(|(_, token)| token.is_none());
    // A set, because `format!` takes each argument once, also where the topic repeats it.
    let fields: BTreeSet<&str> = varying.map(|(field, _)| field.trim_matches(['{', '}'].as_slice())).collect();
    let fields = fields.into_iter().map(|field| Ident::new(field, topic.span()));
    let arguments = fields.map(|field| quote!(#field = self.#field));
    quote! { ::std::format!(#topic, #(#arguments),*) }
}
