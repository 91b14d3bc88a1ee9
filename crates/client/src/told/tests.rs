use std::time::Duration;

use hourkey_domain::change::Cause;
use hourkey_domain::ids::RequestId;
use hourkey_domain::length::Length;
use hourkey_protocol::access::{Request, RequestStatus, Review};
use proptest::prelude::*;

use super::*;
use crate::sync::Update;
use crate::testing::{LOCKED, at, changes, granted, notice, person, resource, snapshot};

const BOOT: Duration = Duration::from_secs(500);
const MINUTE: i64 = 60;

/// A person with a state file, who shows what is due and marks it.
struct Person {
    folder: tempfile::TempDir,
    model: Model,
    told: Told,
}

fn controller() -> Url {
    "https://hourkey.example/".parse().unwrap()
}

fn denied(request: i64) -> What {
    What::Denied {
        request: RequestId(request),
        by: "Marta".to_owned(),
        comment: "No.".to_owned(),
    }
}

fn please_review(request: i64) -> What {
    What::PleaseReview {
        request: RequestId(request),
        requester: "Bob".to_owned(),
        reason: String::new(),
        asked: Some(Length::MIN),
    }
}

fn review(request: i64) -> Review {
    Review {
        request: Request {
            id: RequestId(request),
            requester: hourkey_protocol::access::Person {
                id: UserId(8),
                login: "bob".to_owned(),
                name: "Bob".to_owned(),
            },
            resource: ResourceId(1),
            resource_name: String::new(),
            resource_address: String::new(),
            group_name: String::new(),
            reason: String::new(),
            purpose: hourkey_domain::request::Purpose::Grant,
            asked: Some(Length::MIN),
            approval: hourkey_domain::settings::Approval::Manual,
            starts_at: None,
            created_at: at(0),
            lapses_at: at(100_000),
            status: RequestStatus::Pending,
            grant: None,
        },
        recent_grants: 0,
        may_decide: true,
    }
}

/// One word for each thing told.
fn words(due: &[ToTell]) -> Vec<String> {
    due.iter()
        .map(|it| match it {
            ToTell::Notice(notice) => format!("notice {}", notice.id),
            ToTell::EndingSoon {
                minutes_left,
                ending,
                ..
            } => format!("grant {} ends in {minutes_left}", ending.grant),
            ToTell::Ended(ending) => format!("grant {} ended", ending.grant),
        })
        .collect()
}

impl Person {
    /// Signed in, with a first snapshot of nothing.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut model = Model::default();
        let nothing = snapshot(1, 0, Vec::new());
        model.apply(Update::Snapshot(Box::new(nothing)), BOOT);
        let path = folder.path().join("told.json");
        let told = Told::open(&path, &controller(), &model, Some(at(0))).unwrap();
        Self {
            folder,
            model,
            told,
        }
    }

    /// The program ends and starts again, and hears a snapshot of what it knew.
    fn restart(&mut self) {
        let path = self.folder.path().join("told.json");
        self.told = Told::open(&path, &controller(), &self.model, None).unwrap();
    }

    fn hear(&mut self, seconds: i64, resources: Vec<Resource>, notices: Vec<Notice>) {
        let mut some = changes(1, seconds, resources);
        some.notices = notices;
        self.model.apply(Update::Changes(Box::new(some)), BOOT);
    }

    fn due(&mut self, seconds: i64) -> Vec<ToTell> {
        self.told.observe(&self.model, at(seconds)).unwrap();
        self.told.due(&self.model, at(seconds))
    }

    /// Shows and marks what is due.
    fn tell(&mut self, seconds: i64) -> Vec<String> {
        let due = self.due(seconds);
        for it in &due {
            self.told.mark(it).unwrap();
        }
        words(&due)
    }

    /// Tells whenever there is something to tell, from `from` up to `to`: time and words.
    fn tell_until(&mut self, from: i64, to: i64) -> Vec<(i64, String)> {
        let mut told = Vec::new();
        let mut now = at(from);
        loop {
            let seconds = (now - at(0)).num_seconds();
            told.extend(self.tell(seconds).into_iter().map(|word| (seconds, word)));
            match self.told.next_wake(&self.model, now) {
                Some(next) if next <= at(to) => now = next,
                Some(_) | None => return told,
            }
        }
    }
}

fn said(told: &[(i64, &str)]) -> Vec<(i64, String)> {
    told.iter()
        .map(|(at, word)| (*at, (*word).to_owned()))
        .collect()
}

#[test]
fn a_notice_is_told_once_also_across_a_restart() {
    let mut person = Person::new();
    person.hear(
        10,
        Vec::new(),
        vec![notice(4, 9, denied(1)), notice(5, 10, denied(2))],
    );
    assert_eq!(person.tell(10), ["notice 4", "notice 5"]);
    assert_eq!(person.tell(11), [""; 0]);
    person.restart();
    assert_eq!(person.tell(12), [""; 0]);
    person.hear(20, Vec::new(), vec![notice(6, 20, denied(3))]);
    person.restart();
    assert_eq!(person.tell(21), ["notice 6"]);
}

#[test]
fn what_was_shown_but_not_marked_is_told_again() {
    let mut person = Person::new();
    person.hear(10, Vec::new(), vec![notice(4, 9, denied(1))]);
    assert_eq!(words(&person.due(10)), ["notice 4"]);
    person.restart();
    assert_eq!(words(&person.due(11)), ["notice 4"]);
}

#[test]
fn what_happened_before_the_first_sign_in_counts_as_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("told.json");
    let mut model = Model::default();
    let mut first = snapshot(1, 100, Vec::new());
    first.notices = vec![notice(3, 99, denied(3)), notice(2, 50, denied(2))];
    model.apply(Update::Snapshot(Box::new(first)), BOOT);
    let told = Told::open(&path, &controller(), &model, Some(at(90))).unwrap();
    assert_eq!(words(&told.due(&model, at(100))), ["notice 3"]);
    // Another person on this machine has a record of their own.
    model.me = Some(hourkey_protocol::account::Me {
        id: UserId(99),
        ..person()
    });
    let told = Told::open(&path, &controller(), &model, None).unwrap();
    assert_eq!(told.due(&model, at(100)), []);
}

#[test]
fn a_review_that_somebody_else_did_is_not_asked_for() {
    let mut person = Person::new();
    person.model.reviews = vec![review(2)];
    let asked = vec![
        notice(4, 9, please_review(1)),
        notice(5, 9, please_review(2)),
    ];
    person.hear(10, Vec::new(), asked);
    assert_eq!(person.tell(10), ["notice 5"]);
}

#[test]
fn a_grant_is_announced_ten_and_two_minutes_before_its_end_and_at_it() {
    let mut person = Person::new();
    let end = 60 * MINUTE;
    person.hear(0, vec![resource(1, granted(4, 0, end))], Vec::new());
    let expected = said(&[
        (50 * MINUTE, "grant 4 ends in 10"),
        (58 * MINUTE, "grant 4 ends in 2"),
        (60 * MINUTE, "grant 4 ended"),
    ]);
    assert_eq!(person.tell_until(0, 100 * MINUTE), expected);
    assert_eq!(person.tell_until(100 * MINUTE, 200 * MINUTE), []);
}

#[test]
fn a_short_grant_has_only_the_warnings_that_lie_inside_it() {
    for (minutes, expected) in [
        (
            11,
            vec!["grant 4 ends in 10", "grant 4 ends in 2", "grant 4 ended"],
        ),
        (10, vec!["grant 4 ends in 2", "grant 4 ended"]),
        (3, vec!["grant 4 ends in 2", "grant 4 ended"]),
        (2, vec!["grant 4 ended"]),
        (1, vec!["grant 4 ended"]),
    ] {
        let mut person = Person::new();
        let end = minutes * MINUTE;
        person.hear(0, vec![resource(1, granted(4, 0, end))], Vec::new());
        let told = person.tell_until(0, end);
        let told: Vec<&str> = told.iter().map(|(_, word)| word.as_str()).collect();
        assert_eq!(told, expected, "{minutes} minutes");
    }
}

#[test]
fn after_sleep_only_the_latest_warning_is_told() {
    let mut person = Person::new();
    person.hear(0, vec![resource(1, granted(4, 0, 3600))], Vec::new());
    assert_eq!(person.tell(0), [""; 0]);
    assert_eq!(person.tell(3600 - 90), ["grant 4 ends in 2"]);
    assert_eq!(person.tell(3600 - 80), [""; 0]);

    let mut person = Person::new();
    person.hear(0, vec![resource(1, granted(4, 0, 3600))], Vec::new());
    assert_eq!(person.tell(0), [""; 0]);
    assert_eq!(person.tell(3600 - 7 * MINUTE), ["grant 4 ends in 7"]);

    let mut person = Person::new();
    person.hear(0, vec![resource(1, granted(4, 0, 3600))], Vec::new());
    assert_eq!(person.tell(0), [""; 0]);
    assert_eq!(person.tell(90_000), ["grant 4 ended"]);
}

#[test]
fn an_end_is_told_after_a_restart() {
    let mut person = Person::new();
    person.hear(0, vec![resource(1, granted(4, 0, 3600))], Vec::new());
    assert_eq!(person.tell(0), [""; 0]);
    // It ended while the program was away: the first snapshot no longer has it.
    person.hear(4000, vec![resource(1, LOCKED)], Vec::new());
    person.restart();
    assert_eq!(person.tell(4000), ["grant 4 ended"]);
    person.restart();
    assert_eq!(person.tell(4001), [""; 0]);
}

#[test]
fn an_end_is_told_also_when_the_controller_says_so_first() {
    let mut person = Person::new();
    person.hear(0, vec![resource(1, granted(4, 0, 3600))], Vec::new());
    assert_eq!(person.tell(0), [""; 0]);
    person.hear(3600, vec![resource(1, LOCKED)], Vec::new());
    // This clock is a little behind.
    assert_eq!(person.tell(3598), [""; 0]);
    assert_eq!(person.tell(3600), ["grant 4 ended"]);
}

#[test]
fn what_was_given_back_or_taken_away_does_not_end_again() {
    let mut person = Person::new();
    person.hear(0, vec![resource(1, granted(4, 0, 3600))], Vec::new());
    assert_eq!(person.tell(0), [""; 0]);
    person.hear(1000, vec![resource(1, LOCKED)], Vec::new());
    assert_eq!(person.tell_until(1000, 9000), []);

    // Revoked while this machine slept past the end.
    let mut person = Person::new();
    person.hear(0, vec![resource(1, granted(4, 0, 3600))], Vec::new());
    assert_eq!(person.tell(0), [""; 0]);
    let revoked = What::Revoked {
        grant: GrantId(4),
        by: None,
        cause: Cause::UserDisabled,
        comment: String::new(),
    };
    person.hear(
        9000,
        vec![resource(1, LOCKED)],
        vec![notice(7, 1800, revoked)],
    );
    assert_eq!(person.tell(9000), ["notice 7"]);
}

#[test]
fn what_an_earlier_version_was_told_counts() {
    const KEPT: &str = include_str!("fixtures/told.json");
    let mut person = Person::new();
    std::fs::write(person.folder.path().join("told.json"), KEPT).unwrap();
    person.restart();
    let resources = vec![resource(1, granted(4, 0, 20 * MINUTE))];
    let notices = vec![notice(3, 5, denied(1)), notice(4, 10, denied(2))];
    person.hear(11 * MINUTE, resources, notices);
    // Notice 3 and the warning ten minutes before were told.
    assert_eq!(person.tell(11 * MINUTE), ["notice 4"]);
    assert_eq!(person.tell(18 * MINUTE), ["grant 4 ends in 2"]);

    // Cut off in the middle, it is as good as none.
    let half = &KEPT[..KEPT.len() / 2];
    let path = person.folder.path().join("told.json");
    std::fs::write(&path, half).unwrap();
    person.restart();
    let aside = std::fs::read_to_string(path.with_extension("damaged")).unwrap();
    assert_eq!(aside, half);
    assert_eq!(person.tell(19 * MINUTE), ["grant 4 ends in 1"]);
}

#[test]
fn a_damaged_file_is_set_aside() {
    let mut person = Person::new();
    let path = person.folder.path().join("told.json");
    std::fs::write(&path, "{").unwrap();
    person.restart();
    assert!(person.folder.path().join("told.damaged").exists());
    person.hear(10, Vec::new(), vec![notice(4, 10, denied(1))]);
    assert_eq!(person.tell(10), ["notice 4"]);
}

proptest! {
    // Each case writes many files to disk.
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the length, and whenever the program looks, is restarted or is away: each warning
    /// is told at most once, in order, never after the end, and the end exactly once.
    #[test]
    fn each_ending_is_told_at_most_once_and_the_end_always(
        minutes in 1_i64..120,
        looks in prop::collection::vec((0_i64..130 * MINUTE, any::<bool>()), 0..30),
    ) {
        let end = minutes * MINUTE;
        let mut looks = looks;
        looks.sort_unstable();
        looks.push((131 * MINUTE, true));
        let mut person = Person::new();
        person.hear(0, vec![resource(1, granted(4, 0, end))], Vec::new());
        let mut told = Vec::new();
        prop_assert_eq!(person.tell(0), Vec::<String>::new());
        for (seconds, restart) in looks {
            if restart {
                person.restart();
            }
            for it in person.due(seconds) {
                person.told.mark(&it).unwrap();
                let rank = match &it {
                    ToTell::EndingSoon { warning: Warning::Ten, .. } => 1,
                    ToTell::EndingSoon { warning: Warning::Two, .. } => 2,
                    ToTell::Ended(_) => 3,
                    ToTell::Notice(_) => 0,
                };
                prop_assert_eq!(rank == 3, seconds >= end);
                told.push(rank);
            }
        }
        prop_assert!(told.is_sorted_by(|a, b| a < b), "{:?}", told);
        prop_assert_eq!(told.last(), Some(&3));
    }
}

#[test]
fn what_was_read_stays_read_and_starts_with_the_sign_in() {
    let mut person = Person::new();
    assert_eq!(person.told.read_until(), Some(at(0)), "the sign-in");
    person.told.mark_read(at(90)).unwrap();
    person.told.mark_read(at(60)).unwrap();
    person.restart();
    assert_eq!(person.told.read_until(), Some(at(90)));
}
