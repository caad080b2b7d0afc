use super::*;

#[test]
fn dollars_have_two_decimals() {
    assert_eq!([0, 5, 2933].map(dollars), ["$0.00", "$0.05", "$29.33"]);
}
