//! A whole JSON Schema: follows its references, and takes unions to pieces.
//!
//! Owns how much of a schema is put together before it counts as unclear. Knows nothing of what the other keywords mean, which is
//! the shape's affair, nor of a second schema.

use super::notes::Notes;
use super::shape::{SILENT, Shape};
use serde_json::{Map, Value};

/// Schemas that are put together to one shape, and shapes that one schema can have.
const MOST_PARTS: usize = 64;
const MOST_FORMS: usize = 256;

/// Why a schema cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unclear(pub String);

/// A whole schema, in which references are looked up.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a>(pub &'a Value);

impl<'a> Document<'a> {
    /// The forms that a value of this schema can have: one, unless it is a union.
    pub fn forms(self, schema: &'a Value, notes: &mut Notes) -> Result<Vec<Shape<'a>>, Unclear> {
        let mut parts = Vec::new();
        let possible = self.parts(schema, &mut parts)?;
        let mut forms = Vec::new();
        if possible {
            self.expand(&parts, 0, &mut forms, notes)?;
        }
        forms.retain(|form| !form.types.is_empty());
        Ok(forms)
    }

    /// All that holds for a value of this schema; false: none can be.
    fn parts(self, schema: &'a Value, parts: &mut Vec<&'a Map<String, Value>>) -> Result<bool, Unclear> {
        let keywords = match schema {
            Value::Bool(possible) => return Ok(*possible),
            Value::Object(keywords) => keywords,
            _ => return Err(Unclear("it is no JSON Schema".to_owned())),
        };
        // A schema that refers to itself would go on for ever.
        if parts.len() == MOST_PARTS {
            return Err(Unclear("it is put together from too many schemas".to_owned()));
        }
        parts.push(keywords);
        let mut possible = true;
        if let Some(reference) = keywords.get("$ref") {
            possible &= self.parts(self.resolve(reference)?, parts)?;
        }
        for part in keywords.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            possible &= self.parts(part, parts)?;
        }
        Ok(possible)
    }

    /// What a schema that only refers to another one comes to.
    pub fn target(self, schema: &'a Value) -> &'a Value {
        let mut target = schema;
        for _ in 0..MOST_PARTS {
            let Some(reference) = target.get("$ref") else { break };
            let only = target.as_object().is_some_and(|words| words.keys().all(|word| SILENT.contains(&word.as_str())));
            match self.resolve(reference) {
                Ok(found) if only && target.get("allOf").is_none() => target = found,
                _ => break,
            }
        }
        target
    }

    fn resolve(self, reference: &'a Value) -> Result<&'a Value, Unclear> {
        let place = reference.as_str().and_then(|reference| reference.strip_prefix('#'));
        let found = place.and_then(|place| self.0.pointer(place));
        found.ok_or_else(|| Unclear("it refers to a schema that is not there".to_owned()))
    }

    /// Takes one union after the other to pieces; `done` of them are.
    fn expand(
        self,
        parts: &[&'a Map<String, Value>],
        done: usize,
        forms: &mut Vec<Shape<'a>>,
        notes: &mut Notes,
    ) -> Result<(), Unclear> {
        let shape = Shape::of(parts, notes)?;
        let Some(union) = shape.unions.get(done) else {
            if forms.len() == MOST_FORMS {
                return Err(Unclear("it can have too many forms".to_owned()));
            }
            forms.push(shape);
            return Ok(());
        };
        for form in *union {
            if !notes.step(1) {
                return Ok(());
            }
            let mut parts = parts.to_vec();
            if self.parts(form, &mut parts)? {
                self.expand(&parts, done + 1, forms, notes)?;
            }
        }
        Ok(())
    }
}
