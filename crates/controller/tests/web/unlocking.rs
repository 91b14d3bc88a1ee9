//! What locks by disuse: its request page, and the administrators' page.

use hourkey_domain::settings::Mode;

use crate::web::browser::Site;

#[tokio::test]
async fn what_was_not_used_is_unlocked_by_a_request_or_by_an_administrator() {
    let site = Site::new().await;
    let database = site.env.resources.database;
    site.env
        .change(move |tx| {
            Box::pin(async move {
                let (mut found, _) = tx.resource(database).await?.unwrap();
                found.settings.mode = Mode::AutoLock;
                Ok(tx.update_resource(found).await?)
            })
        })
        .await;
    let (ann, ada) = (site.signed_in("ann").await, site.signed_in("ada").await);
    let shown = format!("/resources/{database}/request");
    ann.get(&shown).await.says("Database is open");
    ann.get("/access").await.says("Open, locks in 7 d");
    ada.get("/unlock?login=ann").await.says("never used");

    site.env.wait(chrono::TimeDelta::days(7)).await;
    let ann = site.signed_in("ann").await;
    ann.get("/access")
        .await
        .says("Locked because it wasn’t used");
    let page = ann.get(&shown).await;
    page.says("didn’t use it for a while");
    page.says("while you use it, locks after 7 unused days");
    assert!(
        !page.text.contains("For how long?"),
        "an unlock has no length"
    );
    let asked = ann.post(&shown, &[("key", "k"), ("reason", "back")]).await;
    let request = asked.location().to_owned();
    let rae = site.signed_in("rae").await;
    rae.get("/review").await.says("Requests an unlock");
    let review = request.replace("requests", "review");
    rae.post(&review, &[("do", "approve")]).await;
    let page = ann.get(&request).await;
    page.says("Database is open");
    page.says("Unlocked by");
    page.says("Locks again in 7 days unless you use it");

    site.env.wait(chrono::TimeDelta::days(8)).await;
    let (ann, ada) = (site.signed_in("ann").await, site.signed_in("ada").await);
    ann.get(&request).await.says("is locked again");
    let id = database.to_string();
    let fields = [("login", "ann"), ("resource", &*id), ("comment", "")];
    let rae = site.signed_in("rae").await;
    for other in [&ann, &rae] {
        assert_eq!(other.get("/unlock").await.status, 403);
        assert_eq!(other.post("/unlock", &fields).await.status, 403);
    }
    ada.get("/unlock?login=nobody")
        .await
        .says("Nobody signs in with this name");
    ada.get("/unlock?login=ann").await.says("Locked");
    let done = ada.post("/unlock", &fields).await;
    assert_eq!(done.location(), "/unlock?login=ann");
    ada.get("/unlock?login=ann")
        .await
        .says("Open, locks in 7 d");
    ann.get("/access").await.says("Open, locks in 7 d");
}
