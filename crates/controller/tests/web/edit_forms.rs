//! The forms in which administrators change things: filled in, looked at, saved.

use crate::web::browser::{Browser, Page};

/// In place of a value: the field is not sent, as that of a box that is not checked.
pub(crate) const LEFT_OUT: &str = "\0";

/// The fields of a form on a page, with these in place of what it had.
fn filled(page: &Page, change: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    for input in page.text.split("<input ").skip(1) {
        let (input, _) = input.split_once('>').unwrap();
        let attribute = |name: &str| {
            let (_, rest) = input.split_once(&format!("{name}=\""))?;
            let value = rest.split_once('"')?.0.replace("&quot;", "\"");
            let value = value.replace("&lt;", "<").replace("&gt;", ">");
            Some(value.replace("&amp;", "&"))
        };
        let Some(name) = attribute("name").filter(|it| !["token", "by", "q"].contains(&&**it))
        else {
            continue;
        };
        let kind = attribute("type");
        let is_choice = kind.is_some_and(|kind| ["radio", "checkbox"].contains(&&*kind));
        let is_off = is_choice && !input.contains(" checked");
        if !is_off {
            fields.push((name, attribute("value").unwrap_or_default()));
        }
    }
    for (name, value) in change {
        fields.retain(|(field, _)| field != name);
        if *value != LEFT_OUT {
            fields.push(((*name).to_owned(), (*value).to_owned()));
        }
    }
    fields
}

pub(crate) async fn send(
    browser: &Browser<'_>,
    path: &str,
    page: &Page,
    change: &[(&str, &str)],
) -> Page {
    let fields = filled(page, change);
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    browser.post(path, &fields).await
}

/// Opens the page, looks at what removing does, types the name, and removes it.
pub(crate) async fn removed(browser: &Browser<'_>, path: &str, name: &str) -> Page {
    let form = browser.get(path).await;
    assert_eq!(form.status, 200, "{path}: {}", form.words());
    let shown = send(browser, path, &form, &[("do", "remove")]).await;
    assert_eq!(shown.status, 200, "{path}: {}", shown.words());
    let typed = [("do", "save"), ("typed_name", name)];
    let done = send(browser, path, &shown, &typed).await;
    assert_eq!(done.status, 303, "{path}: {}", done.words());
    done
}

/// Opens the page, fills its form in, looks at what it does, and saves it.
pub(crate) async fn saved(browser: &Browser<'_>, path: &str, change: &[(&str, &str)]) -> Page {
    let form = browser.get(path).await;
    assert_eq!(form.status, 200, "{path}: {}", form.words());
    let shown = send(browser, path, &form, change).await;
    assert_eq!(shown.status, 200, "{path}: {}", shown.words());
    let done = send(browser, path, &shown, &[("do", "save")]).await;
    assert_eq!(done.status, 303, "{path}: {}", done.words());
    done
}
