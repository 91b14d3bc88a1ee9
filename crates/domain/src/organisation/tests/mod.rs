//! The value against plain lists, and what is said of it.

mod change;
mod destinations;
mod differences;
mod draw;
mod effects;
mod everyone;
mod examples;
mod explanations;
mod findings;
mod leftovers;
mod lively;
mod models;
mod openers;
mod own_gains;
mod plain;
mod reads;
mod setters;
mod unseen;
