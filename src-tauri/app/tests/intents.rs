//! What people ask for, and what comes of it.

use super::*;

#[test]
fn tray_clicks_open_pages_with_ids_and_the_hint_and_nothing_else() {
    let mut harness = AppHarness::signed_in(snapshot(0, payroll(locked())));
    let mut opens = |event| match &harness.event(Event::click(event))[..] {
        [Effect::OpenPage(url)] => url.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        opens(Intent::Authenticate {
            resource: ResourceId(1)
        }),
        "https://hourkey.example/resources/1/request?as=ada"
    );
    assert_eq!(
        opens(Intent::ViewRequest {
            request: RequestId(7)
        }),
        "https://hourkey.example/requests/7?as=ada"
    );
    assert_eq!(
        opens(Intent::Open {
            resource: ResourceId(1)
        }),
        "https://r1.corp/"
    );
    let effects = harness.event(Event::click(Intent::Copy {
        resource: ResourceId(1),
    }));
    assert_eq!(effects, [Effect::Copy("r1.corp:443".to_owned())]);
    let effects = harness.event(Event::click(Intent::Release { grant: GrantId(3) }));
    assert_eq!(
        effects,
        [Effect::Session(SessionCommand::Release(GrantId(3)))]
    );
}

/// Rule 12: what a reviewer decided in the window is taken back from there too.
#[test]
fn the_windows_undo_takes_the_decision_about_that_request_back() {
    let mut harness = AppHarness::signed_in(snapshot(0, payroll(locked())));
    let undo: Intent = serde_json::from_str(r#"{ "do": "undo", "request": 7 }"#).unwrap();
    assert_eq!(
        harness.event(Event::click(undo)),
        [Effect::Session(SessionCommand::Undo(RequestId(7)))]
    );
}

#[test]
fn only_web_addresses_are_handed_to_the_system() {
    let mut sly = resource(1, "Sly", granted(30));
    sly.url = Some("file:///etc/passwd".to_owned());
    let mut harness = AppHarness::signed_in(snapshot(0, vec![sly]));
    let refused = harness.command(Intent::Open {
        resource: ResourceId(1),
    });
    assert!(refused.unwrap_err().contains("no web address"));
    let effects = harness.event(Event::click(Intent::Open {
        resource: ResourceId(1),
    }));
    let shown = harness.shown(&effects);
    assert_eq!(
        shown.len(),
        1,
        "outside of the window a notification says so"
    );
    assert!(shown[0].starts_with("That did not work: Sly has no web address."));
}
