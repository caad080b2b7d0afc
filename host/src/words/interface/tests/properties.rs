//! What holds for any schemas: nothing is found between a descriptor and itself, and nothing that breaks is passed over.

use super::{bodies, found, object, replies};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Schemas of all kinds, sound and odd.
fn schemas() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        prop::sample::select(vec!["string", "integer", "number", "null", "object", "nonsense"])
            .prop_map(|ty| json!({"type": ty})),
        prop::collection::vec(0..9, 0..4).prop_map(|values| json!({"enum": values})),
        (0..9, 0..9).prop_map(|(least, most)| json!({"type": "integer", "minimum": least, "maximum": most})),
        prop::sample::select(vec!["#", "#/$defs/A", "#/$defs/B", "x"]).prop_map(|to| json!({"$ref": to})),
        "[a-z]{1,3}".prop_map(|word| json!({word: 1})),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|forms| json!({"anyOf": forms})),
            prop::collection::vec(inner.clone(), 0..3).prop_map(|parts| json!({"allOf": parts})),
            (inner.clone(), inner.clone())
                .prop_map(|(a, b)| json!({"properties": {"a": a, "b": b}, "required": ["a"]})),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| json!({"items": a, "prefixItems": [b]})),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| json!({"additionalProperties": a, "not": b})),
            (inner.clone(), inner).prop_map(|(a, b)| json!({"$ref": "#/$defs/A", "$defs": {"A": a, "B": b}})),
        ]
    })
}

/// The same schema in other words: what may be said of a value is unchanged.
fn reworded(schema: &Value) -> Value {
    json!({"title": "other", "allOf": [{"description": "words"}], "anyOf": [schema]})
}

proptest! {
    #[test]
    fn a_descriptor_compared_with_itself_finds_nothing(one in schemas(), other in schemas()) {
        let parts = json!({
            "commands": [{"name": "a", "input": one, "output": other}, {"name": "b", "input": other}],
            "subscriptions": [{"pattern": "a.*", "schema": one}, {"pattern": "a.*", "schema": other}, {"pattern": "a.>"}],
            "events": [{"topic": "e", "schema": other}, {"topic": "e", "schema": one, "private": true}],
            "timers": [{"name": "t"}],
        });
        prop_assert_eq!(found(parts.clone(), parts), Vec::<String>::new());
    }

    #[test]
    fn any_two_schemas_can_be_compared(old in schemas(), new in schemas()) {
        prop_assert!(bodies(&old, &new).len() <= 22);
        prop_assert!(replies(&old, &new).len() <= 22);
    }

    #[test]
    fn a_schema_in_other_words_breaks_nothing(values in prop::collection::vec(0..9, 1..4), least in 0..9, most in 0..9) {
        let leaf = json!({"type": "integer", "minimum": least, "maximum": most});
        let schema = object(json!({"a": {"enum": values}, "b": {"type": "array", "items": leaf}}), json!(["a"]));
        prop_assert_eq!(bodies(&schema, &reworded(&schema)), Vec::<String>::new());
        prop_assert_eq!(replies(&schema, &reworded(&schema)), Vec::<String>::new());
    }
}

/// Schemas that `fits` understands. Every object names the same properties: one without a name counts as absent.
fn plain_schemas() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        prop::sample::select(vec!["string", "integer", "number", "null", "boolean"]).prop_map(|ty| json!({"type": ty})),
        prop::sample::subsequence(vec!["string", "integer", "null", "boolean"], 1..4)
            .prop_map(|types| json!({"type": types})),
        prop::collection::vec(values(), 1..4).prop_map(|values| json!({"enum": values})),
        (0..4, 0..4).prop_map(|(least, most)| json!({"type": "integer", "minimum": least, "maximum": most})),
        (0..4).prop_map(|least| json!({"type": "number", "exclusiveMinimum": least})),
        Just(json!({"$ref": "#/$defs/A"})),
    ];
    let inner = leaf.prop_recursive(3, 24, 4, |inner| {
        let required = prop::sample::subsequence(vec!["a", "b"], 0..=2);
        let others = prop_oneof![Just(json!({})), Just(json!({"additionalProperties": false}))];
        let named = (inner.clone(), inner.clone(), required, others).prop_map(|(a, b, required, mut schema)| {
            (schema["type"], schema["required"]) = (json!("object"), json!(required));
            schema["properties"] = json!({"a": a, "b": b});
            schema
        });
        prop_oneof![
            named,
            (inner.clone(), 0..3).prop_map(|(item, most)| json!({"type": "array", "items": item, "maxItems": most})),
            prop::collection::vec(inner.clone(), 1..4).prop_map(|forms| json!({"anyOf": forms})),
            prop::collection::vec(inner, 1..3).prop_map(|parts| json!({"allOf": parts})),
        ]
    });
    (inner.clone(), inner).prop_map(|(schema, definition)| json!({"anyOf": [schema], "$defs": {"A": definition}}))
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..5).prop_map(Value::from),
        Just(json!(1.5)),
        "[a-b]".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 2, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[a-c]", inner, 0..3).prop_map(|object| json!(object)),
        ]
    })
}

/// Whether a value is one of the schema's, by the letter; `fuel` ends references that go round.
fn fits(value: &Value, schema: &Value, root: &Value, fuel: u32) -> bool {
    let Some(fuel) = fuel.checked_sub(1) else { return true };
    let all =
        |schemas: &Value| schemas.as_array().unwrap().iter().map(|s| fits(value, s, root, fuel)).collect::<Vec<_>>();
    schema.as_object().unwrap().iter().all(|(word, of)| match word.as_str() {
        "type" => is_of(value, of),
        "enum" => of.as_array().unwrap().contains(value),
        "minimum" => value.as_f64().is_none_or(|number| number >= of.as_f64().unwrap()),
        "exclusiveMinimum" => value.as_f64().is_none_or(|number| number > of.as_f64().unwrap()),
        "maximum" => value.as_f64().is_none_or(|number| number <= of.as_f64().unwrap()),
        "maxItems" => value.as_array().is_none_or(|list| list.len() as u64 <= of.as_u64().unwrap()),
        "items" => value.as_array().is_none_or(|list| list.iter().all(|item| fits(item, of, root, fuel))),
        "required" => value
            .as_object()
            .is_none_or(|object| of.as_array().unwrap().iter().all(|name| object.contains_key(name.as_str().unwrap()))),
        "properties" => value.as_object().is_none_or(|object| {
            object.iter().all(|(name, value)| of.get(name).is_none_or(|of| fits(value, of, root, fuel)))
        }),
        "additionalProperties" => {
            value.as_object().is_none_or(|object| object.keys().all(|name| schema["properties"].get(name).is_some()))
        }
        "anyOf" => all(of).contains(&true),
        "allOf" => !all(of).contains(&false),
        "$ref" => fits(value, &root["$defs"]["A"], root, fuel),
        _ => true,
    })
}

fn is_of(value: &Value, types: &Value) -> bool {
    let is = |name: &Value| match name.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        _ => value.is_object(),
    };
    types.as_array().map_or_else(|| is(types), |types| types.iter().any(is))
}

/// `schema` with another one in the place of the `nth` that is in it; true once that is done.
fn replace(schema: &mut Value, nth: &mut usize, by: &Value) -> bool {
    if *nth == 0 {
        *schema = by.clone();
        return true;
    }
    *nth -= 1;
    let places = [
        "/properties/a",
        "/properties/b",
        "/items",
        "/anyOf/0",
        "/anyOf/1",
        "/anyOf/2",
        "/allOf/0",
        "/allOf/1",
        "/$defs/A",
    ];
    places.iter().any(|place| schema.pointer_mut(place).is_some_and(|inner| replace(inner, nth, by)))
}

/// A schema and one that is different in one place.
fn versions() -> impl Strategy<Value = (Value, Value)> {
    (plain_schemas(), plain_schemas(), 1..12_usize).prop_map(|(old, other, mut nth)| {
        let mut new = old.clone();
        replace(&mut new, &mut nth, &other["anyOf"][0]);
        (old, new)
    })
}

proptest! {
    #[test]
    fn a_value_that_fits_no_more_is_never_passed_over((old, new) in versions(), values in prop::collection::vec(values(), 60)) {
        let lost = values.iter().find(|value| fits(value, &old, &old, 20) && !fits(value, &new, &new, 20));
        if let Some(lost) = lost {
            prop_assert!(!bodies(&old, &new).is_empty(), "{lost} fits {old} but not {new}");
            prop_assert!(!replies(&new, &old).is_empty(), "{lost} fits {old} but not {new}");
        }
    }

    #[test]
    fn one_form_more_breaks_no_body_and_one_less_no_reply(schema in plain_schemas(), more in plain_schemas()) {
        let mut wider = schema.clone();
        wider["anyOf"].as_array_mut().unwrap().push(more["anyOf"][0].clone());
        let unclear = |said: &String| said.contains("may have changed");
        prop_assert!(bodies(&schema, &wider).iter().all(unclear), "{schema} is part of {wider}: {:?}", bodies(&schema, &wider));
        prop_assert!(replies(&wider, &schema).iter().all(unclear), "{schema} is part of {wider}");
    }
}
