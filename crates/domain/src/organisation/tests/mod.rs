//! The value against plain lists.

mod draw;
mod plain;
mod reads;
mod setters;
