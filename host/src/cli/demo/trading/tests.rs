use super::*;
use picture::{Outcome, Reason};

/// How often it is so, over all actions of all segments.
fn count(of: impl Fn(&What, &Answer) -> bool) -> usize {
    let segments = input::segments(SEED);
    let expected = expected(&segments);
    let actions = segments.iter().flat_map(|segment| &segment.actions).map(|action| &action.what);
    actions.zip(expected.answers.iter().flatten()).filter(|(what, answer)| of(what, answer)).count()
}

fn rejects(answer: &Answer, reason: Reason) -> bool {
    matches!(answer, Answer::Placed { outcome: Outcome::Rejected(why), .. } if *why == reason)
}

#[test]
fn the_input_has_some_of_everything() {
    for reason in [Reason::UnknownTrader, Reason::Credit, Reason::Position] {
        assert!(count(|_, answer| rejects(answer, reason)) >= 10, "{reason:?}");
    }
    let partly =
        |answer: &Answer| matches!(answer, Answer::Placed { fills, resting, .. } if !fills.is_empty() && *resting > 0);
    assert!(count(|_, answer| partly(answer)) >= 100, "orders that are filled in part");
    let swept = |answer: &Answer| matches!(answer, Answer::Placed { fills, .. } if fills.len() >= 4);
    assert!(count(|_, answer| swept(answer)) >= 50, "orders that meet many");
    let found = |answer: &Answer| matches!(answer, Answer::Cancelled { quantity, .. } if *quantity > 0);
    assert!(count(|_, answer| found(answer)) >= 100, "cancels that come in time");
    let late = |answer: &Answer| matches!(answer, Answer::Cancelled { quantity: 0, .. });
    assert!(count(|_, answer| late(answer)) >= 100, "cancels that come too late");
    let cut = |what: &What, answer: &Answer| match (what, answer) {
        (What::Place(order), Answer::Placed { outcome: Outcome::Entered, fills, .. }) => {
            order.immediate && fills.iter().map(|fill| fill.quantity).sum::<u64>() < order.quantity
        }
        _ => false,
    };
    assert!(count(cut) >= 50, "immediate orders of which something is closed");
}

#[test]
fn the_reference_itself_keeps_what_an_exchange_must_keep() {
    let expected = expected(&input::segments(SEED));
    let all = &expected.picture;
    assert_eq!((all.cash(), all.out_of_balance(), all.ever_beyond(), expected.breaches), (0, 0, 0, 0));
    assert_eq!(shares(all), expected.shares);
    assert!(expected.answers.iter().flatten().all(|answer| !answer.quote().is_crossed()));
    assert!(all.sum(|one| one.book.tally.self_cancelled) >= 50, "self-trades");
}

#[test]
fn traders_come_up_to_their_limits() {
    let expected = expected(&input::segments(SEED));
    let near = |risk: &picture::Risk| {
        risk.account.most_owed_cents as u64 * 100 >= risk.limits.credit_cents * 95
            || risk.holdings.values().any(|held| held.most_position as u64 * 100 >= risk.limits.position * 95)
    };
    let count = expected.picture.traders.values().filter(|trader| near(&trader.risk)).count();
    assert!(count >= expected.picture.traders.len() / 3, "{count}");
}

#[test]
fn the_same_seed_gives_the_same_day_and_another_one_another() {
    let day = |seed| {
        let segments = input::segments(seed);
        all(&expected(&segments).picture)
    };
    assert_eq!(day(1), day(1));
    assert_ne!(day(1), day(2));
}

#[test]
fn one_share_too_many_is_seen() {
    let segments = input::segments(SEED);
    let (expected, mut seen) = (expected(&segments), expected(&segments).picture);
    let found = Found::default();
    let rows = |seen: &Picture| {
        let mut rows = progress_rows(seen, &expected, &found, 0);
        rows.extend(end_rows(seen, &expected));
        compare(&rows, "THE REFERENCE")
    };
    assert!(rows(&seen).is_ok());
    let balance = &mut seen.traders.first_entry().unwrap().into_mut().balance;
    *balance.shares.entry("stock-0-0".to_owned()).or_default() += 1;
    let told = rows(&seen).unwrap_err().to_string();
    let different: Vec<_> = told.lines().filter(|line| line.ends_with("DIFFERENT")).collect();
    assert_eq!(different.len(), 2, "{told}");
    assert!(different[0].starts_with("instruments with shares") && different[1].starts_with("accounts"), "{told}");
}
