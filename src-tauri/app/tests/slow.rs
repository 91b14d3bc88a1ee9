//! A disk and desktop settings that take their time: the app goes on meanwhile.

use super::*;

fn saved(harness: &AppHarness) -> Config {
    Config::load(&harness.app.folders.config_file()).unwrap()
}

#[test]
fn a_disk_and_desktop_settings_that_hang_hold_up_nothing() {
    let mut harness = AppHarness::signed_in(snapshot(0, payroll(pending(-3))));
    harness.app.effects.hangs = true;
    let mut notifications_set = harness.ask(Intent::SetNotifications { on: true });
    let mut browsers_set = harness.ask(Intent::SetBrowsers { on: true });

    // The tray ticks, notifications are shown, and clicks are carried out.
    let approval = notice(1, 0, approved(45));
    let news = changes(0, payroll(granted(45)), vec![approval.clone()]);
    let effects = harness.update(news);
    assert_eq!(trays(&effects), 1, "{effects:?}");
    assert_eq!(harness.shown(&effects).len(), 1, "{effects:?}");
    assert_eq!(trays(&harness.until(2)), 2);
    let effects = harness.event(Event::click(Intent::Copy {
        resource: ResourceId(1),
    }));
    assert_eq!(effects, [Effect::Copy("r1.corp:443".to_owned())]);
    notifications_set.try_recv().unwrap_err();
    browsers_set.try_recv().unwrap_err();

    // What was asked for is done once it can be, in its order.
    harness.app.effects.go_on();
    harness.settle();
    assert_eq!(notifications_set.try_recv(), Ok(Ok(())));
    assert_eq!(browsers_set.try_recv(), Ok(Ok(())));
    assert!(saved(&harness).browsers);
    let mut harness = harness.restarted();
    let mut again = snapshot(2, payroll(granted(45)));
    again.notices = vec![approval];
    let effects = harness.update(Update::Snapshot(Box::new(again)));
    assert_eq!(notifications(&effects), [], "the delivery log has it");
}

#[test]
fn notifications_come_once_the_delivery_log_is_there() {
    let mut harness = AppHarness::new();
    harness.app.start();
    harness.event(Event::TrayHost(true));
    harness.app.effects.hangs = true;
    let controller = "https://hourkey.example".to_owned();
    harness.command(Intent::SignIn { controller }).unwrap();
    harness.event(Event::SignedIn(Ok(signed(1, Some(Duration::ZERO)))));
    let first = snapshot(0, payroll(pending(-3)));
    let effects = harness.update(Update::Snapshot(Box::new(first)));
    assert_eq!(trays(&effects), 1, "what is there is shown: {effects:?}");
    let denial = changes(1, payroll(locked()), vec![notice(1, 1, denied())]);
    assert_eq!(notifications(&harness.update(denial)), []);

    harness.app.effects.go_on();
    let effects = harness.settle();
    assert_eq!(
        harness.shown(&effects),
        ["Request for Payroll database was denied: Denied by Marta: “Not on a Friday.”"]
    );
}

#[test]
fn a_delivery_log_that_comes_after_signing_out_is_of_no_use() {
    let mut harness = AppHarness::new();
    harness.app.start();
    harness.app.effects.hangs = true;
    let controller = || "https://hourkey.example".to_owned();
    let sign_in = |controller| Intent::SignIn { controller };
    harness.command(sign_in(controller())).unwrap();
    harness.event(Event::SignedIn(Ok(signed(1, Some(Duration::ZERO)))));
    harness.update(Update::Snapshot(Box::new(snapshot(0, vec![]))));
    harness.command(Intent::SignOut).unwrap();
    harness.command(sign_in(controller())).unwrap();
    harness.event(Event::SignedIn(Ok(signed(2, Some(Duration::ZERO)))));

    harness.app.effects.go_on();
    harness.settle();
    assert_eq!(
        harness.app.state.session().unwrap().read_until,
        None,
        "another session's"
    );
    let update = Update::Snapshot(Box::new(snapshot(0, vec![])));
    harness.update_of(SessionId(2), update);
    assert_eq!(harness.app.state.session().unwrap().read_until, Some(at(0)));
}

#[test]
fn a_delivery_log_that_cannot_be_opened_is_said_once_and_tried_with_the_next_news() {
    let mut harness = AppHarness::new();
    let state = harness.app.folders.state.clone();
    std::fs::write(&state, "a file in the way").unwrap();
    harness.app.start();
    let controller = "https://hourkey.example".to_owned();
    harness.command(Intent::SignIn { controller }).unwrap();
    harness.event(Event::SignedIn(Ok(signed(1, Some(Duration::ZERO)))));
    harness.update(Update::Snapshot(Box::new(snapshot(0, vec![]))));
    assert!(harness.app.state.warnings.contains_key("state"));
    let news = changes(0, vec![], vec![notice(1, 0, denied())]);
    assert_eq!(notifications(&harness.update(news)), []);

    std::fs::remove_file(&state).unwrap();
    let effects = harness.update(changes(0, vec![], vec![]));
    assert_eq!(notifications(&effects).len(), 1, "{effects:?}");
    assert!(!harness.app.state.warnings.contains_key("state"));
}

#[test]
fn browsers_that_are_switched_on_and_off_at_once_end_up_off() {
    let mut harness = AppHarness::signed_in(snapshot(0, vec![]));
    harness.app.effects.hangs = true;
    let mut on = harness.ask(Intent::SetBrowsers { on: true });
    let mut off = harness.ask(Intent::SetBrowsers { on: false });
    harness.app.effects.go_on();
    harness.settle();
    assert_eq!(on.try_recv(), Ok(Ok(())));
    assert_eq!(off.try_recv(), Ok(Ok(())));
    assert!(!harness.app.state.config.browsers);
    assert!(!saved(&harness).browsers);
}
