//! Reads the file with a webhook's secrets.
//!
//! Owns what such a file may be: `whsec_` and base64 on each line, the newest first, for the eyes of the host alone. Must not
//! know what is signed. Fails with the line of the settings, what is wrong and what to do; nothing of a secret is ever shown.

use super::signature::Keys;
use crate::words::SecretFile;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const PREFIX: &str = "whsec_";
/// As the specification has it.
const LEAST_BYTES: usize = 24;
const MOST_BYTES: usize = 64;
/// More than two at a time are of no use.
const MOST_SECRETS: usize = 4;
const MOST_FILE_BYTES: u64 = 4_096;
/// Everything that is not the owner's.
const OTHERS: u32 = 0o077;

#[derive(Debug, thiserror::Error)]
#[error("spacehost.toml: line {line}: the secret's file {}: {wrong}", path.display())]
pub struct SecretError {
    line: usize,
    path: PathBuf,
    wrong: Wrong,
}

#[derive(Debug, thiserror::Error)]
pub enum Wrong {
    #[error(
        "it does not exist: write `whsec_` and the base64 of 32 random bytes into it, for your eyes only (mode 600)"
    )]
    Missing,
    #[error("could not read it: {0}")]
    Unreadable(io::Error),
    #[error("it is no regular file")]
    NoFile,
    #[error("others may read it (mode {:o}): `chmod 600` it, and if anybody had a look, put a new secret in", mode & 0o777)]
    Open { mode: u32 },
    #[error("it belongs to another user ({owner}), who may change it: `chown` it to the one that the host runs as")]
    Owner { owner: u32 },
    #[error("it is empty: write `whsec_` and the base64 of 32 random bytes into it")]
    Empty,
    #[error("it has more than {MOST_FILE_BYTES} bytes, or more than {MOST_SECRETS} secrets")]
    TooMuch,
    #[error("its line {0} is no secret: write `whsec_` and the base64 of {LEAST_BYTES} to {MOST_BYTES} random bytes")]
    NoSecret(usize),
}

/// Relative paths begin at `folder`. Blocking.
pub fn read(file: &SecretFile, folder: &Path) -> Result<Keys, SecretError> {
    let path = folder.join(&file.path);
    text_of(&path).and_then(|text| parse(&text)).map_err(|wrong| SecretError { line: file.line, path, wrong })
}

fn text_of(path: &Path) -> Result<String, Wrong> {
    // Opening a pipe would wait for whoever writes into it.
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path);
    let file = opened.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Wrong::Missing,
        _ => Wrong::Unreadable(error),
    })?;
    is_ours(&file)?;
    let mut text = String::new();
    file.take(MOST_FILE_BYTES + 1).read_to_string(&mut text).map_err(Wrong::Unreadable)?;
    if text.len() as u64 > MOST_FILE_BYTES { Err(Wrong::TooMuch) } else { Ok(text) }
}

/// Of the file that is open, so that none can be put in its place.
fn is_ours(file: &File) -> Result<(), Wrong> {
    let found = file.metadata().map_err(Wrong::Unreadable)?;
    let own = rustix::process::geteuid().as_raw();
    match () {
        () if !found.is_file() => Err(Wrong::NoFile),
        () if found.mode() & OTHERS != 0 => Err(Wrong::Open { mode: found.mode() }),
        // Root may read what it likes, and hands out files such as those of a service manager.
        () if found.uid() != own && found.uid() != 0 && own != 0 => Err(Wrong::Owner { owner: found.uid() }),
        () => Ok(()),
    }
}

fn parse(text: &str) -> Result<Keys, Wrong> {
    let lines = (1..).zip(text.lines().map(str::trim)).filter(|(_, line)| !line.is_empty());
    let secrets = lines.map(|(number, line)| secret(line).ok_or(Wrong::NoSecret(number)));
    let secrets: Vec<_> = secrets.collect::<Result<_, _>>()?;
    match secrets.len() {
        0 => Err(Wrong::Empty),
        1..=MOST_SECRETS => Ok(Keys::new(secrets.iter().map(Vec::as_slice))),
        _ => Err(Wrong::TooMuch),
    }
}

fn secret(line: &str) -> Option<Vec<u8>> {
    let secret = STANDARD.decode(line.strip_prefix(PREFIX)?).ok()?;
    (LEAST_BYTES..=MOST_BYTES).contains(&secret.len()).then_some(secret)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn read_as(text: &str, mode: u32) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.secret");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let file = SecretFile { path: "b.secret".into(), line: 7 };
        read(&file, folder.path()).map(|keys| keys.sign("i", 1, b"")).map_err(|error| {
            let text = error.to_string();
            let prefix = format!("spacehost.toml: line 7: the secret's file {}: ", path.display());
            text.strip_prefix(&prefix).unwrap_or_else(|| panic!("{text}")).to_owned()
        })
    }

    #[test]
    fn a_file_holds_one_secret_or_several_for_a_change_of_them() {
        let one = read_as(&format!("{SECRET}\n"), 0o600).unwrap();
        let two = read_as(&format!("\n{SECRET}\n\n  {SECRET}  \n"), 0o400).unwrap();
        assert_eq!(two, format!("{one} {one}"));
    }

    #[test]
    fn a_file_that_others_may_read_is_refused_whatever_it_holds() {
        for mode in [0o644, 0o640, 0o604, 0o620] {
            let error = read_as(SECRET, mode).unwrap_err();
            assert!(error.starts_with(&format!("others may read it (mode {mode:o}): `chmod 600`")), "{error}");
        }
    }

    #[test]
    fn what_is_no_secret_is_told_by_its_line_and_never_quoted() {
        assert!(read_as("", 0o600).unwrap_err().starts_with("it is empty"));
        for bad in ["s3cret", "whsec_s3cret!", "whsec_czNjcmV0", "WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
            let error = read_as(&format!("{SECRET}\n{bad}"), 0o600).unwrap_err();
            assert!(error.starts_with("its line 2 is no secret") && !error.contains("s3cret"), "{error}");
        }
        assert!(read_as(&format!("{SECRET}\n").repeat(5), 0o600).unwrap_err().contains("more than 4 secrets"));
        assert!(read_as(&" ".repeat(5_000), 0o600).unwrap_err().contains("more than 4096 bytes"));
    }

    #[test]
    fn a_file_that_is_not_there_or_is_none_is_told_as_that() {
        let folder = tempfile::tempdir().unwrap();
        let wrong = |path: &str| {
            let file = SecretFile { path: path.into(), line: 1 };
            read(&file, folder.path()).unwrap_err().to_string()
        };
        assert!(wrong("none").contains("it does not exist: write `whsec_`"));
        assert!(wrong(".").contains("it is no regular file"));
    }
}
