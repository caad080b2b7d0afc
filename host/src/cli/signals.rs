//! SIGINT and SIGTERM: the first asks for a clean end, the second for one at once.
//!
//! Must not know what ends. Fails when the process may not handle signals.

use crate::shutdown::{self, Shutdown};
use anyhow::{Context, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What shells expect of a program that was interrupted.
const INTERRUPTED: i32 = 130;

/// A shutdown that the first signal triggers.
pub fn shutdown_on_signal() -> Result<Shutdown> {
    let (mut interrupt, mut terminate) = (of(SignalKind::interrupt())?, of(SignalKind::terminate())?);
    let (trigger, shutdown) = shutdown::channel();
    tokio::spawn(async move {
        any(&mut interrupt, &mut terminate).await;
        eprintln!("stopping: finishing what is in hand; a second signal ends at once");
        trigger.pull();
        any(&mut interrupt, &mut terminate).await;
        std::process::exit(INTERRUPTED);
    });
    Ok(shutdown)
}

fn of(kind: SignalKind) -> Result<Signal> {
    signal(kind).context("could not listen for signals")
}

async fn any(first: &mut Signal, second: &mut Signal) {
    tokio::select! {
        _ = first.recv() => {}
        _ = second.recv() => {}
    }
}
