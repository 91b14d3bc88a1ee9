//! Seeing and ending devices.

use hourkey_access::identity::session;
use hourkey_domain::Time;
use hourkey_domain::audit::AuditAction;
use hourkey_domain::ids::{DeviceId, UserId};
use hourkey_protocol::account::SessionKind;
use hourkey_store::account::NewSession;
use hourkey_store::device::NewDevice;
use hourkey_store::log::{Entry, Subject};
use hourkey_store::{Room, StoreError, Write};
use serde_json::Value;

use crate::web::browser::Site;

#[tokio::test]
async fn people_end_their_own_devices_and_administrators_everybodys() {
    let site = Site::new().await;
    let people = site.env.people;
    let anns = enrolled(&site, people.ann, "ann-laptop").await;
    let bens = enrolled(&site, people.ben, "<b>ben</b>").await;
    let ann = site.signed_in("ann").await;
    let page = ann.get("/devices").await;
    page.says("ann-laptop");
    page.says("Desktop app");
    assert!(!page.text.contains("ben"), "other people's are not shown");

    let end = |id: DeviceId| [("do", "end".to_owned()), ("device", id.to_string())];
    let send = async |browser: &crate::web::browser::Browser, id| {
        let fields = end(id);
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        browser.post("/devices", &fields).await
    };
    let theirs = send(&ann, bens).await;
    let unknown = send(&ann, DeviceId(999_999)).await;
    assert_eq!(
        (theirs.status.as_u16(), &theirs.text),
        (404, &unknown.text),
        "rule 1"
    );
    assert_eq!(send(&ann, anns).await.location(), "/devices");
    ann.get("/devices").await.says("No computers yet.");

    let ada = site.signed_in("ada").await;
    let page = ada.get("/devices").await;
    page.says("Ben Oncall");
    page.says("&lt;b&gt;ben&lt;/b&gt;");
    let before = site.seq().await;
    assert_eq!(send(&ada, bens).await.location(), "/devices");
    ada.get("/devices").await.says("No other devices.");
    assert_eq!(
        site.env.actions(before).await,
        ["device.ended by Ada Admin", "session.ended by Ada Admin"]
    );
    assert_eq!(ann.post("/devices", &[("do", "what")]).await.status, 400);
}

/// As [`hourkey_access::identity::device::enrol`] does.
async fn record_device(tx: &mut dyn Write, user: UserId, at: Time) -> Result<(), StoreError> {
    tx.record(Entry {
        at,
        actor: Some(user),
        action: AuditAction::DeviceEnrolled,
        subject: Subject::Account { user },
        detail: Value::Null,
    })
    .await?;
    Ok(())
}

pub(crate) async fn enrolled(site: &Site, user: UserId, name: &str) -> DeviceId {
    let name = name.to_owned();
    site.app
        .transact(Room::Usual, move |tx, now| {
            Box::pin(async move {
                let new = NewSession {
                    user,
                    kind: SessionKind::Desktop,
                    label: "Hourkey".to_owned(),
                    created_at: now,
                    ends_at: session::ends_at(SessionKind::Desktop, now, now),
                    cookie: None,
                };
                let new = NewDevice {
                    session: tx.insert_session(new).await?,
                    name,
                    key: "ab".repeat(32),
                    created_at: now,
                };
                let device = tx.insert_device(new).await?;
                record_device(tx, user, now).await?;
                Ok(device)
            })
        })
        .await
        .unwrap()
}
