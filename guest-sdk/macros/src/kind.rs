//! The attributes that make a method a handler. It owns their syntax; it knows nothing of the method below them. It fails
//! with an error at the attribute or its argument.

use syn::{Attribute, Error, Ident, LitStr, Meta, Result};

use crate::{args, grammar};

/// What a method handles.
pub enum Kind {
    Command(String),
    /// The patterns of all its `#[event("…")]` attributes.
    Event(Vec<String>),
    Timer(String),
    Start,
    Migrate,
}

const WORDS: [&str; 5] = ["command", "event", "timer", "start", "migrate"];

/// Whether an attribute is one of ours, and is to be taken off the method.
pub fn is_ours(attribute: &Attribute) -> bool {
    WORDS.iter().any(|word| attribute.path().is_ident(word))
}

/// What the attributes of the method `method` say; none when it is no handler.
pub fn of(method: &Ident, attributes: &[Attribute]) -> Result<Option<Kind>> {
    let mut kind: Option<Kind> = None;
    for attribute in attributes.iter().filter(|attribute| is_ours(attribute)) {
        match (kind.as_mut(), parse(method, attribute)?) {
            (None, first) => kind = Some(first),
            (Some(Kind::Event(patterns)), Kind::Event(more)) => patterns.extend(more),
            _ => {
                let why =
                    "a method handles one kind of message: write a second method (only `#[event]` may be repeated)";
                return Err(Error::new_spanned(attribute, why));
            }
        }
    }
    Ok(kind)
}

fn parse(method: &Ident, attribute: &Attribute) -> Result<Kind> {
    let path = attribute.path();
    if path.is_ident("command") {
        Ok(Kind::Command(named(method, attribute, "command")?))
    } else if path.is_ident("timer") {
        Ok(Kind::Timer(named(method, attribute, "timer")?))
    } else if path.is_ident("event") {
        Ok(Kind::Event(vec![pattern(attribute)?]))
    } else if path.is_ident("start") {
        bare(attribute, "start").map(|()| Kind::Start)
    } else {
        bare(attribute, "migrate").map(|()| Kind::Migrate)
    }
}

/// `#[command]` or `#[command(name = "…")]`: without a name it is the method's, in the spelling of the contract.
fn named(method: &Ident, attribute: &Attribute, word: &str) -> Result<String> {
    let mut name = None;
    if !matches!(attribute.meta, Meta::Path(_)) {
        attribute.parse_nested_meta(|meta| match args::name(&meta).as_str() {
            "name" => {
                name = Some(args::string(&meta, grammar::token)?.value());
                Ok(())
            }
            other => Err(meta.error(format!("unknown argument `{other}`: `#[{word}]` takes `name = \"…\"` only"))),
        })?;
    }
    let name = name.unwrap_or_else(|| method.to_string().trim_start_matches("r#").replace('_', "-"));
    grammar::token(&name).map_err(|why| Error::new(method.span(), format!("{why}, by `#[{word}(name = \"…\")]`")))?;
    Ok(name)
}

fn pattern(attribute: &Attribute) -> Result<String> {
    let text: LitStr = attribute.parse_args().map_err(|_| {
        Error::new_spanned(attribute, "an event handler names its topics: write `#[event(\"orders.*.paid\")]`")
    })?;
    args::checked(&text, grammar::pattern)?;
    Ok(text.value())
}

fn bare(attribute: &Attribute, word: &str) -> Result<()> {
    match attribute.meta {
        Meta::Path(_) => Ok(()),
        _ => Err(Error::new_spanned(attribute, format!("`#[{word}]` takes no arguments: write `#[{word}]`"))),
    }
}
