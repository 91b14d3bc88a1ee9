//! The tokens of whoever signed in.

use std::collections::{BTreeMap, BTreeSet};

/// The tokens that are valid, and what is between authorization and token.
#[derive(Default)]
pub(super) struct Tokens {
    access: BTreeSet<String>,
    /// The family of each refresh token, by its number.
    refresh: BTreeMap<u32, u32>,
    last: u32,
    /// What the last authorization asked for.
    pub(super) challenge: String,
}

impl Tokens {
    /// The first tokens of a family: access and refresh.
    pub(super) fn sign_in(&mut self) -> (String, String) {
        self.issue(self.last + 1)
    }

    pub(super) fn forget_access(&mut self) {
        self.access.clear();
    }

    pub(super) fn knows(&self, access: &str) -> bool {
        self.access.contains(access)
    }

    /// New tokens of a family. The refresh token before stays valid until this one is used.
    fn issue(&mut self, family: u32) -> (String, String) {
        self.last += 1;
        let access = format!("access-{}", self.last);
        self.access.insert(access.clone());
        self.refresh.insert(self.last, family);
        (access, format!("refresh-{}", self.last))
    }

    /// The successors of a refresh token, whose first use ends those before it.
    pub(super) fn refresh(&mut self, token: &str) -> Option<(String, String)> {
        let used = token.strip_prefix("refresh-")?.parse().ok()?;
        let family = *self.refresh.get(&used)?;
        self.refresh
            .retain(|number, its| *its != family || *number >= used);
        Some(self.issue(family))
    }
}
