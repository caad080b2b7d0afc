//! `#[derive(Cells)]`: a struct whose fields are cells, each with its name. It knows that a field's type must be a cell, but
//! leaves the proof to the compiler. It fails with an error at the field.

use std::collections::HashSet;

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Field, Fields, Result, Type};

use crate::{args, grammar};

/// The implementation of `Cells`, and of `Default` for tests.
pub fn expand(item: TokenStream) -> Result<TokenStream> {
    let item: DeriveInput = syn::parse2(item)?;
    if !item.generics.params.is_empty() {
        return Err(Error::new_spanned(&item.generics, "a space is not generic: write concrete types"));
    }
    let fields = fields(&item)?;
    let (space, mut names, mut builds, mut types) = (&item.ident, HashSet::new(), Vec::new(), Vec::new());
    for field in &fields {
        let (ident, ty, name) = (&field.ident, &field.ty, cell_name(field)?);
        if !names.insert(name.clone()) {
            return Err(Error::new_spanned(
                ident,
                format!("another cell is stored under `{name}` already: write another name"),
            ));
        }
        builds.push(quote_spanned! { ty.span() => #ident: <#ty as ::spacehost_sdk::Cell>::named(#name) });
        types.push(ty);
    }
    refuse_second_config(&types)?;
    let schemas =
        types.iter().map(|ty| quote_spanned! { ty.span() => <#ty as ::spacehost_sdk::Cell>::describe(descriptor); });
    Ok(quote! {
        #[automatically_derived]
        impl ::spacehost_sdk::Cells for #space {
            fn cells() -> Self { Self { #(#builds),* } }
            #[allow(unused_variables)]
            fn describe_cells(descriptor: &mut ::spacehost_sdk::describe::Descriptor) { #(#schemas)* }
        }
        #[automatically_derived]
        impl ::core::default::Default for #space {
            fn default() -> Self { <Self as ::spacehost_sdk::Cells>::cells() }
        }
        // Natively nothing is exported: without this use, the compiler would warn that nobody
        // makes the struct or calls its handlers.
        const _: fn() -> #space = <#space as ::spacehost_sdk::Cells>::cells;
    })
}

fn fields(item: &DeriveInput) -> Result<Vec<Field>> {
    let why = "cells have names: write `struct Payments { balance: Item<u64> }`, or `struct Payments;` for a space without state";
    match &item.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => Ok(fields.named.iter().cloned().collect()),
            Fields::Unit => Ok(Vec::new()),
            Fields::Unnamed(_) => Err(Error::new_spanned(&item.ident, why)),
        },
        _ => Err(Error::new_spanned(&item.ident, why)),
    }
}

fn cell_name(field: &Field) -> Result<String> {
    let mut name =
        field.ident.as_ref().map(ToString::to_string).unwrap_or_default().trim_start_matches("r#").to_owned();
    for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("cell")) {
        attribute.parse_nested_meta(|meta| match args::name(&meta).as_str() {
            "name" => {
                name = args::string(&meta, grammar::token)?.value();
                Ok(())
            }
            other => Err(meta.error(format!("unknown argument `{other}`: `#[cell]` takes `name = \"…\"` only"))),
        })?;
    }
    Ok(name)
}

/// The descriptor has one schema of settings, so a second `Config` would have none.
fn refuse_second_config(types: &[&Type]) -> Result<()> {
    let is_config =
        |ty: &&&Type| matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|s| s.ident == "Config"));
    match types.iter().filter(is_config).nth(1) {
        Some(second) => {
            Err(Error::new_spanned(second, "a space has one `Config<T>`: put all settings into one struct"))
        }
        None => Ok(()),
    }
}
