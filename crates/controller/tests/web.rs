//! Sign-in, OAuth and pages as browsers and clients meet them, in process on a real store.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub,
    reason = "tests: what fails says where"
)]

mod test_env;

mod web {
    mod about_resources;
    mod asking;
    mod authority;
    mod browser;
    mod connections;
    mod console;
    mod deputies;
    mod device;
    mod devices;
    mod edit_forms;
    mod editing;
    mod everyone;
    mod extending;
    mod forms;
    mod fresh;
    mod full_disk;
    mod gateways;
    mod known_browsers;
    mod lists;
    mod long_periods;
    #[cfg(target_os = "linux")]
    mod mail_env;
    #[cfg(target_os = "linux")]
    mod mail_pages;
    #[cfg(target_os = "linux")]
    mod mail_queue;
    #[cfg(target_os = "linux")]
    mod mail_security;
    #[cfg(target_os = "linux")]
    mod mail_sent;
    mod my_requests;
    mod oauth;
    mod operators;
    mod organisation_settings;
    #[cfg(target_os = "linux")]
    mod own_gain;
    mod page_authority;
    mod page_routes;
    mod page_sessions;
    mod page_targets;
    mod passwords;
    mod people;
    mod refused;
    mod reported;
    mod reviewing;
    mod revocation;
    mod revoking;
    mod session_kinds;
    mod sessions;
    mod sight;
    mod sign_in;
    mod summaries;
    mod tokens;
    mod two_step;
    mod two_step_required;
    mod unlocking;
    #[cfg(target_os = "linux")]
    mod ways_in;
}
