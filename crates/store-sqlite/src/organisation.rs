//! The organisation, as it is read.

use std::collections::HashMap;

use async_trait::async_trait;
use hourkey_domain::Time;
use hourkey_domain::ids::{AssignmentId, GroupId, NetworkId, ResourceId, UserId};
use hourkey_domain::periods::Periods;
use hourkey_domain::review::Role;
use hourkey_domain::settings::{EffectiveAssignment, Override, Settings};
use hourkey_store::StoreError;
use hourkey_store::organisation::{
    About, Assignment, Group, HeldBack, Joined, Network, Organisation, OrganisationRead, Reachable,
    Resource, User,
};
use sqlx::query;
use sqlx::sqlite::SqliteRow;

use crate::column::{Columns, unreadable};
use crate::tx::Tx;

macro_rules! users {
    ($rest:literal) => {
        concat!(
            "SELECT id, login, name, email, member, access_reviewer, operator, auditor, admin, disabled, \
             since FROM users ",
            $rest
        )
    };
}

macro_rules! resources {
    ($($rest:literal),+) => {
        concat!(
            "SELECT id, name, address, ports, alias, network_id, tags, url, \
             outlasts_controller, mode, period, period_seconds, recommended_seconds, approval, \
             lock_after, removed, enabled, visibility, description, how_to_use, owner_id, \
             (SELECT json_group_array(group_id) FROM approvers WHERE resource_id = resources.id) \
             AS approvers FROM resources ",
            $($rest),+
        )
    };
}

macro_rules! assignments {
    ($($rest:literal),+) => {
        concat!(
            "SELECT id, group_id, resource_id, until, mode, period, period_seconds, \
             recommended_seconds, approval, lock_after, auto_locks_since FROM assignments ",
            $($rest),+
        )
    };
}

/// SQLite joins in this order only when told so (CROSS JOIN): by itself it looks at each user, so that
/// they come in order.
const FALLBACK_REVIEWERS: &str = "SELECT DISTINCT u.id FROM fallback_reviewers f \
     CROSS JOIN memberships m ON m.group_id = f.group_id \
     CROSS JOIN users u ON u.id = m.user_id \
     WHERE u.disabled = 0 ORDER BY u.id";

#[async_trait]
impl OrganisationRead for Tx {
    async fn organisation(&mut self) -> Result<Organisation, StoreError> {
        let mut members: HashMap<GroupId, Vec<(UserId, Option<Time>)>> = HashMap::new();
        let memberships =
            query("SELECT group_id, user_id, since FROM memberships ORDER BY user_id");
        let memberships = self.all(memberships, |row| {
            Ok((GroupId(row.col("group_id")?), member(row)?))
        });
        for (group, member) in memberships.await? {
            members.entry(group).or_default().push(member);
        }
        let joined = members
            .iter()
            .map(|(group, members)| (*group, Joined::new(members)));
        let joined = joined.filter(|(_, joined)| *joined != Joined::default());
        let mut joined: Vec<_> = joined.collect();
        joined.sort_unstable_by_key(|(group, _)| *group);
        let groups = query("SELECT id, name FROM groups WHERE removed = 0 AND id > 0 ORDER BY id");
        let networks = query("SELECT id, name FROM networks WHERE removed = 0 ORDER BY id");
        Ok(Organisation {
            name: self.organisation_name().await?,
            periods: self.periods().await?,
            fallback_reviewers: self.fallback_groups().await?,
            users: self
                .all(query(users!("WHERE removed = 0 ORDER BY id")), user)
                .await?,
            groups: self
                .all(groups, |row| {
                    Ok((GroupId(row.col("id")?), row.col("name")?))
                })
                .await?
                .into_iter()
                .map(|(id, name)| Group {
                    id,
                    name,
                    members: members.remove(&id).map(ids).unwrap_or_default(),
                })
                .collect(),
            joined,
            networks: self
                .all(networks, |row| {
                    Ok(Network {
                        id: NetworkId(row.col("id")?),
                        name: row.col("name")?,
                    })
                })
                .await?,
            resources: self
                .all(query(resources!("WHERE removed = 0 ORDER BY id")), resource)
                .await?,
            assignments: self
                .all(
                    query(assignments!("WHERE removed = 0 ORDER BY id")),
                    assignment,
                )
                .await?,
        })
    }

    async fn organisation_name(&mut self) -> Result<String, StoreError> {
        let name = self
            .one(query("SELECT name FROM organisation"), |row| {
                row.col("name")
            })
            .await?;
        name.ok_or_else(|| StoreError::Corrupt("the organisation has no row".to_owned()))
    }

    async fn installation(&mut self) -> Result<String, StoreError> {
        let installation = query("SELECT installation FROM organisation");
        let installation = self.one(installation, |row| row.col("installation"));
        let installation = installation.await?;
        installation.ok_or_else(|| StoreError::Corrupt("the organisation has no row".to_owned()))
    }

    async fn periods(&mut self) -> Result<Periods, StoreError> {
        let periods = query("SELECT periods FROM organisation");
        let periods = self.one(periods, |row| row.maybe_json("periods")).await?;
        Ok(periods.flatten().unwrap_or_default())
    }

    async fn has_users(&mut self) -> Result<bool, StoreError> {
        self.any(query("SELECT 1 FROM users WHERE removed = 0 LIMIT 1"))
            .await
    }

    async fn user(&mut self, id: UserId) -> Result<Option<User>, StoreError> {
        self.one(
            query(users!("WHERE id = ? AND removed = 0")).bind(id.0),
            user,
        )
        .await
    }

    async fn user_by_login(&mut self, login: &str) -> Result<Option<User>, StoreError> {
        let by_login = query(users!("WHERE login = ? AND removed = 0")).bind(login.to_lowercase());
        self.one(by_login, user).await
    }

    async fn user_name(&mut self, id: UserId) -> Result<Option<(String, String)>, StoreError> {
        let names = query("SELECT login, name FROM users WHERE id = ?").bind(id.0);
        self.one(names, |row| Ok((row.col("login")?, row.col("name")?)))
            .await
    }

    async fn resource(&mut self, id: ResourceId) -> Result<Option<(Resource, bool)>, StoreError> {
        let by_id = query(resources!("WHERE id = ?")).bind(id.0);
        self.one(by_id, |row| {
            Ok((resource(row)?, !row.col::<bool>("removed")?))
        })
        .await
    }

    async fn removed_users(&mut self) -> Result<Vec<(UserId, String, String)>, StoreError> {
        let removed = query("SELECT id, login, name FROM users WHERE removed = 1 ORDER BY id");
        self.all(removed, |row| {
            Ok((UserId(row.col("id")?), row.col("login")?, row.col("name")?))
        })
        .await
    }

    async fn removed_resources(&mut self) -> Result<Vec<ResourceId>, StoreError> {
        let removed = query("SELECT id FROM resources WHERE removed = 1 ORDER BY id");
        self.all(removed, |row| Ok(ResourceId(row.col("id")?)))
            .await
    }

    async fn group(&mut self, id: GroupId) -> Result<Option<Group>, StoreError> {
        let named =
            query("SELECT name FROM groups WHERE id = ? AND removed = 0 AND id > 0").bind(id.0);
        let Some(name) = self.one(named, |row| row.col("name")).await? else {
            return Ok(None);
        };
        let members = ids(self.members(id).await?);
        Ok(Some(Group { id, name, members }))
    }

    async fn joined(&mut self, group: GroupId) -> Result<Joined, StoreError> {
        Ok(Joined::new(&self.members(group).await?))
    }

    async fn network(&mut self, id: NetworkId) -> Result<Option<Network>, StoreError> {
        let named = query("SELECT name FROM networks WHERE id = ? AND removed = 0").bind(id.0);
        let name = self.one(named, |row| row.col("name")).await?;
        Ok(name.map(|name| Network { id, name }))
    }

    async fn assignment(&mut self, id: AssignmentId) -> Result<Option<Assignment>, StoreError> {
        let live = query(assignments!("WHERE id = ? AND removed = 0")).bind(id.0);
        self.one(live, assignment).await
    }

    async fn assignments_of(
        &mut self,
        resource: ResourceId,
    ) -> Result<Vec<Assignment>, StoreError> {
        let live = query(assignments!(
            "WHERE resource_id = ? AND removed = 0 ORDER BY id"
        ));
        self.all(live.bind(resource.0), assignment).await
    }

    async fn network_name(&mut self, id: NetworkId) -> Result<Option<String>, StoreError> {
        let name = query("SELECT name FROM networks WHERE id = ?").bind(id.0);
        self.one(name, |row| row.col("name")).await
    }

    async fn group_name(&mut self, id: GroupId) -> Result<Option<String>, StoreError> {
        let name = query("SELECT name FROM groups WHERE id = ?").bind(id.0);
        self.one(name, |row| row.col("name")).await
    }

    async fn reachable(
        &mut self,
        user: UserId,
        only: Option<ResourceId>,
    ) -> Result<Vec<Reachable>, StoreError> {
        // By the lists that name them, and by the built-in group.
        macro_rules! assigned {
            ($which:literal) => {
                concat!(
                    "SELECT a.*, m.since AS since FROM \
                     (SELECT group_id, since FROM memberships WHERE user_id = ?1 \
                     UNION ALL SELECT -1, since FROM users WHERE id = ?1 AND removed = 0) m \
                     JOIN assignments a ON a.group_id = m.group_id WHERE a.removed = 0 ",
                    $which,
                    " ORDER BY a.id"
                )
            };
        }
        macro_rules! reached {
            ($which:literal) => {
                resources!(
                    "WHERE removed = 0 AND id IN (SELECT resource_id FROM assignments \
                     WHERE removed = 0 AND group_id IN \
                     (SELECT group_id FROM memberships WHERE user_id = ?1 UNION ALL SELECT -1) ",
                    $which,
                    ") ORDER BY id"
                )
            };
        }
        let (assigned, named) = match only {
            Some(only) => (
                query(assigned!("AND resource_id = ?2"))
                    .bind(user.0)
                    .bind(only.0),
                query(reached!("AND resource_id = ?2"))
                    .bind(user.0)
                    .bind(only.0),
            ),
            None => (
                query(assigned!("")).bind(user.0),
                query(reached!("")).bind(user.0),
            ),
        };
        let mut assignments: HashMap<ResourceId, Vec<(Assignment, Option<Time>)>> = HashMap::new();
        let assigned = self.all(assigned, |row| {
            Ok((assignment(row)?, row.maybe_time("since")?))
        });
        for (assignment, joined) in assigned.await? {
            let here = assignments.entry(assignment.resource).or_default();
            here.push((assignment, joined));
        }
        let resources = self.all(named, resource).await?;
        let held = self.held_back(Some(user)).await?.into_iter();
        let longest = self.periods().await?.longest();
        let held: HashMap<_, _> = held.map(|held| (held.assignment, held)).collect();
        let reachable = resources.into_iter().map(|resource| {
            let assignments = assignments.remove(&resource.id).unwrap_or_default();
            let assignments = assignments.iter().filter_map(|(own, joined)| {
                let live = own.effective_for(resource.settings, longest, *joined);
                let held = held.get(&own.id);
                held.map_or(Some(live), |held| held.applied(live))
            });
            Reachable {
                assignments: assignments.collect(),
                resource,
            }
        });
        Ok(reachable
            .filter(|reachable| !reachable.assignments.is_empty())
            .collect())
    }

    async fn held_back(&mut self, user: Option<UserId>) -> Result<Vec<HeldBack>, StoreError> {
        macro_rules! held_back {
            ($which:literal) => {
                concat!(
                    "SELECT h.user_id, h.assignment_id, h.until, h.earlier FROM held_back h \
                     JOIN users u ON u.id = h.user_id AND u.removed = 0 \
                     JOIN assignments a ON a.id = h.assignment_id AND a.removed = 0 ",
                    $which,
                    " ORDER BY h.user_id, h.assignment_id"
                )
            };
        }
        let held = match user {
            Some(user) => query(held_back!("WHERE h.user_id = ?")).bind(user.0),
            None => query(held_back!("")),
        };
        self.all(held, |row| {
            Ok(HeldBack {
                user: UserId(row.col("user_id")?),
                assignment: AssignmentId(row.col("assignment_id")?),
                until: row.time("until")?,
                earlier: row.maybe_json("earlier")?,
            })
        })
        .await
    }

    async fn admin_went_at(&mut self) -> Result<Option<Time>, StoreError> {
        let at = query("SELECT admin_went_at FROM organisation");
        let at = self.one(at, |row| row.maybe_time("admin_went_at")).await?;
        Ok(at.flatten())
    }

    async fn effective_assignment(
        &mut self,
        id: AssignmentId,
    ) -> Result<Option<EffectiveAssignment>, StoreError> {
        let live = query(assignments!("WHERE id = ? AND removed = 0")).bind(id.0);
        let Some(assignment) = self.one(live, assignment).await? else {
            return Ok(None);
        };
        let resource = self.resource(assignment.resource).await?;
        let longest = self.periods().await?.longest();
        Ok(resource.map(|(resource, _)| assignment.effective(resource.settings, longest)))
    }

    async fn approves(&mut self, user: UserId) -> Result<Vec<ResourceId>, StoreError> {
        let approved = query(
            "SELECT DISTINCT r.id FROM memberships m JOIN approvers a ON a.group_id = m.group_id \
             JOIN resources r ON r.id = a.resource_id \
             WHERE m.user_id = ? AND r.removed = 0 ORDER BY r.id",
        );
        self.all(approved.bind(user.0), |row| Ok(ResourceId(row.col("id")?)))
            .await
    }

    async fn reviewers_of(&mut self, resource: ResourceId) -> Result<Vec<UserId>, StoreError> {
        let reviewers = query(
            "SELECT id FROM users \
             WHERE (access_reviewer OR admin) AND removed = 0 AND disabled = 0 \
             UNION SELECT u.id FROM approvers a JOIN resources r ON r.id = a.resource_id \
             JOIN memberships m ON m.group_id = a.group_id JOIN users u ON u.id = m.user_id \
             WHERE a.resource_id = ? AND r.removed = 0 AND u.disabled = 0 ORDER BY id",
        );
        self.all(reviewers.bind(resource.0), |row| Ok(UserId(row.col("id")?)))
            .await
    }

    async fn administrators(&mut self) -> Result<Vec<UserId>, StoreError> {
        let administrators =
            query("SELECT id FROM users WHERE admin AND removed = 0 AND disabled = 0 ORDER BY id");
        self.all(administrators, |row| Ok(UserId(row.col("id")?)))
            .await
    }

    async fn fallback_groups(&mut self) -> Result<Vec<GroupId>, StoreError> {
        let groups = query("SELECT group_id FROM fallback_reviewers ORDER BY group_id");
        self.all(groups, |row| Ok(GroupId(row.col("group_id")?)))
            .await
    }

    async fn fallback_reviewers(&mut self) -> Result<Vec<UserId>, StoreError> {
        let reviewers = query(FALLBACK_REVIEWERS);
        self.all(reviewers, |row| Ok(UserId(row.col("id")?))).await
    }

    async fn scarcely_reviewed(&mut self) -> Result<Vec<(ResourceId, Option<UserId>)>, StoreError> {
        let scarce = query(
            "WITH by_role AS (SELECT id FROM users \
                 WHERE (access_reviewer OR admin) AND removed = 0 AND disabled = 0), \
             reviewing AS (SELECT r.id AS resource_id, b.id AS user_id \
                 FROM resources r CROSS JOIN by_role b \
                 UNION SELECT a.resource_id, u.id FROM approvers a \
                 JOIN resources r ON r.id = a.resource_id \
                 JOIN memberships m ON m.group_id = a.group_id JOIN users u ON u.id = m.user_id \
                 WHERE r.removed = 0 AND u.disabled = 0) \
             SELECT r.id, min(v.user_id) AS one FROM resources r \
             LEFT JOIN reviewing v ON v.resource_id = r.id \
             WHERE (SELECT count(*) FROM by_role) < 2 \
             GROUP BY r.id HAVING count(v.user_id) < 2 ORDER BY r.id",
        );
        self.all(scarce, |row| {
            let one: Option<i64> = row.col("one")?;
            Ok((ResourceId(row.col("id")?), one.map(UserId)))
        })
        .await
    }

    async fn all_barred(&mut self) -> Result<Vec<(ResourceId, UserId)>, StoreError> {
        // From the few who were shown links to the few who review: never through all people.
        let barred = query(
            "WITH shown AS (SELECT DISTINCT shown_to AS id FROM shown_links), \
             requesters AS MATERIALIZED (SELECT q.id FROM shown q WHERE NOT EXISTS ( \
                 SELECT 1 FROM users u WHERE (u.access_reviewer OR u.admin) \
                 AND u.removed = 0 AND u.disabled = 0 AND u.id <> q.id \
                 AND NOT EXISTS (SELECT 1 FROM shown_links s \
                     WHERE s.user_id = u.id AND s.shown_to = q.id))) \
             SELECT r.id, q.id AS requester_id FROM requesters q CROSS JOIN resources r \
             WHERE r.removed = 0 AND NOT EXISTS ( \
                 SELECT 1 FROM approvers a CROSS JOIN memberships m ON m.group_id = a.group_id \
                 CROSS JOIN users u ON u.id = m.user_id \
                 WHERE a.resource_id = r.id AND u.removed = 0 AND u.disabled = 0 AND u.id <> q.id \
                 AND NOT EXISTS (SELECT 1 FROM shown_links s \
                     WHERE s.user_id = u.id AND s.shown_to = q.id)) \
             ORDER BY r.id, q.id",
        );
        self.all(barred, |row| {
            Ok((ResourceId(row.col("id")?), UserId(row.col("requester_id")?)))
        })
        .await
    }
}

impl Tx {
    /// In order of id.
    async fn members(&mut self, group: GroupId) -> Result<Vec<(UserId, Option<Time>)>, StoreError> {
        let members =
            query("SELECT user_id, since FROM memberships WHERE group_id = ? ORDER BY user_id");
        self.all(members.bind(group.0), member).await
    }
}

/// A member, and since when.
fn member(row: &SqliteRow) -> Result<(UserId, Option<Time>), StoreError> {
    Ok((UserId(row.col("user_id")?), row.maybe_time("since")?))
}

fn ids(members: Vec<(UserId, Option<Time>)>) -> Vec<UserId> {
    members.into_iter().map(|(id, _)| id).collect()
}

fn user(row: &SqliteRow) -> Result<User, StoreError> {
    let mut roles = Vec::new();
    for (column, role) in [
        ("member", Role::Member),
        ("access_reviewer", Role::AccessReviewer),
        ("operator", Role::Operator),
        ("auditor", Role::Auditor),
        ("admin", Role::Admin),
    ] {
        if row.col(column)? {
            roles.push(role);
        }
    }
    Ok(User {
        id: UserId(row.col("id")?),
        login: row.col("login")?,
        name: row.col("name")?,
        email: row.col("email")?,
        roles,
        disabled: row.col("disabled")?,
        since: row.maybe_time("since")?,
    })
}

fn resource(row: &SqliteRow) -> Result<Resource, StoreError> {
    let mut approvers: Vec<GroupId> = row.json("approvers")?;
    approvers.sort_unstable();
    Ok(Resource {
        id: ResourceId(row.col("id")?),
        name: row.col("name")?,
        address: row.parsed("address")?,
        ports: row.parsed("ports")?,
        alias: row.col("alias")?,
        network: NetworkId(row.col("network_id")?),
        tags: row.json("tags")?,
        url: row.col("url")?,
        keep_alive_offline: row.col("outlasts_controller")?,
        settings: Settings {
            mode: row.db_enum("mode")?,
            period: row
                .period()?
                .ok_or_else(|| unreadable("period", "nothing"))?,
            approval: row.db_enum("approval")?,
            lock_after: row.col("lock_after")?,
        },
        approvers,
        about: About {
            enabled: row.col("enabled")?,
            visibility: row.db_enum("visibility")?,
            description: row.col("description")?,
            how_to_use: row.col("how_to_use")?,
            owner: row.col::<Option<i64>>("owner_id")?.map(UserId),
        },
    })
}

fn assignment(row: &SqliteRow) -> Result<Assignment, StoreError> {
    Ok(Assignment {
        id: AssignmentId(row.col("id")?),
        group: GroupId(row.col("group_id")?),
        resource: ResourceId(row.col("resource_id")?),
        until: row.maybe_time("until")?,
        own: Override {
            mode: row.maybe_db_enum("mode")?,
            period: row.period()?,
            approval: row.maybe_db_enum("approval")?,
            lock_after: row.col("lock_after")?,
        },
        auto_locks_since: row.maybe_time("auto_locks_since")?,
    })
}

#[cfg(test)]
mod tests {
    use sqlx::{AssertSqlSafe, query_as};

    use super::*;

    #[tokio::test]
    async fn fallback_reviewers_are_found_without_a_look_at_each_user() {
        let folder = tempfile::tempdir().unwrap();
        let readers = crate::open::open(folder.path()).await.unwrap().readers;
        let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {FALLBACK_REVIEWERS}"));
        let plan = query_as(explain).fetch_all(&readers).await;
        let plan: Vec<(i64, i64, i64, String)> = plan.unwrap();
        let steps: Vec<&str> = plan.iter().map(|(.., step)| &**step).collect();
        assert_eq!(steps[0], "SCAN f", "{steps:?}");
        assert!(!steps.contains(&"SCAN u"), "{steps:?}");
    }
}
