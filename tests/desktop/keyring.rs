//! The refresh token and a real keyring: there, locked, waiting for ever, absent.

use anyhow::Result;
use hourkey_testkit::keyring::UnansweredPrompt;

use crate::harness::DesktopHarness;

#[tokio::test]
async fn the_sign_in_is_kept_in_the_keyring() -> Result<()> {
    let (mut harness, _people) = DesktopHarness::with_ada().await?;
    let seen = harness.opener.urls()?.len();
    for _ in 0..2 {
        harness.kill_app().await?;
        harness.start_app()?;
        harness.row("Company wiki").await?;
    }
    assert_eq!(harness.opener.urls()?.len(), seen, "no browser was needed");
    Ok(())
}

/// Nobody answers the keyring's question for its password.
#[tokio::test]
async fn a_locked_keyring_is_said_and_the_session_works_until_the_app_ends() -> Result<()> {
    let mut harness = DesktopHarness::new().await?;
    let _prompt = UnansweredPrompt::start(&harness.session).await?;
    harness.keyring.as_ref().unwrap().lock().await?;
    signs_in_for_this_run(&mut harness, "keyring").await
}

#[tokio::test]
async fn without_a_keyring_the_session_works_until_the_app_ends() -> Result<()> {
    let mut harness = DesktopHarness::without_keyring().await?;
    signs_in_for_this_run(&mut harness, "No keyring is running").await
}

/// A kept sign-in in a keyring that is away: its return is enough, once the person asks again.
#[tokio::test]
async fn a_kept_sign_in_is_found_again_when_the_keyring_answers() -> Result<()> {
    let (mut harness, _people) = DesktopHarness::with_ada().await?;
    harness.kill_app().await?;
    // Without its daemon the keyring is away; with it, it is there again.
    harness.keyring = None;
    harness.start_app()?;
    let notification = harness.notification("You are signed out").await?;
    assert!(
        notification.body.contains("No keyring is running"),
        "{}",
        notification.body
    );

    harness.keyring = Some(hourkey_testkit::keyring::Keyring::start(&harness.session).await?);
    let seen = harness.opener.urls()?.len();
    harness.item().await?.click(&["Sign in…"]).await?;
    harness.row("Company wiki").await?;
    assert_eq!(harness.opener.urls()?.len(), seen, "no browser was needed");
    Ok(())
}

/// It is locked already when the app starts, as after a sign-in at the machine without a password.
#[tokio::test]
async fn a_kept_sign_in_is_found_again_when_the_keyring_is_unlocked() -> Result<()> {
    let (mut harness, _people) = DesktopHarness::with_ada().await?;
    harness.kill_app().await?;
    harness.keyring.as_ref().unwrap().lock().await?;
    harness.start_app()?;
    let notification = harness.notification("You are signed out").await?;
    assert!(
        notification.body.contains("locked"),
        "{}",
        notification.body
    );

    harness.keyring.as_ref().unwrap().unlock().await?;
    let seen = harness.opener.urls()?.len();
    harness.item().await?.click(&["Sign in…"]).await?;
    harness.row("Company wiki").await?;
    assert_eq!(harness.opener.urls()?.len(), seen, "no browser was needed");
    Ok(())
}

async fn signs_in_for_this_run(harness: &mut DesktopHarness, why: &str) -> Result<()> {
    harness.start_app()?;
    harness.row("Sign in…").await?;
    let mut ada = harness.person("ada").await?;
    harness.sign_in(&mut ada).await?;
    let notification = harness
        .notification("You’ll need to sign in again after a restart")
        .await?;
    assert!(notification.body.contains(why), "{}", notification.body);
    // What the system said is no sentence for people.
    assert!(
        !notification.body.contains("org.freedesktop"),
        "{}",
        notification.body
    );

    harness.kill_app().await?;
    harness.start_app()?;
    harness.row("Sign in…").await.map(drop)
}
