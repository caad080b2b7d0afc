//! Compares two shapes that are no unions, keyword by keyword.
//!
//! Goes back to the walk for what lies within. Knows which keywords only ever narrow; of all others it notes that they have
//! changed, because what that means is not known.

use super::shape::Shape;
use super::types::Types;
use super::voice::{Defect, Flow, short};
use super::walk::{ANYTHING, Walk};
use serde_json::Value;
use std::collections::{BTreeSet, HashSet};

const NOTHING: &Value = &Value::Bool(false);

/// Keywords that are compared as text, and of which types they say something. Without one of them more is let through.
const NARROWING: [(&str, Types); 8] = [
    ("dependentRequired", Types::OBJECT),
    ("dependentSchemas", Types::OBJECT),
    ("format", Types::ALL),
    ("multipleOf", Types::NUMBER),
    ("not", Types::ALL),
    ("pattern", Types::STRING),
    ("propertyNames", Types::OBJECT),
    ("uniqueItems", Types::ARRAY),
];

impl<'a> Walk<'a, '_> {
    pub fn shapes(&mut self, given: &Shape<'a>, taken: &Shape<'a>) {
        if taken.silent || !self.notes.step(1) {
            return;
        }
        let types = given.types & taken.types;
        if types != given.types {
            self.say(&Defect::Types { given: given.types, taken: taken.types });
            // Of what could be anything there is nothing more to be told.
            if types.is_empty() || given.types == Types::ALL {
                return;
            }
        }
        match &taken.values {
            // There is only one.
            Some(_) if types == Types::NULL => {}
            Some(values) => self.values(given, values, types),
            None => self.constraints(given, taken, types),
        }
    }

    fn constraints(&mut self, given: &Shape<'a>, taken: &Shape<'a>, types: Types) {
        for bound in given.bounds.beyond(&taken.bounds, types) {
            self.say(&Defect::Bound(bound));
        }
        self.keywords(given, taken, types);
        if types.meets(Types::OBJECT) {
            self.objects(given, taken);
        }
        if types.meets(Types::ARRAY) {
            self.lists(given, taken);
        }
    }

    /// Of values that are listed one by one nothing else matters.
    fn values(&mut self, given: &Shape<'a>, taken: &[&'a Value], types: Types) {
        let Some(given) = &given.values else { return self.say(&Defect::OnlyValues(taken)) };
        self.notes.step(taken.len());
        let texts: HashSet<&str> = taken.iter().filter_map(|value| value.as_str()).collect();
        let known = |value: &Value, walk: &mut Self| match value.as_str() {
            Some(text) => texts.contains(text),
            None => taken.iter().any(|other| walk.notes.step(1) && *other == value),
        };
        let mut lost = Vec::new();
        for value in given.iter().filter(|value| Types::of(value).meets(types)) {
            if self.notes.step(1) && !known(value, self) {
                lost.push(*value);
            }
        }
        if !lost.is_empty() {
            self.say(&Defect::Values(&lost));
        }
    }

    fn keywords(&mut self, given: &Shape<'a>, taken: &Shape<'a>, types: Types) {
        let words: BTreeSet<&str> = given.others.keys().chain(taken.others.keys()).copied().collect();
        for word in words {
            let narrowing = NARROWING.iter().find(|(narrowing, _)| *narrowing == word);
            if narrowing.is_some_and(|(_, about)| !about.meets(types)) {
                continue;
            }
            match (given.others.get(word), taken.others.get(word)) {
                (Some(given), Some(taken)) if self.identical(given, taken) => {}
                (Some(_), Some(format)) if word == "format" => self.say(&Defect::Keyword(word, format)),
                (None, Some(value)) if narrowing.is_some() => self.say(&Defect::Keyword(word, value)),
                (Some(_), None) if narrowing.is_some() => {}
                _ => {
                    let why = format!("its `{}` is not as it was, and cannot be compared", short(word));
                    self.say(&Defect::Unclear(why));
                }
            }
        }
    }

    /// A property without a name in the given schema counts as absent, unless the schema says what else there can be: or no
    /// property could ever be added.
    fn objects(&mut self, given: &Shape<'a>, taken: &Shape<'a>) {
        let (more_given, more_taken) = (given.additional, taken.additional);
        let named = |name: &str| given.properties.contains_key(name);
        for name in taken.required.difference(&given.required) {
            let gone = self.flow() == Flow::Out && taken.properties.contains_key(name) && !named(name);
            if !gone || more_given.is_some_and(Value::is_object) {
                self.say(&Defect::Required(name));
            }
        }
        for (name, schema) in &given.properties {
            match (taken.properties.get(name), more_taken) {
                (Some(taken), _) => self.within(self.step_to(name), schema, taken),
                (None, Some(Value::Bool(false))) => self.say(&Defect::RuledOut(name)),
                (None, Some(Value::Bool(true))) => {}
                (None, Some(more)) if more.is_object() => self.within(self.step_to(name), schema, more),
                _ if self.flow() == Flow::In => self.say(&Defect::Unnamed(name)),
                _ => {}
            }
        }
        for (name, schema) in taken.properties.iter().filter(|(name, _)| !named(name)) {
            match more_given {
                Some(more) if more.is_object() => self.within(self.step_to(name), more, schema),
                _ if self.flow() == Flow::Out => self.say(&Defect::Unnamed(name)),
                _ => {}
            }
        }
        match (more_given.unwrap_or(ANYTHING), more_taken.unwrap_or(ANYTHING)) {
            (Value::Bool(false), _) => {}
            (_, Value::Bool(false)) => self.say(&Defect::Others),
            (given, taken) => self.within(self.step_to("*"), given, taken),
        }
    }

    fn step_to(&self, name: &str) -> String {
        let dot = if self.path.is_empty() { "" } else { "." };
        format!("{dot}{}", short(name))
    }

    fn lists(&mut self, given: &Shape<'a>, taken: &Shape<'a>) {
        let (rest_given, rest_taken) = (given.items.unwrap_or(ANYTHING), taken.items.unwrap_or(ANYTHING));
        let places = given.prefix.len().max(taken.prefix.len());
        for place in 0..places {
            if given.bounds.lets_lists_exceed(place) {
                let one = given.prefix.get(place).unwrap_or(rest_given);
                let other = taken.prefix.get(place).unwrap_or(rest_taken);
                self.within(format!("[{place}]"), one, other);
            }
        }
        if rest_given != NOTHING && given.bounds.lets_lists_exceed(places) {
            self.within("[]".to_owned(), rest_given, rest_taken);
        }
    }
}
