//! Reads TOML with the line of every value at hand, so that each refusal can point at its place.
//!
//! Knows forms (an address, a number in a range, a limit of the table, JSON), not what they are for. Fails with the first
//! defect.

use super::Policy;
use super::defect::{Defect, SettingsError};
use crate::words::limits::{Limits, Row, TABLE};
use crate::words::topic::NameError;
use serde_json::{Map, Number, Value};
use std::net::SocketAddr;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

#[derive(Clone, Copy)]
pub struct Reader<'t> {
    text: &'t str,
}

/// A table, and the text that it stands in.
pub struct Table<'t> {
    reader: Reader<'t>,
    table: DeTable<'t>,
}

/// One `key = value`.
pub struct Entry<'a, 't> {
    reader: Reader<'t>,
    key: &'a str,
    at: Range<usize>,
    value: &'a Spanned<DeValue<'t>>,
}

impl<'t> Reader<'t> {
    pub fn new(text: &'t str) -> Self {
        Reader { text }
    }

    pub fn document(self) -> Result<Table<'t>, SettingsError> {
        match DeTable::parse(self.text) {
            Ok(table) => Ok(Table { reader: self, table: table.into_inner() }),
            Err(error) => {
                let at = error.span().unwrap_or_default();
                Err(self.refused(&at, Defect::Syntax(error.message().to_owned())))
            }
        }
    }

    fn refused(&self, at: &Range<usize>, defect: Defect) -> SettingsError {
        SettingsError { line: self.line(at), defect }
    }

    fn line(&self, at: &Range<usize>) -> usize {
        let before = &self.text.as_bytes()[..at.start.min(self.text.len())];
        1 + before.iter().filter(|byte| **byte == b'\n').count()
    }
}

impl<'t> Table<'t> {
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_, 't>> {
        in_order(self.reader, &self.table)
    }
}

/// In the order of the text, so that the first defect is the one that is reported.
fn in_order<'a, 't>(reader: Reader<'t>, table: &'a DeTable<'t>) -> impl Iterator<Item = Entry<'a, 't>> {
    let mut entries: Vec<_> =
        table.iter().map(|(key, value)| Entry { reader, key: key.get_ref(), at: key.span(), value }).collect();
    entries.sort_by_key(|entry| entry.at.start);
    entries.into_iter()
}

/// A table within another.
pub struct Inner<'a, 't> {
    reader: Reader<'t>,
    table: &'a DeTable<'t>,
}

impl<'a, 't> Inner<'a, 't> {
    pub fn entries(&self) -> impl Iterator<Item = Entry<'a, 't>> {
        in_order(self.reader, self.table)
    }
}

impl<'a, 't> Entry<'a, 't> {
    pub fn key(&self) -> &'a str {
        self.key
    }

    pub fn refused(&self, defect: Defect) -> SettingsError {
        self.reader.refused(&self.at, defect)
    }

    pub fn line(&self) -> usize {
        self.reader.line(&self.at)
    }

    pub fn unknown(&self, kind: &'static str, known: &[&'static str]) -> SettingsError {
        self.refused(Defect::Unknown { name: self.key.to_owned(), kind, known: known.to_vec() })
    }

    pub fn table(&self, wanted: &str) -> Result<Inner<'a, 't>, SettingsError> {
        let table = self.value.get_ref().as_table().ok_or_else(|| self.form(wanted))?;
        Ok(Inner { reader: self.reader, table })
    }

    pub fn text(&self, wanted: &str) -> Result<&'a str, SettingsError> {
        self.value.get_ref().as_str().filter(|text| !text.is_empty()).ok_or_else(|| self.form(wanted))
    }

    pub fn address(&self) -> Result<SocketAddr, SettingsError> {
        let wanted = "an address such as \"127.0.0.1:7070\"";
        self.text(wanted)?.parse().map_err(|_| self.form(wanted))
    }

    /// A list of texts, each as `read` has it. A text that is none of them is refused as a value that is not what is wanted.
    pub fn spellings(&self, wanted: &str, read: fn(&str) -> Option<String>) -> Result<Vec<String>, SettingsError> {
        self.items(wanted, |item, text| read(text).ok_or_else(|| item.form(wanted)))
    }

    /// A list of names, each as `parse` has it; what is wrong with one it says itself.
    pub fn names<T>(&self, wanted: &str, parse: fn(&str) -> Result<T, NameError>) -> Result<Vec<T>, SettingsError> {
        self.items(wanted, |item, text| parse(text).map_err(|error| item.refused(Defect::Name(error))))
    }

    fn items<T>(
        &self,
        wanted: &str,
        read: impl Fn(&Entry<'a, 't>, &str) -> Result<T, SettingsError>,
    ) -> Result<Vec<T>, SettingsError> {
        let values = self.value.get_ref().as_array().ok_or_else(|| self.form(wanted))?;
        let item = |value| Entry { reader: self.reader, key: self.key, at: Spanned::span(value), value };
        let read = |entry: Entry<'a, 't>| {
            let text = entry.value.get_ref().as_str().ok_or_else(|| entry.form(wanted))?;
            read(&entry, text)
        };
        values.iter().map(|value| read(item(value))).collect()
    }

    pub fn number(&self, least: u64, most: u64) -> Result<u64, SettingsError> {
        let integer = self.value.get_ref().as_integer().ok_or_else(|| self.form("a whole number"))?;
        match u64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(number) if (least..=most).contains(&number) => Ok(number),
            _ => {
                let (name, value) = (self.key.to_owned(), integer.to_string());
                Err(self.refused(Defect::Range { name, value, least, most }))
            }
        }
    }

    /// A share of a whole.
    pub fn share(&self) -> Result<f64, SettingsError> {
        let share = match self.value.get_ref() {
            DeValue::Float(float) => float.as_str().parse().ok(),
            DeValue::Integer(integer) => integer.as_str().parse().ok(),
            _ => None,
        };
        share.filter(|share| (0.0..=1.0).contains(share)).ok_or_else(|| self.form("a share from 0 to 1, such as 0.01"))
    }

    pub fn policy(&self) -> Result<Policy, SettingsError> {
        self.one_of("\"warn\" or \"reject\"", &[("warn", Policy::Warn), ("reject", Policy::Reject)])
    }

    /// What the word that stands there means.
    pub fn one_of<T: Copy>(&self, wanted: &str, words: &[(&str, T)]) -> Result<T, SettingsError> {
        let found = self.value.get_ref().as_str();
        let meant = words.iter().find(|(word, _)| found == Some(*word));
        meant.map(|(_, meaning)| *meaning).ok_or_else(|| self.form(wanted))
    }

    /// The row of the table of limits that the key names, and the value, which is within the row's maximum.
    pub fn limit(&self) -> Result<(&'static Row, u64), SettingsError> {
        let row = Limits::row(self.key).ok_or_else(|| {
            let names: Vec<_> = TABLE.iter().map(|row| row.name).collect();
            self.unknown("limit", &names)
        })?;
        Ok((row, self.number(0, row.maximum)?))
    }

    pub fn json_table(&self) -> Result<Map<String, Value>, SettingsError> {
        let table = self.table("a table")?;
        table.entries().map(|entry| Ok((entry.key.to_owned(), entry.json(entry.value)?))).collect()
    }

    /// A value as JSON has it. The depth is bounded by the TOML parser.
    fn json(&self, value: &Spanned<DeValue<'t>>) -> Result<Value, SettingsError> {
        Ok(match value.get_ref() {
            DeValue::String(text) => Value::String(text.clone().into_owned()),
            DeValue::Boolean(yes) => Value::Bool(*yes),
            DeValue::Datetime(time) => Value::String(time.to_string()),
            DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
                .map(Value::from)
                .map_err(|_| self.form("a number of at most 64 bits"))?,
            DeValue::Float(float) => Value::Number(self.json_number(float.as_str())?),
            DeValue::Array(values) => values.iter().map(|value| self.json(value)).collect::<Result<_, _>>()?,
            DeValue::Table(table) => Value::Object(
                in_order(self.reader, table)
                    .map(|entry| Ok((entry.key.to_owned(), entry.json(entry.value)?)))
                    .collect::<Result<_, _>>()?,
            ),
        })
    }

    fn json_number(&self, text: &str) -> Result<Number, SettingsError> {
        let number = text.parse().ok().and_then(Number::from_f64);
        number.ok_or_else(|| self.form("a number that JSON can write"))
    }

    /// The value is not what is wanted; it is quoted.
    pub fn form(&self, wanted: &str) -> SettingsError {
        let found = match self.value.get_ref() {
            DeValue::String(text) => format!("{text:?}"),
            DeValue::Integer(integer) => integer.to_string(),
            DeValue::Float(float) => float.to_string(),
            DeValue::Boolean(yes) => yes.to_string(),
            DeValue::Datetime(time) => time.to_string(),
            DeValue::Array(_) => "a list".to_owned(),
            DeValue::Table(_) => "a table".to_owned(),
        };
        self.refused(Defect::Form { name: self.key.to_owned(), wanted: wanted.to_owned(), found })
    }
}
