//! The pages and the window where there is little room: narrow, and with text of twice its usual
//! size, in both themes. Each step takes its pictures, and fails when something does not fit.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use hourkey_client::session::Session as Api;
use hourkey_domain::ids::RequestId;
use hourkey_protocol::access::{Approve, Comment, NewRequest};
use hourkey_testkit::browser::Browser;
use hourkey_testkit::controller::Controller;
use hourkey_testkit::desktop;
use hourkey_testkit::display::Display;
use hourkey_testkit::keyring::Keyring;
use hourkey_testkit::opener::Opener;
use hourkey_testkit::page::Page;
use hourkey_testkit::poll::eventually;
use hourkey_testkit::screen;
use hourkey_testkit::session::Session;
use hourkey_testkit::test_user::TestUser;
use hourkey_testkit::watcher::Watcher;
use hourkey_testkit::webview::WebView;
use serde_json::json;
use tempfile::TempDir;

use super::harness::Theme;
use super::tour::Tour;
use super::users::{ADA, MARTA, sign_in};

/// Width of the page and size of its text in CSS pixels. Text of 32 is twice the usual one.
const PAGE_SIZES: [(u32, u32); 3] = [(420, 16), (360, 16), (640, 32)];

/// A page is pictured down to here.
const PAGE_HEIGHT: u32 = 1_000;

/// Width of the window, and how many of its own steps its text is larger: five double it.
const WINDOW_SIZES: [(u32, usize); 3] = [(420, 0), (360, 0), (420, 5)];

const WINDOW_HEIGHT: u32 = 640;

/// Views of the window, and what to click for each, from the one before it on.
const VIEWS: [(&str, &[&str]); 4] = [
    ("resources", &["#tab-resources"]),
    ("review", &["#tab-review"]),
    (
        "form",
        &["[aria-label^='Shorter time'][aria-disabled=false]"],
    ),
    (
        "settings",
        &["form [type=button][aria-disabled=false]", "#tab-settings"],
    ),
];

impl Tour<'_> {
    /// Pictures of the pages, then of the window.
    pub(super) async fn show_sizes(&mut self) -> Result<()> {
        let mut jun = TestUser::new(self.controller, "jun").await?;
        self.steps
            .step("Requests of several people wait", async {
                wait_for_review(self.controller, &mut jun).await
            })
            .await?;
        self.show_pages().await?;
        for theme in [Theme::Light, Theme::Dark] {
            self.show_windows(theme, &mut jun).await?;
        }
        Ok(())
    }

    async fn show_pages(&mut self) -> Result<()> {
        let reviewer = self.reviewer;
        let guest = Browser::start(&reviewer.session, "guest").await?;
        let at = |path: &str| self.controller.url().join(path);
        let sign_in_page = at("sign-in")?;
        self.show_page(&guest, "sign-in-page", sign_in_page.as_str())
            .await?;
        sign_in(&guest.page, ADA).await?;
        guest.page.shows("Your access").await?;
        let access_page = at("access")?;
        self.show_page(&guest, "access-page", access_page.as_str())
            .await?;
        // As a hand would bring it: the bar at the bottom covers what is at the edge.
        let centre = "[...document.querySelectorAll('main a')].find((link) => \
            link.textContent.trim() === 'Authenticate…')?.scrollIntoView({ block: 'center' })";
        guest.page.run(centre, vec![]).await?;
        guest.page.press("Authenticate…").await?;
        guest.page.shows("Request access to").await?;
        let request_page = guest.page.url().await?;
        self.show_page(&guest, "request-page", request_page.as_str())
            .await?;
        let review_page = at("review")?;
        self.show_page(&reviewer.browser, "review-page", review_page.as_str())
            .await
    }

    async fn show_page(&mut self, browser: &Browser, name: &str, address: &str) -> Result<()> {
        let pictures = self.pictures;
        let session = &self.reviewer.session;
        self.steps
            .step(
                &format!("The {} page fits", name.trim_end_matches("-page")),
                async {
                    for theme in [Theme::Light, Theme::Dark] {
                        browser.emulate(theme.scheme()).await?;
                        let mut sheet = Sheet::new(session)?;
                        for (width, text) in PAGE_SIZES {
                            browser.emulate_size(width, PAGE_HEIGHT, 1.0).await?;
                            browser.emulate_text(text).await?;
                            browser.page.open(address).await?;
                            sheet.add(&browser.page).await?;
                        }
                        sheet.save(pictures, name, theme).await?;
                    }
                    Ok(fitted(&[name]))
                },
            )
            .await
    }

    /// Jun both asks and reviews: everything there is stands in this window.
    async fn show_windows(&mut self, theme: Theme, jun: &mut TestUser) -> Result<()> {
        let (pictures, controller) = (self.pictures, self.controller);
        self.steps
            .step(&format!("The {} window fits", theme.name()), async {
                let display = Display::start().await?;
                let mut session = Session::start().await?;
                session.attach(&display);
                if let Theme::Dark = theme {
                    session.set("GTK_THEME", "Adwaita:dark");
                }
                let _keyring = Keyring::start(&session).await?;
                let tray = Watcher::start(&session).await?;
                let opener = Opener::install(&session)?;
                desktop::configure(&session, controller.url())?;
                let app = desktop::binary()?;
                let opened = async { tray.item().await?.click(&["Show Hourkey"]).await };
                let (window, ()) = tokio::try_join!(WebView::start(&session, &app, &[]), opened)?;
                let page = &window.page;
                page.press("Sign in").await?;
                jun.let_in(&opener.next_after(0).await?).await?;

                page.shows("Payroll database").await?;
                show_views(&session, &window, theme, pictures).await?;
                Ok(fitted(&VIEWS.map(|(view, _)| view)))
            })
            .await
    }
}

/// A grant that runs, a denial, and requests that wait: Jun's own, and others for his review.
async fn wait_for_review(controller: &Controller, jun: &mut TestUser) -> Result<String> {
    let signed_up = |login, password: &str| TestUser::with_password(login, password.to_owned());
    let ada = signed_up(ADA.login, ADA.password)?
        .session(controller)
        .await?;
    let marta = signed_up(MARTA.login, MARTA.password)?
        .session(controller)
        .await?;
    let lee = TestUser::new(controller, "lee")
        .await?
        .session(controller)
        .await?;
    let jun = jun.session(controller).await?;
    let payroll = ask(&jun, "Payroll database", "Half-year report").await?;
    let approval = Approve {
        seconds: None,
        comment: "Only the read replica, please.".to_owned(),
    };
    marta.approve(payroll, &approval).await?;
    let staff = ask(&jun, "Human resources", "New contracts").await?;
    let denial = Comment {
        comment: "Ask Rosa for the list instead.".to_owned(),
    };
    marta.deny(staff, &denial).await?;
    ask(&jun, "Billing admin", "Two invoices have one number").await?;
    ask(
        &ada,
        "Customer exports",
        "Ticket SUP-4412: the customer asked for a copy of their data, and wants it by Friday",
    )
    .await?;
    ask(&lee, "Payroll database", "The nightly backup failed").await?;
    Ok("Ada's, Lee's and one of Jun's own".to_owned())
}

async fn ask(who: &Api, resource: &str, reason: &str) -> Result<RequestId> {
    let resources = who.resources().await?;
    let found = resources.iter().find(|it| it.name == resource);
    let request = NewRequest {
        resource: found.with_context(|| format!("no {resource}"))?.id,
        assignment: None,
        reason: reason.to_owned(),
        seconds: None,
        starts_at: None,
        extends: false,
    };
    Ok(who.ask(&request).await?.request.id)
}

/// Takes each view of the window in each size: one file for a view.
async fn show_views(
    session: &Session,
    window: &WebView,
    theme: Theme,
    pictures: &Path,
) -> Result<()> {
    let page = &window.page;
    let mut sheets = Vec::new();
    for _ in VIEWS {
        sheets.push(Sheet::new(session)?);
    }
    for (width, steps) in WINDOW_SIZES {
        window.resize(width, WINDOW_HEIGHT).await?;
        if steps > 0 {
            zoom(page, steps).await?;
        }
        for ((_, clicks), sheet) in VIEWS.iter().zip(&mut sheets) {
            for css in *clicks {
                page.find(css).await?;
                // By the page itself: the driver does not find places in a page that is zoomed.
                let click = "document.querySelector(arguments[0]).click()";
                page.run(click, vec![(*css).into()]).await?;
            }
            sheet.add(page).await?;
        }
    }
    for ((view, _), sheet) in VIEWS.iter().zip(sheets) {
        sheet
            .save(pictures, &format!("window-{view}"), theme)
            .await?;
    }
    Ok(())
}

/// Sets the window's zoom, as its keys do, to 2 by five steps.
async fn zoom(page: &Page, steps: usize) -> Result<()> {
    const CONTROL: char = '\u{e009}';
    let window = page.find("body").await?;
    for _ in 0..steps {
        window.send_keys(&format!("{CONTROL}+")).await?;
    }
    eventually("a zoom of 2", async || {
        let zoom = page.run("return outerWidth / innerWidth", vec![]).await?;
        ensure!(zoom.as_f64() == Some(2.0), "it is {zoom}");
        Ok(())
    })
    .await?;
    // It is said for a moment, above everything else.
    eventually("a window that says no zoom", async || {
        let said = page.run(SAID_SCRIPT, vec![]).await?;
        ensure!(said == json!(""), "it says {said}");
        Ok(())
    })
    .await
}

/// What the window says for a moment.
const SAID_SCRIPT: &str = "return document.querySelector('.said').textContent";

/// Pictures of one thing in all its sizes.
struct Sheet<'a> {
    session: &'a Session,
    folder: TempDir,
    pictures: Vec<std::path::PathBuf>,
}

impl<'a> Sheet<'a> {
    fn new(session: &'a Session) -> Result<Self> {
        Ok(Self {
            session,
            folder: tempfile::tempdir()?,
            pictures: Vec::new(),
        })
    }

    /// Adds what a page shows, which must fit.
    async fn add(&mut self, page: &Page) -> Result<()> {
        let number = self.pictures.len();
        let picture = self.folder.path().join(format!("{number}.png"));
        page.shot(&picture).await?;
        page.fits().await?;
        self.pictures.push(picture);
        Ok(())
    }

    /// Writes `NAME-sizes-THEME.png`.
    async fn save(self, folder: &Path, name: &str, theme: Theme) -> Result<()> {
        let path = folder.join(format!("{name}-sizes-{}.png", theme.name()));
        screen::side_by_side(self.session, &self.pictures, &path).await
    }
}

fn fitted(names: &[&str]) -> String {
    format!(
        "{} at 420 and 360 px, and with text of twice its size",
        names.join(", ")
    )
}
