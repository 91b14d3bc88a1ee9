//! The part of a resource's form that says whether it can be used, and what people are told of it.

use axum::http::StatusCode;
use hourkey_access::overview::Overview;
use hourkey_domain::organisation::About;
use hourkey_domain::visibility::Visibility;
use maud::{Markup, html};

use super::flow::{line, paragraphs};
use crate::admin::settings;
use crate::form::{Fields, FormError};
use crate::layout::plain;

/// What was typed. What a form lacks stays as it was.
#[derive(Clone, Debug, Default)]
pub(super) struct AboutInput {
    state: Option<String>,
    visibility: Option<String>,
    description: Option<String>,
    how_to_use: Option<String>,
    /// The owner's login.
    owner: Option<String>,
}

impl AboutInput {
    pub(super) fn read(fields: &Fields) -> Self {
        let text = |name| fields.has(name).then(|| fields.text(name));
        Self {
            state: text("use"),
            visibility: text("visibility"),
            description: text("description"),
            how_to_use: text("how_to_use"),
            owner: text("owner"),
        }
    }

    pub(super) fn of(about: &About, view: &Overview) -> Self {
        let owner = about.owner.and_then(|id| view.organisation.user(id));
        Self {
            state: Some(word(about.enabled).to_owned()),
            visibility: Some(about.visibility.as_str().to_owned()),
            description: Some(about.description.clone()),
            how_to_use: Some(about.how_to_use.clone()),
            owner: owner
                .filter(|_| view.sees_all)
                .map(|owner| owner.login.clone()),
        }
    }

    /// What was typed, in place of what was.
    ///
    /// # Errors
    /// Says what cannot be read, and what to type.
    pub(super) fn about(
        &self,
        before: Option<&About>,
        view: &Overview,
    ) -> Result<About, FormError> {
        let before = before.cloned().unwrap_or_default();
        let text = |what: &str, typed: &Option<String>, before: String| match typed {
            None => Ok(before),
            Some(typed) => About::text(typed)
                .map_err(|why| wrong(&format!("{what} {why}. Nothing was saved."))),
        };
        let owner = match self.owner.as_deref().map(str::trim) {
            None => before.owner,
            Some("") => None,
            // For others, an account is answered like one that is not there.
            Some(login) => {
                let user = view.organisation.user_by_login(login);
                let user = user.filter(|_| view.sees_all).ok_or_else(|| {
                    wrong(&format!(
                        "Nobody signs in as “{}”. Write the name that the owner signs in with.",
                        plain(login)
                    ))
                })?;
                Some(user.id)
            }
        };
        let visibility = self.visibility.as_deref().and_then(Visibility::of);
        Ok(About {
            enabled: match self.state.as_deref() {
                Some(it) if it == word(true) => true,
                Some(it) if it == word(false) => false,
                Some(_) | None => before.enabled,
            },
            visibility: visibility.unwrap_or(before.visibility),
            description: text("The description", &self.description, before.description)?,
            how_to_use: text("How to use it", &self.how_to_use, before.how_to_use)?,
            owner,
        })
    }

    pub(super) fn fields(&self, view: &Overview) -> Markup {
        let chosen =
            |value: &Option<String>, usual: &str| value.clone().unwrap_or_else(|| usual.to_owned());
        let (state, visibility) = (
            chosen(&self.state, word(true)),
            chosen(&self.visibility, Visibility::default().as_str()),
        );
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        html! {
            (paragraphs("description", "Description (optional)", &text(&self.description),
                "What it is, for those who may ask for it."))
            (paragraphs("how_to_use", "How to use it (optional)", &text(&self.how_to_use),
                "Shown while it is open to them, as plain text."))
            @if view.sees_all {
                (line("owner", "Owner (optional)", &text(&self.owner),
                    "Who answers for it: the name that they sign in with. Administrators and auditors see it."))
            }
            fieldset {
                legend { "In lists" }
                div.chips {
                    @for it in Visibility::ALL {
                        (chip("visibility", it.as_str(), &visibility, settings::visibility(it)))
                    }
                }
                p.hint {
                    "A shortcut comes first, and is opened from the tray by one click. What is hidden is found \
                     by going to its address, and listed while somebody has access or has asked."
                }
            }
            fieldset {
                legend { "Use" }
                div.chips {
                    (chip("use", word(true), &state, "Enabled"))
                    (chip("use", word(false), &state, "Disabled"))
                }
                p.hint {
                    "What is disabled opens for nobody, and nobody can request it. Nothing else takes its \
                     address."
                }
            }
        }
    }
}

fn chip(name: &str, value: &str, chosen: &str, words: &str) -> Markup {
    html! {
        label.chip {
            input type="radio" name=(name) value=(value) checked[chosen == value];
            span { (words) }
        }
    }
}

fn word(enabled: bool) -> &'static str {
    match enabled {
        true => "enabled",
        false => "disabled",
    }
}

/// What is wrong with a form about a resource.
pub(super) fn wrong(sentence: &str) -> FormError {
    FormError::with_status(StatusCode::UNPROCESSABLE_ENTITY, sentence)
}
