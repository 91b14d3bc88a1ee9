//! How pages look: on a phone, and in both themes.

use anyhow::{Result, ensure};
use hourkey_testkit::browser::Scheme;
use hourkey_testkit::page::Page;
use serde_json::json;

use crate::Site;

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

/// Nothing sticks out on the right.
async fn fits(page: &Page) -> Result<()> {
    let script = "return [document.documentElement.scrollWidth, innerWidth]";
    let widths = page.run(script, vec![]).await?;
    ensure!(widths[0].as_f64() <= widths[1].as_f64(), "{widths}");
    Ok(())
}
