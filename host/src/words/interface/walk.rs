//! Walks two schemas side by side and notes where values of the one need not be values of the other.
//!
//! `given` describes what comes, `taken` what is reckoned with: for a command's body the old version's schema and the new one's,
//! for what a space gives the other way round. So one walk serves both, and only the sentences differ. Knows shapes, not
//! descriptors. The authors of both are untrusted: work, depth and findings are bounded, and what is not compared is noted.

use super::forms::{Document, Unclear};
use super::notes::Notes;
use super::shape::Shape;
use super::types::Types;
use super::voice::{Defect, Flow, name_of, short, value_of};
use serde_json::Value;

/// Schemas within each other, references followed.
const DEPTH: usize = 64;
pub const ANYTHING: &Value = &Value::Bool(true);

/// What a schema is the schema of.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Such as "the body of `place`".
    pub name: String,
    pub flow: Flow,
}

pub struct Walk<'a, 'n> {
    subject: Subject,
    given: Document<'a>,
    taken: Document<'a>,
    same_definitions: bool,
    /// The way from the root to where it is, for people.
    pub(super) path: Vec<String>,
    /// Pairs that are being compared: one that comes up within itself has nothing to add.
    open: Vec<(*const Value, *const Value)>,
    pub(super) notes: &'n mut Notes,
}

/// Compares two schemas of which none stands for anything.
pub fn compare(subject: Subject, old: Option<&Value>, new: Option<&Value>, notes: &mut Notes) {
    let (old, new) = (old.unwrap_or(ANYTHING), new.unwrap_or(ANYTHING));
    if old == new {
        return;
    }
    let (given, taken) = if subject.flow == Flow::In { (old, new) } else { (new, old) };
    let same_definitions = ["$defs", "definitions"].iter().all(|word| given.get(word) == taken.get(word));
    let documents = (Document(given), Document(taken));
    let mut walk = Walk {
        subject,
        given: documents.0,
        taken: documents.1,
        same_definitions,
        path: Vec::new(),
        open: Vec::new(),
        notes,
    };
    walk.schemas(given, taken);
}

impl<'a> Walk<'a, '_> {
    pub fn schemas(&mut self, given: &'a Value, taken: &'a Value) {
        let (given, taken) = (self.given.target(given), self.taken.target(taken));
        if *taken == Value::Bool(true) || *given == Value::Bool(false) {
            return;
        }
        let pair = (std::ptr::from_ref(given), std::ptr::from_ref(taken));
        if self.open.contains(&pair) || !self.notes.step(1) {
            return;
        }
        if self.open.len() == DEPTH {
            return self.say(&Defect::Unclear("it is nested too deeply to be compared".to_owned()));
        }
        self.open.push(pair);
        let forms = (self.given.forms(given, self.notes), self.taken.forms(taken, self.notes));
        match forms {
            (Ok(gives), Ok(takes)) => self.forms(gives, takes),
            (Err(unclear), _) | (_, Err(unclear)) if !self.identical(given, taken) => self.unclear(unclear),
            _ => {}
        }
        self.open.pop();
    }

    fn unclear(&mut self, Unclear(why): Unclear) {
        self.say(&Defect::Unclear(format!("it cannot be compared: {why}")));
    }

    /// The same at a place one step further in.
    pub fn within(&mut self, step: String, given: &'a Value, taken: &'a Value) {
        self.path.push(step);
        self.schemas(given, taken);
        self.path.pop();
    }

    fn forms(&mut self, gives: Vec<Shape<'a>>, takes: Vec<Shape<'a>>) {
        if let ([given], [taken]) = (gives.as_slice(), takes.as_slice()) {
            return self.shapes(given, taken);
        }
        let all = |shapes: &[Shape]| shapes.iter().fold(Types::NONE, |all, shape| all | shape.types);
        let (gives_types, takes_types) = (all(&gives), all(&takes));
        let (gives, takes) = (apart(gives), apart(takes));
        if !(gives_types - takes_types).is_empty() {
            self.say(&Defect::Types { given: gives_types, taken: takes_types });
            if gives_types == Types::ALL {
                return;
            }
        }
        let objects = |shapes: &[Shape]| shapes.iter().filter(|shape| shape.types.meets(Types::OBJECT)).count();
        let told_apart = objects(&gives).max(objects(&takes)) > 1;
        for given in &gives {
            self.one_form(given, &takes, told_apart);
        }
    }

    /// One form of what comes, against all that are reckoned with. Types that are missing among these are noted already.
    fn one_form(&mut self, given: &Shape<'a>, takes: &[Shape<'a>], told_apart: bool) {
        let mut fitting: Vec<_> = takes.iter().filter(|taken| taken.types.meets(given.types)).collect();
        let tag = given.tag().filter(|_| told_apart && !fitting.is_empty());
        if let Some(tag) = tag {
            fitting.retain(|taken| {
                self.notes.step(taken.properties.len()) && taken.tag().is_none_or(|other| other == tag)
            });
            if fitting.is_empty() {
                let form = tag.1.map_or_else(|| name_of(tag.0), value_of);
                return self.say(&Defect::Form(form));
            }
        }
        let kind = tag.and_then(|(_, kind)| Some(format!("({})", short(kind?.as_str()?))));
        let named = kind.map(|kind| self.path.push(kind)).is_some();
        self.nearest(given, fitting);
        if named {
            self.path.pop();
        }
    }

    /// Notes what is missing in the form that comes nearest.
    fn nearest(&mut self, given: &Shape<'a>, fitting: Vec<&Shape<'a>>) {
        let mut least: Option<Vec<String>> = None;
        for taken in fitting {
            let before = self.notes.len();
            self.shapes(given, taken);
            let found = self.notes.since(before);
            if found.is_empty() {
                return;
            }
            if least.as_ref().is_none_or(|least| found.len() < least.len()) {
                least = Some(found);
            }
        }
        least.into_iter().flatten().for_each(|finding| self.notes.say(finding));
    }

    /// Whether both say the same. A reference says the same where the definitions do.
    pub fn identical(&mut self, one: &Value, other: &Value) -> bool {
        // A long text is worth more than one step.
        if !self.notes.step(1 + one.as_str().map_or(0, str::len) / 256) {
            return false;
        }
        match (one, other) {
            (Value::Array(one), Value::Array(other)) => {
                one.len() == other.len() && one.iter().zip(other).all(|(one, other)| self.identical(one, other))
            }
            (Value::Object(one), Value::Object(other)) => {
                let same = |(word, value): (&String, &Value)| {
                    let steady = word != "$dynamicRef" && (word != "$ref" || self.refers_to_the_same(value));
                    steady && other.get(word).is_some_and(|other| self.identical(value, other))
                };
                one.len() == other.len() && one.iter().all(same)
            }
            _ => one == other,
        }
    }

    fn refers_to_the_same(&self, reference: &Value) -> bool {
        let place = reference.as_str().unwrap_or_default();
        let definition = place.starts_with("#/$defs/") || place.starts_with("#/definitions/");
        // The root is compared anyway.
        place == "#" || definition && self.same_definitions
    }

    pub fn say(&mut self, defect: &Defect) {
        let root = &self.subject.name;
        let at = if self.path.is_empty() { root.clone() } else { format!("`{}` in {root}", self.path.concat()) };
        self.notes.say(defect.sentence(self.subject.flow, &at));
    }

    pub fn flow(&self) -> Flow {
        self.subject.flow
    }
}

/// One shape for each type, and one for all values of a type that are listed.
fn apart(shapes: Vec<Shape>) -> Vec<Shape> {
    let mut apart: Vec<Shape> = Vec::new();
    for shape in &shapes {
        for group in Types::GROUPS.into_iter().filter(|group| group.meets(shape.types)) {
            let part = shape.restricted(group);
            let listed = apart.iter_mut().find(|other| other.is_values() && other.types.meets(group));
            match listed {
                Some(other) if part.is_values() => other.add_values(part),
                _ => apart.push(part),
            }
        }
    }
    apart
}
