//! Notifications: what they say, when, and that they come once.

use hourkey_protocol::notice::What;

use super::*;

#[test]
fn an_approval_is_told_once_and_its_buttons_work() {
    let mut harness = AppHarness::signed_in(snapshot(0, payroll(pending(-3))));
    let news = || changes(0, payroll(granted(45)), vec![notice(1, 0, approved(45))]);
    let effects = harness.update(news());
    assert_eq!(trays(&effects), 1);
    let shown = notifications(&effects);
    assert_eq!(
        harness.shown(&effects),
        [
            "Payroll database is open: Approved by Marta for 45 minutes: “Only the read replica, please.”"
        ]
    );
    let labels: Vec<&str> = shown[0].message.buttons.iter().map(|it| it.label).collect();
    assert_eq!(labels, ["Open", "Copy address"]);
    let copy = shown[0].message.buttons[1].action.clone();
    let effects = harness.event(Event::click(copy));
    assert_eq!(effects, [Effect::Copy("r1.corp:443".to_owned())]);

    assert_eq!(notifications(&harness.update(news())), [], "sent again");
    let mut harness = harness.restarted();
    let mut again = snapshot(1, payroll(granted(45)));
    again.notices = vec![notice(1, 0, approved(45))];
    let effects = harness.update(Update::Snapshot(Box::new(again)));
    assert_eq!(notifications(&effects), [], "after a restart");
}

#[test]
fn what_was_not_answered_for_is_told_again_after_a_restart() {
    let mut harness = AppHarness::signed_in(snapshot(0, payroll(pending(-3))));
    let news = changes(0, payroll(locked()), vec![notice(1, 0, denied())]);
    assert_eq!(notifications(&harness.update(news)).len(), 1);
    assert_eq!(notifications(&harness.event(Event::Tick)), [], "under way");

    let mut harness = harness.restarted();
    let mut again = snapshot(1, payroll(locked()));
    again.notices = vec![notice(1, 0, denied())];
    let effects = harness.update(Update::Snapshot(Box::new(again)));
    assert_eq!(
        harness.shown(&effects),
        ["Request for Payroll database was denied: Denied by Marta: “Not on a Friday.”"]
    );
}

#[test]
fn endings_are_told_ten_and_two_minutes_before_and_at_the_end() {
    let mut harness = AppHarness::signed_in(snapshot(0, payroll(granted(45))));
    assert_eq!(notifications(&harness.until(34)), []);
    for (minute, said) in [
        (
            35,
            "10 minutes left on Payroll database: Access ends at 10:45.",
        ),
        (
            43,
            "2 minutes left on Payroll database: Access ends at 10:45.",
        ),
        (
            45,
            "Payroll database is locked again: Access ended at 10:45.",
        ),
    ] {
        let effects = harness.until(minute);
        assert_eq!(harness.shown(&effects), [said]);
    }
    assert_eq!(notifications(&harness.until(24 * 60)), []);
    let inbox = crate::view_models::view_models(&harness.app.state, at(45));
    let ended = inbox.iter().any(|update| match update {
        ViewUpdate::Inbox(items) => items.iter().any(|item| item.kind == InboxKind::Ended),
        _ => false,
    });
    assert!(ended, "the inbox keeps it");
}

#[test]
fn an_extended_grant_tells_its_new_end_and_takes_the_old_warning_back() {
    let mut harness = AppHarness::signed_in(snapshot(0, payroll(granted(45))));
    let effects = harness.until(35);
    let shown = notifications(&effects);
    let [warning] = shown.as_slice() else {
        panic!("{effects:?}");
    };
    let resource = hourkey_domain::ids::ResourceId(1);
    let [button] = &warning.message.buttons[..] else {
        panic!("{warning:?}");
    };
    assert_eq!(
        (button.label, &button.action),
        ("Extend", &Intent::Extend { resource })
    );
    let topic = warning.topic;
    let LockState::Granted {
        grant, started_at, ..
    } = granted(45)
    else {
        panic!("no grant");
    };
    let extended = LockState::Granted {
        grant,
        started_at,
        expires_at: at(65),
        extension: None,
    };
    let effects = harness.update(changes(35, payroll(extended), vec![]));
    assert!(effects.contains(&Effect::Withdraw(topic)), "{effects:?}");
    assert_eq!(notifications(&harness.until(54)), []);
    for (minute, said) in [
        (
            55,
            "10 minutes left on Payroll database: Access ends at 11:05.",
        ),
        (
            63,
            "2 minutes left on Payroll database: Access ends at 11:05.",
        ),
        (
            65,
            "Payroll database is locked again: Access ended at 11:05.",
        ),
    ] {
        let effects = harness.until(minute);
        assert_eq!(harness.shown(&effects), [said]);
    }
}

#[test]
fn what_becomes_of_a_request_for_more_time_says_until_when_access_goes_on() {
    let mut harness = AppHarness::signed_in(snapshot(0, payroll(granted(45))));
    let extends = Some(at(45));
    let mut news = vec![
        notice(
            1,
            0,
            What::Denied {
                request: RequestId(5),
                by: "Rosa Ott".to_owned(),
                comment: "Enough.".to_owned(),
                extends,
            },
        ),
        notice(
            2,
            0,
            What::Lapsed {
                request: RequestId(6),
                extends,
            },
        ),
        notice(
            3,
            0,
            What::Cancelled {
                request: RequestId(7),
                cause: hourkey_domain::cause::Cause::GrantEnded,
                extends: Some(at(0)),
            },
        ),
    ];
    let mut gave = notice(4, 0, approved(45));
    if let What::Approved {
        expires_at,
        extends,
        ..
    } = &mut gave.what
    {
        *extends = Some(at(45));
        *expires_at = at(90);
    }
    news.push(gave);
    let effects = harness.update(changes(0, vec![], news));
    assert_eq!(
        harness.shown(&effects),
        [
            "Request to extend Payroll database was denied: Denied by Rosa Ott: “Enough.” Access \
             goes on until 10:45.",
            "Request to extend Payroll database expired: Expired: nobody answered. Access goes on \
             until 10:45.",
            "Request to extend Payroll database was cancelled: Cancelled because access ended \
             before anybody answered.",
            "Payroll database is open until 11:30: Extended by Marta: “Only the read replica, \
             please.”",
        ]
    );
}

#[test]
fn after_a_long_sleep_only_the_end_is_told() {
    let mut harness = AppHarness::signed_in(snapshot(0, payroll(granted(45))));
    harness.set(Duration::from_secs(3 * 3_600));
    let effects = harness.event(Event::Woke);
    assert_eq!(
        harness.shown(&effects),
        ["Payroll database is locked again: Access ended at 10:45."]
    );
    assert!(effects.contains(&Effect::Session(SessionCommand::Reconnect)));
}

#[test]
fn an_approval_whose_time_passed_unheard_stays_on_the_screen() {
    let mut harness = AppHarness::signed_in(snapshot(0, payroll(pending(-3))));
    let mut later = snapshot(60, payroll(locked()));
    later.notices = vec![notice(1, 0, approved(45))];
    let effects = harness.update(Update::Snapshot(Box::new(later)));
    assert_eq!(
        harness.shown(&effects),
        ["Payroll database was approved: Approved by Marta for 45 minutes; that time is over."]
    );
    let is_withdrawn = |effect: &Effect| matches!(effect, Effect::Withdraw(_));
    assert!(!effects.iter().any(is_withdrawn), "{effects:?}");
}

#[test]
fn a_review_request_is_taken_back_when_somebody_else_decides_it() {
    let mut first = snapshot(0, vec![]);
    first.me = hourkey_protocol::account::Me {
        reviews: true,
        ..me()
    };
    let mut harness = AppHarness::signed_in(first);
    let mut news = changes(0, vec![], vec![notice(1, 0, please_review(5))]);
    if let Update::Changes(changes) = &mut news {
        changes.reviews = vec![review(5, true)];
    }
    let effects = harness.update(news);
    assert_eq!(
        harness.shown(&effects),
        ["Lee Novak asks for Payroll database: For 30 minutes: “Ticket 4412”"]
    );
    let mut decided = changes(1, vec![], vec![]);
    if let Update::Changes(changes) = &mut decided {
        changes.removed_reviews = vec![RequestId(5)];
    }
    let effects = harness.update(decided);
    assert!(effects.contains(&Effect::Withdraw(Topic::Review(RequestId(5)))));
}

#[test]
fn an_unlock_is_told_with_the_days_until_it_locks_again() {
    let mut harness = AppHarness::signed_in(snapshot(0, vec![]));
    let week = 7 * 24 * 60;
    let unlocked = |by: Option<&str>, comment: &str| What::Unlocked {
        request: None,
        by: by.map(str::to_owned),
        locks_at: at(week),
        comment: comment.to_owned(),
    };
    let news = vec![
        notice(1, 0, unlocked(Some("Rosa"), "Welcome back.")),
        notice(2, 0, unlocked(None, "")),
    ];
    let effects = harness.update(changes(0, vec![], news));
    assert_eq!(
        harness.shown(&effects),
        [
            "Payroll database is open: Unlocked by Rosa; it locks in 7 days if you do not use it: \
             “Welcome back.”",
            "Payroll database is open: Unlocked; it locks in 7 days if you do not use it."
        ]
    );
    let mut asked = please_review(5);
    if let What::PleaseReview { asked, .. } = &mut asked {
        *asked = None;
    }
    let mut news = changes(0, vec![], vec![notice(3, 0, asked)]);
    if let Update::Changes(changes) = &mut news {
        changes.reviews = vec![review(5, true)];
    }
    let effects = harness.update(news);
    assert_eq!(
        harness.shown(&effects),
        ["Lee Novak asks to unlock Payroll database: It was not used for a while: “Ticket 4412”"]
    );
}

#[test]
fn a_reviewer_reads_until_when_access_would_last() {
    let said = |starts: Option<i64>, ends_at: Option<i64>, ends_by: Option<i64>| {
        let mut harness = AppHarness::signed_in(snapshot(0, vec![]));
        let mut asked = please_review(5);
        if let What::PleaseReview { starts_at, .. } = &mut asked {
            *starts_at = starts.map(at);
        }
        let mut news = changes(0, vec![], vec![notice(3, 0, asked)]);
        if let Update::Changes(changes) = &mut news {
            let mut review = review(5, true);
            review.request.starts_at = starts.map(at);
            review.request.ends_at = ends_at.map(at);
            review.ends_by = ends_by.map(at);
            changes.reviews = vec![review];
        }
        let effects = harness.update(news);
        let [shown] = &harness.shown(&effects)[..] else {
            panic!("one notification");
        };
        let (_, body) = shown.split_once(": For ").unwrap();
        body.split_once(": ").unwrap().0.to_owned()
    };
    assert_eq!(said(None, None, None), "30 minutes");
    assert_eq!(said(None, None, Some(31)), "30 minutes");
    let early = "30 minutes, until 10:20 at the latest";
    assert_eq!(said(None, None, Some(20)), early);
    assert_eq!(said(Some(10), Some(40), Some(50)), "30 minutes, from 10:10");
    assert_eq!(
        said(Some(10), Some(20), Some(20)),
        "30 minutes, from 10:10, until 10:20 at the latest"
    );
}

#[test]
fn what_the_system_ends_says_why() {
    use hourkey_domain::cause::Cause;
    use hourkey_domain::ids::GrantId;

    let mut harness = AppHarness::signed_in(snapshot(0, vec![]));
    let cancelled = |cause| What::Cancelled {
        request: RequestId(5),
        cause,
        extends: None,
    };
    let revoked = |cause| What::Revoked {
        grant: GrantId(7),
        by: None,
        cause,
        comment: String::new(),
    };
    let lapsed = What::Lapsed {
        request: RequestId(6),
        extends: None,
    };
    let news = vec![
        notice(1, 0, cancelled(Cause::ResourceRemoved)),
        notice(2, 0, lapsed),
        notice(3, 0, revoked(Cause::UserDisabled)),
        notice(4, 0, cancelled(Cause::NoLongerNeeded)),
    ];
    let effects = harness.update(changes(0, vec![], news));
    assert_eq!(
        harness.shown(&effects),
        [
            "Request for Payroll database was cancelled: Cancelled because the resource was removed.",
            "Request for Payroll database expired: Expired: nobody answered.",
            "Access to Payroll database was revoked: Revoked because the account was disabled.",
            "Payroll database needs no request any more: Cancelled because the resource is open \
             without a request now."
        ]
    );
}

#[test]
fn switched_off_notifications_are_kept_in_the_inbox_and_not_told_later() {
    let mut harness = AppHarness::signed_in(snapshot(0, payroll(pending(-3))));
    harness
        .command(Intent::SetNotifications { on: false })
        .unwrap();
    let news = changes(0, payroll(locked()), vec![notice(1, 0, denied())]);
    assert_eq!(notifications(&harness.update(news)), []);
    let effects = harness
        .command(Intent::SetNotifications { on: true })
        .unwrap();
    assert_eq!(notifications(&effects), []);
    let shown = crate::view_models::view_models(&harness.app.state, at(0));
    let inbox = shown.iter().find_map(|update| match update {
        ViewUpdate::Inbox(items) => Some(items),
        _ => None,
    });
    let items = inbox.unwrap();
    assert_eq!(items[0].title, "Request for Payroll database was denied");
}

#[test]
fn a_missing_notification_service_is_said_and_nothing_is_tried_twice() {
    let mut harness = AppHarness::signed_in(snapshot(0, payroll(pending(-3))));
    let news = changes(0, payroll(locked()), vec![notice(1, 0, denied())]);
    let effects = harness.update(news);
    let id = notifications(&effects)[0].id;
    let result = Err(NotifyError("no notification service is running".to_owned()));
    let effects = harness.event(Event::Notified { id, result });
    assert_eq!(notifications(&effects), []);
    let warning = &harness.app.state.warnings["notifications"];
    let details = warning.details.as_deref();
    assert_eq!(details, Some("no notification service is running"));
}
