//! Summarises test results from the output of the test runners.

use std::fmt;
use std::ops::AddAssign;

/// How many tests passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TestSummary {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl TestSummary {
    /// Reads the counts that one line of a runner's output states: cargo's `test result:` or vitest's
    /// `Tests`; zero for any other line.
    pub(crate) fn of_line(line: &str) -> Self {
        let line = line.trim();
        let Some(counts) = line
            .strip_prefix("test result:")
            .or_else(|| line.strip_prefix("Tests "))
        else {
            return Self::default();
        };
        let words: Vec<&str> = counts
            .split(|letter: char| !letter.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .collect();
        let before = |name: &str| {
            words
                .windows(2)
                .find(|pair| pair[1] == name)
                .and_then(|pair| pair[0].parse().ok())
                .unwrap_or(0)
        };
        Self {
            passed: before("passed"),
            failed: before("failed"),
        }
    }
}

impl AddAssign for TestSummary {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl fmt::Display for TestSummary {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(passed: u64, failed: u64) -> TestSummary {
        TestSummary { passed, failed }
    }

    #[test]
    fn reads_the_runners_own_lines() {
        let cargo = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.21s";
        assert_eq!(TestSummary::of_line(cargo), summary(12, 3));
        assert_eq!(
            TestSummary::of_line("      Tests  24 passed (24)"),
            summary(24, 0)
        );
        assert_eq!(
            TestSummary::of_line("      Tests  1 failed | 23 passed (24)"),
            summary(23, 1)
        );
    }

    #[test]
    fn other_lines_count_nothing() {
        for line in [
            "",
            " Test Files  2 passed (2)",
            "test a::passed ... ok",
            "9 passed",
        ] {
            assert_eq!(TestSummary::of_line(line), TestSummary::default(), "{line}");
        }
    }
}
