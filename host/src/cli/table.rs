//! Lists as columns.
//!
//! Owns widths. Must not know what the cells mean, except that colours are added after measuring. Cannot fail.

/// Rows below headings; the last column may be of any width.
pub struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

const GAP: usize = 2;

impl Table {
    pub fn new(headings: &[&'static str]) -> Self {
        Table { headings: headings.to_vec(), rows: Vec::new() }
    }

    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The lines; `paint` gets row (none for the headings), column and padded cell.
    pub fn lines(&self, paint: impl Fn(Option<usize>, usize, String) -> String) -> Vec<String> {
        let widths = self.widths();
        let headings: Vec<String> = self.headings.iter().map(|heading| (*heading).to_owned()).collect();
        let numbered = self.rows.iter().enumerate().map(|(index, cells)| (Some(index), cells));
        let line = |(row, cells): (Option<usize>, &Vec<String>)| {
            let padded = cells.iter().enumerate().map(|(column, cell)| {
                let cell = if column + 1 == cells.len() { cell.clone() } else { pad(cell, widths[column] + GAP) };
                paint(row, column, cell)
            });
            padded.collect::<String>().trim_end().to_owned()
        };
        std::iter::once((None, &headings)).chain(numbered).map(line).collect()
    }

    fn widths(&self) -> Vec<usize> {
        let of_column = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
            cells.max().unwrap_or(0).max(self.headings[column].len())
        };
        (0..self.headings.len()).map(of_column).collect()
    }
}

fn pad(cell: &str, width: usize) -> String {
    format!("{cell:<width$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&["SPACE", "WHY"]);
        table.row(vec!["größer-als".into(), String::new()]);
        table.row(vec!["b".into(), "long text at the end".into()]);
        let lines = table.lines(|_, _, cell| cell);
        assert_eq!(lines, ["SPACE       WHY", "größer-als", "b           long text at the end"]);
    }
}
