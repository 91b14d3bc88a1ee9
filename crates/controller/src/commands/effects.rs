//! What a change of the organisation does to people, as commands tell it.

use hourkey_domain::Time;
use hourkey_domain::organisation::Organisation;
use hourkey_domain::organisation::diff::{diff, sentences};
use hourkey_terminal as terminal;

/// Prints what `before` becoming `after` does to people, where it does anything.
pub(super) fn print_effects(
    before: &Organisation,
    after: &Organisation,
    now: Time,
) -> anyhow::Result<()> {
    let effects = sentences(&diff(before, after, now), before, after);
    if effects.is_empty() {
        return Ok(());
    }
    terminal::line("What this does to people:")?;
    for effect in effects {
        terminal::line(format_args!("  {effect}"))?;
    }
    Ok(())
}
