//! What happens with access: asking, deciding, ending, and what follows from time and change. No
//! HTTP and no HTML: `hourkey-console` and `hourkey-controller` are the faces.
//!
//! Each act is one write transaction (rule 12) of three steps: `facts` loads what bears on one
//! user and one resource, settled to the moment; `domain::transition` decides what follows; and
//! `record` writes each transition with its audit entry, its change-log entry and its notices.
//! Functions whose names end in `_in` run inside a transaction that the caller opened, with the
//! time read there.
//!
//! `identity` says who is there, `organisation` applies `ORG.toml`, `directory` keeps the organisation as one value, and
//! tells what changed.
#![warn(missing_docs)]

mod act;
pub mod actor;
pub mod app;
pub mod ask;
pub mod ask_reviewers;
pub mod background;
pub mod budget;
pub mod clock;
pub mod config;
pub mod connections;
pub mod decide;
pub mod deputies;
pub mod directory;
pub mod download;
mod eligible;
pub mod end;
pub mod error;
pub mod explain;
mod facts;
pub mod gateways;
pub mod idempotency;
pub mod identity;
pub mod mail;
mod notices;
pub mod organisation;
pub mod overview;
pub mod presenter;
pub mod queries;
pub mod quota;
pub mod reconcile;
mod record;
pub mod resource_rows;
pub mod review_context;
pub mod shutdown;
pub mod sweep;
pub mod unlock;
pub mod validate;
