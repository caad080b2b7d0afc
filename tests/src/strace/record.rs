//! The recording: what a daemon, and those that follow it after a kill, did to their folder and said to their clients.
//!
//! Must not know what was promised. Everything that the folder held before counts as durable. The recording ends by
//! comparing what it believes with what is there, because a recorder that overlooks something would find no fault.

use super::cut::Folder;
use super::disk::{Change, Disk};
use super::parse::{Call, Moment, NEVER, calls};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The beginning of an answer to a client.
#[derive(Debug, Clone)]
pub struct Sent {
    /// What the request had in its Idempotency-Key.
    pub key: String,
    pub status: u16,
    pub began: Moment,
}

pub struct Recording {
    pub root: PathBuf,
    /// What the folder held at first.
    pub base: Folder,
    pub sent: Vec<Sent>,
    pub end: Moment,
    disk: Disk,
}

impl Recording {
    /// Of what happens in `root` from now on.
    pub fn begin(root: &Path) -> Self {
        let root = root.canonicalize().expect("the folder is there");
        let base = Folder::read(&root);
        let files: Vec<_> = base.files().map(|(path, content)| (path.to_owned(), content.length)).collect();
        let disk = Disk::new(&root, &files);
        Recording { root, base, sent: Vec::new(), end: 0, disk }
    }

    /// Adds what one daemon did, which has ended.
    pub fn add(&mut self, log: &Path) {
        let log = std::fs::read_to_string(log).expect("strace has written a log");
        let mut calls = calls(&log, self.end);
        self.end += log.lines().count() + 1;
        self.sent.extend(sent(&calls));
        let last = self.end - 1;
        let cut_short: Vec<_> = (0..calls.len()).filter(|at| calls[*at].ended == NEVER).collect();
        assert!(cut_short.len() < 16, "one call of each thread at most is cut short: {cut_short:?}");
        let before = self.disk.clone();
        // What it was killed in, the kernel has done or not, each for itself: what lies there tells.
        let explained = (0..1_u32 << cut_short.len()).rev().any(|done| {
            for (bit, at) in cut_short.iter().enumerate() {
                calls[*at].ended = if done & (1 << bit) != 0 { last } else { NEVER };
            }
            let seen: Vec<_> = calls.iter().filter(|call| call.ended != NEVER).cloned().collect();
            self.disk = before.clone();
            self.disk.follow(&seen);
            self.overlooked().is_empty()
        });
        assert!(explained, "this was changed in a way that no call shows: {:?}", self.overlooked());
    }

    pub fn changes(&self) -> &[Change] {
        &self.disk.changes
    }

    /// Whatever lies in the folder must be what the calls add up to.
    fn overlooked(&self) -> Vec<PathBuf> {
        Folder::read(&self.root).differences(&self.folder_now())
    }
}

/// The first bytes of each answer to a request with a key.
fn sent(calls: &[Call]) -> Vec<Sent> {
    let mut stops: Vec<_> =
        calls.iter().filter(|call| call.descriptor().is_some_and(|to| to.what.starts_with("TCP"))).collect();
    // A request counts when it has come, an answer from when it may have gone.
    stops.sort_by_key(|call| if call.name == "recvfrom" { call.ended } else { call.began });
    let (mut requests, mut answers) = (HashMap::<String, Vec<u8>>::new(), Vec::new());
    for call in stops {
        let socket = call.descriptor().map(|socket| socket.what).unwrap_or_default();
        match call.name.as_str() {
            "recvfrom" if call.number() > Some(0) => requests.entry(socket).or_default().extend(call.bytes(1)),
            "sendto" | "write" | "writev" | "sendmsg" => {
                let (request, answer) = (requests.remove(&socket).unwrap_or_default(), call.bytes(1));
                let status = String::from_utf8_lossy(&answer)
                    .strip_prefix("HTTP/1.1 ")
                    .and_then(|rest| rest.get(..3)?.parse().ok());
                if let (Some(key), Some(status)) = (key(&request), status) {
                    answers.push(Sent { key, status, began: call.began });
                }
            }
            _ => {}
        }
    }
    answers
}

fn key(request: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(request);
    let line = text.lines().find(|line| line.to_ascii_lowercase().starts_with("idempotency-key:"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
