//! An explanation in plain sentences, for terminals.

use chrono::FixedOffset;

use super::value::{
    Approving, Because, ExplainedAssignment, Explanation, Missing, Origin, Presence, Shadowed,
    Weight, WhoApproves,
};
use crate::Time;
use crate::format::{dated, endpoint, moment};
use crate::ids::ResourceId;
use crate::lock::LockState;
use crate::request::Purpose;
use crate::settings::{Approval, Mode, Period};
use crate::text::for_terminal;

/// Says an explanation as plain sentences, one line each, the answer first; moments in `zone`. Of a
/// later moment than now, all moments have their date: near now is not near that.
#[must_use]
pub fn sentences(explanation: &Explanation, now: Time, zone: FixedOffset) -> Vec<String> {
    let words = Words {
        found: explanation,
        now,
        zone,
    };
    let found = explanation;
    let mut lines = vec![words.answer()];
    lines.extend(found.missing.iter().map(|missing| words.missing(missing)));
    let is_taken = |missing: &Missing| {
        matches!(
            missing,
            Missing::OtherGoverns { .. } | Missing::SomethingElseGoverns
        )
    };
    if !found.missing.iter().any(is_taken) {
        lines.extend(found.shadowed.iter().map(shadowed));
    }
    lines.extend(words.presence());
    let assignments = found.assignments.iter();
    lines.extend(assignments.map(|own| words.assignment(own)));
    lines.extend(found.grant.map(|grant| {
        let until = words.moment(grant.window.expires_at);
        match grant.scheduled {
            true => {
                let from = words.moment(grant.window.starts_at);
                format!("Access starts {from} and ends {until}.")
            }
            false => format!("Access ends {until}."),
        }
    }));
    lines.extend(found.pending.map(|pending| {
        let what = match pending.purpose {
            Purpose::Grant => "access",
            Purpose::Unlock => "an unlock",
        };
        let (since, expires) = (words.moment(pending.since), words.moment(pending.lapses_at));
        format!("A request for {what} was made {since}. It expires {expires} if nobody answers.")
    }));
    lines.extend(found.automatic_off_until.map(|until| {
        let until = words.moment(until);
        format!("Access was revoked: until {until}, a reviewer has to approve.")
    }));
    if can_be_approved(found) {
        lines.extend(who_can_approve(&found.approvers));
    }
    let place = endpoint(&found.resource.address, &found.resource.ports);
    let (place, network) = (for_terminal(&place), for_terminal(&found.resource.network));
    let several = match found.resource.address.contains(['*', '/']) {
        true => " A resource with a more specific address comes before it there.",
        false => "",
    };
    lines.push(format!(
        "The resource is {place} in network {network}.{several}"
    ));
    lines
}

struct Words<'a> {
    found: &'a Explanation,
    now: Time,
    zone: FixedOffset,
}

impl Words<'_> {
    fn moment(&self, at: Time) -> String {
        match self.found.at == self.now {
            true => moment(at, self.now, self.zone),
            false => dated(at, self.zone),
        }
    }

    fn answer(&self) -> String {
        let found = self.found;
        let user = for_terminal(&found.user.name);
        let resource = for_terminal(&found.resource.name);
        let when = match found.at == self.now {
            true => "now".to_owned(),
            false => format!("at {}", self.moment(found.at)),
        };
        let permit = found.permit.as_ref();
        let Some(permit) = permit.filter(|_| found.missing.is_empty()) else {
            return format!("{user} can’t reach {resource} {when}.");
        };
        let why = match permit.because {
            Because::Standing => "it is always open",
            Because::AutoLock => "it is open while it is used",
            Because::Grant => "access was granted",
        };
        let until = permit.until.map(|until| self.moment(until));
        let until = until.map_or_else(String::new, |until| format!(", until {until}"));
        format!("{user} can reach {resource} {when}: {why}{until}.")
    }

    fn missing(&self, missing: &Missing) -> String {
        let found = self.found;
        let user = for_terminal(&found.user.name);
        match missing {
            Missing::UserDisabled => format!("{user}’s account is disabled."),
            Missing::NotAssigned => {
                format!("None of {user}’s groups has access to it.")
            }
            Missing::Unused => "It locked because it was not used.".to_owned(),
            Missing::NeedsApproval => "A reviewer has to approve.".to_owned(),
            Missing::NeedsReason => {
                "It opens immediately with a reason, which is recorded.".to_owned()
            }
            Missing::EndsTooSoon => {
                "The group’s access to it ends in less than a minute: nothing can be asked for any \
                 more."
                    .to_owned()
            }
            Missing::NotStarted { starts_at } => {
                format!("Access starts {}.", self.moment(*starts_at))
            }
            Missing::NobodyCanApprove => {
                "Nobody can approve a request for it: name reviewers, or fallback reviewers."
                    .to_owned()
            }
            Missing::OtherGoverns { resource } => self.governs(*resource),
            Missing::SomethingElseGoverns => {
                "Something else, which you can’t see, takes connections to its address. Ask an \
                 administrator."
                    .to_owned()
            }
            Missing::GatewayAway => {
                let network = for_terminal(&found.resource.network);
                format!(
                    "No gateway of network {network} is connected: nobody can reach its resources \
                     now. Ask an administrator to look at the gateways."
                )
            }
            Missing::NoGateway => {
                let network = for_terminal(&found.resource.network);
                format!(
                    "No gateway of network {network} has enrolled: nobody can reach its resources."
                )
            }
            Missing::Unknown => {
                "Something is in the way that this version does not know. Update hourkey."
                    .to_owned()
            }
        }
    }

    fn governs(&self, resource: ResourceId) -> String {
        let found = self.found;
        let all = found.governed_by.iter().find(|other| other.id == resource);
        if let Some(other) = all {
            let other = for_terminal(&other.name);
            return format!("{other} has the same address and ports, and comes first.");
        }
        let is_it = |it: &&Shadowed| it.by.as_ref().is_some_and(|by| by.id == resource);
        let taken = found.shadowed.iter().find(is_it);
        taken.map_or_else(String::new, shadowed)
    }

    /// Whether a gateway is there is part of an answer about now.
    fn presence(&self) -> Option<String> {
        let found = self.found;
        let is_open = found.permit.is_some() && found.missing.is_empty();
        let asks = is_open && found.at == self.now && found.gateway == Presence::Unknown;
        let network = for_terminal(&found.resource.network);
        asks.then(|| {
            format!("Whether a gateway of network {network} is connected is not known here.")
        })
    }

    fn assignment(&self, own: &ExplainedAssignment) -> String {
        let group = for_terminal(&own.group.name);
        let policy = policy(own);
        let until = own.until.map(|until| self.moment(until));
        let until = until.map_or_else(String::new, |until| format!(", until {until}"));
        let weight = match own.weight {
            Weight::Counts => "This assignment counts.".to_owned(),
            Weight::Ended => "This assignment has ended.".to_owned(),
            Weight::UserDisabled => "It does not count while the account is disabled.".to_owned(),
            Weight::Weaker { than } => {
                let mut all = self.found.assignments.iter();
                let stronger = all.find(|other| other.id == than);
                let stronger = stronger.map_or("Another group", |other| &other.group.name);
                let stronger = for_terminal(stronger);
                format!("{stronger} counts instead: it gives more, or came first.")
            }
        };
        format!("Through group {group}: {policy}{until}. {weight}")
    }
}

fn shadowed(taken: &Shadowed) -> String {
    let ports = match (taken.ports.ranges(), taken.ports.single()) {
        ([], _) => "Connections to it".to_owned(),
        (_, Some(port)) => format!("Connections to port {port}"),
        (_, None) => format!("Connections to ports {}", taken.ports),
    };
    match &taken.by {
        Some(other) => {
            let other = for_terminal(&other.name);
            format!("{ports} go to {other}, which has the same address and comes first.")
        }
        None => format!(
            "{ports} go to something else, which you can’t see and which comes first. Ask an \
             administrator."
        ),
    }
}

/// True where a reviewer could change anything: a request waits, or one can be made which needs them.
fn can_be_approved(found: &Explanation) -> bool {
    let is_manual = |own: &ExplainedAssignment| {
        let counts = matches!(own.weight, Weight::Counts | Weight::Weaker { .. });
        counts && own.mode.value != Mode::Standing && own.approval.value == Approval::Manual
    };
    match found.lock {
        Some(LockState::Pending { .. }) => true,
        Some(LockState::Locked { .. }) => {
            found.missing.contains(&Missing::NeedsApproval)
                || found.assignments.iter().any(is_manual)
        }
        Some(LockState::Open { .. } | LockState::Granted { .. } | LockState::Scheduled { .. })
        | None => false,
    }
}

/// The settings of an assignment, and which of them are its own.
fn policy(own: &ExplainedAssignment) -> String {
    let opens = match own.approval.value {
        Approval::Manual => "a reviewer approves",
        Approval::Automatic => "opens immediately with a reason",
    };
    let policy = match (own.mode.value, own.period.value) {
        (Mode::Standing, _) => "always open".to_owned(),
        (Mode::AutoLock, _) => {
            let days = own.lock_after.value.max(1);
            let plural = if days == 1 { "" } else { "s" };
            format!("open while used, locks after {days} day{plural} without use, {opens}")
        }
        (Mode::AccessRequest, Period::Preset(length)) => {
            format!("on request for {length}, {opens}")
        }
        (Mode::AccessRequest, Period::Custom { up_to, .. }) => {
            format!("on request for up to {up_to}, {opens}")
        }
    };
    let fields = [
        ("mode", own.mode.from),
        ("period", own.period.from),
        ("approval", own.approval.from),
        ("lock after", own.lock_after.from),
    ];
    let own = fields.iter().filter(|(_, from)| *from == Origin::Override);
    let own: Vec<_> = own.map(|(field, _)| *field).collect();
    match own.as_slice() {
        [] => policy,
        own => format!("{policy} (set for this group: {})", own.join(", ")),
    }
}

fn who_can_approve(approvers: &WhoApproves) -> Option<String> {
    let named = |names: &[String]| {
        let names: Vec<_> = names.iter().map(|name| for_terminal(name)).collect();
        match names.as_slice() {
            [all @ .., last] if !all.is_empty() => format!("{} or {last}", all.join(", ")),
            names => names.concat(),
        }
    };
    let who = match (&*approvers.people, &*approvers.groups) {
        ([], []) => "the organisation’s reviewers".to_owned(),
        ([], groups) => format!("members of {}", named(groups)),
        (people, _) => named(people),
    };
    match approvers.kind {
        Approving::Regulars => Some(format!("Requests can be approved by {who}.")),
        Approving::Fallback => Some(format!(
            "Requests can be approved by {who}, because nobody else can."
        )),
        Approving::Nobody => None,
    }
}
