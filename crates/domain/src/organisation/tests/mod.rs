//! The value against plain lists.

mod differences;
mod draw;
mod lively;
mod plain;
mod reads;
mod setters;
