use super::super::input::Trader;
use super::*;

/// Three traders, of whom each may owe 10,000 cents and hold 100 shares.
fn exchange() -> Exchange {
    let limits = Limits { credit_cents: 10_000, position: 100 };
    let traders = ["ann", "bob", "cyd"].map(|name| Trader { name: name.to_owned(), limits });
    Exchange::new(&Segment { instruments: vec!["acme".into()], traders: traders.into(), actions: Vec::new() })
}

fn order(trader: &str, number: u64, side: Side, price: u64, quantity: u64) -> Order {
    Order { trader: trader.into(), number, side, price, quantity, immediate: false, at: 0 }
}

fn place(exchange: &mut Exchange, order: Order) -> Answer {
    exchange.act(&Action { instrument: "acme".into(), what: What::Place(order) })
}

fn met(answer: Answer) -> Vec<(u64, u64, u64)> {
    match answer {
        Answer::Placed { fills, .. } => {
            fills.into_iter().map(|fill| (fill.number, fill.price, fill.quantity)).collect()
        }
        Answer::Cancelled { .. } => panic!("that was an order"),
    }
}

#[test]
fn the_best_price_is_met_first_and_of_one_price_the_oldest() {
    let mut exchange = exchange();
    for (number, price) in [(1, 101), (2, 100), (3, 100), (4, 102)] {
        place(&mut exchange, order("ann", number, Side::Sell, price, 10));
    }
    let answer = place(&mut exchange, order("bob", 1, Side::Buy, 101, 25));
    assert_eq!(met(answer), [(2, 100, 10), (3, 100, 10), (1, 101, 5)]);
}

#[test]
fn an_order_of_the_same_trader_is_closed_and_the_next_is_met() {
    let mut exchange = exchange();
    place(&mut exchange, order("bob", 1, Side::Sell, 100, 10));
    place(&mut exchange, order("ann", 1, Side::Sell, 100, 10));
    assert_eq!(met(place(&mut exchange, order("bob", 2, Side::Buy, 100, 5))), [(1, 100, 5)]);
    let mut picture = Picture::default();
    exchange.show(&mut picture);
    let book = &picture.instruments["acme"].book;
    assert_eq!((book.tally.self_cancelled, book.asks.len(), book.asks[0].quantity), (1, 1, 5));
}

#[test]
fn limits_are_kept_by_the_worst_case_of_all_open_orders() {
    let mut exchange = exchange();
    let outcome = |answer| match answer {
        Answer::Placed { outcome, .. } => outcome,
        Answer::Cancelled { .. } => panic!("that was an order"),
    };
    assert_eq!(outcome(place(&mut exchange, order("ann", 1, Side::Buy, 100, 60))), Outcome::Entered);
    let dear = order("ann", 2, Side::Buy, 1_000, 5);
    assert_eq!(outcome(place(&mut exchange, dear)), Outcome::Rejected(Reason::Credit));
    let large = order("ann", 3, Side::Buy, 1, 41);
    assert_eq!(outcome(place(&mut exchange, large)), Outcome::Rejected(Reason::Position));
    let short = order("ann", 4, Side::Sell, 2_000, 100);
    assert_eq!(outcome(place(&mut exchange, short)), Outcome::Entered);
    let stranger = order("dan", 1, Side::Sell, 2_000, 1);
    assert_eq!(outcome(place(&mut exchange, stranger)), Outcome::Rejected(Reason::UnknownTrader));
    assert_eq!(exchange.breaches, 0);
}
