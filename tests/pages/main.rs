//! The controller's pages in a real Chromium: what only a browser can prove.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod changing;
mod deciding;
mod everywhere;
mod forms;
mod live;
mod look;
mod setup;
mod two_step;
mod typed;

use anyhow::{Context as _, Result};
use hourkey_client::session::Session as Api;
use hourkey_testkit::browser::Browser;
use hourkey_testkit::controller::Controller;
use hourkey_testkit::organisation::SAMPLE;
use hourkey_testkit::page::Page;
use hourkey_testkit::session::Session;
use hourkey_testkit::test_user::TestUser;

/// A controller with the sample organisation, and somewhere to start browsers.
pub(crate) struct Site {
    pub(crate) controller: Controller,
    pub(crate) session: Session,
}

impl Site {
    pub(crate) async fn new() -> Result<Self> {
        Self::with(SAMPLE).await
    }

    /// With another organisation than the sample one; Ada and Marta have passwords in each.
    pub(crate) async fn with(organisation: &str) -> Result<Self> {
        let controller = Controller::start(organisation).await?;
        for login in ["ada", "marta"] {
            controller.set_password(login, &password(login)).await?;
        }
        Ok(Self {
            controller,
            session: Session::start().await?,
        })
    }

    pub(crate) fn address(&self, path: &str) -> String {
        self.controller.url().join(path).unwrap().into()
    }

    /// A browser in which nobody is signed in, or somebody by typing.
    pub(crate) async fn browser_of(&self, login: Option<&str>) -> Result<Browser> {
        match login {
            Some(login) => self.browser(login).await,
            None => Browser::start(&self.session, "nobody").await,
        }
    }

    /// A browser in which somebody signed in by typing.
    pub(crate) async fn browser(&self, login: &str) -> Result<Browser> {
        let browser = Browser::start(&self.session, login).await?;
        self.sign_in(&browser.page, login).await?;
        Ok(browser)
    }

    pub(crate) async fn sign_in(&self, page: &Page, login: &str) -> Result<()> {
        page.open(&self.address("/sign-in")).await?;
        page.fill("Login", login).await?;
        page.fill("Password", &password(login)).await?;
        page.press("Sign in").await?;
        page.shows("Your access").await
    }

    pub(crate) async fn api(&self, login: &'static str) -> Result<Api> {
        TestUser::with_password(login, password(login))?
            .session(&self.controller)
            .await
    }

    /// The address of the request page of a resource.
    pub(crate) async fn request_page(&self, api: &Api, name: &str) -> Result<String> {
        let all = api.resources().await?;
        let resource = all.iter().find(|resource| resource.name == name);
        let id = resource.context("no such resource")?.id;
        Ok(self.address(&format!("/resources/{id}/request")))
    }
}

fn password(login: &str) -> String {
    format!("the password of {login}")
}
