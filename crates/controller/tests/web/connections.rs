//! The connections that a grant let through, on the pages about it.

use hourkey_domain::ids::GatewayId;
use hourkey_protocol::gateway::Ended;
use hourkey_store::Room;
use hourkey_store::gateway::NewGateway;
use hourkey_store::usage::{Connection, End};
use serde_json::json;

use crate::web::browser::Site;
use crate::web::devices::enrolled;

#[tokio::test]
async fn a_page_tells_when_and_where_a_connection_was_cut() {
    let site = Site::new().await;
    let (people, logs) = (site.env.people, site.env.resources.logs);
    let device = enrolled(&site, people.ann, "ann-laptop").await;
    let gateway = gateway(&site).await;
    let body = json!({ "resource": logs, "reason": "why", "seconds": 3600 });
    let asked = site.env.post(people.ann, "/requests", body).await;
    let page = format!("/requests/{}", asked.id());
    let ann = site.signed_in("ann").await;
    assert!(!ann.get(&page).await.text.contains("Connections"));

    site.env.clock.forward(chrono::TimeDelta::seconds(1));
    let connection = |id: &str, end| Connection {
        gateway,
        id: id.repeat(16),
        user: people.ann,
        device,
        resource: logs,
        started_at: "2030-01-01T00:00:00.004Z".parse().unwrap(),
        end,
    };
    kept(&site, connection("0a", None)).await;
    ann.get(&page).await.says("Since 00:00:00.004 UTC on gw-1");

    site.env.clock.forward(chrono::TimeDelta::seconds(183));
    let revoke = format!("/grants/{}/revoke", asked.grant());
    let body = json!({ "comment": "enough" });
    site.env.post(people.rae, &revoke, body).await;
    let end = End {
        at: "2030-01-01T00:03:04.221Z".parse().unwrap(),
        why: Ended::Permit,
        sent: 1_000,
        received: 3_249_000,
    };
    kept(&site, connection("0a", Some(end))).await;
    let said =
        "Ended with the access at 00:03:04.221 UTC on gw-1 , began 00:00:00.004 UTC , 3.2 MB";
    ann.get(&page).await.says(said);
    let rae = site.signed_in("rae").await;
    rae.get(&format!("/review/{}", asked.id())).await.says(said);

    // What went through under another grant is shown there.
    let body = json!({ "resource": logs, "reason": "again", "seconds": 3600 });
    let again = site.env.post(people.ann, "/requests", body).await;
    let page = ann.get(&format!("/requests/{}", again.id())).await;
    assert!(!page.text.contains("Connections"));
}

pub(crate) async fn gateway(site: &Site) -> GatewayId {
    let added = site.app.transact(Room::Usual, |tx, _| {
        Box::pin(async move {
            let network = tx.organisation().await?.networks[0].id;
            let gateway = NewGateway {
                name: "gw-1".to_owned(),
                network,
                address: "gw.corp:8443".to_owned(),
            };
            Ok(tx.insert_gateway(gateway).await?)
        })
    });
    added.await.unwrap()
}

pub(crate) async fn kept(site: &Site, connection: Connection) {
    let kept = site.app.transact(Room::Usual, |tx, now| {
        Box::pin(async move { Ok(tx.record_connection(connection, now).await?) })
    });
    kept.await.unwrap();
}
