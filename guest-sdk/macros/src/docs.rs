//! Doc comments as text. It knows the attribute that rustc makes of `///` and nothing of where the text goes; it cannot
//! fail.

use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// The doc comment above an item, without the space after `///`; empty when there is none.
pub fn of(attributes: &[Attribute]) -> String {
    let lines: Vec<String> = attributes.iter().filter_map(line).collect();
    lines.join("\n").trim().to_owned()
}

fn line(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else {
        return None;
    };
    let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &pair.value else {
        return None;
    };
    let text = pair.path.is_ident("doc").then(|| text.value())?;
    Some(text.strip_prefix(' ').unwrap_or(&text).to_owned())
}
