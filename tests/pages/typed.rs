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
        if (field.matches('textarea, input:not([type])')) field.value = `Typed: ${field.name}`;
        field.dispatchEvent(new Event('input', { bubbles: true }));
    }";

const CONTENT: &str = "const form = document.getElementById(arguments[0]);
    if (!form) return null;
    const fields = [...form.elements].filter((field) => field.name && field.type !== 'hidden');
    return [form.closest('details')?.open ?? null,
        ...fields.map((field) => [field.name, field.value, field.checked ?? null])];";

const SEND: &str = "const form = document.getElementById(arguments[0]);
    form.requestSubmit(form.querySelector('button:not([type=button])'));";

async fn content(page: &Page, form: &Value) -> Value {
    page.run(CONTENT, vec![form.clone()]).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_typed_outlives_a_session_that_ends() {
    let everywhere = Everywhere::new().await.unwrap();
    let mut forms = 0;
    for who in ["ada", "marta", "root"] {
        let browser = everywhere.site.browser(who).await.unwrap();
        let page = &browser.page;
        for address in everywhere.of(Some(who)) {
            page.open(&address).await.unwrap();
            let found = page.run(FORMS, vec![]).await.unwrap();
            for form in found.as_array().unwrap() {
                assert_ne!(form, "", "a form without an id on {address}");
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
                eventually(&format!("{form} of {address} as before"), async || {
                    let now = content(page, form).await;
                    if now == before { Ok(()) } else { Err(now) }
                })
                .await
                .unwrap();
                forms += 1;
            }
        }
    }
    assert!(forms >= 8, "{forms}");
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
    page.shows("This page is out of date. Reload it.")
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
}
