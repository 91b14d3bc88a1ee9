//! The difference between what the controller holds and what a file says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hourkey_domain::ids::GroupId;
use hourkey_domain::organisation::{Network, Organisation};
use hourkey_domain::periods::Periods;
use hourkey_domain::settings::{Approval, Mode, Override, Period, Settings};
use hourkey_domain::text::one_line;
use hourkey_domain::visibility::Visibility;
use serde::Serialize;

use super::file::{AssignmentSpec, GroupSpec, OrgFile, ResourceSpec, UserSpec};
use super::ids::{Ids, Kind, Rename, renamed, renames};
use super::spec::names;
use super::warnings::warnings;

/// What happens to one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change<T> {
    /// It is new.
    Add(T),
    /// It becomes something else.
    Replace {
        /// What it was.
        before: T,
        /// What it becomes.
        after: T,
    },
    /// It goes.
    Remove(T),
}

/// What applying a file would do, and what it would leave alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The organisation's new name.
    pub name: Option<String>,
    /// The access periods: before and after.
    pub periods: Option<(Periods, Periods)>,
    /// The groups of fallback reviewers: before and after.
    pub fallback_reviewers: Option<(Vec<String>, Vec<String>)>,
    /// What is called otherwise: everything below has the names after that.
    pub renames: Vec<Rename>,
    /// Networks; they have nothing but a name.
    pub networks: Vec<Change<String>>,
    /// Users.
    pub users: Vec<Change<UserSpec>>,
    /// Groups.
    pub groups: Vec<Change<GroupSpec>>,
    /// Resources.
    pub resources: Vec<Change<ResourceSpec>>,
    /// Assignments.
    pub assignments: Vec<Change<AssignmentSpec>>,
    /// What the file lacks and stays, because nobody asked to prune: kind and name.
    pub kept: Vec<(&'static str, String)>,
    /// What the file may say by mistake: a line each.
    pub warnings: Vec<String>,
}

impl Plan {
    /// Compares. With `prune`, what the file lacks is removed.
    #[must_use]
    pub fn new(today: &Organisation, file: &OrgFile, prune: bool) -> Self {
        let renames = renames(&file.ids, today);
        let today = &renamed(today, &renames);
        let mut lines = if prune {
            orphaned(today, file)
        } else {
            Vec::new()
        };
        let today = as_file(today);
        lines.extend(file.listed.iter().map(|(name, listed)| {
            format!(
                "group {name} of this file is read as {listed}: Everyone is built in, and means every \
                 enabled account. Give the group another name in the file, or assign Everyone and leave the \
                 group out"
            )
        }));
        lines.extend(warnings(&today, file, prune));
        let mut kept = Vec::new();
        let mut compare = Compare {
            prune,
            kept: &mut kept,
        };
        Self {
            name: (today.name != file.name).then(|| file.name.clone()),
            periods: (today.periods != file.periods)
                .then(|| (today.periods.clone(), file.periods.clone())),
            fallback_reviewers: (today.fallback_reviewers != file.fallback_reviewers).then(|| {
                (
                    today.fallback_reviewers.clone(),
                    file.fallback_reviewers.clone(),
                )
            }),
            renames,
            networks: compare.changes("network", &today.networks, &file.networks, String::clone),
            users: compare.changes("user", &today.users, &file.users, |user| user.login.clone()),
            groups: compare.changes("group", &today.groups, &file.groups, |g| g.name.clone()),
            resources: compare.changes("resource", &today.resources, &file.resources, |r| {
                r.name.clone()
            }),
            assignments: compare.changes(
                "assignment",
                &today.assignments,
                &file.assignments,
                AssignmentSpec::key,
            ),
            kept,
            warnings: lines,
        }
    }

    /// True when there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.name.is_none()
            && self.renames.is_empty()
            && self.periods.is_none()
            && self.fallback_reviewers.is_none()
            && self.networks.is_empty()
            && self.users.is_empty()
            && self.groups.is_empty()
            && self.resources.is_empty()
            && self.assignments.is_empty()
    }
}

/// A line a change: `+` new, `~` different, `-` gone.
impl std::fmt::Display for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(name) = &self.name {
            writeln!(f, "~ organisation: its name becomes {name:?}")?;
        }
        if let Some((before, after)) = &self.periods {
            let (before, after) = (period_fields(before), period_fields(after));
            for ((key, before), (_, after)) in before.iter().zip(&after) {
                if before != after {
                    writeln!(f, "~ organisation: {}", difference(key, before, after))?;
                }
            }
        }
        if let Some((before, after)) = &self.fallback_reviewers {
            let change = difference(FALLBACK, &before.join(", "), &after.join(", "));
            writeln!(f, "~ organisation: {change}")?;
        }
        for rename in &self.renames {
            let (kind, before, after) = (rename.kind.as_str(), &rename.before, &rename.after);
            let name = match rename.kind {
                Kind::User => "login",
                Kind::Group | Kind::Network | Kind::Resource => "name",
            };
            writeln!(f, "~ {kind} {before}: its {name} becomes {after}")?;
        }
        write_changes(f, "network", &self.networks, String::clone, |_| Vec::new())?;
        write_changes(
            f,
            "user",
            &self.users,
            |user| user.login.clone(),
            user_fields,
        )?;
        write_changes(
            f,
            "group",
            &self.groups,
            |group| group.name.clone(),
            group_fields,
        )?;
        write_changes(
            f,
            "resource",
            &self.resources,
            |r| r.name.clone(),
            resource_fields,
        )?;
        write_changes(
            f,
            "assignment",
            &self.assignments,
            AssignmentSpec::key,
            assignment_fields,
        )?;
        for (kind, name) in &self.kept {
            writeln!(
                f,
                "  {kind} {name} is not in the file, kept (--prune removes it)"
            )?;
        }
        for line in &self.warnings {
            writeln!(f, "! {line}")?;
        }
        Ok(())
    }
}

/// The key of the organisation's groups of fallback reviewers, as it is shown.
const FALLBACK: &str = "fallback_reviewers";

struct Compare<'a> {
    prune: bool,
    kept: &'a mut Vec<(&'static str, String)>,
}

impl Compare<'_> {
    fn changes<T: Clone + PartialEq>(
        &mut self,
        kind: &'static str,
        before: &[T],
        after: &[T],
        key: impl Fn(&T) -> String,
    ) -> Vec<Change<T>> {
        let old: BTreeMap<String, &T> = before.iter().map(|item| (key(item), item)).collect();
        let new: BTreeMap<String, &T> = after.iter().map(|item| (key(item), item)).collect();
        let mut changes = Vec::new();
        for name in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
            match (old.get(name), new.get(name)) {
                (None, Some(item)) => changes.push(Change::Add((*item).clone())),
                (Some(before), Some(after)) if before != after => changes.push(Change::Replace {
                    before: (*before).clone(),
                    after: (*after).clone(),
                }),
                (Some(item), None) if self.prune => changes.push(Change::Remove((*item).clone())),
                (Some(_), None) => self.kept.push((kind, name.clone())),
                (Some(_), Some(_)) | (None, None) => {}
            }
        }
        changes
    }
}

fn write_changes<T>(
    f: &mut std::fmt::Formatter<'_>,
    kind: &str,
    changes: &[Change<T>],
    key: impl Fn(&T) -> String,
    fields: impl Fn(&T) -> Vec<(&'static str, String)>,
) -> std::fmt::Result {
    for change in changes {
        match change {
            Change::Add(item) => {
                let fields = fields(item)
                    .into_iter()
                    .filter(|(_, value)| !value.is_empty());
                let fields: Vec<_> = fields
                    .map(|(name, value)| format!("{name} {value}"))
                    .collect();
                let colon = if fields.is_empty() { "" } else { ": " };
                writeln!(f, "+ {kind} {}{colon}{}", key(item), fields.join("; "))?;
            }
            Change::Replace { before, after } => {
                let pairs = fields(before).into_iter().zip(fields(after));
                let differing = pairs.filter(|(old, new)| old != new);
                let text: Vec<_> = differing
                    .map(|((name, old), (_, new))| difference(name, &old, &new))
                    .collect();
                writeln!(f, "~ {kind} {}: {}", key(after), text.join("; "))?;
            }
            Change::Remove(item) => writeln!(f, "- {kind} {}", key(item))?,
        }
    }
    Ok(())
}

/// What is new in a field: of a list, what is added and taken away.
fn difference(name: &str, old: &str, new: &str) -> String {
    const LISTS: [&str; 5] = ["roles", "members", "approvers", "tags", FALLBACK];
    if !LISTS.contains(&name) {
        return format!("{name} {} → {}", shown(old), shown(new));
    }
    let items = |list: &str| -> BTreeSet<String> {
        let items = list.split(", ").filter(|item| !item.is_empty());
        items.map(str::to_owned).collect()
    };
    let (old, new) = (items(old), items(new));
    let added = new.difference(&old).map(|item| format!("+ {item}"));
    let removed = old.difference(&new).map(|item| format!("- {item}"));
    let changes: Vec<String> = added.chain(removed).collect();
    format!("{name} {}", changes.join(", "))
}

fn shown(value: &str) -> &str {
    if value.is_empty() { "nothing" } else { value }
}

/// The networks that the file lacks and that gateways serve: those serve nothing then.
fn orphaned(today: &Organisation, file: &OrgFile) -> Vec<String> {
    let gone = today
        .networks()
        .filter(|it| !file.networks.contains(&it.name));
    let line = |network: &Arc<Network>| {
        let served = today.gateways().filter(|(_, of)| *of == network.id);
        let gateways = served.count();
        (gateways > 0).then(|| {
            format!(
                "network {} goes, and {gateways} of its gateways with it: they serve nothing any \
                 more, also if a network of this name comes back. Remove them (`hourkey-controller \
                 gateway remove`), and add and enrol them again for another network",
                network.name
            )
        })
    };
    gone.filter_map(line).collect()
}

/// What the controller holds, in the file's form: names instead of ids.
pub(super) fn as_file(today: &Organisation) -> OrgFile {
    let group = |id: &GroupId| today.group(*id).map(|group| group.name.clone());
    let users = today.users().map(|user| UserSpec::of(user));
    let groups = today.groups().map(|it| GroupSpec::of(today, it));
    let resources = today.resources().map(|it| ResourceSpec::of(today, it));
    let assignments = today.assignments();
    let assignments = assignments.map(|it| AssignmentSpec::of(today, it));
    OrgFile {
        installation: None,
        name: today.name().to_owned(),
        periods: today.periods().clone(),
        fallback_reviewers: names(today.fallback_groups(), group),
        users: users.collect(),
        groups: groups.collect(),
        networks: today.networks().map(|it| it.name.clone()).collect(),
        resources: resources.collect(),
        assignments: assignments.collect(),
        ids: Ids::default(),
        listed: BTreeMap::new(),
    }
}

fn period_fields(periods: &Periods) -> [(&'static str, String); 2] {
    let offered = periods.presets().iter().map(ToString::to_string);
    let offered = offered.collect::<Vec<_>>().join(", ");
    [
        ("periods", offered),
        ("longest_period", periods.longest().to_string()),
    ]
}

fn user_fields(user: &UserSpec) -> Vec<(&'static str, String)> {
    let roles: Vec<_> = user.roles.iter().map(|role| format!("{role:?}")).collect();
    vec![
        ("name", user.name.clone()),
        ("email", user.email.clone().unwrap_or_default()),
        ("roles", roles.join(", ")),
        (
            "disabled",
            if user.disabled {
                "yes".into()
            } else {
                String::new()
            },
        ),
    ]
}

fn group_fields(group: &GroupSpec) -> Vec<(&'static str, String)> {
    vec![("members", group.members.join(", "))]
}

fn resource_fields(resource: &ResourceSpec) -> Vec<(&'static str, String)> {
    let Settings {
        mode,
        period,
        approval,
        lock_after,
    } = resource.settings;
    let own = Override {
        mode: Some(mode),
        period: Some(period),
        approval: Some(approval),
        lock_after: Some(lock_after),
    };
    let mut fields = vec![
        ("address", resource.address.to_string()),
        ("ports", resource.ports.to_string()),
        ("alias", resource.alias.clone().unwrap_or_default()),
        ("network", resource.network.clone()),
        ("tags", resource.tags.join(", ")),
        ("url", resource.url.clone().unwrap_or_default()),
        (
            "keep_alive_offline",
            if resource.keep_alive_offline {
                "yes".into()
            } else {
                String::new()
            },
        ),
    ];
    fields.extend(settings_fields(own));
    fields.push(("approvers", resource.approvers.join(", ")));
    let disabled = if resource.disabled { "yes" } else { "" };
    let visibility = match resource.visibility {
        Visibility::Shown => "",
        other => other.as_str(),
    };
    fields.extend([
        ("disabled", disabled.to_owned()),
        ("visibility", visibility.to_owned()),
        ("description", quoted(&resource.description)),
        ("how_to_use", quoted(&resource.how_to_use)),
        ("owner", resource.owner.clone().unwrap_or_default()),
    ]);
    fields
}

/// The beginning of a text, on one line.
fn quoted(text: &str) -> String {
    match text.is_empty() {
        true => String::new(),
        false => format!("“{}”", one_line(text, 60)),
    }
}

fn assignment_fields(assignment: &AssignmentSpec) -> Vec<(&'static str, String)> {
    let until = assignment.until.map(|until| until.to_rfc3339());
    let mut fields = vec![("until", until.unwrap_or_default())];
    fields.extend(settings_fields(assignment.own));
    fields
}

fn settings_fields(own: Override) -> Vec<(&'static str, String)> {
    let mode = match own.mode {
        Some(Mode::Standing) => "Standing",
        Some(Mode::AutoLock) => "AutoLock",
        Some(Mode::AccessRequest) => "AccessRequest",
        None => "",
    };
    let period = match own.period {
        Some(Period::Preset(length)) => length.to_string(),
        Some(Period::Custom { up_to, recommended }) => match recommended {
            Some(recommended) => format!("up to {up_to}, recommended {recommended}"),
            None => format!("up to {up_to}"),
        },
        None => String::new(),
    };
    let approval = match own.approval {
        Some(Approval::Manual) => "Manual",
        Some(Approval::Automatic) => "Automatic",
        None => "",
    };
    // Nobody wrote the days of what does not auto-lock.
    let lock_after = match (own.mode, own.lock_after) {
        (Some(Mode::AutoLock) | None, Some(days)) => format!("{days}d"),
        (Some(Mode::Standing | Mode::AccessRequest), _) | (_, None) => String::new(),
    };
    vec![
        ("mode", mode.into()),
        ("period", period),
        ("approval", approval.into()),
        ("lock_after", lock_after),
    ]
}
