//! Gateways by hand: one command to paste, and a page that waits.

use axum::body::Body;
use axum::http::Request;
use chrono::TimeDelta;
use hourkey_domain::ids::GatewayId;
use hourkey_pki::Key;
use hourkey_store::usage::Connection;

use crate::test_env::gateways::{added, enrol_gateway};
use crate::web::browser::Site;
use crate::web::connections::kept;
use crate::web::devices::enrolled as enrolled_device;
use crate::web::edit_forms::{removed, saved, send};

#[tokio::test]
async fn a_gateway_is_added_with_a_command_that_works_once() {
    let site = Site::new().await;
    let ada = site.signed_in("ada").await;
    let organisation = site.app.organisation().await.unwrap();
    let office = organisation
        .networks()
        .find(|it| it.name == "Office")
        .unwrap();
    let list = ada.get("/gateways").await;
    list.says("No gateway serves this network: nobody reaches what is in it.");
    let path = format!("/networks/{}/gateways", office.id);
    ada.get(&path).await.says("New gateway in Office");
    for (name, address, words) in [
        ("gw-1", "gw.corp.example", "is no address of a gateway"),
        ("gw-1", "gw.corp.example:0", "is no address of a gateway"),
        (" ", "gw.corp.example:8443", "A gateway needs a name."),
    ] {
        let answer = ada
            .post(&path, &[("name", name), ("address", address)])
            .await;
        answer.refuses(400, words);
        answer.says("New gateway in Office");
    }
    let fields = [("name", "gw-1"), ("address", "gw.corp.example:8443")];
    let page = ada.post(&path, &fields).await;
    assert_eq!(page.status, 200, "{}", page.words());
    assert_eq!(page.header("cache-control"), "no-store");
    page.says("Waits to be set up");
    let (_, rest) = page.text.split_once("printf '%s\\n' ").unwrap();
    let token = rest.split(' ').next().unwrap();
    let (_, rest) = page.text.split_once("data-address=\"").unwrap();
    let address = rest.split('"').next().unwrap().to_owned();
    let again = ada.get(&address).await;
    assert!(!again.text.contains(token), "the command is shown once");
    ada.post(&path, &fields)
        .await
        .refuses(400, "There is a gateway called “gw-1” already.");
    let key = Key::generate().unwrap();
    let enrolled = enrol_gateway(&site.env, token, &key).await;
    assert_eq!(enrolled.status, 200, "{}", enrolled.json());
    ada.get(&address).await.says("Not connected");
    assert_eq!(enrol_gateway(&site.env, token, &key).await.status, 401);
    // Another command takes the place of one that was lost.
    let page = ada.post(&address, &[("do", "command")]).await;
    let (_, rest) = page.text.split_once("printf '%s\\n' ").unwrap();
    let other = rest.split(' ').next().unwrap();
    assert_ne!(token, other);
    assert_eq!(enrol_gateway(&site.env, other, &key).await.status, 200);
    ada.get(&address).await.says("Nobody reaches the");
    for wrong in ["", "gw-2"] {
        let typed = [("do", "remove"), ("typed_name", wrong)];
        let answer = ada.post(&address, &typed).await;
        answer.refuses(422, "Nothing was removed. Type “gw-1” into the field");
        assert!(answer.text.contains(&format!("value=\"{wrong}\"")));
        assert_eq!(ada.get(&address).await.status, 200);
    }
    assert_eq!(
        ada.post(&address, &[("do", "remove"), ("typed_name", "gw-1")])
            .await
            .location(),
        "/gateways"
    );
    assert_eq!(ada.get(&address).await.status, 404);
}

#[tokio::test]
async fn the_list_says_what_is_known_of_each_gateway_and_the_navigation_who_is_down() {
    let site = Site::new().await;
    let env = &site.env;
    let (ada, ola) = (site.signed_in("ada").await, site.signed_in("ola").await);
    let down = "<span class=\"down\">1 down</span>";
    let token = added(env, "gw-1").await;
    // What waits to be set up is not down.
    assert!(!ada.get("/overview").await.text.contains(down));
    let enrolled = enrol_gateway(env, &token, &Key::generate().unwrap()).await;
    let list = ada.get("/gateways").await;
    list.says("Not connected – – – 8 Jan 00:00");
    for page in [
        &list,
        &ada.get("/overview").await,
        &ola.get("/resources").await,
    ] {
        assert!(page.text.contains(down));
    }
    assert!(ada.get("/nowhere").await.text.contains(down));
    let credential = enrolled.json()["credential"].as_str().unwrap().to_owned();
    let follow = Request::post("/api/v1/gateway/stream")
        .header("authorization", format!("Bearer {credential}"))
        .header("content-type", "application/json")
        .header("user-agent", "hourkey-gateway/9.8.7")
        .body(Body::from(r#"{"devices":[]}"#));
    let stream = site.open(follow.unwrap()).await;
    assert_eq!(stream.status(), 200);
    let people = env.people;
    let connection = Connection {
        gateway: GatewayId(enrolled.json()["gateway"].as_i64().unwrap()),
        id: "0a".repeat(16),
        user: people.ann,
        device: enrolled_device(&site, people.ann, "ann-laptop").await,
        resource: env.resources.wiki,
        started_at: site.app.clock.now(),
        end: None,
    };
    kept(&site, connection).await;
    env.clock.forward(TimeDelta::seconds(10));
    let list = ada.get("/gateways").await;
    list.says("Connected just now 9.8.7 1 8 Jan 00:00");
    assert!(!list.text.contains(down));
    assert!(list.text.contains("data-zone=\"name\""));
    // It does not answer any more.
    env.clock.forward(TimeDelta::minutes(2));
    let list = ola.get("/gateways").await;
    list.says("Not connected 2 min ago 9.8.7 – 8 Jan 00:00");
    assert!(list.text.contains(down));
    let ann = site.signed_in("ann").await.get("/access").await;
    assert!(!ann.text.contains(" down"));
    drop(stream);
}

#[tokio::test]
async fn networks_are_renamed_and_removed_once_nothing_is_in_them() {
    let site = Site::new().await;
    let ada = site.signed_in("ada").await;
    saved(&ada, "/networks/new", &[("name", "Lab")]).await;
    let organisation = site.app.organisation().await.unwrap();
    let id = |name: &str| {
        organisation
            .networks()
            .find(|it| it.name == name)
            .map(|it| it.id)
    };
    let path = format!("/networks/{}/edit", id("Lab").unwrap());
    saved(&ada, &path, &[("name", "Laboratory")]).await;
    ada.get("/gateways").await.says("Laboratory");
    let office = format!("/networks/{}/edit", id("Office").unwrap());
    let form = ada.get(&office).await;
    let answer = send(&ada, &office, &form, &[("name", "Laboratory")]).await;
    answer.refuses(400, "There is a network called “Laboratory” already.");
    let answer = send(&ada, &office, &form, &[("do", "remove")]).await;
    answer.refuses(400, "There are resources in this network.");
    let done = removed(&ada, &path, "Laboratory").await;
    assert_eq!(done.location(), "/gateways");
    assert!(!ada.get("/gateways").await.text.contains("Laboratory"));
}
