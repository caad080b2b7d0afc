//! Debian's strace as a recorder of what a daemon asks of the kernel, and as a saboteur of it.
//!
//! Owns how strace is called and what its log means. Must not know what a daemon promises: that is in `tests/`. Where
//! strace is missing everything here panics and says what to install, because a test that cannot look has not passed.

mod cut;
mod disk;
mod parse;
mod places;
mod record;

pub use cut::{Content, Cut, Folder, Names};
pub use disk::{Change, Inode, What};
pub use parse::{Call, Moment, calls};
pub use places::{Place, Places};
pub use record::{Recording, Sent};

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Everything that changes files, makes them durable, or leaves through a socket; and what would do so unseen, to be
/// noticed. Reads of files are not among them: no descriptor here is both read and written in a row.
const TRACED: &str = "open,openat,openat2,creat,close,dup,dup2,dup3,fcntl,lseek,write,writev,pwrite64,pwritev,pwritev2,\
    ftruncate,truncate,fallocate,fsync,fdatasync,sync_file_range,msync,mmap,rename,renameat,renameat2,link,linkat,unlink,\
    unlinkat,mkdir,mkdirat,rmdir,copy_file_range,sendfile,splice,io_uring_setup,recvfrom,sendto,sendmsg";

/// One way of running a program under strace.
#[derive(Debug, Clone)]
pub struct Strace {
    pub log: PathBuf,
    pub sabotage: Option<Sabotage>,
}

/// Calls that fail, or at which the daemon is killed.
#[derive(Debug, Clone)]
pub struct Sabotage {
    /// Such as `fdatasync:error=EIO:when=3` or `rename:signal=KILL:when=1`. Each thread counts its own calls, and of them only those about `paths`.
    pub what: String,
    pub paths: Vec<String>,
}

impl Strace {
    pub fn new(log: &Path) -> Self {
        assert_installed();
        Strace { log: log.to_owned(), sabotage: None }
    }

    pub fn with_sabotage(self, what: &str, paths: &[String]) -> Self {
        Strace { sabotage: Some(Sabotage { what: what.to_owned(), paths: paths.to_vec() }), ..self }
    }

    /// The program is the child, and strace a stranger to its parent (`-D`): signals and exit codes are the program's.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("strace");
        command.args(["-D", "-f", "-yy", "-xx", "-s", "100000000"]);
        // Faster, but blind for what it would have to do when a call begins.
        if !self.sabotage.as_ref().is_some_and(|sabotage| sabotage.what.contains("signal=")) {
            command.arg("--seccomp-bpf");
        }
        command.arg("-e").arg(format!("trace={TRACED}"));
        if let Some(sabotage) = &self.sabotage {
            command.arg("-e").arg(format!("inject={}", sabotage.what));
            command.args(sabotage.paths.iter().flat_map(|path| ["-P", path]));
        }
        command.arg("-o").arg(&self.log).arg(program);
        command
    }

    /// Whether the program has ended and strace has written all that it saw.
    pub fn is_complete(&self, process: u32) -> bool {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let own = |line: &&str| line.split_once(' ').is_some_and(|(thread, _)| thread == process.to_string());
        log.ends_with('\n') && log.lines().rev().find(own).is_some_and(|line| line.contains("+++"))
    }
}

fn assert_installed() {
    let version = Command::new("strace").arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(
        version.is_ok_and(|status| status.success()),
        "strace is not installed, and without it nothing shows what a daemon asks of the disk: `apt-get install strace`"
    );
}
