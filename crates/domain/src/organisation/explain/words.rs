//! An explanation in plain sentences, for terminals.

use chrono::FixedOffset;

use super::value::{
    Approving, Because, ExplainedAssignment, Explanation, Missing, Origin, Weight, WhoApproves,
};
use crate::Time;
use crate::format::{endpoint, moment};
use crate::request::Purpose;
use crate::settings::{Approval, Mode, Period};
use crate::text::for_terminal;

/// Says an explanation as plain sentences, one line each, the answer first; moments in `zone`.
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
    lines.extend(who_can_approve(&found.approvers));
    let place = endpoint(&found.resource.address, &found.resource.ports);
    let (place, network) = (for_terminal(&place), for_terminal(&found.resource.network));
    lines.push(format!("The resource is {place} in network {network}."));
    lines
}

struct Words<'a> {
    found: &'a Explanation,
    now: Time,
    zone: FixedOffset,
}

impl Words<'_> {
    fn moment(&self, at: Time) -> String {
        moment(at, self.now, self.zone)
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
            Missing::NotStarted { starts_at } => {
                format!("Access starts {}.", self.moment(*starts_at))
            }
            Missing::NobodyCanApprove => {
                "Nobody can approve a request for it: name reviewers, or fallback reviewers."
                    .to_owned()
            }
            Missing::OtherGoverns { .. } => {
                let other = found.governed_by.as_ref();
                let other = other.map_or_else(String::new, |other| for_terminal(&other.name));
                format!("{other} has the same address and ports, and comes first.")
            }
            Missing::NoGateway => {
                let network = for_terminal(&found.resource.network);
                format!("Network {network} has no gateway.")
            }
            Missing::Unknown => {
                "Something is in the way that this version does not know. Update hourkey."
                    .to_owned()
            }
        }
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
