use super::*;
use crate::fixtures::{
    self, approved, at, denied, granted, locked, notice, offline, pending, resource, review,
    standing, state,
};
use hourkey_domain::cause::Cause;
use hourkey_domain::ids::{GrantId, RequestId, ResourceId};

#[test]
fn rows_come_open_then_waiting_then_locked() {
    let state = state(vec![
        resource(1, "b locked", locked()),
        resource(2, "A locked", locked()),
        resource(3, "Waits", pending(-3)),
        resource(4, "Wiki", standing()),
        resource(5, "Later", granted(40)),
        resource(6, "Soon", granted(4)),
    ]);
    let ids = |minutes| resources(&state, at(minutes)).into_iter().map(|row| row.id);
    assert_eq!(ids(0).collect::<Vec<_>>(), [6, 5, 4, 3, 2, 1]);
    assert_eq!(ids(5).collect::<Vec<_>>(), [5, 4, 3, 2, 1, 6]);
}

#[test]
fn a_row_that_is_granted_says_who_approved_it() {
    let mut runs = resource(1, "Payroll database", granted(40));
    runs.approved = Some(access::Approved {
        by: "Marta Ruiz".to_owned(),
        comment: "Only the replica.".to_owned(),
    });
    let rows = resources(&state(vec![runs]), at(0));
    let Lock::Granted { approved, .. } = &rows[0].lock else {
        panic!("{:?}", rows[0].lock);
    };
    let sentence = "Approved by Marta Ruiz: “Only the replica.”";
    assert_eq!(approved.as_deref(), Some(sentence));
}

#[test]
fn the_inbox_uses_the_notifications_words_and_offers_their_first_action() {
    let mut state = state(vec![resource(1, "Payroll database", locked())]);
    fixtures::model(&mut state).notices =
        vec![notice(2, -10, denied()), notice(1, -60, approved(-5))];
    let items = inbox(&state, at(0));
    assert_eq!(items[0].title, "Request for Payroll database was denied");
    assert_eq!(items[0].kind, InboxKind::Denied);
    assert_eq!(
        items[0].action,
        Some(Intent::Authenticate {
            resource: ResourceId(1)
        })
    );
    assert_eq!(items[0].action_label.as_deref(), Some("Request again"));
    assert_eq!(
        items[1].title, "Payroll database was approved",
        "and is over"
    );
}

#[test]
fn an_old_approval_says_the_end_after_an_extension() {
    let LockState::Granted { started_at, .. } = granted(90) else {
        panic!("a grant runs");
    };
    // The grant of the approval, which ended later than it was approved for.
    let runs = LockState::Granted {
        grant: GrantId(45),
        started_at,
        expires_at: at(90),
        extension: None,
    };
    let mut state = state(vec![resource(1, "Payroll database", runs)]);
    fixtures::model(&mut state).notices = vec![notice(1, 0, approved(45))];
    let items = inbox(&state, at(60));
    assert_eq!(items[0].title, "Payroll database is open until 11:30");
    assert!(!items[0].body.contains("is over"), "{}", items[0].body);
    // Another grant says nothing of it.
    let mut other = fixtures::state(vec![resource(1, "Payroll database", granted(90))]);
    fixtures::model(&mut other).notices = vec![notice(1, 0, approved(45))];
    assert_eq!(
        inbox(&other, at(60))[0].title,
        "Payroll database was approved"
    );
}

/// The first of the inbox, about the resource as it stands.
fn first(lock: LockState, whats: &[What], now: i64) -> (String, String, Option<String>) {
    let mut state = state(vec![resource(1, "Payroll database", lock)]);
    let notices = whats.iter().zip(1..);
    let notices = notices.map(|(what, id)| notice(id, 10 - id, what.clone()));
    fixtures::model(&mut state).notices = notices.collect();
    let first = inbox(&state, at(now)).remove(0);
    (first.title, first.body, first.action_label)
}

fn runs(grant: i64, until: i64) -> LockState {
    LockState::Granted {
        grant: GrantId(grant),
        started_at: at(0),
        expires_at: at(until),
        extension: None,
    }
}

#[test]
fn what_was_told_of_a_grant_is_told_by_its_present_end() {
    let started = What::Started {
        grant: GrantId(45),
        expires_at: at(45),
    };
    let (_, body, _) = first(runs(45, 90), &[started], 60);
    assert_eq!(body, "Until 11:30.");

    // The group's access ends earlier than it did when it was approved.
    let (title, ..) = first(runs(45, 30), &[approved(45)], 20);
    assert_eq!(title, "Payroll database is open until 10:30");

    // An extension that was taken back, and one of which the row has not heard yet.
    let What::Approved { request, .. } = approved(45) else {
        panic!("an approval");
    };
    let extended = What::Approved {
        request,
        grant: GrantId(45),
        by: None,
        length: "1h".parse().unwrap(),
        starts_at: at(0),
        expires_at: at(90),
        comment: String::new(),
        extends: Some(at(45)),
    };
    let (title, ..) = first(runs(45, 45), std::slice::from_ref(&extended), 20);
    assert_eq!(title, "Payroll database is open until 11:30");
    let undone = What::Cancelled {
        request,
        cause: Cause::Undone,
        extends: Some(at(45)),
    };
    let (title, ..) = first(runs(45, 45), &[extended, undone], 20);
    assert_eq!(title, "Payroll database is open until 10:45");
}

#[test]
fn a_denied_extension_says_until_when_access_goes_on_now() {
    let denied = What::Denied {
        request: RequestId(8),
        by: "Marta".to_owned(),
        comment: String::new(),
        extends: Some(at(45)),
    };
    let denied = [denied];
    let (_, body, action) = first(runs(45, 90), &denied, 60);
    assert_eq!(body, "Denied by Marta. Access goes on until 11:30.");
    assert_eq!(action.as_deref(), Some("Request again"));
    let (_, body, _) = first(locked(), &denied, 20);
    assert_eq!(body, "Denied by Marta.", "it was revoked since");
}

#[test]
fn reviews_are_for_reviewers() {
    let mut state = state(vec![]);
    fixtures::model(&mut state).reviews = vec![review(1, true)];
    assert_eq!(reviews(&state), None);
    fixtures::model(&mut state).me.as_mut().unwrap().reviews = true;
    assert_eq!(reviews(&state).unwrap()[0].requester, "Lee Novak");
}

#[test]
fn offline_names_the_account_and_since_when() {
    let session = session(&offline(state(vec![])), at(0));
    let SessionState::Offline { account, since, .. } = session.state else {
        panic!("offline");
    };
    assert_eq!(account.login, "ada");
    assert_eq!(account.controller, "https://hourkey.example");
    assert_eq!(since, at(-60).timestamp_millis());
}

#[test]
fn the_passing_of_time_alone_is_no_news() {
    let state = state(vec![resource(1, "Runs", granted(40))]);
    let pairs = view_models(&state, at(0))
        .into_iter()
        .zip(view_models(&state, at(1)));
    for (before, after) in pairs {
        assert!(same(&before, &after), "{after:?}");
    }
}

#[test]
fn what_is_hidden_is_listed_while_something_of_ones_own_runs_and_shortcuts_come_first() {
    let hidden = |id, lock| access::Resource {
        visibility: Visibility::Hidden,
        ..resource(id, "Hidden", lock)
    };
    let shortcut = access::Resource {
        visibility: Visibility::Shortcut,
        ..resource(5, "Zebra", standing())
    };
    let why = Why::Disabled;
    let disabled = access::Resource {
        description: "Old".to_owned(),
        ..resource(7, "A disabled", LockState::Locked { why })
    };
    let state = state(vec![
        hidden(1, locked()),
        hidden(2, standing()),
        hidden(3, granted(4)),
        hidden(4, pending(-3)),
        shortcut,
        resource(6, "Apple", standing()),
        disabled,
        resource(8, "Zoo", locked()),
    ]);
    let rows = resources(&state, at(0));
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    assert_eq!(ids, [3, 5, 6, 4, 8, 7]);
    assert_eq!(rows[5].description.as_deref(), Some("Old"));
    let is_disabled = |row: &Resource| matches!(row.lock, Lock::Locked { disabled: true, .. });
    assert_eq!(rows.iter().filter(|row| is_disabled(row)).count(), 1);
    // Once its time is over it is hidden again.
    assert!(resources(&state, at(5)).iter().all(|row| row.id != 3));
}

#[test]
fn how_to_use_it_is_shown_as_long_as_it_is_open() {
    let mut runs = resource(1, "Payroll database", granted(4));
    runs.how_to_use = Some("psql -h payroll".to_owned());
    let state = state(vec![runs]);
    let shown = |minutes| resources(&state, at(minutes))[0].how_to_use.clone();
    assert_eq!(shown(0).as_deref(), Some("psql -h payroll"));
    assert_eq!(shown(5), None);
}
