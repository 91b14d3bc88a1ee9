//! What can be saved at all: as strict as the organisation's file.

use std::collections::HashSet;

use hourkey_domain::ids::GroupId;
use hourkey_domain::organisation::{About, Organisation, User, everyone};
use hourkey_domain::reason::Text;
use hourkey_domain::settings::{MAX_CUSTOM, Override, Period};
use hourkey_domain::text::{is_unsafe, one_line};
use hourkey_protocol::problem::Code;

use super::change::Edit;
use crate::error::AppError;
use crate::identity::account::check_login;
use crate::mail;

/// The most characters of a name.
const MAX_NAME_CHARS: usize = 200;

/// What cannot be done to the built-in group.
pub const BUILT_IN: &str = "Everyone is built in: every enabled account is in it, without a list. It can be given \
    access; it can’t be renamed, removed or given members, and it never approves.";

/// Whether only groups that are kept are changed, and name who approves.
///
/// # Errors
/// [`Code::Malformed`] with [`BUILT_IN`].
pub(super) fn of_kept_groups(edit: &Edit) -> Result<(), AppError> {
    let groups = match edit {
        Edit::Group { id, .. } | Edit::RemoveGroup(id) => std::slice::from_ref(id),
        Edit::Members { group, .. } => std::slice::from_ref(group),
        Edit::Resource(resource) => &resource.approvers,
        Edit::Organisation { fallback, .. } => fallback,
        Edit::RemoveResource(_)
        | Edit::Assignment(_)
        | Edit::RemoveAssignment(_)
        | Edit::Network { .. }
        | Edit::RemoveNetwork(_)
        | Edit::AddPeople { .. }
        | Edit::Person(_)
        | Edit::RemovePerson(_) => &[],
    };
    match groups.contains(&GroupId::EVERYONE) {
        true => Err(malformed(BUILT_IN)),
        false => Ok(()),
    }
}

/// # Errors
/// [`Code::Malformed`] with what is wrong and what to do, [`Code::NotFound`] for what is not there.
pub(super) fn check(of: &Organisation, edit: &Edit) -> Result<(), AppError> {
    match edit {
        Edit::Resource(resource) => {
            name(&resource.name, "resource")?;
            let mut others = of.resources().filter(|other| other.id != resource.id);
            if others.any(|other| other.name == resource.name) {
                return Err(taken("resource", &resource.name));
            }
            of.network(resource.network).ok_or_else(|| {
                malformed("There is no such network any more. Choose another one.")
            })?;
            let gone = |group: &&_| of.group(**group).is_none();
            if resource.approvers.iter().any(|group| gone(&group)) {
                return Err(malformed(
                    "One of the approver groups is not there any more.",
                ));
            }
            let about = &resource.about;
            for (what, text) in [
                ("The description", &about.description),
                ("How to use it", &about.how_to_use),
            ] {
                if let Err(why) = About::text(text) {
                    return Err(malformed(&format!("{what} {why}. Please change it.")));
                }
            }
            if about.owner.is_some_and(|owner| of.user(owner).is_none()) {
                return Err(malformed(
                    "The owner is not there any more. Name another one.",
                ));
            }
            let settings = resource.settings;
            let before = of.resource(resource.id).map(|it| it.settings.period);
            not_longer(of, Some(settings.period), before)?;
            let own = Override {
                period: Some(settings.period),
                lock_after: Some(settings.lock_after),
                ..Override::default()
            };
            self::settings(own)
        }
        Edit::Assignment(own) => {
            let before = of.assignment(own.id).and_then(|it| it.own.period);
            not_longer(of, own.own.period, before)?;
            let is_there = of.group(own.group).is_some() && of.resource(own.resource).is_some();
            let mut others = of.assignments_of(own.resource);
            if others.any(|other| other.id != own.id && other.group == own.group) {
                return Err(malformed(
                    "This group has access to it already. Change that.",
                ));
            }
            match is_there {
                true => settings(own.own),
                false => Err(AppError::not_found()),
            }
        }
        Edit::Group { id, name: called } => {
            name(called, "group")?;
            if everyone::is_reserved(called) {
                return Err(malformed(
                    "Everyone is the built-in group’s name. Choose a name that doesn’t look like it.",
                ));
            }
            match of
                .groups()
                .any(|other| other.id != *id && other.name == *called)
            {
                true => Err(taken("group", called)),
                false => Ok(()),
            }
        }
        Edit::Network { id, name: called } => {
            name(called, "network")?;
            match of
                .networks()
                .any(|other| other.id != *id && other.name == *called)
            {
                true => Err(taken("network", called)),
                false => Ok(()),
            }
        }
        Edit::Members { join, leave, .. } => {
            let gone = join
                .iter()
                .chain(leave)
                .any(|user| of.user(*user).is_none());
            match (gone, join.is_empty() && leave.is_empty()) {
                (true, _) => Err(malformed("One of these people is not there any more.")),
                (false, true) => Err(malformed("Name somebody who comes or goes.")),
                (false, false) => Ok(()),
            }
        }
        Edit::RemoveNetwork(id) => match of.resources_of(*id).next() {
            None => Ok(()),
            Some(_) => Err(malformed(
                "There are resources in this network. Move or remove them first.",
            )),
        },
        Edit::AddPeople { people, .. } => {
            if people.is_empty() {
                return Err(malformed("Name somebody to add, on a line of their own."));
            }
            let mut logins: HashSet<_> = of.users().map(|it| it.login.as_str()).collect();
            people.iter().try_for_each(|person| {
                self::person(person)?;
                match logins.insert(&person.login) {
                    true => Ok(()),
                    false => Err(login_taken(person)),
                }
            })
        }
        Edit::Person(user) => {
            person(user)?;
            let mut others = of.users().filter(|other| other.id != user.id);
            match others.any(|other| other.login == user.login) {
                true => Err(login_taken(user)),
                false => Ok(()),
            }
        }
        Edit::Organisation {
            name: called,
            fallback,
            periods: _,
        } => {
            name(called, "organisation")?;
            match fallback.iter().all(|group| of.group(*group).is_some()) {
                true => Ok(()),
                false => Err(malformed("One of these groups is not there any more.")),
            }
        }
        Edit::RemoveResource(_)
        | Edit::RemoveAssignment(_)
        | Edit::RemoveGroup(_)
        | Edit::RemovePerson(_) => Ok(()),
    }
}

fn person(user: &User) -> Result<(), AppError> {
    name(&user.name, "person")?;
    let of_whom = one_line(&user.name, 60);
    let login = check_login(&user.login).map_err(|_| {
        malformed(&format!(
            "{of_whom} needs a login of 1 to 100 characters, without spaces."
        ))
    })?;
    if login != user.login {
        return Err(malformed(&format!(
            "The login of {of_whom} is written in lower case: {login}."
        )));
    }
    match &user.email {
        Some(email) if mail::check_address(email).is_err() => Err(malformed(&format!(
            "“{}” is no mail address. Correct it, or leave it out.",
            one_line(email, 100)
        ))),
        Some(_) | None => Ok(()),
    }
}

fn login_taken(user: &User) -> AppError {
    malformed(&format!(
        "Somebody signs in as “{}” already. Choose another login for {}.",
        one_line(&user.login, 100),
        one_line(&user.name, 60)
    ))
}

/// What was longer already stays as it is: it counts as the longest.
fn not_longer(
    of: &Organisation,
    period: Option<Period>,
    before: Option<Period>,
) -> Result<(), AppError> {
    let longest = of.periods().longest();
    match period {
        Some(period) if Some(period) != before && period.longest() > longest => {
            Err(malformed(&format!(
                "{} is longer than the organisation’s longest access period, {longest}. Choose a shorter one.",
                period.longest()
            )))
        }
        Some(_) | None => Ok(()),
    }
}

fn settings(own: Override) -> Result<(), AppError> {
    if own.lock_after == Some(0) {
        return Err(malformed("It locks after 1 unused day at least."));
    }
    match own.period {
        Some(Period::Custom { up_to, .. }) if up_to > MAX_CUSTOM => Err(malformed(&format!(
            "Whoever says how long can choose {MAX_CUSTOM} at most, also where the organisation’s \
             longest access period is longer."
        ))),
        Some(Period::Custom {
            up_to,
            recommended: Some(recommended),
        }) if recommended > up_to => Err(malformed(
            "The recommended length is longer than what may be asked for.",
        )),
        _ => Ok(()),
    }
}

fn name(name: &str, kind: &str) -> Result<(), AppError> {
    let wrong = match name {
        name if Text::new(name).is_ok_and(|name| name.is_blank()) => "needs a name",
        name if name.trim() != name => "has a name that begins or ends with a space",
        name if name.chars().count() > MAX_NAME_CHARS => "has a name of at most 200 characters",
        name if name.chars().any(is_unsafe) => {
            "has a name of one line, without characters that cannot be seen"
        }
        _ => return Ok(()),
    };
    Err(malformed(&format!("A {kind} {wrong}. Please change it.")))
}

fn taken(kind: &str, name: &str) -> AppError {
    malformed(&format!(
        "There is a {kind} called “{name}” already. Choose another name."
    ))
}

fn malformed(sentence: &str) -> AppError {
    AppError::refused(Code::Malformed, sentence)
}
