//! Users, groups, networks, resources, assignments and approvers.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hourkey_domain::ids::{AssignmentId, GroupId, NetworkId, ResourceId, UserId};
pub use hourkey_domain::organisation::{
    About, Assignment, Earlier, Group, HeldBack, Joined, Network, Resource, User,
};
use hourkey_domain::periods::Periods;
use hourkey_domain::settings::EffectiveAssignment;

use crate::StoreError;

/// The organisation as a whole, each list in order of id. Removed things are not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Organisation {
    /// Its name; empty before the first set-up.
    pub name: String,
    /// The access periods that it offers.
    pub periods: Periods,
    /// Groups whose members review what nobody else can (rule 14), in order of id.
    pub fallback_reviewers: Vec<GroupId>,
    /// Its people.
    pub users: Vec<User>,
    /// Its groups, without the built-in one.
    pub groups: Vec<Group>,
    /// Since when their members are in them, where that was noted.
    pub joined: Vec<(GroupId, Joined)>,
    /// Its networks.
    pub networks: Vec<Network>,
    /// Its resources.
    pub resources: Vec<Resource>,
    /// Its assignments.
    pub assignments: Vec<Assignment>,
}

/// A resource that a user can reach, with all their assignments to it (their groups' assignments,
/// settings resolved; also those past their end date).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reachable {
    /// The resource.
    pub resource: Resource,
    /// The assignments, in order of id.
    pub assignments: Vec<EffectiveAssignment>,
}

/// Reads the organisation. Removed things are unknown here.
#[async_trait]
pub trait OrganisationRead: Send {
    /// The whole organisation.
    async fn organisation(&mut self) -> Result<Organisation, StoreError>;

    /// Its name; empty before the first set-up.
    async fn organisation_name(&mut self) -> Result<String, StoreError>;

    /// Which controller this is: 32 hexadecimal digits, made once by chance. Ids mean something here alone.
    async fn installation(&mut self) -> Result<String, StoreError>;

    /// The access periods that it offers.
    async fn periods(&mut self) -> Result<Periods, StoreError>;

    /// Whether there is any user.
    async fn has_users(&mut self) -> Result<bool, StoreError>;

    /// One user.
    async fn user(&mut self, id: UserId) -> Result<Option<User>, StoreError>;

    /// One user by the name they sign in with (compared in lower case).
    async fn user_by_login(&mut self, login: &str) -> Result<Option<User>, StoreError>;

    /// Names for ids, also of users who were removed since: for showing who did something.
    async fn user_name(&mut self, id: UserId) -> Result<Option<(String, String)>, StoreError>;

    /// One resource, also when it was removed since (`bool`: still there).
    async fn resource(&mut self, id: ResourceId) -> Result<Option<(Resource, bool)>, StoreError>;

    /// Everybody who was removed: id, login, name.
    async fn removed_users(&mut self) -> Result<Vec<(UserId, String, String)>, StoreError>;

    /// The resources that were removed.
    async fn removed_resources(&mut self) -> Result<Vec<ResourceId>, StoreError>;

    /// One group with its members; not the built-in one, which a store has for assignments alone.
    async fn group(&mut self, id: GroupId) -> Result<Option<Group>, StoreError>;

    /// One network.
    async fn network(&mut self, id: NetworkId) -> Result<Option<Network>, StoreError>;

    /// One assignment.
    async fn assignment(&mut self, id: AssignmentId) -> Result<Option<Assignment>, StoreError>;

    /// Since when its members are in a group, as far as that was noted ([`crate::usage::UsageWrite::start_counts`]).
    async fn joined(&mut self, group: GroupId) -> Result<Joined, StoreError>;

    /// The assignments to a resource, in order of id.
    async fn assignments_of(&mut self, resource: ResourceId)
    -> Result<Vec<Assignment>, StoreError>;

    /// A network's name.
    async fn network_name(&mut self, id: NetworkId) -> Result<Option<String>, StoreError>;

    /// A group's name, also when it was removed since.
    async fn group_name(&mut self, id: GroupId) -> Result<Option<String>, StoreError>;

    /// What a user can reach, without what is held back from them (or just one resource of it), in order of resource id.
    async fn reachable(
        &mut self,
        user: UserId,
        resource: Option<ResourceId>,
    ) -> Result<Vec<Reachable>, StoreError>;

    /// One assignment with its live settings, whoever asks.
    async fn effective_assignment(
        &mut self,
        assignment: AssignmentId,
    ) -> Result<Option<EffectiveAssignment>, StoreError>;

    /// What is held back from a user, or from anybody (rule 6), in order of user and assignment.
    async fn held_back(&mut self, user: Option<UserId>) -> Result<Vec<HeldBack>, StoreError>;

    /// When an enabled administrator last went, or was disabled.
    async fn admin_went_at(&mut self) -> Result<Option<DateTime<Utc>>, StoreError>;

    /// Resources for which the user is an approver through one of their groups.
    async fn approves(&mut self, user: UserId) -> Result<Vec<ResourceId>, StoreError>;

    /// Enabled users who may review requests for a resource: by role, or as its approvers.
    async fn reviewers_of(&mut self, resource: ResourceId) -> Result<Vec<UserId>, StoreError>;

    /// The enabled users with the role Admin, in order of id.
    async fn administrators(&mut self) -> Result<Vec<UserId>, StoreError>;

    /// The organisation's groups of fallback reviewers, in order of id.
    async fn fallback_groups(&mut self) -> Result<Vec<GroupId>, StoreError>;

    /// Enabled members of the organisation's groups of fallback reviewers, in order of id.
    async fn fallback_reviewers(&mut self) -> Result<Vec<UserId>, StoreError>;

    /// The resources that fewer than two enabled users review
    /// ([`OrganisationRead::reviewers_of`]), removed ones too, each with the one who does, if any.
    async fn scarcely_reviewed(&mut self) -> Result<Vec<(ResourceId, Option<UserId>)>, StoreError>;

    /// The resources at which nobody who reviews them decides what this person asks for, of people from
    /// whom accounts are barred: links to their passwords were shown to them ([`crate::account::ShownLink`]).
    async fn all_barred(&mut self) -> Result<Vec<(ResourceId, UserId)>, StoreError>;
}

/// Writes the organisation. Removing keeps the row for history; ids are never reused.
#[async_trait]
pub trait OrganisationWrite: OrganisationRead {
    /// Sets the organisation's name.
    async fn set_organisation_name(&mut self, name: &str) -> Result<(), StoreError>;

    /// Replaces the access periods that it offers.
    async fn set_periods(&mut self, periods: Periods) -> Result<(), StoreError>;

    /// Replaces the organisation's groups of fallback reviewers.
    async fn set_fallback_reviewers(&mut self, groups: Vec<GroupId>) -> Result<(), StoreError>;

    /// Sets what is held back from a user, in place of what was.
    async fn set_held_back(&mut self, user: UserId, all: Vec<HeldBack>) -> Result<(), StoreError>;

    /// Notes when an enabled administrator went, or was disabled.
    async fn set_admin_went_at(&mut self, at: DateTime<Utc>) -> Result<(), StoreError>;

    /// Adds a user; the `id` given is ignored.
    async fn insert_user(&mut self, user: User) -> Result<UserId, StoreError>;

    /// Replaces a user's fields.
    async fn update_user(&mut self, user: User) -> Result<(), StoreError>;

    /// Removes a user, their memberships and sessions.
    async fn remove_user(&mut self, id: UserId) -> Result<(), StoreError>;

    /// Adds a group with its members; the `id` given is ignored.
    async fn insert_group(&mut self, group: Group) -> Result<GroupId, StoreError>;

    /// Replaces a group's name and members.
    async fn update_group(&mut self, group: Group) -> Result<(), StoreError>;

    /// Removes a group, its memberships, assignments, approverships and its part in the fallback.
    async fn remove_group(&mut self, id: GroupId) -> Result<(), StoreError>;

    /// Adds a network.
    async fn insert_network(&mut self, name: &str) -> Result<NetworkId, StoreError>;

    /// Gives a network another name.
    async fn rename_network(&mut self, id: NetworkId, name: &str) -> Result<(), StoreError>;

    /// Removes a network that no resource is in.
    async fn remove_network(&mut self, id: NetworkId) -> Result<(), StoreError>;

    /// Adds a resource with its approvers; the `id` given is ignored.
    async fn insert_resource(&mut self, resource: Resource) -> Result<ResourceId, StoreError>;

    /// Replaces a resource's fields and approvers.
    async fn update_resource(&mut self, resource: Resource) -> Result<(), StoreError>;

    /// Removes a resource and its assignments.
    async fn remove_resource(&mut self, id: ResourceId) -> Result<(), StoreError>;

    /// Adds an assignment; the `id` given is ignored.
    async fn insert_assignment(
        &mut self,
        assignment: Assignment,
    ) -> Result<AssignmentId, StoreError>;

    /// Replaces an assignment's end and own settings.
    async fn update_assignment(&mut self, assignment: Assignment) -> Result<(), StoreError>;

    /// Removes an assignment.
    async fn remove_assignment(&mut self, id: AssignmentId) -> Result<(), StoreError>;
}
