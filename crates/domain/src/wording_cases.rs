//! The table that the window's and the pages' copies of the wording are tested against
//! (`ui/src/wording.test.ts`): made from this crate, committed, and compared here.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{FixedOffset, NaiveDateTime, TimeDelta};
use serde::Serialize;

use crate::Time;
use crate::format::{ago, moment, remaining};
use crate::length::Length;
use crate::outcome::{Approval, By, Outcome};
use crate::request::Purpose;
use crate::text::{is_unsafe, json_for_terminal, one_line};

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Milliseconds around each change of the words, past moments, and far more than any access lasts.
const SPANS: [i64; 42] = [
    -40 * DAY,
    -5,
    0,
    1,
    999,
    SECOND,
    45 * SECOND,
    59 * SECOND,
    MINUTE - 1,
    MINUTE,
    MINUTE + 1,
    2 * MINUTE,
    2 * MINUTE + 1,
    45 * MINUTE - 1,
    45 * MINUTE,
    59 * MINUTE,
    59 * MINUTE + 1,
    HOUR - SECOND,
    HOUR - 1,
    HOUR,
    HOUR + 1,
    80 * MINUTE,
    2 * HOUR,
    23 * HOUR + 59 * MINUTE,
    23 * HOUR + 59 * MINUTE + 1,
    DAY - 1,
    DAY,
    DAY + 1,
    DAY + 5 * MINUTE,
    25 * HOUR,
    2 * DAY - 1,
    52 * HOUR,
    7 * DAY - HOUR,
    7 * DAY - MINUTE,
    7 * DAY - MINUTE + 1,
    7 * DAY,
    7 * DAY + 1,
    8 * DAY - 1,
    30 * DAY - HOUR,
    40 * DAY,
    400 * DAY,
    40_000 * DAY,
];

const LENGTHS: [u64; 13] = [
    60, 61, 90, 120, 1_800, 3_600, 5_400, 14_400, 86_400, 100_920, 604_800, 2_592_000, 31_536_000,
];

/// Times of day in the reader's zone: when it is, and the moments that are said then.
const MOMENTS: [(&str, &[&str]); 3] = [
    (
        "2027-01-15T12:00:00",
        &[
            "2025-12-31T23:59:59",
            "2026-12-31T23:59:59",
            "2027-01-01T00:00:00",
            "2027-01-09T12:00:00",
            "2027-01-09T12:00:01",
            "2027-01-14T12:00:00",
            "2027-01-15T00:00:00",
            "2027-01-15T09:05:59",
            "2027-01-15T12:00:00",
            "2027-01-15T23:59:59",
            "2027-01-16T00:00:00",
            "2027-01-16T23:59:59",
            "2027-01-17T00:00:00",
            "2027-01-21T11:59:59",
            "2027-01-21T12:00:00",
            "2027-02-03T04:05:00",
            "2027-09-14T18:30:00",
            "2028-02-29T06:00:00",
        ],
    ),
    (
        "2027-12-31T23:59:59",
        &[
            "2027-12-31T00:00:00",
            "2028-01-01T00:00:00",
            "2028-01-06T23:59:58",
        ],
    ),
    (
        "2028-02-28T00:00:00",
        &[
            "2028-02-29T00:00:00",
            "2028-03-01T00:00:00",
            "2028-06-30T00:00:00",
        ],
    ),
];

/// At most this many characters of the lines below.
const MAX_CHARACTERS: usize = 12;

const LINES: [&str; 15] = [
    "",
    " \t\r\n ",
    "Payroll",
    "  two\n\n\tlines \u{7}\r ",
    "\u{202e}gnp.exe\u{202c}\nPay\u{2067}",
    " a\u{200b}\u{2028}b \t c\u{ad}",
    "a \u{200b} \u{feff} b",
    "می\u{200c}خواهم",
    "👩\u{200d}💻 ❤\u{fe0f}",
    "葛\u{e0100}城",
    "a\u{e0041}b\u{1b}[2J\u{9b}",
    "twelve chars",
    "twelve chars \u{200b}\n",
    "thirteen char",
    "twelve      👩👩👩👩👩👩👩",
];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Table {
    /// By the milliseconds that are left.
    remaining: BTreeMap<i64, String>,
    /// By the milliseconds that have gone.
    ago: BTreeMap<i64, String>,
    /// By seconds.
    length: BTreeMap<u64, String>,
    /// By the time it is, and the moment.
    moment: BTreeMap<&'static str, BTreeMap<&'static str, String>>,
    /// What a reviewer reads who has decided.
    verdict: BTreeMap<&'static str, String>,
    /// First and last of each run of unsafe characters, in hexadecimal.
    r#unsafe: BTreeMap<String, String>,
    /// At most [`MAX_CHARACTERS`] characters of each text.
    one_line: BTreeMap<&'static str, String>,
}

fn table() -> Table {
    let spans = |said: fn(TimeDelta) -> String| {
        let said = |ms: i64| (ms, said(TimeDelta::milliseconds(ms)));
        SPANS.into_iter().map(said).collect()
    };
    let length = |seconds| {
        let length = Length::from_seconds(seconds).unwrap();
        (seconds, length.to_string())
    };
    let moments = MOMENTS.into_iter().map(|(now, moments)| {
        let said = |at: &&'static str| (*at, moment(read(at), read(now), utc()));
        (now, moments.iter().map(said).collect())
    });
    Table {
        remaining: spans(remaining),
        ago: spans(ago),
        length: LENGTHS.into_iter().map(length).collect(),
        moment: moments.collect(),
        verdict: verdicts(),
        r#unsafe: unsafe_characters(),
        one_line: LINES
            .map(|line| (line, one_line(line, MAX_CHARACTERS)))
            .into(),
    }
}

fn verdicts() -> BTreeMap<&'static str, String> {
    let at = read("2027-01-15T12:00:00");
    let (by, comment) = (|| By::Person("Rosa"), "");
    let approved = |purpose, length| Approval {
        by: Some("Rosa"),
        purpose,
        length,
        comment,
    };
    let denied = Outcome::Denied {
        at,
        by: by(),
        comment,
    };
    let revoked = Outcome::Revoked {
        at,
        by: by(),
        comment,
    };
    let expired: Outcome<'_, str> = Outcome::Expired { at };
    let unknown: Outcome<'_, str> = Outcome::Unknown;
    let hour = approved(Purpose::Grant, Some(Length::HOUR));
    BTreeMap::from([
        ("approved", hour.verdict()),
        ("unlocked", approved(Purpose::Unlock, None).verdict()),
        ("denied", denied.word().to_owned()),
        ("revoked", revoked.word().to_owned()),
        ("expired", expired.word().to_owned()),
        ("unknown", unknown.word().to_owned()),
    ])
}

fn unsafe_characters() -> BTreeMap<String, String> {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for c in ('\0'..=char::MAX).filter(|c| is_unsafe(*c)).map(u32::from) {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == c => *last = c,
            Some(_) | None => runs.push((c, c)),
        }
    }
    let hex = |c: u32| format!("{c:06x}");
    runs.iter()
        .map(|(first, last)| (hex(*first), hex(*last)))
        .collect()
}

fn read(local: &str) -> Time {
    let read: NaiveDateTime = local.parse().unwrap();
    read.and_utc()
}

fn utc() -> FixedOffset {
    FixedOffset::east_opt(0).unwrap()
}

#[test]
fn the_windows_table_is_made_from_this_crate() {
    let json = serde_json::to_string_pretty(&table()).unwrap();
    // No raw character in the file steers the reader's editor.
    let made = json_for_terminal(&json) + "\n";
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui/src/wording-cases.json");
    if std::fs::read_to_string(&file).is_ok_and(|kept| kept == made) {
        return;
    }
    std::fs::write(&file, made).unwrap();
    panic!(
        "ui/src/wording-cases.json was out of date. It is written anew: look at it, and commit it."
    );
}
