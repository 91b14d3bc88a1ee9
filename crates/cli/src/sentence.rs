//! What became of requests and resources, in sentences.

use chrono::{DateTime, Utc};
use hourkey_client::model::lock_now;
use hourkey_domain::lock::LockState;
use hourkey_domain::outcome::{By, Outcome, with_comment};
use hourkey_protocol::access::{Grant, Person, Request, Resource};

use crate::text::{moment, visible};

/// What became of a request.
pub(crate) fn sentence(request: &Request, now: DateTime<Utc>) -> String {
    let (name, id) = (visible(&request.resource_name), request.id);
    let who = |person: &Person| visible(&person.said());
    let outcome = request.outcome();
    if let Some(approval) = request.approval() {
        let stands = stands(&outcome, &name, now);
        let said = match approval.comment.trim() {
            "" => String::new(),
            comment => format!(" “{}”", visible(comment)),
        };
        return format!("{}: {stands}{said}", approval.headline(who));
    }
    let about = match request.purpose.extends() {
        Some(_) => format!("to extend {name}"),
        None => format!("for {name}"),
    };
    let decided = |by: &By<'_, Person>, comment: &str| {
        let what = outcome.word().to_lowercase();
        let headline = format!("Request {id} {about} was {what} {}", by.words(who));
        goes_on(with_comment(&headline, &visible(comment)), request, now)
    };
    match &outcome {
        Outcome::Waiting { expires_at } => {
            let waits = format!(
                "Request {id} {about} waits for a reviewer. It expires {} if nobody answers.",
                moment(*expires_at, now)
            );
            goes_on(waits, request, now)
        }
        Outcome::Denied { by, comment, .. } => decided(by, comment),
        Outcome::Cancelled { by, .. } => decided(by, ""),
        Outcome::Expired { .. } => {
            let expired =
                format!("Request {id} {about} expired: nobody answered. Request it again.");
            goes_on(expired, request, now)
        }
        // The others come after an approval.
        _ => format!(
            "What became of request {id} for {name} this version does not know. Update hourkey."
        ),
    }
}

/// Adds until when access goes on that was not extended, or not yet.
fn goes_on(sentence: String, request: &Request, now: DateTime<Utc>) -> String {
    let extended = request.purpose.extends().and(request.grant.as_ref());
    match extended.map(Grant::outcome) {
        Some(Outcome::Open { until }) => {
            format!("{sentence} Access goes on until {}.", moment(until, now))
        }
        _ => sentence,
    }
}

/// Where the access stands that an approval gave.
fn stands(outcome: &Outcome<'_, Person>, name: &str, now: DateTime<Utc>) -> String {
    match outcome {
        Outcome::Open { until } => format!("{name} is open until {}.", moment(*until, now)),
        Outcome::Scheduled { starts_at } => {
            format!("{name} opens at {}.", moment(*starts_at, now))
        }
        Outcome::Unlocked { .. } => format!("{name} is open while you use it."),
        _ => format!("{name} is locked again."),
    }
}

/// Who approved what the person holds; what was last decided against them, while the resource is
/// locked.
pub(crate) fn note(resource: &Resource, now: DateTime<Utc>) -> Option<String> {
    match lock_now(resource, now) {
        LockState::Granted {
            extension: Some(waits),
            ..
        } => {
            let request = waits.request;
            return Some(format!(
                "request {request} to extend it waits for a reviewer"
            ));
        }
        LockState::Granted { .. } | LockState::Scheduled { .. } => {
            let approved = resource.approved.as_ref();
            return approved.map(|it| visible(&it.sentence()));
        }
        LockState::Locked { .. } => {}
        LockState::Open { .. } | LockState::Pending { .. } => return None,
    }
    let decision = resource.last_decision.as_ref()?;
    let mut sentence = visible(&decision.sentence());
    if !sentence.ends_with('.') {
        sentence.push('.');
    }
    if let Some(at) = decision.automatic_at.filter(|at| *at > now) {
        sentence += &format!(" Opens with a reason again from {}.", moment(at, now));
    }
    Some(sentence)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// The sentence about a request of 1 January 2030, as the controller would tell of it.
    fn said(status: Value, grant: Value) -> String {
        let request = json!({
            "id": 3, "requester": { "id": 1, "login": "ada", "name": "Ada" },
            "resource": 2, "resource_name": "Logs\u{202e}", "resource_address": "", "group_name": "Ops",
            "reason": "", "asked": 3600, "approval": "manual", "starts_at": null,
            "created_at": "2030-01-01T00:00:00Z", "lapses_at": "2030-01-02T00:00:00Z",
            "status": status, "grant": grant,
        });
        let request: Request = serde_json::from_value(request).unwrap();
        sentence(&request, request.created_at)
    }

    #[test]
    fn what_became_of_a_request_names_it() {
        let (at, rosa) = (
            "2030-01-01T00:00:00Z",
            json!({ "id": 7, "login": "rosa", "name": "Rosa" }),
        );
        let denied = json!({ "state": "denied", "at": at, "by": rosa, "comment": "Use\nit." });
        assert_eq!(
            said(denied, Value::Null),
            r"Request 3 for Logs\u{202e} was denied by Rosa: “Use\nit.”"
        );
        let cancelled =
            json!({ "state": "cancelled", "at": at, "by": null, "cause": "user_disabled" });
        assert_eq!(
            said(cancelled, Value::Null),
            r"Request 3 for Logs\u{202e} was cancelled because the account was disabled."
        );
        let lapsed = said(json!({ "state": "lapsed", "at": at }), Value::Null);
        assert!(lapsed.contains("expired: nobody answered"), "{lapsed}");
        let approved =
            json!({ "state": "approved", "at": at, "by": rosa, "length": 3600, "comment": "Go." });
        let grant = json!({
            "id": 4, "request": 3, "starts_at": at, "expires_at": "2030-01-01T01:00:00Z",
            "status": { "state": "released", "at": at },
        });
        assert_eq!(
            said(approved, grant),
            r"Approved by Rosa for 1 hour: Logs\u{202e} is locked again. “Go.”"
        );
    }
}
