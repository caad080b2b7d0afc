use super::*;
use crate::cli::demo::social::novel::read;

/// `b` is tied to both others: twice to `a`, once to `c`.
fn small() -> Expected {
    let text = r#"{"nodes":[{"name":"a"},{"name":"b"},{"name":"c"}],
        "links":[{"source":0,"target":1,"value":2},{"source":2,"target":1,"value":1}]}"#;
    Expected::of(read(text).unwrap())
}

#[test]
fn a_person_loses_the_first_he_followed_and_keeps_the_others() {
    let expected = small();
    assert_eq!((expected.dropped(1), expected.dropped(2)), (Some(0), Some(1)));
    assert_eq!(expected.kept(1), BTreeSet::from(["c"]));
    assert_eq!(expected.ties(), 1);
    assert!(expected.feed(0).is_empty(), "a followed only b");
}

#[test]
fn a_feed_has_the_posts_of_those_who_are_followed_but_the_deleted_one() {
    let expected = small();
    let numbers: Vec<u32> = expected.feed(1).iter().map(|post| post.number).collect();
    let wrote = expected.scenes_of(2).count() as u32;
    assert_eq!(numbers, (2..=wrote + 1).rev().collect::<Vec<_>>());
    assert!(expected.feed(1).iter().all(|post| post.author == "c"));
}

#[test]
fn both_of_a_tie_speak_and_all_that_is_said_is_heard() {
    let expected = small();
    let (one, other) = (expected.said(0, 1).len(), expected.said(1, 0).len());
    assert!(one > 0 && other > 0);
    assert_eq!(one, expected.heard(1) - expected.said(2, 1).len());
    assert_eq!(expected.novel.persons().map(|person| expected.heard(person)).sum::<usize>(), expected.scenes.len());
}

#[test]
fn a_scan_takes_whole_words_and_no_capitals() {
    assert_eq!(spaced("Mme.Magloire, 7"), " mme magloire  7 ");
    let expected = small();
    assert_eq!(expected.scan("FAREWELL b"), expected.scan("b farewell"));
    assert_eq!(expected.scan("farewell").len(), 3);
    assert!(expected.scan("fare").is_empty() && expected.scan("farewell nowhere").is_empty());
}
