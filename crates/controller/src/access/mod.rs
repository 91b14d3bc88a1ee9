//! What happens with access: asking, deciding, ending, and what follows from time and change.
//!
//! Each act is one write transaction (rule 12) of three steps: `facts` loads what bears on one
//! user and one resource, settled to the moment; `domain::transition` decides what follows; and
//! `record` writes each transition with its audit entry, its change-log entry and its notices.
//! Functions whose names end in `_in` run inside a transaction that the caller opened, with the
//! time read there.

mod act;
pub mod actor;
pub mod ask;
pub mod connections;
pub mod decide;
mod eligible;
pub mod end;
mod facts;
pub mod idempotency;
mod notices;
pub mod permits;
pub mod presenter;
pub mod queries;
pub mod reconcile;
mod record;
pub mod resource_rows;
pub mod sweep;
pub mod unlock;
pub mod validate;
