//! The traffic of the sensor network's demo: real earthquakes and a weather station's years, over HTTP, some of it late and
//! some of it twice; a long job meanwhile; and what the spaces have found beside what follows from the files.
//!
//! Must not know how the spaces reckon. Fails when a command fails, when the spaces do not come to an end, or when they have
//! found anything else.

mod deliveries;
mod expected;
mod found;
mod input;
mod job;
mod knox;
mod settings;

use super::compared::{Row, compare};
use super::load::{Load, Step};
use super::trouble::Trouble;
use super::{SETTINGS, Summary, text};
use crate::cli::child::ChildHost;
use crate::cli::client::Client;
use anyhow::{Context, Result, ensure};
use deliveries::Delivery;
use found::{ByDevice, Found};
use input::{Device, Reading};
use job::Done;
use knox::Answer;
use settings::Settings;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How long the spaces may go on without finding anything new before the demo gives up.
const STUCK_AFTER: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(100);
/// The weather station sends one of so many parts, then waits until the long job is under way: that is shortly before the
/// host is killed, half-way, so that the job is neither done by then nor yet to begin.
const WAITS_AFTER: usize = 3;

/// All that is sent, and who sends it.
struct Traffic<'a> {
    clients: Vec<Sends<'a>>,
    quakes: Vec<&'a Reading>,
}

struct Sends<'a> {
    device: &'a Device,
    deliveries: Vec<Delivery<'a>>,
}

pub async fn replay(host: &mut ChildHost, folder: &Path, trouble: Trouble) -> Result<Summary> {
    let settings = settings::read(&folder.join(SETTINGS))?;
    let quakes = input::quakes(&text(&folder.join("data/earthquakes.json"))?)?;
    let weather = input::weather(&text(&folder.join("data/seattle-weather.csv"))?)?;
    let traffic = Traffic::of(&quakes, &weather);
    let expected = traffic.expected(&settings);
    let client = host.client.clone();
    let load = Load::new(&client, traffic.len() as u64, "readings")?;
    let (came_to, done) = run(host, &load, &traffic, trouble).await?;
    let figures = load.figures();
    let found = at_rest(&client, &expected).await?;
    let mut rows = device_rows(&found, &expected);
    rows.extend(job_rows(&done, &knox::answer(&traffic.quakes, job::QUESTION)));
    let mut lines = compare(&rows, "THE FILES")?;
    lines.push(format!("{} devices, each one's readings in order", expected.len()));
    lines.push(figures.to_string());
    lines.extend(came_to);
    lines.push(told(&done));
    Ok(Summary { lines, figures: Some(figures), next: next() })
}

/// Readings, the long job and the trouble, all at the same time.
async fn run(
    host: &mut ChildHost,
    load: &Load<'_>,
    traffic: &Traffic<'_>,
    trouble: Trouble,
) -> Result<(Vec<String>, Done)> {
    let client = host.client.clone();
    let under_way = watch::Sender::new(false);
    let sending = load.run(&traffic.clients, async |sends| send(load, sends, under_way.subscribe()).await);
    let testing = job::run(load, &client, traffic.quakes.len() as u64, &under_way);
    let (came_to, (), done) = tokio::try_join!(trouble.make(host, load), sending, testing)?;
    ensure!(done.resumed.is_some() || !trouble.kill, "the long job was over before the host was killed");
    Ok((came_to, done))
}

impl<'a> Traffic<'a> {
    fn of(quakes: &'a [Device], weather: &'a [Device]) -> Self {
        let sends = |device: &'a Device| Sends { device, deliveries: deliveries::of(device) };
        Traffic {
            clients: quakes.iter().chain(weather).map(sends).collect(),
            quakes: quakes.iter().flat_map(|device| &device.readings).collect(),
        }
    }

    fn expected(&self, settings: &Settings) -> ByDevice {
        let of = |sends: &Sends| expected::of(&sends.deliveries, sends.device.metric, settings);
        self.clients.iter().map(|sends| (sends.device.name.clone(), of(sends))).collect()
    }

    fn len(&self) -> usize {
        self.clients.iter().map(|sends| sends.deliveries.len()).sum()
    }
}

impl Sends<'_> {
    /// How many it sends before it waits for the long job; the earthquakes, of which that is, do not wait.
    fn before_the_job(&self) -> usize {
        let all = self.deliveries.len();
        if self.device.metric == "magnitude" { all } else { all / WAITS_AFTER }
    }
}

/// One device's readings, one after the other.
async fn send(load: &Load<'_>, sends: &Sends<'_>, mut under_way: watch::Receiver<bool>) -> Result<()> {
    let Sends { device, deliveries } = sends;
    for (number, delivery) in deliveries.iter().enumerate() {
        if number == sends.before_the_job() {
            under_way.wait_for(|under_way| *under_way).await.context("the long job has failed")?;
        }
        let (id, body) = (format!("{}/{number}", device.name), delivery.body(device.metric));
        load.once(Step { to: "ingestion/take", key: Some(&device.name), id: &id, body: &body }).await?;
        load.advance().await;
    }
    Ok(())
}

/// What the spaces have found when it is what was expected, or when nothing has changed for long: the answers above came when
/// readings were taken in, and all else follows by itself.
async fn at_rest(client: &Client, expected: &ByDevice) -> Result<ByDevice> {
    let (mut before, mut changed) = (ByDevice::new(), Instant::now());
    loop {
        let now = found::ask(client, expected.keys()).await?;
        if now == *expected || changed.elapsed() > STUCK_AFTER {
            return Ok(now);
        }
        if now != before {
            (before, changed) = (now, Instant::now());
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Sums over all devices, and for what does not add up, how much of it is as expected.
fn device_rows(found: &ByDevice, expected: &ByDevice) -> Vec<Row> {
    let sum = |what: &'static str, of: fn(&Found) -> u64| {
        let over = |devices: &ByDevice| devices.values().map(of).sum::<u64>();
        Row::new(what, over(found), over(expected))
    };
    let alike = |what: &'static str, count: fn(&Found) -> usize, same: fn(&Found, &Found) -> usize| {
        let agree = expected.iter().filter_map(|(device, here)| found.get(device).map(|there| same(there, here)));
        Row::new(what, agree.sum::<usize>(), expected.values().map(count).sum::<usize>())
    };
    vec![
        sum("readings taken in, once", |of| of.taken.accepted),
        sum("duplicates", |of| of.taken.duplicates),
        sum("older than ids are remembered", |of| of.taken.expired),
        sum("refused as impossible", |of| of.taken.refused),
        sum("readings of devices", |of| of.twin.readings),
        sum("of these, overtaken by newer", |of| of.twin.late),
        alike("devices alike in all that is known", |_| 1, |a, b| usize::from(a.twin == b.twin && a.taken == b.taken)),
        sum("in their window on time", |of| of.came.on_time),
        sum("in their window late", |of| of.came.late),
        sum("too late for their window", |of| of.came.too_late),
        sum("windows", |of| of.windows.len() as u64),
        alike(
            "windows alike in count, sum, extremes",
            |of| of.windows.len(),
            |a, b| b.windows.iter().filter(|window| a.windows.contains(window)).count(),
        ),
        sum("windows told, again for late readings", |of| of.windows.iter().map(|window| window.told).sum()),
        sum("alerts", |of| of.alerts.len() as u64),
        alike("alerts alike in rule and cause", |of| of.alerts.len(), |a, b| a.alerts.intersection(&b.alerts).count()),
        sum("alerts heard, each once", |of| of.twin.alerts),
    ]
}

fn job_rows(done: &Done, expected: &Answer) -> [Row; 8] {
    let found = &done.answer;
    [
        Row::new("earthquakes compared", found.quakes, expected.quakes),
        Row::new("pairs linked in space and time", found.links, expected.links),
        Row::new("clusters", found.clusters, expected.clusters),
        Row::new("earthquakes of the largest", found.largest, expected.largest),
        Row::new("rounds of chance", found.rounds, expected.rounds),
        Row::new("rounds with as many links", found.as_many, expected.as_many),
        Row::new("links in all rounds", found.links_by_chance, expected.links_by_chance),
        Row::new("slices of the long job", done.slices, job::SLICES),
    ]
}

fn told(done: &Done) -> String {
    let Done { slices, resumed, took, .. } = done;
    let seconds = took.as_secs_f64();
    let on_the_way = match resumed {
        Some((before, after)) => {
            format!("; it was at slice {before} before the host was killed and at slice {after} after that")
        }
        None => String::new(),
    };
    format!("the long job took {slices} slices in {seconds:.1} s{on_the_way}")
}

fn next() -> Vec<String> {
    let commands = [
        "call devices show --key seattle-wind",
        "call analytics windows --key net-ci",
        "call alerts list --key seattle-wind",
        "call clusters progress",
        "tail 'alerts.*' &",
        r#"call ingestion take '{"id": "now", "at": 1451692800000, "metric": "wind", "value": 950}' --key seattle-wind"#,
    ];
    commands.map(str::to_owned).into()
}

#[cfg(test)]
mod tests;
