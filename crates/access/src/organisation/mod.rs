//! `ORG.toml`: the organisation in one file, read strictly, compared, and applied in one
//! transaction.

mod access;
pub mod apply;
pub mod file;
mod mistake;
pub mod plan;
pub mod preview;
mod reader;

pub use apply::{Applied, Refused, apply};
pub use file::OrgFile;
pub use mistake::Mistake;
pub use plan::Plan;
pub use preview::preview;
