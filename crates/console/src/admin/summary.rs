//! Summaries that people download: how access is set up and how it stands, a row for each person and
//! resource, as comma-separated values (RFC 4180).

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::Context as _;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use chrono::{Offset as _, Utc};
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_access::overview::{LastUnlock, RequestFilter, Sight, last_unlocks};
use hourkey_domain::Time;
use hourkey_domain::format::dated;
use hourkey_domain::ids::{GroupId, ResourceId, UserId};
use hourkey_domain::lock::{LockState, Why};
use hourkey_domain::organisation::{Organisation, Standing};
use hourkey_domain::request::State as RequestState;
use hourkey_domain::settings::Mode;
use hourkey_domain::text::{one_line, several_lines};

use super::resources::address;
use super::settings;
use super::view::overview_of_one;
use crate::address::Id;
use crate::error::PageError;
use crate::page_user::PageUser;

const HEADINGS: [&str; 26] = [
    "User",
    "Login",
    "Resource",
    "Address",
    "Network",
    "Groups",
    "Counts through",
    "Mode",
    "Mode from",
    "Access period",
    "Access period from",
    "Approval",
    "Approval from",
    "Auto-lock after",
    "Auto-lock from",
    "State",
    "Grant start (UTC)",
    "Grant end (UTC)",
    "Granted through",
    "Approver",
    "Reason",
    "Assignment end (UTC)",
    "Days until auto-lock",
    "Last used (UTC)",
    "Last unlocked by an admin (UTC)",
    "Unlocked by",
];

/// The most characters of a name in a cell.
const NAME_CHARS: usize = 300;

/// The rows of one download, as the organisation tells them.
#[derive(Clone, Copy)]
enum Of {
    Resource(ResourceId),
    Person(UserId),
    Group(GroupId),
}

/// `GET /resources/{id}/summary.csv`
pub(super) async fn of_resource(
    State(app): State<App>,
    user: PageUser,
    Id(id): Id<ResourceId>,
) -> Result<Response, PageError> {
    download(&app, &user, Of::Resource(id)).await
}

/// `GET /people/{id}/summary.csv`
pub(super) async fn of_person(
    State(app): State<App>,
    user: PageUser,
    Id(id): Id<UserId>,
) -> Result<Response, PageError> {
    download(&app, &user, Of::Person(id)).await
}

/// `GET /groups/{id}/summary.csv`
pub(super) async fn of_group(
    State(app): State<App>,
    user: PageUser,
    Id(id): Id<GroupId>,
) -> Result<Response, PageError> {
    download(&app, &user, Of::Group(id)).await
}

async fn download(app: &App, user: &PageUser, of: Of) -> Result<Response, PageError> {
    let view = overview_of_one(app, user, Sight::All).await?;
    let organisation = &view.organisation;
    let (user, resource) = (None, None);
    let (is_there, filter, kind, id) = match of {
        Of::Resource(id) => {
            let resource = Some(id);
            let filter = RequestFilter { user, resource };
            (
                organisation.resource(id).is_some(),
                filter,
                "resource",
                id.0,
            )
        }
        Of::Person(id) => {
            let filter = RequestFilter::of(id);
            (organisation.user(id).is_some(), filter, "person", id.0)
        }
        Of::Group(id) => {
            let filter = RequestFilter { user, resource };
            (organisation.group(id).is_some(), filter, "group", id.0)
        }
    };
    if !is_there {
        return Err(AppError::not_found().into());
    }
    let unlocks = last_unlocks(app, filter).await?;
    let now = view.now;
    let text = tokio::task::spawn_blocking(move || written(&view.organisation, of, &unlocks, now));
    let text = text.await.context("the summary was not finished")??;
    let day = now.format("%Y-%m-%d");
    let name = format!("attachment; filename=\"hourkey-{kind}-{id}-{day}.csv\"");
    let headers = [
        (
            CONTENT_TYPE,
            "text/csv; charset=utf-8; header=present".to_owned(),
        ),
        (CONTENT_DISPOSITION, name),
        (CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, Body::from(text)).into_response())
}

fn written(
    organisation: &Arc<Organisation>,
    of: Of,
    unlocks: &[LastUnlock],
    now: Time,
) -> anyhow::Result<Vec<u8>> {
    let unlocks: HashMap<_, _> = unlocks
        .iter()
        .map(|it| ((it.user, it.resource), it))
        .collect();
    let mut file = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        // Where a list is separated otherwise, a text stays one cell.
        .quote_style(csv::QuoteStyle::Always)
        .from_writer(Vec::new());
    file.write_record(HEADINGS)?;
    let mut write = |standing: Standing<'_>| {
        let unlock = unlocks.get(&(standing.user.id, standing.resource.id));
        let cells = cells(organisation, &standing, unlock.copied(), now);
        file.write_record(cells.map(|cell| harmless(&cell)))
    };
    match of {
        Of::Resource(id) => organisation
            .standings_to(id, now)
            .try_for_each(&mut write)?,
        Of::Person(id) => organisation
            .standings_of(id, now)
            .try_for_each(&mut write)?,
        Of::Group(id) => organisation
            .standings_in(id, now)
            .try_for_each(&mut write)?,
    }
    Ok(file.into_inner()?)
}

fn cells(
    of: &Organisation,
    standing: &Standing<'_>,
    unlock: Option<&LastUnlock>,
    now: Time,
) -> [String; HEADINGS.len()] {
    let name = |name: &str| one_line(name, NAME_CHARS);
    let moment = |at: Option<Time>| at.map(|at| dated(at, Utc.fix())).unwrap_or_default();
    let (user, resource, counts) = (standing.user, standing.resource, &standing.counts);
    let own = of.assignment(counts.assignment).map(|own| own.own);
    let own = own.unwrap_or_default();
    let from = |is_own: bool| match is_own {
        true => "override".to_owned(),
        false => "resource".to_owned(),
    };
    let groups = of.through(standing, now);
    let groups: Vec<_> = groups.iter().map(|group| name(&group.name)).collect();
    let counting = of.group(counts.group).map(|group| name(&group.name));
    let network = of.network(resource.network);
    let granted = standing.granted();
    let approver = granted.and_then(|granted| match &granted.request.state {
        RequestState::Approved { by: Some(by), .. } => of.user_name(*by).map(name),
        RequestState::Approved { by: None, .. } => Some("automatic".to_owned()),
        _ => None,
    });
    let all = counts.settings;
    let auto_locks = all.mode == Mode::AutoLock;
    let asks = all.mode == Mode::AccessRequest;
    let needs_approval = all.mode != Mode::Standing;
    // What does not apply under the mode stays empty.
    let only = |applies: bool, text: String| if applies { text } else { String::new() };
    [
        name(&user.name),
        name(&user.login),
        name(&resource.name),
        name(&address(resource)),
        network
            .map(|network| name(&network.name))
            .unwrap_or_default(),
        groups.join("; "),
        counting.unwrap_or_default(),
        settings::mode(all.mode).to_owned(),
        from(own.mode.is_some()),
        only(asks, settings::period(all.period)),
        only(asks, from(own.period.is_some())),
        only(needs_approval, settings::approval(all.approval).to_owned()),
        only(needs_approval, from(own.approval.is_some())),
        only(auto_locks, settings::days(all.lock_after)),
        only(auto_locks, from(own.lock_after.is_some())),
        state(standing.lock).to_owned(),
        moment(granted.map(|granted| granted.grant.window.starts_at)),
        moment(granted.map(|granted| granted.grant.window.expires_at)),
        granted
            .and_then(|granted| of.group(granted.request.terms.group))
            .map(|group| name(&group.name))
            .unwrap_or_default(),
        approver.unwrap_or_default(),
        granted
            .map(|granted| several_lines(granted.request.reason.as_str()))
            .unwrap_or_default(),
        moment(counts.until),
        standing
            .days_left(now)
            .map(|days| days.to_string())
            .unwrap_or_default(),
        moment(standing.used_at()),
        moment(unlock.map(|unlock| unlock.at)),
        unlock
            .and_then(|unlock| of.user_name(unlock.by))
            .map(name)
            .unwrap_or_default(),
    ]
}

fn state(lock: LockState) -> &'static str {
    match lock {
        LockState::Open { .. } => "Open",
        LockState::Granted { .. } => "Granted",
        LockState::Scheduled { .. } => "Scheduled",
        LockState::Pending { .. } => "Waiting for a reviewer",
        LockState::Locked { why } => match why {
            Why::NeedsApproval | Why::Unknown => "Locked, needs approval",
            Why::NeedsReason => "Locked, opens with a reason",
            Why::Unused => "Locked, not used",
        },
    }
}

/// A cell that a spreadsheet program takes for text: one that begins like a formula gets an apostrophe
/// in front, as such programs write it themselves.
fn harmless(cell: &str) -> String {
    match cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        true => format!("'{cell}"),
        false => cell.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_text() {
        for (cell, safe) in [
            ("=1+1", "'=1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("-2", "'-2"),
            ("+49 30", "'+49 30"),
            ("\t=1", "'\t=1"),
            ("Payroll = new", "Payroll = new"),
            ("", ""),
        ] {
            assert_eq!(harmless(cell), safe);
        }
    }
}
