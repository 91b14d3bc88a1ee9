//! Tray and window: when they are drawn.

use super::*;

#[test]
fn labels_tick_by_the_minute_and_nothing_ticks_without_a_reason() {
    let mut harness = AppHarness::signed_in(snapshot(0, payroll(granted(45))));
    let effects = harness.until(5);
    assert_eq!(trays(&effects), 5, "{effects:?}");
    let mut idle = AppHarness::signed_in(snapshot(0, payroll(locked())));
    assert_eq!(idle.app.next_wake(), None);
    assert_eq!(
        trays(&idle.event(Event::Tick)),
        0,
        "an equal tray is not sent"
    );
}

#[test]
fn an_open_window_hears_the_time_each_minute_and_only_what_changed() {
    let mut harness = AppHarness::signed_in(snapshot(0, payroll(locked())));
    harness.event(Event::click(Intent::Show { tab: None }));
    assert_eq!(
        view_updates(&harness.command(Intent::Load).unwrap()).len(),
        6
    );
    let effects = harness.until(3);
    let updates = view_updates(&effects);
    assert_eq!(updates.len(), 3);
    assert!(
        updates
            .iter()
            .all(|update| matches!(update, ViewUpdate::Session(_)))
    );
    harness.event(Event::WindowClosed);
    assert_eq!(harness.app.next_wake(), None);
}

#[test]
fn the_window_opens_on_the_wanted_tab_also_before_its_page_is_there() {
    let mut harness = AppHarness::signed_in(snapshot(0, vec![]));
    harness.command(Intent::Load).unwrap();
    let effects = harness.event(Event::click(Intent::Show {
        tab: Some(Tab::Settings),
    }));
    assert_eq!(
        effects,
        [
            Effect::ShowWindow,
            Effect::Push(ViewUpdate::Show(Tab::Settings))
        ]
    );
    harness.event(Event::WindowClosed);
    harness.event(Event::click(Intent::Show {
        tab: Some(Tab::Review),
    }));
    let effects = harness.command(Intent::Load).unwrap();
    assert_eq!(
        effects.last(),
        Some(&Effect::Push(ViewUpdate::Show(Tab::Review)))
    );
}

#[test]
fn without_a_tray_host_the_window_comes_up_and_says_so() {
    let mut harness = AppHarness::new();
    let effects = harness.event(Event::TrayHost(false));
    assert_eq!(effects, [Effect::ShowWindow]);
    assert!(harness.app.state.warnings.contains_key("tray"));
    assert_eq!(trays(&harness.event(Event::Tick)), 0);
    assert_eq!(trays(&harness.event(Event::TrayHost(true))), 1);
    assert!(!harness.app.state.warnings.contains_key("tray"));
}

#[test]
fn a_panel_that_restarts_brings_no_window_up() {
    let mut harness = AppHarness::signed_in(snapshot(0, vec![]));
    assert_eq!(harness.event(Event::TrayHost(false)), []);
    assert!(harness.app.state.warnings.contains_key("tray"));
    assert_eq!(trays(&harness.event(Event::TrayHost(true))), 1);
}

#[test]
fn a_tray_that_cannot_be_made_is_tried_again_when_a_host_registers() {
    let mut harness = AppHarness::new();
    assert_eq!(trays(&harness.event(Event::TrayHost(true))), 1);
    let effects = harness.event(Event::TrayFailed("(no host)".to_owned()));
    assert_eq!(effects, [Effect::ShowWindow]);
    let warning = &harness.app.state.warnings["tray"];
    assert_eq!(warning.details.as_deref(), Some("(no host)"));
    assert!(!warning.text.contains("(no host)"), "{}", warning.text);
    assert_eq!(trays(&harness.event(Event::Tick)), 0);
    assert_eq!(trays(&harness.event(Event::TrayHost(true))), 1);
}
