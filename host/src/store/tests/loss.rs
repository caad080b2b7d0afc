//! `--accept-loss`: never without being asked, never more than must be, and nothing is deleted.

use super::*;
use std::fs;

/// The tables as they were after the first message, and the journal as it is after all.
fn behind() -> TempDir {
    let data = TempDir::new().unwrap();
    let store = try_open(data.path()).unwrap();
    accept(&store, 1);
    close(store);
    let tables = data.path().join("tables");
    let kept = data.path().join("kept");
    copy(&tables, &kept);
    let store = try_open(data.path()).unwrap();
    accept(&store, 60);
    close(store);
    fs::remove_dir_all(&tables).unwrap();
    fs::rename(&kept, &tables).unwrap();
    data
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Flips a bit in the middle of what was written to the segment.
fn damage(segment: &Path) {
    let mut bytes = fs::read(segment).unwrap();
    bytes[4096 + 3_000] ^= 1;
    fs::write(segment, bytes).unwrap();
}

fn accepted(data: &Path) -> Store {
    Store::open(data, &config(true)).unwrap_or_else(|error| panic!("{error}"))
}

fn told(data: &Path) -> String {
    fs::read_to_string(aside(data)[0].join("lost.txt")).unwrap()
}

#[test]
fn nothing_is_set_aside_where_nothing_is_lost() {
    let data = folder();
    let store = accepted(data.path());
    assert_eq!(waiting(&store), (2..=61).collect::<Vec<_>>());
    assert_eq!(store.started, 62);
    assert!(aside(data.path()).is_empty());
}

#[test]
fn a_journal_that_is_gone_is_refused_and_no_new_one_takes_its_place() {
    let data = folder();
    let away = data.path().join("away");
    fs::rename(data.path().join("journal"), &away).unwrap();
    let error = refused(data.path());
    assert!(matches!(error, StoreError::Ahead { tables: 61, journal: 0 }), "{error}");
    assert!(error.to_string().contains("--accept-loss"), "{error}");
    fs::rename(&away, data.path().join("journal")).unwrap();
    assert_eq!(waiting(&try_open(data.path()).unwrap()).len(), 60);
}

#[test]
fn without_its_journal_the_host_goes_on_with_the_tables_and_never_uses_a_number_twice() {
    let data = folder();
    let host_id = {
        let store = try_open(data.path()).unwrap();
        let id = store.host_id.clone();
        close(store);
        id
    };
    fs::remove_dir_all(data.path().join("journal")).unwrap();
    let store = accepted(data.path());
    assert_eq!(waiting(&store), (2..=61).collect::<Vec<_>>());
    assert_eq!(store.host_id, host_id, "messages that wait keep their ids");
    assert!(store.started > 1 << 44, "{}", store.started);
    accept(&store, 1);
    close(store);
    let store = try_open(data.path()).unwrap();
    assert_eq!(waiting(&store).len(), 61);
}

#[test]
fn a_gap_is_refused_and_accepted_the_host_goes_on_from_before_it() {
    let data = behind();
    fs::remove_file(&segments(data.path())[0]).unwrap();
    let error = refused(data.path());
    let StoreError::Gap { tables: 2, journal } = error else { panic!("{error}") };
    assert!(error.to_string().contains("--accept-loss"), "{error}");
    let store = accepted(data.path());
    assert_eq!(waiting(&store), [2], "nothing after the gap is taken");
    assert!(store.started > 1 << 44);
    close(store);
    let told = told(data.path());
    assert!(told.contains("all up to sequence 2,") && told.contains("sequences 3 to 63"), "{told}");
    assert!(told.contains(&format!("{} of these records can be read", 63 - journal + 1)), "{told}");
    assert_eq!(waiting(&try_open(data.path()).unwrap()), [2], "and the next start needs no option");
}

#[test]
fn damage_behind_the_tables_costs_the_past_but_no_record() {
    let data = folder();
    damage(&segments(data.path())[0]);
    let error = refused(data.path());
    assert!(error.to_string().contains("--accept-loss"), "{error}");
    let store = accepted(data.path());
    assert_eq!(waiting(&store), (2..=61).collect::<Vec<_>>());
    close(store);
    assert!(told(data.path()).contains("no record after 61"), "{}", told(data.path()));
}

#[test]
fn damage_that_the_tables_are_behind_ends_what_is_gone_on_with() {
    let data = behind();
    let second = segments(data.path())[1].clone();
    damage(&second);
    refused(data.path());
    let before = fs::read(&second).unwrap();
    let store = accepted(data.path());
    let waiting = waiting(&store);
    let last = *waiting.last().unwrap();
    // Sequence 3 is the second start of the host.
    assert_eq!(waiting, (2..=last).filter(|sequence| *sequence != 3).collect::<Vec<_>>());
    assert!((10..40).contains(&last), "{last}: the first segment whole, and the second up to the damage");
    close(store);
    let kept = aside(data.path())[0].join("journal").join(second.file_name().unwrap());
    assert_eq!(fs::read(kept).unwrap(), before, "what is set aside is left as it was");
    assert!(told(data.path()).contains(&format!("sequences {} to 63", last + 1)), "{}", told(data.path()));
}

#[test]
fn the_journal_of_another_host_is_refused_whatever_its_sequences() {
    let (data, other) = (folder(), folder());
    fs::remove_dir_all(data.path().join("journal")).unwrap();
    fs::rename(other.path().join("journal"), data.path().join("journal")).unwrap();
    let error = refused(data.path());
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    let store = accepted(data.path());
    assert_eq!(waiting(&store).len(), 60);
    close(store);
}

#[test]
fn a_loss_can_be_accepted_again_after_a_crash_half_way() {
    let data = folder();
    damage(&segments(data.path())[0]);
    // The journal has been set aside, and no new one has begun.
    fs::create_dir(data.path().join("lost-before")).unwrap();
    fs::rename(data.path().join("journal"), data.path().join("lost-before/journal")).unwrap();
    refused(data.path());
    let store = accepted(data.path());
    assert_eq!(waiting(&store).len(), 60);
    close(store);
}
