//! `ORG.toml`: the organisation in one file, read strictly, compared, and applied in one
//! transaction.

mod access;
mod apply;
mod comparison;
pub mod edit;
pub mod export;
pub mod file;
mod ids;
mod mistake;
pub mod plan;
mod reader;
mod spec;
mod warnings;

pub use comparison::{Applied, Comparison, Refused};
pub use file::OrgFile;
pub use ids::{Kind, Rename};
pub use mistake::Mistake;
pub use plan::Plan;
