//! The delivery log: which notifications a person has seen on this computer, across restarts and sleep.
//!
//! Show what [`DeliveryLog::due`] returns, in its order, call [`DeliveryLog::mark_delivered`] after each,
//! and save [`DeliveryLog::changes`]. A program that is killed before that repeats one; none is ever
//! left out. Only [`DeliveryStart::open`] and [`DeliveryFile::save`] read and write the disk.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use hourkey_domain::ids::{GrantId, NoticeId, UserId};
use hourkey_domain::lock::LockState;
use hourkey_protocol::access::Resource;
use hourkey_protocol::notice::{Notice, What};
use url::Url;

use crate::model::{Model, lock_now};
use file::Record;

mod ending;
mod file;
pub use ending::Ending;
pub use file::DeliveryFile;

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

/// How long a delivered ending is remembered: no grant that is still heard of ended before.
const RETENTION: TimeDelta = TimeDelta::days(8);
/// A grant that is gone this short before its end came to its end: clocks differ by a little.
const CLOCK_SKEW: TimeDelta = TimeDelta::seconds(5);

/// What one person at one controller has been notified of.
#[derive(Debug)]
pub struct DeliveryLog {
    account: String,
    file: DeliveryFile,
    /// There are changes that [`Self::changes`] has not handed out.
    is_changed: bool,
}

/// Which delivery log is opened, and what stands in it when it is new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryStart {
    account: String,
    /// The last notice from before the person signed in.
    notice: Option<NoticeId>,
    /// Up to when the inbox counts as read.
    read_until: Option<DateTime<Utc>>,
}

impl DeliveryStart {
    /// The log of the person of `model`, who signed in at `signed_in` (`None` when that was in an
    /// earlier run). Call it after the first snapshot.
    ///
    /// For a person whom the file does not know, what happened before they signed in counts as
    /// delivered.
    #[must_use]
    pub fn of(controller: &Url, model: &Model, signed_in: Option<DateTime<Utc>>) -> Self {
        let user = model.me.as_ref().map_or(UserId(0), |me| me.id);
        let before = |notice: &&Notice| signed_in.is_none_or(|at| notice.at < at);
        // What happened before they signed in here, or before this was kept, counts as read.
        let newest = model.notices.iter().map(|notice| notice.at).max();
        Self {
            account: format!("{} {user}", controller.origin().ascii_serialization()),
            notice: model.notices.iter().filter(before).map(|it| it.id).max(),
            read_until: signed_in.or(newest),
        }
    }

    /// Reads the state file at `path`, and adds the person if it does not know them. A file that
    /// cannot be read is set aside with a warning. Blocks.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn open(self, path: &Path) -> io::Result<DeliveryLog> {
        let mut file = DeliveryFile::read(path)?;
        let mut is_new = false;
        let record = file.accounts.entry(self.account.clone());
        let record = record.or_insert_with(|| {
            is_new = true;
            Record {
                notice: self.notice,
                ..Record::default()
            }
        });
        if record.read_until.is_none() {
            is_new |= self.read_until.is_some();
            record.read_until = self.read_until;
        }
        if is_new {
            file.save(path)?;
        }
        Ok(DeliveryLog {
            account: self.account,
            file,
            is_changed: false,
        })
    }
}

impl DeliveryLog {
    /// Up to when the person has read their inbox.
    #[must_use]
    pub fn read_until(&self) -> Option<DateTime<Utc>> {
        self.record().read_until
    }

    /// Returns the file to save, if anything changed since the last call.
    #[must_use]
    pub fn changes(&mut self) -> Option<DeliveryFile> {
        std::mem::take(&mut self.is_changed).then(|| self.file.clone())
    }

    /// Remembers that the person has read their inbox up to `at`.
    pub fn mark_read(&mut self, at: DateTime<Utc>) {
        if self.record().read_until < Some(at) {
            self.record_mut().read_until = Some(at);
        }
    }

    /// Remembers which grants run. Call it after each update that was applied to the model, with
    /// the model's time after it.
    pub fn observe(&mut self, model: &Model, now: DateTime<Utc>) {
        let running = self.running(model, now);
        let is_old = |deadline: &DateTime<Utc>| *deadline + RETENTION <= now;
        let record = self.record();
        if running == record.running && !record.endings.values().any(is_old) {
            return;
        }
        let record = self.record_mut();
        record.endings.retain(|_, deadline| !is_old(deadline));
        record.running = running;
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
    pub fn mark_delivered(&mut self, delivered: &PendingNotification) {
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
        self.is_changed = true;
        let accounts = &mut self.file.accounts;
        accounts.entry(self.account.clone()).or_default()
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
        ..
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

#[cfg(test)]
mod tests;
