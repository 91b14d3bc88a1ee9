//! The controller: the organisation's policy, requests, approvals, audit, API and pages.
//!
//! `access` holds what happens (ask, decide, end, and what follows from time and change), `api`
//! and `pages` are its two faces, `identity` and `oauth` say who is there, `organisation` applies
//! `ORG.toml`. `docs/ARCHITECTURE.md` walks through one request.

pub mod access;
pub mod api;
pub mod app;
pub mod budget;
pub mod clock;
pub mod config;
pub mod error;
pub mod gateways;
pub mod identity;
pub mod oauth;
pub mod organisation;
pub mod pages;
pub mod server;
pub mod stream;
