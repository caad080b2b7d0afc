//! The long job of the demo: begun while readings come, watched until its end, across the host's own.
//!
//! Owns when it begins and what was seen of it on the way. Must not know how a host ends. Fails when it began anew after
//! the host was killed, or when the host was not killed in its midst though it should have been.

use super::knox::{Answer, Question};
use crate::cli::client::{Client, may_pass};
use crate::cli::demo::load::{Load, Step, command};
use crate::cli::failure::Failure;
use anyhow::{Result, bail, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::sync::watch;

pub const QUESTION: Question = Question { km: 20, hours: 6, rounds: 1_000, seed: 1 };
/// One slice looks at the true times; the others do ten rounds each.
pub const SLICES: u64 = 1 + QUESTION.rounds.div_ceil(10);

const POLL: Duration = Duration::from_millis(50);
/// How long the job may stand still.
const STUCK_AFTER: Duration = Duration::from_secs(60);

/// From `clusters/progress`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
struct Progress {
    known: u64,
    running: bool,
    slices: u64,
    so_far: Option<Answer>,
}

/// What the job came to.
#[derive(Debug)]
pub struct Done {
    pub answer: Answer,
    pub slices: u64,
    /// The last slice seen before the host was gone, and the first one seen after.
    pub resumed: Option<(u64, u64)>,
    pub took: Duration,
}

/// Begins the job when so many earthquakes are known, and returns at its end. `under_way` becomes true after its first
/// slice.
pub async fn run(load: &Load<'_>, client: &Client, quakes: u64, under_way: &watch::Sender<bool>) -> Result<Done> {
    let (known, _) = watch(client, Progress::default(), |progress| progress.known >= quakes).await?;
    let Question { km, hours, rounds, seed } = QUESTION;
    let body = json!({ "km": km, "hours": hours, "rounds": rounds, "seed": seed });
    let started = Instant::now();
    load.once(Step { to: "clusters/test", key: None, id: "clusters/test", body: &body }).await?;
    let (begun, _) = watch(client, known, |progress| progress.slices > 0).await?;
    under_way.send_replace(true);
    let (end, resumed) = watch(client, begun, |progress| !progress.running).await?;
    let Some(answer) = end.so_far else { bail!("the job has ended and found nothing") };
    if let Some((before, after)) = resumed {
        ensure!(after >= before, "the job was at slice {before} when the host was killed, and at {after} after that");
    }
    Ok(Done { answer, slices: end.slices, resumed, took: started.elapsed() })
}

/// Asks again and again, after it was seen at `last`; answers with the slices seen before and after the host was gone, if it
/// was.
async fn watch(
    client: &Client,
    mut last: Progress,
    is_enough: impl Fn(&Progress) -> bool,
) -> Result<(Progress, Option<(u64, u64)>)> {
    let mut moved = Instant::now();
    let (mut gone, mut resumed) = (false, None);
    loop {
        match command(client, "clusters/progress", &[], &Value::Null).await {
            Ok(answer) => {
                let now: Progress = serde_json::from_slice(&answer)?;
                if std::mem::take(&mut gone) {
                    resumed = Some((last.slices, now.slices));
                }
                if is_enough(&now) {
                    return Ok((now, resumed));
                }
                if now != last {
                    (last, moved) = (now, Instant::now());
                }
            }
            Err(error) if may_pass(&error) => gone |= is_gone(&error),
            Err(error) => return Err(error),
        }
        ensure!(moved.elapsed() < STUCK_AFTER, "the job stands still: {last:?}");
        tokio::time::sleep(POLL).await;
    }
}

/// Nobody answered at all. A space that is being replaced says so.
fn is_gone(error: &anyhow::Error) -> bool {
    !matches!(error.downcast_ref::<Failure>(), Some(Failure::Problem { .. }))
}
