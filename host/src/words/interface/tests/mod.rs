//! The comparison as a table: what was, what is, and what is said of it.

mod properties;

use super::*;
use serde_json::{Value, json};

fn descriptor(mut parts: Value) -> Descriptor {
    parts["descriptor"] = json!(1);
    parts["version"] = json!("1");
    Descriptor::parse(&parts.to_string()).unwrap()
}

fn found(old: Value, new: Value) -> Vec<String> {
    broken(&descriptor(old), &descriptor(new))
}

/// What is said of a body, and of a reply, that was described by `old` and is by `new`.
fn bodies(old: &Value, new: &Value) -> Vec<String> {
    found(json!({"commands": [{"name": "c", "input": old}]}), json!({"commands": [{"name": "c", "input": new}]}))
}

fn replies(old: &Value, new: &Value) -> Vec<String> {
    found(json!({"commands": [{"name": "c", "output": old}]}), json!({"commands": [{"name": "c", "output": new}]}))
}

fn object(properties: Value, required: Value) -> Value {
    json!({"type": "object", "properties": properties, "required": required})
}

/// `narrow` is part of `wide`. Narrowing a body and widening a reply are told by these words; the opposite is nothing.
fn narrower(narrow: Value, wide: Value, body: &[&str], reply: &[&str]) {
    assert_eq!(bodies(&wide, &narrow), body, "from {wide} to {narrow}");
    assert_eq!(replies(&narrow, &wide), reply, "from {narrow} to {wide}");
    assert_eq!(bodies(&narrow, &wide), [""; 0], "from {narrow} to {wide}");
    assert_eq!(replies(&wide, &narrow), [""; 0], "from {wide} to {narrow}");
}

#[test]
fn a_command_that_is_gone_is_missed_and_a_new_one_is_not() {
    let said = found(
        json!({"commands": [{"name": "list"}, {"name": "add"}]}),
        json!({"commands": [{"name": "add"}, {"name": "new"}]}),
    );
    assert_eq!(said, ["the command `list` is gone: callers get 404 / `unknown-command`"]);
}

#[test]
fn a_subscription_may_be_taken_over_by_a_wider_one() {
    let heard = |old: &str, new: &[&str]| {
        let new: Vec<_> = new.iter().map(|pattern| json!({"pattern": pattern})).collect();
        found(json!({"subscriptions": [{"pattern": old}]}), json!({"subscriptions": new})).join(", ")
    };
    assert_eq!(heard("orders.*.paid", &["orders.>"]), "");
    assert_eq!(heard("orders.*.paid", &["orders.*.*"]), "");
    assert_eq!(
        heard("orders.*.paid", &["orders.*.sent"]),
        "the subscription `orders.*.paid` is gone: its events are not heard any more"
    );
    assert_eq!(
        heard("orders.>", &["a", "orders.*.paid"]),
        "the subscription `orders.>` is narrowed to `orders.*.paid`: other events are not heard any more"
    );
}

#[test]
fn what_a_subscription_expects_of_events_is_an_input() {
    let heard = |pattern: &str, required: Value| json!({"subscriptions": [{"pattern": pattern, "schema": object(json!({"id": {}}), required)}]});
    let said = ["what the subscription `a.b` hears now needs `id`"];
    assert_eq!(found(heard("a.b", json!([])), heard("a.b", json!(["id"]))), said);
    assert_eq!(found(heard("a.b", json!([])), heard("a.*", json!(["id"]))), said);
    assert_eq!(found(heard("a.b", json!(["id"])), heard("a.*", json!([]))), [""; 0]);
}

#[test]
fn an_event_that_is_dropped_hidden_or_changed_is_missed() {
    let event = |topic: &str, private: bool, schema: Value| json!({"events": [{"topic": topic, "private": private, "schema": schema}]});
    let [total, any] = [object(json!({"total": {}}), json!(["total"])), object(json!({"total": {}}), json!([]))];
    let was = event("o.*", false, total.clone());
    assert_eq!(found(was.clone(), json!({})), ["the event `o.*` is gone: its subscribers wait in vain"]);
    assert_eq!(
        found(was.clone(), event("o.paid", false, total.clone())),
        ["the event `o.*` is narrowed to `o.paid`: subscribers of others wait in vain"]
    );
    assert_eq!(
        found(was.clone(), event("o.*", true, any.clone())),
        [
            "the event `o.*` is now private: other spaces do not get it any more",
            "the event `o.*` no longer always has `total`"
        ]
    );
    assert_eq!(found(was, event("o.>", false, total.clone())), [""; 0]);
    assert_eq!(found(event("o", true, any), event("o", false, total)), [""; 0]);
}

#[test]
fn a_timer_that_is_gone_is_missed() {
    let said = found(json!({"timers": [{"name": "tick"}]}), json!({"timers": [{"name": "tock"}]}));
    assert_eq!(said, ["the timer `tick` is gone: those that are set become dead letters when they fire"]);
}

#[test]
fn of_a_version_of_before_the_start_only_the_subscriptions_are_compared() {
    let patterns: Vec<Pattern> = ["a.b", "c"].map(|pattern| Pattern::parse(pattern).unwrap()).to_vec();
    let new = descriptor(json!({"subscriptions": [{"pattern": "a.>"}]}));
    assert_eq!(deaf(patterns.iter(), &new), ["the subscription `c` is gone: its events are not heard any more"]);
}

#[test]
fn properties_that_become_required_or_optional_are_told() {
    let [id, both] = [json!({"id": {}}), json!({"id": {}, "total": {}})];
    narrower(
        object(both.clone(), json!(["id", "total"])),
        object(both, json!(["id"])),
        &["the body of `c` now needs `total`"],
        &["the reply of `c` no longer always has `total`"],
    );
    // A new property that need not be there, and one more in a reply.
    assert_eq!(bodies(&object(id.clone(), json!([])), &object(json!({"id": {}, "note": {}}), json!([]))), [""; 0]);
    assert_eq!(
        replies(&object(id.clone(), json!([])), &object(json!({"id": {}, "note": {}}), json!(["note"]))),
        [""; 0]
    );
    assert_eq!(
        bodies(&object(id.clone(), json!([])), &object(json!({"id": {}, "note": {}}), json!(["note"]))),
        ["the body of `c` now needs `note`"]
    );
}

#[test]
fn properties_that_are_gone_are_told_even_where_they_are_let_through() {
    let [id, both] =
        [object(json!({"id": {}}), json!(["id"])), object(json!({"id": {}, "note": {}}), json!(["id", "note"]))];
    assert_eq!(bodies(&both, &id), ["the body of `c` does not know `note` any more: it is ignored"]);
    assert_eq!(replies(&both, &id), ["the reply of `c` no longer has `note`"]);
    // What takes anything takes that, too.
    for anything in [json!({"title": "AnyValue"}), json!(true), json!({"type": "object", "additionalProperties": true})]
    {
        assert_eq!(bodies(&both, &anything), [""; 0], "{anything}");
    }
}

#[test]
fn closing_an_object_is_told() {
    let open = object(json!({"id": {}}), json!([]));
    let mut closed = open.clone();
    closed["additionalProperties"] = json!(false);
    narrower(
        closed.clone(),
        open,
        &["the body of `c` may not have other properties any more"],
        &["the reply of `c` can now have other properties, too"],
    );
    let mut more = object(json!({"id": {}, "note": {}}), json!([]));
    more["additionalProperties"] = json!(false);
    assert_eq!(bodies(&more, &closed), ["the body of `c` may not have `note` any more"]);
    assert_eq!(replies(&closed, &more), ["the reply of `c` can now have `note`, which was ruled out"]);
}

#[test]
fn the_types_of_maps_and_lists_are_followed() {
    let map = |of: &str| json!({"type": "object", "additionalProperties": {"type": of}});
    narrower(
        map("integer"),
        map("number"),
        &["`*` in the body of `c` may not be a fraction any more"],
        &["`*` in the reply of `c` can now be a fraction, too"],
    );
    let lines = |line: Value| object(json!({"lines": {"type": "array", "items": line}}), json!([]));
    narrower(
        lines(object(json!({"sku": {}}), json!(["sku"]))),
        lines(object(json!({"sku": {}}), json!([]))),
        &["`lines[]` in the body of `c` now needs `sku`"],
        &["`lines[]` in the reply of `c` no longer always has `sku`"],
    );
    let pair = |second: &str| {
        let of = json!([{"type": "string"}, {"type": second}]);
        json!({"type": "array", "prefixItems": of, "minItems": 2, "maxItems": 2})
    };
    assert_eq!(
        bodies(&pair("string"), &pair("boolean")),
        ["`[1]` in the body of `c` must now be a boolean, not a string"]
    );
}

#[test]
fn changed_types_are_told_in_full() {
    let text = json!({"type": "string"});
    let number = json!({"type": "integer"});
    assert_eq!(bodies(&text, &number), ["the body of `c` must now be a whole number, not a string"]);
    assert_eq!(replies(&text, &number), ["the reply of `c` is now a whole number, not a string"]);
    narrower(
        text.clone(),
        json!({"type": ["string", "null"]}),
        &["the body of `c` may not be null any more"],
        &["the reply of `c` can now be null, too"],
    );
    narrower(
        object(json!({"id": {}}), json!(["id"])),
        json!(true),
        &["the body of `c` must now be an object; it could be anything"],
        &["the reply of `c` can now be anything, not only an object"],
    );
}

#[test]
fn an_option_of_a_definition_is_that_definition_or_null() {
    let defs = json!({"Address": object(json!({"zip": {"type": "string"}}), json!([]))});
    let optional = json!({"anyOf": [{"$ref": "#/$defs/Address"}, {"type": "null"}], "$defs": defs});
    narrower(
        json!({"$ref": "#/$defs/Address", "$defs": defs}),
        optional.clone(),
        &["the body of `c` may not be null any more"],
        &["the reply of `c` can now be null, too"],
    );
    let mut stricter = optional.clone();
    stricter["$defs"]["Address"]["required"] = json!(["zip"]);
    narrower(
        stricter,
        optional,
        &["the body of `c` now needs `zip`"],
        &["the reply of `c` no longer always has `zip`"],
    );
}

#[test]
fn values_that_are_dropped_or_added_are_told() {
    let sizes = |values: Value| json!({"type": "string", "enum": values});
    narrower(
        sizes(json!(["s", "m"])),
        sizes(json!(["s", "m", "l", "xl"])),
        &["the body of `c` may not be \"l\" or \"xl\" any more"],
        &["the reply of `c` can now be \"l\" or \"xl\", too"],
    );
    narrower(
        sizes(json!(["s", "m"])),
        json!({"type": "string"}),
        &["the body of `c` must now be \"s\" or \"m\""],
        &["the reply of `c` can now be something else than \"s\" or \"m\""],
    );
    // As schemars writes an enum whose variants have docs.
    let documented =
        json!({"oneOf": [{"const": "s", "type": "string"}, {"const": "m", "type": "string", "description": "M"}]});
    narrower(
        json!({"const": "s"}),
        documented.clone(),
        &["the body of `c` may not be \"m\" any more"],
        &["the reply of `c` can now be \"m\", too"],
    );
    assert_eq!(bodies(&sizes(json!(["m", "s"])), &documented), [""; 0]);
    assert_eq!(replies(&sizes(json!(["m", "s"])), &documented), [""; 0]);
}

#[test]
fn variants_are_told_by_what_tells_them_apart() {
    let by_key = |keys: &[&str]| {
        let variants = keys.iter().map(|key| object(json!({*key: object(json!({"n": {}}), json!([]))}), json!([key])));
        json!({"oneOf": variants.collect::<Vec<_>>()})
    };
    narrower(
        by_key(&["card", "cash"]),
        by_key(&["card", "cash", "coupon"]),
        &["the body of `c` may not have the form `coupon` any more"],
        &["the reply of `c` can now have the form `coupon`, too"],
    );
    let by_kind = |required: Value| {
        let card = object(json!({"kind": {"const": "card"}, "n": {}}), required);
        json!({"oneOf": [card, object(json!({"kind": {"const": "cash"}}), json!(["kind"]))]})
    };
    narrower(
        by_kind(json!(["kind", "n"])),
        by_kind(json!(["kind"])),
        &["`(card)` in the body of `c` now needs `n`"],
        &["`(card)` in the reply of `c` no longer always has `n`"],
    );
}

#[test]
fn bounds_and_formats_that_are_narrowed_are_told() {
    let of = |schema: Value| object(json!({"n": schema}), json!([]));
    for (narrow, wide, body, reply) in [
        (
            json!({"type": "integer", "minimum": 1}),
            json!({"type": "integer", "minimum": 0}),
            "must now be at least 1",
            "is no longer always at least 1",
        ),
        (
            json!({"type": "integer", "format": "uint8"}),
            json!({"type": "integer", "format": "uint32"}),
            "must now be at most 255",
            "is no longer always at most 255",
        ),
        (
            json!({"type": "string", "maxLength": 9}),
            json!({"type": "string"}),
            "must now be at most 9 characters long",
            "is no longer always at most 9 characters long",
        ),
        (
            json!({"type": "string", "format": "uuid"}),
            json!({"type": "string"}),
            "must now have the format \"uuid\"",
            "no longer always has the format \"uuid\"",
        ),
        (
            json!({"type": "string", "pattern": "^a"}),
            json!({"type": "string"}),
            "must now have the pattern \"^a\"",
            "no longer always has the pattern \"^a\"",
        ),
        (
            json!({"type": "array", "uniqueItems": true}),
            json!({"type": "array"}),
            "may not hold an item twice any more",
            "can now hold an item twice",
        ),
    ] {
        let said = (format!("`n` in the body of `c` {body}"), format!("`n` in the reply of `c` {reply}"));
        narrower(of(narrow), of(wide), &[&said.0], &[&said.1]);
    }
    // Two values are within the range of a byte.
    narrower(
        json!({"type": "integer", "enum": [1, 2]}),
        json!({"type": "integer", "format": "uint8"}),
        &["the body of `c` must now be 1 or 2"],
        &["the reply of `c` can now be something else than 1 or 2"],
    );
}

#[test]
fn what_cannot_be_compared_is_never_passed_over() {
    let changed = "may have changed: its `x-new` is not as it was, and cannot be compared";
    assert_eq!(bodies(&json!({"x-new": 1}), &json!({"x-new": 2})), [format!("the body of `c` {changed}")]);
    assert_eq!(replies(&json!({"x-new": 2}), &json!({})), [format!("the reply of `c` {changed}")]);
    // The text is the same, what it refers to is not.
    let not = |of: &str| json!({"not": {"$ref": "#/$defs/D"}, "$defs": {"D": {"type": of}}});
    let said = ["the body of `c` may have changed: its `not` is not as it was, and cannot be compared"];
    assert_eq!(bodies(&not("string"), &not("null")), said);
    for odd in [json!({"$ref": "#/$defs/Gone"}), json!({"$ref": "https://example.org"}), json!({"$ref": "#"})] {
        let said = bodies(&json!({"type": "string"}), &odd);
        assert!(said[0].starts_with("the body of `c` may have changed: it cannot be compared"), "{said:?}");
    }
}

#[test]
fn docs_titles_and_the_names_of_definitions_are_no_change() {
    let old = json!({"title": "Old", "$ref": "#/$defs/A", "$defs": {"A": {"type": "string", "description": "a"}}});
    let new = json!({"description": "new", "$ref": "#/$defs/B", "$defs": {"B": {"type": "string"}}});
    assert_eq!(bodies(&old, &new), [""; 0]);
    assert_eq!(replies(&old, &new), [""; 0]);
}

#[test]
fn a_schema_that_holds_itself_is_followed_once() {
    let tree = |required: Value| {
        let kids = json!({"type": "array", "items": {"$ref": "#/$defs/Tree"}});
        let next = json!({"anyOf": [{"$ref": "#/$defs/Tree"}, {"type": "null"}]});
        let tree = object(json!({"kids": kids, "next": next, "name": {"type": "string"}}), required);
        json!({"$ref": "#/$defs/Tree", "$defs": {"Tree": tree}})
    };
    let said = bodies(&tree(json!([])), &tree(json!(["name"])));
    assert!(said.contains(&"the body of `c` now needs `name`".to_owned()), "{said:?}");
    assert!(said.len() < 5, "{said:?}");
    assert_eq!(replies(&tree(json!([])), &tree(json!(["name"]))), [""; 0]);
}

#[test]
fn hostile_schemas_end_and_are_not_passed_over() {
    // Each definition holds the next one in many forms; any two of them can be compared in countless ways.
    let maze = |ends: &str| {
        let mut defs = serde_json::Map::new();
        for n in 0..40 {
            let next = json!({"$ref": format!("#/$defs/D{}", n + 1)});
            let form = |key: &str| object(json!({"a": next, key: next}), json!(["a"]));
            defs.insert(format!("D{n}"), json!({"anyOf": [form("b"), form("c"), form("d"), form("e")]}));
        }
        defs.insert("D40".into(), json!({"type": ends}));
        json!({"$ref": "#/$defs/D0", "$defs": defs})
    };
    assert!(!bodies(&maze("string"), &maze("null")).is_empty());
    // Unions within unions, references in a ring, and a schema as deep as JSON may be.
    let ring = json!({"$defs": {"A": {"anyOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/A"}]}}, "$ref": "#/$defs/A"});
    assert!(!bodies(&json!({"type": "string"}), &ring).is_empty());
    let deep = |end: Value| (0..100).fold(end, |within, _| json!({"items": within}));
    assert!(!bodies(&deep(json!({"type": "string"})), &deep(json!({"type": "null"}))).is_empty());
    let wide = |n: usize| json!({"enum": (n..n + 20_000).collect::<Vec<_>>()});
    assert!(!bodies(&wide(0), &wide(20_000)).is_empty());
}

#[test]
fn many_findings_are_cut_short() {
    let names = |prefix: &str| (0..100).map(|n| json!({"name": format!("{prefix}{n}")})).collect::<Vec<_>>();
    let said = found(json!({"commands": names("a")}), json!({"commands": names("b")}));
    assert_eq!((said.len(), said[20].as_str()), (21, "and 80 more"));
}
