//! The space `clusters`: owns where and when each earthquake was, and finds out whether they cluster: whether those near in
//! space are near in time more often than by chance. That takes seconds of CPU, more than a turn has, so it is done in
//! slices, each a timer's turn. How far it is, is state: after a crash it goes on where the last slice ended. A test
//! beyond its limits, or while another one runs, is refused as `bad-test` or `busy`.

mod catalog;
mod shuffle;

use catalog::{Catalog, Quake};
use iot_messages::{Accepted, Place, Tested};
use spacehost_sdk::prelude::*;

/// As many as fit into one value of the state, by far.
const MOST_QUAKES: u64 = 10_000;
const MOST_ROUNDS: u64 = 1_000_000;
/// At once; messages that wait are handled between two slices all the same.
const AT_ONCE: Duration = Duration::ZERO;

/// What to find out; it is written down as the job's description.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
struct Test {
    /// Two quakes are near in space within so many kilometres,
    km: u32,
    /// and near in time within so many hours.
    hours: u32,
    /// How often the times are dealt out anew at random.
    rounds: u64,
    /// With it, the chances are the same each time.
    seed: u64,
}

/// A test on its way.
#[derive(Serialize, Deserialize)]
struct Job {
    test: Test,
    /// How many slices were done; the first one looks at the true times.
    slices: u64,
    /// `rounds` says how many rounds were done.
    so_far: Tested,
}

#[derive(Deserialize, JsonSchema)]
struct Settings {
    /// How many rounds are done in one turn: so many that it takes some 30 ms of CPU.
    #[serde(default = "ten")]
    rounds_per_slice: u64,
}

fn ten() -> u64 {
    10
}

#[derive(Serialize, JsonSchema)]
struct Progress {
    /// How many earthquakes are known.
    known: u64,
    running: bool,
    /// Of the test that runs, or else of the last one.
    slices: u64,
    so_far: Option<Tested>,
}

#[derive(Cells)]
struct Clusters {
    /// By time and id.
    known: Map<(u64, String), Place>,
    count: Item<u64>,
    job: Item<Job>,
    /// The quakes that were known when the job began, so that those that come meanwhile do not change it half-way.
    sample: Item<Vec<Quake>>,
    running: Item<bool>,
    settings: Config<Settings>,
}

/// Finds out whether earthquakes cluster (Knox's test of interaction in space and time).
///
/// One partition, because each earthquake must be compared with each other one.
#[space(publishes(Tested))]
impl Clusters {
    #[event("ingestion.accepted.magnitude")]
    fn accepted(&self, event: Accepted) -> Result<()> {
        let Some(place) = event.place else { return Ok(()) };
        self.count.update(|count| *count += 1)?;
        // Two networks may give the same id.
        self.known.set(&(event.at, format!("{}/{}", event.device, event.id)), &place)
    }

    /// Begins a test of all earthquakes that are known by now; answers how many these are.
    #[command]
    fn test(&self, ctx: &Context, input: Test) -> Result<u64> {
        if self.running.get_or_default()? {
            return Err(Failure::new("busy", "a test runs: `clusters/progress` says how far it is"));
        }
        let quakes = self.count.get_or_default()?;
        if !(2..=MOST_QUAKES).contains(&quakes) || !(1..=MOST_ROUNDS).contains(&input.rounds) {
            let why = format!("a test takes 2 to {MOST_QUAKES} quakes, here {quakes}, and 1 to {MOST_ROUNDS} rounds");
            return Err(Failure::new("bad-test", why));
        }
        let sample: Vec<Quake> =
            self.known.iter().map(|entry| entry.map(|((at, _), place)| Quake { at, place })).collect::<Result<_>>()?;
        self.sample.set(&sample)?;
        let so_far = Tested { quakes, links: 0, clusters: 0, largest: 0, rounds: 0, as_many: 0, links_by_chance: 0 };
        self.job.set(&Job { test: input, slices: 0, so_far })?;
        self.running.set(&true)?;
        ctx.timers().set("slice", AT_ONCE, &())?;
        Ok(quakes)
    }

    /// Answers how far the test is, or what it has found.
    #[command]
    fn progress(&self) -> Result<Progress> {
        let job = self.job.get()?;
        Ok(Progress {
            known: self.count.get_or_default()?,
            running: self.running.get_or_default()?,
            slices: job.as_ref().map_or(0, |job| job.slices),
            so_far: job.map(|job| job.so_far),
        })
    }

    /// Does the next slice of the job.
    ///
    /// Nothing here asks whether the slice was done before: what it adds and the timer of the next one commit together. A
    /// slice that a crash cut short is done again, from the numbers before it.
    #[timer]
    fn slice(&self, ctx: &Context) -> Result<()> {
        let mut job = self.job.get()?.or_fail("no-job", "a slice is part of a job")?;
        let sample = self.sample.get()?.or_fail("no-sample", "a job has its sample")?;
        let catalog = Catalog::new(&sample, job.test.km, job.test.hours);
        if job.slices == 0 {
            job.look(&catalog);
        } else {
            job.deal(&catalog, self.settings.get()?.rounds_per_slice.max(1));
        }
        job.slices += 1;
        self.job.set(&job)?;
        if job.so_far.rounds < job.test.rounds {
            return ctx.timers().set("slice", AT_ONCE, &());
        }
        self.running.set(&false)?;
        self.sample.delete()?;
        ctx.emit(&job.so_far)
    }
}

impl Job {
    /// At the times as they were.
    fn look(&mut self, catalog: &Catalog) {
        let groups = catalog.groups();
        self.so_far.links = catalog.links(catalog.times());
        self.so_far.clusters = groups.len() as u64;
        self.so_far.largest = groups.into_iter().max().unwrap_or(0);
    }

    /// At times by chance, a few rounds more.
    fn deal(&mut self, catalog: &Catalog, rounds: u64) {
        let Job { test, so_far, .. } = self;
        for _ in 0..rounds.min(test.rounds - so_far.rounds) {
            let links = catalog.links(&shuffle::shuffled(catalog.times(), test.seed, so_far.rounds));
            so_far.rounds += 1;
            so_far.as_many += u64::from(links >= so_far.links);
            so_far.links_by_chance += links;
        }
    }
}

#[cfg(test)]
mod tests;
