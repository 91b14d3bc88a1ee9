//! How long each part of a run takes: checks, builds, and each executable of tests.

use std::fmt;
use std::time::Duration;

/// Parts below this are summed up.
const NAMED_FROM: Duration = Duration::from_secs(5);

/// The parts, in the order in which they ran.
#[derive(Debug, Default)]
pub(crate) struct PartTimes {
    parts: Vec<(String, Duration)>,
    /// The executable that runs, by what the runner said last.
    running: String,
}

impl PartTimes {
    pub(crate) fn add(&mut self, name: &str, took: Duration) {
        self.parts.push((name.to_owned(), took));
    }

    /// Reads a line of cargo's output: which executable runs, and how long it took.
    pub(crate) fn read_line(&mut self, line: &str) {
        let line = line.trim();
        if let Some(what) = line.strip_prefix("Running ") {
            let path = what.rsplit_once('(').map_or(what, |(_, path)| path);
            let file = path.trim_end_matches(')').rsplit('/').next();
            let file = file.unwrap_or_default();
            let name = file.rsplit_once('-').map_or(file, |(name, _hash)| name);
            name.clone_into(&mut self.running);
        } else if let Some(package) = line.strip_prefix("Doc-tests ") {
            self.running = format!("doc-tests {package}");
        } else if line.starts_with("test result:") {
            let took = line.rsplit_once("finished in ").map(|(_, took)| took);
            let seconds = took.and_then(|took| took.strip_suffix('s')?.parse().ok());
            let took = seconds.map_or(Duration::ZERO, Duration::from_secs_f64);
            let name = std::mem::take(&mut self.running);
            self.add(&name, took);
        }
    }
}

/// The longest first: `time by part: clippy 200 s, web 130 s, 12 others 9 s`.
impl fmt::Display for PartTimes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut long: Vec<_> = { self.parts.iter() }
            .filter(|(_, took)| *took >= NAMED_FROM)
            .collect();
        long.sort_by_key(|(_, took)| std::cmp::Reverse(*took));
        f.write_str("time by part: ")?;
        for (name, took) in &long {
            write!(f, "{name} {} s, ", took.as_secs())?;
        }
        let short = self.parts.iter().filter(|(_, took)| *took < NAMED_FROM);
        let others: Duration = short.map(|(_, took)| *took).sum();
        write!(
            f,
            "{} others {} s",
            self.parts.len() - long.len(),
            others.as_secs()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_parts_come_first_and_short_ones_together() {
        let mut times = PartTimes::default();
        times.add("clippy", Duration::from_secs(90));
        for line in [
            "     Running unittests src/lib.rs (target/debug/deps/hourkey_access-0a1b2c)",
            "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.21s",
            "     Running tests/web.rs (/elsewhere/target/debug/deps/web-99ff)",
            "test a::b ... ok",
            "test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 130.90s",
            "   Doc-tests hourkey_pki",
            "test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 2.00s",
        ] {
            times.read_line(line);
        }
        assert_eq!(
            times.to_string(),
            "time by part: web 130 s, clippy 90 s, 2 others 2 s"
        );
    }
}
