//! Systems for which starting at login is not written yet.

use super::start_at_login::StartAtLogin;

/// Offers nothing.
#[derive(Default)]
pub struct NotHere;

impl StartAtLogin for NotHere {
    fn is_on(&self) -> Option<bool> {
        None
    }

    fn set(&self, _on: bool) -> Result<(), String> {
        Err("Hourkey cannot do this on this system yet. Use the system's own settings.".to_owned())
    }
}
