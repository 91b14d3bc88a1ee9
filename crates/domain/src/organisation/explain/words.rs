//! An explanation in plain sentences.

use chrono::FixedOffset;

use super::value::{
    Approving, Because, ExplainedAssignment, Explanation, Missing, Named, Origin, Presence,
    Shadowed, Weight, WhoApproves,
};
use crate::Time;
use crate::format::{dated, endpoint, moment};
use crate::ids::ResourceId;
use crate::lock::LockState;
use crate::request::Purpose;
use crate::sentence::{Piece, Sentence, Thing, say};
use crate::settings::{Approval, Mode, Period};

/// An explanation in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The answer.
    pub answer: Sentence,
    /// All that is in the way.
    pub missing: Vec<Sentence>,
    /// What else bears on it: what governs, each assignment, what runs and waits, who could approve.
    pub facts: Vec<Sentence>,
}

/// Says an explanation in plain sentences; moments in `zone`. Of a later moment than now, all moments
/// have their date: near now is not near that.
#[must_use]
pub fn told(explanation: &Explanation, now: Time, zone: FixedOffset) -> Told {
    let words = Words {
        found: explanation,
        now,
        zone,
    };
    let missing = explanation.missing.iter();
    Told {
        answer: words.answer(),
        missing: missing.map(|missing| words.missing(missing)).collect(),
        facts: words.facts(),
    }
}

/// Says an explanation as lines of text, the answer first ([`told`]).
#[must_use]
pub fn sentences(explanation: &Explanation, now: Time, zone: FixedOffset) -> Vec<String> {
    let told = told(explanation, now, zone);
    let lines = [told.answer].into_iter().chain(told.missing);
    lines.chain(told.facts).map(|it| it.to_string()).collect()
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

    fn user(&self) -> Piece {
        let user = &self.found.user;
        Piece::of(Thing::User(user.id), &user.name)
    }

    fn network(&self) -> Piece {
        Piece::name(&self.found.resource.network)
    }

    fn answer(&self) -> Sentence {
        let found = self.found;
        let user = self.user();
        let resource = Piece::of(Thing::Resource(found.resource.id), &found.resource.name);
        let when = match found.at == self.now {
            true => "now".to_owned(),
            false => format!("at {}", self.moment(found.at)),
        };
        let permit = found.permit.as_ref();
        let Some(permit) = permit.filter(|_| found.missing.is_empty()) else {
            return say!(user, " can’t reach ", resource, " ", when, ".");
        };
        let why = match permit.because {
            Because::Standing => "it is always open",
            Because::AutoLock => "it is open while it is used",
            Because::Grant => "access was granted",
        };
        let until = permit.until.map(|until| self.moment(until));
        let until = until.map_or_else(String::new, |until| format!(", until {until}"));
        say!(
            user,
            " can reach ",
            resource,
            " ",
            when,
            ": ",
            why,
            until,
            "."
        )
    }

    fn facts(&self) -> Vec<Sentence> {
        let found = self.found;
        let mut lines = Vec::new();
        let is_taken = |missing: &Missing| {
            matches!(
                missing,
                Missing::OtherGoverns { .. } | Missing::SomethingElseGoverns
            )
        };
        if !found.missing.iter().any(is_taken) {
            lines.extend(found.shadowed.iter().map(shadowed));
        }
        lines.extend(self.presence());
        let assignments = found.assignments.iter();
        lines.extend(assignments.map(|own| self.assignment(own)));
        lines.extend(found.grant.map(|grant| {
            let until = self.moment(grant.window.expires_at);
            match grant.scheduled {
                true => {
                    let from = self.moment(grant.window.starts_at);
                    say!("Access starts ", from, " and ends ", until, ".")
                }
                false => say!("Access ends ", until, "."),
            }
        }));
        lines.extend(found.pending.map(|pending| {
            let what = match pending.purpose {
                Purpose::Grant => "access",
                Purpose::Unlock => "an unlock",
                Purpose::Extension(_) => "more time",
            };
            let (since, expires) = (self.moment(pending.since), self.moment(pending.lapses_at));
            let made = say!("A request for ", what, " was made ", since, ". ");
            made.and(say!("It expires ", expires, " if nobody answers."))
        }));
        lines.extend(found.automatic_off_until.map(|until| {
            let until = self.moment(until);
            say!(
                "Access was revoked: until ",
                until,
                ", a reviewer has to approve."
            )
        }));
        if can_be_approved(found) {
            lines.extend(who_can_approve(&found.approvers));
        }
        lines.push(self.place());
        lines
    }

    fn place(&self) -> Sentence {
        let resource = &self.found.resource;
        let place = Piece::name(endpoint(&resource.address, &resource.ports));
        let several = match resource.address.contains(['*', '/']) {
            true => " A resource with a more specific address comes before it there.",
            false => "",
        };
        say!(
            "The resource is ",
            place,
            " in network ",
            self.network(),
            ".",
            several
        )
    }

    fn missing(&self, missing: &Missing) -> Sentence {
        match missing {
            Missing::UserDisabled => say!(self.user(), "’s account is disabled."),
            Missing::NotAssigned => {
                say!("None of ", self.user(), "’s groups has access to it.")
            }
            Missing::HeldBack { until } => say!(
                "A change by ",
                self.user(),
                " gives it: that counts for everybody else now, and for them from ",
                self.moment(*until),
                ".",
            ),
            Missing::ResourceDisabled => {
                say!("It is disabled: it opens for nobody, and nobody can request it.")
            }
            Missing::Unused => say!("It locked because it was not used."),
            Missing::NeedsApproval => say!("A reviewer has to approve."),
            Missing::NeedsReason => {
                say!("It opens immediately with a reason, which is recorded.")
            }
            Missing::EndsTooSoon => say!(
                "The group’s access to it ends in less than a minute: nothing can be asked for any \
                 more."
            ),
            Missing::NotStarted { starts_at } => {
                say!("Access starts ", self.moment(*starts_at), ".")
            }
            Missing::NobodyCanApprove => {
                say!("Nobody can approve a request for it: name reviewers, or fallback reviewers.")
            }
            Missing::OtherGoverns { resource } => self.governs(*resource),
            Missing::SomethingElseGoverns => say!(
                "Something else, which you can’t see, takes connections to its address. Ask an \
                 administrator."
            ),
            Missing::GatewayAway => say!(
                "No gateway of network ",
                self.network(),
                " is connected: nobody can reach its resources now. Ask an administrator to look \
                 at the gateways.",
            ),
            Missing::NoGateway => say!(
                "No gateway of network ",
                self.network(),
                " has enrolled: nobody can reach its resources.",
            ),
            Missing::Unknown => {
                say!("Something is in the way that this version does not know. Update hourkey.")
            }
        }
    }

    fn governs(&self, resource: ResourceId) -> Sentence {
        let found = self.found;
        let all = found.governed_by.iter().find(|other| other.id == resource);
        if let Some(other) = all {
            let other = named(other);
            return say!(other, " has the same address and ports, and comes first.");
        }
        let is_it = |it: &&Shadowed| it.by.as_ref().is_some_and(|by| by.id == resource);
        let taken = found.shadowed.iter().find(is_it);
        taken.map_or_else(Sentence::default, shadowed)
    }

    /// Whether a gateway is there is part of an answer about now.
    fn presence(&self) -> Option<Sentence> {
        let found = self.found;
        let is_open = found.permit.is_some() && found.missing.is_empty();
        let asks = is_open && found.at == self.now && found.gateway == Presence::Unknown;
        let network = self.network();
        asks.then(|| {
            say!(
                "Whether a gateway of network ",
                network,
                " is connected is not known here."
            )
        })
    }

    fn assignment(&self, own: &ExplainedAssignment) -> Sentence {
        let group = Piece::of(Thing::Group(own.group.id), &own.group.name);
        let until = own.until.map(|until| self.moment(until));
        let until = until.map_or_else(String::new, |until| format!(", until {until}"));
        let weight = match own.weight {
            Weight::Counts => say!("This assignment counts."),
            Weight::Ended => say!("This assignment has ended."),
            Weight::HeldBack { until } => say!(
                "What they changed of it themselves counts for them from ",
                self.moment(until),
                "."
            ),
            Weight::Unknown => {
                say!("Whether it counts, this version does not know. Update hourkey.")
            }
            Weight::UserDisabled => say!("It does not count while the account is disabled."),
            Weight::Weaker { than } => {
                let mut all = self.found.assignments.iter();
                let stronger = all.find(|other| other.id == than);
                let stronger = stronger.map_or(Piece::from("Another group"), |other| {
                    Piece::of(Thing::Group(other.group.id), &other.group.name)
                });
                say!(stronger, " counts instead: it gives more, or came first.")
            }
        };
        say!("Through group ", group, ": ", policy(own), until, ". ").and(weight)
    }
}

fn named(resource: &Named<ResourceId>) -> Piece {
    Piece::of(Thing::Resource(resource.id), &resource.name)
}

fn shadowed(taken: &Shadowed) -> Sentence {
    let ports = match (taken.ports.ranges(), taken.ports.single()) {
        ([], _) => "Connections to it".to_owned(),
        (_, Some(port)) => format!("Connections to port {port}"),
        (_, None) => format!("Connections to ports {}", taken.ports),
    };
    match &taken.by {
        Some(other) => say!(
            ports,
            " go to ",
            named(other),
            ", which has the same address and comes first."
        ),
        None => say!(
            ports,
            " go to something else, which you can’t see and which comes first. Ask an \
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
        _ if found.missing.contains(&Missing::ResourceDisabled) => false,
        Some(
            LockState::Pending { .. }
            | LockState::Granted {
                extension: Some(_), ..
            },
        ) => true,
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

fn who_can_approve(approvers: &WhoApproves) -> Option<Sentence> {
    let who = match (&*approvers.people, &*approvers.groups) {
        ([], []) => say!("the organisation’s reviewers"),
        ([], groups) => say!("members of ").and(one_of(groups)),
        (people, _) => one_of(people),
    };
    let end = match approvers.kind {
        Approving::Regulars => ".",
        Approving::Fallback => ", because nobody else can.",
        Approving::Nobody => return None,
    };
    Some(say!("Requests can be approved by ").and(who).and(say!(end)))
}

/// Names as `a, b or c`.
fn one_of(names: &[String]) -> Sentence {
    let last = names.len().saturating_sub(1);
    let pieces = names.iter().enumerate().flat_map(|(at, name)| {
        let before = match at {
            0 => "",
            at if at == last => " or ",
            _ => ", ",
        };
        [Piece::from(before), Piece::name(name)]
    });
    pieces.collect()
}
