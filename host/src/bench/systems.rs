//! The sample systems under the loads of their demos, undisturbed: a host of its own each, one after the other.
//!
//! There is no reference: no other host runs these systems. The figures are for comparing one with the other, and a change
//! with what was before.

use super::report::{Figure, Report};
use crate::cli::demo::{Measured, System, measure};
use anyhow::Result;
use clap::ValueEnum;

pub async fn run() -> Result<Report> {
    let mut figures = Vec::new();
    for system in System::value_variants() {
        if let Some(measured) = measure(*system).await? {
            figures.extend(rows(system.name(), &measured));
        }
    }
    Ok(Report { bench: "systems", figures })
}

fn rows(system: &str, measured: &Measured) -> [Figure; 4] {
    let Measured { figures, turns_per_second } = measured;
    let millis = |duration: std::time::Duration| duration.as_secs_f64() * 1_000.0;
    let row = |what: &str, unit, measured| Figure {
        what: format!("{system}: {what}"),
        unit,
        reference: None,
        reference_is: "",
        measured,
        goal: "none",
    };
    [
        row("messages handled", "1/s", *turns_per_second),
        row("commands over HTTP", "1/s", figures.per_second()),
        row("a command, p50", "ms", millis(figures.p50)),
        row("a command, p99", "ms", millis(figures.p99)),
    ]
}
