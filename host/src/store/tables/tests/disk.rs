//! What reaches the disk, when, and what becomes of damage there.

use super::*;
use crate::store::record::Write;
use crate::store::tables::keys::{self, Table};

fn write(desk: &mut Desk, value: &[u8]) -> u64 {
    let writes = vec![Write { key: b"k", value: Some(value) }];
    desk.apply(Record::Turn(Turn { writes, ..turn(direct(command())) }))
}

#[test]
fn a_new_folder_contains_no_record() {
    let desk = Desk::new();
    assert_eq!((desk.tables.sequence(), desk.tables.overlay_bytes()), (0, 0));
    assert_eq!(desk.image(), Image::default());
}

#[test]
fn reopening_gives_exactly_the_state_of_the_last_flush() {
    let mut desk = Desk::new();
    let flushed = write(&mut desk, b"flushed");
    desk.flush();
    let image = desk.image();
    write(&mut desk, b"lost");
    desk.accept(command());
    assert_eq!(desk.tables.sequence(), flushed);
    let desk = desk.reopen();
    assert_eq!(desk.tables.sequence(), flushed);
    assert_eq!(desk.image(), image);
}

#[test]
fn what_is_applied_shows_before_it_is_flushed_and_the_same_after() {
    let mut desk = Desk::new();
    write(&mut desk, b"v");
    desk.accept(command());
    let image = desk.image();
    assert!(desk.tables.overlay_bytes() > 0);
    desk.flush();
    assert_eq!((desk.tables.overlay_bytes(), desk.image()), (0, image));
}

#[test]
fn a_record_out_of_order_is_refused_and_changes_nothing() {
    let mut desk = Desk::new();
    for sequence in [0, 2] {
        let error = desk.tables.apply(sequence, &Record::Started { time_ms: 1 }).unwrap_err();
        assert!(matches!(error, TablesError::Order { applied: 0, found } if found == sequence));
    }
    assert_eq!(desk.apply(Record::Started { time_ms: 1 }), 1);
}

#[test]
fn after_a_record_that_could_not_be_applied_nothing_more_reaches_the_disk() {
    let mut desk = Desk::new();
    desk.try_apply(Record::Turn(turn(Consumed::Pending(id(0, 0))))).unwrap_err();
    assert!(matches!(desk.try_apply(Record::Started { time_ms: 1 }), Err(TablesError::Broken)));
    assert!(matches!(desk.tables.flush(), Err(TablesError::Broken)));
    assert!(matches!(desk.tables.image(), Err(TablesError::Broken)));
}

#[test]
fn a_message_that_comes_and_goes_between_two_flushes_never_reaches_the_disk() {
    let mut desk = Desk::new();
    let message = desk.accept(command());
    desk.apply(Record::Turn(turn(Consumed::Pending(message))));
    assert_eq!(desk.tables.layers.overlay_bytes(), 0);
    desk.flush();
    assert_eq!(desk.reopen().tables.sequence(), 2);
}

#[test]
fn a_value_that_does_not_decode_is_an_error_that_names_its_table_and_key() {
    for (table, key) in [
        (Table::Pending, keys::message(Table::Pending, A, id(1, 0))),
        (Table::DeadLetters, keys::message(Table::DeadLetters, A, id(1, 0))),
        (Table::Replies, keys::reply(keys::message(Table::Replies, A, id(1, 0)), 1)),
        (Table::Timers, keys::at(Table::Timers, A, b"t")),
        (Table::Spaces, keys::named(Table::Spaces, "a")),
        (Table::Idempotency, keys::timed(Table::Idempotency, 1, 2)),
        (Table::Outcomes, keys::timed(Table::Outcomes, 1, 2)),
    ] {
        let desk = Desk::new();
        desk.tables.layers.disk().overwrite(&key, b"\xff");
        let text = desk.tables.image().unwrap_err().to_string();
        assert!(text.contains(&format!("table `{}`, key {}:", table.name(), keys::describe(&key))), "{text}");
    }
}

#[test]
fn a_value_with_bytes_left_over_is_damage_too() {
    let mut desk = Desk::new();
    let message = desk.accept(command());
    desk.flush();
    let key = keys::message(Table::Pending, A, message);
    let mut value = desk.tables.layers.get(&key).unwrap().unwrap().to_vec();
    value.push(0);
    desk.tables.layers.disk().overwrite(&key, &value);
    let error = desk.try_apply(Record::Turn(turn(Consumed::Pending(message)))).unwrap_err();
    let text = "table `pending`, key a/0 1-0: its value has 1 bytes too many; the tables are damaged: restore the data folder from a backup";
    assert_eq!(error.to_string(), text);
}

#[test]
fn a_key_cut_short_is_damage() {
    for table in [Table::State, Table::Pending, Table::Replies, Table::Outcomes] {
        let desk = Desk::new();
        desk.tables.layers.disk().overwrite(&[table as u8, b'a'], b"");
        assert!(matches!(desk.tables.image(), Err(TablesError::Corrupt { .. })), "{table:?}");
    }
}

#[test]
fn tables_of_a_newer_format_are_refused_and_the_text_says_why() {
    let Desk { dir, tables, .. } = Desk::new();
    tables.layers.disk().overwrite(&keys::named(Table::Meta, "format"), &3u32.to_be_bytes());
    drop(tables);
    let error = Tables::open(dir.path()).err().unwrap().to_string();
    assert!(error.starts_with("the tables have format 3 and this host knows formats up to 2: use the host"), "{error}");
}

#[test]
fn tables_that_have_lost_their_format_are_damaged() {
    let Desk { dir, tables, .. } = Desk::new();
    tables.layers.disk().overwrite(&keys::named(Table::Meta, "format"), b"");
    drop(tables);
    assert!(matches!(Tables::open(dir.path()), Err(TablesError::Corrupt { table: "meta", .. })));
}

#[test]
fn a_key_longer_than_the_database_takes_is_refused() {
    let mut desk = Desk::new();
    let key = vec![b'k'; 1 << 16];
    let writes = vec![Write { key: &key, value: Some(b"") }];
    let error = desk.try_apply(Record::Turn(Turn { writes, ..turn(direct(command())) })).unwrap_err();
    assert!(matches!(error, TablesError::LongKey { sequence: 1, .. }));
}

#[test]
fn a_folder_in_use_is_refused() {
    let desk = Desk::new();
    assert!(matches!(Tables::open(desk.dir.path()), Err(TablesError::Database(fjall::Error::Locked))));
}
