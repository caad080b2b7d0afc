//! Where to strike: the calls that a daemon makes on parts of its data folder, so that each of them can be made to fail.
//!
//! Owns the paths below a data folder, which are the same in every folder, and how calls are counted. Must not know what
//! a call is for.

use super::{Call, calls};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The nth call of one name on one part of the data folder, of those of one thread.
#[derive(Debug, Clone)]
pub struct Place {
    pub part: &'static str,
    pub call: String,
    pub nth: usize,
}

/// What one daemon has done to parts of its data folder.
pub struct Places {
    parts: &'static [&'static str],
    /// With their paths below the data folder.
    calls: Vec<(String, Call)>,
}

impl Places {
    /// Those of a recorded daemon in `folder` that are calls of these names on these parts.
    pub fn of(log: &str, folder: &Path, parts: &'static [&'static str], names: &[&str]) -> Self {
        let named = calls(log, 0).into_iter().filter(|call| names.contains(&call.name.as_str()));
        let below = |call: Call| Some((below_data(folder, &call.about()?, parts)?, call));
        Places { parts, calls: named.filter_map(below).collect() }
    }

    /// Every place, by part and name.
    pub fn all(&self) -> Vec<Place> {
        let mut counts = BTreeMap::<(&'static str, String, u32), usize>::new();
        for (path, call) in &self.calls {
            let part = self.parts.iter().find(|part| path.starts_with(**part)).expect("others have been left out");
            *counts.entry((part, call.name.clone(), call.thread)).or_default() += 1;
        }
        let mut most = BTreeMap::<(&'static str, String), usize>::new();
        for ((part, call, _), count) in counts {
            let most = most.entry((part, call)).or_default();
            *most = count.max(*most);
        }
        let nths =
            |((part, call), most): ((_, String), _)| (1..=most).map(move |nth| Place { part, call: call.clone(), nth });
        most.into_iter().flat_map(nths).collect()
    }

    /// The paths of that part in another folder, as a daemon there may name them.
    pub fn paths(&self, folder: &Path, part: &str) -> Vec<String> {
        let data = folder.canonicalize().expect("the folder is there").join("data");
        let names: BTreeSet<_> =
            self.calls.iter().map(|(name, _)| name).filter(|name| name.starts_with(part)).collect();
        names.into_iter().flat_map(|name| [format!("{}/{name}", data.display()), format!("data/{name}")]).collect()
    }
}

fn below_data(folder: &Path, path: &str, parts: &[&str]) -> Option<String> {
    let data = folder.canonicalize().expect("the folder is there").join("data");
    let below = Path::new(path).strip_prefix(&data).or_else(|_| Path::new(path).strip_prefix("data")).ok()?;
    let name = below.to_str()?;
    parts.iter().any(|part| name.starts_with(part)).then(|| name.to_owned())
}
