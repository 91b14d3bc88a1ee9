//! How pages look: on a phone, and in both themes.

use anyhow::{Result, ensure};
use hourkey_testkit::browser::{Browser, Scheme};
use hourkey_testkit::page::Page;
use serde_json::json;

use crate::Site;
use crate::everywhere::{Everywhere, PEOPLE};

#[tokio::test(flavor = "multi_thread")]
async fn the_request_page_fits_on_a_phone() {
    let site = Site::new().await.unwrap();
    let ada = site.api("ada").await.unwrap();
    let browser = site.browser("ada").await.unwrap();
    let page = &browser.page;
    let address = site.request_page(&ada, "Grafana").await.unwrap();
    for scheme in [Scheme::Light, Scheme::Dark] {
        browser.emulate(scheme).await.unwrap();
        browser.emulate_size(360, 640, 1.0).await.unwrap();
        page.open(&address).await.unwrap();
        let end = "return document.querySelector('form.stack .primary')
            .getBoundingClientRect().bottom";
        let bottom = page.run(end, vec![]).await.unwrap();
        assert!(bottom.as_f64().unwrap() <= 640.0, "{bottom}");
        for path in ["/access", "/sessions"] {
            fits(page).await.unwrap();
            page.open(&site.address(path)).await.unwrap();
        }
        fits(page).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn words_are_legible_in_both_themes() {
    let site = Site::new().await.unwrap();
    let ada = site.api("ada").await.unwrap();
    let browser = site.browser("ada").await.unwrap();
    let page = &browser.page;
    let ask = site.request_page(&ada, "Grafana").await.unwrap();
    for scheme in [Scheme::Light, Scheme::Dark] {
        browser.emulate(scheme).await.unwrap();
        for address in [&site.address("/access"), &ask, &site.address("/nowhere")] {
            page.open(address).await.unwrap();
            let poor = page.run(CONTRAST, vec![]).await.unwrap();
            assert_eq!(poor, json!([]), "{scheme:?} {address}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_scrolls_sideways_on_small_screens_or_with_large_text() {
    let everywhere = Everywhere::new().await.unwrap();
    for who in PEOPLE {
        let browser = everywhere.site.browser_of(who).await.unwrap();
        for (width, text) in [(320, 16), (360, 16), (420, 16), (1280, 16), (640, 32)] {
            browser.emulate_size(width, 640, 1.0).await.unwrap();
            browser.emulate_text(text).await.unwrap();
            for address in everywhere.of(who) {
                browser.page.open(&address).await.unwrap();
                keep_picture(&browser, &address, &format!("{width}-{text}")).await;
                let fits = fits(&browser.page).await;
                let split = browser.page.run(SPLIT, vec![]).await.unwrap();
                assert!(
                    fits.is_ok(),
                    "{address} {width} px, text of {text} px: {fits:?}"
                );
                assert_eq!(split, json!([]), "{address} {width} px, text of {text} px");
                let cut = browser.page.run(CUT_PANELS, vec![]).await.unwrap();
                assert_eq!(cut, json!([]), "{address} {width} px, text of {text} px");
            }
        }
    }
}

/// What finds what axe-core finds.
pub(crate) fn axe() -> String {
    let axe = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/ui/node_modules/axe-core/axe.min.js"
    );
    let axe = std::fs::read_to_string(axe).expect("run npm ci in ui/ first");
    format!("{axe}\n{AXE}")
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_violates_a_rule_of_axe() {
    let check = axe();
    let everywhere = Everywhere::new().await.unwrap();
    for who in PEOPLE {
        let browser = everywhere.site.browser_of(who).await.unwrap();
        for scheme in [Scheme::Light, Scheme::Dark] {
            browser.emulate(scheme).await.unwrap();
            for address in everywhere.of(who) {
                browser.page.open(&address).await.unwrap();
                let found = browser.page.client().execute_async(&check, vec![]);
                assert_eq!(found.await.unwrap(), json!([]), "{scheme:?} {address}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn buttons_are_named_with_what_they_are_about() {
    let everywhere = Everywhere::new().await.unwrap();
    for who in PEOPLE {
        let browser = everywhere.site.browser_of(who).await.unwrap();
        for address in everywhere.of(who) {
            browser.page.open(&address).await.unwrap();
            let found = browser.page.run(NAMES, vec![]).await.unwrap();
            assert_eq!(found, json!([]), "{address}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn printed_pages_are_light_and_have_neither_navigation_nor_buttons() {
    let everywhere = Everywhere::new().await.unwrap();
    let browser = everywhere.site.browser("ada").await.unwrap();
    let page = &browser.page;
    browser.emulate_print(Scheme::Dark).await.unwrap();
    for address in everywhere.of(Some("ada")) {
        page.open(&address).await.unwrap();
        keep_picture(&browser, &address, "print").await;
        let shown = "return [...document.querySelectorAll('nav a, button, a.btn')]
            .filter((element) => element.checkVisibility()).length";
        assert_eq!(
            page.run(shown, vec![]).await.unwrap(),
            json!(0),
            "{address}"
        );
        let paper = "return getComputedStyle(document.body).backgroundColor";
        assert_eq!(
            page.run(paper, vec![]).await.unwrap(),
            json!("rgb(250, 250, 248)")
        );
        page.shows("Times in ").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_forced_colours_states_choices_and_the_focus_are_seen() {
    let everywhere = Everywhere::new().await.unwrap();
    let browser = everywhere.site.browser("ada").await.unwrap();
    let page = &browser.page;
    browser.emulate_forced_colours().await.unwrap();
    for address in everywhere.of(Some("ada")) {
        page.open(&address).await.unwrap();
        keep_picture(&browser, &address, "forced").await;
        let unseen = page.run(UNSEEN, vec![]).await.unwrap();
        assert_eq!(unseen, json!([]), "{address}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn times_are_in_one_named_zone_and_count_to_24() {
    let everywhere = Everywhere::new().await.unwrap();
    let browser = everywhere.site.browser("ada").await.unwrap();
    let page = &browser.page;
    browser.emulate_zone("America/New_York").await.unwrap();
    for address in everywhere.of(Some("ada")) {
        page.open(&address).await.unwrap();
        page.shows("Times in America/New_York").await.unwrap();
        let words = page.words().await.unwrap();
        assert!(!words.contains("UTC"), "{address}: {words}");
        assert!(
            !words.contains(" AM") && !words.contains(" PM"),
            "{address}: {words}"
        );
        let whole = "return [...document.querySelectorAll('time')]
            .filter((time) => !/^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d UTC$/.test(time.title)).length";
        assert_eq!(
            page.run(whole, vec![]).await.unwrap(),
            json!(0),
            "{address}"
        );
    }
    browser.allow_scripts(false).await.unwrap();
    page.open(&everywhere.site.address("/access"))
        .await
        .unwrap();
    page.shows("Times in UTC").await.unwrap();
}

/// Saves a picture where `HOURKEY_PICTURES` names a folder, to be looked at.
pub(crate) async fn keep_picture(browser: &Browser, address: &str, kind: &str) {
    let Ok(folder) = std::env::var("HOURKEY_PICTURES") else {
        return;
    };
    let path: String = url::Url::parse(address).unwrap()[url::Position::BeforePath..]
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let picture = std::path::Path::new(&folder).join(format!("page{path}-{kind}.png"));
    browser.page.shot(&picture).await.unwrap();
}

/// What axe-core finds, as rules and places.
const AXE: &str = "const done = arguments[arguments.length - 1];
    axe.run(document).then(({ violations }) => done(violations.flatMap((rule) =>
        rule.nodes.map((node) => `${rule.id}: ${node.html}`))));";

/// Times that break over lines, and icons that stand above their words.
const SPLIT: &str = "
    const shown = (element) => element.checkVisibility() && element.getClientRects().length > 0;
    const times = [...document.querySelectorAll('time')]
        .filter((time) => shown(time) && time.getClientRects().length > 1);
    const icons = [...document.querySelectorAll('.btn > svg')].filter((icon) => {
        if (!shown(icon)) return false;
        const range = document.createRange();
        range.selectNodeContents(icon.parentElement);
        range.setStartAfter(icon);
        const [word] = range.getClientRects();
        return word && word.top > icon.getBoundingClientRect().bottom;
    });
    return [...times, ...icons].map((element) => element.outerHTML);";

/// Names that two buttons have, and names that do not begin with the words that are seen (WCAG
/// 2.2, 2.5.3).
const NAMES: &str = "
    const seen = new Set();
    const wrong = [];
    for (const button of document.querySelectorAll('main :is(button, summary, a.btn)')) {
        const words = button.textContent.trim();
        const name = button.ariaLabel ?? words;
        if (!name.startsWith(words) || seen.has(name)) wrong.push(name);
        seen.add(name);
    }
    return wrong;";

/// What has no line around it that would tell it apart: the chosen length, the current page, and
/// whatever has the focus.
const UNSEEN: &str = "
    const lined = (element) => {
        const style = getComputedStyle(element);
        return (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2) ||
            parseFloat(style.borderBottomWidth) >= 2;
    };
    const unseen = [...document.querySelectorAll('.chip:has(:checked), nav a[aria-current]')]
        .filter((element) => element.checkVisibility() && !lined(element));
    for (const element of document.querySelectorAll('main :is(a, button, summary, textarea)')) {
        if (!element.checkVisibility()) continue;
        element.focus({ focusVisible: true });
        if (document.activeElement === element && !lined(element)) unseen.push(element);
    }
    return unseen.map((element) => element.outerHTML);";

/// Texts whose contrast with what is behind them is below 4.5:1 (WCAG 2.2, 1.4.3).
const CONTRAST: &str = "
    const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const light = (colour) => parse(colour).slice(0, 3)
        .map((part) => part / 255)
        .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
        .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
    const behind = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const colour = getComputedStyle(at).backgroundColor;
            if ((parse(colour)[3] ?? 1) > 0) return colour;
        }
        return 'rgb(255, 255, 255)';
    };
    const found = [];
    for (const element of document.querySelectorAll('body *')) {
        const own = [...element.childNodes].some((node) =>
            node.nodeType === Node.TEXT_NODE && node.textContent.trim());
        if (!own || !element.checkVisibility()) continue;
        const [a, b] = [light(getComputedStyle(element).color), light(behind(element))];
        const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (contrast < 4.5) found.push([element.textContent.trim(), contrast]);
    }
    return found;";

/// What opens under buttons and does not fit into the window, sideways.
const CUT_PANELS: &str = "
    const cut = [];
    for (const pop of document.querySelectorAll('details.pop')) {
        pop.open = true;
        const { left, right } = pop.querySelector('.panel').getBoundingClientRect();
        if (left < 0 || right > document.documentElement.clientWidth) cut.push(pop.id);
        pop.open = false;
    }
    return cut;";

/// Nothing sticks out on the right.
pub(crate) async fn fits(page: &Page) -> Result<()> {
    let script = "return [document.documentElement.scrollWidth, innerWidth]";
    let widths = page.run(script, vec![]).await?;
    ensure!(widths[0].as_f64() <= widths[1].as_f64(), "{widths}");
    Ok(())
}
