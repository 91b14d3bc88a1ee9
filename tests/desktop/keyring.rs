//! The refresh token and a real keyring: there, locked, waiting for ever, absent.

use anyhow::Result;
use hourkey_testkit::keyring::UnansweredPrompt;

use crate::desk::Desk;

#[tokio::test]
async fn the_sign_in_is_kept_in_the_keyring() -> Result<()> {
    let (mut desk, _people) = Desk::with_ada().await?;
    let seen = desk.opener.urls()?.len();
    for _ in 0..2 {
        desk.kill_app().await?;
        desk.start_app()?;
        desk.row("Company wiki").await?;
    }
    assert_eq!(desk.opener.urls()?.len(), seen, "no browser was needed");
    Ok(())
}

/// Nobody answers the keyring's question for its password.
#[tokio::test]
async fn a_locked_keyring_is_said_and_the_session_works_until_the_app_ends() -> Result<()> {
    let mut desk = Desk::new().await?;
    let _prompt = UnansweredPrompt::start(&desk.session).await?;
    desk.keyring.as_ref().unwrap().lock().await?;
    signs_in_for_this_run(&mut desk, "keyring").await
}

#[tokio::test]
async fn without_a_keyring_the_session_works_until_the_app_ends() -> Result<()> {
    let mut desk = Desk::without_keyring().await?;
    signs_in_for_this_run(&mut desk, "No keyring is running").await
}

/// A kept sign-in in a keyring that is away: its return is enough, once the person asks again.
#[tokio::test]
async fn a_kept_sign_in_is_found_again_when_the_keyring_answers() -> Result<()> {
    let (mut desk, _people) = Desk::with_ada().await?;
    desk.kill_app().await?;
    // Without its daemon the keyring is away; with it, it is there again.
    desk.keyring = None;
    desk.start_app()?;
    let told = desk.told("You are signed out").await?;
    assert!(told.body.contains("No keyring is running"), "{}", told.body);

    desk.keyring = Some(hourkey_testkit::keyring::Keyring::start(&desk.session).await?);
    let seen = desk.opener.urls()?.len();
    desk.item().await?.click(&["Sign in…"]).await?;
    desk.row("Company wiki").await?;
    assert_eq!(desk.opener.urls()?.len(), seen, "no browser was needed");
    Ok(())
}

/// It is locked already when the app starts, as after a sign-in at the machine without a password.
#[tokio::test]
async fn a_kept_sign_in_is_found_again_when_the_keyring_is_unlocked() -> Result<()> {
    let (mut desk, _people) = Desk::with_ada().await?;
    desk.kill_app().await?;
    desk.keyring.as_ref().unwrap().lock().await?;
    desk.start_app()?;
    let told = desk.told("You are signed out").await?;
    assert!(told.body.contains("locked"), "{}", told.body);

    desk.keyring.as_ref().unwrap().unlock().await?;
    let seen = desk.opener.urls()?.len();
    desk.item().await?.click(&["Sign in…"]).await?;
    desk.row("Company wiki").await?;
    assert_eq!(desk.opener.urls()?.len(), seen, "no browser was needed");
    Ok(())
}

async fn signs_in_for_this_run(desk: &mut Desk, why: &str) -> Result<()> {
    desk.start_app()?;
    desk.row("Sign in…").await?;
    let mut ada = desk.person("ada").await?;
    desk.sign_in(&mut ada).await?;
    let told = desk
        .told("You’ll need to sign in again after a restart")
        .await?;
    assert!(told.body.contains(why), "{}", told.body);
    // What the system said is no sentence for people.
    assert!(!told.body.contains("org.freedesktop"), "{}", told.body);

    desk.kill_app().await?;
    desk.start_app()?;
    desk.row("Sign in…").await.map(drop)
}
