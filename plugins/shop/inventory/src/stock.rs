//! The arithmetic of one title: CDs only ever go from one place to another. Pure; it knows no orders. It answers none where
//! more would go than is there, and then nothing has changed.

use shop_messages::Stock;

/// How many CDs of a title can ever have come in.
const MOST: u64 = 1_000_000_000;

pub fn supply(stock: &mut Stock, count: u64) -> Option<()> {
    let came_in = stock.came_in.checked_add(count).filter(|came_in| *came_in <= MOST)?;
    stock.came_in = came_in;
    stock.left += count;
    Some(())
}

pub fn reserve(stock: &mut Stock, count: u64) -> Option<()> {
    go(&mut stock.left, &mut stock.held, count)
}

pub fn release(stock: &mut Stock, count: u64) -> Option<()> {
    go(&mut stock.held, &mut stock.left, count)
}

pub fn sell(stock: &mut Stock, count: u64) -> Option<()> {
    go(&mut stock.held, &mut stock.sold, count)
}

/// Whether each CD that came in is in one place. None is ever below zero, by its type.
pub fn is_whole(stock: &Stock) -> bool {
    let there = stock.left.checked_add(stock.held).and_then(|sum| sum.checked_add(stock.sold));
    there == Some(stock.came_in)
}

fn go(from: &mut u64, to: &mut u64, count: u64) -> Option<()> {
    let (less, more) = (from.checked_sub(count)?, to.checked_add(count)?);
    (*from, *to) = (less, more);
    Some(())
}
