//! `ORG.toml`: the organisation in one file, read strictly, compared, and applied in one
//! transaction.

mod access;
pub mod apply;
pub mod file;
pub mod plan;
mod reader;

pub use apply::{Refused, apply};
pub use file::{Mistake, OrgFile};
pub use plan::Plan;
