//! One form of a JSON Schema as a shape: what its keywords, those of what it refers to and those of its `allOf` say together.
//!
//! Owns which keywords are understood. Knows no references, and no schema that it is compared with. What it cannot put together
//! is `Unclear`, with the reason; it never guesses.

use super::bounds::{self, Bounds};
use super::forms::Unclear;
use super::notes::Notes;
use super::types::Types;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// They say nothing of a value, or are followed where they stand.
pub const SILENT: [&str; 15] = [
    "$anchor",
    "$comment",
    "$defs",
    "$id",
    "$ref",
    "$schema",
    "allOf",
    "default",
    "definitions",
    "deprecated",
    "description",
    "examples",
    "readOnly",
    "title",
    "writeOnly",
];

#[derive(Debug, Clone)]
pub struct Shape<'a> {
    pub types: Types,
    /// None: any of the types.
    pub values: Option<Vec<&'a Value>>,
    pub properties: BTreeMap<&'a str, &'a Value>,
    pub required: BTreeSet<&'a str>,
    /// Of properties that have no name here; none: anything.
    pub additional: Option<&'a Value>,
    /// Of the first items of a list.
    pub prefix: &'a [Value],
    /// Of the other items; none: anything.
    pub items: Option<&'a Value>,
    pub bounds: Bounds,
    /// Keywords that are only compared as text.
    pub others: BTreeMap<&'a str, &'a Value>,
    /// It says nothing at all.
    pub silent: bool,
    pub unions: Vec<&'a [Value]>,
}

impl<'a> Shape<'a> {
    fn anything() -> Self {
        Shape {
            types: Types::ALL,
            values: None,
            properties: BTreeMap::new(),
            required: BTreeSet::new(),
            additional: None,
            prefix: &[],
            items: None,
            bounds: Bounds::default(),
            others: BTreeMap::new(),
            silent: true,
            unions: Vec::new(),
        }
    }

    pub fn of(parts: &[&'a Map<String, Value>], notes: &mut Notes) -> Result<Self, Unclear> {
        let mut shape = Shape::anything();
        for (keyword, value) in parts.iter().copied().flatten() {
            if notes.step(1) {
                shape.add(keyword, value, notes)?;
            }
        }
        if let Some(values) = &mut shape.values {
            values.retain(|value| Types::of(value).meets(shape.types));
            shape.types &= values.iter().fold(Types::NONE, |all, value| all | Types::of(value));
            shape.bounds.add_values(values);
        }
        Ok(shape)
    }

    fn add(&mut self, keyword: &'a str, value: &'a Value, notes: &mut Notes) -> Result<(), Unclear> {
        if SILENT.contains(&keyword) {
            return Ok(());
        }
        self.silent = false;
        match (keyword, value) {
            ("type", _) => self.types &= Types::named(value),
            ("const", _) => self.only(std::iter::once(value), notes),
            ("enum", Value::Array(values)) => self.only(values.iter(), notes),
            ("properties", Value::Object(properties)) => {
                for (name, schema) in properties {
                    notes.step(1);
                    if self.properties.insert(name, schema).is_some_and(|other| differ(other, schema)) {
                        return Err(together(keyword));
                    }
                }
            }
            ("required", Value::Array(names)) => {
                notes.step(names.len());
                self.required.extend(names.iter().filter_map(Value::as_str));
            }
            ("additionalProperties" | "unevaluatedProperties", _) => once(&mut self.additional, value, keyword)?,
            ("items", _) => once(&mut self.items, value, keyword)?,
            ("prefixItems", Value::Array(schemas)) if self.prefix.is_empty() => self.prefix = schemas,
            ("oneOf" | "anyOf", Value::Array(forms)) => self.unions.push(forms),
            ("format", Value::String(format)) if bounds::is_of_numbers(format) => self.bounds.add_format(format),
            (_, Value::Number(limit)) if bounds::find(keyword).is_some() => self.bounds.add(keyword, limit.clone()),
            ("uniqueItems", Value::Bool(false)) => {}
            _ if self.others.insert(keyword, value).is_some_and(|other| differ(other, value)) => {
                return Err(together(keyword));
            }
            _ => {}
        }
        Ok(())
    }

    fn only(&mut self, values: impl Iterator<Item = &'a Value>, notes: &mut Notes) {
        let values: Vec<_> = values.take_while(|_| notes.step(1)).collect();
        self.values = Some(match self.values.take() {
            None => values,
            Some(before) => {
                before.into_iter().filter(|value| notes.step(values.len()) && values.contains(value)).collect()
            }
        });
    }

    /// The same with these types only.
    pub fn restricted(&self, types: Types) -> Self {
        let mut shape = self.clone();
        shape.types &= types;
        if let Some(values) = &mut shape.values {
            values.retain(|value| Types::of(value).meets(types));
        }
        shape
    }

    /// Takes the values of another one in.
    pub fn add_values(&mut self, other: Shape<'a>) {
        self.types |= other.types;
        self.bounds = Bounds::default();
        if let (Some(values), Some(more)) = (&mut self.values, other.values) {
            values.extend(more);
            self.bounds.add_values(values);
        }
    }

    /// Whether it is a list of values and nothing else.
    pub fn is_values(&self) -> bool {
        self.values.is_some() && !self.types.meets(Types::ARRAY | Types::OBJECT) && self.others.is_empty()
    }

    /// What tells this form of an object from the others: a property with a fixed value, or the only one that it has.
    pub fn tag(&self) -> Option<(&'a str, Option<&'a Value>)> {
        let fixed = self.properties.iter().find_map(|(name, schema)| Some((*name, Some(schema.get("const")?))));
        fixed.or_else(|| match (self.properties.len(), self.properties.keys().next()) {
            (1, Some(name)) if self.required.contains(name) => Some((*name, None)),
            _ => None,
        })
    }
}

fn once<'a>(place: &mut Option<&'a Value>, value: &'a Value, keyword: &str) -> Result<(), Unclear> {
    match place.replace(value) {
        Some(other) if differ(other, value) => Err(together(keyword)),
        _ => Ok(()),
    }
}

/// Small values are compared, of others only whether they are the same one: this is done often.
fn differ(one: &Value, other: &Value) -> bool {
    const SMALL: usize = 256;
    let small = match one {
        Value::Array(_) | Value::Object(_) => false,
        Value::String(text) => text.len() <= SMALL,
        _ => true,
    };
    !(std::ptr::eq(one, other) || small && one == other)
}

fn together(keyword: &str) -> Unclear {
    Unclear(format!("several schemas say different things of its `{keyword}`"))
}
