//! Reads the folder: which files are there, and one file's bytes.
//!
//! Decides nothing and remembers nothing. Symbolic links are never followed, because they may lead out of the folder;
//! whatever is no regular file of a bearable size is named in one line and left alone. Blocking: call it off the hot path.

use crate::words::SpaceName;
use rustix::fs::{CWD, Mode, OFlags};
use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// More files than this are taken for a mistake: nothing of such a folder is acted on.
const MAX_FILES: usize = 20_000;
/// The longest `<name>.toml`.
pub const MAX_SETTINGS_BYTES: u64 = 1 << 20;

/// Tells one state of a file from another without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    device: u64,
    inode: u64,
    pub size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// What stands under a name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Sight {
    #[default]
    Absent,
    File(Stamp),
    /// Something that can be no file of a space, and why.
    Odd(String),
}

/// A component and the settings beside it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pair {
    pub component: Sight,
    pub settings: Sight,
}

/// By stem: `orders` for `orders.wasm` and `orders.toml`.
pub type Listing = BTreeMap<String, Pair>;

#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    #[error("the folder cannot be read ({0}); what runs goes on, and no change is seen until it can")]
    Folder(#[from] std::io::Error),
    #[error(
        "the folder holds more than {MAX_FILES} files of spaces; what runs goes on, and no change is seen until there are fewer"
    )]
    TooMany,
}

/// Why a file's bytes are not to be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It is not, or no longer, what was sighted: look again.
    #[error("it changed while it was read")]
    Changed,
    #[error("it is empty: is it still being written?")]
    Empty,
    #[error("it has {size} bytes; `{limit}` allows {allowed}")]
    TooLarge { size: u64, limit: &'static str, allowed: u64 },
    #[error("it cannot be read: {0}")]
    Io(String),
}

/// Everything in the folder that is, or seems meant to be, a file of a space.
pub fn list(folder: &Path) -> Result<Listing, ScanError> {
    let mut listing = Listing::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let file = entry.file_name();
        let file = file.to_string_lossy();
        let (stem, is_component) = match (file.strip_suffix(".wasm"), file.strip_suffix(".toml")) {
            (Some(stem), _) => (stem, true),
            (_, Some(stem)) => (stem, false),
            _ => continue,
        };
        if listing.len() >= MAX_FILES {
            return Err(ScanError::TooMany);
        }
        let sight = match entry.metadata() {
            Ok(metadata) => sight(&metadata),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Sight::Absent,
            Err(error) => Sight::Odd(format!("it cannot be examined: {error}")),
        };
        let pair = listing.entry(stem.to_owned()).or_default();
        if is_component {
            pair.component = checked_name(stem, sight);
        } else {
            pair.settings = sight;
        }
    }
    listing.retain(|_, pair| pair.component != Sight::Absent);
    Ok(listing)
}

fn checked_name(stem: &str, sight: Sight) -> Sight {
    match (SpaceName::parse(stem), sight) {
        (_, Sight::Absent) => Sight::Absent,
        (Err(error), _) => Sight::Odd(format!("its name is no space's: {error}")),
        (Ok(_), sight) => sight,
    }
}

/// Looks at one file anew.
pub fn look(path: &Path) -> Sight {
    match std::fs::symlink_metadata(path) {
        Ok(metadata) => sight(&metadata),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Sight::Absent,
        Err(error) => Sight::Odd(format!("it cannot be examined: {error}")),
    }
}

fn sight(metadata: &Metadata) -> Sight {
    let kind = metadata.file_type();
    let what = if kind.is_file() {
        return Sight::File(stamp(metadata));
    } else if kind.is_symlink() {
        return Sight::Odd("it is a symbolic link, which is not followed: put the file itself here".to_owned());
    } else if kind.is_dir() {
        "a directory"
    } else if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    };
    Sight::Odd(format!("it is {what}, not a file"))
}

fn stamp(metadata: &Metadata) -> Stamp {
    Stamp {
        device: metadata.dev(),
        inode: metadata.ino(),
        size: metadata.size(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
    }
}

impl Stamp {
    /// How long ago the file was last changed, by the clock of its file system; none if it lies in the future.
    pub fn age(&self, now: SystemTime) -> Option<Duration> {
        let since = |(seconds, nanos): (i64, i64)| {
            Some(Duration::new(u64::try_from(seconds).ok()?, u32::try_from(nanos).ok()?))
        };
        let latest = since(self.modified.max(self.changed))?;
        now.duration_since(SystemTime::UNIX_EPOCH).ok()?.checked_sub(latest)
    }
}

/// The bytes of a file that was sighted as `expected`, at most `allowed` of them. What is returned was the file's whole
/// content from the sighting to the end of the reading.
pub fn read(path: &Path, expected: &Stamp, allowed: u64, limit: &'static str) -> Result<Vec<u8>, ReadError> {
    if expected.size > allowed {
        return Err(ReadError::TooLarge { size: expected.size, limit, allowed });
    }
    // Without NONBLOCK, opening a pipe that took the file's place would wait for ever.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut file = match rustix::fs::openat(CWD, path, flags, Mode::empty()) {
        Ok(descriptor) => File::from(descriptor),
        Err(rustix::io::Errno::NOENT | rustix::io::Errno::LOOP) => return Err(ReadError::Changed),
        Err(error) => return Err(ReadError::Io(error.to_string())),
    };
    unchanged(&file, expected)?;
    let mut bytes = Vec::with_capacity(expected.size as usize);
    // One byte more than expected shows that it grew, and no growth fills the memory.
    let read = (&mut file).take(expected.size + 1).read_to_end(&mut bytes);
    read.map_err(|error| ReadError::Io(error.to_string()))?;
    unchanged(&file, expected)?;
    if bytes.len() as u64 != expected.size {
        return Err(ReadError::Changed);
    }
    if bytes.is_empty() { Err(ReadError::Empty) } else { Ok(bytes) }
}

fn unchanged(file: &File, expected: &Stamp) -> Result<(), ReadError> {
    let metadata = file.metadata().map_err(|error| ReadError::Io(error.to_string()))?;
    if metadata.is_file() && stamp(&metadata) == *expected { Ok(()) } else { Err(ReadError::Changed) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn reason(listing: &Listing, stem: &str) -> String {
        match &listing[stem].component {
            Sight::Odd(reason) => reason.clone(),
            other => panic!("{stem}: {other:?}"),
        }
    }

    fn read_now(path: &Path, allowed: u64) -> Result<Vec<u8>, ReadError> {
        let Sight::File(stamp) = look(path) else { panic!("no file") };
        read(path, &stamp, allowed, "component_bytes")
    }

    #[test]
    fn a_component_and_its_settings_are_one_pair() {
        let folder = tempfile::tempdir().unwrap();
        for file in ["a.wasm", "a.toml", "b.wasm", "c.toml", "d.wasm.swp", "README"] {
            std::fs::write(folder.path().join(file), file).unwrap();
        }
        let listing = list(folder.path()).unwrap();
        assert_eq!(listing.keys().collect::<Vec<_>>(), ["a", "b"]);
        assert!(matches!(listing["a"].settings, Sight::File(_)));
        assert_eq!(listing["b"].settings, Sight::Absent);
        assert_eq!(list(folder.path()).unwrap(), listing);
        assert!(matches!(list(&folder.path().join("none")), Err(ScanError::Folder(_))));
    }

    #[test]
    fn whatever_is_no_file_is_named_and_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("spaces");
        std::fs::create_dir_all(folder.join("directory.wasm")).unwrap();
        std::fs::write(root.path().join("outside"), "x").unwrap();
        std::fs::write(folder.join("good.wasm"), "x").unwrap();
        std::fs::write(folder.join("Bad_Name.wasm"), "x").unwrap();
        symlink(root.path().join("outside"), folder.join("out.wasm")).unwrap();
        symlink("good.wasm", folder.join("within.wasm")).unwrap();
        symlink("nowhere", folder.join("dangling.wasm")).unwrap();
        rustix::fs::mknodat(CWD, folder.join("pipe.wasm"), rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();

        let listing = list(&folder).unwrap();
        assert!(matches!(listing["good"].component, Sight::File(_)));
        assert_eq!(reason(&listing, "directory"), "it is a directory, not a file");
        assert_eq!(reason(&listing, "pipe"), "it is a pipe, not a file");
        for link in ["out", "within", "dangling"] {
            assert_eq!(
                reason(&listing, link),
                "it is a symbolic link, which is not followed: put the file itself here"
            );
        }
        assert_eq!(
            reason(&listing, "Bad_Name"),
            "its name is no space's: `Bad_Name` is no space name: use 1 to 63 of a-z, 0-9 and -, such as `order-book`"
        );
    }

    #[test]
    fn only_the_whole_content_of_the_sighted_file_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wasm");
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(read_now(&path, 5).unwrap(), b"12345");
        let too_large = ReadError::TooLarge { size: 5, limit: "component_bytes", allowed: 4 };
        assert_eq!(read_now(&path, 4), Err(too_large.clone()));
        assert_eq!(too_large.to_string(), "it has 5 bytes; `component_bytes` allows 4");

        let Sight::File(stamp) = look(&path) else { panic!() };
        let read_as_sighted = || read(&path, &stamp, 100, "component_bytes");
        std::fs::write(&path, "123456").unwrap();
        assert_eq!(read_as_sighted(), Err(ReadError::Changed));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(read_as_sighted(), Err(ReadError::Changed));
        rustix::fs::mknodat(CWD, &path, rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
        assert_eq!(read_as_sighted(), Err(ReadError::Changed));
        std::fs::remove_file(&path).unwrap();
        symlink("/etc/passwd", &path).unwrap();
        assert_eq!(read_as_sighted(), Err(ReadError::Changed));
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "").unwrap();
        assert_eq!(read_now(&path, 100), Err(ReadError::Empty));
    }
}
