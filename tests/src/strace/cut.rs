//! The power cut: a folder as it may lie on the disk when the power fails at a moment of a recording.
//!
//! Owns which changes survive. What was synced does; of each other write nothing, all, a beginning, or any of its sectors
//! may. Names survive in the order in which they were given: in `Names::Together` over the whole file system, as ext4 and
//! its like write them; in `Names::Apart` folder by folder, and only a sync of the folder itself makes them durable, which
//! is less than any file system promises today. Must not know what the files are for.

use super::disk::{Change, Inode, What};
use super::parse::{Moment, NEVER};
use super::record::Recording;
use crate::Dice;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const SECTOR: usize = 512;
const PAGE: usize = 4096;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    Together,
    Apart,
}

/// What to cut, and how the dice fall. The same cut of the same recording gives the same folder.
#[derive(Debug, Clone, Copy)]
pub struct Cut {
    pub at: Moment,
    pub names: Names,
    pub seed: u64,
}

/// The zeros at the end are not kept, only counted: the tables' own journal is 64 MiB of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Content {
    bytes: Vec<u8>,
    pub length: u64,
}

/// Files and folders, by their full paths.
#[derive(Debug, Clone, Default)]
pub struct Folder {
    root: PathBuf,
    folders: BTreeSet<PathBuf>,
    names: BTreeMap<PathBuf, Inode>,
    contents: HashMap<Inode, Content>,
}

impl Content {
    fn of(mut bytes: Vec<u8>) -> Self {
        let length = bytes.len() as u64;
        bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
        Content { bytes, length }
    }

    fn put(&mut self, offset: u64, bytes: &[u8]) {
        let (start, used) = (offset as usize, bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
        self.length = self.length.max(offset + bytes.len() as u64);
        self.bytes.resize(self.bytes.len().max(start + used), 0);
        let within = self.bytes.len().min(start + bytes.len()).saturating_sub(start);
        self.bytes.get_mut(start..start + within).into_iter().for_each(|room| room.copy_from_slice(&bytes[..within]));
    }

    fn resize(&mut self, length: u64) {
        self.bytes.truncate(length as usize);
        self.length = length;
    }

    fn trimmed(&self) -> &[u8] {
        &self.bytes[..self.bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)]
    }
}

impl Folder {
    pub fn read(root: &Path) -> Self {
        let mut folder = Folder { root: root.to_owned(), ..Folder::default() };
        folder.read_in(root);
        folder
    }

    fn read_in(&mut self, path: &Path) {
        self.folders.insert(path.to_owned());
        let mut entries: Vec<_> =
            fs::read_dir(path).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
        entries.sort();
        for entry in entries {
            if entry.is_dir() {
                self.read_in(&entry);
            } else {
                let inode = self.contents.len();
                self.contents.insert(inode, Content::of(fs::read(&entry).expect("a file")));
                self.names.insert(entry, inode);
            }
        }
    }

    /// In the order of their inodes.
    pub fn files(&self) -> impl Iterator<Item = (&Path, &Content)> {
        let mut files: Vec<_> = self.names.iter().collect();
        files.sort_by_key(|(_, inode)| **inode);
        files.into_iter().map(|(path, inode)| (path.as_path(), &self.contents[inode]))
    }

    /// The paths at which the other one has something else.
    pub fn differences(&self, other: &Folder) -> Vec<PathBuf> {
        let content = |folder: &Folder, path: &PathBuf| {
            let content = folder.contents.get(folder.names.get(path)?)?;
            Some((content.trimmed().to_vec(), content.length))
        };
        let paths: BTreeSet<_> = self.names.keys().chain(other.names.keys()).collect();
        paths.into_iter().filter(|path| content(self, path) != content(other, path)).cloned().collect()
    }

    /// Makes it real, somewhere else, and its owner's alone, as a host wants its secrets.
    pub fn write(&self, into: &Path) {
        let place = |path: &Path| into.join(path.strip_prefix(&self.root).expect("all lies in the root"));
        for folder in self.folders.iter().filter(|folder| self.has(folder)) {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(place(folder));
            made.expect("a folder can be made");
        }
        for (path, content) in self.files().filter(|(path, _)| path.parent().is_some_and(|folder| self.has(folder))) {
            let mut options = File::options();
            let file = options.write(true).create(true).truncate(true).mode(0o600).open(place(path));
            let file = file.expect("a file can be made");
            file.write_all_at(content.trimmed(), 0).and_then(|()| file.set_len(content.length)).expect("room");
        }
    }

    /// Whether there is a way to the folder: those above it may not have survived.
    fn has(&self, folder: &Path) -> bool {
        folder.ancestors().take_while(|above| above.starts_with(&self.root)).all(|above| self.folders.contains(above))
    }

    fn apply(&mut self, what: &What) {
        match what {
            What::Write { inode, offset, bytes } => self.content(*inode).put(*offset, bytes),
            What::Resize { inode, length } => self.content(*inode).resize(*length),
            What::Reserve { inode, length } => {
                let content = self.content(*inode);
                content.length = content.length.max(*length);
            }
            What::Make { inode, path } => {
                self.content(*inode);
                self.names.insert(path.clone(), *inode);
            }
            What::MakeFolder { path } => drop(self.folders.insert(path.clone())),
            What::Rename { from, to } => self.rename(from, to),
            What::Remove { path } => {
                self.names.remove(path);
                self.folders.remove(path);
            }
        }
    }

    fn content(&mut self, inode: Inode) -> &mut Content {
        self.contents.entry(inode).or_default()
    }

    fn rename(&mut self, from: &Path, to: &Path) {
        let moved = |path: &PathBuf| path.strip_prefix(from).ok().map(|rest| (path.clone(), join(to, rest)));
        for (old, new) in self.names.keys().filter_map(moved).collect::<Vec<_>>() {
            if let Some(inode) = self.names.remove(&old) {
                self.names.insert(new, inode);
            }
        }
        for (old, new) in self.folders.iter().filter_map(moved).collect::<Vec<_>>() {
            self.folders.remove(&old);
            self.folders.insert(new);
        }
    }
}

/// Joining nothing would add a slash.
fn join(path: &Path, rest: &Path) -> PathBuf {
    if rest.as_os_str().is_empty() { path.to_owned() } else { path.join(rest) }
}

impl Recording {
    /// With all that was done, synced or not.
    pub fn folder_now(&self) -> Folder {
        let mut folder = self.base.clone();
        self.changes().iter().for_each(|change| folder.apply(&change.what));
        folder
    }

    /// What may be there after the cut.
    pub fn folder_after(&self, cut: &Cut) -> Folder {
        let (mut folder, mut dice) = (self.base.clone(), Dice(cut.seed));
        let mut names = self.surviving_names(cut, &mut dice);
        for change in self.changes().iter().filter(|change| change.began < cut.at) {
            match (&change.what, change.what.folder()) {
                (what, Some(of)) => {
                    let room = names.get_mut(&group(of, cut.names));
                    if is_safe(change, cut) || room.is_some_and(take_one) {
                        folder.apply(what);
                    }
                }
                (what, None) if change.durable < cut.at => folder.apply(what),
                (What::Write { inode, offset, bytes }, None) => tear(folder.content(*inode), *offset, bytes, &mut dice),
                (what, None) if dice.roll(2) == 0 => folder.apply(what),
                _ => {}
            }
        }
        folder
    }

    /// How many of the names that nobody synced survive; they do so from the first on.
    fn surviving_names(&self, cut: &Cut, dice: &mut Dice) -> BTreeMap<PathBuf, u64> {
        let mut unsafe_names = BTreeMap::<PathBuf, u64>::new();
        let begun = self.changes().iter().filter(|change| change.began < cut.at && !is_safe(change, cut));
        for folder in begun.filter_map(|change| change.what.folder()) {
            *unsafe_names.entry(group(folder, cut.names)).or_default() += 1;
        }
        unsafe_names.values_mut().for_each(|count| *count = dice.roll(*count + 1));
        unsafe_names
    }
}

fn take_one(room: &mut u64) -> bool {
    let some = *room > 0;
    *room = room.saturating_sub(1);
    some
}

fn group(folder: &Path, names: Names) -> PathBuf {
    if names == Names::Together { PathBuf::new() } else { folder.to_owned() }
}

fn is_safe(change: &Change, cut: &Cut) -> bool {
    let safe = if cut.names == Names::Together { change.carried } else { change.durable };
    safe != NEVER && safe < cut.at
}

/// Nothing of it, all of it, a beginning, or some of its sectors or pages.
fn tear(content: &mut Content, offset: u64, bytes: &[u8], dice: &mut Dice) {
    let unit = match dice.roll(6) {
        0 | 1 => return,
        2 => return content.put(offset, bytes),
        3 => return content.put(offset, &bytes[..dice.roll(bytes.len() as u64 + 1) as usize]),
        4 => SECTOR,
        _ => PAGE,
    };
    let mut start = 0;
    while start < bytes.len() {
        let end = bytes.len().min(start + unit - (offset as usize + start) % unit);
        if dice.roll(2) == 0 {
            content.put(offset + start as u64, &bytes[start..end]);
        }
        start = end;
    }
}
