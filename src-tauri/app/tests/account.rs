//! Signing in and out, and the settings.

use super::*;

#[test]
fn the_first_start_shows_the_window_and_asks_for_the_controller() {
    let mut harness = AppHarness::new();
    harness.app.start();
    let first = [Effect::Browsers(None), Effect::ShowWindow];
    assert_eq!(harness.app.effects.take(), first);
    let effects = harness.command(Intent::Load).unwrap();
    let ViewUpdate::Session(session) = &view_updates(&effects)[0] else {
        panic!("the session comes first");
    };
    let SessionState::SignedOut { controller, .. } = &session.state else {
        panic!("signed out");
    };
    assert_eq!(controller, "");

    let bad = "http://hourkey.example".to_owned();
    let refused = harness.command(Intent::SignIn { controller: bad });
    assert!(refused.unwrap_err().contains("https"));
    let good = "hourkey.example".to_owned();
    let effects = harness
        .command(Intent::SignIn { controller: good })
        .unwrap();
    let url = "https://hourkey.example/".parse().unwrap();
    assert_eq!(effects[0], Effect::Session(SessionCommand::SignIn(url)));
}

#[test]
fn the_window_never_draws_a_session_without_its_rows() {
    let place = |effects: &[Effect]| {
        let updates = view_updates(effects);
        let at = |wanted: fn(&ViewUpdate) -> bool| updates.iter().position(wanted).unwrap();
        let session = at(|update| matches!(update, ViewUpdate::Session(_)));
        session.cmp(&at(|update| matches!(update, ViewUpdate::Resources(_))))
    };
    let mut harness = AppHarness::signed_in(snapshot(0, payroll(locked())));
    let effects = harness.command(Intent::Load).unwrap();
    assert_eq!(place(&effects), std::cmp::Ordering::Greater, "opened");
    let mut harness = AppHarness::new();
    harness.app.start();
    let effects = harness.command(Intent::Load).unwrap();
    assert_eq!(place(&effects), std::cmp::Ordering::Less, "signed out");
}

#[test]
fn the_controller_is_remembered_for_the_next_start() {
    let harness = AppHarness::signed_in(snapshot(0, vec![]));
    let mut harness = AppHarness::in_folder(harness.folder, harness.clock);
    harness.app.start();
    let url = "https://hourkey.example/".parse().unwrap();
    let first = [
        Effect::Browsers(None),
        Effect::Session(SessionCommand::Resume(url)),
    ];
    assert_eq!(harness.app.effects.take(), first);
}

#[test]
fn a_sign_in_that_was_called_off_does_not_happen() {
    let mut harness = AppHarness::new();
    harness.app.start();
    let controller = "hourkey.example".to_owned();
    harness.command(Intent::SignIn { controller }).unwrap();
    let effects = harness.event(Event::click(Intent::CancelSignIn));
    assert_eq!(effects, [Effect::Session(SessionCommand::CancelSignIn)]);
    let effects = harness.event(Event::SignedIn(Ok(signed(1, Some(Duration::ZERO)))));
    assert_eq!(
        effects,
        [Effect::Session(SessionCommand::SignOut)],
        "the late session is given up"
    );
    let SignIn::SignedOut { error: None, .. } = &harness.app.state.sign_in else {
        panic!("signed out");
    };
}

#[test]
fn an_ended_session_signs_out_and_says_so() {
    let mut harness = AppHarness::signed_in(snapshot(0, payroll(granted(45))));
    let effects = harness.update(Update::SessionEnded);
    assert!(effects.contains(&Effect::Session(SessionCommand::SignOut)));
    let SignIn::SignedOut {
        error: Some(why), ..
    } = &harness.app.state.sign_in
    else {
        panic!("signed out");
    };
    assert!(why.contains("Sign in again"));
    assert_eq!(harness.app.state.model().resources.len(), 0);
}

#[test]
fn late_news_of_an_earlier_session_change_nothing() {
    let mut harness = AppHarness::signed_in(snapshot(0, vec![]));
    harness.command(Intent::SignOut).unwrap();
    let late = Update::Snapshot(Box::new(snapshot(0, payroll(locked()))));
    let effects = harness.update(late);
    assert_eq!(effects, []);
    assert_eq!(harness.app.state.model().resources.len(), 0);
}

#[test]
fn a_keyring_that_fails_is_said_aloud_and_forgotten_when_it_works_again() {
    let mut harness = AppHarness::signed_in(snapshot(0, vec![]));
    let place = "The sign-in is kept in the system's keyring.".to_owned();
    let unsaved = Some(SecretError::Locked.into());
    let locked = TokenStorage {
        place: place.clone(),
        unsaved,
    };
    let stored = |stored| Event::Session {
        id: ID,
        news: SessionNews::Stored(stored),
    };
    harness.event(stored(locked));
    assert!(
        harness.app.state.warnings["keyring"]
            .text
            .contains("locked")
    );
    assert!(harness.app.state.secret_store.contains("memory"));
    let unsaved = None;
    harness.event(stored(TokenStorage { place, unsaved }));
    assert!(harness.app.state.warnings.is_empty());
    assert!(harness.app.state.secret_store.contains("keyring"));
}

#[test]
fn settings_with_a_mistake_are_never_overwritten() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("config/config.toml");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, "notificatons = false\n").unwrap();
    let mut harness = AppHarness::in_folder(folder, Arc::default());
    harness.app.start();
    let refused = harness.command(Intent::SetNotifications { on: false });
    assert!(refused.unwrap_err().contains("line 1"));
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        "notificatons = false\n"
    );
    assert!(harness.app.state.warnings.contains_key("config"));
}

#[test]
fn what_the_command_line_wrote_into_the_settings_meanwhile_stays() {
    let mut harness = AppHarness::signed_in(snapshot(0, vec![]));
    let file = harness.app.folders.config_file();
    let store = hourkey_client::config::StoreKind::File;
    Config::change(&file, |config| config.cli.store = store).unwrap();
    harness
        .command(Intent::SetNotifications { on: false })
        .unwrap();
    let config = Config::load(&file).unwrap();
    assert_eq!((config.notifications, config.cli.store), (false, store));
}

#[test]
fn quitting_ends_the_loop_and_then_the_app() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let AppHarness {
            app, mut events, ..
        } = AppHarness::new();
        let (sender, received) = mpsc::channel(4);
        sender.send(Event::click(Intent::Quit)).await.unwrap();
        let run = tokio::spawn(app.run(received));
        while !matches!(events.recv().await, Some(Event::Quit)) {}
        sender.send(Event::Quit).await.unwrap();
        run.await.unwrap();
    });
}

fn ended() -> Arc<Model> {
    let mut model = Model::default();
    model.apply(Update::SessionEnded, Duration::ZERO);
    Arc::new(model)
}

#[test]
fn news_of_an_earlier_session_reach_no_later_one() {
    let mut harness = AppHarness::signed_in(snapshot(0, vec![]));
    harness.command(Intent::SignOut).unwrap();
    let controller = "hourkey.example".to_owned();
    harness.command(Intent::SignIn { controller }).unwrap();
    harness.event(Event::SignedIn(Ok(signed(2, None))));
    let place = "elsewhere".to_owned();
    let unsaved = None;
    let moved = ProxyAddresses {
        pac: "http://127.0.0.1:9999/other.pac".to_owned(),
        ..addresses()
    };
    for news in [
        SessionNews::Model(ended()),
        SessionNews::Stored(TokenStorage { place, unsaved }),
        SessionNews::LocalProxy(ProxyEvent::Listens(moved)),
    ] {
        assert_eq!(harness.event(Event::Session { id: ID, news }), []);
    }
    assert_eq!(harness.app.state.local_proxy(), Some(&addresses()));
    assert_eq!(harness.app.state.secret_store, "");
}

#[test]
fn a_local_proxy_that_cannot_start_is_said_until_the_session_ends() {
    let mut harness = AppHarness::new();
    harness.app.start();
    let controller = "hourkey.example".to_owned();
    harness.command(Intent::SignIn { controller }).unwrap();
    let session = NewSession {
        local_proxy: Err("No port is free.".to_owned()),
        ..signed(1, None)
    };
    harness.event(Event::SignedIn(Ok(session)));
    let warning = &harness.app.state.warnings["local_proxy"];
    assert_eq!(warning.details.as_deref(), Some("No port is free."));
    assert!(harness.command(Intent::CopyPac).is_err());
    harness.command(Intent::SignOut).unwrap();
    assert!(!harness.app.state.warnings.contains_key("local_proxy"));
}
