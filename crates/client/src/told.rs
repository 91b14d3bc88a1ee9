//! Being told once: what a person was told already, kept across restarts and sleep.
//!
//! Show what [`Told::due`] returns, in its order, and [`Told::mark`] each after it was shown. A
//! program that is killed between the two repeats one notice; none is ever left out.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use hourkey_domain::ids::{GrantId, NoticeId, ResourceId, UserId};
use hourkey_domain::lock::LockState;
use hourkey_protocol::access::Resource;
use hourkey_protocol::notice::{Notice, What};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::model::{Model, lock_now};

/// Something to tell the person now.
#[derive(Clone, Debug, PartialEq)]
pub enum ToTell {
    /// A notice of the controller.
    Notice(Notice),
    /// A grant ends soon.
    EndingSoon {
        /// Which of the two warnings.
        warning: Warning,
        /// Minutes left, rounded up: 10 or 2, or fewer when the machine slept meanwhile.
        minutes_left: i64,
        /// The grant.
        ending: Ending,
    },
    /// A grant came to its end.
    Ended(Ending),
}

/// A grant with its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// The grant.
    pub grant: GrantId,
    /// Its resource.
    pub resource: ResourceId,
    /// The resource's name.
    pub resource_name: String,
    /// Its start.
    pub started_at: DateTime<Utc>,
    /// Its end.
    pub expires_at: DateTime<Utc>,
}

/// The warnings before a grant's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warning {
    /// Ten minutes before.
    Ten,
    /// Two minutes before.
    Two,
}

impl Warning {
    fn before(self) -> TimeDelta {
        match self {
            Self::Ten => TimeDelta::minutes(10),
            Self::Two => TimeDelta::minutes(2),
        }
    }
}

/// What one person at one controller was told.
#[derive(Debug)]
pub struct Told {
    path: PathBuf,
    account: String,
    file: File,
}

/// The state file, by account: a controller's origin and a user's id.
#[derive(Debug, Default, Serialize, Deserialize)]
struct File {
    accounts: BTreeMap<String, Record>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Record {
    /// The highest notice told.
    notice: Option<NoticeId>,
    /// The endings told, with the deadline of each.
    endings: BTreeMap<String, DateTime<Utc>>,
    /// The grants that run, as last known: their end is told even after a restart.
    running: BTreeMap<GrantId, Ending>,
    /// Up to when the person has read their inbox.
    #[serde(default)]
    read_until: Option<DateTime<Utc>>,
}

/// An ending that is this old is forgotten: no grant that is still heard of ended before.
const MEMORY: TimeDelta = TimeDelta::days(8);
/// A grant that is gone this short before its end came to its end: clocks differ by a little.
const ABOUT: TimeDelta = TimeDelta::seconds(5);

impl Told {
    /// Opens the state file at `path` for the person of `model`, who signed in at `signed_in`
    /// (`None` when that was in an earlier run). Call it after the first snapshot.
    ///
    /// For a person whom the file does not know, what happened before they signed in counts as
    /// told. A file that cannot be read is set aside with a warning.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn open(
        path: &Path,
        controller: &Url,
        model: &Model,
        signed_in: Option<DateTime<Utc>>,
    ) -> io::Result<Self> {
        let user = model.me.as_ref().map_or(UserId(0), |me| me.id);
        let mut told = Self {
            path: path.to_owned(),
            account: format!("{} {user}", controller.origin().ascii_serialization()),
            file: read(path)?,
        };
        if !told.file.accounts.contains_key(&told.account) {
            let before = |notice: &&Notice| signed_in.is_none_or(|at| notice.at < at);
            told.record_mut().notice = model.notices.iter().filter(before).map(|it| it.id).max();
            told.save()?;
        }
        if told.record().read_until.is_none() {
            // What happened before they signed in here, or before this was kept, counts as read.
            let newest = model.notices.iter().map(|notice| notice.at).max();
            told.record_mut().read_until = signed_in.or(newest);
            told.save()?;
        }
        Ok(told)
    }

    /// Up to when the person has read their inbox.
    #[must_use]
    pub fn read_until(&self) -> Option<DateTime<Utc>> {
        self.record().read_until
    }

    /// Remembers that the person has read their inbox up to `at`.
    ///
    /// # Errors
    /// When the file cannot be written; it is remembered until the program ends even then.
    pub fn mark_read(&mut self, at: DateTime<Utc>) -> io::Result<()> {
        let record = self.record_mut();
        if record.read_until >= Some(at) {
            return Ok(());
        }
        record.read_until = Some(at);
        self.save()
    }

    /// Remembers which grants run. Call it after each update that was applied to the model, with
    /// the model's time after it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn observe(&mut self, model: &Model, now: DateTime<Utc>) -> io::Result<()> {
        let running = self.running(model, now);
        let record = self.record_mut();
        let forgotten = record.endings.len();
        record
            .endings
            .retain(|_, deadline| *deadline + MEMORY > now);
        if running == record.running && forgotten == record.endings.len() {
            return Ok(());
        }
        record.running = running;
        self.save()
    }

    /// What is to be told now, in order: new notices, oldest first, then endings.
    #[must_use]
    pub fn due(&self, model: &Model, now: DateTime<Utc>) -> Vec<ToTell> {
        let record = self.record();
        let waits = |notice: &Notice| match notice.what {
            // Decided meanwhile: nothing is left to do.
            What::PleaseReview { request, .. } => {
                model.reviews.iter().any(|it| it.request.id == request)
            }
            What::Approved { .. }
            | What::Denied { .. }
            | What::Cancelled { .. }
            | What::Lapsed { .. }
            | What::Revoked { .. }
            | What::Unlocked { .. }
            | What::Started { .. }
            | What::Unknown => true,
        };
        let mut notices: Vec<&Notice> = model
            .notices
            .iter()
            .filter(|notice| Some(notice.id) > record.notice && waits(notice))
            .collect();
        notices.sort_by_key(|notice| notice.id);
        let running = self.running(model, now);
        let endings = running.into_values().filter_map(|ending| {
            if now >= ending.expires_at {
                return self
                    .is_new(&end_key(&ending))
                    .then_some(ToTell::Ended(ending));
            }
            let left = ending.expires_at - now;
            if left <= ABOUT {
                // The end itself is about to be told; the lock may be gone already.
                return None;
            }
            let warning = warning_at(&ending, now)?;
            self.is_new(&warning_key(&ending, warning))
                .then(|| ToTell::EndingSoon {
                    warning,
                    minutes_left: (left.num_seconds() + 59).div_euclid(60).max(1),
                    ending,
                })
        });
        notices
            .into_iter()
            .cloned()
            .map(ToTell::Notice)
            .chain(endings)
            .collect()
    }

    /// Remembers that this was told. Call it after it was shown.
    ///
    /// # Errors
    /// When the file cannot be written; it is remembered until the program ends even then.
    pub fn mark(&mut self, told: &ToTell) -> io::Result<()> {
        let record = self.record_mut();
        match told {
            ToTell::Notice(notice) => record.notice = record.notice.max(Some(notice.id)),
            ToTell::EndingSoon {
                warning, ending, ..
            } => {
                let key = warning_key(ending, *warning);
                record.endings.insert(key, ending.expires_at);
            }
            ToTell::Ended(ending) => {
                record.endings.insert(end_key(ending), ending.expires_at);
                record.running.remove(&ending.grant);
            }
        }
        self.save()
    }

    /// The next moment after `now` at which an ending is due.
    #[must_use]
    pub fn next_wake(&self, model: &Model, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.running(model, now)
            .into_values()
            .flat_map(|ending| {
                let warnings = WARNINGS
                    .into_iter()
                    .filter(|warning| has_warning(&ending, *warning))
                    .map(|warning| ending.expires_at - warning.before());
                warnings
                    .chain([ending.expires_at])
                    .collect::<Vec<DateTime<Utc>>>()
            })
            .filter(|at| *at > now)
            .min()
    }

    /// The grants that run, and those whose end is still to be told.
    fn running(&self, model: &Model, now: DateTime<Utc>) -> BTreeMap<GrantId, Ending> {
        let mut running: BTreeMap<GrantId, Ending> = model
            .resources
            .values()
            .filter_map(|resource| ending(resource, now))
            .map(|ending| (ending.grant, ending))
            .collect();
        for (grant, known) in &self.record().running {
            // One that is gone before its end was given back or taken away.
            let over = known.expires_at <= now + ABOUT && !was_revoked(model, *grant);
            if over {
                running.entry(*grant).or_insert_with(|| known.clone());
            }
        }
        running.retain(|_, ending| self.is_new(&end_key(ending)));
        running
    }

    fn is_new(&self, key: &str) -> bool {
        !self.record().endings.contains_key(key)
    }

    fn record(&self) -> &Record {
        const NOTHING: &Record = &Record {
            notice: None,
            endings: BTreeMap::new(),
            running: BTreeMap::new(),
            read_until: None,
        };
        self.file.accounts.get(&self.account).unwrap_or(NOTHING)
    }

    fn record_mut(&mut self) -> &mut Record {
        self.file.accounts.entry(self.account.clone()).or_default()
    }

    fn save(&self) -> io::Result<()> {
        let json = serde_json::to_vec_pretty(&self.file).map_err(io::Error::other)?;
        crate::file::replace(&self.path, &json)
    }
}

/// The later one first: only the latest that is due is told.
const WARNINGS: [Warning; 2] = [Warning::Two, Warning::Ten];

/// A grant has no warning at or before its very start.
fn has_warning(ending: &Ending, warning: Warning) -> bool {
    ending.expires_at - ending.started_at > warning.before()
}

fn warning_at(ending: &Ending, now: DateTime<Utc>) -> Option<Warning> {
    WARNINGS
        .into_iter()
        .find(|warning| now >= ending.expires_at - warning.before())
        .filter(|warning| has_warning(ending, *warning))
}

fn warning_key(ending: &Ending, warning: Warning) -> String {
    let minutes = warning.before().num_minutes();
    format!(
        "{} {minutes} {}",
        ending.grant,
        ending.expires_at.timestamp_millis()
    )
}

fn end_key(ending: &Ending) -> String {
    format!(
        "{} end {}",
        ending.grant,
        ending.expires_at.timestamp_millis()
    )
}

fn ending(resource: &Resource, now: DateTime<Utc>) -> Option<Ending> {
    let LockState::Granted {
        grant,
        started_at,
        expires_at,
    } = lock_now(resource, now)
    else {
        return None;
    };
    Some(Ending {
        grant,
        resource: resource.id,
        resource_name: resource.name.clone(),
        started_at,
        expires_at,
    })
}

fn was_revoked(model: &Model, which: GrantId) -> bool {
    let revoked = |notice: &Notice| match notice.what {
        What::Revoked { grant, .. } => grant == which,
        What::Approved { .. }
        | What::Denied { .. }
        | What::Cancelled { .. }
        | What::Lapsed { .. }
        | What::Unlocked { .. }
        | What::Started { .. }
        | What::PleaseReview { .. }
        | What::Unknown => false,
    };
    model.notices.iter().any(revoked)
}

fn read(path: &Path) -> io::Result<File> {
    let json = match std::fs::read(path) {
        Ok(json) => json,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(File::default()),
        Err(error) => return Err(error),
    };
    serde_json::from_slice(&json).or_else(|error| {
        let aside = path.with_extension("damaged");
        tracing::warn!(
            %error,
            file.path = %path.display(),
            file.kept_as = %aside.display(),
            "The record of what was told is damaged; it is set aside, and a new one begun."
        );
        std::fs::rename(path, aside)?;
        Ok(File::default())
    })
}

#[cfg(test)]
mod tests;
