//! Starting with the session, as the operating system does it.

/// Starting the app when the person logs in.
pub trait StartAtLogin {
    /// Whether it does; `None` where this system offers no such thing.
    fn is_on(&self) -> Option<bool>;
    /// Makes it so, or not.
    ///
    /// # Errors
    /// A sentence that says what went wrong and what to do.
    fn set(&self, on: bool) -> Result<(), String>;
}
