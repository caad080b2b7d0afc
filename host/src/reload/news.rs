//! Tells the world what became of a file: one line of the log, and an event `spacehost.<name>.<what>`.
//!
//! Decides nothing. An event that cannot be published is only missed: the status says the same.

use super::deployer::Deployer;
use super::status::{FileStatus, ReloadReport, Verdict};
use crate::runtime::api::ReloadNote;
use crate::words::SpaceName;
use bytes::Bytes;
use serde_json::json;

/// What was known before, and what is now. `name`: None for a file that can be no space's.
pub fn tell(deployer: &impl Deployer, name: Option<&SpaceName>, before: &FileStatus, now: &FileStatus) {
    if before.last_reload != now.last_reload && now.last_reload.is_some() {
        write_down(deployer, name, now, now.last_reload.as_ref());
        return reloaded(deployer, name, now);
    }
    if before.verdict == now.verdict {
        return;
    }
    match &now.verdict {
        Verdict::Rejected { reason } | Verdict::Parked { reason } | Verdict::Unreadable { reason } => {
            let reason = one_line(reason);
            let old = if now.last_reload.is_some() { "; the old version serves on" } else { "" };
            tracing::warn!("{}: {reason}{old}", now.file);
            write_down(deployer, name, now, None);
            if let Some(name) = name {
                deployer.note_refusal(name, now.verdict.word(), &reason);
            }
            let what = if matches!(now.verdict, Verdict::Parked { .. }) { "parked" } else { "rejected" };
            publish(deployer, name, what, now);
        }
        Verdict::RolledBack { reason } => tracing::info!("{}: {reason}", now.file),
        Verdict::Removed => {
            tracing::info!("{}: the file is gone; its space was drained and stopped, its state is kept", now.file);
            publish(deployer, name, "removed", now);
        }
        Verdict::Stopped => tracing::info!("{}: stopped by an operator", now.file),
        Verdict::Serving if before.verdict != Verdict::Compiling => {
            tracing::info!("{}: the file is again what serves", now.file);
        }
        Verdict::Serving | Verdict::Compiling => {}
    }
}

/// For the history of reloads. Without a report the file was refused, and what served goes on.
fn write_down(deployer: &impl Deployer, name: Option<&SpaceName>, now: &FileStatus, report: Option<&ReloadReport>) {
    let Some(name) = name else { return };
    let (verdict, reason) = (now.verdict.word().to_owned(), now.verdict.reason().unwrap_or_default().to_owned());
    let note = match report {
        None => {
            let serves = now.last_reload.as_ref();
            ReloadNote {
                from_generation: serves.map(|serves| serves.to_generation),
                from_digest: serves.map(|serves| serves.to_digest.clone()),
                to_digest: now.digest.clone(),
                verdict,
                reason,
                ..ReloadNote::default()
            }
        }
        Some(report) => ReloadNote {
            from_generation: report.from_generation,
            to_generation: Some(report.to_generation),
            from_digest: report.from_digest.clone(),
            to_digest: Some(report.to_digest.clone()),
            verdict,
            reason: if reason.is_empty() { report.warnings.join("\n") } else { reason },
            took_us: report.steps(),
            ..ReloadNote::default()
        },
    };
    deployer.note_reload(name, &note);
}

fn reloaded(deployer: &impl Deployer, name: Option<&SpaceName>, now: &FileStatus) {
    if let Some(report) = &now.last_reload {
        let digest = report.to_digest.get(..12).unwrap_or(&report.to_digest);
        tracing::info!(
            "{}: generation {} serves ({digest}, loaded in {} ms, pause {} µs)",
            now.file,
            report.to_generation,
            report.compile_ms,
            report.pause_us
        );
        for warning in &report.warnings {
            tracing::warn!("{}: {}", now.file, one_line(warning));
        }
    }
    publish(deployer, name, "reloaded", now);
}

fn publish(deployer: &impl Deployer, name: Option<&SpaceName>, what: &str, now: &FileStatus) {
    let Some(name) = name else { return };
    let body = json!({ "space": name, "file": now.file, "digest": now.digest, "reason": now.verdict.reason(),
        "report": now.last_reload });
    if let Err(refusal) = deployer.publish(&format!("spacehost.{name}.{what}"), Bytes::from(body.to_string())) {
        tracing::debug!("spacehost.{name}.{what} was not published: {refusal}");
    }
}

/// Whatever a guest's error or a settings file holds, the log gets one line.
pub fn one_line(text: &str) -> String {
    text.split(['\n', '\r']).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" | ")
}
