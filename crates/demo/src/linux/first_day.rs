//! The first day: from an empty folder to somebody's first approved connection. Everything is done in a
//! browser, but for the commands of `docs/admin/` and of the pages, which run as they stand there.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use hourkey_testkit::binaries;
use hourkey_testkit::browser::Browser;
use hourkey_testkit::opener::Opener;
use hourkey_testkit::page::Page;
use hourkey_testkit::poll::eventually;
use hourkey_testkit::process::Process;
use hourkey_testkit::session::Session;
use hourkey_testkit::web::plain;
use hourkey_testkit::webdriver::{free_port, http};
use url::Url;

use super::harness::page_shots;
use super::steps::Steps;
use super::users::{DemoUser, sign_in};

/// What an administrator reads to begin.
const MANUAL: &str = include_str!("../../../../docs/admin/controller.md");

/// The command of the manual that starts a controller.
const SERVE: &str = "hourkey-controller serve";
/// The command of the manual that prints a link to set it up, on the folder of [`SERVE`].
const SETUP_CODE: &str = "hourkey-controller --data hourkey-data setup-code";

/// What the first resource says.
const INTRANET: &str = "The intranet of Corp Example";

const ROSA: DemoUser = DemoUser {
    login: "rosa",
    name: "Rosa Ott",
    password: "every door has its hour",
};

const ADA: DemoUser = DemoUser {
    login: "ada",
    name: "Ada Park",
    password: "the keys are under the mat",
};

/// Plays it.
pub(super) async fn play(steps: &mut Steps, pictures: &Path) -> Result<()> {
    let start = Instant::now();
    let intranet = plain(INTRANET).await?;
    let mut desk = AdminHarness::set_up().await?;
    let mut link = None;
    steps
        .step("First day: a controller starts in an empty folder", async {
            link = Some(desk.start_controller().await?);
            Ok(format!("“{SERVE}”, and a link with a one-time code"))
        })
        .await?;
    let link = link.context("there is a link")?;
    let page = desk.browser.page.clone();
    steps
        .step(
            "Rosa opens the link, and is the first administrator",
            async {
                page.open(link.as_str()).await?;
                page.fill("Organisation", "Corp Example").await?;
                page.fill("Your name", ROSA.name).await?;
                page.fill("Your login", ROSA.login).await?;
                page.fill("Your password", ROSA.password).await?;
                page.press("Set up").await?;
                page.shows("The first day").await?;
                page_shots(&desk.browser, pictures, "first-day").await?;
                Ok("the overview lists what is left to do".to_owned())
            },
        )
        .await?;
    let port = free_port()?;
    steps
        .step("A network, and a gateway by one command to paste", async {
            page.press("Name the network").await?;
            page.fill("Name", "Headquarters").await?;
            save(&page).await?;
            page.shows("New gateway in Headquarters").await?;
            page.fill("Name", "hq-1").await?;
            page.fill("Clients reach it at", &format!("127.0.0.1:{port}"))
                .await?;
            page.press("Add, and show the command").await?;
            page.shows("Waits to be set up").await?;
            page_shots(&desk.browser, pictures, "gateway-command").await?;
            let command = page.text("pre.command").await?;
            desk.paste("gateway", &command)?;
            page.shows("It lets in what is granted.").await?;
            Ok("the page says “Connected” by itself".to_owned())
        })
        .await?;
    steps
        .step("The first resource: name, address, port", async {
            page.open(desk.at("resources/new")?.as_str()).await?;
            page.fill("Name", "Intranet").await?;
            page.fill("Address", "127.0.0.1").await?;
            page.fill("Ports (optional)", &intranet.port().to_string())
                .await?;
            save(&page).await?;
            page.shows("Intranet").await?;
            Ok("it is asked for, for an hour, and a reviewer approves".to_owned())
        })
        .await?;
    steps
        .step("People: a line for Ada, and a link for her", async {
            page.open(desk.at("people/new")?.as_str()).await?;
            page.fill("People, a line each", "Ada Park, ada@corp.example")
                .await?;
            page.shot(&pictures.join("people-new.png")).await?;
            save(&page).await?;
            page.press("Link to set a password").await?;
            page.press("Show the link").await?;
            page.shows("Give it to Ada Park in person").await?;
            let link = page.text("pre.command").await?;
            desk.ada = Some(Url::parse(link.trim())?);
            Ok("mail is not set up yet, so Rosa hands it to her".to_owned())
        })
        .await?;
    steps
        .step("A group with its access", async {
            page.open(desk.at("groups/new")?.as_str()).await?;
            page.fill("Name", "Staff").await?;
            save(&page).await?;
            page.shows("Change Staff").await?;
            page.fill("Add people", "ada").await?;
            save(&page).await?;
            page.open(desk.at("overview")?.as_str()).await?;
            page.press("Give Staff access").await?;
            save(&page).await?;
            page.shows("Staff").await?;
            page.open(desk.at("overview")?.as_str()).await?;
            page.press("What Ada Park sees").await?;
            page.shows("Needs approval").await?;
            page_shots(&desk.browser, pictures, "seen-as").await?;
            Ok("and Rosa sees it as Ada does: locked".to_owned())
        })
        .await?;
    steps
        .step("Ada chooses a password, and her program signs in", async {
            let link = desk.ada.take().context("her link")?;
            let ada = desk.visitor().await?;
            let page = &ada.browser.page;
            page.open(link.as_str()).await?;
            page.fill("New password", ADA.password).await?;
            page.fill("New password again", ADA.password).await?;
            page.press("Set password").await?;
            page.shows("Intranet").await?;
            ada.session.link("hourkey", &binaries::path("hourkey")?)?;
            let mut command = ada.session.command("hourkey");
            command.args(["sign-in", desk.url.as_str(), "--store", "file"]);
            let mut signs_in = ada.session.spawn("sign-in", command)?;
            let url = ada.opener.next_after(0).await?;
            page.open(url.as_str()).await?;
            page.press("Allow").await?;
            let ended = signs_in.ended().await?;
            ensure!(ended.success(), "{}", signs_in.log());
            desk.visitor = Some(ada);
            Ok("her computer has a certificate".to_owned())
        })
        .await?;
    let ada = desk.visitor.take().context("Ada is there")?;
    steps
        .step(
            "She connects, which asks; Rosa approves; it goes through",
            async {
                let mut connection = ada.connect(intranet.port())?;
                // There is no display, so it prints the page's address.
                let url = eventually("the request page's address", async || {
                    let log = connection.log();
                    let mut words = log.split_whitespace().map(str::to_owned);
                    words.find(|word| word.starts_with("http://")).ok_or(log)
                })
                .await?;
                let page = &ada.browser.page;
                page.open(&url).await?;
                if page.words().await?.contains("Sign in") {
                    sign_in(page, ADA).await?;
                }
                page.fill("Reason", "To read what is new").await?;
                page.press("Send request").await?;
                page.shows("Waiting for a reviewer").await?;
                let rosa = &desk.browser.page;
                rosa.open(desk.at("review")?.as_str()).await?;
                rosa.shows("To read what is new").await?;
                rosa.press("Approve 1 hour").await?;
                eventually("the page of the intranet", async || {
                    connection.log().contains(INTRANET)
                })
                .await?;
                connection.ended().await?;
                let took = start.elapsed().as_secs();
                ensure!(took < 600, "it took {took} s");
                Ok(format!(
                    "first day: {took} s from the empty folder to “{INTRANET}”"
                ))
            },
        )
        .await
}

/// Looks at what a form does, and saves it.
async fn save(page: &Page) -> Result<()> {
    page.press("See what this does…").await?;
    page.shows("What this does now").await?;
    page.press("Save").await?;
    let is_done = async || {
        let words = page.words().await.unwrap_or_default();
        !words.contains("What this does now")
    };
    eventually("the page after saving", is_done).await
}

/// Where the administrator works: a shell, and a browser.
struct AdminHarness {
    session: Session,
    browser: Browser,
    url: Url,
    running: Vec<Process>,
    /// Ada's link.
    ada: Option<Url>,
    visitor: Option<Visitor>,
}

/// Ada, at a computer of her own.
struct Visitor {
    session: Session,
    browser: Browser,
    opener: Opener,
}

impl AdminHarness {
    async fn set_up() -> Result<Self> {
        let mut session = Session::start().await?;
        let address = format!("127.0.0.1:{}", free_port()?);
        // Others may play on this machine at the same time.
        session.set("HOURKEY_LISTEN", &address);
        for name in ["hourkey-controller", "hourkey-gateway"] {
            session.link(name, &binaries::path(name)?)?;
        }
        Ok(Self {
            browser: Browser::start(&session, "first-day").await?,
            url: Url::parse(&format!("http://{address}/"))?,
            running: Vec::new(),
            ada: None,
            visitor: None,
            session,
        })
    }

    fn at(&self, path: &str) -> Result<Url> {
        Ok(self.url.join(path)?)
    }

    async fn visitor(&self) -> Result<Visitor> {
        let session = Session::start().await?;
        Ok(Visitor {
            browser: Browser::start(&session, "ada").await?,
            opener: Opener::install(&session)?,
            session,
        })
    }

    /// Runs what somebody pastes into a shell, and leaves it running.
    fn paste(&mut self, name: &str, command: &str) -> Result<()> {
        let mut shell = self.session.command("/bin/sh");
        shell.args(["-c", command]);
        self.running.push(self.session.spawn(name, shell)?);
        Ok(())
    }

    /// Starts the controller as the manual says, and returns the link that sets it up.
    async fn start_controller(&mut self) -> Result<Url> {
        ensure!(MANUAL.contains(SERVE), "the manual does not say {SERVE}");
        ensure!(
            MANUAL.contains("setup-code"),
            "the manual does not say setup-code"
        );
        self.paste("controller", &format!("exec {SERVE}"))?;
        let health = self.at("healthz")?;
        let http = http()?;
        let answers = async || http.get(health.clone()).send().await?.error_for_status();
        let controller = self.running.last().context("it was started")?;
        controller.ready("an answer to /healthz", answers).await?;
        let printed = self.session.run("/bin/sh", &["-c", SETUP_CODE]).await?;
        let link = printed
            .split_whitespace()
            .find(|word| word.contains("/setup#"));
        Ok(Url::parse(link.context("no link was printed")?)?)
    }
}

impl Visitor {
    /// A connection to the intranet, which asks for its page.
    fn connect(&self, port: u16) -> Result<Process> {
        let mut shell = self.session.command("/bin/sh");
        let request = r"printf 'GET / HTTP/1.1\r\nHost: intranet\r\nConnection: close\r\n\r\n'";
        let command = format!("{request} | hourkey connect 127.0.0.1 {port}");
        shell.args(["-c", &command]);
        self.session.spawn("connect", shell)
    }
}
