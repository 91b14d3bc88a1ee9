//! The users of the demo, and what they do in their browsers.

use anyhow::Result;
use hourkey_testkit::page::Page;

/// A user of the sample organisation.
#[derive(Clone, Copy)]
pub(crate) struct DemoUser {
    pub(crate) login: &'static str,
    pub(crate) name: &'static str,
    pub(crate) password: &'static str,
}

/// The requester.
pub(crate) const ADA: DemoUser = DemoUser {
    login: "ada",
    name: "Ada Park",
    password: "the keys are under the mat",
};

/// The reviewer.
pub(crate) const MARTA: DemoUser = DemoUser {
    login: "marta",
    name: "Marta Ruiz",
    password: "a clock face for a bow",
};

/// The administrator.
pub(crate) const ROSA: DemoUser = DemoUser {
    login: "root",
    name: "Rosa Ott",
    password: "every door has its hour",
};

/// An approver of some resources.
pub(crate) const JUN: DemoUser = DemoUser {
    login: "jun",
    name: "Jun Sato",
    password: "a lamp beside the door",
};

/// Fills in the sign-in page.
pub(crate) async fn sign_in(page: &Page, user: DemoUser) -> Result<()> {
    page.fill("Login", user.login).await?;
    page.fill("Password", user.password).await?;
    page.press("Sign in").await
}

/// Fills in the request page, and sends it by the button with this name.
pub(crate) async fn ask(page: &Page, reason: &str, button: &str) -> Result<()> {
    page.fill("Reason", reason).await?;
    page.press(button).await
}

/// Denies on the page of one request.
pub(crate) async fn deny(page: &Page, comment: &str) -> Result<()> {
    page.press("Deny…").await?;
    page.fill("Reason for denying", comment).await?;
    page.press("Deny").await
}
