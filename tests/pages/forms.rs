//! Forms: without scripts, sent twice, across a sign-in, and on to a client.

use anyhow::Result;
use hourkey_protocol::access::Comment;
use hourkey_testkit::browser::Browser;
use hourkey_testkit::poll::eventually;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use url::Url;

use crate::Site;

#[tokio::test(flavor = "multi_thread")]
async fn all_of_it_works_without_scripts() {
    let site = Site::new().await.unwrap();
    let (ada, marta) = tokio::join!(site.api("ada"), site.api("marta"));
    let (ada, marta) = (ada.unwrap(), marta.unwrap());
    let browser = Browser::start(&site.session, "plain").await.unwrap();
    browser.allow_scripts(false).await.unwrap();
    let page = &browser.page;
    site.sign_in(page, "ada").await.unwrap();
    // Only a script can copy.
    let copy = page.find("[data-copy]").await.unwrap();
    assert!(!copy.is_displayed().await.unwrap());
    page.open(&site.request_page(&ada, "Grafana").await.unwrap())
        .await
        .unwrap();
    let other = page.field("How long").await.unwrap();
    assert!(!other.is_displayed().await.unwrap());
    page.choose("Other…").await.unwrap();
    assert!(other.is_displayed().await.unwrap());
    page.fill("How long", "2h").await.unwrap();
    page.fill("Reason", "No scripts here").await.unwrap();
    page.press("Send request").await.unwrap();
    page.shows("Waiting for a reviewer").await.unwrap();
    let request = marta.reviews().await.unwrap().remove(0).request;
    let comment = Comment {
        comment: "Not now.".to_owned(),
    };
    marta.deny(request.id, &comment).await.unwrap();
    // The page reloads itself now and then.
    page.shows("Request for Grafana was denied").await.unwrap();
    page.shows("Not now.").await.unwrap();
    page.press("Request again").await.unwrap();
    page.shows("Request access to Grafana").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_click_sends_nothing() {
    let site = Site::new().await.unwrap();
    let ada = site.api("ada").await.unwrap();
    let browser = site.browser("ada").await.unwrap();
    let page = &browser.page;
    page.open(&site.request_page(&ada, "Release pipeline").await.unwrap())
        .await
        .unwrap();
    page.fill("Reason", "Rollback").await.unwrap();
    let clicks = "const send = document.querySelector('form.stack .primary');
        send.click(); send.click(); send.click()";
    page.run(clicks, vec![]).await.unwrap();
    page.shows("Release pipeline is open").await.unwrap();
    let asked = ada.requests(None).await.unwrap();
    assert_eq!(asked.items.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_typed_outlives_a_sign_in_in_between() {
    let site = Site::new().await.unwrap();
    let ada = site.api("ada").await.unwrap();
    let browser = site.browser("ada").await.unwrap();
    let page = &browser.page;
    let address = site.request_page(&ada, "Grafana").await.unwrap();
    page.open(&address).await.unwrap();
    page.fill("Reason", "A long reason").await.unwrap();
    // Signed out elsewhere meanwhile.
    page.client().delete_all_cookies().await.unwrap();
    page.press("Send request").await.unwrap();
    page.fill("Login", "ada").await.unwrap();
    page.fill("Password", "the password of ada").await.unwrap();
    page.press("Sign in").await.unwrap();
    page.shows("Request access to Grafana").await.unwrap();
    let field = page.field("Reason").await.unwrap();
    eventually("the reason", async || {
        let value = field.prop("value").await.unwrap_or_default();
        (value.as_deref() == Some("A long reason")).then_some(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_click_of_consent_leads_to_the_client() {
    let site = Site::new().await.unwrap();
    let browser = site.browser("ada").await.unwrap();
    for listen in ["127.0.0.1:0", "[::1]:0"] {
        let listener = TcpListener::bind(listen).await.unwrap();
        let redirect = format!("http://{}/callback", listener.local_addr().unwrap());
        let mut url = Url::parse(&site.address("/oauth/authorize")).unwrap();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", "hourkey-desktop")
            .append_pair("redirect_uri", &redirect)
            .append_pair("code_challenge", &"a".repeat(43))
            .append_pair("code_challenge_method", "S256")
            .append_pair("state", "the state")
            .append_pair("label", "Hourkey on build-host");
        browser.page.open(url.as_str()).await.unwrap();
        browser.page.shows("Hourkey on build-host").await.unwrap();
        let (pressed, call) = tokio::join!(browser.page.press("Allow"), heard(&listener));
        pressed.unwrap();
        let call = call.unwrap();
        assert!(call.starts_with("GET /callback?code="), "{call}");
        assert!(call.contains("&state=the+state&iss=http"), "{call}");
        // The address of the consent page stays here.
        assert!(!call.to_lowercase().contains("referer"), "{call}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_link_fills_its_code_in_and_out_of_the_address() {
    let site = Site::new().await.unwrap();
    let link = site
        .controller
        .run(&["user", "reset-link", "ada"])
        .await
        .unwrap();
    let link = link
        .split_whitespace()
        .find(|word| word.contains("/reset#"));
    let browser = Browser::start(&site.session, "reset").await.unwrap();
    let page = &browser.page;
    page.open(link.unwrap()).await.unwrap();
    page.shows("Set a new password").await.unwrap();
    eventually("the address without the code", async || {
        let url = page.url().await.unwrap();
        (url.fragment().is_none()).then_some(())
    })
    .await
    .unwrap();
    page.fill("New password", "a horse of another colour")
        .await
        .unwrap();
    page.fill("New password again", "a horse of another colour")
        .await
        .unwrap();
    page.press("Set password").await.unwrap();
    page.shows("Your access").await.unwrap();
    let log = site.controller.log();
    let code = link.unwrap().split('#').nth(1).unwrap();
    assert!(!log.contains(code), "{log}");
}

/// The first call that comes, which is answered with a word.
async fn heard(listener: &TcpListener) -> Result<String> {
    let (mut stream, _) = listener.accept().await?;
    let mut call = vec![0; 8192];
    let length = stream.read(&mut call).await?;
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";
    stream.write_all(answer.as_bytes()).await?;
    Ok(String::from_utf8_lossy(&call[..length]).into_owned())
}
