//! Which thing of the file is which: by its id where the file has one, else by its name. So a rename in
//! the file is a rename here, and no second thing.

use std::collections::BTreeMap;

use hourkey_domain::ids::{GroupId, NetworkId, ResourceId, UserId};
use hourkey_domain::organisation::{Network, Organisation};
use serde::Serialize;

use super::mistake::Mistake;
use super::reader::{Lined, Reader};

/// What has an id in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A user, by login.
    User,
    /// A group.
    Group,
    /// A network.
    Network,
    /// A resource.
    Resource,
}

impl Kind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Network => "network",
            Self::Resource => "resource",
        }
    }

    /// What it is called here, if it is here.
    fn name(self, id: i64, of: &Organisation) -> Option<String> {
        match self {
            Self::User => of.user(UserId(id)).map(|it| it.login.clone()),
            Self::Group => of.group(GroupId(id)).map(|it| it.name.clone()),
            Self::Network => of.network(NetworkId(id)).map(|it| it.name.clone()),
            Self::Resource => of.resource(ResourceId(id)).map(|it| it.name.clone()),
        }
    }

    /// The ids by name.
    fn all(self, of: &Organisation) -> BTreeMap<String, i64> {
        match self {
            Self::User => of.users().map(|it| (it.login.clone(), it.id.0)).collect(),
            Self::Group => of.groups().map(|it| (it.name.clone(), it.id.0)).collect(),
            Self::Network => of.networks().map(|it| (it.name.clone(), it.id.0)).collect(),
            Self::Resource => of
                .resources()
                .map(|it| (it.name.clone(), it.id.0))
                .collect(),
        }
    }
}

/// The ids of the file: where they stand, and which name they go with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ids(BTreeMap<(Kind, i64), Lined<String>>);

impl Ids {
    /// Notes the id of this name; one that stands there already is a mistake.
    pub(super) fn note(
        &mut self,
        reader: &mut Reader,
        kind: Kind,
        id: Option<Lined<i64>>,
        name: &str,
    ) {
        let Some(Lined { line, value: id }) = id else {
            return;
        };
        let value = name.to_owned();
        if let Some(first) = self.0.insert((kind, id), Lined { line, value }) {
            let kind = kind.as_str();
            let text = format!("the {kind} of line {} has the id {id} already", first.line);
            reader.mistake(line, text);
        }
    }
}

/// Something is called otherwise from now on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Rename {
    /// What.
    pub kind: Kind,
    /// Which.
    pub id: i64,
    /// Its name before.
    pub before: String,
    /// Its name after.
    pub after: String,
}

/// What the file calls otherwise than it is called today.
pub(super) fn renames(ids: &Ids, today: &Organisation) -> Vec<Rename> {
    let named = ids.0.iter().filter_map(|((kind, id), name)| {
        let before = kind.name(*id, today)?;
        let after = name.value.clone();
        (before != after).then_some(Rename {
            kind: *kind,
            id: *id,
            before,
            after,
        })
    });
    named.collect()
}

/// What is wrong with a file that another controller exported: its ids would rename what has them here.
pub(super) fn of_another(line: usize) -> Mistake {
    let text = "this file was exported from another controller, and its ids are of other things here: take out \
                `installation` and each `id`, and what has the same name is the same thing";
    Mistake {
        line,
        text: text.to_owned(),
    }
}

/// Names that the file gives to one thing while another one of today has them, and keeps them.
///
/// # Errors
/// Each, with its line.
pub(super) fn check(ids: &Ids, today: &Organisation) -> Result<(), Vec<Mistake>> {
    let renames = renames(ids, today);
    let taken = renames.iter().filter_map(|rename| {
        let other = *rename.kind.all(today).get(&rename.after)?;
        let moves_away = renames
            .iter()
            .any(|it| it.kind == rename.kind && it.id == other);
        let line = ids.0.get(&(rename.kind, rename.id))?.line;
        (!moves_away).then(|| Mistake {
            line,
            text: format!(
                "the {kind} with the id {id} is {before:?} here, and {after:?} is another one, with the id \
                 {other}: correct the id, or leave it out",
                kind = rename.kind.as_str(),
                id = rename.id,
                before = rename.before,
                after = rename.after,
            ),
        })
    });
    let taken: Vec<_> = taken.collect();
    match taken.is_empty() {
        true => Ok(()),
        false => Err(taken),
    }
}

/// The organisation with the new names.
pub(super) fn renamed(today: &Organisation, renames: &[Rename]) -> Organisation {
    let mut after = today.clone();
    for Rename {
        kind,
        id,
        after: name,
        ..
    } in renames
    {
        match kind {
            Kind::User => {
                let id = UserId(*id);
                if let Some(user) = today.user(id) {
                    let mut user = (**user).clone();
                    user.login.clone_from(name);
                    after.set_user(id, Some(user));
                }
            }
            Kind::Group => {
                let id = GroupId(*id);
                if let Some(group) = today.group(id) {
                    let mut group = (**group).clone();
                    group.name.clone_from(name);
                    after.set_group(id, Some(group));
                }
            }
            Kind::Network => {
                let id = NetworkId(*id);
                let name = name.clone();
                after.set_network(id, Some(Network { id, name }));
            }
            Kind::Resource => {
                let id = ResourceId(*id);
                if let Some(resource) = today.resource(id) {
                    let mut resource = (**resource).clone();
                    resource.name.clone_from(name);
                    after.set_resource(id, Some(resource));
                }
            }
        }
    }
    after
}
