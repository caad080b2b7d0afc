//! What the spaces have found beside what the input says.
//!
//! Pure. Fails when the two are not the same, and shows both.

use crate::cli::table::Table;
use anyhow::{Result, bail};

/// One number of either side, as it is shown.
pub struct Row {
    what: &'static str,
    spaces: String,
    input: String,
}

impl Row {
    pub fn new(what: &'static str, spaces: impl ToString, input: impl ToString) -> Self {
        Row { what, spaces: spaces.to_string(), input: input.to_string() }
    }
}

/// The two side by side; `input` names where the right-hand numbers come from.
pub fn compare(rows: &[Row], input: &'static str) -> Result<Vec<String>> {
    let agree = rows.iter().all(|row| row.spaces == row.input);
    let mut table = Table::new(&["", "THE SPACES", input, ""]);
    for Row { what, spaces, input } in rows {
        let verdict = if spaces == input { "the same" } else { "DIFFERENT" };
        table.row(vec![(*what).to_owned(), spaces.clone(), input.clone(), verdict.to_owned()]);
    }
    let lines = table.lines(|_, _, cell| cell);
    if !agree {
        bail!("the spaces have found something else than the input says:\n{}", lines.join("\n"));
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(spaces: u64) -> [Row; 2] {
        [Row::new("orders", 3, 3), Row::new("paid", spaces, 4429)]
    }

    #[test]
    fn equal_numbers_are_shown_side_by_side() {
        assert_eq!(compare(&rows(4429), "THE FILE").unwrap()[2], "paid    4429        4429      the same");
    }

    #[test]
    fn one_too_few_is_a_failure_that_shows_both() {
        let error = compare(&rows(4428), "THE FILE").unwrap_err().to_string();
        assert!(error.contains("paid    4428        4429      DIFFERENT"), "{error}");
    }
}
