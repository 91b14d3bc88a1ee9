//! The rules of access as properties: one module for each rule of `docs/RULES.md`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod rule_01_visibility;
mod rule_02_overrides;
mod rule_03_several_assignments;
mod rule_04_one_at_a_time;
mod rule_05_durations;
mod rule_06_nobody_to_themselves;
mod rule_07_changes;
mod rule_08_permits;
mod rule_09_governing;
mod rule_10_reasons;
mod rule_11_after_a_revocation;
mod rule_12_committed_states;
mod rule_13_time;
mod rule_14_enough_reviewers;
mod rules_doc;
mod strategies;
