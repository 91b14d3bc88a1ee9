//! Summaries that people download: how access is set up and how it stands, a row for each person and
//! resource.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::Context as _;
use axum::body::Body;
use axum::extract::State;
use axum::http::Uri;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use hourkey_access::app::App;
use hourkey_access::download;
use hourkey_access::error::AppError;
use hourkey_access::overview::{LastUnlock, Past, RequestFilter, Sight};
use hourkey_domain::Time;
use hourkey_domain::audit::AuditAction;
use hourkey_domain::ids::{GroupId, ResourceId, UserId};
use hourkey_domain::lock::{LockState, Why};
use hourkey_domain::organisation::{Organisation, Standing};
use hourkey_domain::request::{Request, State as RequestState};
use hourkey_domain::settings::Mode;
use hourkey_domain::text::{one_line, several_lines};
use hourkey_protocol::access::for_whom;
use hourkey_protocol::problem::Code;
use maud::{Markup, html};
use serde_json::json;

use super::settings;
use super::sheet::{self, Cell, Kind, TooLong};
use super::view::{address, overview_of_one};
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

/// `GET /resources/{id}/summary.csv` and `.xlsx`
pub(super) async fn of_resource(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<ResourceId>,
) -> Result<Response, PageError> {
    download(&app, &user, Of::Resource(id), Kind::at(&uri)).await
}

/// `GET /people/{id}/summary.csv` and `.xlsx`
pub(super) async fn of_person(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<UserId>,
) -> Result<Response, PageError> {
    download(&app, &user, Of::Person(id), Kind::at(&uri)).await
}

/// `GET /groups/{id}/summary.csv` and `.xlsx`
pub(super) async fn of_group(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<GroupId>,
) -> Result<Response, PageError> {
    download(&app, &user, Of::Group(id), Kind::at(&uri)).await
}

/// The links to both files of a page.
pub(super) fn links(page: &str) -> Markup {
    html! {
        p.downloads {
            span.muted { "Download summary" }
            @for (kind, name) in [(Kind::Csv, "CSV"), (Kind::Xlsx, "XLSX")] {
                a.btn href={ (page) "/summary." (kind.extension()) } download
                    aria-label={ (name) ": download summary" } { (name) }
            }
        }
    }
}

async fn download(app: &App, user: &PageUser, of: Of, file: Kind) -> Result<Response, PageError> {
    let view = overview_of_one(app, user, Sight::All).await?;
    let organisation = &view.organisation;
    let (name, filter, kind, id) = match of {
        Of::Resource(id) => {
            let found = organisation.resource(id).map(|it| it.name.clone());
            let filter = RequestFilter {
                resource: Some(id),
                ..RequestFilter::default()
            };
            (found, filter, "resource", id.0)
        }
        Of::Person(id) => {
            let found = organisation.user(id).map(|it| it.name.clone());
            (found, RequestFilter::of(id), "person", id.0)
        }
        Of::Group(id) => {
            let found = organisation.group(id).map(|it| it.name.clone());
            (found, RequestFilter::default(), "group", id.0)
        }
    };
    let name = name.ok_or_else(AppError::not_found)?;
    let past = Past::of(app, filter).await?;
    let now = view.now;
    let work = move || written(&view.organisation, of, &past, now, file);
    let content = tokio::task::spawn_blocking(work).await;
    let content = match content.context("the summary was not finished")? {
        Err(error) if error.is::<TooLong>() => Err(AppError::refused(
            Code::TooLarge,
            "The summary has more rows than a workbook can hold. Download it as CSV.",
        )),
        written => Ok(written?),
    }?;
    let detail = json!({ "of": kind, "id": id, "name": name, "file": file.extension() });
    download::record(app, user.user.id, AuditAction::SummaryDownloaded, detail).await?;
    let (day, extension) = (now.format("%Y-%m-%d"), file.extension());
    let name = format!("attachment; filename=\"hourkey-{kind}-{id}-{day}.{extension}\"");
    let headers = [
        (CONTENT_TYPE, file.media_type().to_owned()),
        (CONTENT_DISPOSITION, name),
        (CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, Body::from(content)).into_response())
}

fn written(
    organisation: &Arc<Organisation>,
    of: Of,
    past: &Past,
    now: Time,
    file: Kind,
) -> anyhow::Result<Vec<u8>> {
    let unlocks = past.unlocks.iter();
    let unlocks: HashMap<_, _> = unlocks.map(|it| ((it.user, it.resource), it)).collect();
    let mut extensions: HashMap<_, Vec<&Request>> = HashMap::new();
    for extension in &past.extensions {
        let grant = extension.terms.purpose.extends();
        extensions.entry(grant).or_default().push(extension);
    }
    sheet::written(file, HEADINGS, |write| {
        let write = |standing: Standing<'_>| {
            let unlock = unlocks.get(&(standing.user.id, standing.resource.id));
            let grant = standing.granted().map(|granted| granted.grant.id);
            let extensions = grant.and_then(|_| extensions.get(&grant));
            let extensions = extensions.map_or(&[][..], Vec::as_slice);
            write(cells(
                organisation,
                &standing,
                extensions,
                unlock.copied(),
                now,
            ))
        };
        match of {
            Of::Resource(id) => organisation.standings_to(id, now).try_for_each(write),
            Of::Person(id) => organisation.standings_of(id, now).try_for_each(write),
            Of::Group(id) => organisation.standings_in(id, now).try_for_each(write),
        }
    })
}

fn cells(
    of: &Organisation,
    standing: &Standing<'_>,
    extensions: &[&Request],
    unlock: Option<&LastUnlock>,
    now: Time,
) -> [Cell; HEADINGS.len()] {
    let name = |name: &str| one_line(name, NAME_CHARS);
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
    let said = |request: &Request| several_lines(request.reason.as_str());
    let (mut approver, mut reason) = (None, String::new());
    if let Some(granted) = granted {
        approver = decider(of, &granted.request);
        reason = said(&granted.request);
    }
    for extension in extensions {
        let by = decider(of, extension).unwrap_or_default();
        approver = approver.map(|approver| format!("{approver}; extended by {by}"));
        match said(extension) {
            more if more.is_empty() => {}
            more if reason.is_empty() => reason = format!("extended: {more}"),
            more => reason = format!("{reason}; extended: {more}"),
        }
    }
    let all = counts.settings;
    let auto_locks = all.mode == Mode::AutoLock;
    let asks = all.mode == Mode::AccessRequest;
    let needs_approval = all.mode != Mode::Standing;
    // What does not apply under the mode stays empty.
    let only = |applies: bool, text: String| if applies { text } else { String::new() };
    let text = Cell::Text;
    [
        text(name(&user.name)),
        text(name(&user.login)),
        text(name(&resource.name)),
        text(name(&address(resource))),
        text(network.map_or_else(String::new, |network| name(&network.name))),
        text(groups.join("; ")),
        text(counting.unwrap_or_default()),
        Cell::text(settings::mode(all.mode)),
        text(from(own.mode.is_some())),
        text(only(asks, settings::period(all.period))),
        text(only(asks, from(own.period.is_some()))),
        text(only(
            needs_approval,
            settings::approval(all.approval).to_owned(),
        )),
        text(only(needs_approval, from(own.approval.is_some()))),
        text(only(auto_locks, settings::days(all.lock_after))),
        text(only(auto_locks, from(own.lock_after.is_some()))),
        Cell::text(state(standing.lock)),
        Cell::moment(granted.map(|granted| granted.grant.window.starts_at)),
        Cell::moment(granted.map(|granted| of.ends_at(&granted.grant))),
        text(
            granted
                .and_then(|granted| of.group(granted.request.terms.group))
                .map_or_else(String::new, |group| name(&group.name)),
        ),
        text(approver.unwrap_or_default()),
        text(reason),
        Cell::moment(counts.until),
        standing.days_left(now).map_or(Cell::Nothing, Cell::Number),
        Cell::moment(standing.used_at()),
        Cell::moment(unlock.map(|unlock| unlock.at)),
        text(
            unlock
                .and_then(|unlock| of.user_name(unlock.by))
                .map_or_else(String::new, name),
        ),
    ]
}

/// Who approved a request, and for whom; nothing where it is not approved.
fn decider(of: &Organisation, request: &Request) -> Option<String> {
    let name = |user| of.user_name(user).map(|name| one_line(name, NAME_CHARS));
    match &request.state {
        RequestState::Approved {
            by: Some(by),
            on_behalf_of,
            ..
        } => {
            let principal = on_behalf_of.and_then(name);
            name(*by).map(|by| for_whom(&by, principal.as_deref()))
        }
        RequestState::Approved { by: None, .. } => Some("automatic".to_owned()),
        RequestState::Pending
        | RequestState::Denied { .. }
        | RequestState::Cancelled { .. }
        | RequestState::Lapsed { .. } => None,
    }
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
            Why::Disabled => "Disabled",
        },
    }
}
