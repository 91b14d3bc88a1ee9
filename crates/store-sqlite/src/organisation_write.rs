//! The organisation, as it is written. What is removed keeps its row.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hourkey_domain::ids::{AssignmentId, GroupId, NetworkId, ResourceId, UserId};
use hourkey_domain::periods::Periods;
use hourkey_domain::review::Role;
use hourkey_store::StoreError;
use hourkey_store::organisation::{Assignment, Group, HeldBack, OrganisationWrite, Resource, User};
use sqlx::query;

use crate::column::{Columns, DbEnum, json, millis, period};
use crate::tx::{Sql, Tx};

#[async_trait]
impl OrganisationWrite for Tx {
    async fn set_organisation_name(&mut self, name: &str) -> Result<(), StoreError> {
        self.run(query("UPDATE organisation SET name = ?").bind(name))
            .await?;
        Ok(())
    }

    async fn set_periods(&mut self, periods: Periods) -> Result<(), StoreError> {
        let update = query("UPDATE organisation SET periods = ?").bind(json(&periods)?);
        self.run(update).await?;
        Ok(())
    }

    async fn set_fallback_reviewers(&mut self, mut groups: Vec<GroupId>) -> Result<(), StoreError> {
        groups.sort_unstable();
        groups.dedup();
        self.run(query("DELETE FROM fallback_reviewers")).await?;
        let insert = query(
            "INSERT INTO fallback_reviewers (group_id) SELECT g.id FROM json_each(?) j \
             JOIN groups g ON g.id = j.value WHERE g.removed = 0 AND g.id > 0",
        );
        self.run_for_each(
            insert.bind(json(&groups)?),
            groups.len(),
            "a group of fallback reviewers",
        )
        .await
    }

    async fn set_held_back(&mut self, user: UserId, all: Vec<HeldBack>) -> Result<(), StoreError> {
        let forget = query("DELETE FROM held_back WHERE user_id = ?").bind(user.0);
        self.run(forget).await?;
        for held in all {
            let insert = query(
                "INSERT INTO held_back (user_id, assignment_id, until, earlier) \
                 SELECT u.id, a.id, ?, ? FROM users u, assignments a \
                 WHERE u.id = ? AND u.removed = 0 AND a.id = ? AND a.removed = 0",
            )
            .bind(millis(held.until))
            .bind(held.earlier.map(|earlier| json(&earlier)).transpose()?)
            .bind(user.0)
            .bind(held.assignment.0);
            let what = || format!("what is held back of assignment {}", held.assignment);
            self.update_one(insert, what).await?;
        }
        Ok(())
    }

    async fn set_admin_went_at(&mut self, at: DateTime<Utc>) -> Result<(), StoreError> {
        let note = query("UPDATE organisation SET admin_went_at = ?").bind(millis(at));
        self.run(note).await?;
        Ok(())
    }

    async fn insert_user(&mut self, user: User) -> Result<UserId, StoreError> {
        let insert = query(
            "INSERT INTO users \
             (login, name, email, member, access_reviewer, operator, auditor, admin, disabled) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        );
        Ok(UserId(
            self.run(user_fields(insert, &user))
                .await?
                .last_insert_rowid(),
        ))
    }

    async fn update_user(&mut self, user: User) -> Result<(), StoreError> {
        let update = query(
            "UPDATE users SET login = ?, name = ?, email = ?, member = ?, access_reviewer = ?, \
             operator = ?, auditor = ?, admin = ?, disabled = ? WHERE id = ? AND removed = 0",
        );
        let update = user_fields(update, &user).bind(user.id.0);
        self.update_one(update, || format!("user {}", user.id))
            .await
    }

    async fn remove_user(&mut self, id: UserId) -> Result<(), StoreError> {
        let remove = query(
            "UPDATE users SET removed = 1, password_hash = NULL WHERE id = ? AND removed = 0",
        );
        self.update_one(remove.bind(id.0), || format!("user {id}"))
            .await?;
        for rest in [
            "DELETE FROM memberships WHERE user_id = ?",
            "DELETE FROM sessions WHERE user_id = ?",
            "DELETE FROM codes WHERE user_id = ?",
            "DELETE FROM device_codes WHERE user_id = ?",
            "DELETE FROM reset_links WHERE user_id = ?",
            "DELETE FROM known_browsers WHERE user_id = ?",
            "DELETE FROM second_factors WHERE user_id = ?",
        ] {
            self.run(query(rest).bind(id.0)).await?;
        }
        Ok(())
    }

    async fn insert_group(&mut self, group: Group) -> Result<GroupId, StoreError> {
        let insert = query("INSERT INTO groups (name) VALUES (?)").bind(group.name);
        let id = GroupId(self.run(insert).await?.last_insert_rowid());
        self.set_members(id, group.members).await?;
        Ok(id)
    }

    async fn update_group(&mut self, group: Group) -> Result<(), StoreError> {
        let update = query("UPDATE groups SET name = ? WHERE id = ? AND removed = 0 AND id > 0")
            .bind(group.name)
            .bind(group.id.0);
        self.update_one(update, || format!("group {}", group.id))
            .await?;
        self.set_members(group.id, group.members).await
    }

    async fn remove_group(&mut self, id: GroupId) -> Result<(), StoreError> {
        let remove = query("UPDATE groups SET removed = 1 WHERE id = ? AND removed = 0 AND id > 0");
        self.update_one(remove.bind(id.0), || format!("group {id}"))
            .await?;
        for rest in [
            "DELETE FROM memberships WHERE group_id = ?",
            "DELETE FROM approvers WHERE group_id = ?",
            "DELETE FROM fallback_reviewers WHERE group_id = ?",
            "UPDATE assignments SET removed = 1 WHERE group_id = ? AND removed = 0",
        ] {
            self.run(query(rest).bind(id.0)).await?;
        }
        Ok(())
    }

    async fn insert_network(&mut self, name: &str) -> Result<NetworkId, StoreError> {
        let insert = query("INSERT INTO networks (name) VALUES (?)").bind(name);
        Ok(NetworkId(self.run(insert).await?.last_insert_rowid()))
    }

    async fn rename_network(&mut self, id: NetworkId, name: &str) -> Result<(), StoreError> {
        let rename = query("UPDATE networks SET name = ? WHERE id = ? AND removed = 0")
            .bind(name)
            .bind(id.0);
        self.update_one(rename, || format!("network {id}")).await
    }

    async fn remove_network(&mut self, id: NetworkId) -> Result<(), StoreError> {
        let resource =
            query("SELECT 1 FROM resources WHERE network_id = ? AND removed = 0 LIMIT 1");
        if self.any(resource.bind(id.0)).await? {
            return Err(StoreError::Refused(format!(
                "network {id} still holds resources"
            )));
        }
        let remove = query("UPDATE networks SET removed = 1 WHERE id = ? AND removed = 0");
        self.update_one(remove.bind(id.0), || format!("network {id}"))
            .await
    }

    async fn insert_resource(&mut self, resource: Resource) -> Result<ResourceId, StoreError> {
        self.require_network(resource.network).await?;
        let insert = query(
            "INSERT INTO resources (name, address, ports, alias, network_id, tags, url, \
             outlasts_controller, mode, period, period_seconds, recommended_seconds, approval, \
             lock_after, enabled, visibility, description, how_to_use, owner_id) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        );
        let insert = resource_fields(insert, &resource)?;
        let id = ResourceId(self.run(insert).await?.last_insert_rowid());
        self.set_approvers(id, resource.approvers).await?;
        Ok(id)
    }

    async fn update_resource(&mut self, resource: Resource) -> Result<(), StoreError> {
        self.require_network(resource.network).await?;
        let update = query(
            "UPDATE resources SET name = ?, address = ?, ports = ?, alias = ?, network_id = ?, \
             tags = ?, url = ?, outlasts_controller = ?, mode = ?, period = ?, \
             period_seconds = ?, recommended_seconds = ?, approval = ?, lock_after = ?, \
             enabled = ?, visibility = ?, description = ?, how_to_use = ?, owner_id = ? \
             WHERE id = ? AND removed = 0",
        );
        let update = resource_fields(update, &resource)?.bind(resource.id.0);
        self.update_one(update, || format!("resource {}", resource.id))
            .await?;
        self.set_approvers(resource.id, resource.approvers).await
    }

    async fn remove_resource(&mut self, id: ResourceId) -> Result<(), StoreError> {
        let remove = query("UPDATE resources SET removed = 1 WHERE id = ? AND removed = 0");
        self.update_one(remove.bind(id.0), || format!("resource {id}"))
            .await?;
        let assignments =
            query("UPDATE assignments SET removed = 1 WHERE resource_id = ? AND removed = 0");
        self.run(assignments.bind(id.0)).await?;
        Ok(())
    }

    async fn insert_assignment(
        &mut self,
        assignment: Assignment,
    ) -> Result<AssignmentId, StoreError> {
        let ends = query(
            "SELECT 1 FROM groups g, resources r \
             WHERE g.id = ? AND g.removed = 0 AND r.id = ? AND r.removed = 0",
        );
        if !self
            .any(ends.bind(assignment.group.0).bind(assignment.resource.0))
            .await?
        {
            return Err(StoreError::Refused(format!(
                "group {} or resource {} is unknown or removed",
                assignment.group, assignment.resource
            )));
        }
        let insert = query(
            "INSERT INTO assignments (until, mode, period, period_seconds, recommended_seconds, approval, \
             lock_after, group_id, resource_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        );
        let insert = assignment_fields(insert, &assignment)
            .bind(assignment.group.0)
            .bind(assignment.resource.0);
        Ok(AssignmentId(self.run(insert).await?.last_insert_rowid()))
    }

    async fn update_assignment(&mut self, assignment: Assignment) -> Result<(), StoreError> {
        let update = query(
            "UPDATE assignments SET until = ?, mode = ?, period = ?, period_seconds = ?, \
             recommended_seconds = ?, approval = ?, lock_after = ? WHERE id = ? AND removed = 0",
        );
        let update = assignment_fields(update, &assignment).bind(assignment.id.0);
        self.update_one(update, || format!("assignment {}", assignment.id))
            .await
    }

    async fn remove_assignment(&mut self, id: AssignmentId) -> Result<(), StoreError> {
        let remove = query("UPDATE assignments SET removed = 1 WHERE id = ? AND removed = 0");
        self.update_one(remove.bind(id.0), || format!("assignment {id}"))
            .await
    }
}

impl Tx {
    async fn set_members(
        &mut self,
        group: GroupId,
        mut members: Vec<UserId>,
    ) -> Result<(), StoreError> {
        members.sort_unstable();
        members.dedup();
        let count = members.len();
        let members = json(&members)?;
        // Those who stay are in it since when they came.
        let leave = query(
            "DELETE FROM memberships WHERE group_id = ? \
             AND user_id NOT IN (SELECT value FROM json_each(?))",
        );
        self.run(leave.bind(group.0).bind(members.clone())).await?;
        let stayed = query("SELECT count(*) AS stayed FROM memberships WHERE group_id = ?");
        let stayed = self
            .one(stayed.bind(group.0), |row| row.col::<i64>("stayed"))
            .await?;
        let stayed = usize::try_from(stayed.unwrap_or(0)).unwrap_or(0);
        let join = query(
            "INSERT INTO memberships (group_id, user_id) SELECT ?, u.id \
             FROM json_each(?) j JOIN users u ON u.id = j.value WHERE u.removed = 0 \
             ON CONFLICT DO NOTHING",
        );
        let join = join.bind(group.0).bind(members);
        self.run_for_each(join, count - stayed.min(count), "a member")
            .await
    }

    async fn set_approvers(
        &mut self,
        resource: ResourceId,
        mut approvers: Vec<GroupId>,
    ) -> Result<(), StoreError> {
        approvers.sort_unstable();
        approvers.dedup();
        self.run(query("DELETE FROM approvers WHERE resource_id = ?").bind(resource.0))
            .await?;
        let insert = query(
            "INSERT INTO approvers (resource_id, group_id) SELECT ?, g.id FROM json_each(?) j \
             JOIN groups g ON g.id = j.value WHERE g.removed = 0 AND g.id > 0",
        );
        let insert = insert.bind(resource.0).bind(json(&approvers)?);
        self.run_for_each(insert, approvers.len(), "a group of approvers")
            .await
    }

    /// Runs an insert that must add `count` rows: fewer, and one of the ids was not there.
    async fn run_for_each(
        &mut self,
        insert: Sql<'_>,
        count: usize,
        what: &str,
    ) -> Result<(), StoreError> {
        if self.run(insert).await?.rows_affected() != count as u64 {
            return Err(StoreError::Refused(format!("{what} is unknown or removed")));
        }
        Ok(())
    }

    pub(crate) async fn require_network(&mut self, id: NetworkId) -> Result<(), StoreError> {
        let network = query("SELECT 1 FROM networks WHERE id = ? AND removed = 0").bind(id.0);
        if !self.any(network).await? {
            return Err(StoreError::Refused(format!(
                "network {id} is unknown or removed"
            )));
        }
        Ok(())
    }
}

fn user_fields<'q>(sql: Sql<'q>, user: &User) -> Sql<'q> {
    sql.bind(user.login.to_lowercase())
        .bind(user.name.clone())
        .bind(user.email.clone())
        .bind(user.roles.contains(&Role::Member))
        .bind(user.roles.contains(&Role::AccessReviewer))
        .bind(user.roles.contains(&Role::Operator))
        .bind(user.roles.contains(&Role::Auditor))
        .bind(user.roles.contains(&Role::Admin))
        .bind(user.disabled)
}

fn resource_fields<'q>(sql: Sql<'q>, resource: &Resource) -> Result<Sql<'q>, StoreError> {
    let (settings, about) = (resource.settings, &resource.about);
    let (period, seconds, recommended) = period(settings.period);
    Ok(sql
        .bind(resource.name.clone())
        .bind(resource.address.to_string())
        .bind(resource.ports.to_string())
        .bind(resource.alias.clone())
        .bind(resource.network.0)
        .bind(json(&resource.tags)?)
        .bind(resource.url.clone())
        .bind(resource.keep_alive_offline)
        .bind(settings.mode.db_name())
        .bind(period)
        .bind(seconds)
        .bind(recommended)
        .bind(settings.approval.db_name())
        .bind(settings.lock_after)
        .bind(about.enabled)
        .bind(about.visibility.db_name())
        .bind(about.description.clone())
        .bind(about.how_to_use.clone())
        .bind(about.owner.map(|owner| owner.0)))
}

fn assignment_fields<'q>(sql: Sql<'q>, assignment: &Assignment) -> Sql<'q> {
    let own = assignment.own;
    let period = own.period.map(period);
    sql.bind(assignment.until.map(millis))
        .bind(own.mode.map(DbEnum::db_name))
        .bind(period.map(|(word, ..)| word))
        .bind(period.map(|(_, seconds, _)| seconds))
        .bind(period.and_then(|(.., recommended)| recommended))
        .bind(own.approval.map(DbEnum::db_name))
        .bind(own.lock_after)
}
