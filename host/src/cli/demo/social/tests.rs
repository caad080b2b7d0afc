use super::*;

#[test]
fn what_agrees_is_counted_and_the_first_that_does_not_is_named() {
    let mut agree = Agree::default();
    agree.when("Cosette", true);
    assert_eq!(agree.to_string(), "1");
    agree.when("Marius", false);
    agree.when("Javert", false);
    assert_eq!(agree.to_string(), "1, not Marius");
}

#[test]
fn the_queries_find_much_and_nothing_with_one_word_and_with_several() {
    let text = include_str!("../../../../../plugins/social/data/miserables.json");
    let expected = Expected::of(novel::read(text).unwrap());
    let found = QUERIES.map(|query| expected.scan(query).len());
    let several = |index: usize| QUERIES[index].contains(' ');
    for words in [true, false] {
        let found = || found.iter().enumerate().filter(|(index, _)| several(*index) == words);
        assert!(
            found().any(|(_, posts)| *posts == 0) && found().any(|(_, posts)| *posts > 500),
            "{found:?}",
            found = found().collect::<Vec<_>>()
        );
    }
    assert!(found.iter().filter(|posts| **posts > 0).count() > 10, "{found:?}");
}

#[test]
fn many_feeds_are_longer_than_they_may_be_and_all_are_exercised() {
    let text = include_str!("../../../../../plugins/social/data/miserables.json");
    let expected = Expected::of(novel::read(text).unwrap());
    let long = expected.novel.persons().filter(|reader| expected.delivered(*reader) > 100).count();
    assert!(long > 30, "{long}");
    let celebrity = expected.novel.names.iter().position(|name| name == "Valjean").unwrap();
    assert_eq!(expected.novel.neighbours(celebrity).count(), 36, "beyond the 12 of one turn");
}
