//! What a trader may come to owe or hold, and how orders and fills change it. Pure. Taking back more than was set aside is
//! `bad-release`; sums beyond what a number holds are `too-much`.

use crate::Limits;
use spacehost_sdk::prelude::*;
use trading_messages::{Reason, Reserve, Side};

/// The trader's cash, over all instruments.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Account {
    /// What his trades have brought, or cost if negative.
    pub cash_cents: i64,
    /// What his buy orders cost at most.
    pub reserved_cents: u64,
    /// The most that he could have come to owe, at any moment.
    pub most_owed_cents: i64,
}

/// The trader's shares and orders of one instrument.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Holding {
    /// The shares that he has, or owes if negative.
    pub position: i64,
    /// The shares of his buy orders, and of his sell orders.
    pub buying: u64,
    pub selling: u64,
    /// The most shares that he could have come to hold or to owe, at any moment.
    pub most_position: i64,
    /// The order that the book has asked for and not yet told about. It is counted above.
    pub pending: Option<Pending>,
}

/// What was set aside for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pending {
    pub side: Side,
    pub price: u64,
    pub quantity: u64,
}

/// Sets an order's worst case aside.
pub fn reserve(account: &mut Account, holding: &mut Holding, order: &Reserve) -> Result<()> {
    let Reserve { side, price, quantity, .. } = *order;
    match side {
        Side::Buy => {
            let cents = price.checked_mul(quantity).and_then(|cents| account.reserved_cents.checked_add(cents));
            account.reserved_cents = cents.or_fail(TOO_MUCH, "cents")?;
            holding.buying = holding.buying.checked_add(quantity).or_fail(TOO_MUCH, "shares")?;
        }
        Side::Sell => holding.selling = holding.selling.checked_add(quantity).or_fail(TOO_MUCH, "shares")?,
    }
    holding.pending = Some(Pending { side, price, quantity });
    Ok(())
}

/// Takes back what was set aside for so many shares at this limit.
pub fn release(account: &mut Account, holding: &mut Holding, side: Side, limit: u64, quantity: u64) -> Result<()> {
    match side {
        Side::Buy => {
            let cents = limit.checked_mul(quantity).and_then(|cents| account.reserved_cents.checked_sub(cents));
            account.reserved_cents = cents.or_fail(BAD_RELEASE, "fewer cents are set aside")?;
            holding.buying = holding.buying.checked_sub(quantity).or_fail(BAD_RELEASE, "fewer shares are bid for")?;
        }
        Side::Sell => {
            holding.selling =
                holding.selling.checked_sub(quantity).or_fail(BAD_RELEASE, "fewer shares are on offer")?;
        }
    }
    Ok(())
}

/// Shares and cash change hands.
pub fn exchange(account: &mut Account, holding: &mut Holding, side: Side, quantity: u64, cents: u64) -> Result<()> {
    let (quantity, cents) = (signed(quantity)?, signed(cents)?);
    let (shares, cash) = match side {
        Side::Buy => (quantity, -cents),
        Side::Sell => (-quantity, cents),
    };
    holding.position = holding.position.checked_add(shares).or_fail(TOO_MUCH, "shares")?;
    account.cash_cents = account.cash_cents.checked_add(cash).or_fail(TOO_MUCH, "cents")?;
    Ok(())
}

/// The limit that is passed, if any.
pub fn beyond(account: &Account, holding: &Holding, limits: &Limits) -> Option<Reason> {
    if owed(account) > i128::from(limits.credit_cents) {
        return Some(Reason::Credit);
    }
    (position(holding) > i128::from(limits.position)).then_some(Reason::Position)
}

/// Notes the worst that there ever was.
pub fn mark(account: &mut Account, holding: &mut Holding) {
    account.most_owed_cents = clamped(owed(account)).max(account.most_owed_cents);
    holding.most_position = clamped(position(holding)).max(holding.most_position);
}

/// What he owes when all his buy orders are filled, at their limits, and none of his sell orders.
fn owed(account: &Account) -> i128 {
    i128::from(account.reserved_cents) - i128::from(account.cash_cents)
}

/// How far from nothing the position is when all orders of the worse side are filled, and none of the other.
fn position(holding: &Holding) -> i128 {
    let long = i128::from(holding.position) + i128::from(holding.buying);
    let short = i128::from(holding.selling) - i128::from(holding.position);
    long.max(short)
}

fn signed(count: u64) -> Result<i64> {
    i64::try_from(count).or_fail(TOO_MUCH, count)
}

fn clamped(sum: i128) -> i64 {
    i64::try_from(sum).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX })
}

const TOO_MUCH: &str = "too-much";
const BAD_RELEASE: &str = "bad-release";
