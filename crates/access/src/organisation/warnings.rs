//! What a file may say by mistake, judged by the organisation as it would be once it is applied.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use hourkey_domain::ids::UserId;
use hourkey_domain::length::Length;
use hourkey_domain::organisation::everyone;
use hourkey_domain::review::{Regulars, Role};
use hourkey_domain::settings::{Approval, Mode, Period};

use super::file::{AssignmentSpec, GroupSpec, OrgFile, ResourceSpec, UserSpec};

/// A line for each. With `prune`, what the file lacks is gone then.
pub(super) fn warnings(today: &OrgFile, file: &OrgFile, prune: bool) -> Vec<String> {
    let then = Then::new(today, file, prune);
    [
        then.without_admin(),
        then.shared(),
        then.endless(),
        then.too_long(),
        then.unreviewed(),
    ]
    .concat()
}

/// What there is once the file is applied: what it says, and what it lacks and stays.
struct Then<'a> {
    users: Vec<&'a UserSpec>,
    groups: Vec<&'a GroupSpec>,
    resources: Vec<&'a ResourceSpec>,
    /// By the resource's name.
    assignments: HashMap<&'a str, Vec<&'a AssignmentSpec>>,
    fallback_groups: &'a [String],
    longest: Length,
}

impl<'a> Then<'a> {
    fn new(today: &'a OrgFile, file: &'a OrgFile, prune: bool) -> Self {
        let mut assignments: HashMap<_, Vec<_>> = HashMap::new();
        for assignment in applied(
            &today.assignments,
            &file.assignments,
            prune,
            AssignmentSpec::key,
        ) {
            let of = assignments.entry(assignment.resource.as_str());
            of.or_default().push(assignment);
        }
        Self {
            users: applied(&today.users, &file.users, prune, |it| it.login.clone()),
            groups: applied(&today.groups, &file.groups, prune, |it| it.name.clone()),
            resources: applied(&today.resources, &file.resources, prune, |it| {
                it.name.clone()
            }),
            assignments,
            fallback_groups: &file.fallback_reviewers,
            longest: file.periods.longest(),
        }
    }

    fn assignments_of(&self, resource: &ResourceSpec) -> &[&'a AssignmentSpec] {
        let assignments = self.assignments.get(resource.name.as_str());
        assignments.map_or(&[], Vec::as_slice)
    }

    /// That nobody could administer the controller.
    fn without_admin(&self) -> Vec<String> {
        let is_admin = |user: &&UserSpec| !user.disabled && user.roles.contains(&Role::Admin);
        if self.users.iter().copied().any(|user| is_admin(&user)) {
            return Vec::new();
        }
        vec![
            "no enabled user has the role Admin: nobody could unlock for others, or end others' \
             devices. Give it to somebody: roles = [\"Admin\"]"
                .to_owned(),
        ]
    }

    /// The pairs of resources that have one address, share ports there, and are opened differently.
    fn shared(&self) -> Vec<String> {
        let mut places: BTreeMap<(&str, String), Vec<&ResourceSpec>> = BTreeMap::new();
        for resource in &self.resources {
            let place = (resource.network.as_str(), resource.address.to_string());
            places.entry(place).or_default().push(resource);
        }
        let mut lines = Vec::new();
        for ((_, address), found) in places {
            for (nth, one) in found.iter().enumerate() {
                let differing = found[nth + 1..]
                    .iter()
                    .filter(|two| one.settings != two.settings && one.ports.overlap(&two.ports));
                lines.extend(differing.map(|two| {
                    format!(
                        "resources {} and {} share {address} and are opened differently: only one \
                         governs a port of it, and `hourkey-controller lint` names it once they are \
                         there. Give each ports of its own",
                        one.name, two.name
                    )
                }));
            }
        }
        lines
    }

    /// The resources whose connections are to outlast the controller's silence, and are cut all the
    /// same for groups whose permits have no end.
    fn endless(&self) -> Vec<String> {
        let line = |resource: &&ResourceSpec| {
            let standing = self.assignments_of(resource).iter().filter(|it| {
                let mode = it.own.mode.unwrap_or(resource.settings.mode);
                mode == Mode::Standing && it.until.is_none()
            });
            let groups: Vec<_> = standing.map(|it| it.group.as_str()).collect();
            (!groups.is_empty()).then(|| {
                format!(
                    "keep_alive_offline of resource {} does nothing for {}: standing access without \
                     an end is cut when a gateway loses the controller. Give the assignment an end \
                     (until), or another mode",
                    resource.name,
                    groups.join(", ")
                )
            })
        };
        let outlasting = self.resources.iter().filter(|it| it.keep_alive_offline);
        outlasting.filter_map(line).collect()
    }

    /// Access periods longer than the longest, which counts instead, where something is asked for.
    fn too_long(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut check = |what: String, period: Period| {
            let line = period.beyond(self.longest).map(|(set, counts)| {
                format!(
                    "{what} has an access period of {set}, longer than allowed: {counts} counts. Set a \
                     shorter one, or a longer longest_period"
                )
            });
            lines.extend(line);
        };
        for resource in &self.resources {
            let (name, settings) = (&resource.name, resource.settings);
            let own = self.assignments_of(resource).iter();
            let asked = own.filter(|it| settings.with(it.own).mode == Mode::AccessRequest);
            let asked: Vec<_> = asked.collect();
            let is_inherited = asked.iter().any(|it| it.own.period.is_none());
            if settings.mode == Mode::AccessRequest || is_inherited {
                check(format!("resource {name}"), settings.period);
            }
            for own in asked {
                if let Some(period) = own.own.period {
                    check(format!("{}'s access to resource {name}", own.group), period);
                }
            }
        }
        lines
    }

    /// The people whose requests nobody could approve, with what they could ask for (rule 14).
    fn unreviewed(&self) -> Vec<String> {
        let enabled = self.users.iter().filter(|user| !user.disabled);
        // Places among them serve as ids.
        let people: HashMap<&str, UserId> = (0i64..)
            .zip(enabled.clone())
            .map(|(place, user)| (user.login.as_str(), UserId(place)))
            .collect();
        let members: HashMap<&str, &GroupSpec> = self
            .groups
            .iter()
            .map(|&it| (it.name.as_str(), it))
            .collect();
        let members = |group: &str| {
            let everyone = (group == everyone::NAME).then_some(&people);
            let logins = members.get(group).into_iter().flat_map(|it| &it.members);
            let kept =
                logins.filter_map(|login| Some((login.as_str(), *people.get(login.as_str())?)));
            let all = everyone.into_iter().flatten();
            all.map(|(login, id)| (*login, *id)).chain(kept)
        };
        let members_of = |groups: &[String]| {
            let members = groups.iter().flat_map(|group| members(group));
            members.map(|(_, id)| id).collect::<BTreeSet<_>>()
        };
        let reviews_all = |user: &&&UserSpec| user.roles.iter().any(|role| role.reviews_all());
        let by_role: BTreeSet<_> = enabled
            .filter(reviews_all)
            .map(|user| people[user.login.as_str()])
            .collect();
        let fallback = regulars(&members_of(self.fallback_groups));
        let mut stuck: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for resource in &self.resources {
            let reviewers = regulars(&(&members_of(&resource.approvers) | &by_role));
            if [reviewers, fallback].contains(&Regulars::Several) {
                continue;
            }
            let asked = self.assignments_of(resource).iter().filter(|it| {
                let settings = resource.settings.with(it.own);
                settings.mode != Mode::Standing && settings.approval == Approval::Manual
            });
            // Who may open it by another of their groups waits for nobody.
            let free = self.assignments_of(resource).iter().filter(|it| {
                let settings = resource.settings.with(it.own);
                settings.mode == Mode::Standing || settings.approval == Approval::Automatic
            });
            let free: BTreeSet<_> = free
                .flat_map(|it| members(&it.group))
                .map(|(_, id)| id)
                .collect();
            let asking = asked.flat_map(|it| members(&it.group));
            for (login, id) in asking.filter(|(_, id)| !free.contains(id)) {
                if reviewers.lack(id) && fallback.lack(id) {
                    stuck.entry(login).or_default().insert(&resource.name);
                }
            }
        }
        let line = |(login, resources): (&str, BTreeSet<&str>)| {
            let resources: Vec<_> = resources.into_iter().collect();
            let remedy = match self.fallback_groups {
                [] => "Name fallback_reviewers, or another AccessReviewer",
                _ => "The groups of fallback_reviewers hold nobody else who is enabled",
            };
            format!(
                "nobody can approve what {login} asks for: {}. {remedy}",
                resources.join(", ")
            )
        };
        stuck.into_iter().map(line).collect()
    }
}

fn regulars(people: &BTreeSet<UserId>) -> Regulars {
    let first: Vec<_> = people.iter().take(2).copied().collect();
    Regulars::of(&first)
}

/// What the file says, and what it lacks and stays.
fn applied<'a, T>(
    before: &'a [T],
    after: &'a [T],
    prune: bool,
    key: impl Fn(&T) -> String,
) -> Vec<&'a T> {
    let named: BTreeSet<_> = after.iter().map(&key).collect();
    let kept = before
        .iter()
        .filter(|it| !prune && !named.contains(&key(it)));
    after.iter().chain(kept).collect()
}
