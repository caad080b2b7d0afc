//! Sets of JSON types. `integer` and `number` are told apart as whole numbers and fractions, so that one holds the other.
//!
//! Knows single keywords and values, no schemas. Cannot fail: a type that JSON Schema does not have is none.

use serde_json::Value;
use std::ops::{BitAnd, BitAndAssign, BitOr, BitOrAssign, Sub};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Types(u8);

impl Types {
    pub const NONE: Types = Types(0);
    pub const NULL: Types = Types(1);
    pub const BOOLEAN: Types = Types(2);
    pub const INTEGER: Types = Types(4);
    const FRACTION: Types = Types(8);
    pub const NUMBER: Types = Types(4 | 8);
    pub const STRING: Types = Types(16);
    pub const ARRAY: Types = Types(32);
    pub const OBJECT: Types = Types(64);
    pub const ALL: Types = Types(127);

    /// Those that are told apart from each other when a schema is taken to pieces.
    pub const GROUPS: [Types; 6] =
        [Types::NULL, Types::BOOLEAN, Types::NUMBER, Types::STRING, Types::ARRAY, Types::OBJECT];

    /// What the keyword `type` says.
    pub fn named(keyword: &Value) -> Types {
        match keyword {
            Value::String(name) => Types::of_name(name),
            Value::Array(names) => names.iter().fold(Types::NONE, |all, name| all | Types::named(name)),
            _ => Types::NONE,
        }
    }

    fn of_name(name: &str) -> Types {
        match name {
            "null" => Types::NULL,
            "boolean" => Types::BOOLEAN,
            "integer" => Types::INTEGER,
            "number" => Types::NUMBER,
            "string" => Types::STRING,
            "array" => Types::ARRAY,
            "object" => Types::OBJECT,
            _ => Types::NONE,
        }
    }

    pub fn of(value: &Value) -> Types {
        match value {
            Value::Null => Types::NULL,
            Value::Bool(_) => Types::BOOLEAN,
            Value::Number(number) if number.is_f64() => Types::NUMBER,
            Value::Number(_) => Types::INTEGER,
            Value::String(_) => Types::STRING,
            Value::Array(_) => Types::ARRAY,
            Value::Object(_) => Types::OBJECT,
        }
    }

    pub fn is_empty(self) -> bool {
        self == Types::NONE
    }

    pub fn meets(self, other: Types) -> bool {
        !(self & other).is_empty()
    }

    /// `a string or null`.
    pub fn words(self) -> String {
        if self == Types::ALL {
            return "anything".to_owned();
        }
        let number = match self & Types::NUMBER {
            Types::INTEGER => "a whole number",
            Types::FRACTION => "a fraction",
            _ => "a number",
        };
        let words = Types::GROUPS.iter().zip(["null", "a boolean", number, "a string", "a list", "an object"]);
        let words: Vec<_> = words.filter(|(group, _)| self.meets(**group)).map(|(_, word)| word).collect();
        match words.as_slice() {
            [] => "nothing".to_owned(),
            [one] => (*one).to_owned(),
            [first @ .., last] => format!("{} or {last}", first.join(", ")),
        }
    }
}

impl BitAnd for Types {
    type Output = Types;
    fn bitand(self, other: Types) -> Types {
        Types(self.0 & other.0)
    }
}

impl BitOr for Types {
    type Output = Types;
    fn bitor(self, other: Types) -> Types {
        Types(self.0 | other.0)
    }
}

impl Sub for Types {
    type Output = Types;
    fn sub(self, other: Types) -> Types {
        Types(self.0 & !other.0)
    }
}

impl BitAndAssign for Types {
    fn bitand_assign(&mut self, other: Types) {
        self.0 &= other.0;
    }
}

impl BitOrAssign for Types {
    fn bitor_assign(&mut self, other: Types) {
        self.0 |= other.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn types_read_as_people_say_them() {
        for (keyword, words) in [
            (json!("integer"), "a whole number"),
            (json!(["string", "null"]), "null or a string"),
            (json!(["object", "integer", "number", "boolean"]), "a boolean, a number or an object"),
            (json!("date"), "nothing"),
        ] {
            assert_eq!(Types::named(&keyword).words(), words);
        }
    }

    #[test]
    fn whole_numbers_are_numbers_but_not_the_other_way_round() {
        assert!((Types::INTEGER - Types::NUMBER).is_empty());
        assert_eq!((Types::NUMBER - Types::INTEGER).words(), "a fraction");
        assert_eq!((Types::of(&json!(1)), Types::of(&json!(1.5))), (Types::INTEGER, Types::NUMBER));
    }
}
