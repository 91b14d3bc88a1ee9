//! What happens with access: asking, deciding, ending, and what follows from time and change.
//!
//! Each act is one write transaction (rule 12): it settles first what time has done already, asks
//! the domain, and keeps the new state with its audit entry, its change-log entry and the notices
//! of those who should be told. Functions whose names end in `_in` run inside a transaction that
//! the caller opened, with the time read there.

pub mod actor;
pub mod ask;
pub mod connections;
pub mod decide;
mod eligible;
pub mod end;
pub mod idempotency;
pub mod keep;
mod known;
pub mod permits;
pub mod reconcile;
pub mod rows;
pub mod show;
pub mod sweep;
pub mod unlock;
pub mod validate;
pub mod view;
