//! Two-step sign-in in a browser: set up with an app, asked for, and confirmed before danger; with and
//! without scripts.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use hourkey_testkit::browser::{Browser, Scheme};
use hourkey_testkit::clock::TestClock;
use hourkey_testkit::controller::Controller;
use hourkey_testkit::organisation::SAMPLE;
use hourkey_testkit::page::Page;
use hourkey_testkit::session::Session;
use serde_json::json;
use totp_rs::{Builder, Secret};

use crate::look::{axe, fits, keep_picture};
use crate::{Site, password};

/// A site whose controller's clock can be moved.
pub(crate) async fn site() -> Result<(Site, TestClock)> {
    let mut controller = Controller::prepare(SAMPLE).await?;
    let clock = TestClock::new(&controller.data())?;
    controller.set(TestClock::VARIABLE, clock.path().to_string_lossy());
    controller.resume().await?;
    for login in ["ada", "marta", "root"] {
        controller.set_password(login, &password(login)).await?;
    }
    let session = Session::start().await?;
    let site = Site {
        controller,
        session,
    };
    Ok((site, clock))
}

/// What an authenticator app shows now.
#[expect(
    clippy::disallowed_methods,
    reason = "the real controller's clock is the machine's"
)]
fn code(secret: &str) -> Result<String> {
    let secret = Secret::try_from_base32(secret.replace(' ', ""))?;
    let totp = Builder::new().with_secret(secret).build()?;
    let at = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(totp.generate(at.as_secs()).to_string())
}

/// What must hold of a page that no address leads to, in both themes on a phone and a large screen; pictures
/// and axe-core need scripts.
async fn looks_right(browser: &Browser, name: &str, scripts: bool) -> Result<()> {
    let page = &browser.page;
    for scheme in [Scheme::Light, Scheme::Dark] {
        browser.emulate(scheme).await?;
        for width in [360, 1280] {
            browser.emulate_size(width, 800, 1.0).await?;
            let address = format!("https://x/{name}");
            if scripts {
                keep_picture(browser, &address, &format!("{width}-{scheme:?}")).await;
            }
            fits(page).await?;
        }
        if scripts {
            let found = page.client().execute_async(&axe(), vec![]).await?;
            assert_eq!(found, json!([]), "{name} {scheme:?}");
        }
    }
    Ok(())
}

/// Sends the form that has the focus, as the Enter key does.
async fn enter(page: &Page, label: &str, text: &str) -> Result<()> {
    let field = page.field(label).await?;
    field.send_keys(&format!("{text}\u{e007}")).await?;
    Ok(())
}

async fn set_up_and_signed_in(scripts: bool, login: &str) -> Result<()> {
    let (site, _clock) = site().await?;
    let browser = site.browser(login).await?;
    browser.allow_scripts(scripts).await?;
    let page = &browser.page;
    page.open(&site.address("/account")).await?;
    looks_right(&browser, "account-off", scripts).await?;
    page.press("Set up two-step sign-in").await?;
    page.shows("Scan this").await?;
    looks_right(&browser, "account-set-up", scripts).await?;
    let drawn = "return document.querySelector('.qr svg').getBoundingClientRect().width";
    let width = page.run(drawn, vec![]).await?.as_f64();
    assert!(width.is_some_and(|width| width >= 200.0), "{width:?}");
    let secret = page.text("#secret").await?;
    enter(page, "Code", "000000").await?;
    page.shows("This code isn’t right").await?;
    looks_right(&browser, "account-set-up-wrong", scripts).await?;
    assert_eq!(page.text("#secret").await?, secret);
    page.fill("Code", &code(&secret)?).await?;
    page.press("Turn on").await?;
    page.shows("Your recovery codes").await?;
    looks_right(&browser, "account-codes", scripts).await?;
    let codes = page.text("#codes").await?;
    let recovery = codes.split_whitespace().next().context("no code")?;
    page.press("Continue").await?;
    page.shows("10 recovery codes left").await?;
    page.press("New recovery codes…").await?;
    page.press("Turn it off…").await?;
    looks_right(&browser, "account-on", scripts).await?;

    page.client().delete_all_cookies().await?;
    page.open(&site.address("/sign-in?next=/devices")).await?;
    page.fill("Login", login).await?;
    page.fill("Password", &password(login)).await?;
    page.press("Sign in").await?;
    page.shows("Type the code that your authenticator app shows")
        .await?;
    looks_right(&browser, "sign-in-code", scripts).await?;
    enter(page, "Code", "000000").await?;
    page.shows("This code isn’t right").await?;
    looks_right(&browser, "sign-in-code-wrong", scripts).await?;
    page.fill("Code", recovery).await?;
    page.press("Sign in").await?;
    page.shows("Your devices").await?;
    page.open(&site.address("/account")).await?;
    page.shows("9 recovery codes left").await
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_set_up_and_asked_for() {
    set_up_and_signed_in(true, "ada").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_scripts_too_it_is_set_up_and_asked_for() {
    set_up_and_signed_in(false, "marta").await.unwrap();
}

/// A save by somebody who signed in longer ago.
async fn saved_once_confirmed(scripts: bool) -> Result<()> {
    let (site, clock) = site().await?;
    let browser = site.browser("root").await?;
    browser.allow_scripts(scripts).await?;
    let page = &browser.page;
    page.open(&site.address("/groups/new")).await?;
    page.fill("Name", "Night shift").await?;
    clock.advance(Duration::from_secs(16 * 60))?;
    page.press("See what this does…").await?;
    page.shows("What this does now").await?;
    page.press("Save").await?;
    page.shows("Confirm it’s you").await?;
    looks_right(&browser, &format!("confirm-{scripts}"), scripts).await?;
    enter(page, "Password", "something else").await?;
    page.shows("do not fit together").await?;
    looks_right(&browser, &format!("confirm-wrong-{scripts}"), scripts).await?;
    page.fill("Password", &password("root")).await?;
    page.press("Confirm").await?;
    page.shows("Night shift").await?;
    let here = page.url().await?;
    assert_ne!(here.path(), "/groups/new");
    // What was typed is not offered once more.
    page.open(&site.address("/groups/new")).await?;
    let name = page.field("Name").await?.prop("value").await?;
    assert_eq!(name.as_deref(), Some(""));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_save_is_confirmed_first_and_goes_through() {
    saved_once_confirmed(true).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_scripts_too_a_save_is_confirmed_first_and_goes_through() {
    saved_once_confirmed(false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_is_reset_and_who_must_sets_it_up() {
    let (site, _clock) = site().await.unwrap();
    let browser = site.browser("marta").await.unwrap();
    let page = &browser.page;
    page.open(&site.address("/account")).await.unwrap();
    page.press("Set up two-step sign-in").await.unwrap();
    let secret = page.text("#secret").await.unwrap();
    let code = code(&secret).unwrap();
    page.fill("Code", &code).await.unwrap();
    page.press("Turn on").await.unwrap();
    page.shows("Your recovery codes").await.unwrap();

    let admin = Browser::start(&site.session, "admin").await.unwrap();
    site.sign_in(&admin.page, "root").await.unwrap();
    let marta = "return [...document.querySelectorAll('table a')]
        .find((link) => link.textContent.includes('Marta')).href";
    admin.page.open(&site.address("/people")).await.unwrap();
    let address = admin.page.run(marta, vec![]).await.unwrap();
    admin.page.open(address.as_str().unwrap()).await.unwrap();
    admin.page.press("Reset…").await.unwrap();
    admin
        .page
        .shows("Make sure that it is they who ask")
        .await
        .unwrap();
    looks_right(&admin, "people-reset", true).await.unwrap();
    admin.page.press("Reset two-step sign-in").await.unwrap();
    admin.page.shows("Not set up").await.unwrap();

    admin
        .page
        .open(&site.address("/settings/sign-in"))
        .await
        .unwrap();
    looks_right(&admin, "settings-sign-in", true).await.unwrap();
    admin
        .page
        .choose("Required of administrators, operators and access reviewers")
        .await
        .unwrap();
    admin.page.press("Save").await.unwrap();
    admin
        .page
        .shows("Your organisation requires two-step sign-in of your roles")
        .await
        .unwrap();
    looks_right(&admin, "account-owed", true).await.unwrap();
    page.open(&site.address("/review")).await.unwrap();
    page.press("Set up two-step sign-in").await.unwrap();
    page.shows("Scan this").await.unwrap();
}
