//! What all pages of changing have in common: a form, the consequence, and saving.

use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_access::organisation::edit::{self, Consequence, Edit, Saved, version};
use hourkey_access::overview::Overview;
use hourkey_domain::ids::ResourceId;
use hourkey_domain::organisation::{About, Resource};
use maud::{Markup, html};

use crate::admin::typed_name::{self, TYPED_NAME};
use crate::confirm;
use crate::error::PageError;
use crate::form::{Fields, FormError};
use crate::layout::{Frame, Live, Page, Place, Width, token_field};
use crate::page_user::PageUser;
use crate::sentence::{self, Links};

/// What belongs to a form and is not typed.
const OF_THE_FORM: [&str; 7] = ["token", "by", "do", "what", "seal", "seen", TYPED_NAME];

/// A page on which something is changed, for somebody who may.
pub(super) struct Sheet<'a> {
    pub(super) app: &'a App,
    pub(super) user: &'a PageUser,
    pub(super) uri: &'a Uri,
    pub(super) title: String,
    pub(super) place: Place,
    /// Where Cancel leads.
    pub(super) home: String,
}

/// The form of a page.
pub(super) struct Draft<'a> {
    pub(super) lead: Markup,
    pub(super) fields: Markup,
    /// The version that it is filled in for.
    pub(super) seen: &'a str,
    pub(super) wrong: &'a FormError,
    /// What the button that removes it is called, where there is one.
    pub(super) remove: Option<&'static str>,
}

/// The consequence, before something is saved.
struct Shown<'a> {
    consequence: &'a Consequence,
    /// The name of what goes for good.
    goes: Option<&'a str>,
    /// It was to be saved, and does something else by now.
    stale: bool,
    wrong: &'a FormError,
}

/// The resource, or the answer about an unknown one.
pub(super) fn found(view: &Overview, id: ResourceId) -> Result<&Resource, AppError> {
    let resource = view.organisation.resource(id);
    Ok(&**resource.ok_or_else(AppError::not_found)?)
}

/// The version of what an edit replaces, for its form.
pub(super) fn seen(view: &Overview, edit: &Edit) -> Result<String, AppError> {
    version(&view.organisation, edit).ok_or_else(AppError::not_found)
}

/// Whether a form is to remove what it is about.
pub(super) fn removes(fields: &Fields) -> bool {
    fields.get("do") == "remove" || fields.get("what") == "remove"
}

impl Sheet<'_> {
    /// The form.
    pub(super) async fn form(&self, draft: &Draft<'_>) -> Result<Response, PageError> {
        let main = html! {
            h1 { bdi { (self.title) } }
            p.lead { (draft.lead) }
            (draft.wrong.complaint())
            form.stack #change method="post" action=(self.uri.path()) data-redraws
                data-version=(draft.seen) {
                (token_field(&self.user.token))
                input type="hidden" name="seen" value=(draft.seen);
                (draft.fields)
                p.acts {
                    button.btn.primary name="do" value="show" { "See what this does…" }
                    a.btn href=(self.home) { "Cancel" }
                    @if let Some(words) = draft.remove {
                        button.btn.danger name="do" value="remove" formnovalidate { (words) }
                    }
                }
                p.hint { "Nothing is saved yet: first you see what it does." }
            }
        };
        self.answer(draft.wrong.status(), &main).await
    }

    /// Shows the consequence of what was sent, or saves it; then it leads `home`. An error, also of what
    /// could not be read, belongs above the form, with all that was typed.
    pub(super) async fn sent(
        &self,
        fields: &Fields,
        edit: Result<Edit, FormError>,
        home: impl AsyncFnOnce() -> Result<String, AppError>,
    ) -> Result<Result<Response, FormError>, PageError> {
        let edit = match edit {
            Ok(edit) => edit,
            Err(wrong) => return Ok(Err(wrong)),
        };
        let (app, caller) = (self.app, self.user.user.id);
        let action = fields.get("do");
        if action == "edit" {
            return Ok(Err(FormError::default()));
        }
        let saves = action == "save";
        let organisation = app.organisation().await?;
        let goes = edit.removed_name(&organisation);
        let wrong = match goes.filter(|_| saves) {
            Some(name) => typed_name::check(name, fields).err().unwrap_or_default(),
            None => FormError::default(),
        };
        let saves = saves && wrong == FormError::default();
        let waits = saves && !edit.is_emergency(&organisation);
        if waits && let Some(answer) = confirm::first(app, self.user) {
            return Ok(Ok(answer));
        }
        app.budgets.change(caller, app.clock.now())?;
        let done = match saves {
            true => {
                edit::save(
                    app,
                    caller,
                    edit.clone(),
                    (fields.get("seen"), fields.get("seal")),
                )
                .await
            }
            false => edit::consequence(app, caller, &edit, fields.get("seen"))
                .await
                .map(Saved::Changed),
        };
        match done {
            Ok(Saved::Done) => Ok(Ok(Redirect::to(&home().await?).into_response())),
            Ok(Saved::Changed(consequence)) => {
                let shown = Shown {
                    consequence: &consequence,
                    goes,
                    stale: saves,
                    wrong: &wrong,
                };
                self.confirm(fields, &shown).await.map(Ok)
            }
            Err(AppError::Refused(problem)) => Ok(Err(FormError::of(&problem))),
            Err(failure) => Err(failure.into()),
        }
    }

    /// What it does, and the button that saves it.
    async fn confirm(&self, fields: &Fields, shown: &Shown<'_>) -> Result<Response, PageError> {
        let Shown {
            consequence,
            goes,
            stale,
            wrong,
        } = *shown;
        let links = Links {
            configuration: true,
            people: self.user.user.roles.iter().any(|role| role.sees_all()),
        };
        let removes = removes(fields);
        let typed = fields.pairs();
        let typed = typed.filter(|(name, _)| !OF_THE_FORM.contains(name));
        let main = html! {
            h1 { bdi { (self.title) } }
            (wrong.complaint())
            @if stale {
                div.bar.warn {
                    p role="status" {
                        "Something has changed since you saw what this does. Nothing was saved. This \
                         is what it does now."
                    }
                }
            }
            section.answer #consequence {
                h2 { "What this does now" }
                @if consequence.sentences.is_empty() {
                    p { "Nobody gains or loses anything at this moment." }
                }
                ul.missing.plain {
                    @for sentence in &consequence.sentences { li { (sentence::shown(sentence, links)) } }
                }
            }
            form.stack #confirm method="post" action=(self.uri.path()) data-redraws
                data-after="change" {
                (token_field(&self.user.token))
                input type="hidden" name="seen" value=(fields.get("seen"));
                input type="hidden" name="seal" value=(consequence.seal);
                @if removes { input type="hidden" name="what" value="remove"; }
                @for (name, value) in typed { input type="hidden" name=(name) value=(value); }
                @if let Some(name) = goes { (typed_name::field(name, fields, wrong)) }
                p.acts {
                    @match removes {
                        true => button.btn.danger name="do" value="save" { "Remove" },
                        false => button.btn.primary name="do" value="save" { "Save" },
                    }
                    button.btn name="do" value="edit" { "Back" }
                    a.btn href=(self.home) { "Cancel" }
                }
            }
        };
        let status = match stale {
            true => StatusCode::CONFLICT,
            false => wrong.status(),
        };
        self.answer(status, &main).await
    }

    async fn answer(&self, status: StatusCode, main: &Markup) -> Result<Response, PageError> {
        let frame = Frame::of(self.app, self.user, self.uri).await?;
        let page = Page {
            title: &self.title,
            place: self.place,
            width: Width::Wide,
            live: Live::Off,
        };
        Ok(frame.answer(status, &page, main))
    }
}

/// A field for a text of several lines; empty lines stand at the beginning of none.
pub(super) fn paragraphs(name: &str, label: &str, value: &str, hint: &str) -> Markup {
    let id = format!("field-{name}");
    let hint_id = format!("hint-{name}");
    html! {
        label for=(id) { (label) }
        textarea.field #(id) name=(name) rows="3" maxlength=(About::MAX_CHARS) dir="auto"
            aria-describedby=(hint_id) { "\n" (value) }
        p.hint #(hint_id) { (hint) }
    }
}

/// A field for a line of text.
pub(super) fn line(name: &str, label: &str, value: &str, hint: &str) -> Markup {
    let id = format!("field-{name}");
    let hint_id = format!("hint-{name}");
    html! {
        label for=(id) { (label) }
        input.field #(id) name=(name) value=(value) dir="auto" autocomplete="off" spellcheck="false"
            maxlength="400" aria-describedby=[(!hint.is_empty()).then_some(&hint_id)];
        @if !hint.is_empty() { p.hint #(hint_id) { (hint) } }
    }
}
