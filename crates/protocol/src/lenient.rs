//! Values of a later version: a client reads what it does not know as unknown, and never refuses the
//! rest of the message for it.
//!
//! Enums of this crate have a variant `Unknown` for it. Those of the domain, whose rules know no
//! unknown, are read by the functions below.

use hourkey_domain::lock::{LockState, Why};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Reads a list without what this version does not know.
pub(crate) fn list<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let items = Vec::<Value>::deserialize(deserializer)?;
    let read = |item| serde_json::from_value(item).ok();
    Ok(items.into_iter().filter_map(read).collect())
}

/// Reads a value that falls back to its type's default where this version does not know it.
pub(crate) fn or_default<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}

/// Reads a lock; one in a later state is locked as far as this version can tell.
pub(crate) fn lock<'de, D: Deserializer<'de>>(deserializer: D) -> Result<LockState, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let unknown = LockState::Locked { why: Why::Unknown };
    Ok(serde_json::from_value(value).unwrap_or(unknown))
}
