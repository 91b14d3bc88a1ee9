//! Changing how things are set up, in a browser: the consequence comes first, and a draft never undoes
//! what somebody else saved.

use std::time::Duration;

use anyhow::Result;
use hourkey_testkit::browser::Browser;
use hourkey_testkit::page::Page;
use serde_json::json;

use crate::Site;
use crate::password;

async fn administrator() -> Result<Site> {
    let site = Site::new().await?;
    let controller = &site.controller;
    controller.set_password("root", &password("root")).await?;
    Ok(site)
}

/// Chooses one of the chips, as its label is called.
async fn choose(page: &Page, words: &str) {
    let script = "const label = [...document.querySelectorAll('main label.chip')]
        .find((label) => label.textContent.trim() === arguments[0]);
        label.click();
        return Boolean(label);";
    let done = page.run(script, vec![json!(words)]).await.unwrap();
    assert_eq!(done, json!(true), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_changed_by_hand_with_and_without_scripts() {
    let site = administrator().await.unwrap();
    let browser = site.browser("root").await.unwrap();
    let page = &browser.page;
    for (scripts, period) in [(true, "12 hours"), (false, "4 hours")] {
        browser.allow_scripts(scripts).await.unwrap();
        page.open(&site.address("/resources/1")).await.unwrap();
        page.run("document.querySelector('.facts a').click()", vec![])
            .await
            .unwrap();
        page.shows("What holds for each group").await.unwrap();
        choose(page, "On request").await;
        choose(page, "At once, with a reason").await;
        choose(page, period).await;
        page.press("See what this does…").await.unwrap();
        page.shows("What this does now").await.unwrap();
        page.press("Save").await.unwrap();
        page.shows(&format!("With a reason · {period}"))
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_removed_by_its_name_with_and_without_scripts() {
    let site = administrator().await.unwrap();
    let browser = site.browser("root").await.unwrap();
    let page = &browser.page;
    for (scripts, name) in [(true, "Night shift"), (false, "Day shift")] {
        browser.allow_scripts(scripts).await.unwrap();
        page.open(&site.address("/groups/new")).await.unwrap();
        page.fill("Name", name).await.unwrap();
        page.press("See what this does…").await.unwrap();
        page.press("Save").await.unwrap();
        page.shows(&format!("Change {name}")).await.unwrap();
        page.press("Remove the group…").await.unwrap();
        let label = format!("Type {name} to remove it");
        page.fill(&label, "Nights").await.unwrap();
        page.press("Remove").await.unwrap();
        page.shows("Nothing was removed.").await.unwrap();
        page.fill(&label, name).await.unwrap();
        page.press("Remove").await.unwrap();
        page.find("a[href='/groups/new']").await.unwrap();
        assert!(!page.words().await.unwrap().contains(name));
    }
}

/// As many as the page says that it takes, a while after the sign-in.
#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_people_are_pasted_and_confirmed_with_and_without_scripts() {
    let (site, clock) = crate::two_step::site().await.unwrap();
    let browser = site.browser("root").await.unwrap();
    let page = &browser.page;
    for (scripts, team) in [(true, "north"), (false, "south")] {
        browser.allow_scripts(scripts).await.unwrap();
        page.open(&site.address("/people/new")).await.unwrap();
        let lines = (0..500).map(|nth| {
            format!("Zoë Müller-Lüdenscheidt {nth}, zoe.mueller.luedenscheidt.{team}.{nth}@corp.example\n")
        });
        let paste = "document.getElementById('lines').value = arguments[0]";
        let lines = lines.collect::<String>();
        page.run(paste, vec![json!(lines)]).await.unwrap();
        clock.advance(Duration::from_secs(16 * 60)).unwrap();
        page.press("See what this does…").await.unwrap();
        page.shows("500 people are added").await.unwrap();
        page.press("Save").await.unwrap();
        page.shows("What you sent is done as soon as you confirm.")
            .await
            .unwrap();
        page.fill("Password", &password("root")).await.unwrap();
        page.press("Confirm").await.unwrap();
        page.shows("Add people").await.unwrap();
        let last = format!("/people?q=luedenscheidt.{team}.499");
        page.open(&site.address(&last)).await.unwrap();
        page.shows(&format!("luedenscheidt.{team}.499"))
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_never_undoes_what_somebody_else_saved() {
    let site = administrator().await.unwrap();
    let one = site.browser("root").await.unwrap();
    // Elsewhere: a browser of its own.
    let two = Browser::start(&site.session, "elsewhere").await.unwrap();
    site.sign_in(&two.page, "root").await.unwrap();
    let address = site.address("/resources/1/settings");
    for page in [&one.page, &two.page] {
        page.open(&address).await.unwrap();
    }
    choose(&one.page, "On request").await;
    choose(&one.page, "3 days").await;
    choose(&two.page, "On request").await;
    choose(&two.page, "8 hours").await;
    two.page.press("See what this does…").await.unwrap();
    two.page.shows("What this does now").await.unwrap();
    two.page.press("Save").await.unwrap();
    two.page.shows("8 hours").await.unwrap();
    one.page.press("See what this does…").await.unwrap();
    one.page
        .shows("Somebody else has changed this")
        .await
        .unwrap();
    // What was typed for other settings is not put into the form of theirs.
    one.page.open(&address).await.unwrap();
    one.page.shows("What holds for each group").await.unwrap();
    let chosen = "return document.querySelector('[name=period]:checked').value";
    let chosen = one.page.run(chosen, vec![]).await.unwrap();
    assert_eq!(chosen, json!("28800"));
    // Nor does a later visit begin with what was saved.
    two.page.open(&address).await.unwrap();
    let stored = "return Object.keys(sessionStorage).length";
    assert_eq!(two.page.run(stored, vec![]).await.unwrap(), json!(0));
}
