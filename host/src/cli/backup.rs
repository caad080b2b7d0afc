//! `backup` and `restore`: a host's data into one file, and out of it into a new data folder.
//!
//! `backup` talks to the host alone and needs nothing of its folder; the file has its name only when it is whole. `restore`
//! needs no host. Must not know the format but to check it. Fails when a file is there already, or is not whole.

use super::client::Client;
use super::connect::HostArgs;
use super::failure::Failure;
use super::output;
use super::style::Style;
use super::table::Table;
use crate::store::backup::{Checked, check};
use crate::store::restore::{Restored, restore as restore_into};
use anyhow::{Context, Result};
use std::fs::File;
use std::io::{BufReader, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};
use tempfile::NamedTempFile;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file to write, or a folder for a file with a name of its own
    to: PathBuf,
    #[command(flatten)]
    host: HostArgs,
}

#[derive(Debug, clap::Args)]
pub struct RestoreArgs {
    /// The backup
    file: PathBuf,
    /// The data folder to make; it must not hold anything
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

pub async fn backup(args: Args) -> Result<()> {
    if args.to.is_file() {
        return Err(Failure::usage(format!("{} is there already: name another file", args.to.display())));
    }
    let folder = folder_of(&args.to);
    let client = Client::new(&args.host.find()?)?;
    let mut part =
        NamedTempFile::new_in(&folder).with_context(|| format!("could not write to {}", folder.display()))?;
    let mut out = BufWriter::with_capacity(1 << 20, part.as_file_mut());
    client.download("/v1/backup", &mut out).await?;
    out.flush().with_context(|| format!("could not write to {}", folder.display()))?;
    drop(out);
    let checked = checked(part.as_file_mut()).context("what the host has sent is not whole: try again")?;
    let path = if args.to.is_dir() { args.to.join(usual_name(&checked)) } else { args.to };
    part.as_file().sync_all()?;
    part.persist_noclobber(&path).with_context(|| format!("could not name {}", path.display()))?;
    File::open(&folder)?.sync_all()?;
    let size = output::bytes(checked.bytes);
    output::line(format!("{}: {size}, all up to sequence {}", path.display(), checked.header.sequence))
}

fn folder_of(to: &Path) -> PathBuf {
    match to.parent() {
        _ if to.is_dir() => to.to_owned(),
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn checked(file: &mut File) -> Result<Checked> {
    file.rewind()?;
    Ok(check(BufReader::with_capacity(1 << 20, file))?)
}

/// Sorts by age, for each host.
fn usual_name(checked: &Checked) -> String {
    format!("spacehost-{:016x}-{:020}.backup", checked.header.journal, checked.header.sequence)
}

pub fn restore(args: &RestoreArgs) -> Result<()> {
    let restored = restore_into(&args.file, &args.data)?;
    for line in lines(&restored, &args.data) {
        output::line(line)?;
    }
    Ok(())
}

const HEADINGS: [&str; 6] = ["SPACE", "VERSION", "KEYS", "MESSAGES", "TIMERS", "DEAD LETTERS"];

fn lines(restored: &Restored, data: &Path) -> Vec<String> {
    let header = &restored.header;
    let time = humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_millis(header.time_ms));
    let mut lines = vec![format!(
        "{} holds all up to sequence {}, as it was at {time} (spacehost {})",
        data.display(),
        header.sequence,
        header.made_by
    )];
    let mut table = Table::new(&HEADINGS);
    for space in &restored.spaces {
        let counts = [space.keys, space.messages, space.timers, space.dead_letters].map(|count| count.to_string());
        let version = space.version.clone().unwrap_or_else(|| "-".to_owned());
        table.row([space.name.clone(), version].into_iter().chain(counts).collect());
    }
    let style = Style::of_stdout();
    lines.extend(table.lines(|row, _, cell| if row.is_none() { style.dim(&cell) } else { cell }));
    lines.push(format!("Start it with `spacehost run --data {}`; it makes a token of its own.", data.display()));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::backup::Header;
    use crate::store::restore::RestoredSpace;

    #[test]
    fn a_restore_says_what_is_there_now() {
        let header = Header { made_by: "0.1.0".into(), journal: 1, sequence: 42, time_ms: 0 };
        let space = RestoredSpace {
            name: "orders".into(),
            version: Some("2".into()),
            keys: 3,
            messages: 1,
            ..Default::default()
        };
        let lines = lines(&Restored { header, first: 99, spaces: vec![space] }, Path::new("d"));
        assert_eq!(lines[0], "d holds all up to sequence 42, as it was at 1970-01-01T00:00:00Z (spacehost 0.1.0)");
        assert!(lines[2].starts_with("orders  2        3     1"), "{}", lines[2]);
        assert!(lines[3].contains("spacehost run --data d"));
    }

    #[test]
    fn names_sort_by_age() {
        let of = |sequence| {
            let header = Header { made_by: String::new(), journal: 1, sequence, time_ms: 0 };
            usual_name(&Checked { header, rows: 0, bytes: 0 })
        };
        assert!(of(9) < of(10));
    }
}
