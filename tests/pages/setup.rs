//! The first admin, from the link that the command prints.

use hourkey_testkit::browser::Browser;
use hourkey_testkit::controller::Controller;
use hourkey_testkit::poll::eventually;
use hourkey_testkit::session::Session;

#[tokio::test(flavor = "multi_thread")]
async fn the_link_for_the_first_admin_fills_its_code_in() {
    let controller = Controller::fresh().await.unwrap();
    let session = Session::start().await.unwrap();
    let browser = Browser::start(&session, "setup").await.unwrap();
    let page = &browser.page;
    // Whatever somebody opens leads there, and says how to get the link.
    page.open(controller.url().as_str()).await.unwrap();
    page.shows("Set up Hourkey").await.unwrap();
    page.shows("hourkey-controller setup-code").await.unwrap();

    let link = controller.run(&["setup-code"]).await.unwrap();
    let code = link.trim().split_once('#').unwrap().1.to_owned();
    page.open(link.trim()).await.unwrap();
    eventually("the code in the form, not in the address", async || {
        let field = page.field("Setup code").await.unwrap();
        let value = field.prop("value").await.unwrap_or_default();
        let url = page.url().await.unwrap();
        (value.as_ref() == Some(&code) && url.fragment().is_none()).then_some(())
    })
    .await
    .unwrap();
    for (field, text) in [
        ("Organisation", "Example"),
        ("Your name", "Ada Park"),
        ("Your login", "ada"),
        ("Your password", "the password of ada"),
    ] {
        page.fill(field, text).await.unwrap();
    }
    page.press("Set up").await.unwrap();
    page.shows("The first day").await.unwrap();
    let log = controller.log();
    assert!(!log.contains(&code), "{log}");
    let again = controller.run(&["setup-code"]).await;
    let said = format!("{:#}", again.unwrap_err());
    assert!(said.contains("set up already"), "{said}");
}
