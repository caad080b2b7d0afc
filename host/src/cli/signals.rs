//! SIGINT and SIGTERM: the first asks for a clean end, the second for one at once. The end of standard input may ask for
//! the first, too.
//!
//! Must not know what ends. Fails when the process may not handle signals.

use crate::shutdown::{self, Shutdown};
use anyhow::{Context, Result};
use std::future::{Future, pending};
use std::io::{self, sink, stdin};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

/// What shells expect of a program that was interrupted.
const INTERRUPTED: i32 = 130;

/// A shutdown that the first signal triggers.
pub fn shutdown_on_signal() -> Result<Shutdown> {
    shutdown_on_signal_or(pending())
}

/// The same for a child, which must not outlive its parent: whatever ends that one closes the pipe between them.
pub fn shutdown_on_signal_or_end_of_input() -> Result<Shutdown> {
    let (open, ended) = oneshot::channel::<()>();
    // A thread of its own, because nothing but the end of the process ends a read.
    let watch = move || {
        // A pipe that cannot be read is as good as closed.
        let _ = io::copy(&mut stdin().lock(), &mut sink());
        drop(open);
    };
    std::thread::Builder::new().name("input".into()).spawn(watch).context("could not start a thread")?;
    shutdown_on_signal_or(async { drop(ended.await) })
}

fn shutdown_on_signal_or(asked: impl Future<Output = ()> + Send + 'static) -> Result<Shutdown> {
    let (mut interrupt, mut terminate) = (of(SignalKind::interrupt())?, of(SignalKind::terminate())?);
    let (trigger, shutdown) = shutdown::channel();
    tokio::spawn(async move {
        tokio::select! {
            () = any(&mut interrupt, &mut terminate) => {
                eprintln!("stopping: finishing what is in hand; a second signal ends at once");
            }
            () = asked => {}
        }
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
