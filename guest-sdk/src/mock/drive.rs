//! Messages for a space as the real host delivers them: by name, as JSON, each in a turn of its own. Fails with what the space
//! answers.

use serde_json::Value;

use crate::mock::records::json;
use crate::mock::{MockHost, Timer};
use crate::{Context, Failure, Result, Space, ToBody};

impl MockHost {
    /// Handles a command and answers its reply as JSON.
    pub fn command<S: Space>(&self, name: &str, body: impl ToBody) -> Result<Value> {
        self.command_raw::<S>(name, &body.to_body()?).map(|reply| json(&reply))
    }

    /// Handles a command whose body and reply need not be JSON.
    pub fn command_raw<S: Space>(&self, name: &str, body: &[u8]) -> Result<Vec<u8>> {
        self.deliver::<S, _>(name, |space, ctx| space.command(ctx, name, body))
    }

    /// Handles an event.
    pub fn event<S: Space>(&self, topic: &str, body: impl ToBody) -> Result<()> {
        let body = body.to_body()?;
        self.deliver::<S, _>(topic, |space, ctx| space.event(ctx, topic, &body))
    }

    /// Handles a timer, whether or not one was set.
    pub fn timer<S: Space>(&self, name: &str, body: impl ToBody) -> Result<()> {
        let body = body.to_body()?;
        self.deliver::<S, _>(name, |space, ctx| space.timer(ctx, name, &body))
    }

    /// Handles the timers that are due, in the order of time, and answers how many fired. One that fails stays set.
    pub fn fire_timers<S: Space>(&self) -> Result<usize> {
        let now = self.0.borrow().clock;
        let mut due: Vec<Timer> = self.timers().into_iter().filter(|timer| timer.due <= now).collect();
        due.sort_by_key(|timer| timer.due);
        for timer in &due {
            self.deliver::<S, _>(&timer.name, |space, ctx| {
                self.put_forward(timer, now);
                space.timer(ctx, &timer.name, &timer.body)
            })?;
        }
        Ok(due.len())
    }

    /// Starts a fresh instance: the space may read, but not write.
    pub fn start<S: Space>(&self) -> Result<()> {
        let context = self.context();
        self.0.borrow_mut().turn = false;
        let result = S::cells().start(&context);
        self.0.borrow_mut().turn = true;
        result
    }

    /// Migrates the state that the version `from` wrote, or sets up a new partition.
    pub fn migrate<S: Space>(&self, from: Option<&str>) -> Result<()> {
        self.deliver::<S, _>("", |space, ctx| space.migrate(ctx, from))
    }

    fn deliver<S: Space, T>(&self, name: &str, handle: impl FnOnce(&S, &Context) -> Result<T, Failure>) -> Result<T> {
        let context = self.context_of(name);
        self.in_turn(|| handle(&S::cells(), &context))
    }

    /// Firings missed meanwhile collapse into one.
    fn put_forward(&self, timer: &Timer, now: u64) {
        let timers = &mut self.0.borrow_mut().effects.timers;
        match timer.period_ms {
            Some(period) => {
                let missed = (now - timer.due) / period;
                let due = timer.due + (missed + 1) * period;
                timers.insert(timer.name.clone(), Timer { due, ..timer.clone() });
            }
            None => {
                timers.remove(&timer.name);
            }
        }
    }
}
