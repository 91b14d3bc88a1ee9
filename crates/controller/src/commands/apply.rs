//! `apply`: makes the organisation what a file says.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, anyhow, bail};
use hourkey_access::directory::Directory;
use hourkey_access::organisation::{OrgFile, Plan, apply};
use hourkey_domain::text::lines_for_terminal;
use hourkey_terminal as terminal;

use super::opened::{Opened, told};

/// What to apply, and how.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The file: docs/admin/organisation.md describes it.
    file: PathBuf,
    /// Also remove what the file lacks.
    #[arg(long)]
    prune: bool,
    /// Apply without asking.
    #[arg(long)]
    yes: bool,
    /// Only show the difference.
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
}

/// Shows the difference, asks, applies.
pub(crate) async fn run(opened: &Opened, arguments: Arguments) -> anyhow::Result<()> {
    let path = arguments.file.display();
    let text = std::fs::read_to_string(&arguments.file)
        .with_context(|| format!("{path} cannot be read"))?;
    let file = OrgFile::parse(&text).map_err(|mistakes| {
        let lines: Vec<_> = mistakes
            .iter()
            .map(|mistake| format!("  {mistake}"))
            .collect();
        anyhow!(
            "nothing was applied, {path} has mistakes:\n{}",
            lines.join("\n")
        )
    })?;
    let today = Directory::default().current(&opened.store).await;
    let today = today.map_err(told)?;
    let plan = Plan::new(&today, &file, arguments.prune);
    terminal::print(lines_for_terminal(&plan.to_string()))?;
    if plan.is_empty() {
        terminal::line(format_args!(
            "Nothing to do: the organisation is what {path} says."
        ))?;
        return Ok(());
    }
    if arguments.dry_run {
        terminal::line("Nothing was applied (--dry-run).")?;
        return Ok(());
    }
    if !arguments.yes && !agreed()? {
        terminal::line("Nothing was applied.")?;
        return Ok(());
    }
    apply(
        &opened.store,
        file,
        arguments.prune,
        Some(plan),
        opened.now(),
    )
    .await
    .map_err(|refused| anyhow!("{refused}"))?;
    terminal::line("Applied.")?;
    Ok(())
}

fn agreed() -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!("nothing was applied: add --yes to apply without being asked");
    }
    terminal::print("Apply this? [y/N] ")?;
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
