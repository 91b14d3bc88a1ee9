//! The forms of people: one of them, and many as lines.

use axum::http::StatusCode;
use hourkey_domain::ids::UserId;
use hourkey_domain::organisation::User;
use hourkey_domain::review::Role;
use maud::{Markup, html};

use super::flow::line;
use crate::form::{Field, Fields, FormError};
use crate::layout::plain;

/// What there is to give beside being a member.
const ROLES: [(Role, &str, &str, &str); 4] = [
    (
        Role::AccessReviewer,
        "reviewer",
        "Access reviewer",
        "Decides every request but their own.",
    ),
    (
        Role::Operator,
        "operator",
        "Operator",
        "Sees how resources are set up. Sees nobody’s requests, and decides none.",
    ),
    (
        Role::Auditor,
        "auditor",
        "Auditor",
        "Sees everything, changes nothing.",
    ),
    (Role::Admin, "admin", "Admin", "Everything."),
];

fn read_roles(fields: &Fields) -> Vec<Role> {
    let chosen = ROLES.iter();
    let chosen = chosen.filter(|(_, value, ..)| fields.all("role").any(|typed| typed == *value));
    let mut roles = vec![Role::Member];
    roles.extend(chosen.map(|(role, ..)| *role));
    roles
}

fn roles(chosen: &[Role]) -> Markup {
    html! {
        fieldset {
            legend { "Roles" }
            p.hint { "Everybody is a member, and uses what their groups have access to." }
            div.checks.lines {
                @for (role, value, name, does) in ROLES {
                    label {
                        input type="checkbox" name="role" value=(value)
                            checked[chosen.contains(&role)];
                        " " (name) " " span.muted { (does) }
                    }
                }
            }
        }
    }
}

/// What was typed about one person.
#[derive(Clone, Debug, Default)]
pub(super) struct PersonInput {
    name: String,
    login: String,
    email: String,
    roles: Vec<Role>,
    disabled: bool,
}

impl PersonInput {
    pub(super) fn read(fields: &Fields) -> Self {
        let text = |name| fields.get(name).trim().to_owned();
        Self {
            name: text("name"),
            login: text("login"),
            email: text("email"),
            roles: read_roles(fields),
            disabled: fields.has("disabled"),
        }
    }

    pub(super) fn of(person: &User) -> Self {
        Self {
            name: person.name.clone(),
            login: person.login.clone(),
            email: person.email.clone().unwrap_or_default(),
            roles: person.roles.clone(),
            disabled: person.disabled,
        }
    }

    pub(super) fn person(self, id: UserId) -> User {
        User {
            id,
            login: self.login.to_lowercase(),
            name: self.name,
            email: Some(self.email).filter(|email| !email.is_empty()),
            roles: self.roles,
            disabled: self.disabled,
            since: None,
        }
    }

    pub(super) fn fields(&self) -> Markup {
        html! {
            (line("name", "Name", &self.name, ""))
            (line("login", "Login", &self.login, "The name they sign in with."))
            (line("email", "Mail address (optional)", &self.email, "Where decisions and links are sent."))
            (roles(&self.roles))
            fieldset {
                legend { "Account" }
                label {
                    input type="checkbox" name="disabled" checked[self.disabled];
                    " Disabled: signed out everywhere, and reaches nothing"
                }
            }
        }
    }
}

/// What was typed about many.
#[derive(Clone, Debug)]
pub(super) struct LinesInput {
    lines: String,
    roles: Vec<Role>,
    invite: bool,
}

impl LinesInput {
    pub(super) fn read(fields: &Fields) -> Self {
        Self {
            lines: fields.text("lines"),
            roles: read_roles(fields),
            // Chosen unless somebody unchose it.
            invite: fields.has("invite") || !fields.has("seen"),
        }
    }

    /// The people of the lines, each with the id 0.
    ///
    /// # Errors
    /// Says which line cannot be read, and what to write.
    pub(super) fn people(&self) -> Result<Vec<User>, FormError> {
        let lines = self.lines.lines().zip(1_usize..);
        let lines = lines.filter(|(line, _)| !line.trim().is_empty());
        lines.map(|(line, nth)| self.person(line, nth)).collect()
    }

    /// `name, mail, login` with the login left out, or the mail; also `name <mail>`.
    fn person(&self, line: &str, nth: usize) -> Result<User, FormError> {
        let is_between = |c: char| matches!(c, ',' | ';' | '\t');
        let mut parts = line.split(is_between).map(str::trim);
        let first = parts.next().unwrap_or_default();
        let (name, mut email) = match first.strip_suffix('>').and_then(|it| it.split_once('<')) {
            Some((name, email)) => (name.trim(), email.trim()),
            None => (first, ""),
        };
        if email.is_empty() {
            email = parts.next().unwrap_or_default();
        }
        let login = parts.next().unwrap_or_default();
        let login = match (login, email.split_once('@')) {
            ("", Some((local, _))) => local,
            (login, _) => login,
        };
        if parts.next().is_some() || name.is_empty() || login.is_empty() {
            let sentence = format!(
                "Line {nth}, “{}”, can’t be read. Write: name, mail address; or name, mail address, login.",
                plain(line).chars().take(80).collect::<String>()
            );
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return Err(FormError::new(status, sentence, Field::Text));
        }
        Ok(User {
            id: UserId(0),
            login: login.to_lowercase(),
            name: name.to_owned(),
            email: Some(email.to_owned()).filter(|email| !email.is_empty()),
            roles: self.roles.clone(),
            disabled: false,
            since: None,
        })
    }

    pub(super) fn fields(&self, sends_mail: bool) -> Markup {
        html! {
            label for="lines" { "People, a line each" }
            textarea.field #lines name="lines" rows="8" required dir="auto" spellcheck="false"
                autocapitalize="none" aria-describedby="lines-rule"
                placeholder="Ada Lovelace, ada@corp.example" { (self.lines) }
            p.hint #lines-rule {
                "Name, mail address, login. What stands before the @ is the login where none is written. \
                 About 500 lines at a time."
            }
            (roles(&self.roles))
            @if sends_mail {
                label.check {
                    input type="checkbox" name="invite" checked[self.invite];
                    span { "Mail each of them a link to choose a password" }
                }
            } @else {
                p.hint {
                    "Mail isn’t set up, so nobody is invited by it: after saving, each person’s page has a \
                     link for them to choose a password."
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people(lines: &str) -> Result<Vec<User>, FormError> {
        let fields = [("lines", lines)].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        LinesInput::read(&Fields::parse(body.as_bytes())).people()
    }

    fn one(line: &str) -> (String, String, Option<String>) {
        let mut people = people(line).unwrap();
        assert_eq!(people.len(), 1, "{line}");
        let person = people.remove(0);
        (person.name, person.login, person.email)
    }

    #[test]
    fn people_are_read_as_people_write_them() {
        let ada = |login: &str| {
            let email = "ada@corp.example".to_owned();
            ("Ada Lovelace".to_owned(), login.to_owned(), Some(email))
        };
        for line in [
            "Ada Lovelace, ada@corp.example",
            "Ada Lovelace\tada@corp.example",
            "Ada Lovelace;ada@corp.example;",
            "Ada Lovelace <ada@corp.example>",
            "  Ada Lovelace , ada@corp.example , ADA ",
        ] {
            assert_eq!(one(line), ada("ada"), "{line}");
        }
        assert_eq!(
            one("Ada Lovelace <ada@corp.example>, countess"),
            ada("countess")
        );
        let without = ("Ada".to_owned(), "ada".to_owned(), None);
        assert_eq!(one("Ada,,ada"), without);
        assert_eq!(people("\n\nAda,,ada\r\n\nBo,,bo\n").unwrap().len(), 2);
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named() {
        for lines in ["Ada", ", ada@corp.example", "Ada,,", "Ada, a@b, c, d"] {
            let wrong = people(&format!("Bo,,bo\n{lines}")).unwrap_err();
            let shown = wrong.complaint().into_string();
            assert!(wrong.is(Field::Text) && shown.contains("Line 2"), "{shown}");
        }
    }
}
