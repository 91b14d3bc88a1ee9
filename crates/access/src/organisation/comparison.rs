//! A file, compared with the organisation that it is applied to.

use std::sync::Arc;

use hourkey_domain::Time;
use hourkey_domain::organisation::{Organisation, everyone};
use hourkey_protocol::problem::Code;
use hourkey_store::{Room, Store, StoreError, Write, transact};

use super::apply::apply;
use super::file::OrgFile;
use super::ids;
use super::plan::Plan;
use crate::directory::{self, Directory};
use crate::error::AppError;
use crate::reconcile::reconcile;

/// Why a file was not applied. Nothing of it was.
#[derive(Debug)]
pub enum Refused {
    /// Nobody could administer the controller afterwards.
    LastAdmin,
    /// Something changed between showing the difference and applying it.
    ChangedMeanwhile,
    /// It failed.
    Failed(AppError),
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::LastAdmin => f.write_str(
                "nothing was applied: no enabled user with the role Admin would be left; keep one \
                 in the file",
            ),
            Self::ChangedMeanwhile => f.write_str(
                "nothing was applied: the organisation changed since the difference was shown; \
                 run the command again",
            ),
            Self::Failed(AppError::Refused(problem) | AppError::Later { problem, .. }) => {
                write!(f, "nothing was applied: {}", problem.detail)
            }
            Self::Failed(AppError::Broken(error)) => write!(f, "nothing was applied: {error:#}"),
        }
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<AppError> for Refused {
    fn from(failure: AppError) -> Self {
        Self::Failed(failure)
    }
}

/// What a file does.
#[derive(Debug)]
pub struct Applied {
    /// The organisation before.
    pub before: Organisation,
    /// The organisation as the file has it, with everything between people and resources as it was
    /// before: what follows is [`hourkey_domain::organisation::diff()`] of the two.
    pub after: Organisation,
}

/// A file and the difference that it makes, found before the transaction that applies it: nobody else
/// writes while that runs.
#[derive(Clone, Debug)]
pub struct Comparison {
    file: Arc<OrgFile>,
    prune: bool,
    directory: Arc<Directory>,
    known: Arc<Organisation>,
    plan: Plan,
}

impl Comparison {
    /// Compares. With `prune`, what the file lacks is removed.
    ///
    /// # Errors
    /// [`Code::Malformed`] where an id and a name of the file are of two different things here, or its ids
    /// are another controller's; the
    /// store's own failure.
    pub async fn new(store: &Arc<dyn Store>, file: OrgFile, prune: bool) -> Result<Self, AppError> {
        let directory = Arc::new(Directory::default());
        let known = directory.current(store).await?;
        check_names(&file, &known)?;
        let installation = store.read().await?.installation().await?;
        let checked = match &file.installation {
            Some(other) if other.value != installation => Err(vec![ids::of_another(other.line)]),
            Some(_) | None => ids::check(&file.ids, &known),
        };
        checked.map_err(|mistakes| {
            let lines: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
            let detail = format!("nothing was applied:\n  {}", lines.join("\n  "));
            AppError::refused(Code::Malformed, detail)
        })?;
        Ok(Self {
            plan: Plan::new(&known, &file, prune),
            file: Arc::new(file),
            prune,
            directory,
            known,
        })
    }

    /// The difference.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Makes the organisation what the file says, with everything that follows from it (rule 7).
    ///
    /// # Errors
    /// [`Refused`], and nothing changed: the difference must still be [`Comparison::plan`].
    pub async fn apply(self, store: &Arc<dyn Store>, now: Time) -> Result<Applied, Refused> {
        let compared = self.advanced(store).await?;
        transact(store, Room::Usual, move |tx| {
            Box::pin(compared.apply_in(tx, now))
        })
        .await
    }

    /// Returns what [`Comparison::apply`] would do, found by doing it in a transaction that is rolled
    /// back. Other writers wait for it as for that.
    ///
    /// # Errors
    /// [`Refused`], where applying would be.
    pub async fn preview(&self, store: &Arc<dyn Store>, now: Time) -> Result<Applied, Refused> {
        let compared = self.clone().advanced(store).await?;
        let outcome: Result<(), RolledBack> = transact(store, Room::Usual, move |tx| {
            Box::pin(async move {
                let applied = compared.apply_in(tx, now).await;
                Err(applied.map_or_else(RolledBack::Refused, |applied| {
                    RolledBack::Done(Box::new(applied))
                }))
            })
        })
        .await;
        match outcome {
            Err(RolledBack::Done(applied)) => Ok(*applied),
            Err(RolledBack::Refused(refused)) => Err(refused),
            // The work always rolls back.
            Ok(()) => Err(StoreError::RolledBack.into()),
        }
    }

    /// The same, as new as can be before a transaction. Hours may have passed since the difference was
    /// shown, and while a transaction loads the organisation, everybody waits.
    async fn advanced(mut self, store: &Arc<dyn Store>) -> Result<Self, Refused> {
        self.directory.look(store).await?;
        let known = self.directory.current(store).await?;
        self.is_still(&known)?;
        self.known = known;
        Ok(self)
    }

    /// People ask and approve all the time: only where something else changed is the file compared
    /// again.
    fn is_still(&self, now: &Organisation) -> Result<(), Refused> {
        let is_same = now.has_same_entities(&self.known)
            || self.plan == Plan::new(now, &self.file, self.prune);
        is_same.then_some(()).ok_or(Refused::ChangedMeanwhile)
    }

    async fn apply_in(self, tx: &mut dyn Write, now: Time) -> Result<Applied, Refused> {
        let before = directory::advanced(tx, &self.known).await?;
        self.is_still(&before)?;
        let mut after = before.clone();
        if !self.plan.is_empty() {
            apply(tx, &before, &self.plan, now).await?;
            after = reconcile(tx, &before, None, now).await?;
            if before.has_admin() && !after.has_admin() {
                return Err(Refused::LastAdmin);
            }
        }
        Ok(Applied { before, after })
    }
}

/// Refuses new groups whose name reads as the built-in one's. One that was here before keeps it.
fn check_names(file: &OrgFile, known: &Organisation) -> Result<(), AppError> {
    let is_here = |name: &str| known.groups().any(|it| it.name == name);
    let mut names = file.groups.iter().map(|group| group.name.as_str());
    match names.find(|name| everyone::is_reserved(name) && !is_here(name)) {
        None => Ok(()),
        Some(name) => Err(AppError::refused(
            Code::Malformed,
            format!(
                "nothing was applied: group {name:?} would read as the built-in group Everyone; choose \
                 another name"
            ),
        )),
    }
}

/// Why the transaction of a preview was rolled back.
enum RolledBack {
    /// On purpose.
    Done(Box<Applied>),
    Refused(Refused),
}

impl From<StoreError> for RolledBack {
    fn from(error: StoreError) -> Self {
        Self::Refused(error.into())
    }
}
