//! What a column holds, and what it means: times, JSON, and the words of our enums.

use std::fmt::Display;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use hourkey_domain::length::Length;
use hourkey_domain::settings::{Approval, Mode, Period};
use hourkey_domain::visibility::Visibility;
use hourkey_protocol::account::SessionKind;
use hourkey_protocol::gateway::Ended;
use hourkey_store::StoreError;
use hourkey_store::account::Digest;
use hourkey_store::mail::{MailKind, MailSecurity};
use hourkey_store::second_factor::TwoStepFor;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Row, Sqlite, Type};

use crate::tx::failed;

/// An enum without fields, kept as a word.
pub(crate) trait DbEnum: Sized {
    fn db_name(self) -> &'static str;
    fn of(word: &str) -> Option<Self>;
}

macro_rules! words {
    ($kind:ident: $($variant:ident = $word:literal),*) => {
        impl DbEnum for $kind {
            fn db_name(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),*
                }
            }

            fn of(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

words!(Mode: Standing = "standing", AutoLock = "auto_lock", AccessRequest = "access_request");
words!(Approval: Manual = "manual", Automatic = "automatic");
words!(Ended: Closed = "closed", Client = "client", Destination = "destination", Permit = "permit", Device = "device", Stale = "stale", Mismatch = "mismatch", Stopped = "stopped", Lost = "lost");
words!(SessionKind: Browser = "browser", Desktop = "desktop", Cli = "cli", Headless = "headless");

/// Enums that know their words themselves.
macro_rules! named {
    ($($kind:ident),*) => {$(
        impl DbEnum for $kind {
            fn db_name(self) -> &'static str {
                self.as_str()
            }

            fn of(word: &str) -> Option<Self> {
                Self::of(word)
            }
        }
    )*};
}

named!(MailKind, MailSecurity, TwoStepFor, Visibility);

/// A moment as it is kept.
pub(crate) fn millis(time: DateTime<Utc>) -> i64 {
    time.timestamp_millis()
}

/// A period as its columns `period`, `period_seconds` and `recommended_seconds`.
pub(crate) fn period(period: Period) -> (&'static str, i64, Option<i64>) {
    match period {
        Period::Preset(length) => ("preset", length.seconds().into(), None),
        Period::Custom { up_to, recommended } => {
            let recommended = recommended.map(|length| length.seconds().into());
            ("custom", up_to.seconds().into(), recommended)
        }
    }
}

/// A value as JSON.
pub(crate) fn json<T: Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value)
        .map_err(|error| StoreError::Refused(format!("a value that is no JSON: {error}")))
}

/// Reads a row's columns as what they mean; what cannot be understood is [`StoreError::Corrupt`].
pub(crate) trait Columns {
    fn col<'r, T: Decode<'r, Sqlite> + Type<Sqlite>>(&'r self, name: &str)
    -> Result<T, StoreError>;

    fn time(&self, name: &str) -> Result<DateTime<Utc>, StoreError> {
        self.maybe_time(name)?
            .ok_or_else(|| unreadable(name, "no time"))
    }

    fn maybe_time(&self, name: &str) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.col::<Option<i64>>(name)?
            .map(|ms| DateTime::from_timestamp_millis(ms).ok_or_else(|| unreadable(name, ms)))
            .transpose()
    }

    fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T, StoreError> {
        serde_json::from_str(self.col(name)?).map_err(|error| unreadable(name, error))
    }

    fn maybe_json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, StoreError> {
        let text = self.col::<Option<&str>>(name)?;
        text.map(|text| serde_json::from_str(text).map_err(|error| unreadable(name, error)))
            .transpose()
    }

    fn parsed<T: FromStr<Err: Display>>(&self, name: &str) -> Result<T, StoreError> {
        self.col::<&str>(name)?
            .parse()
            .map_err(|error| unreadable(name, error))
    }

    fn length(&self, name: &str) -> Result<Length, StoreError> {
        self.maybe_length(name)?
            .ok_or_else(|| unreadable(name, "nothing"))
    }

    fn maybe_length(&self, name: &str) -> Result<Option<Length>, StoreError> {
        let length = self.col::<Option<i64>>(name)?.map(|seconds| {
            let seconds = u64::try_from(seconds).map_err(|error| unreadable(name, error))?;
            Length::from_seconds(seconds).map_err(|error| unreadable(name, error))
        });
        length.transpose()
    }

    fn db_enum<T: DbEnum>(&self, name: &str) -> Result<T, StoreError> {
        self.maybe_db_enum(name)?
            .ok_or_else(|| unreadable(name, "nothing"))
    }

    fn maybe_db_enum<T: DbEnum>(&self, name: &str) -> Result<Option<T>, StoreError> {
        self.col::<Option<&str>>(name)?
            .map(|word| T::of(word).ok_or_else(|| unreadable(name, word)))
            .transpose()
    }

    /// Reads the columns `period`, `period_seconds` and `recommended_seconds`.
    fn period(&self) -> Result<Option<Period>, StoreError> {
        match self.col::<Option<&str>>("period")? {
            None => Ok(None),
            Some("preset") => Ok(Some(Period::Preset(self.length("period_seconds")?))),
            Some("custom") => Ok(Some(Period::Custom {
                up_to: self.length("period_seconds")?,
                recommended: self.maybe_length("recommended_seconds")?,
            })),
            Some(word) => Err(unreadable("period", word)),
        }
    }

    fn digest(&self, name: &str) -> Result<Option<Digest>, StoreError> {
        self.col::<Option<&[u8]>>(name)?
            .map(|bytes| bytes.try_into().map_err(|error| unreadable(name, error)))
            .transpose()
    }
}

impl Columns for SqliteRow {
    fn col<'r, T: Decode<'r, Sqlite> + Type<Sqlite>>(
        &'r self,
        name: &str,
    ) -> Result<T, StoreError> {
        self.try_get(name).map_err(failed)
    }
}

pub(crate) fn unreadable(column: &str, what: impl Display) -> StoreError {
    StoreError::Corrupt(format!("column {column}: {what}"))
}
