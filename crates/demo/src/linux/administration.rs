//! An administrator at work: what needs attention, a group's own settings with their consequence first,
//! why somebody reaches something, and a summary to keep.

use anyhow::{Context as _, Result, ensure};
use hourkey_testkit::browser::Browser;
use hourkey_testkit::page::Page;
use serde_json::json;

use super::harness::page_shots;
use super::tour::Tour;
use super::users::{ROSA, sign_in};

impl Tour<'_> {
    pub(super) async fn administer(&mut self) -> Result<()> {
        let controller = self.controller;
        let mut browser = None;
        self.steps
            .step("Rosa administers: the overview", async {
                controller.set_password(ROSA.login, ROSA.password).await?;
                let started = Browser::start(&self.reviewer.session, ROSA.login).await?;
                let browser = browser.insert(started);
                let page = &browser.page;
                page.open(controller.url().join("overview")?.as_str())
                    .await?;
                sign_in(page, ROSA).await?;
                page.shows("Needs attention").await?;
                page_shots(browser, self.pictures, "overview-page").await?;
                Ok(
                    "what is granted and waits, which gateways are there, what surprises"
                        .to_owned(),
                )
            })
            .await?;
        let browser = browser.context("her browser runs")?;
        let page = &browser.page;
        self.steps
            .step(
                "She jumps to a resource, and gives a group settings of its own",
                async {
                    page.open(controller.url().join("jump?q=payroll+database")?.as_str())
                        .await?;
                    page.shows("Finance").await?;
                    page_shots(&browser, self.pictures, "resource-page").await?;
                    page.click("a[aria-label='Change… Finance']").await?;
                    page.shows("As the resource: 45 minutes").await?;
                    choose(page, "12 hours").await?;
                    choose(page, "At once, with a reason").await?;
                    page_shots(&browser, self.pictures, "override-page").await?;
                    Ok(
                        "beside what it has from the resource: 12 hours, at once with a reason"
                            .to_owned(),
                    )
                },
            )
            .await?;
        self.steps
            .step("The consequence comes before it is saved", async {
                page.press("See what this does…").await?;
                page.shows("What this does now").await?;
                page.shows("become looser for").await?;
                page_shots(&browser, self.pictures, "consequence-page").await?;
                page.press("Save").await?;
                page.shows("12 hours").await?;
                Ok("she is told for whom it becomes looser, and saves".to_owned())
            })
            .await?;
        self.steps
            .step("Why can Ada reach it, or not?", async {
                page.open(
                    controller
                        .url()
                        .join("explain?user=ada&resource=Payroll+database")?
                        .as_str(),
                )
                .await?;
                page.shows("Through group").await?;
                page_shots(&browser, self.pictures, "explain-page").await?;
                page.text("#answer h2").await
            })
            .await?;
        self.steps
            .step("She downloads who has access", async {
                page.open(controller.url().join("jump?q=payroll+database")?.as_str())
                    .await?;
                page.shows("Download summary").await?;
                let csv = downloaded(page, "csv").await?;
                ensure!(csv.contains("Ada Park"), "the summary says {csv}");
                let book = downloaded(page, "xlsx").await?;
                ensure!(book.starts_with("PK"), "this is no workbook");
                let people = csv.lines().count().saturating_sub(1);
                Ok(format!(
                    "{people} people in a file, and in a workbook of {} bytes",
                    book.len()
                ))
            })
            .await
    }
}

/// Chooses one of the chips, as its label is called.
async fn choose(page: &Page, words: &str) -> Result<()> {
    let script = "const label = [...document.querySelectorAll('main label.chip')]
        .find((label) => label.textContent.trim() === arguments[0]);
        label?.click();
        return Boolean(label);";
    let found = page.run(script, vec![json!(words)]).await?;
    ensure!(found == json!(true), "there is no choice {words:?}");
    Ok(())
}

/// What a link of the page downloads, a character for each byte.
async fn downloaded(page: &Page, extension: &str) -> Result<String> {
    let script = "const link = document.querySelector(`a[download][href$='.${arguments[0]}']`);
        const request = new XMLHttpRequest();
        request.open('GET', link.href, false);
        request.overrideMimeType('text/plain; charset=x-user-defined');
        request.send();
        return request.responseText;";
    let text = page.run(script, vec![json!(extension)]).await?;
    Ok(text.as_str().context("nothing was downloaded")?.to_owned())
}
