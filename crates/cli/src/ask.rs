//! `hourkey request`, `status`, `cancel` and `release`: one's own requests and grants.

use chrono::{DateTime, Utc};
use hourkey_client::model::lock_now;
use hourkey_client::session::Session;
use hourkey_domain::format::{ago, remaining};
use hourkey_domain::ids::{AssignmentId, RequestId};
use hourkey_domain::lock::{LockState, Why};
use hourkey_domain::settings::{Approval, Mode, Period};
use hourkey_protocol::access::{
    AssignmentChoice, NewRequest, Request, RequestStatus, Resource, ResourceDetail,
};

use crate::account::session;
use crate::args;
use crate::exit::{CommandError, Exit, named};
use crate::resources::{find, rows};
use crate::sentence::{note, sentence};
use crate::table::table;
use crate::text::{moment, visible, zone};
use crate::{print, wait};

/// `hourkey request`: a `Request` as JSON.
pub(crate) async fn request(what: args::Request, json: bool) -> Result<(), CommandError> {
    let session = session().await?;
    let snapshot = session.snapshot().await?;
    let resource = find(&snapshot.resources, &what.resource)?;
    let assignment = match &what.group {
        Some(group) => Some(assignment_by_group(&session, resource, group).await?),
        None => None,
    };
    let new = NewRequest {
        resource: resource.id,
        assignment,
        reason: what.reason,
        seconds: what.length.map(u64::from),
        starts_at: None,
        extends: false,
    };
    let wait = Wait {
        wanted: what.wait,
        timeout: what.timeout,
    };
    send(&session, &new, wait, snapshot.server_time, json).await
}

/// `hourkey extend`: a `Request` as JSON.
pub(crate) async fn extend(what: args::Extend, json: bool) -> Result<(), CommandError> {
    let session = session().await?;
    let snapshot = session.snapshot().await?;
    let resource = find(&snapshot.resources, &what.resource)?;
    let new = NewRequest {
        resource: resource.id,
        assignment: None,
        reason: what.reason,
        seconds: what.length.map(u64::from),
        starts_at: None,
        extends: true,
    };
    let wait = Wait {
        wanted: what.wait,
        timeout: what.timeout,
    };
    send(&session, &new, wait, snapshot.server_time, json).await
}

/// Whether a command waits for the decision, and how long.
struct Wait {
    wanted: bool,
    timeout: Option<args::Timeout>,
}

/// Sends a request, and says what became of it.
async fn send(
    session: &Session,
    new: &NewRequest,
    wait: Wait,
    now: DateTime<Utc>,
    json: bool,
) -> Result<(), CommandError> {
    let asked = session.ask(new).await?;
    if !asked.new {
        print::note("You have asked already; this is that request.");
    }
    let mut request = asked.request;
    if wait.wanted && request.status == RequestStatus::Pending {
        let timeout = wait.timeout.map(|timeout| timeout.0);
        request = wait::until_decided(session, request, timeout).await?;
    }
    outcome(&request, wait.wanted, now, json)
}

/// Prints what became of a request, and ends with the code for it.
fn outcome(
    request: &Request,
    waited: bool,
    now: DateTime<Utc>,
    json: bool,
) -> Result<(), CommandError> {
    if json {
        print::json(request)?;
    }
    let mut sentence = sentence(request, now);
    let exit = match request.status {
        RequestStatus::Approved { .. } => Exit::Ok,
        RequestStatus::Pending if waited => Exit::Pending,
        RequestStatus::Pending => Exit::Ok,
        RequestStatus::Denied { .. } => Exit::Denied,
        RequestStatus::Cancelled { .. } | RequestStatus::Lapsed { .. } | RequestStatus::Unknown => {
            Exit::Over
        }
    };
    if exit == Exit::Pending {
        sentence.insert_str(0, "Timed out waiting. ");
    }
    if exit != Exit::Ok {
        return Err(CommandError::new(exit, sentence));
    }
    if json {
        return Ok(());
    }
    print::line(sentence)
}

async fn assignment_by_group(
    session: &Session,
    resource: &Resource,
    group: &str,
) -> Result<AssignmentId, CommandError> {
    let assignments = session.resource(resource.id).await?.assignments;
    let lower = group.to_lowercase();
    if let Some(assignment) = assignments
        .iter()
        .find(|assignment| assignment.group_name.to_lowercase() == lower)
    {
        return Ok(assignment.assignment);
    }
    let groups: Vec<String> = assignments
        .iter()
        .map(|assignment| visible(&assignment.group_name))
        .collect();
    let message = format!(
        "You have no access to {} through a group {}. There is: {}.",
        visible(&resource.name),
        visible(group),
        groups.join(", ")
    );
    Err(CommandError::new(Exit::NotFound, message))
}

/// `hourkey status`: a `Snapshot` as JSON.
pub(crate) async fn overview(json: bool) -> Result<(), CommandError> {
    let session = session().await?;
    let snapshot = session.snapshot().await?;
    if json {
        return print::json(&snapshot);
    }
    print::line(format_args!(
        "Signed in to {} at {} as {} ({}).",
        visible(&snapshot.me.organisation),
        session.controller().origin().ascii_serialization(),
        visible(&snapshot.me.name),
        visible(&snapshot.me.login)
    ))?;
    let now = snapshot.server_time;
    let is_moving = |resource: &&Resource| match lock_now(resource, now) {
        LockState::Granted { .. } | LockState::Scheduled { .. } | LockState::Pending { .. } => true,
        LockState::Locked { .. } => resource.last_decision.is_some(),
        LockState::Open { .. } => false,
    };
    let moving: Vec<&Resource> = snapshot.resources.iter().filter(is_moving).collect();
    if moving.is_empty() {
        print::line("You have no active grants or pending requests.")?;
    } else {
        print::line(format_args!("\n{}", rows(&moving, now)))?;
    }
    for resource in moving {
        if let Some(note) = note(resource, now) {
            print::line(format_args!("{}: {note}", visible(&resource.name)))?;
        }
    }
    let reviews = snapshot.reviews.iter();
    match reviews.filter(|review| review.may_decide).count() {
        0 => Ok(()),
        1 => print::line("\n1 request waits for your review. Run: hourkey review list"),
        n => print::line(format_args!(
            "\n{n} requests wait for your review. Run: hourkey review list"
        )),
    }
}

/// `hourkey status RESOURCE`: a `ResourceDetail` as JSON.
pub(crate) async fn status(wanted: &str, json: bool) -> Result<(), CommandError> {
    let session = session().await?;
    let snapshot = session.snapshot().await?;
    let found = find(&snapshot.resources, wanted)?;
    let detail = session.resource(found.id).await?;
    if json {
        return print::json(&detail);
    }
    let nobody_extends = detail.nobody_extends();
    let needs_approval = detail
        .extended_by()
        .is_some_and(|own| own.approval == Approval::Manual);
    let ResourceDetail {
        resource,
        assignments,
        approvers,
        extension,
    } = detail;
    let now = snapshot.server_time;
    let lock = lock_now(&resource, now);
    print::line(format_args!(
        "{} ({}, id {})",
        visible(&resource.name),
        visible(&resource.endpoint()),
        resource.id
    ))?;
    if !resource.description.is_empty() {
        print::line(paragraphs(&resource.description))?;
    }
    print::line(describe(lock, now))?;
    if let Some(note) = note(&resource, now) {
        print::line(note)?;
    }
    match lock {
        LockState::Pending { request, .. } => {
            let request = session.request(request).await?;
            if !request.reason.trim().is_empty() {
                print::line(format_args!("Your reason: {}", visible(&request.reason)))?;
            }
        }
        LockState::Open { .. }
        | LockState::Granted { .. }
        | LockState::Scheduled { .. }
        | LockState::Locked { .. } => {}
    }
    if let Some(waits) = lock.extension() {
        print::line(format_args!(
            "You asked for more time {} (request {}). That expires {} if nobody answers.",
            ago(now - waits.since),
            waits.request,
            moment(waits.lapses_at, now)
        ))?;
    }
    if let Some(extension) = extension {
        print::line(match (extension.at_most, extension.refused) {
            _ if nobody_extends => {
                "Nobody can approve an extension for you now: nobody approves their own \
                request, and nobody else reviews this resource."
                    .to_owned()
            }
            (Some(until), _) => {
                let until = moment(until, now);
                let given = if needs_approval {
                    "If approved now"
                } else {
                    "Extended now"
                };
                format!("{given}, it could run until {until}. Run: hourkey extend")
            }
            (None, Some(limit)) => format!("It can’t be extended now: {limit}."),
            (None, None) => "It can’t be extended now.".to_owned(),
        })?;
    }
    let is_open = matches!(lock, LockState::Open { .. } | LockState::Granted { .. });
    if let Some(text) = resource.how_to_use.as_ref().filter(|_| is_open) {
        print::line(format_args!("\nHow to use it:\n{}", paragraphs(text)))?;
    }
    print::line(format_args!("\n{}", assignments_table(&assignments, now)))?;
    if let Some(approvers) = approvers {
        let approvers = visible(&approvers.to_string());
        print::line(format_args!("\nCan approve: {approvers}"))?;
    }
    print::line(format_args!("\nTimes are {}.", zone(now)))
}

/// A text of several lines, as a terminal may have it.
fn paragraphs(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(visible).collect();
    lines.join("\n")
}

fn describe(lock: LockState, now: DateTime<Utc>) -> String {
    match lock {
        LockState::Open { locks_at: None } => "Open.".to_owned(),
        LockState::Open { locks_at: Some(at) } => {
            format!("Open; locks in {} if it is not used.", remaining(at - now))
        }
        LockState::Granted { expires_at, .. } => format!(
            "Granted: {} left, until {}.",
            remaining(expires_at - now),
            moment(expires_at, now)
        ),
        LockState::Scheduled { starts_at, .. } => {
            format!("Locked; your access starts {}.", moment(starts_at, now))
        }
        LockState::Pending {
            request,
            since,
            lapses_at,
        } => format!(
            "Locked; you sent request {request} {}. It expires {} if nobody answers.",
            ago(now - since),
            moment(lapses_at, now)
        ),
        LockState::Locked { why } => match why {
            Why::NeedsApproval => "Locked. Needs approval.".to_owned(),
            Why::NeedsReason => "Locked. Opens immediately; your reason is recorded.".to_owned(),
            Why::Disabled => {
                "Disabled by an administrator: nobody can use or request it.".to_owned()
            }
            Why::Unused => "Locked because it was not used. Opens again on request.".to_owned(),
            Why::Unknown => {
                "Locked. How it opens, this version does not know: update hourkey.".to_owned()
            }
        },
    }
}

fn assignments_table(assignments: &[AssignmentChoice], now: DateTime<Utc>) -> String {
    table(
        ["THROUGH GROUP", "OPENS", "FOR", "UNTIL"],
        assignments.iter().map(|assignment| {
            let opens = match (assignment.mode, assignment.approval) {
                (Mode::Standing, _) => "is open",
                (Mode::AutoLock, Approval::Manual) => "while it is used; then by a reviewer",
                (Mode::AutoLock, Approval::Automatic) => {
                    "while it is used; then immediately, with a reason"
                }
                (Mode::AccessRequest, Approval::Manual) => "by a reviewer",
                (Mode::AccessRequest, Approval::Automatic) => "immediately, with a reason",
            };
            let period = match (assignment.mode, assignment.period) {
                (Mode::Standing, _) => String::new(),
                (Mode::AutoLock, _) => format!("locks after {} unused days", assignment.lock_after),
                (Mode::AccessRequest, Period::Preset(length)) => length.to_string(),
                (Mode::AccessRequest, Period::Custom { up_to, .. }) => format!("up to {up_to}"),
            };
            let until = assignment
                .until
                .map(|at| moment(at, now))
                .unwrap_or_default();
            [
                assignment.group_name.clone(),
                opens.to_owned(),
                period,
                until,
            ]
        }),
    )
}

/// `hourkey cancel`: a `Request` as JSON.
pub(crate) async fn cancel(what: &str, json: bool) -> Result<(), CommandError> {
    let session = session().await?;
    let id = match what.parse::<RequestId>() {
        Ok(id) => id,
        Err(_) => pending(&session, what).await?,
    };
    let request = session.cancel(id).await.map_err(named("request", id))?;
    if json {
        return print::json(&request);
    }
    print::line(format_args!(
        "Cancelled request {id} for {}.",
        visible(&request.resource_name)
    ))
}

async fn pending(session: &Session, wanted: &str) -> Result<RequestId, CommandError> {
    let snapshot = session.snapshot().await?;
    let resource = find(&snapshot.resources, wanted)?;
    match lock_now(resource, snapshot.server_time) {
        LockState::Pending { request, .. } => Ok(request),
        LockState::Granted {
            extension: Some(waits),
            ..
        } => Ok(waits.request),
        LockState::Open { .. }
        | LockState::Granted { .. }
        | LockState::Scheduled { .. }
        | LockState::Locked { .. } => Err(CommandError::new(
            Exit::Conflict,
            format!("No request of yours for {} waits.", visible(&resource.name)),
        )),
    }
}

/// `hourkey release`: a `Grant` as JSON.
pub(crate) async fn release(wanted: &str, json: bool) -> Result<(), CommandError> {
    let session = session().await?;
    let snapshot = session.snapshot().await?;
    let resource = find(&snapshot.resources, wanted)?;
    let name = visible(&resource.name);
    let grant = match lock_now(resource, snapshot.server_time) {
        LockState::Granted { grant, .. } | LockState::Scheduled { grant, .. } => grant,
        LockState::Open { .. } | LockState::Pending { .. } | LockState::Locked { .. } => {
            let message = format!("You have no access to {name} that you could give back.");
            return Err(CommandError::new(Exit::Conflict, message));
        }
    };
    let grant = session.release(grant).await?;
    if json {
        return print::json(&grant);
    }
    print::line(format_args!("Gave back access to {name}. It is locked."))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use hourkey_domain::ids::GrantId;

    use super::*;

    #[test]
    fn a_grant_of_a_month_or_a_year_is_told_in_days() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        for days in [30, 365] {
            let lock = LockState::Granted {
                grant: GrantId(1),
                started_at: now,
                expires_at: now + TimeDelta::days(days),
                extension: None,
            };
            let said = describe(lock, now);
            let expected = format!("Granted: {days} days left, until ");
            assert!(said.starts_with(&expected), "{said}");
        }
    }
}
