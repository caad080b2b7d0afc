//! Mistakes that the macros refuse, each at the author's line and with what to write instead.

#[test]
fn mistakes_are_refused_where_they_stand() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
