//! Access settings, changed by an administrator who was shown the consequence first.

use std::sync::Arc;

use hourkey_domain::Time;
use hourkey_domain::audit::AuditAction;
use hourkey_domain::ids::{AssignmentId, ResourceId};
use hourkey_domain::organisation::Organisation;
use hourkey_domain::organisation::diff::{diff, sentences};
use hourkey_domain::sentence::Sentence;
use hourkey_domain::settings::{Override, Settings};
use hourkey_protocol::problem::Code;
use hourkey_store::log::{Entity, Entry, Subject};
use hourkey_store::{Room, Write};
use serde::Serialize;
use serde_json::json;

use crate::actor::Actor;
use crate::app::App;
use crate::directory;
use crate::error::AppError;
use crate::identity::Caller;
use crate::identity::secret::{digest, same};
use crate::reconcile::reconcile;

/// What somebody wants to set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewSettings {
    /// A resource's: what holds for its assignments where they have nothing of their own.
    Resource {
        /// Which.
        id: ResourceId,
        /// All of them.
        settings: Settings,
    },
    /// An assignment's own, in place of the resource's, and its end.
    Assignment {
        /// Which.
        id: AssignmentId,
        /// Those of its own.
        own: Override,
        /// When it ends.
        until: Option<Time>,
    },
}

/// What saving does, as the organisation stands.
#[derive(Clone, Debug)]
pub struct Consequence {
    /// What it does to people; empty where it does nothing to anybody now.
    pub sentences: Vec<Sentence>,
    /// Stands for what was to be replaced and what follows: saving with it does what was shown, or
    /// nothing.
    pub seal: String,
}

/// What came of saving.
#[derive(Clone, Debug)]
pub enum Saved {
    /// It is saved.
    Done,
    /// Something changed since the consequence was shown: this is what saving would do now. Nothing
    /// was saved.
    Changed(Consequence),
}

/// Stands for the settings as they are, for a form that changes them: who saves after somebody else is
/// told ([`consequence`]). Nothing for an unknown id.
#[must_use]
pub fn version(organisation: &Organisation, of: &NewSettings) -> Option<String> {
    let before = match of {
        NewSettings::Resource { id, .. } => {
            json!(organisation.resource(*id)?.settings)
        }
        NewSettings::Assignment { id, .. } => {
            let own = organisation.assignment(*id)?;
            // What it overrides was shown beside it.
            let resource = organisation.resource(own.resource)?;
            json!([resource.settings, own.own, own.until])
        }
    };
    Some(sealed(&before))
}

/// What saving these would do. `seen` is the [`version`] that the form was filled in for.
///
/// # Errors
/// [`Code::Forbidden`] for whoever may not change settings, [`Code::NotFound`],
/// [`Code::AlreadyDecided`] where somebody else has changed them since.
pub async fn consequence(
    app: &App,
    caller: impl Into<Caller>,
    new: &NewSettings,
    seen: &str,
) -> Result<Consequence, AppError> {
    let organisation = app.organisation().await?;
    authorize(&Actor::looking(&organisation, caller)?)?;
    let version = version(&organisation, new).ok_or_else(AppError::not_found)?;
    if !same(&version, seen) {
        return Err(AppError::refused(
            Code::AlreadyDecided,
            "Somebody else has changed these settings since you opened this page. Nothing was saved. \
             Reload it to see theirs.",
        ));
    }
    following(&organisation, new, app.clock.now())
}

/// Saves these settings, if what follows is still what was shown ([`Consequence::seal`]).
///
/// # Errors
/// As [`consequence`].
pub async fn save(
    app: &App,
    caller: impl Into<Caller>,
    new: NewSettings,
    seal: &str,
) -> Result<Saved, AppError> {
    let caller = caller.into();
    let known = app.organisation().await?;
    authorize(&Actor::looking(&known, caller)?)?;
    // Before the transaction: it takes long, and everybody waits for that.
    let now = following(&known, &new, app.clock.now())?;
    if !same(&now.seal, seal) {
        return Ok(Saved::Changed(now));
    }
    let shown_for = Arc::clone(&known);
    let (settings, seen) = (new.clone(), Arc::clone(&known));
    let saved = app
        .transact(Room::Usual, move |tx, now| {
            Box::pin(async move {
                let actor = Actor::load(tx, caller).await?;
                authorize(&actor)?;
                let before = directory::advanced(tx, &seen).await?;
                // People ask and approve all the time.
                if !before.has_same_entities(&shown_for) {
                    return Ok(false);
                }
                write(tx, &before, &settings, &actor, now).await?;
                reconcile(tx, &before, Some(actor.user.id), now).await?;
                Ok::<_, AppError>(true)
            })
        })
        .await?;
    match saved {
        true => Ok(Saved::Done),
        false => {
            let organisation = app.organisation().await?;
            let now = following(&organisation, &new, app.clock.now())?;
            Ok(Saved::Changed(now))
        }
    }
}

/// The organisation with these settings.
fn with(organisation: &Organisation, new: &NewSettings) -> Result<Organisation, AppError> {
    let mut after = organisation.clone();
    match new {
        NewSettings::Resource { id, settings } => {
            let found = organisation.resource(*id).ok_or_else(AppError::not_found)?;
            let mut resource = (**found).clone();
            resource.settings = *settings;
            after.set_resource(*id, Some(resource));
        }
        NewSettings::Assignment { id, own, until } => {
            let found = organisation.assignment(*id);
            let mut assignment = (**found.ok_or_else(AppError::not_found)?).clone();
            (assignment.own, assignment.until) = (*own, *until);
            after.set_assignment(*id, Some(assignment));
        }
    }
    Ok(after)
}

fn following(
    organisation: &Organisation,
    new: &NewSettings,
    now: Time,
) -> Result<Consequence, AppError> {
    let version = version(organisation, new).ok_or_else(AppError::not_found)?;
    let after = with(organisation, new)?;
    let sentences = sentences(&diff(organisation, &after, now), organisation, &after);
    let said: Vec<_> = sentences.iter().map(ToString::to_string).collect();
    Ok(Consequence {
        seal: sealed(&(version, said)),
        sentences,
    })
}

async fn write(
    tx: &mut dyn Write,
    before: &Organisation,
    new: &NewSettings,
    actor: &Actor,
    now: Time,
) -> Result<(), AppError> {
    let (action, entity, detail) = match new {
        NewSettings::Resource { id, settings } => {
            let (mut resource, _) = tx.resource(*id).await?.ok_or_else(AppError::not_found)?;
            let detail = json!({ "before": resource.settings, "after": settings });
            resource.settings = *settings;
            tx.update_resource(resource).await?;
            (AuditAction::ResourceChanged, Entity::Resource(*id), detail)
        }
        NewSettings::Assignment { id, own, until } => {
            let found = before.assignment(*id).ok_or_else(AppError::not_found)?;
            let mut assignment = (**found).clone();
            let said = |own: &Override, until: &Option<Time>| json!({ "own": own, "until": until });
            let detail = json!({
                "before": said(&assignment.own, &assignment.until),
                "after": said(own, until),
            });
            (assignment.own, assignment.until) = (*own, *until);
            tx.update_assignment(assignment).await?;
            (
                AuditAction::AssignmentChanged,
                Entity::Assignment(*id),
                detail,
            )
        }
    };
    let entry = Entry {
        at: now,
        actor: Some(actor.user.id),
        action,
        subject: Subject::Organisation { entity },
        detail,
    };
    tx.record(entry).await?;
    Ok(())
}

fn authorize(actor: &Actor) -> Result<(), AppError> {
    match (actor.administers(), actor.sees_configuration()) {
        (true, _) => Ok(()),
        (false, true) => Err(AppError::refused(
            Code::Forbidden,
            "Only administrators change settings.",
        )),
        (false, false) => Err(AppError::not_found()),
    }
}

fn sealed(what: &impl Serialize) -> String {
    let text = serde_json::to_string(what).unwrap_or_default();
    digest(&text)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
