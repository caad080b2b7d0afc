//! The arguments of `#[space(…)]`. It owns their syntax and the checks of their words; it knows nothing of handlers. It
//! fails with an error at the argument that is wrong.

use syn::meta::ParseNestedMeta;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Error, LitInt, LitStr, Result, Token, Type};

use crate::grammar;

const KNOWN: &str =
    "`#[space]` takes `version = \"…\"`, `doc = \"…\"`, `partitions = n`, `publishes(…)` and `wants(…)`";
const MOST_PARTITIONS: u32 = 1024;

/// What a space says of itself.
#[derive(Default)]
pub struct Arguments {
    pub version: Option<LitStr>,
    pub doc: Option<LitStr>,
    pub partitions: Option<u32>,
    pub publishes: Vec<Published>,
    pub wants_commands: Vec<LitStr>,
    pub wants_publish: Vec<LitStr>,
}

/// An event that a space publishes: a type that derives `Event`, or a bare topic pattern.
pub enum Published {
    Type(Box<Type>),
    Pattern(LitStr),
}

impl Parse for Published {
    fn parse(input: ParseStream) -> Result<Self> {
        if !input.peek(LitStr) {
            return Ok(Published::Type(Box::new(input.parse()?)));
        }
        let pattern: LitStr = input.parse()?;
        checked(&pattern, grammar::pattern)?;
        Ok(Published::Pattern(pattern))
    }
}

impl Arguments {
    pub fn parse(tokens: proc_macro2::TokenStream) -> Result<Self> {
        let mut arguments = Arguments::default();
        syn::meta::parser(|meta| arguments.take(&meta)).parse2(tokens)?;
        Ok(arguments)
    }

    fn take(&mut self, meta: &ParseNestedMeta) -> Result<()> {
        match name(meta).as_str() {
            "version" => self.version = Some(string(meta, grammar::version)?),
            "doc" => self.doc = Some(meta.value()?.parse()?),
            "partitions" => self.partitions = Some(partitions(&meta.value()?.parse()?)?),
            "publishes" => self.publishes.extend(list::<Published>(meta)?),
            "wants" => meta.parse_nested_meta(|inner| self.take_want(&inner))?,
            other => return Err(meta.error(format!("unknown argument `{other}`: {KNOWN}"))),
        }
        Ok(())
    }

    fn take_want(&mut self, meta: &ParseNestedMeta) -> Result<()> {
        match name(meta).as_str() {
            "commands" => self.wants_commands.extend(strings(meta, grammar::address)?),
            "publish" => self.wants_publish.extend(strings(meta, grammar::pattern)?),
            other => {
                let known = "`wants` takes `commands(\"space/command\")` and `publish(\"topic.>\")`";
                return Err(meta.error(format!("unknown argument `{other}`: {known}")));
            }
        }
        Ok(())
    }
}

/// The argument's name; empty when it is a path, which no name matches.
pub fn name(meta: &ParseNestedMeta) -> String {
    meta.path.get_ident().map(ToString::to_string).unwrap_or_default()
}

/// `name = "text"`, where the text must pass a check.
pub fn string(meta: &ParseNestedMeta, check: fn(&str) -> std::result::Result<(), String>) -> Result<LitStr> {
    let text: LitStr = meta.value()?.parse()?;
    checked(&text, check)?;
    Ok(text)
}

/// Checks a text and blames its own line.
pub fn checked(text: &LitStr, check: fn(&str) -> std::result::Result<(), String>) -> Result<()> {
    check(&text.value()).map_err(|why| Error::new(text.span(), why))
}

fn strings(meta: &ParseNestedMeta, check: fn(&str) -> std::result::Result<(), String>) -> Result<Vec<LitStr>> {
    let texts = list::<LitStr>(meta)?;
    texts.iter().try_for_each(|text| checked(text, check))?;
    Ok(texts)
}

fn list<T: Parse>(meta: &ParseNestedMeta) -> Result<Vec<T>> {
    let inside;
    syn::parenthesized!(inside in meta.input);
    Ok(Punctuated::<T, Token![,]>::parse_terminated(&inside)?.into_iter().collect())
}

fn partitions(number: &LitInt) -> Result<u32> {
    match number.base10_parse() {
        Ok(count @ 1..=MOST_PARTITIONS) => Ok(count),
        _ => Err(Error::new(
            number.span(),
            format!("a space has 1 to {MOST_PARTITIONS} partitions: write `partitions = 4`"),
        )),
    }
}
