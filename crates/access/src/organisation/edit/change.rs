//! What can be changed, and how a change is made: in the organisation's value, and in the store.

use hourkey_domain::Time;
use hourkey_domain::audit::AuditAction;
use hourkey_domain::ids::{AssignmentId, GroupId, NetworkId, ResourceId, UserId};
use hourkey_domain::organisation::{Assignment, Group, Network, Organisation, Resource, User};
use hourkey_domain::periods::Periods;
use hourkey_domain::review::Role;
use hourkey_domain::sentence::{Piece, Sentence, Thing};
use hourkey_protocol::problem::Code;
use hourkey_store::Write;
use hourkey_store::log::{Entity, Entry, Subject};
use hourkey_store::mail::AboutAccount;
use serde::Serialize;
use serde_json::{Value, json};

use super::super::file::{AssignmentSpec, GroupSpec, ResourceSpec, UserSpec};
use super::super::plan::Change;
use super::super::spec::names;
use crate::error::AppError;
use crate::identity::{reset, session};
use crate::mail::queue;

/// One change. What is new has the id 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// A resource as it should be.
    Resource(Resource),
    /// A resource goes, with all access to it.
    RemoveResource(ResourceId),
    /// A group's access as it should be: its end, and its own settings.
    Assignment(Assignment),
    /// A group loses its access.
    RemoveAssignment(AssignmentId),
    /// A new group, or a group's new name; its members stay.
    Group {
        /// Which; 0 for a new one.
        id: GroupId,
        /// Its name.
        name: String,
    },
    /// A group goes, with all that it gives access to.
    RemoveGroup(GroupId),
    /// Members come and go.
    Members {
        /// Of which group.
        group: GroupId,
        /// Who comes.
        join: Vec<UserId>,
        /// Who goes.
        leave: Vec<UserId>,
    },
    /// A new network, or a network's new name.
    Network {
        /// Which; 0 for a new one.
        id: NetworkId,
        /// Its name.
        name: String,
    },
    /// A network goes, in which nothing is any more.
    RemoveNetwork(NetworkId),
    /// New people.
    AddPeople {
        /// Each with the id 0.
        people: Vec<User>,
        /// Whether those with a mail address are sent a link to choose a password.
        invite: bool,
    },
    /// A person as they should be.
    Person(User),
    /// A person goes, with all that they have.
    RemovePerson(UserId),
    /// What holds for all.
    Organisation {
        /// Its name.
        name: String,
        /// The access periods that it offers.
        periods: Periods,
        /// Groups whose members review what nobody else can.
        fallback: Vec<GroupId>,
    },
}

/// What is new is called so until the store has numbered it.
const NEW: i64 = i64::MAX;

impl Edit {
    /// What it does to accounts themselves, which a comparison of access does not say.
    pub(super) fn about_people(&self, of: &Organisation) -> Vec<Sentence> {
        let said = |pieces: Vec<Piece>| pieces.into_iter().collect::<Sentence>();
        let named = |user: &User| Piece::of(Thing::User(user.id), user.name.clone());
        match self {
            Self::AddPeople { people, .. } => {
                let named = people.iter().take(5).flat_map(|person| {
                    let between = Piece::from(", ");
                    [between, Piece::name(person.name.clone())]
                });
                let count = match people.len() {
                    1 => "1 person is added: ".to_owned(),
                    many => format!("{many} people are added: "),
                };
                let mut pieces = vec![Piece::from(count)];
                pieces.extend(named.skip(1));
                pieces.push(match people.len() > 5 {
                    true => " and more.".into(),
                    false => ".".into(),
                });
                vec![said(pieces)]
            }
            Self::RemovePerson(id) => {
                let gone = of.user(*id).map(|user| {
                    said(vec![
                        "The account of ".into(),
                        named(user),
                        " is removed.".into(),
                    ])
                });
                gone.into_iter().collect()
            }
            Self::Person(after) => {
                let Some(before) = of.user(after.id) else {
                    return Vec::new();
                };
                let mut all = Vec::new();
                let mut say = |words: String| all.push(said(vec![named(after), words.into()]));
                for role in ROLES
                    .into_iter()
                    .filter(|role| !before.roles.contains(role))
                {
                    if after.roles.contains(&role) {
                        say(format!(" becomes {}.", role_name(role)));
                    }
                }
                for role in ROLES.into_iter().filter(|role| before.roles.contains(role)) {
                    if !after.roles.contains(&role) {
                        say(format!(" is no longer {}.", role_name(role)));
                    }
                }
                if before.login != after.login {
                    say(" signs in by another name from now on.".to_owned());
                }
                if before.email != after.email {
                    say(" gets mails and links at another address from now on.".to_owned());
                }
                match (before.disabled, after.disabled) {
                    (false, true) => {
                        say(" is signed out everywhere, and can’t sign in.".to_owned())
                    }
                    (true, false) => say(" can sign in again.".to_owned()),
                    (true, true) | (false, false) => {}
                }
                all
            }
            Self::Resource(_)
            | Self::RemoveResource(_)
            | Self::Assignment(_)
            | Self::RemoveAssignment(_)
            | Self::Group { .. }
            | Self::RemoveGroup(_)
            | Self::Members { .. }
            | Self::Network { .. }
            | Self::RemoveNetwork(_)
            | Self::Organisation { .. } => Vec::new(),
        }
    }

    /// Whether it does nothing but take an account or a resource out of use, which must always be possible at
    /// once.
    #[must_use]
    pub fn is_emergency(&self, of: &Organisation) -> bool {
        let after = match self {
            Self::Person(after) => after,
            Self::Resource(after) => {
                let mut before = of.resource(after.id).map(|before| (**before).clone());
                if let Some(before) = &mut before {
                    before.about.enabled = false;
                }
                return before.as_ref() == Some(after);
            }
            _ => return false,
        };
        // Whether Member is written makes no difference.
        let plain = |user: &User| {
            let mut user = user.clone();
            user.since = None;
            user.disabled = true;
            user.roles.push(Role::Member);
            user.roles.sort_unstable();
            user.roles.dedup();
            user
        };
        let before = of.user(after.id).map(|user| plain(user));
        after.disabled && before == Some(plain(after))
    }

    /// The name of what goes for good; nothing where nothing does. A group that loses its access stays.
    #[must_use]
    pub fn removed_name<'a>(&self, of: &'a Organisation) -> Option<&'a str> {
        match self {
            Self::RemoveResource(id) => of.resource(*id).map(|it| &*it.name),
            Self::RemoveGroup(id) => of.group(*id).map(|it| &*it.name),
            Self::RemoveNetwork(id) => of.network(*id).map(|it| &*it.name),
            Self::RemovePerson(id) => of.user_name(*id),
            Self::Resource(_)
            | Self::Assignment(_)
            | Self::RemoveAssignment(_)
            | Self::Group { .. }
            | Self::Members { .. }
            | Self::Network { .. }
            | Self::AddPeople { .. }
            | Self::Person(_)
            | Self::Organisation { .. } => None,
        }
    }

    /// What it replaces, for comparing; nothing where that is gone. Who comes to a group and who goes
    /// replaces no members: others may come and go beside.
    pub(super) fn replaced(&self, of: &Organisation) -> Option<String> {
        match self {
            Self::Resource(Resource { id, .. }) if id.0 > 0 => {
                of.resource(*id).map(|it| format!("{it:?}"))
            }
            Self::RemoveResource(id) => of.resource(*id).map(|it| format!("{it:?}")),
            Self::Assignment(Assignment { id, .. }) if id.0 > 0 => assignment(of, *id),
            Self::RemoveAssignment(id) => assignment(of, *id),
            Self::Group { id, .. } if id.0 > 0 => of.group(*id).map(|it| it.name.clone()),
            Self::RemoveGroup(id) => of.group(*id).map(|it| it.name.clone()),
            Self::Members { group, .. } => of.group(*group).map(|it| it.name.clone()),
            Self::Network { id, .. } | Self::RemoveNetwork(id) if id.0 > 0 => {
                of.network(*id).map(|it| it.name.clone())
            }
            Self::Person(User { id, .. }) | Self::RemovePerson(id) => {
                of.user(*id).map(|it| format!("{it:?}"))
            }
            Self::Organisation { .. } => {
                let (name, groups) = (of.name(), of.fallback_groups());
                Some(format!("{name}\n{:?}\n{groups:?}", of.periods()))
            }
            Self::RemoveNetwork(_) => None,
            Self::Resource(_)
            | Self::Assignment(_)
            | Self::Group { .. }
            | Self::Network { .. }
            | Self::AddPeople { .. } => Some(String::new()),
        }
    }

    /// The organisation with it.
    pub(super) fn applied(&self, of: &Organisation) -> Organisation {
        let mut after = of.clone();
        match self {
            Self::Resource(resource) => {
                let mut resource = resource.clone();
                resource.id = ResourceId(numbered(resource.id.0));
                after.set_resource(resource.id, Some(resource));
            }
            Self::RemoveResource(id) => {
                let own: Vec<_> = of.assignments_of(*id).map(|own| own.id).collect();
                own.into_iter()
                    .for_each(|own| after.set_assignment(own, None));
                after.set_resource(*id, None);
            }
            Self::Assignment(own) => {
                let mut own = own.clone();
                own.id = AssignmentId(numbered(own.id.0));
                after.set_assignment(own.id, Some(own));
            }
            Self::RemoveAssignment(id) => after.set_assignment(*id, None),
            Self::Group { id, name } => {
                let id = GroupId(numbered(id.0));
                let members = of.group(id).map(|it| it.members.clone());
                let group = Group {
                    id,
                    name: name.clone(),
                    members: members.unwrap_or_default(),
                };
                after.set_group(id, Some(group));
            }
            Self::RemoveGroup(id) => {
                let own: Vec<_> = of.assignments_to(*id).map(|own| own.id).collect();
                own.into_iter()
                    .for_each(|own| after.set_assignment(own, None));
                let approves: Vec<_> = of.approved_by(*id).collect();
                for resource in approves.into_iter().filter_map(|it| of.resource(it)) {
                    let mut resource = (**resource).clone();
                    resource.approvers.retain(|group| group != id);
                    after.set_resource(resource.id, Some(resource));
                }
                let mut fallback = of.fallback_groups().to_vec();
                fallback.retain(|group| group != id);
                after.set_fallback_reviewers(fallback);
                after.set_group(*id, None);
            }
            Self::Members { group, join, leave } => {
                if let Some(found) = of.group(*group) {
                    let group = with_members(found, join, leave);
                    after.set_group(group.id, Some(group));
                }
            }
            Self::Network { id, name } => {
                let id = NetworkId(numbered(id.0));
                let name = name.clone();
                after.set_network(id, Some(Network { id, name }));
            }
            Self::RemoveNetwork(id) => after.set_network(*id, None),
            Self::AddPeople { people, .. } => {
                for (id, person) in (0..=NEW).rev().map(UserId).zip(people) {
                    let person = person.clone();
                    after.set_user(id, Some(User { id, ..person }));
                }
            }
            Self::Person(user) => {
                let since = of.user(user.id).and_then(|before| before.since);
                let user = user.clone();
                after.set_user(user.id, Some(User { since, ..user }));
            }
            Self::RemovePerson(id) => {
                for group in of.groups_of(*id).iter().filter_map(|id| of.group(*id)) {
                    let group = with_members(group, &[], &[*id]);
                    after.set_group(group.id, Some(group));
                }
                for resource in owned_by(of, *id) {
                    after.set_resource(resource.id, Some(resource));
                }
                after.set_user(*id, None);
            }
            Self::Organisation {
                name,
                periods,
                fallback,
            } => {
                after.set_name(name);
                after.set_periods(periods.clone());
                after.set_fallback_reviewers(fallback.clone());
            }
        }
        after
    }

    /// Writes and records it.
    ///
    /// # Errors
    /// The store's failure.
    pub(super) async fn write(
        self,
        tx: &mut dyn Write,
        of: &Organisation,
        maker: UserId,
        now: Time,
    ) -> Result<(), AppError> {
        let gone = AppError::not_found;
        let (action, entity, detail) = match self {
            Self::Resource(after) if after.id.0 > 0 => {
                let before = of.resource(after.id).ok_or_else(gone)?;
                let detail = replaced(&ResourceSpec::of(of, before), &ResourceSpec::of(of, &after));
                let id = after.id;
                tx.update_resource(after).await?;
                (AuditAction::ResourceChanged, Entity::Resource(id), detail)
            }
            Self::Resource(new) => {
                let detail = added(&ResourceSpec::of(of, &new));
                let id = tx.insert_resource(new).await?;
                (AuditAction::ResourceAdded, Entity::Resource(id), detail)
            }
            Self::RemoveResource(id) => {
                for own in of.assignments_of(id) {
                    remove_assignment(tx, of, own, maker, now).await?;
                }
                let before = of.resource(id).ok_or_else(gone)?;
                tx.remove_resource(id).await?;
                let detail = removed(&ResourceSpec::of(of, before));
                (AuditAction::ResourceRemoved, Entity::Resource(id), detail)
            }
            Self::Assignment(after) if after.id.0 > 0 => {
                let id = after.id;
                let before = of.assignment(id).ok_or_else(gone)?;
                let detail = replaced(
                    &AssignmentSpec::of(of, before),
                    &AssignmentSpec::of(of, &after),
                );
                tx.update_assignment(after).await?;
                let entity = Entity::Assignment(id);
                (AuditAction::AssignmentChanged, entity, detail)
            }
            Self::Assignment(new) => {
                let detail = added(&AssignmentSpec::of(of, &new));
                let id = tx.insert_assignment(new).await?;
                (AuditAction::AssignmentAdded, Entity::Assignment(id), detail)
            }
            Self::RemoveAssignment(id) => {
                let before = of.assignment(id).ok_or_else(gone)?;
                return remove_assignment(tx, of, before, maker, now).await;
            }
            Self::Group { id, name } if id.0 > 0 => {
                let mut group = (**of.group(id).ok_or_else(gone)?).clone();
                let detail = json!({ "before": group.name, "after": name });
                group.name = name;
                tx.update_group(group).await?;
                (AuditAction::GroupChanged, Entity::Group(id), detail)
            }
            Self::Group { id, name } => {
                let members = Vec::new();
                let detail = added(&GroupSpec {
                    name: name.clone(),
                    members: Vec::new(),
                });
                let id = tx.insert_group(Group { id, name, members }).await?;
                (AuditAction::GroupAdded, Entity::Group(id), detail)
            }
            Self::RemoveGroup(id) => return remove_group(tx, of, id, maker, now).await,
            Self::Members { group, join, leave } => {
                let found = of.group(group).ok_or_else(gone)?;
                let logins = |users: &[UserId]| -> Vec<_> {
                    users
                        .iter()
                        .filter_map(|user| of.user_login(*user))
                        .collect::<Vec<_>>()
                };
                let detail = json!({
                    "name": found.name,
                    "joined": logins(&join),
                    "left": logins(&leave),
                });
                tx.update_group(with_members(found, &join, &leave)).await?;
                (AuditAction::GroupChanged, Entity::Group(group), detail)
            }
            Self::Network { id, name } if id.0 > 0 => {
                let before = of.network(id).ok_or_else(gone)?;
                let detail = replaced(&before.name, &name);
                tx.rename_network(id, &name).await?;
                (AuditAction::NetworkChanged, Entity::Network(id), detail)
            }
            Self::Network { name, .. } => {
                let id = tx.insert_network(&name).await?;
                let detail = added(&name);
                (AuditAction::NetworkAdded, Entity::Network(id), detail)
            }
            Self::RemoveNetwork(id) => {
                let detail = removed(&of.network(id).ok_or_else(gone)?.name);
                if tx.gateways().await?.iter().any(|it| it.network == id) {
                    return Err(AppError::refused(
                        Code::Malformed,
                        "A gateway is to serve this network. Remove the gateway first.",
                    ));
                }
                tx.remove_network(id).await?;
                (AuditAction::NetworkRemoved, Entity::Network(id), detail)
            }
            Self::AddPeople { people, invite } => {
                return add_people(tx, of, people, invite, maker, now).await;
            }
            Self::Person(after) => return change_person(tx, of, after, maker, now).await,
            Self::RemovePerson(id) => {
                let before = of.user(id).ok_or_else(gone)?;
                for group in of.groups_of(id) {
                    let (group, join, leave) = (*group, Vec::new(), vec![id]);
                    let leaves = Self::Members { group, join, leave };
                    Box::pin(leaves.write(tx, of, maker, now)).await?;
                }
                for without_owner in owned_by(of, id) {
                    let resource = Self::Resource(without_owner);
                    Box::pin(resource.write(tx, of, maker, now)).await?;
                }
                let why = "the account was removed";
                session::end_all(tx, id, None, Some(maker), why, now).await?;
                tx.remove_user(id).await?;
                let detail = removed(&UserSpec::of(before));
                (AuditAction::UserRemoved, Entity::User(id), detail)
            }
            Self::Organisation {
                name,
                periods,
                fallback,
            } => {
                let after = (name, periods, fallback);
                return change_organisation(tx, of, after, maker, now).await;
            }
        };
        record(tx, (action, entity, detail), maker, now).await
    }
}

async fn add_people(
    tx: &mut dyn Write,
    of: &Organisation,
    people: Vec<User>,
    invite: bool,
    maker: UserId,
    now: Time,
) -> Result<(), AppError> {
    let by_name = of.user_name(maker).unwrap_or_default();
    for person in people {
        let detail = added(&UserSpec::of(&person));
        let is_invited = invite && person.email.is_some() && !person.disabled;
        let to = person.email.clone().unwrap_or_default();
        let id = tx.insert_user(person).await?;
        let entity = Entity::User(id);
        record(tx, (AuditAction::UserAdded, entity, detail), maker, now).await?;
        if !to.is_empty() {
            reset::note_chosen_address(tx, id, maker, now).await?;
        }
        if is_invited {
            let what = AboutAccount::Invited {
                by: maker,
                by_name: by_name.to_owned(),
                to,
            };
            queue::account(tx, id, what, now).await?;
        }
    }
    Ok(())
}

/// Whether somebody can sign in is an entry of its own.
async fn change_person(
    tx: &mut dyn Write,
    of: &Organisation,
    after: User,
    maker: UserId,
    now: Time,
) -> Result<(), AppError> {
    let id = after.id;
    let before = of.user(id).ok_or_else(AppError::not_found)?;
    let entity = Entity::User(id);
    if before.disabled != after.disabled {
        let action = match after.disabled {
            true => AuditAction::UserDisabled,
            false => AuditAction::UserEnabled,
        };
        record(tx, (action, entity, json!({ "user": id })), maker, now).await?;
    }
    let (was, is) = (UserSpec::of(before), UserSpec::of(&after));
    let disabled = is.disabled;
    if (UserSpec {
        disabled,
        ..was.clone()
    }) != is
    {
        let detail = replaced(&was, &is);
        record(tx, (AuditAction::UserChanged, entity, detail), maker, now).await?;
    }
    let moves = before.email != after.email;
    tx.update_user(after).await?;
    if moves {
        reset::note_chosen_address(tx, id, maker, now).await?;
        let moved = |to| AboutAccount::AddressMoved {
            of: was.name.clone(),
            by: of.user_name(maker).unwrap_or_default().to_owned(),
            is_removed: is.email.is_none(),
            to,
        };
        if before.email.is_some() {
            queue::account(tx, id, moved(before.email.clone()), now).await?;
        }
        queue::admins(tx, maker, moved(None), now).await?;
    }
    if moves || disabled {
        tx.remove_reset_links(id).await?;
    }
    if disabled && !before.disabled {
        let why = "the account was disabled";
        session::end_all(tx, id, None, Some(maker), why, now).await?;
    }
    Ok(())
}

async fn change_organisation(
    tx: &mut dyn Write,
    of: &Organisation,
    (name, periods, fallback): (String, Periods, Vec<GroupId>),
    maker: UserId,
    now: Time,
) -> Result<(), AppError> {
    if name != of.name() {
        tx.set_organisation_name(&name).await?;
        let detail = json!(name);
        let renamed = (AuditAction::OrganisationRenamed, Entity::Name, detail);
        record(tx, renamed, maker, now).await?;
    }
    if periods != *of.periods() {
        tx.set_periods(periods.clone()).await?;
        let detail = json!({ "before": of.periods(), "after": periods });
        let action = AuditAction::PeriodsChanged;
        record(tx, (action, Entity::Periods, detail), maker, now).await?;
    }
    if fallback != of.fallback_groups() {
        let called = |groups: &[GroupId]| names(groups, |id| Some(of.group(*id)?.name.clone()));
        let detail = json!({ "before": called(of.fallback_groups()), "after": called(&fallback) });
        tx.set_fallback_reviewers(fallback).await?;
        let action = AuditAction::FallbackReviewersChanged;
        record(tx, (action, Entity::FallbackReviewers, detail), maker, now).await?;
    }
    Ok(())
}

/// What there is beside being a member.
const ROLES: [Role; 4] = [
    Role::Admin,
    Role::AccessReviewer,
    Role::Operator,
    Role::Auditor,
];

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Member => "a member",
        Role::AccessReviewer => "an access reviewer",
        Role::Operator => "an operator",
        Role::Auditor => "an auditor",
        Role::Admin => "an administrator",
    }
}

/// With its resource's settings, which stand beside it.
fn assignment(of: &Organisation, id: AssignmentId) -> Option<String> {
    let own = of.assignment(id)?;
    let settings = of.resource(own.resource)?.settings;
    Some(format!("{own:?}{settings:?}"))
}

/// The resources that somebody owns, without their owner.
fn owned_by(of: &Organisation, user: UserId) -> Vec<Resource> {
    let own = of.resources().filter(|it| it.about.owner == Some(user));
    let without = own.map(|resource| {
        let mut resource = (**resource).clone();
        resource.about.owner = None;
        resource
    });
    without.collect()
}

fn numbered(id: i64) -> i64 {
    if id > 0 { id } else { NEW }
}

fn with_members(group: &Group, join: &[UserId], leave: &[UserId]) -> Group {
    let mut group = group.clone();
    group.members.retain(|member| !leave.contains(member));
    group.members.extend(join);
    group.members.sort_unstable();
    group.members.dedup();
    group
}

async fn remove_assignment(
    tx: &mut dyn Write,
    of: &Organisation,
    own: &Assignment,
    maker: UserId,
    now: Time,
) -> Result<(), AppError> {
    tx.remove_assignment(own.id).await?;
    let detail = removed(&AssignmentSpec::of(of, own));
    let entity = Entity::Assignment(own.id);
    record(
        tx,
        (AuditAction::AssignmentRemoved, entity, detail),
        maker,
        now,
    )
    .await
}

/// What names it goes first.
async fn remove_group(
    tx: &mut dyn Write,
    of: &Organisation,
    id: GroupId,
    maker: UserId,
    now: Time,
) -> Result<(), AppError> {
    let group = of.group(id).ok_or_else(AppError::not_found)?;
    for own in of.assignments_to(id) {
        remove_assignment(tx, of, own, maker, now).await?;
    }
    for before in of.approved_by(id).filter_map(|it| of.resource(it)) {
        let mut after = (**before).clone();
        after.approvers.retain(|approver| *approver != id);
        Box::pin(Edit::Resource(after).write(tx, of, maker, now)).await?;
    }
    if of.fallback_groups().contains(&id) {
        let mut groups = of.fallback_groups().to_vec();
        groups.retain(|group| *group != id);
        tx.set_fallback_reviewers(groups).await?;
        let detail = json!({ "without": group.name });
        let entity = Entity::FallbackReviewers;
        let action = AuditAction::FallbackReviewersChanged;
        record(tx, (action, entity, detail), maker, now).await?;
    }
    tx.remove_group(id).await?;
    let detail = removed(&GroupSpec::of(of, group));
    record(
        tx,
        (AuditAction::GroupRemoved, Entity::Group(id), detail),
        maker,
        now,
    )
    .await
}

async fn record(
    tx: &mut dyn Write,
    (action, entity, detail): (AuditAction, Entity, Value),
    maker: UserId,
    now: Time,
) -> Result<(), AppError> {
    let entry = Entry {
        at: now,
        actor: Some(maker),
        action,
        subject: Subject::Organisation { entity },
        detail,
    };
    tx.record(entry).await?;
    Ok(())
}

// As the entries of an applied file have them.

fn added(new: &impl Serialize) -> Value {
    json!(Change::Add(new))
}

fn replaced(before: &impl Serialize, after: &impl Serialize) -> Value {
    json!(Change::Replace {
        before: json!(before),
        after: json!(after),
    })
}

fn removed(gone: &impl Serialize) -> Value {
    json!(Change::Remove(gone))
}
