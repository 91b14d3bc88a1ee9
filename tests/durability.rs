//! What was answered with success survives `kill -9`, and nothing is half-done (rule 12).
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use hourkey_domain::ids::RequestId;
use hourkey_protocol::access::{Approve, NewRequest, RequestStatus};
use hourkey_protocol::notice::What;
use hourkey_testkit::controller::Controller;
use hourkey_testkit::person::Person;
use tokio::task::JoinSet;

/// Requests that wait when the approvals begin.
const REQUESTS: usize = 200;
/// Approvals answered before the controller is killed.
const ANSWERED: usize = 40;

/// One member, one reviewer, and a resource for each request.
fn organisation() -> String {
    let mut text = String::from(
        r#"
name = "Durable"
[[user]]
login = "ada"
name = "Ada"
[[user]]
login = "marta"
name = "Marta"
roles = ["AccessReviewer"]
[[group]]
name = "Everyone"
members = ["ada"]
[[network]]
name = "Office"
"#,
    );
    for number in 0..REQUESTS {
        let _ = write!(
            text,
            r#"
[[resource]]
name = "Resource {number}"
address = "r{number}.corp.example"
network = "Office"
access = {{ mode = "AccessRequest", period = "2h" }}
[[assignment]]
group = "Everyone"
resource = "Resource {number}"
"#
        );
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_amid_200_approvals_loses_nothing_that_was_answered() {
    let mut controller = Controller::start(&organisation()).await.unwrap();
    let ada = Person::new(&controller, "ada")
        .await
        .unwrap()
        .session(&controller)
        .await
        .unwrap();
    let marta = Person::new(&controller, "marta")
        .await
        .unwrap()
        .session(&controller)
        .await
        .unwrap();

    let mut asking = JoinSet::new();
    for resource in ada.resources().await.unwrap() {
        let ada = ada.clone();
        asking.spawn(async move {
            let request = NewRequest {
                resource: resource.id,
                assignment: None,
                reason: "for the test".to_owned(),
                seconds: None,
                starts_at: None,
            };
            ada.ask(&request).await.unwrap().request.id
        });
    }
    let requests = asking.join_all().await;
    assert_eq!(requests.len(), REQUESTS);

    let mut approving = JoinSet::new();
    for id in requests.iter().copied() {
        let marta = marta.clone();
        approving.spawn(async move { (id, marta.approve(id, &Approve::default()).await) });
    }
    let mut answered = Vec::new();
    while let Some(answer) = approving.join_next().await {
        let (id, result) = answer.unwrap();
        if result.is_ok() {
            answered.push(id);
        }
        if answered.len() == ANSWERED {
            controller.kill().unwrap();
        }
    }
    assert!(
        answered.len() >= ANSWERED,
        "the kill came after {ANSWERED} answers"
    );
    assert!(
        answered.len() < REQUESTS,
        "the kill came too late to be amid the approvals"
    );

    controller.resume().await.unwrap();

    let audited = approvals_audited(&controller).await;
    let told = ada.snapshot().await.unwrap().notices;
    for id in requests {
        let request = ada.request(id).await.unwrap();
        let is_told = told
            .iter()
            .any(|notice| matches!(notice.what, What::Approved { request, .. } if request == id));
        let entries = audited.get(&id).copied().unwrap_or_default();
        match request.status {
            RequestStatus::Approved { .. } => {
                assert!(
                    request.grant.is_some(),
                    "an approval without its grant: {id}"
                );
                assert!(is_told, "an approval without its notice: {id}");
                assert_eq!(
                    entries, 1,
                    "an approval has one entry in the audit log: {id}"
                );
            }
            RequestStatus::Pending => {
                assert!(
                    !answered.contains(&id),
                    "answered with success, and lost: {id}"
                );
                assert!(
                    request.grant.is_none(),
                    "a grant without its approval: {id}"
                );
                assert!(!is_told, "a notice without its approval: {id}");
                assert_eq!(entries, 0, "an audit entry without its approval: {id}");
            }
            other @ (RequestStatus::Denied { .. }
            | RequestStatus::Cancelled { .. }
            | RequestStatus::Lapsed { .. }) => panic!("nobody did this: {other:?}"),
        }
    }
}

/// How many approvals the audit log has of each request.
async fn approvals_audited(controller: &Controller) -> BTreeMap<RequestId, usize> {
    let log = controller.run(&["audit", "--json"]).await.unwrap();
    let mut approvals = BTreeMap::new();
    for line in log.lines() {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        if entry["action"] == "request.approved" {
            let id = RequestId(entry["subject"]["request"].as_i64().unwrap());
            *approvals.entry(id).or_default() += 1;
        }
    }
    approvals
}
