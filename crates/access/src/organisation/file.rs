//! The file itself: `docs/admin/organisation.md` describes it for administrators.

use std::collections::{BTreeMap, BTreeSet};

use hourkey_domain::Time;
use hourkey_domain::address::{Address, Ports};
use hourkey_domain::length::Length;
use hourkey_domain::organisation::everyone;
use hourkey_domain::periods::Periods;
use hourkey_domain::review::Role;
use hourkey_domain::settings::{Override, Settings};
use hourkey_domain::visibility::Visibility;
use serde::Serialize;
use toml::de::DeTable;

use super::access;
use super::ids::{Ids, Kind};
use super::mistake::Mistake;
use super::reader::{Lined, Reader, Table, parsed};

/// What the file says, without mistakes: every name in it is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrgFile {
    /// The controller that its ids are of.
    pub(super) installation: Option<Lined<String>>,
    /// The organisation's name; empty where it has none.
    pub name: String,
    /// The access periods that it offers.
    pub periods: Periods,
    /// Names of groups whose members review what nobody else can.
    pub fallback_reviewers: Vec<String>,
    /// People.
    pub users: Vec<UserSpec>,
    /// Groups.
    pub groups: Vec<GroupSpec>,
    /// Networks.
    pub networks: Vec<String>,
    /// Resources.
    pub resources: Vec<ResourceSpec>,
    /// Assignments.
    pub assignments: Vec<AssignmentSpec>,
    /// Which of them are which, where the file says so.
    pub(super) ids: Ids,
    /// Groups that the file calls like the built-in one, and what they are called here.
    pub(super) listed: BTreeMap<String, String>,
}

/// A person; the login is the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UserSpec {
    /// Lower case.
    pub login: String,
    /// Display name.
    pub name: String,
    /// Mail address.
    pub email: Option<String>,
    /// Roles, `Member` among them.
    pub roles: Vec<Role>,
    /// May not sign in.
    pub disabled: bool,
}

/// A group; the name is the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GroupSpec {
    /// Its name.
    pub name: String,
    /// Logins.
    pub members: Vec<String>,
}

/// A resource; the name is the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ResourceSpec {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub address: Address,
    /// On which ports.
    pub ports: Ports,
    /// A shorter name.
    pub alias: Option<String>,
    /// The network's name.
    pub network: String,
    /// Tags.
    pub tags: Vec<String>,
    /// Where Open in browser goes.
    pub url: Option<String>,
    /// Connections go on while the controller is away, up to their own ends.
    pub keep_alive_offline: bool,
    /// Access settings.
    pub settings: Settings,
    /// Names of groups.
    pub approvers: Vec<String>,
    /// Opens for nobody, and goes on governing its destination.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
    /// Where its people find it.
    #[serde(skip_serializing_if = "Visibility::is_usual")]
    pub visibility: Visibility,
    /// What it is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// How to use it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub how_to_use: String,
    /// The owner's login.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

/// An assignment; group and resource together are the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AssignmentSpec {
    /// The group's name.
    pub group: String,
    /// The resource's name.
    pub resource: String,
    /// Its end.
    pub until: Option<Time>,
    /// Its own settings.
    pub own: Override,
}

impl AssignmentSpec {
    /// What it is called: its group and its resource. Names that have an arrow themselves are quoted, so that no
    /// two assignments are called the same.
    pub(super) fn key(&self) -> String {
        let (group, resource) = (&self.group, &self.resource);
        match group.contains('→') || resource.contains('→') {
            true => format!("{group:?} → {resource:?}"),
            false => format!("{group} → {resource}"),
        }
    }
}

impl OrgFile {
    /// Reads the file.
    ///
    /// # Errors
    /// Every mistake in it, in order of lines.
    pub fn parse(text: &str) -> Result<Self, Vec<Mistake>> {
        let mut reader = Reader::new(text);
        let (root, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            // What follows a mistake of writing is mostly more of the same.
            for error in errors.into_iter().take(1) {
                let line = reader.line(&error.span().unwrap_or(0..0));
                reader.mistake(line, format!("this is no TOML: {}", error.message()));
            }
            return Err(reader.into_mistakes());
        }
        let span = root.span();
        let mut root = Table::new(&reader, "the file", &span, root.into_inner());
        let file = read(&mut reader, &mut root);
        root.finish(
            &mut reader,
            "installation, name, periods, longest_period, fallback_reviewers, user, group, network, resource, assignment",
        );
        let mistakes = reader.into_mistakes();
        match file {
            Some(file) if mistakes.is_empty() => Ok(file),
            Some(_) | None => Err(mistakes),
        }
    }
}

/// A name that the file defines, and what it stands for where that has no mistake: a mistake in
/// a resource must not make its name unknown.
type Entry<T> = (Lined<String>, Option<T>);

fn read(reader: &mut Reader, root: &mut Table<'_>) -> Option<OrgFile> {
    let mut ids = Ids::default();
    let installation = root.text(reader, "installation");
    // An organisation may be set up without a name.
    let name = match root.take_empty("name") {
        true => Some(String::new()),
        false => root.needed_text(reader, "name").map(|name| name.value),
    };
    let periods = read_periods(reader, root);
    let fallback_reviewers = root.texts(reader, "fallback_reviewers");
    let users = root.tables(reader, "user");
    let users: Vec<_> = users
        .into_iter()
        .filter_map(|table| read_user(reader, table, &mut ids))
        .collect();
    let logins = Names::of(reader, "user", users.iter().map(|user| &user.0));

    let groups = root.tables(reader, "group");
    let groups: Vec<_> = groups
        .into_iter()
        .filter_map(|table| read_group(reader, table, &logins))
        .collect();
    let listed = listed(&groups);
    let groups: Vec<_> = groups
        .into_iter()
        .map(|(id, mut name, members)| {
            if let Some(listed) = listed.get(&name.value) {
                name.value.clone_from(listed);
            }
            ids.note(reader, Kind::Group, id, &name.value);
            (name, members)
        })
        .collect();
    let mut group_names = Names::of(reader, "group", groups.iter().map(|group| &group.0));
    group_names.called.clone_from(&listed);

    let fallback_reviewers = group_names.resolve(reader, fallback_reviewers);

    let networks = root.tables(reader, "network");
    let networks: Vec<_> = networks
        .into_iter()
        .filter_map(|mut table| {
            let id = table.id(reader, "id");
            let name = table.needed_text(reader, "name");
            table.finish(reader, "id, name");
            let name = name?;
            ids.note(reader, Kind::Network, id, &name.value);
            Some(name)
        })
        .collect();
    let network_names = Names::of(reader, "network", networks.iter());

    let resources = root.tables(reader, "resource");
    let resources: Vec<_> = resources
        .into_iter()
        .filter_map(|table| {
            let names = (&network_names, &group_names, &logins);
            read_resource(reader, table, names, &mut ids)
        })
        .collect();
    let resource_names = Names::of(reader, "resource", resources.iter().map(|r| &r.0));

    // It is given access, and never approves.
    if !listed.contains_key(everyone::NAME) {
        group_names.lines.insert(everyone::NAME.to_owned(), 0);
    }
    let assignments = root.tables(reader, "assignment");
    let assignments: Vec<_> = assignments
        .into_iter()
        .filter_map(|table| read_assignment(reader, table, &group_names, &resource_names))
        .collect();
    let pairs: Vec<_> = assignments
        .iter()
        .map(|(line, spec)| Lined {
            line: *line,
            value: spec.key(),
        })
        .collect();
    Names::of(reader, "assignment", pairs.iter());

    Some(OrgFile {
        installation,
        name: name?,
        periods: periods?,
        fallback_reviewers,
        users: users.into_iter().filter_map(|(_, spec)| spec).collect(),
        groups: groups
            .into_iter()
            .map(|(name, members)| GroupSpec {
                name: name.value,
                members,
            })
            .collect(),
        networks: networks.into_iter().map(|name| name.value).collect(),
        resources: resources.into_iter().filter_map(|(_, spec)| spec).collect(),
        assignments: assignments.into_iter().map(|(_, spec)| spec).collect(),
        ids,
        listed,
    })
}

/// What the groups of the file are called that have the name of the built-in one.
fn listed(groups: &[ReadGroup]) -> BTreeMap<String, String> {
    let mut names: BTreeSet<_> = groups
        .iter()
        .map(|(_, name, _)| name.value.clone())
        .collect();
    let alike = names.clone().into_iter().filter(|it| everyone::is_name(it));
    let listed = alike.map(|name| {
        let listed = everyone::listed(&name, |name| names.contains(name));
        names.insert(listed.clone());
        (name, listed)
    });
    listed.collect()
}

/// Those that the file lacks are as every organisation begins with.
fn read_periods(reader: &mut Reader, root: &mut Table<'_>) -> Option<Periods> {
    let (longest, offered) = (
        root.text(reader, "longest_period"),
        root.texts(reader, "periods"),
    );
    let line = { longest.iter().chain(&offered).map(|text| text.line) }
        .min()
        .unwrap_or(1);
    let mut read = |text: &Lined<String>| {
        let length = text.value.parse::<Length>();
        length.map_err(|error| reader.mistake(text.line, error.to_string()))
    };
    let longest = longest.as_ref().map(&mut read).transpose();
    let offered: Result<Vec<_>, ()> = offered.iter().map(read).collect();
    let (longest, offered) = (longest.ok()?, offered.ok()?);
    let usual = Periods::default();
    let longest = longest.unwrap_or(usual.longest());
    let offered = match offered.is_empty() {
        true => usual.up_to(longest),
        false => offered,
    };
    match Periods::new(offered, longest) {
        Ok(periods) => Some(periods),
        Err(error) => {
            reader.mistake(line, error.to_string());
            None
        }
    }
}

fn read_user(reader: &mut Reader, mut table: Table<'_>, ids: &mut Ids) -> Option<Entry<UserSpec>> {
    let id = table.id(reader, "id");
    let login = table.needed_text(reader, "login");
    let name = table.needed_text(reader, "name");
    let email = table.text(reader, "email");
    let mut roles = vec![Role::Member];
    for role in table.texts(reader, "roles") {
        match role.value.as_str() {
            "Member" => {}
            "AccessReviewer" => roles.push(Role::AccessReviewer),
            "Operator" => roles.push(Role::Operator),
            "Auditor" => roles.push(Role::Auditor),
            "Admin" => roles.push(Role::Admin),
            other => reader.mistake(
                role.line,
                format!(
                    "{other:?} is no role; roles are Member, AccessReviewer, Operator, Auditor and \
                     Admin"
                ),
            ),
        }
    }
    roles.sort_unstable();
    roles.dedup();
    let disabled = table.flag(reader, "disabled");
    table.finish(reader, "id, login, name, email, roles, disabled");
    let mut login = login?;
    login.value = login.value.to_lowercase();
    ids.note(reader, Kind::User, id, &login.value);
    if login.value.contains(char::is_whitespace) || login.value.chars().count() > 100 {
        reader.mistake(
            login.line,
            "a login has no spaces and at most 100 characters",
        );
    }
    if let Some(email) = &email
        && !email.value.contains('@')
    {
        reader.mistake(email.line, format!("{:?} is no mail address", email.value));
    }
    let spec = name.map(|name| UserSpec {
        login: login.value.clone(),
        name: name.value,
        email: email.map(|email| email.value),
        roles,
        disabled,
    });
    Some((login, spec))
}

/// A group: its id where the file says that, its name, and the logins of its members.
type ReadGroup = (Option<Lined<i64>>, Lined<String>, Vec<String>);

fn read_group(reader: &mut Reader, mut table: Table<'_>, logins: &Names) -> Option<ReadGroup> {
    let id = table.id(reader, "id");
    let name = table.needed_text(reader, "name");
    let mut members = table.texts(reader, "members");
    table.finish(reader, "id, name, members");
    for member in &mut members {
        member.value = member.value.to_lowercase();
    }
    let members = logins.resolve(reader, members);
    Some((id, name?, members))
}

fn read_resource(
    reader: &mut Reader,
    mut table: Table<'_>,
    (networks, groups, logins): (&Names, &Names, &Names),
    ids: &mut Ids,
) -> Option<Entry<ResourceSpec>> {
    let id = table.id(reader, "id");
    let name = table.needed_text(reader, "name");
    let address = table.needed_text(reader, "address");
    let address = address.and_then(|address| parsed::<Address>(reader, &address));
    let ports = table.text(reader, "ports");
    let ports = match ports {
        Some(ports) => parsed::<Ports>(reader, &ports),
        None => Some(Ports::default()),
    };
    let alias = table.text(reader, "alias").map(|alias| alias.value);
    let network = table.needed_text(reader, "network");
    let network = network.map(|network| networks.resolve(reader, vec![network]));
    let tags = table
        .texts(reader, "tags")
        .into_iter()
        .map(|tag| tag.value)
        .collect();
    let url = table.text(reader, "url");
    // Its former name.
    let outlasts_controller = table.flag(reader, "outlasts_controller");
    let keep_alive_offline = table.flag(reader, "keep_alive_offline") || outlasts_controller;
    let approvers = table.texts(reader, "approvers");
    let approvers = groups.resolve(reader, approvers);
    let disabled = table.flag(reader, "disabled");
    let visibility = read_visibility(reader, &mut table);
    let description = table.description(reader, "description");
    let how_to_use = table.description(reader, "how_to_use");
    let owner = table.text(reader, "owner").map(|mut owner| {
        owner.value = owner.value.to_lowercase();
        logins.resolve(reader, vec![owner])
    });
    let line = table.line;
    let access = table.table(reader, "access");
    if access.is_none() {
        reader.mistake(
            line,
            "this resource has no access settings: access = { mode = … }",
        );
    }
    let access = access.map(|table| access::read(reader, table));
    table.finish(
        reader,
        "id, name, address, ports, alias, network, tags, url, keep_alive_offline, access, approvers, \
         disabled, visibility, description, how_to_use, owner",
    );
    if let Some(url) = &url {
        let known = url::Url::parse(&url.value)
            .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if !known {
            reader.mistake(
                url.line,
                format!("{:?} is no http or https address", url.value),
            );
        }
    }
    let settings = access.and_then(|access| access::complete(reader, &access));
    let name = name?;
    ids.note(reader, Kind::Resource, id, &name.value);
    let spec = (|| {
        Some(ResourceSpec {
            name: name.value.clone(),
            address: address?,
            ports: ports?,
            alias,
            network: network?.pop()?,
            tags,
            url: url.map(|url| url.value),
            keep_alive_offline,
            settings: settings?,
            approvers,
            disabled,
            visibility,
            description,
            how_to_use,
            owner: owner.and_then(|mut owner| owner.pop()),
        })
    })();
    Some((name, spec))
}

fn read_visibility(reader: &mut Reader, table: &mut Table<'_>) -> Visibility {
    let Some(word) = table.text(reader, "visibility") else {
        return Visibility::default();
    };
    Visibility::of(&word.value).unwrap_or_else(|| {
        let known = Visibility::ALL.map(Visibility::as_str).join(", ");
        let mistake = format!("{:?} is no visibility; they are {known}", word.value);
        reader.mistake(word.line, mistake);
        Visibility::default()
    })
}

fn read_assignment(
    reader: &mut Reader,
    mut table: Table<'_>,
    groups: &Names,
    resources: &Names,
) -> Option<(usize, AssignmentSpec)> {
    let group = table.needed_text(reader, "group");
    let group = group.map(|group| groups.resolve(reader, vec![group]));
    let resource = table.needed_text(reader, "resource");
    let resource = resource.map(|resource| resources.resolve(reader, vec![resource]));
    let until = table.moment(reader, "until");
    let own = table
        .table(reader, "access")
        .map(|table| access::read(reader, table).own);
    let line = table.line;
    table.finish(reader, "group, resource, until, access");
    let spec = AssignmentSpec {
        group: group?.pop()?,
        resource: resource?.pop()?,
        until,
        own: own.unwrap_or_default(),
    };
    Some((line, spec))
}

/// Names of one kind that the file defines.
struct Names {
    kind: &'static str,
    lines: BTreeMap<String, usize>,
    /// Those that the file writes otherwise than they are called here.
    called: BTreeMap<String, String>,
}

impl Names {
    /// The names; a second one of the same is a mistake.
    fn of<'a>(
        reader: &mut Reader,
        kind: &'static str,
        names: impl Iterator<Item = &'a Lined<String>>,
    ) -> Self {
        let mut lines = BTreeMap::new();
        for name in names {
            if let Some(first) = lines.get(&name.value) {
                reader.mistake(
                    name.line,
                    format!(
                        "{kind} {:?} stands here a second time, first in line {first}",
                        name.value
                    ),
                );
            } else {
                lines.insert(name.value.clone(), name.line);
            }
        }
        let called = BTreeMap::new();
        Self {
            kind,
            lines,
            called,
        }
    }

    /// The names meant, sorted; an unknown or repeated one is a mistake.
    fn resolve(&self, reader: &mut Reader, wanted: Vec<Lined<String>>) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for mut name in wanted {
            if let Some(called) = self.called.get(&name.value) {
                name.value.clone_from(called);
            }
            if !self.lines.contains_key(&name.value) {
                let mut text = format!("no {} {:?} in this file", self.kind, name.value);
                if self.kind == "group" && everyone::is_name(&name.value) {
                    text += "; the built-in group is written \"Everyone\", in assignments alone: it never \
                             approves";
                }
                reader.mistake(name.line, text);
            } else if found.contains(&name.value) {
                reader.mistake(
                    name.line,
                    format!("{:?} stands in this list twice", name.value),
                );
            } else {
                found.push(name.value);
            }
        }
        found.sort();
        found
    }
}
