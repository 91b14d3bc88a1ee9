//! A reviewer is away: their deputy gets the mail, follows its link, and decides on their behalf.

use anyhow::{Context as _, Result};
use hourkey_testkit::browser::Browser;
use hourkey_testkit::page::Page;
use hourkey_testkit::poll::eventually;
use hourkey_testkit::smtp::{Setup, SmtpServer};
use serde_json::json;

use super::harness::page_shots;
use super::tour::Tour;
use super::users::{ADA, JUN, MARTA, ROSA, ask, sign_in};

/// Without encryption, as only a server on the same machine is reached.
const MAIL_SERVER: Setup<'_> = Setup {
    security: "clear",
    login: None,
    name: "localhost",
};

/// What Ada asks for: Jun does not review it in his own right.
const KUBERNETES: &str = "Kubernetes API";

impl Tour<'_> {
    pub(super) async fn delegate(&mut self) -> Result<()> {
        let (controller, harness) = (self.controller, &*self.harness);
        let server = SmtpServer::start(MAIL_SERVER).await?;
        let rosa = Browser::start(&self.reviewer.session, "mail").await?;
        let page = &rosa.page;
        self.steps
            .step("Rosa sets up mail", async {
                page.open(controller.url().join("settings/mail")?.as_str())
                    .await?;
                sign_in(page, ROSA).await?;
                page.fill("Server", "localhost").await?;
                page.fill("Port", &server.port.to_string()).await?;
                page.click("input[name=security][value=clear]").await?;
                page.fill("Sender’s address", "hourkey@corp.example")
                    .await?;
                page.press("Save").await?;
                page.shows("Saved").await?;
                page_shots(&rosa, self.pictures, "mail-page").await?;
                Ok("the server, and who mails come from".to_owned())
            })
            .await?;
        self.steps
            .step("Marta is away: Rosa names Jun her deputy", async {
                page.open(controller.url().join("review/deputy")?.as_str())
                    .await?;
                page.fill("For whom? you, if left out", MARTA.login).await?;
                page.fill("Who decides?", JUN.login).await?;
                in_a_week(page).await?;
                page.press("Continue").await?;
                page.shows("and sees what waits for").await?;
                page_shots(&rosa, self.pictures, "deputy-page").await?;
                page.press("Name deputy").await?;
                page.shows("End now").await?;
                Ok("the page says first what he will decide, and until when".to_owned())
            })
            .await?;
        self.steps
            .step("Ada asks for what Jun does not review himself", async {
                harness.authenticate(KUBERNETES).await?;
                let page = &harness.browser.page;
                ask(page, "Restart a stuck job", "Send request").await?;
                page.shows("Waiting for a reviewer").await?;
                Ok(format!("a request for {KUBERNETES} waits"))
            })
            .await?;
        let mut jun = None;
        self.steps
            .step("Jun follows the link in the mail, and signs in", async {
                controller.set_password(JUN.login, JUN.password).await?;
                let link = eventually("a mail to Jun with a link", async || {
                    let mails = server.taken()?;
                    let mut of_jun = mails.iter().filter(|mail| {
                        mail.to == ["jun@corp.example"]
                            && mail.header("subject").contains(KUBERNETES)
                    });
                    let mail = of_jun.next().context("Jun has no mail yet")?;
                    let words = mail.text.split_whitespace();
                    let mut links = words.filter(|word| word.starts_with("http"));
                    links.next().map(str::to_owned).context("it has no link")
                });
                let link = link.await?;
                let browser = jun.insert(Browser::start(&self.reviewer.session, "jun").await?);
                let page = &browser.page;
                page.open(&link).await?;
                sign_in(page, JUN).await?;
                page.shows("Restart a stuck job").await?;
                page.shows(&format!("for {}", MARTA.name)).await?;
                page_shots(browser, self.pictures, "mail-link-page").await?;
                Ok(format!(
                    "{link}: what {} asks now, and for whom he decides",
                    ADA.name
                ))
            })
            .await?;
        let jun = jun.context("his browser runs")?;
        self.steps
            .step("He approves on Marta's behalf, and Ada is told", async {
                let label =
                    "main form button.primary[value=approve], main form button[value=approve]";
                jun.page.click(label).await?;
                let opened = format!("{KUBERNETES} is open");
                let told = harness
                    .notifications
                    .wait_for("open", |told| told.summary == opened);
                let told = told.await?;
                jun.page.shows("Approved for 4 hours").await?;
                page_shots(&jun, self.pictures, "decided-for-page").await?;
                Ok(format!("“{}”", told.body))
            })
            .await
    }
}

/// Fills in until when, as the field keeps it: what one types depends on the browser's language.
async fn in_a_week(page: &Page) -> Result<()> {
    let script = "const field = document.querySelector('#until');
        const end = new Date(Date.now() + 7 * 86400 * 1000);
        field.value = end.toISOString().slice(0, 16);
        return field.value;";
    page.run(script, vec![json!(null)]).await?;
    Ok(())
}
