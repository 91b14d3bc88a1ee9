//! Applies a file in one transaction, with everything that follows from it (rule 7).

use std::collections::BTreeMap;
use std::sync::Arc;

use hourkey_domain::Time;
use hourkey_domain::audit::AuditAction;
use hourkey_domain::ids::{AssignmentId, GroupId, NetworkId, ResourceId, UserId};
use hourkey_domain::organisation::Organisation;
use hourkey_domain::review::Role;
use hourkey_store::log::{Entity, Entry, Subject};
use hourkey_store::organisation::{Assignment, Group, Resource, User};
use hourkey_store::{Room, Store, StoreError, Write, transact};
use serde::Serialize;

use super::file::{AssignmentSpec, GroupSpec, OrgFile, ResourceSpec, UserSpec};
use super::plan::{Change, Plan, assignment_key};
use crate::directory::{self, Directory};
use crate::error::AppError;
use crate::identity::session;
use crate::reconcile::reconcile;

/// Why a file was not applied. Nothing of it was.
#[derive(Debug)]
pub enum Refused {
    /// Nobody could administer the controller afterwards.
    LastAdmin,
    /// Something changed between showing the difference and applying it.
    ChangedMeanwhile,
    /// It failed.
    Failed(AppError),
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::LastAdmin => f.write_str(
                "nothing was applied: no enabled user with the role Admin would be left; keep one \
                 in the file",
            ),
            Self::ChangedMeanwhile => f.write_str(
                "nothing was applied: the organisation changed since the difference was shown; \
                 run the command again",
            ),
            Self::Failed(AppError::Refused(problem) | AppError::Later { problem, .. }) => {
                write!(f, "nothing was applied: {}", problem.detail)
            }
            Self::Failed(AppError::Broken(error)) => write!(f, "nothing was applied: {error:#}"),
        }
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<AppError> for Refused {
    fn from(failure: AppError) -> Self {
        Self::Failed(failure)
    }
}

/// What a file does.
#[derive(Debug)]
pub struct Applied {
    /// The difference.
    pub plan: Plan,
    /// The organisation before.
    pub before: Organisation,
    /// The organisation as the file has it, with everything between people and resources as it was
    /// before: what follows is [`hourkey_domain::organisation::diff()`] of the two.
    pub after: Organisation,
}

/// Applies `file` and returns what was done.
///
/// # Errors
/// [`Refused`], and nothing changed. With `shown`, the difference must still be that one.
pub async fn apply(
    store: &Arc<dyn Store>,
    file: OrgFile,
    prune: bool,
    shown: Option<Plan>,
    now: Time,
) -> Result<Applied, Refused> {
    let compared = Compared::new(store, file, prune).await?;
    transact(store, Room::Usual, move |tx| {
        Box::pin(compared.apply(tx, shown, now))
    })
    .await
}

/// A file and the organisation that it was compared with.
#[derive(Clone)]
pub(super) struct Compared {
    file: Arc<OrgFile>,
    prune: bool,
    known: Arc<Organisation>,
    plan: Plan,
}

impl Compared {
    /// Loads and compares. That comes before the transaction: nobody else writes while that runs.
    pub(super) async fn new(
        store: &Arc<dyn Store>,
        file: OrgFile,
        prune: bool,
    ) -> Result<Self, Refused> {
        let known = Directory::default().current(store).await?;
        Ok(Self {
            plan: Plan::new(&known, &file, prune),
            file: Arc::new(file),
            prune,
            known,
        })
    }

    /// Applies the file in a transaction, with what follows from it.
    pub(super) async fn apply(
        self,
        tx: &mut dyn Write,
        shown: Option<Plan>,
        now: Time,
    ) -> Result<Applied, Refused> {
        let before = directory::advanced(tx, &self.known).await?;
        let plan = match before.seq() == self.known.seq() {
            true => self.plan,
            false => Plan::new(&before, &self.file, self.prune),
        };
        if shown.is_some_and(|shown| shown != plan) {
            return Err(Refused::ChangedMeanwhile);
        }
        let mut after = before.clone();
        if !plan.is_empty() {
            Applier::new(tx, &before, now).run(&plan).await?;
            after = reconcile(tx, &before, None, now).await?;
            if has_admin(&before) && !has_admin(&after) {
                return Err(Refused::LastAdmin);
            }
        }
        Ok(Applied {
            plan,
            before,
            after,
        })
    }
}

fn has_admin(organisation: &Organisation) -> bool {
    let mut users = organisation.users();
    users.any(|user| !user.disabled && user.roles.contains(&Role::Admin))
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
            groups: today.groups().map(|it| (it.name.clone(), it.id)).collect(),
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
    async fn run(mut self, plan: &Plan) -> Result<(), Refused> {
        if let Some(name) = &plan.name {
            self.tx.set_organisation_name(name).await?;
            self.record(AuditAction::OrganisationRenamed, Entity::Name, name)
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
                Change::Replace { after, .. } => {
                    let id = known(&self.users, &after.login)?;
                    self.tx.update_user(user(id, after)).await?;
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

    async fn resources(&mut self, changes: &[Change<ResourceSpec>]) -> Result<(), Refused> {
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

    async fn remove(&mut self, plan: &Plan) -> Result<(), Refused> {
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
    ) -> Result<(), Refused> {
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

    fn group(&self, id: GroupId, spec: &GroupSpec) -> Result<Group, Refused> {
        let mut members = ids(&self.users, &spec.members)?;
        members.sort_unstable();
        Ok(Group {
            id,
            name: spec.name.clone(),
            members,
        })
    }

    fn resource(&self, id: ResourceId, spec: &ResourceSpec) -> Result<Resource, Refused> {
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
        })
    }

    fn assignment(&self, id: AssignmentId, spec: &AssignmentSpec) -> Result<Assignment, Refused> {
        Ok(Assignment {
            auto_locks_since: None,
            id,
            group: known(&self.groups, &spec.group)?,
            resource: known(&self.resources, &spec.resource)?,
            until: spec.until,
            own: spec.own,
        })
    }

    fn assignment_id(&self, spec: &AssignmentSpec) -> Result<AssignmentId, Refused> {
        let key = (
            known(&self.groups, &spec.group)?,
            known(&self.resources, &spec.resource)?,
        );
        self.assignments
            .get(&key)
            .copied()
            .ok_or_else(|| missing(&assignment_key(spec)))
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
    }
}

fn ids<Id: Copy>(known_ids: &BTreeMap<String, Id>, names: &[String]) -> Result<Vec<Id>, Refused> {
    names.iter().map(|name| known(known_ids, name)).collect()
}

/// The id of a name that the file's checks, or the plan, vouch for.
fn known<Id: Copy>(ids: &BTreeMap<String, Id>, name: &str) -> Result<Id, Refused> {
    ids.get(name).copied().ok_or_else(|| missing(name))
}

fn missing(name: &str) -> Refused {
    Refused::Failed(AppError::Broken(anyhow::anyhow!(
        "{name:?} is in the plan but not in the store"
    )))
}
