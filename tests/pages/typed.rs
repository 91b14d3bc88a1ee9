//! What is typed is never lost: in every form of every page.

use hourkey_testkit::page::Page;
use hourkey_testkit::poll::eventually;
use serde_json::{Value, json};

use crate::everywhere::Everywhere;
use crate::password;

/// The forms of a page in which something can be typed.
const FORMS: &str = "return [...document.querySelectorAll('main form[method=post]')]
    .filter((form) => form.querySelector('textarea:not([readonly]), input:not([type])'))
    .map((form) => form.id);";

/// Types into every field of a form, chooses what is not chosen, and tells what is in it.
const TYPE: &str = "const form = document.getElementById(arguments[0]);
    const panel = form.closest('details');
    if (panel) panel.open = true;
    for (const field of form.elements) {
        if (field.type === 'radio') field.checked = true;
        if (field.type === 'datetime-local') field.value = '2030-01-15T12:00';
        if (field.tagName === 'SELECT') field.selectedIndex = field.options.length - 1;
        if (field.matches('textarea, input:not([type])')) field.value = `Typed: ${field.name}`;
        field.dispatchEvent(new Event('input', { bubbles: true }));
    }";

const CONTENT: &str = "const form = document.getElementById(arguments[0]);
    if (!form) return null;
    const fields = [...form.elements].filter((field) => field.name && field.type !== 'hidden');
    return [form.closest('details')?.open ?? null,
        ...fields.map((field) => [field.name, field.value, field.checked ?? null])];";

/// A live page may have found out by itself that its session has ended, and have left.
const SEND: &str = "const form = document.getElementById(arguments[0]);
    form?.requestSubmit(form.querySelector('button:not([type=button])'));";

async fn content(page: &Page, form: &Value) -> Value {
    page.run(CONTENT, vec![form.clone()]).await.unwrap()
}

/// Fills in every form of every page, has its session end, sends it, signs in again, and looks for
/// what was typed.
async fn outlives_a_session_that_ends(scripts: bool) {
    let everywhere = Everywhere::new().await.unwrap();
    let mut forms = 0;
    for who in ["ada", "marta", "root"] {
        let browser = everywhere.site.browser(who).await.unwrap();
        browser.allow_scripts(scripts).await.unwrap();
        let page = &browser.page;
        for address in everywhere.of(Some(who)) {
            page.open(&address).await.unwrap();
            let found = page.run(FORMS, vec![]).await.unwrap();
            for form in found.as_array().unwrap() {
                assert_ne!(form, "", "a form without an id on {address}");
                page.open(&address).await.unwrap();
                page.run(TYPE, vec![form.clone()]).await.unwrap();
                let before = content(page, form).await;
                page.client().delete_all_cookies().await.unwrap();
                page.run(SEND, vec![form.clone()]).await.unwrap();
                page.shows("Your session ended; nothing was sent.")
                    .await
                    .unwrap();
                page.fill("Login", who).await.unwrap();
                page.fill("Password", &password(who)).await.unwrap();
                page.press("Sign in").await.unwrap();
                let is_as_before = async || {
                    let now = content(page, form).await;
                    if now == before { Ok(()) } else { Err(now) }
                };
                let what = format!("{form} of {address} as before");
                eventually(&what, is_as_before).await.unwrap();
                page.client().refresh().await.unwrap();
                let what = format!("{form} of {address} after Reload");
                eventually(&what, is_as_before).await.unwrap();
                forms += 1;
            }
        }
    }
    assert!(forms >= 8, "{forms}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_typed_outlives_a_session_that_ends() {
    outlives_a_session_that_ends(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_scripts_too_whatever_is_typed_outlives_a_session_that_ends() {
    outlives_a_session_that_ends(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_scripts_too_back_and_reload_keep_what_is_typed() {
    let everywhere = Everywhere::new().await.unwrap();
    let browser = everywhere.site.browser("marta").await.unwrap();
    browser.allow_scripts(false).await.unwrap();
    let page = &browser.page;
    let review = everywhere
        .of(Some("marta"))
        .find(|address| address.contains("/review/"));
    page.open(&review.unwrap()).await.unwrap();
    page.press("Shorter…").await.unwrap();
    page.choose("Other…").await.unwrap();
    page.fill("How long, up to", "soon").await.unwrap();
    page.fill("Comment", "Be quick").await.unwrap();
    let form = page.run(FORMS, vec![]).await.unwrap()[0].clone();
    let typed = content(page, &form).await;
    let is_typed = async |when: &str, wanted: &Value| {
        eventually(when, async || {
            let now = content(page, &form).await;
            if now == *wanted { Ok(()) } else { Err(now) }
        })
        .await
        .unwrap();
    };
    let away_and_back = async || {
        page.press("All requests").await.unwrap();
        page.find("#queue").await.unwrap();
        page.client().back().await.unwrap();
    };
    away_and_back().await;
    is_typed("the form after Back", &typed).await;
    page.press("Approve").await.unwrap();
    page.shows("“soon” isn’t a length").await.unwrap();
    is_typed("the refused form", &typed).await;
    page.fill("Comment", "Be quick, please").await.unwrap();
    let more = content(page, &form).await;
    away_and_back().await;
    page.shows("“soon” isn’t a length").await.unwrap();
    is_typed("the refused form after Back", &more).await;
    // The browser asks a person whether to send it again; the driver says yes.
    page.client().refresh().await.unwrap();
    page.shows("“soon” isn’t a length").await.unwrap();
    is_typed("the refused form after Reload", &typed).await;
    page.client().back().await.unwrap();
    page.press("Shorter…").await.unwrap();
    is_typed("the form before", &typed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_style_sheet_is_fetched_once_for_all_pages() {
    let everywhere = Everywhere::new().await.unwrap();
    let browser = everywhere.site.browser("ada").await.unwrap();
    browser.allow_scripts(false).await.unwrap();
    for address in everywhere.of(Some("ada")) {
        browser.page.open(&address).await.unwrap();
        let fetched = "const all = performance.getEntriesByType('resource');
            return all.filter(({ name }) => name.includes('pages.css'))
                .map(({ transferSize }) => transferSize)";
        let fetched = browser.page.run(fetched, vec![]).await.unwrap();
        assert_eq!(fetched, json!([0]), "{address}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_form_keeps_everything_and_can_be_left_and_reloaded() {
    let everywhere = Everywhere::new().await.unwrap();
    let browser = everywhere.site.browser("marta").await.unwrap();
    let page = &browser.page;
    let address = everywhere.of(Some("marta")).next().unwrap();
    page.open(&address).await.unwrap();
    page.press("Shorter…").await.unwrap();
    page.choose("Other…").await.unwrap();
    page.fill("How long, up to", "soon").await.unwrap();
    page.fill("Comment", "Be quick").await.unwrap();
    page.press("Approve").await.unwrap();
    page.shows("“soon” isn’t a length").await.unwrap();
    let form = page.run(FORMS, vec![]).await.unwrap()[0].clone();
    let before = content(page, &form).await;
    let state = "const { activeElement, title } = document;
        return [title.startsWith('Error: '), activeElement.name, activeElement.ariaInvalid,
            document.getElementById(activeElement.getAttribute('aria-describedby'))?.role]";
    let state = page.run(state, vec![]).await.unwrap();
    assert_eq!(state, json!([true, "other", "true", "alert"]));
    for way in ["location.reload()", "location.assign('/access')"] {
        page.run(way, vec![]).await.unwrap();
        if way.contains("assign") {
            page.shows("Your access").await.unwrap();
            page.run("history.back()", vec![]).await.unwrap();
        }
        eventually(&format!("the form after {way}"), async || {
            content(page, &form).await == before
        })
        .await
        .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_of_an_earlier_sign_in_says_so_and_keeps_what_is_typed() {
    let everywhere = Everywhere::new().await.unwrap();
    let browser = everywhere.site.browser("marta").await.unwrap();
    let page = &browser.page;
    let address = everywhere.of(Some("marta")).next().unwrap();
    page.open(&address).await.unwrap();
    page.press("Deny…").await.unwrap();
    page.fill("Reason for denying", "Not on a Friday")
        .await
        .unwrap();
    // As after signing in again in another tab.
    let token =
        "for (const field of document.querySelectorAll('[name=token]')) field.value = 'old'";
    page.run(token, vec![]).await.unwrap();
    page.press("Deny").await.unwrap();
    page.shows("This page was out of date, so nothing was sent.")
        .await
        .unwrap();
    page.run("location.reload()", vec![]).await.unwrap();
    eventually("what was typed", async || {
        let value = page
            .field("Reason for denying")
            .await
            .unwrap()
            .prop("value")
            .await;
        value.is_ok_and(|value| value.as_deref() == Some("Not on a Friday"))
    })
    .await
    .unwrap();
    // What is answered can be sent, without loading the page again.
    page.run(token, vec![]).await.unwrap();
    page.press("Deny").await.unwrap();
    page.shows("This page was out of date").await.unwrap();
    page.press("Deny").await.unwrap();
    page.shows("Not on a Friday").await.unwrap();
}
