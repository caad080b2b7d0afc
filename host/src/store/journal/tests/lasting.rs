//! What has been appended stays: over segments, restarts and retirement.

use super::*;
use proptest::prelude::*;

#[test]
fn a_new_journal_is_empty_and_keeps_its_id() {
    let folder = Folder::new();
    let (journal, opened) = folder.open();
    assert_eq!((opened.first, opened.last, opened.cut_bytes), (None, None, 0));
    drop(journal);
    let (_, again) = folder.open();
    assert_eq!(again, opened);
}

#[test]
fn a_group_is_read_back_before_and_after_it_is_written() {
    let folder = Folder::new();
    let (mut journal, _) = folder.open();
    let mut group = group(1, 5);
    let of = |group: &Group| group.iter().map(|(sequence, payload)| (sequence, payload.to_vec())).collect::<Vec<_>>();
    assert_eq!(of(&group), expected(5));
    journal.append(&mut group).unwrap();
    assert_eq!(of(&group), expected(5));
    assert_eq!((group.first(), group.last(), group.records()), (Some(1), Some(5), 5));
    group.clear();
    assert_eq!((group.first(), group.last(), group.len_bytes()), (None, None, 0));
    assert_eq!(of(&group), []);
}

#[test]
fn an_empty_group_is_no_frame() {
    let folder = Folder::new();
    let (mut journal, _) = folder.open();
    journal.append(&mut Group::default()).unwrap();
    assert_eq!(journal.last(), None);
}

#[test]
fn a_group_out_of_order_is_refused_and_does_no_harm() {
    let folder = Folder::new();
    let mut journal = folder.fill(&[3]);
    let refused = journal.append(&mut group(5, 1)).unwrap_err();
    assert!(matches!(refused, JournalError::OutOfOrder { expected: 4, found: 5 }), "{refused}");
    append(&mut journal, 1);
    assert_eq!(journal.last(), Some(4));
}

#[test]
fn a_group_larger_than_a_segment_gets_one_of_its_own() {
    let folder = Folder::new();
    let mut journal = folder.fill(&[2, 1000, 2]);
    let sizes: Vec<_> = journal.segments().map(|segment| segment.bytes).collect();
    assert!(matches!(sizes[..], [8192, large, 8192] if large > 8192), "{sizes:?}");
    append(&mut journal, 1);
    drop(journal);
    let (_, opened) = folder.open();
    assert_eq!(folder.records(&opened), expected(1005));
}

#[test]
fn a_spare_that_is_too_small_is_replaced() {
    let folder = Folder::new();
    let mut journal = folder.fill(&[2]);
    journal.prepare_next().unwrap();
    append(&mut journal, 1000);
    drop(journal);
    let (_, opened) = folder.open();
    assert_eq!(folder.records(&opened), expected(1002));
}

#[test]
fn spares_of_another_thread_are_taken_or_removed() {
    let folder = Folder::new();
    let mut journal = folder.fill(&[2]);
    assert!(journal.plan_spare().is_none(), "the active segment is not half full");
    append(&mut journal, 40);
    let (plan, late) = (journal.plan_spare().unwrap(), journal.plan_spare().unwrap());
    let spare = std::thread::spawn(|| plan.build().unwrap()).join().unwrap();
    let late = late.build().unwrap();
    journal.add_spare(spare).unwrap();
    assert!(journal.plan_spare().is_none());
    journal.add_spare(late).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    append(&mut journal, 60);
    assert_eq!(journal.segments().count(), 2);
}

#[test]
fn unused_segments_and_half_made_spares_vanish_at_the_next_start() {
    let folder = Folder::new();
    let mut journal = folder.fill(&[2]);
    journal.prepare_next().unwrap();
    drop(journal);
    fs::write(folder.path().join("0000000000000003.7.spare"), "half").unwrap();
    let (mut journal, opened) = folder.open();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    assert_eq!(folder.records(&opened), expected(2));
    append(&mut journal, 100);
    assert_eq!(journal.segments().count(), 2);
}

#[test]
fn a_segment_whose_making_was_interrupted_is_made_again() {
    for half in [0, 40, 88, 100, 4096, 5000] {
        for sole in [false, true] {
            let folder = Folder::new();
            let mut journal = folder.fill(if sole { &[] } else { &[2] });
            let number = if sole { 1 } else { 2 };
            journal.prepare_next().unwrap();
            drop(journal);
            if sole {
                fs::remove_file(folder.segment(2)).unwrap();
            }
            let mut bytes = folder.read(number);
            bytes.truncate(half);
            bytes.iter_mut().skip(60).take(20).for_each(|byte| *byte = 0);
            folder.write(number, &bytes);
            let (mut journal, opened) = folder.open();
            assert_eq!(opened.last, if sole { None } else { Some(2) });
            append(&mut journal, 200);
        }
    }
}

#[test]
fn retiring_removes_whole_segments_below_the_line_and_never_the_active_one() {
    let folder = Folder::new();
    let mut journal = folder.fill(&[20; 20]);
    let lasts: Vec<_> = journal.segments().map(|segment| segment.last.unwrap()).collect();
    assert!(lasts.len() > 3);
    assert_eq!(journal.retire(lasts[1]).unwrap(), 1, "the second holds the line itself");
    assert_eq!(journal.retire(lasts[1] + 1).unwrap(), 1);
    drop(journal);
    let (mut journal, opened) = folder.open();
    assert_eq!((opened.first, opened.last), (Some(lasts[1] + 1), Some(400)));
    assert_eq!(folder.records(&opened), expected(400)[lasts[1] as usize..]);
    journal.retire(u64::MAX).unwrap();
    assert_eq!(journal.segments().count(), 1);
    append(&mut journal, 1);
    assert_eq!(journal.last(), Some(401));
}

#[test]
fn the_last_record_is_kept_even_when_a_torn_segment_follows_it() {
    let folder = Folder::new();
    drop(folder.fill(&[40, 40]));
    let torn = frames(&folder.read(2)).pop().unwrap();
    fs::File::options().write(true).open(folder.segment(2)).unwrap().write_all_at(b"torn", torn.start as u64).unwrap();
    let (mut journal, opened) = folder.open();
    assert_eq!(opened.last, Some(40));
    assert_eq!(journal.retire(u64::MAX).unwrap(), 0);
    append(&mut journal, 1);
    assert_eq!(journal.retire(u64::MAX).unwrap(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_appended_is_read_back_after_any_restarts(
        runs in prop::collection::vec(prop::collection::vec(1u64..60, 0..8), 1..4),
        spares in any::<bool>(),
        from in any::<prop::sample::Index>(),
    ) {
        let folder = Folder::new();
        let mut last = 0;
        for run in runs {
            let (mut journal, opened) = folder.open();
            prop_assert_eq!(opened.last.unwrap_or(0), last);
            for records in run {
                if spares {
                    journal.prepare_next().unwrap();
                }
                append(&mut journal, records);
                last += records;
            }
        }
        let (_, opened) = folder.open();
        prop_assert_eq!(opened.cut_bytes, 0);
        prop_assert_eq!(folder.records(&opened), expected(last));
        if last > 0 {
            let from = from.index(last as usize) as u64 + 1;
            let tail = read_all(&mut Reader::new(folder.path(), from), last);
            prop_assert_eq!(&tail[..], &expected(last)[from as usize - 1..]);
        }
    }
}
