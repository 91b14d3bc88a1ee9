//! An organisation, as the text that `hourkey-controller apply` reads.
//!
//! ```
//! use hourkey_testkit::organisation::{Access, OrgBuilder, Resource};
//!
//! let organisation = OrgBuilder::new("Example")
//!     .member("ada", "Ada Park")
//!     .reviewer("marta", "Marta Ruiz")
//!     .group("Operators", &["ada"])
//!     .network("Office")
//!     .resource(Resource::new("Wiki", "wiki.corp.example", Access::standing()).ports("443"))
//!     .resource(Resource::new("Vault", "vault.corp.example", Access::request().up_to("4h")))
//!     .assign("Operators", &["Wiki", "Vault"]);
//! assert!(organisation.text().contains("mode = \"AccessRequest\""));
//! // The same with one thing changed: what has the name or login already is replaced.
//! let moved = Resource::new("Wiki", "elsewhere.corp.example", Access::standing());
//! assert!(!organisation.resource(moved).text().contains("wiki.corp.example"));
//! ```

use serde::{Deserialize, Serialize};
use toml::value::Datetime;

/// The text of the sample organisation that the demo and most tests run on.
pub const SAMPLE: &str = include_str!("../../../examples/org.toml");

/// An organisation. What is added replaces what has the same name, or login.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OrgBuilder {
    name: String,
    fallback_reviewers: Vec<String>,
    #[serde(rename = "user")]
    users: Vec<User>,
    #[serde(rename = "group")]
    groups: Vec<Group>,
    #[serde(rename = "network")]
    networks: Vec<Network>,
    #[serde(rename = "resource")]
    resources: Vec<Resource>,
    #[serde(rename = "assignment")]
    assignments: Vec<Assignment>,
}

/// A user with one role.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct User {
    login: String,
    name: String,
    email: Option<String>,
    roles: Vec<String>,
    disabled: bool,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Group {
    name: String,
    members: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Network {
    name: String,
}

/// A resource.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Resource {
    name: String,
    address: String,
    ports: Option<String>,
    alias: Option<String>,
    network: String,
    tags: Vec<String>,
    approvers: Vec<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    disabled: bool,
    visibility: Option<String>,
    description: Option<String>,
    how_to_use: Option<String>,
    owner: Option<String>,
    access: Access,
}

/// A group's access to a resource.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Assignment {
    group: String,
    resource: String,
    until: Option<Datetime>,
    access: Option<Access>,
}

/// Access settings of a resource, or an override of an assignment, which says some fields alone.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Access {
    mode: Option<String>,
    period: Option<String>,
    up_to: Option<String>,
    recommended: Option<String>,
    approval: Option<String>,
    lock_after: Option<String>,
}

impl OrgBuilder {
    /// Creates an organisation with nobody and nothing in it.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }

    /// Reads [`SAMPLE`], for a test that changes it.
    ///
    /// # Panics
    /// When the sample says something that is not known here.
    #[must_use]
    pub fn sample() -> Self {
        toml::from_str(SAMPLE).expect("the builder knows all that the sample says")
    }

    /// The text for `hourkey-controller apply`.
    ///
    /// # Panics
    /// Never: it has only texts, lists and flags in it.
    #[must_use]
    pub fn text(&self) -> String {
        toml::to_string(self).expect("TOML has all of it")
    }

    /// Gives it another name.
    #[must_use]
    pub fn renamed(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Names groups whose members review what nobody else can.
    #[must_use]
    pub fn fallback_reviewers(mut self, groups: &[&str]) -> Self {
        self.fallback_reviewers = texts(groups);
        self
    }

    /// Adds a user.
    #[must_use]
    pub fn user(mut self, user: User) -> Self {
        let login = user.login.clone();
        put(&mut self.users, user, |it| it.login == login);
        self
    }

    /// Adds a user with the role `Member`.
    #[must_use]
    pub fn member(self, login: &str, name: &str) -> Self {
        self.user(User::member(login, name))
    }

    /// Adds a user with the role `AccessReviewer`.
    #[must_use]
    pub fn reviewer(self, login: &str, name: &str) -> Self {
        self.user(User::reviewer(login, name))
    }

    /// Adds a user with the role `Admin`.
    #[must_use]
    pub fn admin(self, login: &str, name: &str) -> Self {
        self.user(User::admin(login, name))
    }

    /// Adds a group with these members, by login.
    #[must_use]
    pub fn group(mut self, name: &str, members: &[&str]) -> Self {
        let group = Group {
            name: name.to_owned(),
            members: texts(members),
        };
        put(&mut self.groups, group, |it| it.name == name);
        self
    }

    /// Adds a network. Resources that are added next are in it.
    #[must_use]
    pub fn network(mut self, name: &str) -> Self {
        self.networks.retain(|it| it.name != name);
        self.networks.push(Network {
            name: name.to_owned(),
        });
        self
    }

    /// Adds a resource: in the network that was added last, unless it names another.
    #[must_use]
    pub fn resource(mut self, mut resource: Resource) -> Self {
        if let (true, Some(last)) = (resource.network.is_empty(), self.networks.last()) {
            resource.network.clone_from(&last.name);
        }
        let name = resource.name.clone();
        put(&mut self.resources, resource, |it| it.name == name);
        self
    }

    /// Adds many resources.
    #[must_use]
    pub fn resources(self, resources: impl IntoIterator<Item = Resource>) -> Self {
        resources.into_iter().fold(self, Self::resource)
    }

    /// Gives a group access to resources, by the resources' own settings.
    #[must_use]
    pub fn assign(self, group: &str, resources: &[&str]) -> Self {
        let assignments = resources.iter().map(|it| Assignment::new(group, it));
        assignments.fold(self, Self::assignment)
    }

    /// Adds an assignment with an end or an override.
    #[must_use]
    pub fn assignment(mut self, assignment: Assignment) -> Self {
        let Assignment {
            group, resource, ..
        } = assignment.clone();
        let same = |it: &Assignment| it.group == group && it.resource == resource;
        put(&mut self.assignments, assignment, same);
        self
    }

    /// Takes a group's access to a resource away.
    #[must_use]
    pub fn unassign(mut self, group: &str, resource: &str) -> Self {
        self.assignments
            .retain(|it| it.group != group || it.resource != resource);
        self
    }
}

impl User {
    /// A user with the role `Member`.
    #[must_use]
    pub fn member(login: &str, name: &str) -> Self {
        Self::of("Member", login, name)
    }

    /// A user with the role `AccessReviewer`.
    #[must_use]
    pub fn reviewer(login: &str, name: &str) -> Self {
        Self::of("AccessReviewer", login, name)
    }

    /// A user with the role `Admin`.
    #[must_use]
    pub fn admin(login: &str, name: &str) -> Self {
        Self::of("Admin", login, name)
    }

    /// A user with the role `Operator`.
    #[must_use]
    pub fn operator(login: &str, name: &str) -> Self {
        Self::of("Operator", login, name)
    }

    /// The same, disabled.
    #[must_use]
    pub fn disabled(mut self) -> Self {
        self.disabled = true;
        self
    }

    fn of(role: &str, login: &str, name: &str) -> Self {
        Self {
            login: login.to_owned(),
            name: name.to_owned(),
            roles: texts(&[role]),
            ..Self::default()
        }
    }
}

impl Resource {
    /// A resource with these access settings, on all ports.
    #[must_use]
    pub fn new(name: &str, address: &str, access: Access) -> Self {
        Self {
            name: name.to_owned(),
            address: address.to_owned(),
            access,
            ..Self::default()
        }
    }

    /// On these ports alone: `443`, `8000-8010`, or several with commas.
    #[must_use]
    pub fn ports(mut self, ports: &str) -> Self {
        self.ports = Some(ports.to_owned());
        self
    }

    /// In this network.
    #[must_use]
    pub fn network(mut self, name: &str) -> Self {
        name.clone_into(&mut self.network);
        self
    }

    /// With these tags.
    #[must_use]
    pub fn tags(mut self, tags: &[&str]) -> Self {
        self.tags = texts(tags);
        self
    }

    /// Disabled: it opens for nobody.
    #[must_use]
    pub fn disabled(mut self) -> Self {
        self.disabled = true;
        self
    }

    /// Found there by its people: `shown`, `shortcut` or `hidden`.
    #[must_use]
    pub fn visibility(mut self, word: &str) -> Self {
        self.visibility = Some(word.to_owned());
        self
    }

    /// With what it is, and how to use it.
    #[must_use]
    pub fn described(mut self, description: &str, how_to_use: &str) -> Self {
        self.description = Some(description.to_owned());
        self.how_to_use = Some(how_to_use.to_owned());
        self
    }

    /// With the members of these groups as resource approvers.
    #[must_use]
    pub fn approvers(mut self, groups: &[&str]) -> Self {
        self.approvers = texts(groups);
        self
    }
}

impl Assignment {
    /// A group's access to a resource.
    #[must_use]
    pub fn new(group: &str, resource: &str) -> Self {
        Self {
            group: group.to_owned(),
            resource: resource.to_owned(),
            ..Self::default()
        }
    }

    /// Until this moment, as RFC 3339 has it.
    ///
    /// # Panics
    /// When the text is no moment.
    #[must_use]
    pub fn until(mut self, moment: &str) -> Self {
        self.until = Some(moment.parse().expect("a moment"));
        self
    }

    /// With these fields in place of the resource's.
    #[must_use]
    pub fn access(mut self, own: Access) -> Self {
        self.access = Some(own);
        self
    }
}

impl Access {
    /// No request is needed.
    #[must_use]
    pub fn standing() -> Self {
        Self::mode("Standing")
    }

    /// Open while used, locked after so long without use.
    #[must_use]
    pub fn auto_lock(lock_after: &str) -> Self {
        Self {
            lock_after: Some(lock_after.to_owned()),
            ..Self::mode("AutoLock")
        }
    }

    /// Just in time, for a [`Self::period`] or [`Self::up_to`] a length. Approved by people, unless
    /// [`Self::automatic`].
    #[must_use]
    pub fn request() -> Self {
        Self::mode("AccessRequest")
    }

    /// For this long.
    #[must_use]
    pub fn period(mut self, length: &str) -> Self {
        self.period = Some(length.to_owned());
        self
    }

    /// For as long as the user says, and no longer than this.
    #[must_use]
    pub fn up_to(mut self, length: &str) -> Self {
        self.up_to = Some(length.to_owned());
        self
    }

    /// Approved at once, for a reason.
    #[must_use]
    pub fn automatic(self) -> Self {
        self.approved("Automatic")
    }

    /// Approved by people.
    #[must_use]
    pub fn manual(self) -> Self {
        self.approved("Manual")
    }

    fn approved(mut self, how: &str) -> Self {
        self.approval = Some(how.to_owned());
        self
    }

    fn mode(mode: &str) -> Self {
        Self {
            mode: Some(mode.to_owned()),
            ..Self::default()
        }
    }
}

/// Adds to a list, in the place of the one that is the same.
fn put<T>(list: &mut Vec<T>, new: T, same: impl Fn(&T) -> bool) {
    match list.iter().position(same) {
        Some(at) => list[at] = new,
        None => list.push(new),
    }
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}
