//! The delivery log: which notifications a person has seen on this computer, across restarts and sleep.
//!
//! Show what [`DeliveryLog::due`] returns, in its order, and call [`DeliveryLog::mark_delivered`] after
//! each. A program that is killed between the two repeats one; none is ever left out.

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

/// A notification that is due and not shown yet.
#[derive(Clone, Debug, PartialEq)]
pub enum PendingNotification {
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

/// What one person at one controller has been notified of.
#[derive(Debug)]
pub struct DeliveryLog {
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
    /// The highest notice delivered.
    notice: Option<NoticeId>,
    /// The endings delivered, with the deadline of each.
    endings: BTreeMap<String, DateTime<Utc>>,
    /// The grants that run, as last known: their end is due even after a restart.
    running: BTreeMap<GrantId, Ending>,
    /// Up to when the person has read their inbox.
    #[serde(default)]
    read_until: Option<DateTime<Utc>>,
}

/// How long a delivered ending is remembered: no grant that is still heard of ended before.
const RETENTION: TimeDelta = TimeDelta::days(8);
/// A grant that is gone this short before its end came to its end: clocks differ by a little.
const CLOCK_SKEW: TimeDelta = TimeDelta::seconds(5);

impl DeliveryLog {
    /// Opens the state file at `path` for the person of `model`, who signed in at `signed_in`
    /// (`None` when that was in an earlier run). Call it after the first snapshot.
    ///
    /// For a person whom the file does not know, what happened before they signed in counts as
    /// delivered. A file that cannot be read is set aside with a warning.
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
        let mut log = Self {
            path: path.to_owned(),
            account: format!("{} {user}", controller.origin().ascii_serialization()),
            file: read(path)?,
        };
        if !log.file.accounts.contains_key(&log.account) {
            let before = |notice: &&Notice| signed_in.is_none_or(|at| notice.at < at);
            log.record_mut().notice = model.notices.iter().filter(before).map(|it| it.id).max();
            log.save()?;
        }
        if log.record().read_until.is_none() {
            // What happened before they signed in here, or before this was kept, counts as read.
            let newest = model.notices.iter().map(|notice| notice.at).max();
            log.record_mut().read_until = signed_in.or(newest);
            log.save()?;
        }
        Ok(log)
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
            .retain(|_, deadline| *deadline + RETENTION > now);
        if running == record.running && forgotten == record.endings.len() {
            return Ok(());
        }
        record.running = running;
        self.save()
    }

    /// Returns what is due now, in order: new notices, oldest first, then endings.
    #[must_use]
    pub fn due(&self, model: &Model, now: DateTime<Utc>) -> Vec<PendingNotification> {
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
                    .then_some(PendingNotification::Ended(ending));
            }
            let left = ending.expires_at - now;
            if left <= CLOCK_SKEW {
                // The end itself is about to be due; the lock may be gone already.
                return None;
            }
            let warning = warning_at(&ending, now)?;
            self.is_new(&warning_key(&ending, warning))
                .then(|| PendingNotification::EndingSoon {
                    warning,
                    minutes_left: (left.num_seconds() + 59).div_euclid(60).max(1),
                    ending,
                })
        });
        notices
            .into_iter()
            .cloned()
            .map(PendingNotification::Notice)
            .chain(endings)
            .collect()
    }

    /// Records that this was shown. Call it after it was.
    ///
    /// # Errors
    /// When the file cannot be written; it is remembered until the program ends even then.
    pub fn mark_delivered(&mut self, delivered: &PendingNotification) -> io::Result<()> {
        let record = self.record_mut();
        match delivered {
            PendingNotification::Notice(notice) => {
                record.notice = record.notice.max(Some(notice.id))
            }
            PendingNotification::EndingSoon {
                warning, ending, ..
            } => {
                let key = warning_key(ending, *warning);
                record.endings.insert(key, ending.expires_at);
            }
            PendingNotification::Ended(ending) => {
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

    /// The grants that run, and those whose end is still to be delivered.
    fn running(&self, model: &Model, now: DateTime<Utc>) -> BTreeMap<GrantId, Ending> {
        let mut running: BTreeMap<GrantId, Ending> = model
            .resources
            .values()
            .filter_map(|resource| ending(resource, now))
            .map(|ending| (ending.grant, ending))
            .collect();
        for (grant, known) in &self.record().running {
            // One that is gone before its end was given back or taken away.
            let over = known.expires_at <= now + CLOCK_SKEW && !was_revoked(model, *grant);
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

/// The later one first: only the latest that is due is shown.
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

/// The file's name in earlier versions; it is read where there is no new one yet.
const EARLIER_NAME: &str = "told.json";

/// Reads the file at `path`, or the one that an earlier version left beside it.
fn read(path: &Path) -> io::Result<File> {
    for path in [path, &path.with_file_name(EARLIER_NAME)] {
        match std::fs::read(path) {
            Ok(json) => return parse(path, &json),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(File::default())
}

/// Parses a file; one that is damaged is set aside.
fn parse(path: &Path, json: &[u8]) -> io::Result<File> {
    serde_json::from_slice(json).or_else(|error| {
        let aside = path.with_extension("damaged");
        tracing::warn!(
            %error,
            file.path = %path.display(),
            file.kept_as = %aside.display(),
            "the delivery log is damaged; it is set aside, and a new one begun"
        );
        std::fs::rename(path, aside)?;
        Ok(File::default())
    })
}

#[cfg(test)]
mod tests;
