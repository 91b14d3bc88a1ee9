//! Forms that are refused come back with everything in them, and name the field that is wrong.

use chrono::TimeDelta;
use hourkey_controller::identity::setup;
use serde_json::json;

use crate::browser::{Browser, Page, Site};

/// A form of a page: where it goes, and its fields.
struct Form {
    action: String,
    fields: Vec<(String, String)>,
    /// Names of the fields that people type into.
    typed: Vec<String>,
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    let value = rest.split('"').next()?;
    Some(value.replace("&amp;", "&"))
}

/// Those forms of a page that are filled in.
fn forms(page: &Page, path: &str) -> Vec<Form> {
    let mut forms = Vec::new();
    let main = page.text.split_once("<main").unwrap().1;
    for form in main.split("<form ").skip(1) {
        let (form, _) = form.split_once("</form>").unwrap();
        let (head, inside) = form.split_once('>').unwrap();
        let head = format!(" {head}");
        if attribute(&head, "method").as_deref() != Some("post") {
            continue;
        }
        let mut found = Form {
            action: attribute(&head, "action").unwrap_or_else(|| path.to_owned()),
            fields: Vec::new(),
            typed: Vec::new(),
        };
        for tag in inside.split('<').filter_map(|tag| tag.split_once('>')) {
            let tag = tag.0;
            let Some(name) = attribute(tag, "name") else {
                continue;
            };
            let value = attribute(tag, "value").unwrap_or_default();
            let kind = attribute(tag, "type").unwrap_or_default();
            if tag.starts_with("button") || kind == "hidden" {
                found.fields.push((name, value));
            } else if kind == "radio" {
                if tag.contains(" checked") {
                    found.fields.push((name, value));
                }
            } else if tag.starts_with("textarea") || tag.starts_with("input") {
                found.typed.push(name);
            }
        }
        if !found.typed.is_empty() {
            forms.push(found);
        }
    }
    forms
}

/// Fills every form of a page in with what is too much for each field, and checks the answers.
async fn refuses_all(browser: &Browser<'_>, path: &str) -> usize {
    let page = browser.get(path).await;
    let forms = forms(&page, path);
    for form in &forms {
        let long = "Much too long. ".repeat(140);
        let mut fields: Vec<(&str, &str)> = Vec::new();
        for name in &form.typed {
            fields.push((name, if name == "password" { "short" } else { &long }));
        }
        for (name, value) in &form.fields {
            fields.push((name, value));
        }
        let fields: Vec<_> = fields
            .into_iter()
            .filter(|(name, _)| *name != "token")
            .collect();
        let answer = browser.post(&form.action, &fields).await;
        let what = format!("{path} {}: {}", form.action, answer.words());
        assert!(answer.status.is_client_error(), "{what}");
        assert!(answer.text.contains("<title>Error: "), "{what}");
        assert_eq!(
            answer.text.matches("aria-invalid=\"true\"").count(),
            1,
            "{what}"
        );
        let marked = answer.text.split("aria-invalid=\"true\"").nth(1).unwrap();
        let (marked, _) = marked.split_once('>').unwrap();
        let described = attribute(marked, "aria-describedby").unwrap();
        assert!(described.split(' ').any(|id| id == "complaint"), "{what}");
        assert!(
            answer.text.contains("id=\"complaint\" role=\"alert\""),
            "{what}"
        );
        // Each form has a field that is no password.
        assert!(answer.text.contains(&long), "{what}");
    }
    forms.len()
}

#[tokio::test]
async fn every_form_names_the_wrong_field_and_keeps_what_was_typed() {
    let site = Site::with(|config| config.device_flow = true).await;
    let world = &site.world;
    // Long enough for what locks by disuse to lock.
    world.wait(TimeDelta::days(1)).await;
    let body =
        json!({ "resource": world.resources.database, "reason": "Reports", "seconds": 7200 });
    let request = world.post(world.people.ben, "/requests", body).await.id();
    let body = json!({ "resource": world.resources.logs, "reason": "Error 500" });
    let open = world.post(world.people.ben, "/requests", body).await.id();
    let mut count = 0;
    let ann = site.signed_in("ann").await;
    for path in ["/resources/2/request", "/resources/3/request", "/device"] {
        count += refuses_all(&ann, path).await;
    }
    let rae = site.signed_in("rae").await;
    for path in [
        format!("/review/{request}"),
        format!("/review/{open}"),
        "/review".to_owned(),
    ] {
        count += refuses_all(&rae, &path).await;
    }
    for path in ["/sign-in", "/reset"] {
        count += refuses_all(&site.browser(), path).await;
    }
    // From now on everything leads there.
    setup::make_code(&site.app.store).await.unwrap();
    count += refuses_all(&site.browser(), "/setup").await;
    assert_eq!(count, 12);
}

#[tokio::test]
async fn a_fresh_controllers_front_door_is_its_setup() {
    let site = Site::new().await;
    assert_eq!(site.browser().get("/").await.location(), "/access");
    setup::make_code(&site.app.store).await.unwrap();
    assert_eq!(site.browser().get("/").await.location(), "/setup");
}

#[tokio::test]
async fn a_session_that_ended_says_so_and_whether_something_was_sent() {
    let site = Site::new().await;
    let ann = site.signed_in("ann").await;
    let fields = [("way", "3"), ("reason", "Error 500")];
    ann.get("/resources/3/request").await;
    let kept = ann.cookies();
    ann.get("/access").await;
    ann.post("/sign-out", &[]).await;
    assert!(!ann.get("/sign-in").await.words().contains("session ended"));
    ann.set_cookies(kept);
    let answer = ann.post("/resources/3/request", &fields).await;
    let address = answer.location().to_owned();
    assert_eq!(
        address,
        "/sign-in?next=%2Fresources%2F3%2Frequest&unsent=true"
    );
    ann.get(&address)
        .await
        .says("Your session ended; nothing was sent.");
    ann.get("/sign-in")
        .await
        .says("Your session ended. Sign in");
}
