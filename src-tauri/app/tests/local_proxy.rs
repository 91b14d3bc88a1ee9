//! The local proxy: its addresses, prompts and forwards.

use super::*;

#[test]
fn programs_learn_the_entry_and_locked_resources_ask_for_access() {
    let mut harness = AppHarness::signed_in(snapshot(0, payroll(locked())));
    let addresses = addresses();
    let shown = crate::view_models::view_models(&harness.app.state, harness.app.now());
    let shows = shown.iter().any(|update| match update {
        ViewUpdate::Settings(settings) => settings
            .local_proxy
            .as_ref()
            .is_some_and(|proxy| proxy.pac == addresses.pac),
        _ => false,
    });
    assert!(shows, "the settings show it");
    harness.command(Intent::CopyPac).unwrap();
    harness.command(Intent::CopyProxy).unwrap();

    let resource = ResourceId(1);
    let access_prompt = |page: Option<&str>| {
        let page = page.map(|page| page.parse().unwrap());
        proxy_news(ProxyEvent::AccessPrompt { resource, page })
    };
    let page =
        "https://hourkey.example/resources/1/request?as=ada&back=8421-AAAAAAAAAAAAAAAAAAAAAA";
    let opened = harness.event(access_prompt(Some(page)));
    assert!(
        opened.contains(&Effect::OpenPage(page.to_owned())),
        "with the return target: {opened:?}"
    );
    let reminded = harness.event(access_prompt(None));
    assert!(
        reminded
            .iter()
            .any(|effect| matches!(effect, Effect::Notify(notification)
            if notification.message.title == "Payroll database is locked")),
        "{reminded:?}"
    );
    let blocked = harness.event(proxy_news(ProxyEvent::Blocked(BlockedConnection {
        asked: "wiki.corp".to_owned(),
        inside: Some("other.corp".to_owned()),
    })));
    let names_both = |text: &str| text.contains("wiki.corp") && text.contains("other.corp");
    assert!(
        blocked
            .iter()
            .any(|effect| matches!(effect, Effect::Notify(notification)
        if names_both(&notification.message.body)))
    );
    // Put off, it is not reminded of for an hour.
    harness
        .command(Intent::Snooze {
            resource: ResourceId(1),
        })
        .unwrap();
    let reminds = |effects: &[Effect]| effects.iter().any(|it| matches!(it, Effect::Notify(_)));
    let early = harness.event(access_prompt(None));
    assert!(!reminds(&early), "{early:?}");
    harness.until(61);
    let later = harness.event(access_prompt(None));
    assert!(reminds(&later), "{later:?}");

    // A port of this computer leads to a database, once, and its address is copied.
    let mut database = self::resource(1, "Payroll database", self::granted(45));
    (database.url, database.ports) = (None, "5432".parse().unwrap());
    harness.update(changes(0, vec![database], vec![]));
    let forward = harness.event(Event::click(Intent::Forward { resource }));
    let to = "r1.corp:5432".to_owned();
    assert!(
        forward.contains(&Effect::Session(SessionCommand::Forward {
            resource,
            to: to.parse().unwrap()
        })),
        "{forward:?}"
    );
    let address = "127.0.0.1:15432".to_owned();
    let news = ProxyEvent::Forwards {
        resource,
        to: to.parse().unwrap(),
        address: address.clone(),
    };
    let effects = harness.event(proxy_news(news));
    assert!(
        effects.contains(&Effect::Copy(address.clone())),
        "{effects:?}"
    );
    let again = harness.event(Event::click(Intent::Forward { resource }));
    assert_eq!(again, [Effect::Copy(address)]);
    // Given back, its connections end, and that is said once.
    let mut database = self::resource(1, "Payroll database", locked());
    (database.url, database.ports) = (None, "5432".parse().unwrap());
    let says = |effects: &[Effect]| {
        effects.iter().any(|effect| {
            matches!(effect, Effect::Notify(notification)
                if notification.message.body.starts_with("Connections through 127.0.0.1:15432"))
        })
    };
    let given_back = harness.update(changes(0, vec![database.clone()], vec![]));
    assert!(says(&given_back), "{given_back:?}");
    let later = harness.update(changes(0, vec![database], vec![]));
    assert!(!says(&later), "{later:?}");
    let moved = harness.update(changes(0, payroll(self::granted(45)), vec![]));
    assert!(
        moved.contains(&Effect::Session(SessionCommand::EndForward(resource))),
        "{moved:?}"
    );
    assert!(harness.app.state.session().unwrap().forwards.is_empty());

    // Browsers are set up when the person says so, and not where another proxy is.
    let follows = |effects: &[Effect], pac: Option<&str>| {
        effects.contains(&Effect::Browsers(pac.map(str::to_owned)))
    };
    harness.app.effects.other_proxy = true;
    assert!(harness.command(Intent::SetBrowsers { on: true }).is_err());
    assert!(!harness.app.state.config.browsers);
    harness.app.effects.other_proxy = false;
    let followed = harness.command(Intent::SetBrowsers { on: true }).unwrap();
    assert!(
        follows(&followed, Some(&addresses.versioned_pac)),
        "{followed:?}"
    );
    assert!(
        Config::load(&harness.app.folders.config_file())
            .unwrap()
            .browsers,
        "remembered for the next start"
    );
    let moved = ProxyAddresses {
        versioned_pac: "http://127.0.0.1:8421/secret.pac?v=2".to_owned(),
        ..addresses
    };
    let followed = harness.event(proxy_news(ProxyEvent::Listens(moved.clone())));
    assert!(
        follows(&followed, Some(&moved.versioned_pac)),
        "{followed:?}"
    );

    // Nothing of it is left once nobody is signed in.
    let restored = harness.command(Intent::SignOut).unwrap();
    assert!(follows(&restored, None), "{restored:?}");
    assert!(harness.app.state.local_proxy().is_none());
    assert!(harness.command(Intent::CopyPac).is_err());
    // And what a session that is given up still says counts for nothing.
    harness.event(proxy_news(ProxyEvent::Listens(moved)));
    assert!(harness.app.state.local_proxy().is_none());
}
