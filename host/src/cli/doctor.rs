//! `doctor`: can this machine build spaces, and if not, what helps?
//!
//! Must not know the checks. Fails when something stands in the way, or a fix does not work.

use super::output;
use super::progress::Bar;
use super::style::Style;
use anyhow::{Result, bail};
use serde_json::json;
use spacehost_build::{Check, Environment, checks};
use std::path::Path;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Run the fixes
    #[arg(long)]
    fix: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub fn doctor(args: &Args) -> Result<()> {
    let environment = Environment::of_this_process();
    let folder = Path::new(".");
    if args.fix {
        fix_all(&environment, folder)?;
    }
    let checks = checks(&environment, folder);
    if args.json {
        output::json(&checks.iter().map(as_json).collect::<Vec<_>>())?;
    } else {
        for check in &checks {
            output::line(as_line(check, Style::of_stdout()))?;
        }
    }
    match checks.iter().filter(|check| !check.ok).count() {
        0 => Ok(()),
        _ if args.fix => bail!("some of it could not be fixed from here; see what each line says"),
        count => bail!("{count} of {} checks failed; `spacehost doctor --fix` does what it can", checks.len()),
    }
}

fn fix_all(environment: &Environment, folder: &Path) -> Result<()> {
    for check in checks(environment, folder).iter().filter(|check| !check.ok) {
        if let Some(fix) = &check.fix {
            eprintln!("{}: {}", check.name, fix.command());
            let mut bar = Bar::start();
            let fixed = fix.run(environment, folder, &mut bar);
            bar.finish();
            fixed?;
        }
    }
    Ok(())
}

fn as_line(check: &Check, style: Style) -> String {
    let mark = if check.ok { style.good("ok  ") } else { style.bad("fail") };
    let mut line = format!("{mark} {}: {}", style.strong(check.name), check.found);
    if !check.ok {
        line.push_str(&format!("\n     why it matters: {}", check.why));
        if let Some(fix) = &check.fix {
            line.push_str(&format!("\n     fix: {}", fix.command()));
        }
    }
    line
}

fn as_json(check: &Check) -> serde_json::Value {
    let fix = check.fix.as_ref().map(|fix| fix.command());
    json!({"name": check.name, "ok": check.ok, "found": check.found, "why": check.why, "fix": fix})
}
