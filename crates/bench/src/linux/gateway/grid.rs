//! Values of several rounds side by side: a row for each relay, a column for each figure.

use std::collections::BTreeMap;
use std::fmt;

use crate::linux::figures::short;

/// The values, by row and column in the order in which they first came.
#[derive(Default)]
pub(crate) struct Grid {
    rows: Vec<String>,
    columns: Vec<&'static str>,
    values: BTreeMap<(usize, usize), Vec<f64>>,
}

impl Grid {
    /// Adds the value of one round.
    pub(crate) fn add(&mut self, row: &str, column: &'static str, value: f64) {
        let at = |found: Option<usize>, length| found.unwrap_or(length);
        let found = self.rows.iter().position(|it| it == row);
        let row_at = at(found, self.rows.len());
        if row_at == self.rows.len() {
            self.rows.push(row.to_owned());
        }
        let found = self.columns.iter().position(|it| *it == column);
        let column_at = at(found, self.columns.len());
        if column_at == self.columns.len() {
            self.columns.push(column);
        }
        let values = self.values.entry((row_at, column_at)).or_default();
        values.push(value);
        values.sort_by(f64::total_cmp);
    }

    /// The median of a cell's rounds.
    pub(crate) fn median(&self, row: &str, column: &str) -> Option<f64> {
        let row = self.rows.iter().position(|it| it == row)?;
        let column = self.columns.iter().position(|it| *it == column)?;
        middle(self.values.get(&(row, column))?)
    }
}

fn middle(sorted: &[f64]) -> Option<f64> {
    sorted.get(sorted.len().saturating_sub(1) / 2).copied()
}

/// As a Markdown table: each cell is the median with the least and the most.
impl fmt::Display for Grid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "| relay | {} |", self.columns.join(" | "))?;
        writeln!(out, "|{}", " --- |".repeat(self.columns.len() + 1))?;
        for (row, name) in self.rows.iter().enumerate() {
            write!(out, "| {name} |")?;
            for column in 0..self.columns.len() {
                match self.values.get(&(row, column)).map(Vec::as_slice) {
                    Some(sorted @ [least, .., most]) => {
                        let median = middle(sorted).unwrap_or(f64::NAN);
                        let [median, least, most] = [median, *least, *most].map(short);
                        write!(out, " {median} ({least}–{most}) |")?;
                    }
                    Some([only]) => write!(out, " {} |", short(*only))?,
                    Some([]) | None => write!(out, " – |")?,
                }
            }
            writeln!(out)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_hold_the_median_and_the_spread_of_their_rounds() {
        let mut grid = Grid::default();
        for value in [3.0, 1.0, 2.0] {
            grid.add("ours", "Gbit/s", value);
        }
        grid.add("direct", "ms", 0.1);
        assert_eq!(grid.median("ours", "Gbit/s"), Some(2.0));
        assert_eq!(grid.median("ours", "ms"), None);
        assert_eq!(
            grid.to_string(),
            "| relay | Gbit/s | ms |\n\
             | --- | --- | --- |\n\
             | ours | 2 (1–3) | – |\n\
             | direct | – | 0.10 |\n"
        );
    }
}
