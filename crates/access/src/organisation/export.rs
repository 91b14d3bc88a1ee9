//! The organisation as a file: applying it to the same organisation finds nothing to do.

use hourkey_domain::organisation::Organisation;
use hourkey_domain::periods::Periods;
use hourkey_domain::review::Role;
use hourkey_domain::settings::{Approval, Mode, Override, Period};
use hourkey_domain::visibility::Visibility;
use toml::{Table, Value};

use super::plan::as_file;

/// The text of the file, with ids, so that what is renamed in it is renamed here, and with the controller
/// (`installation`) of which they are.
///
/// # Errors
/// When it cannot be written as TOML.
pub fn export(of: &Organisation, installation: &str) -> Result<String, toml::ser::Error> {
    let file = as_file(of);
    let mut root = Table::new();
    root.insert("installation".to_owned(), installation.into());
    root.insert("name".to_owned(), file.name.into());
    let usual = Periods::default();
    if file.periods != usual {
        let offered: Vec<_> = file
            .periods
            .presets()
            .iter()
            .map(ToString::to_string)
            .collect();
        texts(&mut root, "periods", &offered);
        let longest = file.periods.longest().to_string();
        text(&mut root, "longest_period", Some(&longest));
    }
    texts(&mut root, "fallback_reviewers", &file.fallback_reviewers);
    let users = file.users.iter().zip(of.users()).map(|(user, one)| {
        let mut table = with_id(one.id.0);
        text(&mut table, "login", Some(&user.login));
        text(&mut table, "name", Some(&user.name));
        text(&mut table, "email", user.email.as_ref());
        let roles = user.roles.iter().filter(|role| **role != Role::Member);
        let roles: Vec<_> = roles.map(|role| format!("{role:?}")).collect();
        texts(&mut table, "roles", &roles);
        flag(&mut table, "disabled", user.disabled);
        table
    });
    tables(&mut root, "user", users);
    let groups = file.groups.iter().zip(of.groups()).map(|(group, one)| {
        let mut table = with_id(one.id.0);
        text(&mut table, "name", Some(&group.name));
        texts(&mut table, "members", &group.members);
        table
    });
    tables(&mut root, "group", groups);
    let networks = of.networks().map(|network| {
        let mut table = with_id(network.id.0);
        text(&mut table, "name", Some(&network.name));
        table
    });
    tables(&mut root, "network", networks);
    let resources = file.resources.iter().zip(of.resources());
    let resources = resources.map(|(resource, one)| {
        let mut table = with_id(one.id.0);
        text(&mut table, "name", Some(&resource.name));
        text(&mut table, "address", Some(&resource.address.to_string()));
        let ports = resource.ports.to_string();
        text(
            &mut table,
            "ports",
            Some(&ports).filter(|it| !it.is_empty()),
        );
        text(&mut table, "alias", resource.alias.as_ref());
        text(&mut table, "network", Some(&resource.network));
        texts(&mut table, "tags", &resource.tags);
        text(&mut table, "url", resource.url.as_ref());
        flag(
            &mut table,
            "keep_alive_offline",
            resource.keep_alive_offline,
        );
        texts(&mut table, "approvers", &resource.approvers);
        flag(&mut table, "disabled", resource.disabled);
        let visibility = resource.visibility;
        if visibility != Visibility::default() {
            table.insert("visibility".to_owned(), visibility.as_str().into());
        }
        for (key, value) in [
            ("description", &resource.description),
            ("how_to_use", &resource.how_to_use),
        ] {
            text(&mut table, key, Some(value).filter(|it| !it.is_empty()));
        }
        text(&mut table, "owner", resource.owner.as_ref());
        let settings = resource.settings;
        let all = Override {
            mode: Some(settings.mode),
            period: Some(settings.period),
            approval: Some(settings.approval),
            lock_after: Some(settings.lock_after),
        };
        table.insert("access".to_owned(), access(all).into());
        table
    });
    tables(&mut root, "resource", resources);
    let assignments = file.assignments.iter().map(|own| {
        let mut table = Table::new();
        text(&mut table, "group", Some(&own.group));
        text(&mut table, "resource", Some(&own.resource));
        if let Some(until) = own.until.and_then(|at| at.to_rfc3339().parse().ok()) {
            table.insert("until".to_owned(), Value::Datetime(until));
        }
        if own.own != Override::default() {
            table.insert("access".to_owned(), access(own.own).into());
        }
        table
    });
    tables(&mut root, "assignment", assignments);
    toml::to_string(&root)
}

fn with_id(id: i64) -> Table {
    let mut table = Table::new();
    table.insert("id".to_owned(), id.into());
    table
}

fn text(table: &mut Table, key: &str, value: Option<&String>) {
    if let Some(value) = value {
        table.insert(key.to_owned(), value.clone().into());
    }
}

fn texts(table: &mut Table, key: &str, values: &[String]) {
    if !values.is_empty() {
        table.insert(key.to_owned(), values.to_vec().into());
    }
}

fn flag(table: &mut Table, key: &str, value: bool) {
    if value {
        table.insert(key.to_owned(), value.into());
    }
}

fn tables(root: &mut Table, key: &str, all: impl Iterator<Item = Table>) {
    let all: Vec<Value> = all.map(Value::Table).collect();
    if !all.is_empty() {
        root.insert(key.to_owned(), all.into());
    }
}

fn access(own: Override) -> Table {
    let mut table = Table::new();
    let mut set = |key: &str, value: String| table.insert(key.to_owned(), value.into());
    match own.mode {
        Some(Mode::Standing) => _ = set("mode", "Standing".to_owned()),
        Some(Mode::AutoLock) => _ = set("mode", "AutoLock".to_owned()),
        Some(Mode::AccessRequest) => _ = set("mode", "AccessRequest".to_owned()),
        None => {}
    }
    match own.period {
        Some(Period::Preset(length)) => _ = set("period", length.to_string()),
        Some(Period::Custom { up_to, recommended }) => {
            set("up_to", up_to.to_string());
            if let Some(recommended) = recommended {
                set("recommended", recommended.to_string());
            }
        }
        None => {}
    }
    match own.approval {
        Some(Approval::Manual) => _ = set("approval", "Manual".to_owned()),
        Some(Approval::Automatic) => _ = set("approval", "Automatic".to_owned()),
        None => {}
    }
    if let Some(days) = own.lock_after {
        set("lock_after", format!("{days}d"));
    }
    table
}
