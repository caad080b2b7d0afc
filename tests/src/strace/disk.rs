//! From calls to changes of one folder: which bytes of which file, which names, and when each became durable.
//!
//! Owns the table of descriptors and names as the kernel has it. Must not know what the files are for. Whatever could
//! change the folder in a way that is not followed here is a panic.

use super::parse::{Call, Moment, NEVER, descriptor};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// A file, whatever its name.
pub type Inode = usize;

#[derive(Debug, Clone)]
pub struct Change {
    pub what: What,
    pub began: Moment,
    pub ended: Moment,
    /// From then on the disk has it: its file was synced, or for a name its folder.
    pub durable: Moment,
    /// For a name: something was synced after it, and a file system with one journal has written it with that.
    pub carried: Moment,
}

#[derive(Debug, Clone)]
pub enum What {
    Write {
        inode: Inode,
        offset: u64,
        bytes: Vec<u8>,
    },
    Resize {
        inode: Inode,
        length: u64,
    },
    /// Reserves blocks: never makes a file shorter.
    Reserve {
        inode: Inode,
        length: u64,
    },
    Make {
        inode: Inode,
        path: PathBuf,
    },
    MakeFolder {
        path: PathBuf,
    },
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
    Remove {
        path: PathBuf,
    },
}

impl What {
    pub fn inode(&self) -> Option<Inode> {
        match self {
            What::Write { inode, .. } | What::Resize { inode, .. } | What::Reserve { inode, .. } => Some(*inode),
            _ => None,
        }
    }

    /// The folder whose list of names changes.
    pub fn folder(&self) -> Option<&Path> {
        match self {
            What::Make { path, .. } | What::MakeFolder { path } | What::Remove { path } => path.parent(),
            What::Rename { to, .. } => to.parent(),
            _ => None,
        }
    }
}

#[derive(Debug, Clone)]
struct Open {
    inode: Inode,
    position: u64,
    append: bool,
}

#[derive(Debug, Clone)]
pub struct Disk {
    root: PathBuf,
    names: HashMap<PathBuf, Inode>,
    /// By inode.
    lengths: Vec<u64>,
    descriptors: HashMap<i32, Open>,
    pub changes: Vec<Change>,
    /// Those of them that some sync could still make durable.
    unsynced: Vec<usize>,
}

impl Disk {
    /// Of a folder that holds these files, all of them durable. Their inodes are their places in the list.
    pub fn new(root: &Path, files: &[(PathBuf, u64)]) -> Self {
        let names = files.iter().enumerate().map(|(inode, (path, _))| (path.clone(), inode)).collect();
        let lengths = files.iter().map(|(_, length)| *length).collect();
        let (descriptors, changes, unsynced) = (HashMap::new(), Vec::new(), Vec::new());
        Disk { root: root.to_owned(), names, lengths, descriptors, changes, unsynced }
    }

    /// Follows one process, all of whose calls these are. Its working folder is the root's parent.
    pub fn follow(&mut self, calls: &[Call]) {
        self.descriptors.clear();
        let mut stops: Vec<_> = calls.iter().flat_map(|call| [(call.began, 0, call), (call.ended, 1, call)]).collect();
        stops.sort_by_key(|(moment, phase, _)| (*moment, *phase));
        for (moment, phase, call) in stops {
            match phase {
                1 if call.failed() && call.name.ends_with("sync") => self.lose(call),
                _ if call.failed() || moment == NEVER => {}
                0 => self.begin(call),
                _ => self.end(call),
            }
        }
    }

    /// Changes count from their begin, because the disk may have them from then on.
    fn begin(&mut self, call: &Call) {
        match call.name.as_str() {
            "write" | "writev" => self.write(call),
            "pwrite64" => self.write_at(call),
            "ftruncate" => self.resize(call),
            "fallocate" => self.reserve(call),
            "mkdir" => self.make_folder(call, 0),
            "mkdirat" => self.make_folder(call, 1),
            "rename" => self.rename(call, 0, 1),
            "renameat" | "renameat2" => self.rename(call, 1, 3),
            "unlink" | "rmdir" => self.remove(call, 0),
            "unlinkat" => self.remove(call, 1),
            "close" => drop(call.descriptor().and_then(|closed| self.descriptors.remove(&closed.number))),
            "mmap" => self.refuse_shared(call),
            "open" | "openat" | "lseek" | "fsync" | "fdatasync" | "recvfrom" | "sendto" | "sendmsg" => {}
            "fcntl" if !call.arguments[1].starts_with("F_DUPFD") => {}
            _ => self.refuse(call),
        }
    }

    fn end(&mut self, call: &Call) {
        match call.name.as_str() {
            "open" => self.open(call, 0),
            "openat" => self.open(call, 1),
            "lseek" => {
                if let (Some(open), Some(position)) = (self.opened(call), call.number()) {
                    open.position = position as u64;
                }
            }
            "fsync" | "fdatasync" => self.sync(call),
            _ => {}
        }
    }

    /// The path in that argument; in the calls that end in `at`, the one before says from where it counts.
    fn path(&self, call: &Call, argument: usize) -> PathBuf {
        let from = argument.checked_sub(1).and_then(|before| call.folder(before));
        from.unwrap_or_else(|| self.working_folder().to_owned()).join(call.path(argument))
    }

    fn working_folder(&self) -> &Path {
        self.root.parent().expect("the root lies in a folder")
    }

    fn make_folder(&mut self, call: &Call, argument: usize) {
        let path = self.path(call, argument);
        self.name(call, What::MakeFolder { path });
    }

    fn opened(&mut self, call: &Call) -> Option<&mut Open> {
        let number = call.descriptor()?.number;
        self.descriptors.get_mut(&number)
    }

    fn open(&mut self, call: &Call, argument: usize) {
        let (path, flags) = (self.path(call, argument), &call.arguments[argument + 1]);
        let Some(opened) = descriptor(&call.answer).filter(|_| path.starts_with(&self.root)) else { return };
        let inode = match self.names.get(&path) {
            Some(inode) => *inode,
            None if flags.contains("O_CREAT") => self.make(call, path),
            // A folder.
            None => return,
        };
        if flags.contains("O_TRUNC") && self.lengths[inode] > 0 {
            self.lengths[inode] = 0;
            self.changed(call, What::Resize { inode, length: 0 });
        }
        let open = Open { inode, position: 0, append: flags.contains("O_APPEND") };
        self.descriptors.insert(opened.number, open);
    }

    fn make(&mut self, call: &Call, path: PathBuf) -> Inode {
        let inode = self.lengths.len();
        self.lengths.push(0);
        self.names.insert(path.clone(), inode);
        self.changed(call, What::Make { inode, path });
        inode
    }

    fn write(&mut self, call: &Call) {
        let bytes = written(call);
        let lengths = &self.lengths.clone();
        let Some(open) = self.opened(call) else { return };
        let offset = if open.append { lengths[open.inode] } else { open.position };
        open.position = offset + bytes.len() as u64;
        let inode = open.inode;
        self.grow(inode, offset + bytes.len() as u64);
        self.changed(call, What::Write { inode, offset, bytes });
    }

    fn write_at(&mut self, call: &Call) {
        let Some(inode) = self.opened(call).map(|open| open.inode) else { return };
        let (offset, bytes) = (call.integer(3), written(call));
        self.grow(inode, offset + bytes.len() as u64);
        self.changed(call, What::Write { inode, offset, bytes });
    }

    fn resize(&mut self, call: &Call) {
        let Some(inode) = self.opened(call).map(|open| open.inode) else { return };
        self.lengths[inode] = call.integer(1);
        self.changed(call, What::Resize { inode, length: call.integer(1) });
    }

    fn reserve(&mut self, call: &Call) {
        let Some(inode) = self.opened(call).map(|open| open.inode) else { return };
        let length = call.integer(2) + call.integer(3);
        self.grow(inode, length);
        self.changed(call, What::Reserve { inode, length });
    }

    fn grow(&mut self, inode: Inode, length: u64) {
        self.lengths[inode] = self.lengths[inode].max(length);
    }

    fn rename(&mut self, call: &Call, from: usize, to: usize) {
        let (from, to) = (self.path(call, from), self.path(call, to));
        if let Some(inode) = self.names.remove(&from) {
            self.names.insert(to.clone(), inode);
        }
        let inside = |path: &PathBuf| path.strip_prefix(&from).ok().map(|rest| (path.clone(), to.join(rest)));
        for (old, new) in self.names.keys().filter_map(inside).collect::<Vec<_>>() {
            let inode = self.names.remove(&old).expect("it was there");
            self.names.insert(new, inode);
        }
        self.name(call, What::Rename { from, to });
    }

    fn remove(&mut self, call: &Call, argument: usize) {
        let path = self.path(call, argument);
        self.names.remove(&path);
        self.name(call, What::Remove { path });
    }

    fn name(&mut self, call: &Call, what: What) {
        if what.folder().is_some_and(|folder| folder.starts_with(&self.root)) {
            self.changed(call, what);
        }
    }

    fn changed(&mut self, call: &Call, what: What) {
        self.unsynced.push(self.changes.len());
        let (began, ended) = (call.began, call.ended);
        self.changes.push(Change { what, began, ended, durable: NEVER, carried: NEVER });
    }

    /// What was done when the sync began is durable when it has ended.
    fn sync(&mut self, call: &Call) {
        let inode = self.opened(call).map(|open| open.inode);
        let folder = call.descriptor().map(|descriptor| PathBuf::from(descriptor.what));
        let (changes, moment) = (&mut self.changes, call.ended);
        self.unsynced.retain(|index| {
            let change = &mut changes[*index];
            if change.ended >= call.began {
                return true;
            }
            let own = match change.what.inode() {
                Some(changed) => inode == Some(changed),
                None => inode.is_none() && folder.as_deref() == change.what.folder(),
            };
            // A sync of data alone need not write any name.
            if call.name == "fsync" {
                change.carried = change.carried.min(moment);
            }
            if own {
                change.durable = moment;
                change.carried = change.carried.min(moment);
            }
            !own
        });
    }

    /// After a failed sync nobody knows what became of the bytes, and a later one that succeeds says nothing of them.
    fn lose(&mut self, call: &Call) {
        let Some(inode) = self.opened(call).map(|open| open.inode) else { return };
        self.unsynced.retain(|index| self.changes[*index].what.inode() != Some(inode));
    }

    fn refuse_shared(&self, call: &Call) {
        let shared = call.arguments[2].contains("MAP_SHARED") && call.arguments[1].contains("PROT_WRITE");
        let file = descriptor(&call.arguments[4]).is_some_and(|file| self.descriptors.contains_key(&file.number));
        assert!(!(shared && file), "a file is written through memory, which no recorder of calls can see: {call:?}");
    }

    fn refuse(&self, call: &Call) {
        let touched =
            |argument: &String| descriptor(argument).is_some_and(|file| Path::new(&file.what).starts_with(&self.root));
        let touches = call.name.starts_with("io_uring") || call.arguments.iter().any(touched);
        assert!(!touches, "the recorder does not know what this does to the folder: {call:?}");
    }
}

/// All of it, unless the kernel took less.
fn written(call: &Call) -> Vec<u8> {
    let mut bytes = call.bytes(1);
    bytes.truncate(call.number().map_or(usize::MAX, |written| written as usize));
    bytes
}
