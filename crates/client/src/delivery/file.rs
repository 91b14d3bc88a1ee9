//! The state file of the delivery log.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use chrono::{DateTime, Utc};
use hourkey_domain::ids::{GrantId, NoticeId};
use serde::{Deserialize, Serialize};

use super::ending::Ending;

/// The whole state file, by account: a controller's origin and a user's id.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DeliveryFile {
    pub(super) accounts: BTreeMap<String, Record>,
}

/// What one person at one controller has been notified of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    /// The highest notice delivered.
    pub(super) notice: Option<NoticeId>,
    /// The endings delivered, with the deadline of each.
    pub(super) endings: BTreeMap<String, DateTime<Utc>>,
    /// The grants that run, as last known: their end is due even after a restart.
    pub(super) running: BTreeMap<GrantId, Ending>,
    /// Up to when the person has read their inbox.
    #[serde(default)]
    pub(super) read_until: Option<DateTime<Utc>>,
}

/// The file's name in earlier versions; it is read where there is no new one yet.
const EARLIER_NAME: &str = "told.json";

impl DeliveryFile {
    /// Replaces the file at `path`. Blocks until it is on disk.
    ///
    /// # Errors
    /// When it cannot be written; the old version stays.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        let json = serde_json::to_vec_pretty(self).map_err(io::Error::other)?;
        crate::file::replace(path, &json)
    }

    /// Reads the file at `path`, or the one that an earlier version left beside it.
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        for path in [path, &path.with_file_name(EARLIER_NAME)] {
            match std::fs::read(path) {
                Ok(json) => return Self::parse(path, &json),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self::default())
    }

    /// Parses a file; one that is damaged is set aside.
    fn parse(path: &Path, json: &[u8]) -> io::Result<Self> {
        serde_json::from_slice(json).or_else(|error| {
            let aside = path.with_extension("damaged");
            tracing::warn!(
                %error,
                file.path = %path.display(),
                file.kept_as = %aside.display(),
                "the delivery log is damaged; it is set aside, and a new one begun"
            );
            std::fs::rename(path, aside)?;
            Ok(Self::default())
        })
    }
}
