use hourkey_domain::ids::{GrantId, RequestId};
use hourkey_domain::lock::PendingExtension;

use hourkey_protocol::access::{Approved, LastDecision};

use super::*;
use crate::fixtures::{
    at, denied, granted, locked, model, notice, offline, pending, please_review, resource, review,
    session, standing, state,
};

/// The menu as text, submenus in brackets.
fn outline(state: &AppState, minutes: i64) -> String {
    let entries = menu(state, at(minutes))
        .0
        .into_iter()
        .map(|entry| match entry {
            MenuEntry::Separator => "—".to_owned(),
            MenuEntry::Text(text) => format!("({text})"),
            MenuEntry::Item(item) => item.label,
            MenuEntry::Row {
                label, note, items, ..
            } => {
                let note = note.map(|note| format!("({note})"));
                let items = items.into_iter().map(|item| item.label);
                let items: Vec<String> = note.into_iter().chain(items).collect();
                format!("{label} [{}]", items.join(" | "))
            }
        });
    entries.collect::<Vec<_>>().join("\n")
}

fn rows(menu: &Menu) -> Vec<i64> {
    let rows = menu.0.iter().filter_map(|entry| match entry {
        MenuEntry::Row { resource, .. } => Some(resource.0),
        MenuEntry::Separator | MenuEntry::Text(_) | MenuEntry::Item(_) => None,
    });
    rows.collect()
}

#[test]
fn each_lock_state_offers_what_can_be_done() {
    let mut database = resource(1, "Payroll database", granted(42));
    database.url = None;
    let state = state(vec![
        database,
        resource(2, "Staging", granted(4)),
        resource(3, "Billing admin", pending(-3)),
        resource(4, "Grafana", locked()),
        resource(5, "Company wiki", standing()),
        resource(
            6,
            "Batch host",
            LockState::Scheduled {
                grant: GrantId(9),
                starts_at: at(270),
                expires_at: at(300),
            },
        ),
        resource(
            7,
            "Old archive",
            LockState::Open {
                locks_at: Some(at(3 * 24 * 60)),
            },
        ),
    ]);
    assert_eq!(
        outline(&state, 0),
        "\
Staging · 4 min left [Open in browser | Copy address | Extend… | Give back]
Payroll database · 42 min left [Copy address | Forward to this computer | Extend… | Give back]
Old archive · locks in 3 d [Open in browser | Copy address]
Company wiki · open [Open in browser | Copy address]
Billing admin · waiting 3 min [View request | Cancel request]
Batch host · starts 14:30 [Copy address | Give back]
—
Grafana · locked [Authenticate… | Copy address]
—
Inbox…
Show Hourkey
Settings…
Quit"
    );
}

#[test]
fn a_grant_of_a_month_or_a_year_counts_down_in_days() {
    const DAY: i64 = 24 * 60;
    for (days, minute, said) in [
        (30, 0, "30 days left"),
        (30, 1, "29 days left"),
        (30, 23 * DAY, "7 days left"),
        (30, 23 * DAY + 1, "6 d 23 h left"),
        (365, 0, "365 days left"),
        (365, DAY, "364 days left"),
    ] {
        let state = state(vec![resource(1, "Archive", granted(days * DAY))]);
        let menu = outline(&state, minute);
        assert!(menu.starts_with(&format!("Archive · {said} [")), "{menu}");
    }
}

#[test]
fn nobody_signed_in_leaves_one_thing_to_do() {
    let mut state = state(vec![resource(1, "Grafana", locked())]);
    state.sign_in = SignIn::default();
    assert_eq!(outline(&state, 0), "Sign in…\n—\nShow Hourkey\nQuit");
    state.sign_in = SignIn::SigningIn {
        controller: "https://hourkey.example/".parse().unwrap(),
    };
    assert_eq!(
        outline(&state, 0),
        "(Signing in through the browser…)\nCancel sign-in\n—\nShow Hourkey\nQuit"
    );
}

#[test]
fn offline_says_since_when_and_keeps_what_was_known() {
    let state = offline(state(vec![
        resource(1, "Payroll database", granted(42)),
        resource(2, "Grafana", locked()),
    ]));
    let menu = outline(&state, 0);
    assert!(
        menu.starts_with("(Offline since 09:00)\n—\nPayroll database · 42 min left ["),
        "{menu}"
    );
    let menu = outline(&state, 42);
    assert!(
        menu.contains("\nPayroll database · locked [Authenticate…"),
        "nothing is open past its end: {menu}"
    );
}

#[test]
fn recently_used_ones_come_first_then_names() {
    let mut old = resource(1, "zebra", locked());
    old.last_touched = Some(at(-600));
    let mut new = resource(2, "Yak", locked());
    new.last_touched = Some(at(-5));
    let state = state(vec![
        resource(4, "beta", locked()),
        resource(3, "Alpha", locked()),
        old,
        new,
    ]);
    assert_eq!(rows(&menu(&state, at(0))), [2, 1, 3, 4]);
}

#[test]
fn many_resources_leave_fifteen_rows_and_a_way_to_the_rest() {
    let many = (1..=27).map(|id| resource(id, &format!("Resource {id:02}"), locked()));
    let all = state(many.collect());
    let menu = menu(&all, at(0));
    assert_eq!(rows(&menu).len(), MAX_ROWS);
    assert!(outline(&all, 0).contains("\nMore resources (12)…\n"));

    let few = state(vec![resource(1, "Grafana", locked())]);
    assert!(!outline(&few, 0).contains("More resources"));
}

#[test]
fn standing_resources_push_out_neither_what_waits_nor_all_that_is_locked() {
    let mut resources: Vec<_> = (1..=40)
        .map(|id| resource(id, &format!("Open {id:02}"), standing()))
        .collect();
    resources.push(resource(50, "Waits", pending(-3)));
    resources.extend((60..=70).map(|id| resource(id, "Locked", locked())));
    resources.push(resource(80, "Runs", granted(5)));
    let shown = rows(&menu(&state(resources), at(0)));
    assert_eq!(shown.len(), MAX_ROWS);
    assert_eq!(shown[0], 80);
    assert_eq!(shown[9], 50);
    assert_eq!(shown[10..], [60, 61, 62, 63, 64]);
}

/// Somebody with 405 resources, names in several scripts: 3 grants, 34 auto-locked ones that are
/// used, 25 standing, 1 request, 342 locked.
#[test]
fn somebody_with_hundreds_of_resources_finds_what_waits_and_what_is_locked() {
    let names = [
        "Lohnbuchhaltung",
        "給与データベース",
        "قاعدة بيانات الرواتب",
    ];
    let mut resources = Vec::new();
    let mut add = |count: i64, lock: &dyn Fn(i64) -> LockState| {
        for _ in 0..count {
            let id = i64::try_from(resources.len()).unwrap() + 1;
            let name = format!("{} {id:03}", names[resources.len() % names.len()]);
            resources.push(resource(id, &name, lock(id)));
        }
    };
    add(3, &|id| granted(20 * id));
    add(34, &|id| LockState::Open {
        locks_at: Some(at((30 * 24 - id) * 60)),
    });
    add(25, &|_| standing());
    add(1, &|_| pending(-3));
    add(342, &|_| locked());
    assert_eq!(resources.len(), 405);

    // Two that need attention: one locks tomorrow, one was denied.
    resources[36].lock = LockState::Open {
        locks_at: Some(at(24 * 60)),
    };
    resources[80].last_touched = Some(at(-1));
    resources[80].last_decision = Some(revoked(None));
    let state = state(resources);
    let outline = outline(&state, 0);
    let shown = rows(&menu(&state, at(0)));
    assert_eq!(shown.len(), MAX_ROWS, "{outline}");
    assert_eq!(shown[..4], [1, 2, 3, 37], "{outline}");
    assert_eq!(shown[9], 63, "what waits: {outline}");
    assert_eq!(shown[10], 81, "what was decided just now: {outline}");
    assert!(shown[11..].iter().all(|id| *id > 63), "{outline}");
    assert!(outline.contains("\nMore resources (390)…\n"), "{outline}");
    assert!(!outline.contains("29 d"), "{outline}");
}

#[test]
fn who_decided_what_and_why_stands_at_the_resource() {
    let mut denied = resource(1, "Database", locked());
    denied.last_decision = Some(LastDecision {
        kind: Decision::Denied,
        comment: "Use the\n\u{202e}copy.".to_owned(),
        ..revoked(None)
    });
    let mut taken = resource(2, "Logs", locked());
    taken.last_decision = Some(revoked(Some(at(4 * 60))));
    let mut again = resource(3, "Wiki", granted(30));
    if let LockState::Granted { extension, .. } = &mut again.lock {
        *extension = Some(PendingExtension {
            request: RequestId(8),
            since: at(0),
            lapses_at: at(30),
        });
    }
    again.last_decision = Some(revoked(None));
    let mut approved = resource(4, "Grafana", granted(45));
    approved.approved = Some(Approved {
        by: "Rosa Ott".to_owned(),
        comment: "Only the\ndashboards.".to_owned(),
    });
    let state = state(vec![denied, taken, again, approved]);
    let outline = outline(&state, 0);
    let expected = "\
Wiki · 30 min left [(Waiting for a reviewer to extend it.) | Open in browser | Copy address | View request to extend | Give back]
Grafana · 45 min left [(Approved by Rosa Ott: “Only the dashboards.”) | Open in browser | Copy address | Extend… | Give back]
—
Database · denied [(Denied by Rosa Ott: “Use the copy.”) | Request again… | Copy address]
Logs · revoked [(Revoked by Rosa Ott. Opens with a reason again from 14:00.) | Authenticate… | Copy address]
—";
    assert!(outline.starts_with(expected), "{outline}");
}

fn revoked(automatic_at: Option<DateTime<Utc>>) -> LastDecision {
    LastDecision {
        kind: Decision::Revoked,
        at: at(-5),
        by: Some("Rosa Ott".to_owned()),
        cause: None,
        comment: String::new(),
        automatic_at,
    }
}

#[test]
fn unread_notices_are_counted_and_read_ones_are_not() {
    let mut state = state(vec![]);
    model(&mut state).notices = vec![
        notice(3, -1, please_review(5)),
        notice(2, -10, denied()),
        notice(1, -60, denied()),
    ];
    assert!(outline(&state, 0).contains("Inbox…\n"), "not known yet");
    session(&mut state).read_until = Some(at(-60));
    assert!(outline(&state, 0).contains("Inbox (1 new)…\n"));
    session(&mut state).read_until = Some(at(0));
    assert!(outline(&state, 0).contains("Inbox…\n"));
}

#[test]
fn reviewers_see_how_many_wait_for_them() {
    let mut state = state(vec![]);
    assert!(!outline(&state, 0).contains("Review"));
    model(&mut state).me.as_mut().unwrap().reviews = true;
    assert!(outline(&state, 0).contains("Review requests…"));
    model(&mut state).reviews = vec![review(1, true), review(2, false), review(3, true)];
    assert!(outline(&state, 0).contains("Review requests (2)…"));
}

#[test]
fn hostile_names_stay_one_bounded_line() {
    let name = format!("a\u{202e}b\n{}", "x".repeat(500));
    let state = state(vec![resource(1, &name, locked())]);
    let MenuEntry::Row { label, .. } = &menu(&state, at(0)).0[0] else {
        panic!("a row comes first");
    };
    let name = label.strip_suffix(" · locked").unwrap();
    assert!(name.starts_with("ab xxx") && name.ends_with('…'));
    assert_eq!(name.chars().count(), MAX_NAME_CHARS);
}

#[test]
fn time_changes_labels_at_the_moments_that_are_told_and_nothing_else() {
    let state = state(vec![
        resource(1, "Payroll database", granted(90)),
        resource(2, "Billing admin", pending(-3)),
        resource(3, "Grafana", locked()),
    ]);
    let mut now = at(0) + chrono::TimeDelta::seconds(20);
    let mut steps = 0;
    while now < at(89) {
        let next = changes_at(&state, now).unwrap();
        let before = next - chrono::TimeDelta::milliseconds(1);
        assert_eq!(menu(&state, before), menu(&state, now));
        assert_ne!(menu(&state, next), menu(&state, now));
        assert_eq!(rows(&menu(&state, next)), rows(&menu(&state, now)));
        now = next;
        steps += 1;
    }
    assert!(steps <= 2 * 90, "at most one step a minute and row");
}

#[test]
fn ids_of_entries_come_back_as_the_same_intent() {
    for intent in [
        Intent::SignInAgain,
        Intent::Authenticate {
            resource: ResourceId(4),
        },
        Intent::Release {
            grant: GrantId(i64::MAX),
        },
        Intent::Quit,
    ] {
        let id = serde_json::to_string(&intent).unwrap();
        assert_eq!(crate::tray::backend::intent(&id), Some(intent));
    }
    assert_eq!(crate::tray::backend::intent("muda-17"), None);
}

#[test]
fn shortcuts_that_are_open_are_one_click_and_what_is_hidden_or_disabled_is_no_row() {
    let with = |id, name: &str, lock, visibility| Resource {
        url: Some("https://wiki.corp/".to_owned()),
        visibility,
        ..resource(id, name, lock)
    };
    let why = Why::Disabled;
    let state = state(vec![
        with(1, "Wiki", standing(), Visibility::Shortcut),
        with(2, "Board", granted(40), Visibility::Shortcut),
        with(3, "Locked", locked(), Visibility::Shortcut),
        with(4, "Hidden", locked(), Visibility::Hidden),
        with(5, "Secret", granted(40), Visibility::Hidden),
        with(6, "Off", LockState::Locked { why }, Visibility::Shortcut),
        resource(7, "Another", locked()),
    ]);
    let menu = menu(&state, at(0));
    let first: Vec<_> = menu
        .0
        .iter()
        .take_while(|it| **it != MenuEntry::Separator)
        .collect();
    let open = |id, name: &str| {
        let resource = ResourceId(id);
        item(&format!("Open {name}"), Intent::Open { resource })
    };
    assert_eq!(first, [&open(2, "Board"), &open(1, "Wiki")]);
    assert_eq!(rows(&menu), [2, 5, 1, 3, 7]);
}
