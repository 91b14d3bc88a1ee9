use proptest::prelude::*;

use super::*;
use crate::length::{Length, typed_seconds};

/// The longest span that properties look at, in milliseconds: 10 years.
const MAX_MS: i64 = 3_650 * DAY * MINUTE_MS;

fn at(ms: i64) -> Time {
    Time::from_timestamp_millis(1_800_000_000_000 + ms).unwrap()
}

fn ms(ms: i64) -> TimeDelta {
    TimeDelta::milliseconds(ms)
}

/// The time that is read in `remaining`'s words, in milliseconds.
fn read(left: i64) -> i64 {
    let seconds = typed_seconds(&remaining(ms(left))).unwrap();
    i64::try_from(seconds).unwrap() * 1_000
}

/// Spans of all sizes, and those around the moments at which words change.
fn span() -> impl Strategy<Value = i64> {
    let edges = [0, 1, HOUR, DAY, WEEK, 9 * WEEK].map(|minutes| minutes * MINUTE_MS);
    prop_oneof![
        -MINUTE_MS..2 * MINUTE_MS,
        0..DAY * MINUTE_MS,
        0..MAX_MS,
        (prop::sample::select(edges.to_vec()), -1_000_i64..1_000).prop_map(|(at, by)| at + by),
    ]
}

proptest! {
    #[test]
    fn what_is_left_is_said_to_the_unit(left in span()) {
        let over = read(left) - left.max(0);
        let (step, unit) = match left {
            ..=MINUTE_MS => (1_000, 1),
            _ if read(left) >= WEEK * MINUTE_MS => (MINUTE_MS, DAY * MINUTE_MS),
            _ if read(left) >= DAY * MINUTE_MS => (MINUTE_MS, HOUR * MINUTE_MS),
            _ => (MINUTE_MS, 1),
        };
        prop_assert!(over < step, "{left} ms are said as {}", remaining(ms(left)));
        prop_assert!(over > -unit, "{left} ms are said as {}", remaining(ms(left)));
    }

    #[test]
    fn less_time_never_reads_as_more(one in span(), other in span()) {
        prop_assert!(read(one.min(other)) <= read(one.max(other)));
        prop_assert!(minutes_ago(one.min(other)) <= minutes_ago(one.max(other)));
    }

    #[test]
    fn ago_never_says_more_than_has_gone(gone in span()) {
        let said = minutes_ago(gone) * MINUTE_MS;
        prop_assert!(said <= gone.max(0));
    }

    /// The words stay until the moment named, and are others from it on.
    #[test]
    fn words_change_when_they_say_they_do(span in span()) {
        let by_minute = |now| remaining_by_minute(at(span) - now);
        match remaining_by_minute_changes_at(at(span), at(0)) {
            None => prop_assert!(span <= 0),
            Some(next) => {
                prop_assert!(next > at(0));
                prop_assert_eq!(by_minute(next - ms(1)), by_minute(at(0)));
                prop_assert!(next == at(span) || by_minute(next) != by_minute(at(0)));
            }
        }
        let since_said = |now| ago(now - at(-span));
        let next = ago_changes_at(at(-span), at(0));
        prop_assert!(next > at(0));
        if span >= 0 {
            prop_assert_eq!(since_said(next - ms(1)), since_said(at(0)));
            prop_assert_ne!(since_said(next), since_said(at(0)));
        }
    }

    #[test]
    fn by_minute_says_the_same_down_to_the_last_minute(left in span()) {
        let said = remaining_by_minute(ms(left));
        match left {
            ..=MINUTE_MS => prop_assert_eq!(said, "under 1 min"),
            _ => prop_assert_eq!(said, remaining(ms(left))),
        }
    }

    #[test]
    fn a_time_left_of_a_length_is_read_back_as_a_length(minutes in 1i64..=525_600) {
        let left = TimeDelta::minutes(minutes);
        let read: Length = remaining(left).parse().unwrap();
        let seconds = i64::from(read.seconds());
        // Two units are shown: of a day and more, minutes are left out, and of a week and more, hours.
        let unsaid = if left >= TimeDelta::weeks(1) { 86_400 } else { 3_600 };
        prop_assert!((0..unsaid).contains(&(left.num_seconds() - seconds)));
    }

    #[test]
    fn a_moment_ends_in_its_time_of_day(shift in -MAX_MS..MAX_MS, hours in -12..=14_i32) {
        let zone = FixedOffset::east_opt(hours * 3_600).unwrap();
        let said = moment(at(shift), at(0), zone);
        prop_assert!(said.ends_with(&time_of_day(at(shift), zone)), "{said}");
    }
}

/// The minutes that are read in `ago`'s words.
fn minutes_ago(gone: i64) -> i64 {
    let words = ago(ms(gone));
    let Some(words) = words.strip_suffix(" ago") else {
        return 0;
    };
    i64::try_from(typed_seconds(words).unwrap()).unwrap() / 60
}

#[test]
fn no_span_is_too_long_or_too_short_to_say() {
    assert_eq!(remaining(TimeDelta::MIN), "0 s");
    assert_eq!(remaining(TimeDelta::MAX), "106751991167 days");
    assert_eq!(ago(TimeDelta::MIN), "just now");
    assert_eq!(ago(TimeDelta::MAX), "106751991167 d ago");
    let last = Time::MAX_UTC;
    assert_eq!(ago_changes_at(last, last), last);
    assert!(remaining_by_minute_changes_at(last, Time::MIN_UTC).is_some());
}

/// Clocks have microseconds: a label that is due at a whole minute must not say `60 s`.
#[test]
fn less_than_a_millisecond_makes_no_difference() {
    let left = TimeDelta::microseconds(120_000_500);
    assert_eq!(remaining_by_minute(left), "2 min");
    let next = remaining_by_minute_changes_at(at(0) + left, at(0)).unwrap();
    assert_eq!(remaining_by_minute(at(0) + left - next), "under 1 min");
}

#[test]
fn a_label_of_days_changes_by_the_hour() {
    let changes = |left: i64| {
        let next = remaining_by_minute_changes_at(at(left * MINUTE_MS), at(0)).unwrap();
        (next - at(0)).num_minutes()
    };
    assert_eq!(changes(2 * DAY + 4 * HOUR), 1);
    assert_eq!(changes(2 * DAY + 4 * HOUR + 59), 60);
    assert_eq!(changes(8 * DAY + DAY - 1), DAY);
    assert_eq!(changes(HOUR), 1);
}

#[test]
fn a_zone_is_said_by_its_offset() {
    let said = |seconds| zone(FixedOffset::east_opt(seconds).unwrap());
    assert_eq!(said(0), "UTC");
    assert_eq!(said(5_400), "UTC+01:30");
    assert_eq!(said(-3_600), "UTC-01:00");
}

#[test]
fn moments_are_said_in_their_zone() {
    // 2027-01-15 08:00 UTC.
    let zone = FixedOffset::east_opt(2 * 3_600).unwrap();
    assert_eq!(moment(at(0), at(-MINUTE_MS), zone), "10:00");
    assert_eq!(time_of_day(at(0), zone), "10:00");
    assert_eq!(dated(at(0), zone), "2027-01-15 10:00");
    let late = 14 * HOUR * MINUTE_MS;
    assert_eq!(moment(at(late), at(0), zone), "tomorrow 00:00");
}
