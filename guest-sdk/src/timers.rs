//! Timers of the partition. It owns the face; they take effect when the turn commits, and fail with what the host answers.

use std::marker::PhantomData;
use std::time::Duration;

use crate::{Context, Result, ToBody, port};

/// Sets and cancels timers by name. The name up to the first `/` chooses the handler, so `remind/4711` and `remind/4712` are two
/// timers of `#[timer] fn remind`.
#[derive(Debug)]
pub struct Timers<'a>(PhantomData<&'a Context>);

impl Timers<'_> {
    pub(crate) fn new(_: &Context) -> Self {
        Timers(PhantomData)
    }

    /// Fires once, `delay` after the time of the message in hand. A timer of the same name is replaced.
    pub fn set(&self, name: &str, delay: Duration, body: &(impl ToBody + ?Sized)) -> Result<()> {
        port::timer_set(name, &body.to_body()?, millis(delay))
    }

    /// Fires each `period` (at least 10 ms), for the first time after one. A timer of the same name is replaced.
    pub fn every(&self, name: &str, period: Duration, body: &(impl ToBody + ?Sized)) -> Result<()> {
        port::timer_set_interval(name, &body.to_body()?, millis(period))
    }

    /// Removes a timer; one that is not there is no failure.
    pub fn cancel(&self, name: &str) -> Result<()> {
        port::timer_cancel(name)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
