//! The purchases of the file that the shop demo replays.
//!
//! Owns the file's format. Must not know HTTP or spaces. Fails at a line that is no purchase, and names it.

use anyhow::{Context, Result, bail, ensure};

/// One line of the file: some CDs that a customer bought on a day.
#[derive(Debug, Clone, PartialEq)]
pub struct Purchase {
    pub customer: String,
    pub day: String,
    pub cds: u64,
    pub cents: u64,
}

/// The purchases in the order of the file.
pub fn read(text: &str) -> Result<Vec<Purchase>> {
    let numbered = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    numbered.map(|(number, line)| purchase(line).with_context(|| format!("line {}: `{line}`", number + 1))).collect()
}

/// Customer, the customer's number in the sample, date, CDs, dollars.
fn purchase(line: &str) -> Result<Purchase> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let &[customer, _sampled, date, cds, dollars] = &fields[..] else { bail!("a purchase has five fields") };
    ensure!(date.len() == 8 && date.bytes().all(|b| b.is_ascii_digit()), "a date is written as 19970131");
    let cds: u64 = cds.parse().context("the number of CDs")?;
    ensure!(cds > 0, "a purchase has one CD or more");
    let day = format!("{}-{}-{}", &date[..4], &date[4..6], &date[6..]);
    Ok(Purchase { customer: customer.to_owned(), day, cds, cents: cents(dollars)? })
}

/// Never by way of a float: 29.33 has no exact one.
fn cents(dollars: &str) -> Result<u64> {
    let (whole, part) = dollars.split_once('.').context("dollars are written as 29.33")?;
    ensure!(part.len() == 2, "dollars have two decimals");
    Ok(whole.parse::<u64>()? * 100 + part.parse::<u64>()?)
}

impl Purchase {
    /// The file says what the CDs cost together, not each: so they cost the same, but for a cent. Prices in cents, and
    /// how many CDs for each.
    pub fn prices(&self) -> impl Iterator<Item = (u64, u64)> + use<> {
        let (low, dearer) = (self.cents / self.cds, self.cents % self.cds);
        [(low, self.cds - dearer), (low + 1, dearer)].into_iter().filter(|(_, count)| *count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        " 00004 0001 19970101  2   29.33\r\n 00021 0002 19970102  3    0.00\r\n 00004 0001 19970118  1   14.96\r\n";

    #[test]
    fn a_line_is_a_purchase() {
        let first = Purchase { customer: "00004".into(), day: "1997-01-01".into(), cds: 2, cents: 2933 };
        assert_eq!(read(TEXT).unwrap()[0], first);
    }

    #[test]
    fn a_line_that_is_none_is_named() {
        for bad in
            ["1 1 19970101 2", "1 1 19970101 0 1.00", "1 1 19970101 1 1.5", "1 1 199701 1 1.00", "1 1 19970101 x 1.00"]
        {
            let error = read(&format!("\n{bad}\n")).unwrap_err();
            assert_eq!(error.to_string(), format!("line 2: `{bad}`"));
        }
    }

    #[test]
    fn the_prices_of_a_purchase_come_to_its_dollars_to_the_cent() {
        let prices = |cds, cents| {
            Purchase { customer: String::new(), day: String::new(), cds, cents }.prices().collect::<Vec<_>>()
        };
        assert_eq!(prices(2, 2933), [(1466, 1), (1467, 1)]);
        assert_eq!(prices(2, 2932), [(1466, 2)]);
        assert_eq!(prices(3, 0), [(0, 3)]);
        assert_eq!(prices(3, 2), [(0, 1), (1, 2)]);
    }
}
