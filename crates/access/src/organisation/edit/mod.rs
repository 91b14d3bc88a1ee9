//! One change of the organisation by somebody who may make it, and was shown its consequence first.

mod authority;
mod change;
mod check;
pub(crate) mod own_gain;

use std::sync::Arc;

use hourkey_domain::organisation::Organisation;
use hourkey_domain::organisation::diff::{diff, sentences, sentences_without_people};
use hourkey_domain::sentence::Sentence;
use hourkey_protocol::problem::Code;
use hourkey_store::Room;

pub use authority::may_name_approvers;
pub use change::Edit;
pub use check::BUILT_IN;

use authority::{Maker, authorized};

use crate::actor::Actor;
use crate::app::App;
use crate::directory;
use crate::error::AppError;
use crate::identity::Caller;
use crate::identity::secret::{digest, same};
use crate::reconcile::reconcile;

/// What saving does, as the organisation stands.
#[derive(Clone, Debug)]
pub struct Consequence {
    /// What it does to people; empty where it does nothing to anybody now.
    pub sentences: Vec<Sentence>,
    /// Stands for what is replaced, by what, and what follows: saving with it does what was shown, or
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

/// Stands for what an edit replaces, as it is, for a form that is filled in for it: who saves after
/// somebody else is told ([`consequence`]). Nothing where there is no such thing.
#[must_use]
pub fn version(organisation: &Organisation, of: &Edit) -> Option<String> {
    of.replaced(organisation).map(|it| sealed(&it))
}

/// The [`version`] of what is new: nothing is replaced.
#[must_use]
pub fn version_of_new() -> String {
    sealed("")
}

/// What saving this would do. `seen` is the [`version`] that the form was filled in for.
///
/// # Errors
/// [`Code::Forbidden`] for whoever may not change the organisation; [`Code::NotFound`];
/// [`Code::AlreadyDecided`] where somebody else has changed the same since; [`Code::Malformed`] with
/// what is wrong.
pub async fn consequence(
    app: &App,
    caller: impl Into<Caller>,
    edit: &Edit,
    seen: &str,
) -> Result<Consequence, AppError> {
    let organisation = app.organisation().await?;
    let maker = authorized(
        &organisation,
        &Actor::looking(&organisation, caller, app.clock.now())?,
        edit,
    )?;
    check::of_kept_groups(edit)?;
    still(&organisation, edit, seen)?;
    following(app, &organisation, edit, maker).await
}

/// Saves this, if what follows is still what was shown ([`Consequence::seal`]).
///
/// # Errors
/// As [`consequence`].
pub async fn save(
    app: &App,
    caller: impl Into<Caller>,
    edit: Edit,
    (seen, seal): (&str, &str),
) -> Result<Saved, AppError> {
    let caller = caller.into();
    let known = app.organisation().await?;
    let maker = authorized(
        &known,
        &Actor::looking(&known, caller, app.clock.now())?,
        &edit,
    )?;
    check::of_kept_groups(&edit)?;
    still(&known, &edit, seen)?;
    // Before the transaction: it takes long, and everybody waits for that.
    let shown = following(app, &known, &edit, maker).await?;
    if !same(&shown.seal, seal) {
        return Ok(Saved::Changed(shown));
    }
    let (change, before) = (edit.clone(), Arc::clone(&known));
    let saved = app
        .transact(Room::Usual, move |tx, now| {
            Box::pin(async move {
                let actor = Actor::load(tx, caller, now).await?;
                let today = directory::advanced(tx, &before).await?;
                let maker = authorized(&today, &actor, &change)?.id;
                // People ask and approve all the time.
                if !today.has_same_entities(&before) {
                    return Ok(false);
                }
                change.write(tx, &today, maker, now).await?;
                own_gain::keep(tx, &today, maker, now).await?;
                let after = reconcile(tx, &today, Some(maker), now).await?;
                if !after.has_admin() {
                    return Err(last_admin());
                }
                Ok::<_, AppError>(true)
            })
        })
        .await?;
    match saved {
        true => Ok(Saved::Done),
        false => {
            let organisation = app.organisation().await?;
            still(&organisation, &edit, seen)?;
            let now = following(app, &organisation, &edit, maker).await?;
            Ok(Saved::Changed(now))
        }
    }
}

/// Whether what is replaced is still what the form was filled in for.
fn still(organisation: &Organisation, edit: &Edit, seen: &str) -> Result<(), AppError> {
    let version = version(organisation, edit).ok_or_else(AppError::not_found)?;
    match same(&version, seen) {
        true => Ok(()),
        false => Err(AppError::refused(
            Code::AlreadyDecided,
            "Somebody else has changed this since you opened the page. Nothing was saved. Open the page \
             again to see theirs.",
        )),
    }
}

async fn following(
    app: &App,
    organisation: &Organisation,
    edit: &Edit,
    maker: Maker,
) -> Result<Consequence, AppError> {
    let now = app.clock.now();
    check::check(organisation, edit)?;
    let mut after = edit.applied(organisation);
    if after.has_same_entities(organisation) {
        return Err(AppError::refused(
            Code::Malformed,
            "This changes nothing: it is set up so already.",
        ));
    }
    if !after.has_admin() {
        return Err(last_admin());
    }
    let known = own_gain::Known::read(&mut *app.store.read().await?).await?;
    let held = own_gain::held(organisation, &after, maker.id, &known, now);
    for held in &held {
        after.set_held_back(held.user, held.all.clone());
    }
    let diff = diff(organisation, &after, now);
    let mut sentences = match maker.sees_people {
        true => sentences(&diff, organisation, &after),
        false => sentences_without_people(&diff, organisation, &after),
    };
    sentences.splice(0..0, edit.about_people(organisation));
    let own = held.iter();
    sentences.extend(own.map(|held| own_gain::sentence(held, &after)));
    let held: Vec<_> = { held.iter().flat_map(|held| &held.new) }
        .map(|held| (held.user, held.assignment, held.earlier))
        .collect();
    // All that follows, also what the sentences only count.
    Ok(Consequence {
        seal: sealed(&format!(
            "{:?}\n{edit:?}\n{diff:?}\n{held:?}",
            edit.replaced(organisation)
        )),
        sentences,
    })
}

fn last_admin() -> AppError {
    AppError::refused(
        Code::Malformed,
        "Nobody could administer the organisation afterwards. Keep one enabled account with the role \
         Admin. Nothing was saved.",
    )
}

fn sealed(what: &str) -> String {
    digest(what)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
