use hourkey_domain::ids::{GrantId, RequestId, ResourceId, UserId};
use hourkey_domain::length::Length;
use hourkey_domain::settings::Approval as ApprovalSetting;

use super::*;

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + minutes * 60, 0).unwrap()
}

fn rosa() -> Person {
    Person {
        on_behalf_of: None,
        id: UserId(7),
        login: "rosa".to_owned(),
        name: "Rosa".to_owned(),
    }
}

fn request(status: RequestStatus, grant: Option<GrantStatus>) -> Request {
    Request {
        id: RequestId(1),
        requester: rosa(),
        resource: ResourceId(2),
        resource_name: "Logs".to_owned(),
        resource_address: String::new(),
        group_name: "Ops".to_owned(),
        reason: String::new(),
        purpose: Purpose::Grant,
        asked: Some(Length::HOUR),
        approval: ApprovalSetting::Manual,
        starts_at: None,
        created_at: at(0),
        lapses_at: at(60),
        status,
        grant: grant.map(|status| Grant {
            id: GrantId(3),
            request: RequestId(1),
            starts_at: at(10),
            expires_at: at(70),
            status,
        }),
        ends_at: None,
    }
}

fn approved(length: Option<Length>) -> RequestStatus {
    RequestStatus::Approved {
        at: at(5),
        by: Some(rosa()),
        length,
        comment: "Be quick.".to_owned(),
    }
}

/// Outcome, decision and news, in words.
fn said(request: &Request) -> [String; 3] {
    let name = |person: &Person| person.name.clone();
    [
        request.outcome().headline(name),
        request.verdict(),
        request.told(name),
    ]
}

#[test]
fn a_decision_stays_what_it_was_whatever_becomes_of_the_access() {
    let revoked = GrantStatus::Revoked {
        at: at(20),
        by: None,
        cause: Cause::ResourceRemoved,
        comment: String::new(),
    };
    for (grant, outcome) in [
        (GrantStatus::Scheduled, "Approved"),
        (GrantStatus::Active, "Open"),
        (GrantStatus::Expired { at: at(70) }, "Ended"),
        (GrantStatus::Released { at: at(30) }, "Given back"),
        (revoked, "Revoked because the resource was removed"),
        (GrantStatus::Unknown, "Already decided"),
    ] {
        let request = request(approved(Some(Length::HOUR)), Some(grant));
        let news = "Rosa approved it for 1 hour.";
        assert_eq!(said(&request), [outcome, "Approved for 1 hour", news]);
    }
}

#[test]
fn what_gave_no_access_is_its_own_outcome() {
    let cancelled = |by| RequestStatus::Cancelled {
        at: at(5),
        by,
        cause: Cause::UserDisabled,
    };
    let denied = RequestStatus::Denied {
        at: at(5),
        by: rosa(),
        comment: "No.".to_owned(),
    };
    for (status, expected) in [
        (
            RequestStatus::Pending,
            ["Waiting", "Waiting", "It waits for a reviewer."],
        ),
        (denied, ["Denied by Rosa", "Denied", "Rosa denied it."]),
        (
            cancelled(Some(rosa())),
            ["Cancelled by Rosa", "Cancelled", "Rosa cancelled it."],
        ),
        (
            cancelled(None),
            [
                "Cancelled because the account was disabled",
                "Cancelled",
                "It was cancelled because the account was disabled.",
            ],
        ),
        (
            RequestStatus::Lapsed { at: at(60) },
            [
                "Expired: nobody answered",
                "Expired",
                "It expired: nobody answered.",
            ],
        ),
        (
            RequestStatus::Unknown,
            [
                "Already decided",
                "Already decided",
                "It was decided already.",
            ],
        ),
    ] {
        assert_eq!(said(&request(status, None)), expected);
    }
}

#[test]
fn an_unlock_makes_no_grant() {
    let mut unlock = request(approved(None), None);
    unlock.purpose = Purpose::Unlock;
    let expected = ["Unlocked by Rosa", "Unlocked", "Rosa unlocked it."];
    assert_eq!(said(&unlock), expected);
}

#[test]
fn an_extension_is_told_by_its_new_end_and_not_by_a_length() {
    let length = Length::from_seconds(7_200).ok();
    let grant = Some(hourkey_domain::ids::GrantId(4));
    let mut extension = request(approved(length), None);
    extension.purpose = grant.map(Purpose::Extension).unwrap();
    let (headline, told) = (extension.verdict(), extension.told(|it| it.name.clone()));
    assert_eq!((&*headline, &*told), ("Extended", "Rosa extended it."));
}

#[test]
fn what_was_decided_last_says_who_or_why() {
    let said = |kind, by: Option<&str>, cause, comment: &str| {
        let decision = LastDecision {
            kind,
            at: at(0),
            by: by.map(str::to_owned),
            cause,
            comment: comment.to_owned(),
            automatic_at: None,
        };
        format!("{} | {}", decision.word(), decision.sentence())
    };
    let rosa = Some("Rosa");
    assert_eq!(
        said(Decision::Denied, rosa, None, "No."),
        "Denied | Denied by Rosa: “No.”"
    );
    assert_eq!(
        said(Decision::Revoked, None, Some(Cause::ResourceChanged), ""),
        "Revoked | Revoked because the resource's address changed."
    );
    assert_eq!(said(Decision::Unknown, rosa, None, ""), "Locked | Locked.");
    let approved = Approved {
        by: "Rosa".to_owned(),
        comment: String::new(),
    };
    assert_eq!(approved.sentence(), "Approved by Rosa.");
}
