//! Writes a plan's changes in a transaction, each with its audit entry.

use std::collections::BTreeMap;

use hourkey_domain::Time;
use hourkey_domain::audit::AuditAction;
use hourkey_domain::ids::{AssignmentId, GroupId, NetworkId, ResourceId, UserId};
use hourkey_domain::organisation::Organisation;
use hourkey_store::Write;
use hourkey_store::log::{Entity, Entry, Subject};
use hourkey_store::organisation::{About, Assignment, Group, Resource, User};
use serde::Serialize;

use super::file::{AssignmentSpec, GroupSpec, ResourceSpec, UserSpec};
use super::ids::{Kind, Rename, renamed};
use super::plan::{Change, Plan};
use crate::error::AppError;
use crate::identity::secret::new_code;
use crate::identity::session;

/// Makes a plan's changes of the organisation as it is `today`.
///
/// # Errors
/// The store's own failure, or a name that the plan has and the store has not.
pub(super) async fn apply(
    tx: &mut dyn Write,
    today: &Organisation,
    plan: &Plan,
    now: Time,
) -> Result<(), AppError> {
    rename(tx, today, &plan.renames, now).await?;
    let today = &renamed(today, &plan.renames);
    Applier::new(tx, today, now).run(plan).await
}

/// Gives things their new names. Two that swap theirs would be in each other's way, so each that takes a
/// name of today goes by another one in between.
async fn rename(
    tx: &mut dyn Write,
    today: &Organisation,
    renames: &[Rename],
    now: Time,
) -> Result<(), AppError> {
    let in_between: Vec<_> = renames
        .iter()
        .map(|it| Rename {
            after: format!("{} ({})", it.before, new_code(8)),
            ..it.clone()
        })
        .filter(|it| {
            renames
                .iter()
                .any(|other| other.kind == it.kind && other.after == it.before)
        })
        .collect();
    for steps in [&in_between[..], renames] {
        let after = renamed(today, steps);
        for Rename { kind, id, .. } in steps {
            match kind {
                Kind::User => {
                    if let Some(user) = after.user(UserId(*id)) {
                        tx.update_user((**user).clone()).await?;
                    }
                }
                Kind::Group => {
                    if let Some(group) = after.group(GroupId(*id)) {
                        tx.update_group((**group).clone()).await?;
                    }
                }
                Kind::Network => {
                    if let Some(network) = after.network(NetworkId(*id)) {
                        tx.rename_network(network.id, &network.name).await?;
                    }
                }
                Kind::Resource => {
                    if let Some(resource) = after.resource(ResourceId(*id)) {
                        tx.update_resource((**resource).clone()).await?;
                    }
                }
            }
        }
    }
    for rename in renames {
        let id = rename.id;
        let (action, entity) = match rename.kind {
            Kind::User => (AuditAction::UserChanged, Entity::User(UserId(id))),
            Kind::Group => (AuditAction::GroupChanged, Entity::Group(GroupId(id))),
            Kind::Network => (AuditAction::NetworkChanged, Entity::Network(NetworkId(id))),
            Kind::Resource => (
                AuditAction::ResourceChanged,
                Entity::Resource(ResourceId(id)),
            ),
        };
        let entry = Entry {
            at: now,
            actor: None,
            action,
            subject: Subject::Organisation { entity },
            detail: serde_json::json!({ "before": rename.before, "after": rename.after }),
        };
        tx.record(entry).await?;
    }
    Ok(())
}

/// Ids by name, growing while things are added.
struct Applier<'t> {
    tx: &'t mut dyn Write,
    now: Time,
    users: BTreeMap<String, UserId>,
    groups: BTreeMap<String, GroupId>,
    networks: BTreeMap<String, NetworkId>,
    resources: BTreeMap<String, ResourceId>,
    assignments: BTreeMap<(GroupId, ResourceId), AssignmentId>,
}

impl<'t> Applier<'t> {
    fn new(tx: &'t mut dyn Write, today: &Organisation, now: Time) -> Self {
        Self {
            tx,
            now,
            users: today.users().map(|it| (it.login.clone(), it.id)).collect(),
            groups: today
                .assignable_groups()
                .map(|it| (it.name.clone(), it.id))
                .collect(),
            networks: today
                .networks()
                .map(|it| (it.name.clone(), it.id))
                .collect(),
            resources: today
                .resources()
                .map(|it| (it.name.clone(), it.id))
                .collect(),
            assignments: today
                .assignments()
                .map(|it| ((it.group, it.resource), it.id))
                .collect(),
        }
    }

    /// Adds and changes from the ground up, removes from the top down.
    async fn run(mut self, plan: &Plan) -> Result<(), AppError> {
        if let Some(name) = &plan.name {
            self.tx.set_organisation_name(name).await?;
            self.record(AuditAction::OrganisationRenamed, Entity::Name, name)
                .await?;
        }
        if let Some((before, after)) = &plan.periods {
            self.tx.set_periods(after.clone()).await?;
            let detail = serde_json::json!({ "before": before, "after": after });
            self.record(AuditAction::PeriodsChanged, Entity::Periods, &detail)
                .await?;
        }
        for change in &plan.networks {
            if let Change::Add(name) = change {
                let id = self.tx.insert_network(name).await?;
                self.networks.insert(name.clone(), id);
                self.record(AuditAction::NetworkAdded, Entity::Network(id), change)
                    .await?;
            }
        }
        for change in &plan.users {
            match change {
                Change::Add(spec) => {
                    let id = self.tx.insert_user(user(UserId(0), spec)).await?;
                    // Who could have set the controller up by its code has no need to any more.
                    self.tx.set_setup_code(None).await?;
                    self.users.insert(spec.login.clone(), id);
                    self.record(AuditAction::UserAdded, Entity::User(id), change)
                        .await?;
                }
                Change::Replace { before, after } => {
                    let id = known(&self.users, &after.login)?;
                    self.tx.update_user(user(id, after)).await?;
                    // A link in an old mailbox, or from before, revives nothing.
                    if before.email != after.email || after.disabled {
                        self.tx.remove_reset_links(id).await?;
                    }
                    if before.email != after.email {
                        self.tx.set_address_choosers(id, &[]).await?;
                    }
                    if after.disabled {
                        let why = "the account was disabled";
                        session::end_all(self.tx, id, None, None, why, self.now).await?;
                    }
                    self.record(AuditAction::UserChanged, Entity::User(id), change)
                        .await?;
                }
                Change::Remove(_) => {}
            }
        }
        for change in &plan.groups {
            match change {
                Change::Add(spec) => {
                    let id = self.tx.insert_group(self.group(GroupId(0), spec)?).await?;
                    self.groups.insert(spec.name.clone(), id);
                    self.record(AuditAction::GroupAdded, Entity::Group(id), change)
                        .await?;
                }
                Change::Replace { after, .. } => {
                    let id = known(&self.groups, &after.name)?;
                    self.tx.update_group(self.group(id, after)?).await?;
                    self.record(AuditAction::GroupChanged, Entity::Group(id), change)
                        .await?;
                }
                Change::Remove(_) => {}
            }
        }
        if let Some((before, after)) = &plan.fallback_reviewers {
            let groups = ids(&self.groups, after)?;
            self.tx.set_fallback_reviewers(groups).await?;
            let detail = serde_json::json!({ "before": before, "after": after });
            self.record(
                AuditAction::FallbackReviewersChanged,
                Entity::FallbackReviewers,
                &detail,
            )
            .await?;
        }
        self.resources(&plan.resources).await?;
        for change in &plan.assignments {
            match change {
                Change::Add(spec) => {
                    let new = self.assignment(AssignmentId(0), spec)?;
                    let id = self.tx.insert_assignment(new).await?;
                    self.record(AuditAction::AssignmentAdded, Entity::Assignment(id), change)
                        .await?;
                }
                Change::Replace { after, .. } => {
                    let id = self.assignment_id(after)?;
                    self.tx
                        .update_assignment(self.assignment(id, after)?)
                        .await?;
                    self.record(
                        AuditAction::AssignmentChanged,
                        Entity::Assignment(id),
                        change,
                    )
                    .await?;
                }
                Change::Remove(_) => {}
            }
        }
        self.remove(plan).await
    }

    async fn resources(&mut self, changes: &[Change<ResourceSpec>]) -> Result<(), AppError> {
        for change in changes {
            match change {
                Change::Add(spec) => {
                    let new = self.resource(ResourceId(0), spec)?;
                    let id = self.tx.insert_resource(new).await?;
                    self.resources.insert(spec.name.clone(), id);
                    self.record(AuditAction::ResourceAdded, Entity::Resource(id), change)
                        .await?;
                }
                Change::Replace { after, .. } => {
                    let id = known(&self.resources, &after.name)?;
                    self.tx.update_resource(self.resource(id, after)?).await?;
                    self.record(AuditAction::ResourceChanged, Entity::Resource(id), change)
                        .await?;
                }
                Change::Remove(_) => {}
            }
        }
        Ok(())
    }

    async fn remove(&mut self, plan: &Plan) -> Result<(), AppError> {
        for change in &plan.assignments {
            if let Change::Remove(spec) = change {
                let id = self.assignment_id(spec)?;
                self.tx.remove_assignment(id).await?;
                self.record(
                    AuditAction::AssignmentRemoved,
                    Entity::Assignment(id),
                    change,
                )
                .await?;
            }
        }
        for change in &plan.resources {
            if let Change::Remove(spec) = change {
                let id = known(&self.resources, &spec.name)?;
                self.tx.remove_resource(id).await?;
                self.record(AuditAction::ResourceRemoved, Entity::Resource(id), change)
                    .await?;
            }
        }
        for change in &plan.groups {
            if let Change::Remove(spec) = change {
                let id = known(&self.groups, &spec.name)?;
                self.tx.remove_group(id).await?;
                self.record(AuditAction::GroupRemoved, Entity::Group(id), change)
                    .await?;
            }
        }
        for change in &plan.networks {
            if let Change::Remove(name) = change {
                let id = known(&self.networks, name)?;
                self.tx.remove_network(id).await?;
                self.record(AuditAction::NetworkRemoved, Entity::Network(id), change)
                    .await?;
            }
        }
        for change in &plan.users {
            if let Change::Remove(spec) = change {
                let id = known(&self.users, &spec.login)?;
                self.tx.remove_user(id).await?;
                self.record(AuditAction::UserRemoved, Entity::User(id), change)
                    .await?;
            }
        }
        Ok(())
    }

    async fn record(
        &mut self,
        action: AuditAction,
        entity: Entity,
        detail: &(impl Serialize + Sync),
    ) -> Result<(), AppError> {
        let detail =
            serde_json::to_value(detail).map_err(|error| AppError::Broken(error.into()))?;
        let subject = Subject::Organisation { entity };
        self.tx
            .record(Entry {
                at: self.now,
                actor: None,
                action,
                subject,
                detail,
            })
            .await?;
        Ok(())
    }

    fn group(&self, id: GroupId, spec: &GroupSpec) -> Result<Group, AppError> {
        let mut members = ids(&self.users, &spec.members)?;
        members.sort_unstable();
        Ok(Group {
            id,
            name: spec.name.clone(),
            members,
        })
    }

    fn resource(&self, id: ResourceId, spec: &ResourceSpec) -> Result<Resource, AppError> {
        let mut approvers = ids(&self.groups, &spec.approvers)?;
        approvers.sort_unstable();
        Ok(Resource {
            id,
            name: spec.name.clone(),
            address: spec.address.clone(),
            ports: spec.ports.clone(),
            alias: spec.alias.clone(),
            network: known(&self.networks, &spec.network)?,
            tags: spec.tags.clone(),
            url: spec.url.clone(),
            keep_alive_offline: spec.keep_alive_offline,
            settings: spec.settings,
            approvers,
            about: About {
                enabled: !spec.disabled,
                visibility: spec.visibility,
                description: spec.description.clone(),
                how_to_use: spec.how_to_use.clone(),
                owner: spec
                    .owner
                    .iter()
                    .map(|login| known(&self.users, login))
                    .next()
                    .transpose()?,
            },
        })
    }

    fn assignment(&self, id: AssignmentId, spec: &AssignmentSpec) -> Result<Assignment, AppError> {
        Ok(Assignment {
            auto_locks_since: None,
            id,
            group: known(&self.groups, &spec.group)?,
            resource: known(&self.resources, &spec.resource)?,
            until: spec.until,
            own: spec.own,
        })
    }

    fn assignment_id(&self, spec: &AssignmentSpec) -> Result<AssignmentId, AppError> {
        let key = (
            known(&self.groups, &spec.group)?,
            known(&self.resources, &spec.resource)?,
        );
        self.assignments
            .get(&key)
            .copied()
            .ok_or_else(|| missing(&spec.key()))
    }
}

fn user(id: UserId, spec: &UserSpec) -> User {
    User {
        id,
        login: spec.login.clone(),
        name: spec.name.clone(),
        email: spec.email.clone(),
        roles: spec.roles.clone(),
        disabled: spec.disabled,
        since: None,
    }
}

fn ids<Id: Copy>(known_ids: &BTreeMap<String, Id>, names: &[String]) -> Result<Vec<Id>, AppError> {
    names.iter().map(|name| known(known_ids, name)).collect()
}

/// The id of a name that the file's checks, or the plan, vouch for.
fn known<Id: Copy>(ids: &BTreeMap<String, Id>, name: &str) -> Result<Id, AppError> {
    ids.get(name).copied().ok_or_else(|| missing(name))
}

fn missing(name: &str) -> AppError {
    AppError::Broken(anyhow::anyhow!(
        "{name:?} is in the plan but not in the store"
    ))
}
