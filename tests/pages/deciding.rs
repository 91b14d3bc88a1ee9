//! Deciding on requests: one gesture decides one request, whatever else happens on the page.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use hourkey_client::session::Session as Api;
use hourkey_domain::lock::LockState;
use hourkey_protocol::access::{Comment, NewRequest, RequestStatus};
use hourkey_testkit::browser::Browser;
use hourkey_testkit::organisation::{Access, OrgBuilder, Resource};
use hourkey_testkit::poll::eventually;
use serde_json::json;

use crate::Site;

/// How far apart two hasty clicks may be.
const GAPS: [Duration; 4] = [
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_millis(900),
];

const APPROVE: &str = "article.card button[value=approve]";

/// As WebDriver writes the key.
const ENTER: char = '\u{e007}';

#[derive(Clone, Copy, Debug)]
enum Gesture {
    Click,
    Key(char),
}

const GESTURES: [Gesture; 3] = [Gesture::Click, Gesture::Key(ENTER), Gesture::Key(' ')];

/// Ada asks for databases, and Marta reviews.
struct Queue {
    site: Site,
    ada: Api,
    marta: Api,
}

impl Queue {
    async fn new() -> Result<Self> {
        let mut organisation = OrgBuilder::new("Corp Example")
            .member("ada", "Ada Park")
            .reviewer("marta", "Marta Ruiz")
            .group("Operators", &["ada"])
            .network("Cloud");
        for number in 0..30 {
            let (name, address) = (format!("Database {number:02}"), format!("db{number}.corp"));
            let access = Access::request().up_to("2h").manual();
            organisation = organisation
                .resource(Resource::new(&name, &address, access).ports("5432"))
                .assign("Operators", &[&name]);
        }
        let site = Site::with(&organisation.text()).await?;
        let (ada, marta) = tokio::try_join!(site.api("ada"), site.api("marta"))?;
        Ok(Self { site, ada, marta })
    }

    /// Asks for the first resource that is locked.
    async fn ask(&self) -> Result<()> {
        let all = self.ada.resources().await?;
        let mut locked = all
            .iter()
            .filter(|resource| matches!(resource.lock, LockState::Locked { .. }));
        let new = NewRequest {
            resource: locked.next().context("nothing is locked")?.id,
            assignment: None,
            reason: "Checking the indexes".to_owned(),
            seconds: None,
            starts_at: None,
            extends: false,
        };
        self.ada.ask(&new).await?;
        Ok(())
    }

    async fn wait_for(&self, count: usize) -> Result<()> {
        while self.marta.reviews().await?.len() < count {
            self.ask().await?;
        }
        Ok(())
    }

    async fn approved(&self) -> Result<usize> {
        let asked = self.ada.requests(None).await?.items;
        let approved = asked
            .iter()
            .filter(|request| matches!(request.status, RequestStatus::Approved { .. }));
        Ok(approved.count())
    }

    /// Opens the page, approves twice at each gap while something else happens, and finds one
    /// request approved.
    async fn approve_twice(
        &self,
        browser: &Browser,
        gesture: Gesture,
        address: impl AsyncFn() -> Result<String>,
        meanwhile: impl AsyncFn() -> Result<()>,
    ) -> Result<()> {
        let page = &browser.page;
        let start = self.approved().await?;
        for gap in GAPS {
            self.wait_for(3).await?;
            page.open(&address().await?).await?;
            let before = self.approved().await?;
            let used = async {
                match gesture {
                    Gesture::Click => page.click_twice(APPROVE, gap).await,
                    Gesture::Key(key) => page.press_twice(APPROVE, key, gap).await,
                }
            };
            tokio::try_join!(used, meanwhile())?;
            eventually("a decision", async || {
                self.approved()
                    .await
                    .is_ok_and(|approved| approved > before)
            })
            .await?;
            let decided = self.approved().await? - before;
            ensure!(decided == 1, "{gesture:?} {gap:?} apart decided {decided}");
        }
        // None came late.
        ensure!(self.approved().await? - start == GAPS.len());
        Ok(())
    }

    /// The queue as a decision without scripts leads to it.
    async fn queue(&self) -> Result<String> {
        let asked = self.ada.requests(None).await?.items;
        let mut decided = asked
            .iter()
            .filter(|request| request.status != RequestStatus::Pending);
        let address = match decided.next() {
            Some(request) => format!("/review?done={}", request.id),
            None => "/review".to_owned(),
        };
        Ok(self.site.address(&address))
    }

    /// The page of the request that has waited longest.
    async fn first(&self) -> Result<String> {
        let id = self
            .marta
            .reviews()
            .await?
            .first()
            .context("none")?
            .request
            .id;
        Ok(self.site.address(&format!("/review/{id}")))
    }
}

async fn nothing() -> Result<()> {
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn twice_on_approve_in_the_queue_decides_one_request() {
    let queue = Queue::new().await.unwrap();
    let browser = queue.site.browser("marta").await.unwrap();
    for gesture in GESTURES {
        let used = queue.approve_twice(&browser, gesture, || queue.queue(), nothing);
        used.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twice_on_approve_decides_one_request_while_another_one_comes_in() {
    let queue = Queue::new().await.unwrap();
    let browser = queue.site.browser("marta").await.unwrap();
    for gesture in GESTURES {
        let used = queue.approve_twice(&browser, gesture, || queue.queue(), || queue.ask());
        used.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twice_on_approve_on_a_requests_own_page_decides_one_request() {
    let queue = Queue::new().await.unwrap();
    let browser = queue.site.browser("marta").await.unwrap();
    for gesture in GESTURES {
        let used = queue.approve_twice(&browser, gesture, || queue.first(), nothing);
        used.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twice_on_approve_without_scripts_decides_one_request() {
    let queue = Queue::new().await.unwrap();
    let browser = queue.site.browser("marta").await.unwrap();
    browser.allow_scripts(false).await.unwrap();
    for gesture in GESTURES {
        let used = queue.approve_twice(&browser, gesture, || queue.queue(), nothing);
        used.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decided_card_stays_where_it_is_until_the_pointer_has_left() {
    let queue = Queue::new().await.unwrap();
    queue.wait_for(3).await.unwrap();
    let browser = queue.site.browser("marta").await.unwrap();
    let page = &browser.page;
    page.open(&queue.site.address("/review")).await.unwrap();
    page.run("window.untouched = true", vec![]).await.unwrap();
    let tops = "return [...document.querySelectorAll('article.card')].map((card) =>
        card.getBoundingClientRect().top)";
    let before = page.run(tops, vec![]).await.unwrap();
    page.click(APPROVE).await.unwrap();
    page.shows("Approved for 1 hour").await.unwrap();
    // The list below has taken it over, so the page has been brought up to date.
    page.find("#history [id^=decided-]").await.unwrap();
    assert_eq!(page.run(tops, vec![]).await.unwrap(), before);
    let focus = "return [window.untouched, document.activeElement.matches('article.card'),
        document.getElementById('news').textContent]";
    let focus = page.run(focus, vec![]).await.unwrap();
    let said = "Approved for 1 hour. Ada Park → Database 00";
    assert_eq!(focus, json!([true, true, said]));
    // The brand, at the top of the page.
    page.run("document.activeElement.blur()", vec![])
        .await
        .unwrap();
    page.hover("header .brand").await.unwrap();
    eventually("two cards", async || {
        page.run(tops, vec![])
            .await
            .is_ok_and(|tops| tops.as_array().unwrap().len() == 2)
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_somebody_else_decides_keeps_what_is_typed_about_it() {
    let queue = Queue::new().await.unwrap();
    queue.wait_for(2).await.unwrap();
    let browser = queue.site.browser("marta").await.unwrap();
    let page = &browser.page;
    page.open(&queue.site.address("/review")).await.unwrap();
    page.press("Deny…").await.unwrap();
    page.fill("Reason for denying", "Not on a Friday")
        .await
        .unwrap();
    let first = queue.marta.reviews().await.unwrap().remove(0).request;
    // Another reviewer, or she herself in another window.
    let comment = Comment {
        comment: "No.".to_owned(),
    };
    queue.marta.deny(first.id, &comment).await.unwrap();
    page.shows("You denied it.").await.unwrap();
    let kept = "const card = document.querySelector('article.card');
        return [card.querySelector('form[id^=deny] textarea').value,
            [...card.querySelectorAll('button')].every((button) => button.disabled),
            card.contains(document.activeElement)]";
    let kept = page.run(kept, vec![]).await.unwrap();
    assert_eq!(kept, json!(["Not on a Friday", true, true]));
}

#[tokio::test(flavor = "multi_thread")]
async fn focus_stays_on_the_page_of_a_request_that_opens() {
    let queue = Queue::new().await.unwrap();
    queue.wait_for(1).await.unwrap();
    let browser = queue.site.browser("ada").await.unwrap();
    let page = &browser.page;
    let request = queue.marta.reviews().await.unwrap().remove(0).request;
    let address = queue.site.address(&format!("/requests/{}", request.id));
    page.open(&address).await.unwrap();
    let focus = "document.querySelector('button[value=cancel]').focus()";
    page.run(focus, vec![]).await.unwrap();
    let approve = hourkey_protocol::access::Approve::default();
    queue.marta.approve(request.id, &approve).await.unwrap();
    page.shows("Database 00 is open").await.unwrap();
    let focused = "return document.activeElement !== document.body &&
        document.querySelector('main').contains(document.activeElement)";
    assert_eq!(page.run(focused, vec![]).await.unwrap(), json!(true));
}

/// The keys of the queue move the focus, and decide nothing: Enter does. They are none in a field, and none once
/// they are switched off.
#[tokio::test(flavor = "multi_thread")]
async fn keys_go_from_request_to_request_and_enter_decides() {
    let queue = Queue::new().await.unwrap();
    queue.wait_for(3).await.unwrap();
    let browser = queue.site.browser("marta").await.unwrap();
    browser.emulate_size(1280, 800, 1.0).await.unwrap();
    let page = &browser.page;
    page.open(&queue.site.address("/review")).await.unwrap();
    let gap = Duration::from_millis(50);
    let focused = async || {
        let id = "const at = document.activeElement;
            return at.dataset.request ?? at.closest('.card')?.id ?? at.tagName";
        page.run(id, vec![]).await.unwrap()
    };
    let links = "return [...document.querySelectorAll('nav.queue a[data-request]')]
        .map((link) => link.dataset.request)";
    let links = page.run(links, vec![]).await.unwrap();
    // Outside of the queue they are none.
    page.type_keys(&['j', 'a'], gap).await.unwrap();
    assert_eq!(focused().await, json!("BODY"));
    let enter = "document.querySelector('nav.queue a[data-request]').focus()";
    page.run(enter, vec![]).await.unwrap();
    page.type_keys(&['j'], gap).await.unwrap();
    assert_eq!(focused().await, links[1]);
    page.type_keys(&['k'], gap).await.unwrap();
    assert_eq!(focused().await, links[0]);
    // In a field they are letters.
    page.type_keys(&['d'], gap).await.unwrap();
    page.type_keys(&['j', 'a', 'd'], gap).await.unwrap();
    let typed = "return document.activeElement.value";
    assert_eq!(page.run(typed, vec![]).await.unwrap(), json!("jad"));
    assert_eq!(queue.approved().await.unwrap(), 0);
    // Switched off, they do nothing.
    page.run("document.getElementById('keys-on').click()", vec![])
        .await
        .unwrap();
    page.run(enter, vec![]).await.unwrap();
    page.type_keys(&['j', 'a'], gap).await.unwrap();
    assert_eq!(focused().await, links[0]);
    page.run("document.getElementById('keys-on').click()", vec![])
        .await
        .unwrap();
    // Nor where their switch cannot be seen, as at 200 %.
    browser.emulate_size(640, 800, 1.0).await.unwrap();
    page.run(enter, vec![]).await.unwrap();
    page.type_keys(&['j', 'a'], gap).await.unwrap();
    assert_eq!(focused().await, links[0]);
    browser.emulate_size(1280, 800, 1.0).await.unwrap();
    page.type_keys(&['s'], gap).await.unwrap();
    let length =
        "return [document.activeElement.name, document.activeElement.form.id.split('-')[0]]";
    let length = page.run(length, vec![]).await.unwrap();
    assert_eq!(length, json!(["length", "less"]));
    page.run(enter, vec![]).await.unwrap();
    // The first one has its form open, in place of its button.
    page.type_keys(&['j', 'a'], gap).await.unwrap();
    let button = "return document.activeElement.value ?? document.activeElement.outerHTML";
    assert_eq!(page.run(button, vec![]).await.unwrap(), json!("approve"));
    assert_eq!(queue.approved().await.unwrap(), 0);
    page.type_keys(&[ENTER], gap).await.unwrap();
    eventually("a decision", async || {
        queue.approved().await.is_ok_and(|approved| approved == 1)
    })
    .await
    .unwrap();
    // It can be undone wherever the keys go on to, and goes with its Undo.
    page.find("#history [id^=decided-]").await.unwrap();
    page.type_keys(&['k'], gap).await.unwrap();
    assert_eq!(focused().await, links[0]);
    page.type_keys(&['j', 'u'], gap).await.unwrap();
    assert_eq!(page.run(button, vec![]).await.unwrap(), json!("undo"));
    let decided = format!("review-{}", links[1].as_str().unwrap());
    assert_eq!(focused().await, json!(decided));
    page.type_keys(&['k'], gap).await.unwrap();
    let stands = format!("return document.getElementById('{decided}') !== null");
    eventually("no card of what was decided", async || {
        page.run(&stands, vec![])
            .await
            .is_ok_and(|stands| stands == false)
    })
    .await
    .unwrap();
}
