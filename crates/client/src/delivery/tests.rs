use std::time::Duration;

use hourkey_domain::cause::Cause;
use hourkey_domain::ids::{RequestId, ResourceId};
use hourkey_domain::length::Length;
use hourkey_protocol::access::{Request, RequestStatus, Review};
use proptest::prelude::*;

use super::*;
use crate::testing::{LOCKED, at, changes, granted, notice, person, resource, snapshot};
use crate::update::Update;

const BOOT: Duration = Duration::from_secs(500);
const MINUTE: i64 = 60;

/// A user with a delivery log, who shows what is due and marks it.
struct TestUser {
    folder: tempfile::TempDir,
    model: Model,
    log: DeliveryLog,
}

fn controller() -> Url {
    "https://hourkey.example/".parse().unwrap()
}

fn open(path: &Path, model: &Model, signed_in: Option<DateTime<Utc>>) -> DeliveryLog {
    let start = DeliveryStart::of(&controller(), model, signed_in);
    start.open(path).unwrap()
}

fn denied(request: i64) -> What {
    What::Denied {
        request: RequestId(request),
        by: "Marta".to_owned(),
        comment: "No.".to_owned(),
        extends: None,
    }
}

fn please_review(request: i64) -> What {
    What::PleaseReview {
        starts_at: None,
        on_behalf_of: None,
        request: RequestId(request),
        requester: "Bob".to_owned(),
        reason: String::new(),
        asked: Some(Length::MIN),
        extends: None,
    }
}

fn review(request: i64) -> Review {
    Review {
        on_behalf_of: None,
        asked_reviewers: Vec::new(),
        request: Request {
            id: RequestId(request),
            requester: hourkey_protocol::access::Person {
                on_behalf_of: None,
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
            ends_at: None,
        },
        recent_grants: 0,
        ends_by: None,
        may_decide: true,
    }
}

/// One word for each thing delivered.
fn words(due: &[PendingNotification]) -> Vec<String> {
    due.iter()
        .map(|it| match it {
            PendingNotification::Notice(notice) => format!("notice {}", notice.id),
            PendingNotification::EndingSoon {
                minutes_left,
                ending,
                ..
            } => format!("grant {} ends in {minutes_left}", ending.grant),
            PendingNotification::Ended(ending) => format!("grant {} ended", ending.grant),
        })
        .collect()
}

impl TestUser {
    /// Signed in, with a first snapshot of nothing.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut model = Model::default();
        let nothing = snapshot(1, 0, Vec::new());
        model.apply(Update::Snapshot(Box::new(nothing)), BOOT);
        let path = folder.path().join("delivery.json");
        let log = open(&path, &model, Some(at(0)));
        Self { folder, model, log }
    }

    /// The program ends and starts again, and hears a snapshot of what it knew.
    fn restart(&mut self) {
        let path = self.folder.path().join("delivery.json");
        self.log = open(&path, &self.model, None);
    }

    fn save(&mut self) {
        if let Some(file) = self.log.changes() {
            file.save(&self.folder.path().join("delivery.json"))
                .unwrap();
        }
    }

    fn hear(&mut self, seconds: i64, resources: Vec<Resource>, notices: Vec<Notice>) {
        let mut some = changes(1, seconds, resources);
        some.notices = notices;
        self.model.apply(Update::Changes(Box::new(some)), BOOT);
    }

    fn due(&mut self, seconds: i64) -> Vec<PendingNotification> {
        self.log.observe(&self.model, at(seconds));
        self.save();
        self.log.due(&self.model, at(seconds))
    }

    /// Shows and marks what is due.
    fn deliver(&mut self, seconds: i64) -> Vec<String> {
        let due = self.due(seconds);
        for it in &due {
            self.log.mark_delivered(it);
            self.save();
        }
        words(&due)
    }

    /// Delivers whatever is due, from `from` up to `to`: time and words.
    fn deliver_until(&mut self, from: i64, to: i64) -> Vec<(i64, String)> {
        let mut delivered = Vec::new();
        let mut now = at(from);
        loop {
            let seconds = (now - at(0)).num_seconds();
            delivered.extend(
                self.deliver(seconds)
                    .into_iter()
                    .map(|word| (seconds, word)),
            );
            match self.log.next_wake(&self.model, now) {
                Some(next) if next <= at(to) => now = next,
                Some(_) | None => return delivered,
            }
        }
    }
}

fn said(delivered: &[(i64, &str)]) -> Vec<(i64, String)> {
    delivered
        .iter()
        .map(|(at, word)| (*at, (*word).to_owned()))
        .collect()
}

#[test]
fn a_notice_is_delivered_once_also_across_a_restart() {
    let mut user = TestUser::new();
    user.hear(
        10,
        Vec::new(),
        vec![notice(4, 9, denied(1)), notice(5, 10, denied(2))],
    );
    assert_eq!(user.deliver(10), ["notice 4", "notice 5"]);
    assert_eq!(user.deliver(11), [""; 0]);
    user.restart();
    assert_eq!(user.deliver(12), [""; 0]);
    user.hear(20, Vec::new(), vec![notice(6, 20, denied(3))]);
    user.restart();
    assert_eq!(user.deliver(21), ["notice 6"]);
}

#[test]
fn what_was_shown_but_not_marked_is_delivered_again() {
    let mut user = TestUser::new();
    user.hear(10, Vec::new(), vec![notice(4, 9, denied(1))]);
    assert_eq!(words(&user.due(10)), ["notice 4"]);
    user.restart();
    assert_eq!(words(&user.due(11)), ["notice 4"]);
}

#[test]
fn what_happened_before_the_first_sign_in_counts_as_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("delivery.json");
    let mut model = Model::default();
    let mut first = snapshot(1, 100, Vec::new());
    first.notices = vec![notice(3, 99, denied(3)), notice(2, 50, denied(2))];
    model.apply(Update::Snapshot(Box::new(first)), BOOT);
    let log = open(&path, &model, Some(at(90)));
    assert_eq!(words(&log.due(&model, at(100))), ["notice 3"]);
    // Another person on this machine has a record of their own.
    model.me = Some(hourkey_protocol::account::Me {
        id: UserId(99),
        ..person()
    });
    let log = open(&path, &model, None);
    assert_eq!(log.due(&model, at(100)), []);
}

#[test]
fn a_review_that_somebody_else_did_is_not_asked_for() {
    let mut user = TestUser::new();
    user.model.reviews = vec![review(2)];
    let asked = vec![
        notice(4, 9, please_review(1)),
        notice(5, 9, please_review(2)),
    ];
    user.hear(10, Vec::new(), asked);
    assert_eq!(user.deliver(10), ["notice 5"]);
}

#[test]
fn a_grant_is_announced_ten_and_two_minutes_before_its_end_and_at_it() {
    let mut user = TestUser::new();
    let end = 60 * MINUTE;
    user.hear(0, vec![resource(1, granted(4, 0, end))], Vec::new());
    let expected = said(&[
        (50 * MINUTE, "grant 4 ends in 10"),
        (58 * MINUTE, "grant 4 ends in 2"),
        (60 * MINUTE, "grant 4 ended"),
    ]);
    assert_eq!(user.deliver_until(0, 100 * MINUTE), expected);
    assert_eq!(user.deliver_until(100 * MINUTE, 200 * MINUTE), []);
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
        let mut user = TestUser::new();
        let end = minutes * MINUTE;
        user.hear(0, vec![resource(1, granted(4, 0, end))], Vec::new());
        let delivered = user.deliver_until(0, end);
        let delivered: Vec<&str> = delivered.iter().map(|(_, word)| word.as_str()).collect();
        assert_eq!(delivered, expected, "{minutes} minutes");
    }
}

#[test]
fn after_sleep_only_the_latest_warning_is_told() {
    let mut user = TestUser::new();
    user.hear(0, vec![resource(1, granted(4, 0, 3600))], Vec::new());
    assert_eq!(user.deliver(0), [""; 0]);
    assert_eq!(user.deliver(3600 - 90), ["grant 4 ends in 2"]);
    assert_eq!(user.deliver(3600 - 80), [""; 0]);

    let mut user = TestUser::new();
    user.hear(0, vec![resource(1, granted(4, 0, 3600))], Vec::new());
    assert_eq!(user.deliver(0), [""; 0]);
    assert_eq!(user.deliver(3600 - 7 * MINUTE), ["grant 4 ends in 7"]);

    let mut user = TestUser::new();
    user.hear(0, vec![resource(1, granted(4, 0, 3600))], Vec::new());
    assert_eq!(user.deliver(0), [""; 0]);
    assert_eq!(user.deliver(90_000), ["grant 4 ended"]);
}

#[test]
fn an_end_is_delivered_after_a_restart() {
    let mut user = TestUser::new();
    user.hear(0, vec![resource(1, granted(4, 0, 3600))], Vec::new());
    assert_eq!(user.deliver(0), [""; 0]);
    // It ended while the program was away: the first snapshot no longer has it.
    user.hear(4000, vec![resource(1, LOCKED)], Vec::new());
    user.restart();
    assert_eq!(user.deliver(4000), ["grant 4 ended"]);
    user.restart();
    assert_eq!(user.deliver(4001), [""; 0]);
}

#[test]
fn an_end_is_delivered_also_when_the_controller_says_so_first() {
    let mut user = TestUser::new();
    user.hear(0, vec![resource(1, granted(4, 0, 3600))], Vec::new());
    assert_eq!(user.deliver(0), [""; 0]);
    user.hear(3600, vec![resource(1, LOCKED)], Vec::new());
    // This clock is a little behind.
    assert_eq!(user.deliver(3598), [""; 0]);
    assert_eq!(user.deliver(3600), ["grant 4 ended"]);
}

#[test]
fn what_was_given_back_or_taken_away_does_not_end_again() {
    let mut user = TestUser::new();
    user.hear(0, vec![resource(1, granted(4, 0, 3600))], Vec::new());
    assert_eq!(user.deliver(0), [""; 0]);
    user.hear(1000, vec![resource(1, LOCKED)], Vec::new());
    assert_eq!(user.deliver_until(1000, 9000), []);

    // Revoked while this machine slept past the end.
    let mut user = TestUser::new();
    user.hear(0, vec![resource(1, granted(4, 0, 3600))], Vec::new());
    assert_eq!(user.deliver(0), [""; 0]);
    let revoked = What::Revoked {
        grant: GrantId(4),
        by: None,
        cause: Cause::UserDisabled,
        comment: String::new(),
    };
    user.hear(
        9000,
        vec![resource(1, LOCKED)],
        vec![notice(7, 1800, revoked)],
    );
    assert_eq!(user.deliver(9000), ["notice 7"]);
}

#[test]
fn what_an_earlier_version_was_told_counts() {
    const KEPT: &str = include_str!("fixtures/told_file.json");
    let mut user = TestUser::new();
    std::fs::write(user.folder.path().join("delivery.json"), KEPT).unwrap();
    user.restart();
    let resources = vec![resource(1, granted(4, 0, 20 * MINUTE))];
    let notices = vec![notice(3, 5, denied(1)), notice(4, 10, denied(2))];
    user.hear(11 * MINUTE, resources, notices);
    // Notice 3 and the warning ten minutes before were delivered.
    assert_eq!(user.deliver(11 * MINUTE), ["notice 4"]);
    assert_eq!(user.deliver(18 * MINUTE), ["grant 4 ends in 2"]);

    // Cut off in the middle, it is as good as none.
    let half = &KEPT[..KEPT.len() / 2];
    let path = user.folder.path().join("delivery.json");
    std::fs::write(&path, half).unwrap();
    user.restart();
    let aside = std::fs::read_to_string(path.with_extension("damaged")).unwrap();
    assert_eq!(aside, half);
    assert_eq!(user.deliver(19 * MINUTE), ["grant 4 ends in 1"]);
}

#[test]
fn a_damaged_file_is_set_aside() {
    let mut user = TestUser::new();
    let path = user.folder.path().join("delivery.json");
    std::fs::write(&path, "{").unwrap();
    user.restart();
    assert!(user.folder.path().join("delivery.damaged").exists());
    user.hear(10, Vec::new(), vec![notice(4, 10, denied(1))]);
    assert_eq!(user.deliver(10), ["notice 4"]);
}

proptest! {
    // Each case writes many files to disk.
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the length, and whenever the program looks, is restarted or is away: each warning
    /// is delivered at most once, in order, never after the end, and the end exactly once.
    #[test]
    fn each_ending_is_delivered_at_most_once_and_the_end_always(
        minutes in 1_i64..120,
        looks in prop::collection::vec((0_i64..130 * MINUTE, any::<bool>()), 0..30),
    ) {
        let end = minutes * MINUTE;
        let mut looks = looks;
        looks.sort_unstable();
        looks.push((131 * MINUTE, true));
        let mut user = TestUser::new();
        user.hear(0, vec![resource(1, granted(4, 0, end))], Vec::new());
        let mut delivered = Vec::new();
        prop_assert_eq!(user.deliver(0), Vec::<String>::new());
        for (seconds, restart) in looks {
            if restart {
                user.restart();
            }
            for it in user.due(seconds) {
                user.log.mark_delivered(&it);
                user.save();
                let rank = match &it {
                    PendingNotification::EndingSoon { warning: Warning::Ten, .. } => 1,
                    PendingNotification::EndingSoon { warning: Warning::Two, .. } => 2,
                    PendingNotification::Ended(_) => 3,
                    PendingNotification::Notice(_) => 0,
                };
                prop_assert_eq!(rank == 3, seconds >= end);
                delivered.push(rank);
            }
        }
        prop_assert!(delivered.is_sorted_by(|a, b| a < b), "{:?}", delivered);
        prop_assert_eq!(delivered.last(), Some(&3));
    }
}

#[test]
fn what_was_read_stays_read_and_starts_with_the_sign_in() {
    let mut user = TestUser::new();
    assert_eq!(user.log.read_until(), Some(at(0)), "the sign-in");
    user.log.mark_read(at(90));
    user.log.mark_read(at(60));
    user.save();
    user.restart();
    assert_eq!(user.log.read_until(), Some(at(90)));
}

#[test]
fn the_file_of_an_earlier_version_is_read_where_there_is_no_new_one() {
    const EARLIER: &str = include_str!("fixtures/told_file.json");
    let mut user = TestUser::new();
    let folder = user.folder.path().to_owned();
    std::fs::remove_file(folder.join("delivery.json")).unwrap();
    std::fs::write(folder.join("told.json"), EARLIER).unwrap();
    user.restart();
    let notices = vec![notice(3, 5, denied(1)), notice(4, 10, denied(2))];
    user.hear(11, Vec::new(), notices);
    assert_eq!(user.deliver(11), ["notice 4"]);
    // From then on the new one counts.
    std::fs::write(folder.join("told.json"), EARLIER).unwrap();
    user.restart();
    assert_eq!(user.deliver(12), [""; 0]);
}
