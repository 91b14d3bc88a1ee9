use super::*;

fn at() -> Time {
    Time::from_timestamp(1_800_000_000, 0).unwrap()
}

/// Every outcome, by a person where there is a choice.
fn outcomes() -> Vec<Outcome<'static, str>> {
    let (at, comment) = (at(), "Use the copy.");
    let by = || By::Person("Rosa");
    vec![
        Outcome::Waiting { expires_at: at },
        Outcome::Scheduled { starts_at: at },
        Outcome::Open { until: at },
        Outcome::Unlocked {
            at,
            by: Some("Rosa"),
        },
        Outcome::Unused,
        Outcome::Ended { at },
        Outcome::GivenBack { at },
        Outcome::Revoked {
            at,
            by: by(),
            comment,
        },
        Outcome::Denied {
            at,
            by: by(),
            comment,
        },
        Outcome::Cancelled { at, by: by() },
        Outcome::Expired { at },
        Outcome::Unknown,
    ]
}

#[test]
fn every_outcome_is_said() {
    let said: Vec<_> = outcomes()
        .iter()
        .map(|it| {
            let headline = it.headline(str::to_owned);
            let told = it.told(str::to_owned);
            format!("{} | {headline} | {told}", it.title("Logs"))
        })
        .collect();
    let expected = [
        "Waiting for a reviewer | Waiting | It waits for a reviewer.",
        "Logs is approved | Approved | It was approved.",
        "Logs is open | Open | It was approved.",
        "Logs is open | Unlocked by Rosa | Rosa unlocked it.",
        "Logs is locked again | Locked | It locked again: it wasn’t used.",
        "Logs is locked again | Ended | Access ended.",
        "Logs is locked again | Given back | Access was given back.",
        "Logs is locked again | Revoked by Rosa | Rosa revoked it.",
        "Request for Logs was denied | Denied by Rosa | Rosa denied it.",
        "Request for Logs was cancelled | Cancelled by Rosa | Rosa cancelled it.",
        "Request for Logs expired | Expired: nobody answered | It expired: nobody answered.",
        "Request for Logs was decided | Already decided | It was decided already.",
    ];
    assert_eq!(said, expected);
}

#[test]
fn what_the_system_did_says_why() {
    let revoked = |cause| -> Outcome<'_, str> {
        Outcome::Revoked {
            at: at(),
            by: By::System(cause),
            comment: "",
        }
    };
    let said = |cause| {
        let revoked = revoked(cause);
        let name = |_: &str| unreachable!("nobody did it");
        (revoked.headline(name), revoked.told(name))
    };
    assert_eq!(
        said(Cause::ResourceRemoved),
        (
            "Revoked because the resource was removed".to_owned(),
            "It was revoked because the resource was removed.".to_owned()
        )
    );
    let (headline, _) = said(Cause::Unknown);
    assert!(headline.starts_with("Revoked because of something that"));
}

#[test]
fn an_approval_says_what_it_gave() {
    let length = Some(Length::HOUR);
    let said = |by, purpose, length| {
        let approval: Approval<'_, str> = Approval {
            by,
            purpose,
            length,
            comment: "",
        };
        let name = str::to_owned;
        [
            approval.headline(name),
            approval.verdict(),
            approval.told(name),
        ]
    };
    let (rosa, grant, unlock) = (Some("Rosa"), Purpose::Grant, Purpose::Unlock);
    assert_eq!(
        said(rosa, grant, length),
        [
            "Approved by Rosa for 1 hour",
            "Approved for 1 hour",
            "Rosa approved it for 1 hour."
        ]
    );
    assert_eq!(
        said(None, grant, length),
        [
            "Opened for 1 hour",
            "Approved for 1 hour",
            "It was opened for 1 hour."
        ]
    );
    assert_eq!(said(rosa, grant, None)[0], "Approved by Rosa");
    assert_eq!(
        said(rosa, unlock, None),
        ["Unlocked by Rosa", "Unlocked", "Rosa unlocked it."]
    );
    assert_eq!(
        said(None, unlock, None),
        ["Unlocked", "Unlocked", "It was unlocked."]
    );
    let extension = Purpose::Extension(crate::ids::GrantId(1));
    assert_eq!(
        said(rosa, extension, None),
        ["Extended by Rosa", "Extended", "Rosa extended it."]
    );
    assert_eq!(
        said(None, extension, None),
        ["Extended", "Extended", "It was extended."]
    );
}

#[test]
fn what_became_of_an_extension_is_titled_as_one() {
    let denied: Outcome<'_, str> = Outcome::Denied {
        at: Time::MIN_UTC,
        by: By::Person("Rosa"),
        comment: "",
    };
    assert_eq!(
        denied.extension_title("Wiki"),
        "Request to extend Wiki was denied"
    );
    let open: Outcome<'_, str> = Outcome::Open {
        until: Time::MIN_UTC,
    };
    assert_eq!(open.extension_title("Wiki"), "Wiki is open");
}

#[test]
fn a_comment_stands_in_quotes() {
    assert_eq!(
        with_comment("Denied by Rosa", "Use it."),
        "Denied by Rosa: “Use it.”"
    );
    assert_eq!(with_comment("Denied by Rosa", " \n"), "Denied by Rosa.");
}
