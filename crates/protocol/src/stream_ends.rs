//! Notices that something on the way ends streams when they have reached a certain age.

use std::time::Duration;

/// How many streams in a row have to end alike.
const ALIKE: u32 = 3;
/// Streams that were closed sooner ended for other reasons.
const MIN_AGE: Duration = Duration::from_secs(1);

/// The ages at which one program's streams to the controller were closed from outside, in a row.
///
/// A proxy that gives answers a time to last closes each stream at one age. The stream is taken up
/// again at once, so that nothing seems to be wrong; but each time something may come late.
#[derive(Clone, Debug, Default)]
pub struct StreamEnds {
    last: Duration,
    alike: u32,
}

impl StreamEnds {
    /// Notes that a stream was closed at this age. Returns the age, rounded to seconds, when three
    /// in a row were closed at about the same; once for each such row.
    pub fn closed(&mut self, age: Duration) -> Option<Duration> {
        let tolerance = (self.last / 10).max(Duration::from_millis(500));
        let is_alike = age >= MIN_AGE && age.abs_diff(self.last) <= tolerance;
        self.alike = if is_alike { self.alike + 1 } else { 1 };
        self.last = age;
        let seconds = Duration::from_secs(age.as_secs_f64().round() as u64);
        (self.alike == ALIKE).then_some(seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed(ages_ms: &[u64]) -> Vec<Option<u64>> {
        let mut ends = StreamEnds::default();
        let mut closed = |ms: &u64| ends.closed(Duration::from_millis(*ms));
        ages_ms
            .iter()
            .map(|ms| closed(ms).map(|age| age.as_secs()))
            .collect()
    }

    #[test]
    fn three_alike_in_a_row_are_told_once() {
        let sixty = closed(&[60_010, 60_200, 59_900, 60_000, 60_100]);
        assert_eq!(sixty, [None, None, Some(60), None, None]);
        let again = closed(&[5_000, 5_100, 90_000, 5_000, 5_100, 5_050]);
        assert_eq!(again, [None, None, None, None, None, Some(5)]);
    }

    #[test]
    fn other_ends_are_not_told() {
        assert_eq!(closed(&[20, 30, 25, 20]), [None; 4]);
        assert_eq!(closed(&[60_000, 10_000, 45_000, 100_000]), [None; 4]);
    }
}
