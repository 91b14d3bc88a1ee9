//! The proxy that browsers follow, as the operating system keeps it.

/// The proxy settings that this person's browsers follow.
pub trait SystemProxy {
    /// Whether there are such settings here, which need no administrator.
    fn is_here(&self) -> bool;
    /// Lets browsers follow this PAC file, if they follow nothing else.
    ///
    /// # Errors
    /// A sentence that says what went wrong and what to do.
    fn follow(&mut self, pac: &str) -> Result<(), String>;
    /// Puts back what was there before, also what a run that crashed left behind; what somebody
    /// changed since stays.
    ///
    /// # Errors
    /// A sentence that says what went wrong and what to do.
    fn restore(&mut self) -> Result<(), String>;
}
