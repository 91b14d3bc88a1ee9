//! The rows of one user's resources: each with its lock state.

use chrono::TimeDelta;
use hourkey_domain::Time;
use hourkey_domain::address::Address;
use hourkey_domain::grant::{Grant, State as GrantState};
use hourkey_domain::ids::{NetworkId, ResourceId, UserId};
use hourkey_domain::lock::{LockState, lock_state};
use hourkey_domain::organisation::{Access, AccessHistory, Organisation, Reached, Resource};
use hourkey_domain::request::State as RequestState;
use hourkey_domain::settings::{AUTOMATIC_OFF_AFTER_REVOCATION, in_force};
use hourkey_domain::settings::{Approval, EffectiveAssignment, Mode};
use hourkey_domain::transition::Granted;
use hourkey_protocol::access::{Approved, Decision, LastDecision, Resource as Shown, for_whom};

/// How long what was decided against a person is shown at the resource.
const DECISION_SHOWN: TimeDelta = TimeDelta::hours(24);

/// One resource that a user sees.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The network that it lies in.
    pub network: NetworkId,
    /// As it is shown.
    pub shown: Shown,
    /// The user's valid assignments to it, with the approval in force.
    pub assignments: Vec<EffectiveAssignment>,
    /// When the row changes by time alone, without a change in the store.
    pub changes_at: Option<Time>,
}

/// What a user sees: all of it, or one resource, in order of id. Empty for a disabled user.
#[must_use]
pub fn rows(
    organisation: &Organisation,
    user: UserId,
    only: Option<ResourceId>,
    now: Time,
) -> Vec<Row> {
    let row = |found: Reached<'_>| row(organisation, found, now);
    match only {
        Some(only) => {
            let found = organisation.facts(user, only);
            found.and_then(row).into_iter().collect()
        }
        None => organisation.reached(user).filter_map(row).collect(),
    }
}

/// `None` for what the user does not see (rule 1).
fn row(organisation: &Organisation, found: Reached<'_>, now: Time) -> Option<Row> {
    let lock = lock_state(&found.facts(), now)?;
    let Reached {
        resource,
        assignments,
        access,
    } = found;
    let history = access.map(|access| access.history).unwrap_or_default();
    let granted = access.and_then(|access| access.grant.as_deref());
    let last_decision = match (lock, access) {
        (LockState::Locked { .. }, Some(access)) => {
            last_decision(organisation, &assignments, access, now)
        }
        (
            LockState::Locked { .. }
            | LockState::Open { .. }
            | LockState::Granted { .. }
            | LockState::Scheduled { .. }
            | LockState::Pending { .. },
            _,
        ) => None,
    };
    let network = organisation.network(resource.network);
    let shown = Shown {
        id: resource.id,
        name: resource.name.clone(),
        address: resource.address.to_string(),
        ports: resource.ports.clone(),
        alias: resource.alias.clone(),
        network: network.map(|it| it.name.clone()).unwrap_or_default(),
        tags: resource.tags.clone(),
        url: web_address(resource),
        lock,
        visibility: resource.about.visibility,
        description: resource.about.description.clone(),
        how_to_use: how_to_use(resource, lock),
        denied_at: denied_at(&history, now),
        last_decision,
        approved: granted.and_then(|granted| approved(organisation, granted)),
        last_touched: last_touched(&history, granted.map(|granted| &granted.grant)),
    };
    Some(Row {
        network: resource.network,
        shown,
        changes_at: changes_at(&assignments, &history, now),
        assignments: in_force(&assignments, history.revoked_at, now),
    })
}

/// How to use it, as long as it is open.
fn how_to_use(resource: &Resource, lock: LockState) -> Option<String> {
    let text = &resource.about.how_to_use;
    match lock {
        LockState::Open { .. } | LockState::Granted { .. } => {
            Some(text.clone()).filter(|text| !text.is_empty())
        }
        LockState::Scheduled { .. } | LockState::Pending { .. } | LockState::Locked { .. } => None,
    }
}

/// When the last request was denied, if that is still shown.
fn denied_at(history: &AccessHistory, now: Time) -> Option<Time> {
    history.denied_at.filter(|at| is_shown(history, *at, now))
}

/// Whether what was decided at `at` is shown: it is recent, and nothing was asked since.
fn is_shown(history: &AccessHistory, at: Time, now: Time) -> bool {
    now - at < DECISION_SHOWN && history.asked_at.is_none_or(|asked_at| asked_at <= at)
}

/// What was last decided against the user, if it is recent and nothing was asked since.
fn last_decision(
    organisation: &Organisation,
    assignments: &[EffectiveAssignment],
    access: &Access,
    now: Time,
) -> Option<LastDecision> {
    let history = &access.history;
    let is_shown = |at: Option<Time>| at.is_some_and(|at| is_shown(history, at, now));
    let decider = |by, on_behalf_of| said(organisation, by, on_behalf_of);
    if let Some(denied) = access
        .denied
        .as_deref()
        .filter(|_| is_shown(history.denied_at))
    {
        let RequestState::Denied {
            at,
            by,
            on_behalf_of,
            comment,
        } = &denied.state
        else {
            return None;
        };
        return Some(LastDecision {
            kind: Decision::Denied,
            at: *at,
            by: decider(*by, *on_behalf_of),
            cause: None,
            comment: comment.clone().into(),
            automatic_at: None,
        });
    }
    let taken = access
        .taken
        .as_deref()
        .filter(|_| is_shown(history.taken_at))?;
    let GrantState::Revoked {
        at,
        by,
        on_behalf_of,
        cause,
        comment,
    } = &taken.state
    else {
        return None;
    };
    let automatic = |assignment: &EffectiveAssignment| {
        assignment.is_valid(now) && assignment.settings.approval == Approval::Automatic
    };
    Some(LastDecision {
        kind: Decision::Revoked,
        at: *at,
        by: by.and_then(|by| decider(by, *on_behalf_of)),
        cause: by.is_none().then_some(*cause),
        comment: comment.clone().into(),
        automatic_at: history
            .revoked_at
            .filter(|_| assignments.iter().any(automatic))
            .map(|at| at + AUTOMATIC_OFF_AFTER_REVOCATION),
    })
}

/// Which reviewer approved a scheduled or running grant, if one did.
fn approved(organisation: &Organisation, granted: &Granted) -> Option<Approved> {
    let RequestState::Approved {
        by: Some(by),
        on_behalf_of,
        comment,
        ..
    } = &granted.request.state
    else {
        return None;
    };
    Some(Approved {
        by: said(organisation, *by, *on_behalf_of)?,
        comment: comment.clone().into(),
    })
}

/// Who decided, and for whom.
fn said(organisation: &Organisation, by: UserId, on_behalf_of: Option<UserId>) -> Option<String> {
    let principal = on_behalf_of.and_then(|principal| organisation.user_name(principal));
    Some(for_whom(organisation.user_name(by)?, principal))
}

fn last_touched(history: &AccessHistory, grant: Option<&Grant>) -> Option<Time> {
    let granted_at = grant.map(|grant| grant.window.starts_at);
    history.asked_at.max(history.used_at).max(granted_at)
}

/// True when something of what a user sees changed by time alone after `since`: a row, or whether
/// it is there at all.
#[must_use]
pub fn changed_by_time(organisation: &Organisation, user: UserId, since: Time, now: Time) -> bool {
    organisation.reached(user).any(|found| {
        let history = found.access.map(|access| access.history);
        let history = history.unwrap_or_default();
        moments(&found.assignments, &history).any(|at| since < at && at <= now)
    })
}

/// The next moment at which a row changes by time alone.
fn changes_at(
    assignments: &[EffectiveAssignment],
    history: &AccessHistory,
    now: Time,
) -> Option<Time> {
    moments(assignments, history).filter(|at| *at > now).min()
}

/// When a row changes by time alone: the ends of assignments, auto-locking, automatic approval coming
/// back, the end of showing a decision.
fn moments(
    assignments: &[EffectiveAssignment],
    history: &AccessHistory,
) -> impl Iterator<Item = Time> {
    let automatic = assignments
        .iter()
        .any(|assignment| assignment.settings.approval == Approval::Automatic);
    let back = history
        .revoked_at
        .filter(|_| automatic)
        .map(|at| at + AUTOMATIC_OFF_AFTER_REVOCATION);
    let decided = history.denied_at.into_iter().chain(history.taken_at);
    let faded = decided.map(|at| at + DECISION_SHOWN);
    let ends = assignments.iter().filter_map(|assignment| assignment.until);
    let last_used = history.last_used();
    let auto_locked = assignments
        .iter()
        .filter(|assignment| assignment.settings.mode == Mode::AutoLock);
    let locks = auto_locked.filter_map(move |assignment| assignment.locks_at(last_used));
    ends.chain(locks).chain(back).chain(faded)
}

/// Where Open in browser goes: what the administrator wrote, or the usual web ports.
fn web_address(resource: &Resource) -> Option<String> {
    if resource.url.is_some() {
        return resource.url.clone();
    }
    let scheme = match resource.ports.single()? {
        443 => "https",
        80 => "http",
        _ => return None,
    };
    match &resource.address {
        Address::Name(name) => Some(format!("{scheme}://{name}/")),
        Address::Ip(ip) if ip.is_ipv6() => Some(format!("{scheme}://[{ip}]/")),
        Address::Ip(ip) => Some(format!("{scheme}://{ip}/")),
        Address::Wildcard(_) | Address::Net(..) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn web(address: &str, ports: &str) -> Option<String> {
        let resource = Resource {
            id: ResourceId(1),
            name: "r".into(),
            address: address.parse().unwrap(),
            ports: ports.parse().unwrap(),
            alias: None,
            network: NetworkId(1),
            tags: Vec::new(),
            url: None,
            keep_alive_offline: false,
            settings: hourkey_domain::settings::Settings {
                mode: hourkey_domain::settings::Mode::Standing,
                period: hourkey_domain::settings::Period::Preset(
                    hourkey_domain::length::Length::MAX,
                ),
                approval: Approval::Manual,
                lock_after: 1,
            },
            approvers: Vec::new(),
            about: hourkey_domain::organisation::About::default(),
        };
        web_address(&resource)
    }

    #[test]
    fn only_single_web_ports_of_one_host_open_in_a_browser() {
        assert_eq!(
            web("wiki.corp", "443").as_deref(),
            Some("https://wiki.corp/")
        );
        assert_eq!(web("10.0.0.1", "80").as_deref(), Some("http://10.0.0.1/"));
        assert_eq!(web("fd00::1", "443").as_deref(), Some("https://[fd00::1]/"));
        assert_eq!(web("wiki.corp", "443,80"), None);
        assert_eq!(web("wiki.corp", "22"), None);
        assert_eq!(web("wiki.corp", ""), None);
        assert_eq!(web("*.corp", "443"), None);
        assert_eq!(web("10.0.0.0/8", "443"), None);
    }
}
