//! What people do in their browsers.

use anyhow::Result;
use hourkey_testkit::page::Page;

/// A person of the sample organisation.
#[derive(Clone, Copy)]
pub(crate) struct Person {
    pub(crate) login: &'static str,
    pub(crate) name: &'static str,
    pub(crate) password: &'static str,
}

/// Asks.
pub(crate) const ADA: Person = Person {
    login: "ada",
    name: "Ada Park",
    password: "the keys are under the mat",
};

/// Decides.
pub(crate) const MARTA: Person = Person {
    login: "marta",
    name: "Marta Ruiz",
    password: "a clock face for a bow",
};

/// Fills in the sign-in page.
pub(crate) async fn sign_in(page: &Page, person: Person) -> Result<()> {
    page.fill("Login", person.login).await?;
    page.fill("Password", person.password).await?;
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
