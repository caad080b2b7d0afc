//! The keywords that bound a number, a length or a count from one side, and which bound is within which.
//!
//! Knows numbers, no schemas. Bounds of whole numbers are exact as far as JSON's numbers are. Cannot fail.

use super::types::Types;
use serde_json::{Number, Value};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// One keyword that bounds.
#[derive(Debug)]
pub struct Row {
    pub keyword: &'static str,
    /// Of values of these types it says something.
    pub types: Types,
    lower: bool,
    before: &'static str,
    after: &'static str,
}

const fn row(keyword: &'static str, types: Types, lower: bool, before: &'static str, after: &'static str) -> Row {
    Row { keyword, types, lower, before, after }
}

const TABLE: [Row; 10] = [
    row("exclusiveMaximum", Types::NUMBER, false, "less than", ""),
    row("exclusiveMinimum", Types::NUMBER, true, "more than", ""),
    row("maxItems", Types::ARRAY, false, "at most", " items long"),
    row("maxLength", Types::STRING, false, "at most", " characters long"),
    row("maxProperties", Types::OBJECT, false, "at most", " properties large"),
    row("maximum", Types::NUMBER, false, "at most", ""),
    row("minItems", Types::ARRAY, true, "at least", " items long"),
    row("minLength", Types::STRING, true, "at least", " characters long"),
    row("minProperties", Types::OBJECT, true, "at least", " properties large"),
    row("minimum", Types::NUMBER, true, "at least", ""),
];

pub fn find(keyword: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.keyword == keyword)
}

/// Whether the format is a machine's kind of number: its range says it all.
pub fn is_of_numbers(format: &str) -> bool {
    matches!(format, "float" | "double" | "int" | "uint" | "int128" | "uint128") || range(format).is_some()
}

fn range(format: &str) -> Option<(Number, Number)> {
    Some(match format {
        "int8" => (i8::MIN.into(), i8::MAX.into()),
        "int16" => (i16::MIN.into(), i16::MAX.into()),
        "int32" => (i32::MIN.into(), i32::MAX.into()),
        "int64" | "int" => (i64::MIN.into(), i64::MAX.into()),
        "uint8" => (u8::MIN.into(), u8::MAX.into()),
        "uint16" => (u16::MIN.into(), u16::MAX.into()),
        "uint32" => (u32::MIN.into(), u32::MAX.into()),
        "uint64" | "uint" => (u64::MIN.into(), u64::MAX.into()),
        _ => return None,
    })
}

/// The tightest bound for each keyword.
#[derive(Debug, Clone, Default)]
pub struct Bounds(BTreeMap<&'static str, Number>);

impl Bounds {
    pub fn add(&mut self, keyword: &str, limit: Number) {
        let Some(row) = find(keyword) else { return };
        match self.0.get(row.keyword) {
            Some(before) if row.keeps(before, &limit) => {}
            _ => drop(self.0.insert(row.keyword, limit)),
        }
    }

    pub fn add_format(&mut self, format: &str) {
        if let Some((least, most)) = range(format) {
            self.add("minimum", least);
            self.add("maximum", most);
        }
    }

    /// Values that are listed one by one keep the bounds of the least and the greatest of them.
    pub fn add_values(&mut self, values: &[&Value]) {
        let numbers = values.iter().filter_map(|value| value.as_number());
        let lengths: Vec<Number> =
            values.iter().filter_map(|value| Some(value.as_str()?.chars().count().into())).collect();
        for (least, most, found) in
            [("minimum", "maximum", numbers.collect::<Vec<_>>()), ("minLength", "maxLength", lengths.iter().collect())]
        {
            let ends = (found.iter().min_by(|a, b| order(a, b)), found.iter().max_by(|a, b| order(a, b)));
            if let (Some(first), Some(last)) = ends {
                self.add(least, (*first).clone());
                self.add(most, (*last).clone());
            }
        }
    }

    /// Whether a list can be longer than that.
    pub fn lets_lists_exceed(&self, items: usize) -> bool {
        self.0.get("maxItems").and_then(Number::as_u64).is_none_or(|most| most > items as u64)
    }

    /// The bounds on values of `types` that values within `self` need not keep, as `at least 5`.
    pub fn beyond(&self, taken: &Bounds, types: Types) -> Vec<String> {
        let rows = TABLE.iter().filter(|row| row.types.meets(types));
        let limits = rows.filter_map(|row| Some((row, taken.0.get(row.keyword)?)));
        let broken = limits.filter(|(row, limit)| !self.keeps(row, limit));
        broken.map(|(row, limit)| format!("{} {limit}{}", row.before, row.after)).collect()
    }

    fn keeps(&self, row: &Row, limit: &Number) -> bool {
        let known = |keyword: &str| self.0.get(keyword);
        match row.keyword {
            // What is more than 5 is at least 5, and what is at least 6 is more than 5.
            "minimum" => {
                [known("minimum"), known("exclusiveMinimum")].iter().flatten().any(|own| row.keeps(own, limit))
            }
            "maximum" => {
                [known("maximum"), known("exclusiveMaximum")].iter().flatten().any(|own| row.keeps(own, limit))
            }
            "exclusiveMinimum" if known("minimum").is_some_and(|own| order(own, limit).is_gt()) => true,
            "exclusiveMaximum" if known("maximum").is_some_and(|own| order(own, limit).is_lt()) => true,
            // No length is below 0.
            _ if row.lower && row.types != Types::NUMBER && limit.as_u64() == Some(0) => true,
            keyword => known(keyword).is_some_and(|own| row.keeps(own, limit)),
        }
    }
}

impl Row {
    /// Whether what is within `own` is within `limit`.
    fn keeps(&self, own: &Number, limit: &Number) -> bool {
        let order = order(own, limit);
        if self.lower { order.is_ge() } else { order.is_le() }
    }
}

fn order(one: &Number, other: &Number) -> Ordering {
    let whole = |number: &Number| number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    match (whole(one), whole(other)) {
        (Some(one), Some(other)) => one.cmp(&other),
        _ => one.as_f64().partial_cmp(&other.as_f64()).unwrap_or(Ordering::Equal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn bounds(keywords: Value) -> Bounds {
        let mut bounds = Bounds::default();
        for (keyword, limit) in keywords.as_object().unwrap() {
            match limit {
                Value::String(format) => bounds.add_format(format),
                limit => bounds.add(keyword, limit.as_number().unwrap().clone()),
            }
        }
        bounds
    }

    fn beyond(given: Value, taken: Value) -> String {
        bounds(given).beyond(&bounds(taken), Types::ALL).join(", ")
    }

    #[test]
    fn a_narrower_bound_is_within_a_wider_one_and_not_the_other_way_round() {
        for (narrow, wide, said) in [
            (json!({"minimum": 5}), json!({"minimum": 1}), "at least 5"),
            (json!({"maximum": 1}), json!({}), "at most 1"),
            (json!({"maxLength": 1}), json!({"maxLength": 2}), "at most 1 characters long"),
            (json!({"exclusiveMinimum": 5}), json!({"minimum": 5}), "more than 5"),
            (json!({"maximum": 4.5}), json!({"exclusiveMaximum": 5}), "at most 4.5"),
            (json!({"format": "uint32"}), json!({"format": "uint64"}), "at most 4294967295"),
            (json!({"format": "uint8"}), json!({"format": "int16"}), "at most 255, at least 0"),
        ] {
            assert_eq!(beyond(narrow.clone(), wide.clone()), "", "{narrow} is within {wide}");
            assert_eq!(beyond(wide, narrow), said);
        }
    }

    #[test]
    fn large_whole_numbers_are_compared_exactly() {
        let [less, more] = [json!({"maximum": u64::MAX - 1}), json!({"maximum": u64::MAX})];
        assert_eq!(beyond(less.clone(), more.clone()), "");
        assert_ne!(beyond(more, less), "");
    }

    #[test]
    fn a_length_of_at_least_nothing_is_no_bound() {
        assert_eq!(beyond(json!({}), json!({"minLength": 0, "minItems": 0})), "");
        assert_eq!(beyond(json!({}), json!({"minimum": 0})), "at least 0");
    }
}
