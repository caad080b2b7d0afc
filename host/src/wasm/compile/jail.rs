//! The limits of the process that compiles, which it puts upon itself.
//!
//! Must not know what is compiled. After `filter_calls` it can take memory, read standard input, write to standard output
//! and error, and end: it opens, connects, starts and maps as code nothing, and what it may have inherited is of no use to
//! it. Fails when the kernel refuses a limit.

use rustix::process::{
    Pid, Resource, Rlimit, Signal, getppid, set_parent_process_death_signal, setpriority_process, setrlimit,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Length, SeccompCmpOp as Is, SeccompCondition as Condition,
    SeccompFilter, SeccompRule,
};
use std::collections::BTreeMap;
use std::io;

const NICE: i32 = 10;

/// `cpu_s` of CPU end it by SIGXCPU, which its parent tells apart.
pub fn limit(memory_bytes: u64, cpu_s: u64, parent: u64) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // A parent that was gone before has sent no signal.
    if getppid().map(Pid::as_raw_nonzero).is_none_or(|found| i64::from(found.get()) != parent as i64) {
        return Err(io::Error::other("its parent is gone"));
    }
    let at_most = |most: u64| Rlimit { current: Some(most), maximum: Some(most) };
    setrlimit(Resource::Core, at_most(0))?;
    setrlimit(Resource::Fsize, at_most(0))?;
    setrlimit(Resource::As, at_most(memory_bytes))?;
    setrlimit(Resource::Cpu, Rlimit { current: Some(cpu_s), maximum: Some(cpu_s + 1) })?;
    setpriority_process(None, NICE)?;
    std::env::set_current_dir("/")
}

/// Whatever is not listed here is answered with EPERM from now on.
pub fn filter_calls() -> Result<(), seccompiler::Error> {
    let architecture = std::env::consts::ARCH.try_into()?;
    let refused = SeccompAction::Errno(libc::EPERM as u32);
    let filter = SeccompFilter::new(allowed()?, refused, SeccompAction::Allow, architecture)?;
    let program: BpfProgram = filter.try_into()?;
    seccompiler::apply_filter(&program)
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

fn allowed() -> Result<Rules, seccompiler::Error> {
    let is = |argument, value: i32| Condition::new(argument, Length::Dword, Is::Eq, value as u64);
    let has = |argument, bits: i32, value: i32| {
        Condition::new(argument, Length::Dword, Is::MaskedEq(bits as u64), value as u64)
    };
    let mut rules = Rules::new();
    for call in FREE {
        rules.insert(*call, Vec::new());
    }
    // Memory of its own, from no file and never to be run.
    let mapping = vec![has(3, libc::MAP_ANONYMOUS, libc::MAP_ANONYMOUS)?, has(2, libc::PROT_EXEC, 0)?];
    rules.insert(libc::SYS_mmap, vec![SeccompRule::new(mapping)?]);
    rules.insert(libc::SYS_mprotect, vec![SeccompRule::new(vec![has(2, libc::PROT_EXEC, 0)?])?]);
    rules.insert(libc::SYS_read, vec![SeccompRule::new(vec![is(0, libc::STDIN_FILENO)?])?]);
    let writing = [libc::STDOUT_FILENO, libc::STDERR_FILENO];
    let writing = writing.map(|stream| SeccompRule::new(vec![is(0, stream)?])).into_iter().collect::<Result<_, _>>()?;
    rules.insert(libc::SYS_write, writing);
    // `abort` signals itself; without this it would look like another crash.
    rules.insert(libc::SYS_tgkill, vec![SeccompRule::new(vec![is(2, libc::SIGABRT)?])?]);
    Ok(rules)
}

/// Neither files nor other processes can be reached by these, whatever their arguments.
const FREE: &[i64] = &[
    libc::SYS_brk,
    libc::SYS_clock_gettime,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_madvise,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_yield,
    libc::SYS_sigaltstack,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_can_be_built() {
        let filter = SeccompFilter::new(
            allowed().unwrap(),
            SeccompAction::Errno(1),
            SeccompAction::Allow,
            std::env::consts::ARCH.try_into().unwrap(),
        );
        assert!(BpfProgram::try_from(filter.unwrap()).is_ok());
    }

    #[test]
    fn what_is_not_listed_is_refused_and_what_is_listed_works() {
        // A filter holds for its thread alone.
        let seen = std::thread::spawn(|| {
            filter_calls().unwrap();
            (std::fs::File::open("/").map_err(|error| error.kind()).err(), vec![1_u8; 1 << 20].len())
        });
        assert_eq!(seen.join().unwrap(), (Some(io::ErrorKind::PermissionDenied), 1 << 20));
    }
}
