//! From strace's text to calls: who asked the kernel for what, when it began and when it was done.
//!
//! Must not know what the calls mean. All strings are in hexadecimal (`-xx`), so no data can look like syntax. A line that
//! is not understood is a panic: what is overlooked here would make the tests believe too much.

use std::collections::HashMap;
use std::path::PathBuf;

/// Where in the order of all threads something happened. Strace sees one stop of one thread at a time, so there is one.
pub type Moment = usize;

/// Not seen to end: the process was killed in it.
pub const NEVER: Moment = usize::MAX;

#[derive(Debug, Clone)]
pub struct Call {
    pub thread: u32,
    pub name: String,
    pub arguments: Vec<String>,
    /// What the kernel answered, with what strace says about it; empty when there was no answer.
    pub answer: String,
    pub began: Moment,
    pub ended: Moment,
}

/// A descriptor as `-yy` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    pub number: i32,
    /// A path, or `TCP:[…]`.
    pub what: String,
}

impl Call {
    /// The number that was answered; None when there was no answer, an error for one of those.
    pub fn number(&self) -> Option<i64> {
        self.answer.split(['<', ' ']).next().and_then(|number| number.parse().ok())
    }

    pub fn failed(&self) -> bool {
        self.number().is_some_and(|number| number < 0)
    }

    pub fn descriptor(&self) -> Option<Descriptor> {
        self.arguments.first().and_then(|argument| descriptor(argument))
    }

    /// The bytes of an argument, also when they are spread over several buffers.
    pub fn bytes(&self, argument: usize) -> Vec<u8> {
        strings(&self.arguments[argument])
    }

    pub fn path(&self, argument: usize) -> String {
        String::from_utf8(self.bytes(argument)).expect("paths are UTF-8 here")
    }

    /// The folder of a descriptor or of `AT_FDCWD`, if that argument is one.
    pub fn folder(&self, argument: usize) -> Option<PathBuf> {
        let (_, shown) = self.arguments[argument].split_once('<')?;
        let path = shown.strip_suffix('>').filter(|path| path.starts_with("\\x"))?;
        Some(String::from_utf8(hexadecimal(path)).expect("paths are UTF-8 here").into())
    }

    /// The file or folder that the call is about, as far as it tells; a path counts from where its caller is.
    pub fn about(&self) -> Option<String> {
        let named = |argument: &String| argument.starts_with('"');
        let by_name = ["open", "mkdir", "rename", "unlink"].iter().any(|name| self.name.starts_with(name));
        match self.arguments.iter().position(named) {
            Some(argument) if by_name => Some(self.path(argument)),
            _ => self.descriptor().map(|file| file.what),
        }
    }

    pub fn integer(&self, argument: usize) -> u64 {
        let text = &self.arguments[argument];
        text.parse().unwrap_or_else(|_| panic!("`{text}` is no number in {}", self.name))
    }
}

/// All calls of a log, in the order in which they began. Moments count from `start`.
pub fn calls(log: &str, start: Moment) -> Vec<Call> {
    let mut open: HashMap<&str, (Moment, String)> = HashMap::new();
    let mut calls = Vec::new();
    for (index, line) in log.lines().enumerate() {
        let (thread, said) = line.split_once(' ').unwrap_or_else(|| panic!("no thread in `{line}`"));
        let (now, said) = (start + index, said.trim_start());
        if said.starts_with("+++") || said.starts_with("---") {
            continue;
        }
        if let Some(begun) = said.strip_suffix(" <unfinished ...>") {
            open.insert(thread, (now, begun.to_owned()));
        } else if let Some((_, rest)) = said.strip_prefix("<... ").and_then(|rest| rest.split_once(" resumed>")) {
            // Begun before the recorder was there: that is the thread's first return.
            let Some((began, begun)) = open.remove(thread) else { continue };
            calls.push(call(thread, &(begun + rest), (began, now)));
        } else {
            calls.push(call(thread, said, (now, now)));
        }
    }
    calls.extend(open.into_iter().map(|(thread, (began, begun))| call(thread, &begun, (began, NEVER))));
    calls.sort_by_key(|call| call.began);
    calls
}

fn call(thread: &str, text: &str, (began, ended): (Moment, Moment)) -> Call {
    let thread = thread.parse().unwrap_or_else(|_| panic!("no thread before `{text}`"));
    let (name, rest) = text.split_once('(').unwrap_or_else(|| panic!("no call in `{text}`"));
    let (arguments, answer) = match rest.rsplit_once(" = ") {
        Some((arguments, answer)) => (arguments.trim_end().trim_end_matches(')'), answer),
        None => (rest, ""),
    };
    // A thread that is killed in a call answers `?`.
    let (answer, ended) = if answer.starts_with('?') { ("", NEVER) } else { (answer, ended) };
    Call { thread, name: name.to_owned(), arguments: split(arguments), answer: answer.to_owned(), began, ended }
}

/// At the commas outside of all brackets.
fn split(arguments: &str) -> Vec<String> {
    let (mut depth, mut parts, mut part) = (0_i32, Vec::new(), String::new());
    for character in arguments.chars() {
        match character {
            '[' | '{' | '(' => depth += 1,
            ']' | '}' | ')' => depth -= 1,
            _ => {}
        }
        if character == ',' && depth == 0 {
            parts.push(std::mem::take(&mut part).trim().to_owned());
        } else {
            part.push(character);
        }
    }
    parts.push(part.trim().to_owned());
    parts
}

/// `7</path>`, `7</dev/null<char 1:3>>`, `7<TCP:[…]>`, or such an answer.
pub fn descriptor(text: &str) -> Option<Descriptor> {
    let (number, rest) = text.split_once('<')?;
    let what = rest.rsplit_once('>')?.0;
    let what = if what.starts_with("\\x") {
        let path = what.split('<').next()?;
        String::from_utf8(hexadecimal(path)).ok()?
    } else {
        what.to_owned()
    };
    Some(Descriptor { number: number.parse().ok()?, what })
}

/// What stands between quotation marks, one after the other.
fn strings(text: &str) -> Vec<u8> {
    assert!(!text.contains("\"..."), "the recorder has shortened a string: {}", &text[..text.len().min(200)]);
    text.split('"').skip(1).step_by(2).flat_map(hexadecimal).collect()
}

fn hexadecimal(text: &str) -> Vec<u8> {
    let digit = |digit: u8| (digit as char).to_digit(16).unwrap_or_else(|| panic!("no digit: {digit}")) as u8;
    text.as_bytes().chunks(4).map(|byte| digit(byte[2]) << 4 | digit(byte[3])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
7  openat(AT_FDCWD<\\x2f>, \"\\x2f\\x61\", O_RDWR|O_CREAT, 0600) = 3<\\x2f\\x61>
7  pwrite64(3<\\x2f\\x61>, \"\\x61\\x22\", 2, 4096 <unfinished ...>
8  writev(5<TCP:[127.0.0.1:1->127.0.0.1:2]>, [{iov_base=\"\\x61\", iov_len=1}, {iov_base=\"\\x62\", iov_len=1}], 2) = 2
7  <... pwrite64 resumed>)               = 2
7  fsync(3<\\x2f\\x61>) = -1 EIO (Input/output error) (INJECTED)
8  fsync(3<\\x2f\\x61>) = ?
7  +++ killed by SIGKILL +++";

    #[test]
    fn calls_have_their_bytes_and_their_moments() {
        let calls = calls(LOG, 10);
        let moments: Vec<_> = calls.iter().map(|call| (call.name.as_str(), call.began, call.ended)).collect();
        let expected =
            [("openat", 10, 10), ("pwrite64", 11, 13), ("writev", 12, 12), ("fsync", 14, 14), ("fsync", 15, NEVER)];
        assert_eq!(moments, expected);
        assert_eq!(descriptor(&calls[0].answer), Some(Descriptor { number: 3, what: "/a".to_owned() }));
        assert_eq!(descriptor("4<\\x2f\\x62<char 1:3>>"), Some(Descriptor { number: 4, what: "/b".to_owned() }));
        assert_eq!((calls[1].bytes(1), calls[1].integer(3)), (b"a\"".to_vec(), 4096));
        assert_eq!(calls[2].bytes(1), b"ab");
        assert_eq!(calls[2].descriptor().map(|socket| socket.what).as_deref(), Some("TCP:[127.0.0.1:1->127.0.0.1:2]"));
        assert_eq!((calls[3].failed(), calls[4].number()), (true, None));
    }
}
