//! What became of requests and resources, in sentences.

use chrono::{DateTime, Utc};
use hourkey_client::model::lock_now;
use hourkey_domain::lock::LockState;
use hourkey_domain::request::Purpose;
use hourkey_protocol::access::{GrantStatus, Request, RequestStatus, Resource};

use crate::text::{moment, visible};

/// What became of a request.
pub(crate) fn sentence(request: &Request, now: DateTime<Utc>) -> String {
    let name = visible(&request.resource_name);
    let id = request.id;
    let said = |comment: &str| {
        if comment.is_empty() {
            String::new()
        } else {
            format!(" “{}”", visible(comment))
        }
    };
    match &request.status {
        RequestStatus::Pending => format!(
            "Request {id} for {name} waits for a reviewer. It expires {} if nobody answers.",
            moment(request.lapses_at, now)
        ),
        RequestStatus::Approved {
            by,
            length: granted,
            comment,
            ..
        } => {
            let by = by.as_ref().map_or_else(
                || "Opened".to_owned(),
                |by| format!("Approved by {}", visible(&by.name)),
            );
            let open = match request.grant.as_ref().map(|grant| (grant, &grant.status)) {
                Some((grant, GrantStatus::Active)) => {
                    format!("{name} is open until {}.", moment(grant.expires_at, now))
                }
                Some((grant, GrantStatus::Scheduled)) => {
                    format!("{name} opens at {}.", moment(grant.starts_at, now))
                }
                None if request.purpose == Purpose::Unlock => {
                    format!("{name} is open while you use it.")
                }
                Some((
                    _,
                    GrantStatus::Expired { .. }
                    | GrantStatus::Released { .. }
                    | GrantStatus::Revoked { .. }
                    | GrantStatus::Unknown,
                ))
                | None => format!("{name} is locked again."),
            };
            let granted = granted.map_or_else(String::new, |length| format!(" for {length}"));
            format!("{by}{granted}: {open}{}", said(comment))
        }
        RequestStatus::Denied { by, comment, .. } => format!(
            "{} denied request {id} for {name}:{}",
            visible(&by.name),
            said(comment)
        ),
        RequestStatus::Cancelled { by: Some(by), .. } => {
            format!("{} cancelled request {id} for {name}.", visible(&by.name))
        }
        RequestStatus::Cancelled {
            by: None, cause, ..
        } => {
            format!("Request {id} for {name} was cancelled: {cause}.")
        }
        RequestStatus::Lapsed { .. } => {
            format!("Request {id} for {name} expired: nobody answered. Request it again.")
        }
        RequestStatus::Unknown => format!(
            "What became of request {id} for {name} this version does not know. Update hourkey."
        ),
    }
}

/// Who approved what the person holds; what was last decided against them, while the resource is
/// locked.
pub(crate) fn note(resource: &Resource, now: DateTime<Utc>) -> Option<String> {
    match lock_now(resource, now) {
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
