//! Systems whose browsers are set up by hand: macOS asks for an administrator.

use std::path::Path;

use super::system_proxy::SystemProxy;

/// Nothing.
pub struct ByHand;

impl ByHand {
    /// Nothing has to be remembered.
    pub fn new(_state: &Path) -> Self {
        Self
    }
}

impl SystemProxy for ByHand {
    fn is_here(&self) -> bool {
        false
    }

    fn follow(&mut self, _pac: &str) -> Result<(), String> {
        Err("Browsers are set up by hand here: paste the proxy script URL into them.".to_owned())
    }

    fn restore(&mut self) -> Result<(), String> {
        Ok(())
    }
}
