//! From the JSON Schemas of a space to components of the document.
//!
//! The schemas come from an untrusted guest and the document is one for all spaces, so nothing of them may make it invalid or lead
//! its reader elsewhere: keywords of a wrong form, unknown ones and references out of the schema are left out, which only makes a
//! schema say less. Pure. Cannot fail.

use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Where components are, for references.
const COMPONENTS: &str = "#/components/schemas/";
const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];

/// Makes the schema a component of that name, and each of its definitions one whose name begins with it.
pub fn adopt(name: &str, schema: &Value, components: &mut Map<String, Value>) {
    let mut targets = BTreeMap::from([(String::new(), name.to_owned())]);
    let mut definitions = Vec::new();
    for holder in ["$defs", "definitions"] {
        for (key, definition) in schema.get(holder).and_then(Value::as_object).into_iter().flatten() {
            let own = free_name(&format!("{name}.{}", tame(key)), &targets);
            targets.insert(format!("/{holder}/{}", escaped(key)), own.clone());
            definitions.push((own, definition));
        }
    }
    for (own, definition) in definitions {
        components.insert(own, rewritten(definition, &targets));
    }
    components.insert(name.to_owned(), rewritten(schema, &targets));
    for own in targets.values() {
        if comes_back(own, components) {
            components.insert(own.clone(), Value::Bool(true));
        }
    }
}

/// Whether a value would have to be judged by this component before it can be judged by it: a reader would go round for ever.
/// Only references that apply to the value itself count; a list of lists ends where its values do.
fn comes_back(own: &str, components: &Map<String, Value>) -> bool {
    let mut seen = BTreeSet::new();
    let mut next: Vec<&Value> = components.get(own).into_iter().collect();
    while let Some(schema) = next.pop() {
        let Value::Object(keywords) = schema else { continue };
        for (keyword, value) in keywords {
            match keyword.as_str() {
                "$ref" => {
                    let target = value.as_str().and_then(|target| target.strip_prefix(COMPONENTS)).unwrap_or_default();
                    if target == own {
                        return true;
                    }
                    if seen.insert(target) {
                        next.extend(components.get(target));
                    }
                }
                "allOf" | "anyOf" | "oneOf" => next.extend(value.as_array().into_iter().flatten()),
                "dependentSchemas" => next.extend(value.as_object().into_iter().flat_map(Map::values)),
                "not" | "if" | "then" | "else" => next.push(value),
                _ => {}
            }
        }
    }
    false
}

/// A reference to a component.
pub fn reference(name: &str) -> Value {
    json!({ "$ref": format!("{COMPONENTS}{name}") })
}

/// The characters that a component's name may have.
fn tame(key: &str) -> String {
    let tame = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    key.chars().take(64).map(tame).collect()
}

fn free_name(wanted: &str, taken: &BTreeMap<String, String>) -> String {
    let is_free = |name: &String| taken.values().all(|other| other != name);
    let numbered = (2..).map(|n| format!("{wanted}-{n}"));
    std::iter::once(wanted.to_owned()).chain(numbered).find(is_free).unwrap_or_default()
}

/// As a part of a JSON pointer.
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// One schema, with its references to where their targets are now.
fn rewritten(schema: &Value, targets: &BTreeMap<String, String>) -> Value {
    let Value::Object(keywords) = schema else {
        return Value::Bool(schema.as_bool().unwrap_or(true));
    };
    let kept = keywords.iter().filter_map(|(keyword, value)| Some((keyword.clone(), kept(keyword, value, targets)?)));
    Value::Object(kept.collect())
}

/// What stays of a keyword's value.
fn kept(keyword: &str, value: &Value, targets: &BTreeMap<String, String>) -> Option<Value> {
    let one = |schema: &Value| rewritten(schema, targets);
    match keyword {
        "$ref" => {
            let target = targets.get(&pointer(value.as_str()?.strip_prefix('#')?)?)?;
            Some(Value::String(format!("{COMPONENTS}{target}")))
        }
        "properties" | "patternProperties" | "dependentSchemas" => {
            Some(value.as_object()?.iter().map(|(key, schema)| (key.clone(), one(schema))).collect())
        }
        "allOf" | "anyOf" | "oneOf" | "prefixItems" => {
            Some(value.as_array().filter(|list| !list.is_empty())?.iter().map(one).collect())
        }
        "items"
        | "additionalProperties"
        | "not"
        | "if"
        | "then"
        | "else"
        | "contains"
        | "propertyNames"
        | "unevaluatedItems"
        | "unevaluatedProperties"
        | "contentSchema" => Some(one(value)),
        _ => fits(keyword, value).then(|| value.clone()),
    }
}

/// A fragment is percent-encoded.
fn pointer(fragment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut pieces = fragment.split('%');
    bytes.extend_from_slice(pieces.next()?.as_bytes());
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

/// Whether a keyword without schemas in it has the form that JSON Schema 2020-12 gives it.
fn fits(keyword: &str, value: &Value) -> bool {
    match keyword {
        "title" | "description" | "$comment" | "format" | "pattern" | "contentEncoding" | "contentMediaType" => {
            value.is_string()
        }
        "type" => {
            is_type(value)
                || value
                    .as_array()
                    .is_some_and(|list| !list.is_empty() && list.iter().all(is_type) && are_different(list))
        }
        "enum" | "examples" => value.is_array(),
        "const" | "default" => true,
        "required" => are_strings(value),
        "dependentRequired" => value.as_object().is_some_and(|lists| lists.values().all(are_strings)),
        "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" => value.is_number(),
        "multipleOf" => value.as_f64().is_some_and(|step| step > 0.0),
        "minLength" | "maxLength" | "minItems" | "maxItems" | "minContains" | "maxContains" | "minProperties"
        | "maxProperties" => value.is_u64(),
        "uniqueItems" | "deprecated" | "readOnly" | "writeOnly" => value.is_boolean(),
        _ => false,
    }
}

fn is_type(value: &Value) -> bool {
    value.as_str().is_some_and(|name| TYPES.contains(&name))
}

fn are_strings(value: &Value) -> bool {
    value.as_array().is_some_and(|list| list.iter().all(Value::is_string) && are_different(list))
}

fn are_different(list: &[Value]) -> bool {
    let texts: BTreeSet<_> = list.iter().filter_map(Value::as_str).collect();
    texts.len() == list.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adopted(schema: Value) -> Map<String, Value> {
        let mut components = Map::new();
        adopt("a.b.input", &schema, &mut components);
        components
    }

    #[test]
    fn definitions_become_components_of_their_own_and_references_follow() {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "https://elsewhere.example/x",
            "$ref": "#/$defs/Line", "properties": {"self": {"$ref": "#"}, "$ref": {"type": "string"}},
            "$defs": {"Line": {"items": {"$ref": "#/$defs/A~1B%20C"}}, "A/B C": {"type": "integer"}},
        });
        let expected = json!({
            "a.b.input": {
                "$ref": "#/components/schemas/a.b.input.Line",
                "properties": {"self": {"$ref": "#/components/schemas/a.b.input"}, "$ref": {"type": "string"}},
            },
            "a.b.input.Line": {"items": {"$ref": "#/components/schemas/a.b.input.A_B_C"}},
            "a.b.input.A_B_C": {"type": "integer"},
        });
        assert_eq!(Value::Object(adopted(schema)), expected);
    }

    #[test]
    fn names_that_become_the_same_stay_apart() {
        let schema = json!({"$defs": {"A B": {"const": 1}, "A_B": {"const": 2}}, "oneOf": [{"$ref": "#/$defs/A%20B"}, {"$ref": "#/$defs/A_B"}]});
        let components = adopted(schema);
        let meant = |n: usize| {
            let target = components["a.b.input"]["oneOf"][n]["$ref"].as_str().unwrap();
            components[target.strip_prefix(COMPONENTS).unwrap()]["const"].clone()
        };
        assert_eq!((meant(0), meant(1)), (json!(1), json!(2)));
    }

    #[test]
    fn nothing_leads_out_of_the_document_and_nothing_makes_it_invalid() {
        let schema = json!({
            "type": 7, "minLength": -1, "required": "x", "enum": {}, "allOf": [], "multipleOf": 0, "items": [1], "discriminator": 1,
            "anyOf": [{"$ref": "https://evil.example/"}, {"$ref": "#/properties/x"}, {"$ref": "#/$defs/none"}, {"$dynamicRef": "#x"}, 5],
            "additionalProperties": {"type": ["string", "string"]},
        });
        let expected = json!({ "items": true, "anyOf": [{}, {}, {}, {}, true], "additionalProperties": {} });
        assert_eq!(adopted(schema)["a.b.input"], expected);
        assert_eq!(adopted(json!("no schema"))["a.b.input"], true);
        assert_eq!(adopted(json!(false))["a.b.input"], false);
    }

    #[test]
    fn references_that_only_lead_back_to_themselves_are_left_out() {
        assert_eq!(adopted(json!({"$ref": "#"}))["a.b.input"], true);
        let round = json!({
            "$ref": "#/$defs/A", "properties": {"lists": {"$ref": "#/$defs/List"}},
            "$defs": {
                "A": {"anyOf": [{"type": "null"}, {"not": {"$ref": "#/$defs/B"}}]},
                "B": {"if": {"$ref": "#/$defs/A"}},
                "List": {"type": "array", "items": {"$ref": "#/$defs/List"}},
            },
        });
        let components = adopted(round);
        let is_left = |name: &str| components[name] != json!(true);
        assert!(is_left("a.b.input") && is_left("a.b.input.List"), "{components:?}");
        // One cut is enough for a ring.
        assert!(is_left("a.b.input.A") ^ is_left("a.b.input.B"), "{components:?}");
    }

    #[test]
    fn values_are_data_and_stay_as_they_are() {
        let schema =
            json!({"const": {"$ref": "x"}, "default": {"type": 7}, "examples": [{"$id": "y"}], "enum": [{"not": 1}]});
        assert_eq!(adopted(schema.clone())["a.b.input"], schema);
    }
}
