//! Using a page as a person does: by the names that it shows.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use fantoccini::actions::{
    InputSource as _, KeyAction, KeyActions, MOUSE_BUTTON_LEFT, MouseActions, PointerAction,
};
use fantoccini::elements::Element;
use fantoccini::{Client, Locator};
use serde_json::Value;
use url::Url;

use crate::poll::eventually;

/// A page in a driven browser or web view. Everything waits for what it needs to be there.
#[derive(Clone, Debug)]
pub struct Page {
    client: Client,
}

impl Page {
    /// The page that this session shows.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// The session itself, for what is missing here.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Goes to an address.
    ///
    /// # Errors
    /// When the browser is gone or refuses the address.
    pub async fn open(&self, url: &str) -> Result<()> {
        let goes = self.client.goto(url).await;
        goes.with_context(|| format!("cannot open {url}"))
    }

    /// The address of the page.
    ///
    /// # Errors
    /// When the browser is gone.
    pub async fn url(&self) -> Result<Url> {
        Ok(self.client.current_url().await?)
    }

    /// The first element that matches a CSS selector.
    ///
    /// # Errors
    /// When none appears in time.
    pub async fn find(&self, css: &str) -> Result<Element> {
        self.locate(css, Locator::Css(css)).await
    }

    /// The visible text of the first element that matches a CSS selector.
    ///
    /// # Errors
    /// When none appears in time.
    pub async fn text(&self, css: &str) -> Result<String> {
        // In one step, because a live page may replace the element in between.
        eventually(&format!("the text of {css}"), async || -> Result<String> {
            Ok(self.client.find(Locator::Css(css)).await?.text().await?)
        })
        .await
    }

    /// Clicks the first element that matches a CSS selector.
    ///
    /// # Errors
    /// When none can be clicked in time.
    pub async fn click(&self, css: &str) -> Result<()> {
        self.click_at(css, Locator::Css(css)).await
    }

    /// Clicks twice at the point where an element is, whatever is there by the second click.
    ///
    /// # Errors
    /// When there is no such element in time, or the browser is gone.
    pub async fn click_twice(&self, css: &str, gap: Duration) -> Result<()> {
        // Whole pixels: the driver takes no others. Nothing while the point hits something else.
        const POINT: &str = "const found = document.querySelector(arguments[0]);
            found.scrollIntoView({ block: 'nearest' });
            const { left, top, width, height } = found.getBoundingClientRect();
            const point = [Math.round(left + width / 2), Math.round(top + height / 2)];
            return found.contains(document.elementFromPoint(...point)) ? point : [];";
        self.find(css).await?;
        let point = eventually(&format!("{css} that takes clicks"), async || {
            let point = self.run(POINT, vec![css.into()]).await.ok()?;
            point[0].is_number().then_some(point)
        })
        .await?;
        let at = |index: usize| point[index].as_f64().context("a point");
        let mut mouse = MouseActions::new("mouse".to_owned()).then(PointerAction::MoveTo {
            duration: None,
            x: at(0)?,
            y: at(1)?,
        });
        for pause in [gap, Duration::ZERO] {
            let button = MOUSE_BUTTON_LEFT;
            mouse = mouse
                .then(PointerAction::Down { button })
                .then(PointerAction::Up { button })
                .pause(pause);
        }
        Ok(self.client.perform_actions(mouse).await?)
    }

    /// Moves the pointer onto an element.
    ///
    /// # Errors
    /// When there is no such element in time, or the browser is gone.
    pub async fn hover(&self, css: &str) -> Result<()> {
        let element = self.find(css).await?;
        let over = PointerAction::MoveToElement {
            element,
            duration: None,
            x: 0.0,
            y: 0.0,
        };
        let mouse = MouseActions::new("mouse".to_owned()).then(over);
        Ok(self.client.perform_actions(mouse).await?)
    }

    /// Presses a key twice, from the focus on an element on.
    ///
    /// # Errors
    /// When there is no such element in time, or the browser is gone.
    pub async fn press_twice(&self, css: &str, key: char, gap: Duration) -> Result<()> {
        self.find(css).await?;
        let focus = "document.querySelector(arguments[0]).focus()";
        self.run(focus, vec![css.into()]).await?;
        self.type_keys(&[key, key], gap).await
    }

    /// Clicks the button or link with this name.
    ///
    /// # Errors
    /// When none can be clicked in time.
    pub async fn press(&self, name: &str) -> Result<()> {
        let quoted = quoted(name);
        let named =
            format!("[normalize-space()={quoted} or @aria-label={quoted} or @value={quoted}]");
        let path = format!(
            "(//button | //a | //summary | //input[@type='submit'] | //*[@role='button'] | \
             //*[@role='tab']){named}"
        );
        self.click_at(name, Locator::XPath(&path)).await
    }

    /// Presses keys one after the other, wherever the focus is.
    ///
    /// # Errors
    /// When the browser is gone.
    pub async fn type_keys(&self, keys: &[char], gap: Duration) -> Result<()> {
        let mut presses = KeyActions::new("keyboard".to_owned());
        for &value in keys {
            presses = presses
                .then(KeyAction::Down { value })
                .then(KeyAction::Up { value })
                .then(KeyAction::Pause { duration: gap });
        }
        Ok(self.client.perform_actions(presses).await?)
    }

    /// The field with this label.
    ///
    /// # Errors
    /// When none appears in time.
    pub async fn field(&self, label: &str) -> Result<Element> {
        let quoted = quoted(label);
        let path = format!(
            "//*[@id = //label[starts-with(normalize-space(), {quoted})]/@for] | \
             //label[starts-with(normalize-space(), {quoted})]\
             //*[self::input or self::textarea or self::select] | //*[@aria-label={quoted}]"
        );
        self.locate(label, Locator::XPath(&path)).await
    }

    /// Clicks the choice (a radio button or check box) with this label.
    ///
    /// # Errors
    /// When none can be clicked in time.
    pub async fn choose(&self, label: &str) -> Result<()> {
        // The label, because pages hide the box itself behind a picture of it.
        let path = format!("//label[normalize-space()={}]", quoted(label));
        self.click_at(label, Locator::XPath(&path)).await
    }

    /// Replaces what is in the field with this label.
    ///
    /// # Errors
    /// When there is no such field in time, or nothing can be typed into it.
    pub async fn fill(&self, label: &str, text: &str) -> Result<()> {
        let field = self.field(label).await?;
        field.clear().await?;
        Ok(field.send_keys(text).await?)
    }

    /// Waits until the page shows a text.
    ///
    /// # Errors
    /// When it does not in time; shows what it says instead.
    pub async fn shows(&self, text: &str) -> Result<()> {
        eventually(&format!("a page that shows {text:?}"), async || {
            let shown = self.words().await.map_err(|error| format!("{error:#}"))?;
            if shown.contains(text) {
                Ok(())
            } else {
                Err(shown)
            }
        })
        .await
    }

    /// Everything that the page shows, as text.
    ///
    /// # Errors
    /// When the browser is gone.
    pub async fn words(&self) -> Result<String> {
        let words = self.run("return document.body.innerText", vec![]).await?;
        Ok(words.as_str().unwrap_or_default().to_owned())
    }

    /// Runs the body of a JavaScript function, and returns what it returns.
    ///
    /// # Errors
    /// When it throws.
    pub async fn run(&self, script: &str, arguments: Vec<Value>) -> Result<Value> {
        Ok(self.client.execute(script, arguments).await?)
    }

    /// Saves a picture of what is visible of the page.
    ///
    /// # Errors
    /// When the browser is gone.
    pub async fn shot(&self, path: &Path) -> Result<()> {
        self.client.execute_async(SETTLE_SCRIPT, vec![]).await?;
        Ok(fs::write(path, self.client.screenshot().await?)?)
    }

    /// Checks that nothing scrolls sideways, that no time is cut off, and that a page whose parts
    /// scroll is not scrolled itself.
    ///
    /// # Errors
    /// When something does or is; shows it.
    pub async fn fits(&self) -> Result<()> {
        let wrong = self.run(LAYOUT_ERRORS_SCRIPT, vec![]).await?;
        ensure!(wrong == Value::Array(vec![]), "it does not fit: {wrong}");
        Ok(())
    }

    /// Waits for the tab whose address is as wanted, and goes on in it.
    ///
    /// # Errors
    /// When there is none in time; lists the tabs.
    pub async fn switch_to(&self, what: &str, wanted: impl Fn(&Url) -> bool) -> Result<Url> {
        eventually(&format!("the tab: {what}"), async || {
            match self.find_tab(&wanted).await {
                Ok(Ok(url)) => Ok(url),
                Ok(Err(tabs)) => Err(format!("tabs {tabs:?}")),
                Err(error) => Err(format!("{error:#}")),
            }
        })
        .await
    }

    async fn find_tab(&self, wanted: impl Fn(&Url) -> bool) -> Result<Result<Url, Vec<String>>> {
        let mut seen = Vec::new();
        // The newest are last.
        for tab in self.client.windows().await?.into_iter().rev() {
            self.client.switch_to_window(tab).await?;
            let url = self.url().await?;
            if wanted(&url) {
                return Ok(Ok(url));
            }
            seen.push(url.to_string());
        }
        Ok(Err(seen))
    }

    async fn locate(&self, what: &str, locator: Locator<'_>) -> Result<Element> {
        eventually(&format!("{what:?} on the page"), async || {
            self.client.find(locator).await
        })
        .await
    }

    async fn click_at(&self, what: &str, locator: Locator<'_>) -> Result<()> {
        eventually(&format!("a click on {what:?}"), async || {
            self.client.find(locator).await?.click().await
        })
        .await
    }
}

/// Ends when what has changed is drawn: a picture taken right after a change still shows the frame
/// before it, and a transition shows colours that no rule has.
const SETTLE_SCRIPT: &str = "const done = arguments[0];
    const frames = () => new Promise((drawn) =>
        requestAnimationFrame(() => requestAnimationFrame(drawn)));
    // What is not rendered, as in a closed panel, never ends.
    const ends = ({ effect }) => effect?.target?.checkVisibility() &&
        Number.isFinite(effect.getComputedTiming().endTime);
    frames()
        .then(() => Promise.allSettled(
            document.getAnimations().filter(ends).map((animation) => animation.finished)))
        .then(frames)
        .then(() => done());";

/// What scrolls sideways, times that are cut off, and a page that moved though it is not to scroll.
const LAYOUT_ERRORS_SCRIPT: &str = "
    const tooWide = (element) => element.scrollWidth > element.clientWidth;
    const scrolls = (element) => element === document.documentElement ||
        ['auto', 'scroll'].includes(getComputedStyle(element).overflowX);
    // What is in the line has no width of its own.
    const isTime = (element) => element.localName === 'time' && element.clientWidth > 0;
    const moved = (element) => element === document.documentElement && element.scrollTop > 0 &&
        getComputedStyle(document.body).overflowY === 'hidden';
    return [...document.querySelectorAll('*')]
        .filter((element) => element.checkVisibility())
        .filter((element) =>
            tooWide(element) && (scrolls(element) || isTime(element)) || moved(element))
        .map((element) => element.cloneNode(element.localName === 'time').outerHTML);";

/// A text as an XPath expression; XPath knows no escapes.
fn quoted(text: &str) -> String {
    let parts = text.split('\'').map(|part| format!("'{part}'"));
    let parts: Vec<_> = parts.collect();
    match &*parts {
        [one] => one.clone(),
        parts => format!("concat({})", parts.join(", \"'\", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_kept_apart() {
        assert_eq!(quoted("Open"), "'Open'");
        assert_eq!(quoted("Ann's"), "concat('Ann', \"'\", 's')");
    }
}
