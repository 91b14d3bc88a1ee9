//! Figures beside their budgets, as one table.

use std::fmt;
use std::time::Duration;

/// One line of the table.
pub(crate) struct Figure {
    what: String,
    value: f64,
    unit: &'static str,
    spread: String,
    budget: Option<f64>,
}

impl Figure {
    pub(crate) fn new(what: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self {
            what: what.into(),
            value,
            unit,
            spread: String::new(),
            budget: None,
        }
    }

    /// How far the single values lie apart, and how many there are; or what else must be known.
    pub(crate) fn spread(mut self, spread: impl Into<String>) -> Self {
        self.spread = spread.into();
        self
    }

    /// The most that it may be.
    pub(crate) fn budget(mut self, most: f64) -> Self {
        self.budget = Some(most);
        self
    }

    fn cells(&self) -> [String; 5] {
        let with_unit = |value| {
            format!("{} {}", short(value), self.unit)
                .trim_end()
                .to_owned()
        };
        let (budget, verdict) = match self.budget {
            None => (String::new(), ""),
            Some(most) if self.value <= most => (with_unit(most), "ok"),
            Some(most) => (with_unit(most), "missed"),
        };
        [
            self.what.clone(),
            with_unit(self.value),
            self.spread.clone(),
            budget,
            verdict.to_owned(),
        ]
    }
}

/// All figures of a run; printed as a Markdown table.
#[derive(Default)]
pub(crate) struct Table(Vec<Figure>);

impl Table {
    /// Adds a line, and shows it: a run takes minutes.
    pub(crate) fn add(&mut self, figure: Figure) {
        let [what, value, spread, ..] = figure.cells();
        eprintln!("  {what}: {value}  {spread}");
        self.0.push(figure);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["figure", "measured", "spread", "budget", ""].map(str::to_owned);
        let mut lines = vec![head];
        lines.extend(self.0.iter().map(Figure::cells));
        let widths: [usize; 5] = std::array::from_fn(|column| {
            let cells = lines.iter().map(|cells| cells[column].chars().count());
            cells.max().unwrap_or(0)
        });
        lines.insert(1, widths.map(|width| "-".repeat(width)));
        for cells in &lines {
            for (cell, width) in cells.iter().zip(widths) {
                write!(out, "| {cell:width$} ")?;
            }
            writeln!(out, "|")?;
        }
        Ok(())
    }
}

/// Durations of the same thing done again and again.
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// The time that this percentage of all does not exceed (nearest rank), in milliseconds.
    pub(crate) fn percentile(&self, percentage: usize) -> f64 {
        let rank = (self.0.len() * percentage).div_ceil(100);
        let time = self.0.get(rank.saturating_sub(1));
        time.map_or(f64::NAN, |time| time.as_secs_f64() * 1_000.0)
    }

    /// The median as a line of the table.
    pub(crate) fn figure(&self, what: impl Into<String>) -> Figure {
        let what = format!("{}, p50", what.into());
        Figure::new(what, self.percentile(50), "ms").spread(self.spread())
    }

    pub(crate) fn spread(&self) -> String {
        let [least, p99, most] = [0, 99, 100].map(|share| short(self.percentile(share)));
        format!("min {least}, p99 {p99}, max {most}, n = {}", self.0.len())
    }
}

/// Three digits, more for large numbers.
pub(crate) fn short(value: f64) -> String {
    let decimals = match value.abs() {
        value if value >= 100.0 || value.fract() == 0.0 => 0,
        value if value >= 10.0 => 1,
        _ => 2,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let times = Times::of((1..=200).rev().map(Duration::from_millis).collect());
        let found = [0, 50, 99, 100].map(|share| short(times.percentile(share)));
        assert_eq!(found, ["1", "100", "198", "200"]);
        assert!(Times::of(Vec::new()).percentile(50).is_nan());
    }

    #[test]
    fn what_is_over_its_budget_is_missed() {
        let verdict = |value| Figure::new("a", value, "ms").budget(50.0).cells()[4].clone();
        assert_eq!(verdict(50.0), "ok");
        assert_eq!(verdict(50.1), "missed");
        assert_eq!(verdict(f64::NAN), "missed");
        assert_eq!(Figure::new("a", 1.0, "ms").cells()[4], "");
    }

    #[test]
    fn the_table_is_markdown() {
        let mut table = Table::default();
        table.add(
            Figure::new("start → tray", 123.4, "ms")
                .spread("n = 20")
                .budget(300.0),
        );
        assert_eq!(
            table.to_string(),
            "| figure       | measured | spread | budget |    |\n\
             | ------------ | -------- | ------ | ------ | -- |\n\
             | start → tray | 123 ms   | n = 20 | 300 ms | ok |\n"
        );
    }
}
