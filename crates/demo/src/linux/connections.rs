//! The steps in which traffic goes through the gateways.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use hourkey_testkit::binaries;

use super::harness::{DesktopHarness, page_shots};
use super::private_services::{GRAFANA, HANDBOOK, LATENCY, Private, STAGING, WELCOME};
use super::tour::Tour;
use super::users::{ADA, MARTA, ask};

impl Tour<'_> {
    /// Private pages, a database and a shell: locked, asked for, used, and cut.
    pub(super) async fn use_what_is_private(&mut self) -> Result<()> {
        let mut private = None;
        let controller = self.controller;
        self.steps
            .step("Private servers stand behind two gateways", async {
                private = Some(Private::start(controller).await?);
                Ok("web pages, PostgreSQL and sshd; reached through hq-1 and cloud-1".to_owned())
            })
            .await?;
        let private = private.context("the servers run")?;
        self.open_a_page().await?;
        self.wait_in_the_tab().await?;
        self.query_and_be_cut().await?;
        self.log_in(&private).await?;
        private.stop().await
    }

    async fn open_a_page(&mut self) -> Result<()> {
        let harness = &*self.harness;
        let (page, pictures) = (&harness.browser.page, self.pictures);
        let address = format!("http://{HANDBOOK}/first-day?for=ada");
        self.steps
            .step("Ada opens a private page: its tab asks for access", async {
                page.open(&address).await?;
                page.shows("Request access to Team handbook").await?;
                let at = page.url().await?;
                ensure!(
                    !at.as_str().contains("first-day"),
                    "{at} tells where she goes"
                );
                page_shots(&harness.browser, pictures, "asked-by-address").await?;
                Ok(format!("redirected to {}", at.path()))
            })
            .await?;
        self.steps
            .step("Marta approves: the same tab loads the page", async {
                ask(page, "My first day is on Monday", "Send request").await?;
                page.shows("Waiting for a reviewer").await?;
                self.reviewer
                    .approve(
                        self.controller,
                        "My first day is on Monday",
                        "Approve 8 hours",
                    )
                    .await?;
                page.shows(WELCOME).await?;
                let at = page.url().await?;
                ensure!(at.as_str() == address, "{at}");
                page.shot(&pictures.join("private-page.png")).await?;
                Ok(format!("it shows {at}, by way of hq-1"))
            })
            .await
    }

    async fn wait_in_the_tab(&mut self) -> Result<()> {
        let harness = &*self.harness;
        let page = &harness.browser.page;
        let address = format!("https://{GRAFANA}/");
        self.steps
            .step("With TLS the tab waits while another one asks", async {
                let seen = harness.opener.urls()?.len();
                // By a link in another program: the browser's driver would wait for the tab.
                harness.session.run("xdg-open", &[&address]).await?;
                let opened = harness.opener.next_after(seen + 1).await?;
                let path = opened.path().to_owned();
                page.switch_to("the request page", |url| url.path() == path)
                    .await?;
                page.shows("Request access to Grafana").await?;
                Ok(format!("xdg-open {path}"))
            })
            .await?;
        self.steps
            .step("Marta approves: the tab that waited goes on", async {
                page.choose("1 hour").await?;
                ask(page, "Latency alert from 14:05", "Send request").await?;
                page.shows("Waiting for a reviewer").await?;
                self.reviewer
                    .approve(
                        self.controller,
                        "Latency alert from 14:05",
                        "Approve 1 hour",
                    )
                    .await?;
                page.shows("Grafana is open").await?;
                page.switch_to("Grafana", |url| url.host_str() == Some(GRAFANA))
                    .await?;
                page.shows(LATENCY).await?;
                Ok(format!("it shows {}, by way of cloud-1", page.url().await?))
            })
            .await
    }

    async fn query_and_be_cut(&mut self) -> Result<()> {
        let harness = &*self.harness;
        let page = &harness.browser.page;
        let mut query = None;
        self.steps
            .step("psql runs a query through a port of this computer", async {
                harness.authenticate("Payroll database").await?;
                ask(page, "Who was paid twice?", "Send request").await?;
                page.shows("Waiting for a reviewer").await?;
                self.reviewer
                    .approve(self.controller, "Who was paid twice?", "Approve 45 minutes")
                    .await?;
                harness.row("Payroll database · 45 min left").await?;
                let menu = harness.icon().await?.menu().await?;
                ensure!(
                    menu.at(&["Payroll database", "Give back"]).is_ok(),
                    "{}",
                    menu.outline()
                );
                harness
                    .click(&["Payroll database", "Forward to this computer"])
                    .await?;
                let told = harness
                    .notifications
                    .wait_for("the port", |told| {
                        told.summary.starts_with("Payroll database at 127.0.0.1:")
                    })
                    .await?;
                let port = told.summary.rsplit(':').next().unwrap_or_default();
                let answer = psql(harness, port, "select 6 * 7").output()?;
                let answer = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
                ensure!(answer == "42", "psql says {answer:?}");
                let endless = "copy (select generate_series(1, 2000000000)) to stdout";
                let mut command = psql(harness, port, endless);
                command.args(["--output", "/dev/null"]);
                query = Some(harness.session.spawn("psql", command)?);
                Ok(format!(
                    "“{}”; select 6 * 7 is {answer}; a longer one runs",
                    told.summary
                ))
            })
            .await?;
        let mut query = query.context("the query runs")?;
        self.steps
            .step("Marta revokes while it runs: it is cut", async {
                let decided = &self.reviewer.browser.page;
                decided.press("Revoke…").await?;
                decided
                    .fill("Reason for revoking", "Use the report instead.")
                    .await?;
                decided.press("Revoke now").await?;
                let ended = query.ended().await?;
                let log = query.log();
                ensure!(
                    ended.code() == Some(2) && log.contains("server closed the connection"),
                    "psql ended with {ended}: {log}"
                );
                let told = harness.notifications.wait_for("the end", |told| {
                    told.summary == "Access to Payroll database was revoked"
                });
                let told = told.await?;
                ensure!(told.body.contains(MARTA.name), "{}", told.body);
                page.shows("Ended with the access at").await?;
                let cut = page.text("#connections li").await?;
                page_shots(&harness.browser, self.pictures, "cut-page").await?;
                Ok(format!("“{}” and “{cut}”", told.body))
            })
            .await
    }

    async fn log_in(&mut self, private: &Private) -> Result<()> {
        let harness = &*self.harness;
        let page = &harness.browser.page;
        self.steps
            .step("The command line signs in through the browser", async {
                let seen = harness.opener.urls()?.len();
                let mut command = harness.session.command(binaries::path("hourkey")?);
                command.args(["sign-in", self.controller.url().as_str(), "--store", "file"]);
                let mut command = harness.session.spawn("hourkey-sign-in", command)?;
                harness.opener.next_after(seen).await?;
                page.switch_to("the consent page", |url| url.path() == "/oauth/authorize")
                    .await?;
                page.press("Allow").await?;
                let ended = command.ended().await?;
                ensure!(ended.success(), "{}", command.log());
                Ok(format!("as {}", ADA.login))
            })
            .await?;
        self.steps
            .step("ssh waits for access, and gets it with a reason", async {
                let seen = harness.opener.urls()?.len();
                harness
                    .session
                    .link("hourkey", &binaries::path("hourkey")?)?;
                let mut command = harness.session.command("/usr/bin/ssh");
                command
                    .args(["-F", "none", "-oProxyCommand=hourkey connect %h %p"])
                    .args(private.ssh_options()?)
                    .args([STAGING, "echo the shell is here"]);
                let mut ssh = harness.session.spawn("ssh", command)?;
                let asked = async || ssh.log().contains("Staging SSH is locked");
                ssh.ready("its question", asked).await?;
                let opened = harness.opener.next_after(seen).await?;
                let path = opened.path().to_owned();
                page.switch_to("the request page", |url| url.path() == path)
                    .await?;
                ask(page, "Deploy of 14:00 hangs", "Open it now").await?;
                let ended = ssh.ended().await?;
                ensure!(
                    ended.success() && ssh.log().contains("the shell is here"),
                    "ssh ended with {ended}: {}",
                    ssh.log()
                );
                Ok("its command ran on the server".to_owned())
            })
            .await
    }
}

/// A psql(1) of the desk's at this port.
fn psql(harness: &DesktopHarness, port: &str, statement: &str) -> Command {
    let mut command = harness.session.command("/usr/bin/psql");
    command
        .args(["--no-psqlrc", "--tuples-only", "--no-align"])
        .args(["--host=127.0.0.1", "--port", port])
        .args(["--username=hourkey", "--dbname=postgres"])
        .args(["--command", statement]);
    command
}
