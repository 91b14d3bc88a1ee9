//! The desktop's proxy settings, which browsers follow.

use anyhow::Result;
use hourkey_testkit::desktop;
use hourkey_testkit::poll::eventually;

use crate::desk::Desk;

const SCHEMA: &str = "org.gnome.system.proxy";

#[tokio::test]
async fn browsers_follow_the_app_and_what_was_there_comes_back() -> Result<()> {
    let mut desk = Desk::new().await?;
    desktop::use_gnome(&mut desk.session);
    desktop::set_up_browsers(&desk.session)?;
    let theirs = "'http://proxy.example/old.pac'";
    set(&desk, "autoconfig-url", theirs).await?;
    desk.start_app()?;
    let mut ada = desk.person("ada").await?;
    desk.sign_in(&mut ada).await?;
    let first = followed(&desk, "").await?;

    // After a crash the next run takes its place, and remembers what was there before the first.
    desk.kill_app().await?;
    assert_eq!(get(&desk, "autoconfig-url").await?, first);
    desk.start_app()?;
    let second = followed(&desk, &first).await?;
    assert_ne!(first, second, "an address that nobody can guess, each time");
    desk.end_app().await?;
    assert_eq!(get(&desk, "mode").await?, "'none'");
    assert_eq!(get(&desk, "autoconfig-url").await?, theirs);

    // A proxy of the person's own stays, and so does what they change meanwhile.
    set(&desk, "mode", "'manual'").await?;
    desk.start_app()?;
    desk.row("Company wiki").await?;
    desk.end_app().await?;
    assert_eq!(get(&desk, "mode").await?, "'manual'");
    set(&desk, "mode", "'none'").await?;
    desk.start_app()?;
    followed(&desk, "").await?;
    set(&desk, "autoconfig-url", "'http://proxy.example/new.pac'").await?;
    desk.end_app().await?;
    assert_eq!(get(&desk, "mode").await?, "'auto'");
    assert_eq!(
        get(&desk, "autoconfig-url").await?,
        "'http://proxy.example/new.pac'"
    );
    Ok(())
}

/// Waits until browsers follow the app, by another address than this.
async fn followed(desk: &Desk, not: &str) -> Result<String> {
    eventually("browsers that follow the app", async || {
        let mode = get(desk, "mode").await?;
        let pac = get(desk, "autoconfig-url").await?;
        let ours = pac.starts_with("'http://127.0.0.1:") && pac.ends_with(".pac'");
        anyhow::ensure!(mode == "'auto'" && ours && pac != not, "{mode} {pac}");
        Ok(pac)
    })
    .await
}

async fn get(desk: &Desk, key: &str) -> Result<String> {
    let value = desk.session.run("gsettings", &["get", SCHEMA, key]).await?;
    Ok(value.trim().to_owned())
}

async fn set(desk: &Desk, key: &str, value: &str) -> Result<()> {
    let set = ["set", SCHEMA, key, value];
    desk.session.run("gsettings", &set).await.map(drop)
}
