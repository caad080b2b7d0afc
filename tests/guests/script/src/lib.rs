//! What the test guests do: a message carries its script, a JSON list of steps, and the turn runs it.
//!
//! So a test says in one place what a turn does, and few guests serve many tests. This file owns the cells and the steps;
//! it knows nothing of what a test expects. A step that cannot be done is the failure of the turn.

mod hostile;
mod step;

pub use step::Step;

use spacehost_sdk::prelude::*;
use step::{Emission, Request};

/// What every guest keeps: a number, and notes in the order in which they were taken.
#[derive(Cells)]
pub struct Book {
    total: Item<i64>,
    noted: Item<u64>,
    notes: Map<u64, Value>,
    stuff: Map<u64, String>,
}

/// Runs the steps of `script`; the reply is what the last step gave. Without `REQUESTS` the guest does not import
/// `request`, and so may take the sync path.
pub fn run<const REQUESTS: bool>(ctx: &Context, script: Value) -> Result<Value> {
    let steps: Vec<Step> = spacehost_sdk::serde_json::from_value(script)?;
    run_all::<REQUESTS>(ctx, &steps, &steps)
}

/// Notes an event, and runs the steps that it brings along, if it does.
pub fn hear<const REQUESTS: bool>(ctx: &Context, body: Value) -> Result<()> {
    match body.get("steps") {
        Some(steps) => run::<REQUESTS>(ctx, steps.clone()).map(drop),
        None => Book::cells().note(json!({ "topic": ctx.topic(), "body": body })),
    }
}

/// Notes the firing of a timer, and runs the steps that it brings along, if it does.
pub fn fire<const REQUESTS: bool>(ctx: &Context, body: Value) -> Result<()> {
    Book::cells().note(json!({ "timer": ctx.topic(), "body": body }))?;
    match body.get("steps") {
        Some(steps) => run::<REQUESTS>(ctx, steps.clone()).map(drop),
        None => Ok(()),
    }
}

fn run_all<const REQUESTS: bool>(ctx: &Context, steps: &[Step], whole: &[Step]) -> Result<Value> {
    let mut last = Value::Null;
    for step in steps {
        last = run_one::<REQUESTS>(ctx, step, whole)?;
    }
    Ok(last)
}

fn run_one<const REQUESTS: bool>(ctx: &Context, step: &Step, whole: &[Step]) -> Result<Value> {
    let book = Book::cells();
    match step {
        Step::Add(number) => book.add(*number),
        Step::Note(note) => book.note(note.clone()).map(|()| Value::Null),
        Step::NoteAttempt => book.note(json!(ctx.attempt())).map(|()| Value::Null),
        Step::Notes => book.notes(),
        Step::Context => Ok(context(ctx)),
        Step::NoteContext => book.note(context(ctx)).map(|()| Value::Null),
        Step::LogContext => {
            info!("{}", context(ctx));
            Ok(Value::Null)
        }
        Step::First(part) if ctx.attempt() <= part.attempts => run_all::<REQUESTS>(ctx, &part.steps, whole),
        Step::First(_) => Ok(Value::Null),
        Step::Fail(code) => Err(Failure::new(code, "as the script says")),
        Step::Retry(code) => Err(Failure::retry(code, "as the script says")),
        Step::Store(keys) => book.store(*keys),
        Step::Count => Ok(json!(book.stuff.iter().count())),
        Step::Reply(bytes) => Ok(json!("x".repeat(*bytes))),
        Step::Publish(event) => emit(event, |e, body| e.envelope().publish(&e.to, body)),
        Step::Send(command) => emit(command, |e, body| e.envelope().send(&e.to, body)),
        Step::Request(request) => ask::<REQUESTS>(request),
        Step::RequestNow(to) => ask::<REQUESTS>(&Request::new(to, json!([{ "note": ctx.now() }]))),
        Step::Ring(ring) => ring.pass_on(ctx, whole),
        Step::Timer(timer) => timer.set(ctx),
        Step::Cancel(name) => ctx.timers().cancel(name).map(|()| Value::Null),
        Step::Log(lines) => {
            (0..*lines).for_each(|n| info!("line {n}"));
            Ok(Value::Null)
        }
        Step::Say(line) => {
            info!("{line}");
            Ok(json!(line))
        }
        Step::Trap => panic!("as the script says"),
        Step::Spin(rounds) => Ok(json!(hostile::spin(*rounds))),
        Step::SpinUnlessNoted(note) if book.has_noted(note)? => Ok(Value::Null),
        Step::SpinUnlessNoted(_) => Ok(json!(hostile::spin(0))),
        Step::Allocate(mib) => Ok(json!(hostile::allocate(*mib))),
        Step::Recurse => Ok(json!(hostile::recurse(0))),
    }
}

impl Book {
    fn add(&self, number: i64) -> Result<Value> {
        self.total.update(|total| {
            *total += number;
            json!(*total)
        })
    }

    fn note(&self, note: Value) -> Result<()> {
        let place = self.noted.get_or_default()?;
        self.noted.set(&(place + 1))?;
        self.notes.set(&place, &note)
    }

    fn notes(&self) -> Result<Value> {
        let mut notes = Vec::new();
        for entry in self.notes.iter() {
            notes.push(entry?.1);
        }
        Ok(Value::Array(notes))
    }

    fn has_noted(&self, note: &Value) -> Result<bool> {
        Ok(self.notes()?.as_array().is_some_and(|notes| notes.contains(note)))
    }

    fn store(&self, keys: u64) -> Result<Value> {
        for key in 0..keys {
            self.stuff.set(&key, &"x".repeat(100))?;
        }
        Ok(Value::Null)
    }
}

fn context(ctx: &Context) -> Value {
    json!({
        "id": ctx.id(), "source": ctx.source(), "key": ctx.key(), "attempt": ctx.attempt(), "headers": ctx.headers(),
        "now": ctx.now(), "random": [ctx.random(), ctx.random()], "space": ctx.space(), "partition": ctx.partition(),
    })
}

fn emit(emission: &Emission, out: impl Fn(&Emission, &Value) -> Result<()>) -> Result<Value> {
    let padded = emission.bytes.map(|bytes| json!("x".repeat(bytes)));
    for n in 0..emission.times {
        let body = match &padded {
            Some(padded) => padded.clone(),
            None if emission.numbered => json!(n),
            None => emission.body.clone(),
        };
        out(emission, &body)?;
    }
    Ok(Value::Null)
}

fn ask<const REQUESTS: bool>(request: &Request) -> Result<Value> {
    if !REQUESTS {
        return Err(Failure::new("no-requests", "this guest makes no requests"));
    }
    let reply: Result<Value> = request.envelope().request(&request.to, &request.body);
    match reply {
        Err(failure) if request.catch => Ok(json!({ "code": failure.code, "retryable": failure.retryable })),
        reply => reply,
    }
}
