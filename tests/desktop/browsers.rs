//! The desktop's proxy settings, which browsers follow.

use std::time::Duration;

use anyhow::Result;
use hourkey_client::secrets::{File, Secret, SecretStore as _};
use hourkey_testkit::browser::Browser;
use hourkey_testkit::desktop;
use hourkey_testkit::organisation::{Access, OrgBuilder, Resource};
use hourkey_testkit::poll::eventually;
use hourkey_testkit::webdriver::free_port;

use crate::harness::DesktopHarness;

const SCHEMA: &str = "org.gnome.system.proxy";

/// A harness of GNOME's, with a port of its own for the app: the usual one is free for whichever of the
/// tests comes first.
async fn harness() -> Result<DesktopHarness> {
    let mut harness = DesktopHarness::new().await?;
    desktop::use_gnome(&mut harness.session);
    desktop::set_up_browsers(&harness.session)?;
    let state = harness.session.state().join("hourkey");
    let address = format!("{}/AAAAAAAAAAAAAAAAAAAAAA.pac", free_port()?);
    File::of(&state, "hourkey-desktop-pac", harness.controller.url())
        .save(&Secret::new(address))
        .await?;
    Ok(harness)
}

#[tokio::test]
async fn browsers_follow_the_app_and_what_was_there_comes_back() -> Result<()> {
    let mut harness = harness().await?;
    let theirs = "'http://proxy.example/old.pac'";
    set(&harness, "autoconfig-url", theirs).await?;
    harness.start_app()?;
    let mut ada = harness.person("ada").await?;
    harness.sign_in(&mut ada).await?;
    let first = followed(&harness, "").await?;

    // When the app is killed, what was there before comes back without it: another user of the
    // machine may listen at its port by then.
    harness.kill_app().await?;
    is_theirs_again(&harness, theirs).await?;
    // Whatever was pasted into a browser holds: the address is the same at each start.
    harness.start_app()?;
    let second = followed(&harness, "").await?;
    assert_eq!(address(&first), address(&second));
    harness.end_app().await?;
    assert_eq!(get(&harness, "mode").await?, "'none'");
    assert_eq!(get(&harness, "autoconfig-url").await?, theirs);

    // Killed and started again at once: the settings are the new run's, which the watcher of the
    // one before leaves alone.
    harness.start_app()?;
    followed(&harness, "").await?;
    harness.kill_app().await?;
    harness.start_app()?;
    harness.row("Company wiki").await?;
    followed(&harness, "").await?;
    harness.end_app().await?;
    is_theirs_again(&harness, theirs).await?;

    // A proxy of the person's own stays, and so does what they change meanwhile.
    set(&harness, "mode", "'manual'").await?;
    harness.start_app()?;
    harness.row("Company wiki").await?;
    harness.end_app().await?;
    assert_eq!(get(&harness, "mode").await?, "'manual'");
    set(&harness, "mode", "'none'").await?;
    harness.start_app()?;
    harness.row("Company wiki").await?;
    // From here on nobody but the test changes them.
    settled(&harness).await?;
    set(&harness, "autoconfig-url", "'http://proxy.example/new.pac'").await?;
    harness.end_app().await?;
    assert_eq!(get(&harness, "mode").await?, "'auto'");
    assert_eq!(
        get(&harness, "autoconfig-url").await?,
        "'http://proxy.example/new.pac'"
    );
    Ok(())
}

/// A Chromium that runs all the time follows the desktop's settings.
#[tokio::test]
async fn a_running_browser_finds_what_is_new_or_renamed() -> Result<()> {
    let mut harness = harness().await?;
    harness.start_app()?;
    let mut ada = harness.person("ada").await?;
    harness.sign_in(&mut ada).await?;
    let first = followed(&harness, "").await?;
    let browser = Browser::start(&harness.session, "ada").await?;
    // There is no such name: who goes there without the proxy gets nowhere.
    let fails = async |host: &str| {
        // A page that cannot be loaded is an error of the driver's.
        let opened = browser.page.open(&format!("http://{host}/")).await;
        opened.err().map(|error| format!("{error:#}"))
    };
    let before = fails("new.corp.example").await;
    let unknown = |error: &Option<String>| {
        let is_unknown = |error: &String| error.contains("ERR_NAME_NOT_RESOLVED");
        error.as_ref().is_some_and(is_unknown)
    };
    assert!(unknown(&before), "{before:?}");

    let with = |host: &str| {
        let new = Resource::new("New", host, Access::standing()).ports("80");
        let organisation = OrgBuilder::sample().resource(new.network("Cloud"));
        organisation.assign("Everyone", &["New"]).text()
    };
    let mut seen = first.clone();
    for host in ["new.corp.example", "renamed.corp.example"] {
        harness.controller.apply(&with(host)).await?;
        let now = followed(&harness, &seen).await?;
        assert_eq!(address(&first), address(&now), "one address for people");
        seen = now;
        eventually("a browser that takes it through the proxy", async || {
            let error = fails(host).await;
            // There is no gateway here: the proxy says that, which is another failure, or a page.
            anyhow::ensure!(!unknown(&error), "{error:?}");
            Ok(())
        })
        .await?;
    }
    // What is no resource any more goes its own way again.
    assert!(unknown(&fails("new.corp.example").await));
    Ok(())
}

/// As in a shell, or a session, in which the local proxy's own advice was followed.
#[tokio::test]
async fn the_app_finds_its_controller_where_the_environment_names_its_own_proxy() -> Result<()> {
    let mut harness = harness().await?;
    harness.start_app()?;
    let mut ada = harness.person("ada").await?;
    harness.sign_in(&mut ada).await?;
    let pac = followed(&harness, "").await?;
    let pac: url::Url = pac.trim_matches('\'').parse()?;
    harness.end_app().await?;
    for scheme in ["http", "socks5h"] {
        let own = format!("{scheme}://127.0.0.1:{}", pac.port().unwrap_or_default());
        harness.session.set("ALL_PROXY", own);
        harness.start_app()?;
        harness.row("Company wiki").await?;
        followed(&harness, "").await?;
        harness.end_app().await?;
    }
    Ok(())
}

/// Waits until the settings are what they were before the app.
async fn is_theirs_again(harness: &DesktopHarness, theirs: &str) -> Result<()> {
    eventually("the settings of before", async || {
        let (mode, pac) = (
            get(harness, "mode").await?,
            get(harness, "autoconfig-url").await?,
        );
        anyhow::ensure!(mode == "'none'" && pac == theirs, "{mode} {pac}");
        Ok(())
    })
    .await
}

/// A setting without its content number.
fn address(pac: &str) -> &str {
    pac.split('?').next().unwrap_or_default()
}

/// Waits until browsers follow the app, by another address than this.
async fn followed(harness: &DesktopHarness, not: &str) -> Result<String> {
    eventually("browsers that follow the app", async || {
        let mode = get(harness, "mode").await?;
        let pac = get(harness, "autoconfig-url").await?;
        let ours = pac.starts_with("'http://127.0.0.1:") && pac.contains(".pac?v=");
        anyhow::ensure!(mode == "'auto'" && ours && pac != not, "{mode} {pac}");
        Ok(pac)
    })
    .await
}

/// Waits until browsers follow the app by the resources that it has heard of: it sets them up beside
/// its other work.
async fn settled(harness: &DesktopHarness) -> Result<()> {
    let mut before = followed(harness, "").await?;
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let now = followed(harness, "").await?;
        if now == before {
            return Ok(());
        }
        before = now;
    }
}

async fn get(harness: &DesktopHarness, key: &str) -> Result<String> {
    let value = harness
        .session
        .run("gsettings", &["get", SCHEMA, key])
        .await?;
    Ok(value.trim().to_owned())
}

async fn set(harness: &DesktopHarness, key: &str, value: &str) -> Result<()> {
    let set = ["set", SCHEMA, key, value];
    harness.session.run("gsettings", &set).await.map(drop)
}
